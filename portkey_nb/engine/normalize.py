"""What providers say each in their own way, brought to one meaning: finish reasons, token counts, reasoning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portkey_nb.engine.cost import UsageParts

_FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "function_call",
    # Anthropic
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    # Bedrock
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    # Mistral
    "model_length": "length",
    # Cohere
    "complete": "stop",
    "tool_call": "tool_calls",
    # Gemini
    "safety": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "language": "content_filter",
    "image_safety": "content_filter",
    "recitation": "content_filter",
}
"""Native reason in lower case -> OpenAI's word (after ``finishReasonMap.ts`` of Portkey's gateway 1.15.2)."""


def finish_reason(native: str | None, *, has_tool_calls: bool = False) -> str | None:
    """Return a finish reason in OpenAI's words.

    Parameters
    ----------
    native : str or None
        The reason as sent.
    has_tool_calls : bool
        Whether the answer calls tools; Gemini says ``stop`` then.

    Examples
    --------
    >>> finish_reason("end_turn"), finish_reason("MAX_TOKENS"), finish_reason(None)
    ('stop', 'length', None)
    """
    if native is None:
        return None
    mapped = _FINISH.get(native.lower(), "stop")
    return "tool_calls" if mapped == "stop" and has_tool_calls else mapped


def failed_finish(native: str | None) -> bool:
    """Tell whether a finish reason is an error in disguise, such as Anthropic's ``overloaded_error`` in mid-stream.

    Cohere ends a stream that failed with ``ERROR`` or ``TIMEOUT``, Mistral with ``error``.
    """
    return isinstance(native, str) and (native.endswith("_error") or native.lower() in ("error", "timeout"))


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def content_text(content: Any) -> str:
    """Return a message's content as text; of a list of parts, the text parts.

    Examples
    --------
    >>> content_text([{"type": "text", "text": "Hi"}]), content_text(None)
    ('Hi', '')
    """
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def usage_parts(usage: Mapping[str, Any] | None) -> UsageParts:
    """Bring a usage object to one meaning: input includes cached tokens, output includes reasoning.

    Parameters
    ----------
    usage : mapping or None
        ``usage`` as sent.

    Returns
    -------
    UsageParts
        Tokens; None where unknown.

    Notes
    -----
    Anthropic (gateway 1.15.2) leaves cache reads and writes out of ``prompt_tokens``, Gemini leaves thoughts out of
    ``completion_tokens``, and both put them into ``total_tokens``. What the total has beyond the two is therefore
    input where it equals the cache counts, and output otherwise.
    """
    if not isinstance(usage, Mapping) or not usage:
        return UsageParts(None, None, None, None, None)
    prompt, completion = _number(usage.get("prompt_tokens")), _number(usage.get("completion_tokens"))
    input_details = _mapping(usage.get("prompt_tokens_details"))
    output_details = _mapping(usage.get("completion_tokens_details"))
    read = _number(usage.get("cache_read_input_tokens"))
    cached = read if read is not None else _number(input_details.get("cached_tokens"))
    written = _number(usage.get("cache_creation_input_tokens"))
    reasoning = _number(output_details.get("reasoning_tokens"))
    total = _number(usage.get("total_tokens"))
    if prompt is not None and completion is not None and total is not None:
        extra = total - prompt - completion
        beside = (read or 0) + (written or 0)
        if extra > 0 and extra == beside:
            prompt += extra
        elif extra > 0:
            completion += extra
    return UsageParts(prompt, completion, cached, written, reasoning)


def reasoning_text(message: Mapping[str, Any]) -> str | None:
    """Return what the model thought aloud, from ``reasoning_content`` or Portkey's ``content_blocks``."""
    text = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(text, str) and text:
        return text
    blocks = message.get("content_blocks") or ()
    thoughts = [str(block["thinking"]) for block in blocks if isinstance(block, dict) and block.get("thinking")]
    return "\n\n".join(thoughts) or None


def delta_parts(delta: Mapping[str, Any]) -> tuple[str, str]:
    """Return the text and the reasoning that a delta adds; empty strings where it adds none."""
    text = content_text(delta.get("content"))
    thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
    if not thought and delta.get("content_blocks"):
        thought = "".join(
            str(_mapping(block.get("delta")).get("thinking") or "")
            for block in delta["content_blocks"]
            if isinstance(block, dict)
        )
    return text, thought if isinstance(thought, str) else ""


def message_text(message: Mapping[str, Any], stand_in: str | None = None) -> str:
    """Return a message's text; where a tool call stands in for a response format, that call's arguments.

    Parameters
    ----------
    message : mapping
    stand_in : str or None
        The name of that tool.

    Examples
    --------
    >>> call = {"type": "function", "function": {"name": "person", "arguments": '{"age": 36}'}}
    >>> message_text({"content": None, "tool_calls": [call]}, "person")
    '{"age": 36}'
    """
    text = content_text(message.get("content"))
    for call in message.get("tool_calls") or () if stand_in is not None else ():
        function = _mapping(_mapping(call).get("function"))
        if function.get("name") == stand_in:
            arguments = str(function.get("arguments") or "")
            return f"{text}\n\n```json\n{arguments}\n```" if text.strip() else arguments
    return text


class NamedCall:
    """Reads the arguments of one tool's call out of a stream's deltas.

    Parameters
    ----------
    name : str or None
        The tool; None reads nothing.
    """

    def __init__(self, name: str | None) -> None:
        self._name = name
        self._open: set[int] = set()

    def arguments(self, delta: Mapping[str, Any]) -> str:
        """Return what a delta adds to the arguments."""
        if self._name is None:
            return ""
        added = ""
        for call in delta.get("tool_calls") or ():
            function, index = _mapping(_mapping(call).get("function")), _mapping(call).get("index") or 0
            if function.get("name"):
                (self._open.add if function["name"] == self._name else self._open.discard)(index)
            if index in self._open:
                added += str(function.get("arguments") or "")
        return added
