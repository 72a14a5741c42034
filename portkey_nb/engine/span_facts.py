"""Runs as attributes of a span, in the words of OpenTelemetry's conventions for generative AI; imports nothing of it.

The words are those of the conventions of version 1.41 (opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans), which
name the provider ``gen_ai.provider.name``; the ``gen_ai.system`` of 1.36 and before is not written any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from portkey_nb.engine.plain import plain, to_json
from portkey_nb.engine.record import Run

SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0"
UNKNOWN_PROVIDER = "portkey"
"""What the provider is called while only the gateway knows who will answer."""
_PROVIDERS = {
    "azure-ai": "azure.ai.inference",
    "azure-openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "google": "gcp.gemini",
    "mistral-ai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "perplexity-ai": "perplexity",
    "vertex-ai": "gcp.vertex_ai",
    "x-ai": "x_ai",
}
"""Portkey's name -> the conventions' well-known one; any other is written as it is."""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _texts(value: Any) -> list[str] | None:
    found = [value] if isinstance(value, str) else value
    return list(found) if isinstance(found, list | tuple) and all(isinstance(one, str) for one in found) else None


_PARAMS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("temperature", "temperature", _number),
    ("top_p", "top_p", _number),
    ("top_k", "top_k", _number),
    ("frequency_penalty", "frequency_penalty", _number),
    ("presence_penalty", "presence_penalty", _number),
    ("max_tokens", "max_tokens", _count),
    ("max_completion_tokens", "max_tokens", _count),
    ("seed", "seed", _count),
    ("stop", "stop_sequences", _texts),
)
"""Request parameter -> what follows ``gen_ai.request.``, and how it is read."""
_USAGE = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_input_tokens": "cache_read.input_tokens",
    "cache_write_tokens": "cache_creation.input_tokens",
    "reasoning_tokens": "reasoning.output_tokens",
}
"""Column -> what follows ``gen_ai.usage.``; both mean input with what was cached, and output with reasoning."""
_OWN = (
    "run_id",
    "trace_id",
    "source",
    "group_id",
    "group_label",
    "parent_run_id",
    "notebook",
    "cell_id",
    "variant",
    "case_id",
    "repeat",
    "demo",
    "status",
    "cost_usd",
    "cached",
    "attempts",
    "queue_s",
    "gateway_retries",
    "gateway_target",
    "gateway_cache",
    "tokens_estimated",
)
"""Columns that the conventions have no word for; they follow ``portkey_nb.``."""


def provider_word(provider: str | None) -> str:
    """Return a provider's name in the conventions' words.

    Examples
    --------
    >>> provider_word("vertex-ai"), provider_word("openai"), provider_word(None)
    ('gcp.vertex_ai', 'openai', 'portkey')
    """
    return _PROVIDERS.get(provider or "", provider or UNKNOWN_PROVIDER)


def place(url: str) -> dict[str, Any]:
    """Return where a gateway is, as the attributes ``server.address`` and ``server.port``.

    Examples
    --------
    >>> place("https://api.portkey.ai/v1")
    {'server.address': 'api.portkey.ai', 'server.port': 443}
    """
    parts = urlsplit(url)
    if not parts.hostname:
        return {}
    return {"server.address": parts.hostname, "server.port": parts.port or (443 if parts.scheme == "https" else 80)}


def asked(run: Run, url: str) -> dict[str, Any]:
    """Return what is known of a run when it begins.

    Parameters
    ----------
    run : Run
    url : str
        The gateway's address.
    """
    params = run.params or {}
    found = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider_word(run.provider),
        "gen_ai.request.model": run.model,
        "gen_ai.request.stream": True if run.stream else None,
        "gen_ai.conversation.id": run.conversation_id,
        "gen_ai.output.type": _output(params.get("response_format")),
        **place(url),
        **_own(run),
    }
    choices = _count(params.get("n"))
    if choices != 1:
        found["gen_ai.request.choice.count"] = choices
    for name, word, read in _PARAMS:
        if name in params:
            found[f"gen_ai.request.{word}"] = read(params[name])
    return _known(found)


def answered(run: Run) -> dict[str, Any]:
    """Return what is known of a run when it has ended; of one that the run log answered, nothing that was spent."""
    spent = {
        "gen_ai.response.time_to_first_chunk": run.ttft_s,
        "http.response.status_code": run.http_status,
    }
    if not run.cached:  # by the gateway or a recording as little as by the run log
        spent.update({f"gen_ai.usage.{word}": getattr(run, name) for name, word in _USAGE.items()})
    found = {
        "gen_ai.provider.name": provider_word(run.provider),
        "gen_ai.response.model": run.model_response,
        "gen_ai.response.id": run.response_id,
        "gen_ai.response.finish_reasons": [run.finish_reason] if run.finish_reason else None,
        **({} if reused(run) else spent),
        "error.type": run.error_type,
        **_own(run),
    }
    return _known(found)


def reused(run: Run) -> bool:
    """Tell whether the run log answered, and nobody was asked."""
    return run.attempts == 0 and bool(run.cached)


def measured(run: Run, url: str) -> dict[str, Any]:
    """Return what a run's measurements are counted under: few values each, and nothing of one run alone."""
    return _known(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider_word(run.provider),
            "gen_ai.request.model": run.model,
            "gen_ai.response.model": run.model_response,
            **place(url),
        }
    )


def _own(run: Run) -> dict[str, Any]:
    return {f"portkey_nb.{name}": getattr(run, name) for name in _OWN}


def _known(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


def _output(wanted: Any) -> str | None:
    kind = str(wanted.get("type") or "") if isinstance(wanted, Mapping) else ""
    return "json" if kind.startswith("json") else "text" if kind == "text" else None


# What was said


def input_messages(run: Run) -> str:
    """Return what was sent, as the JSON of ``gen_ai.input.messages``; no image's data, and keys struck out."""
    return _json([{"role": str(message.get("role")), "parts": list(_parts(message))} for message in run.messages or ()])


def output_messages(run: Run) -> str:
    """Return what was answered, as the JSON of ``gen_ai.output.messages``."""
    message = {"content": run.text, "tool_calls": run.tool_calls}
    thought = [{"type": "reasoning", "content": run.reasoning}] if run.reasoning else []
    reason = "tool_call" if run.finish_reason == "tool_calls" else run.finish_reason or "error"
    return _json([{"role": "assistant", "parts": [*thought, *_parts(message)], "finish_reason": reason}])


def _json(messages: Sequence[Mapping[str, Any]]) -> str:
    return to_json(plain(messages, hide=True))


def _parts(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    content = message.get("content")
    if message.get("role") == "tool":
        yield {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content}
        return
    for part in content if isinstance(content, list) else [content] if content else []:
        yield _part(part)
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        yield {
            "type": "tool_call",
            "id": call.get("id"),
            "name": str(function.get("name") or ""),
            "arguments": _read(function.get("arguments")),
        }


def _part(part: Any) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        return {"type": "text", "content": str(part)}
    if part.get("type") == "text":
        return {"type": "text", "content": str(part.get("text") or "")}
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    if isinstance(url, str) and url.startswith(("http://", "https://")):
        return {"type": "uri", "modality": "image", "uri": url}
    # An image's bytes would be most of the trace.
    return {"type": str(part.get("type") or "unknown")}


def _read(arguments: Any) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments
