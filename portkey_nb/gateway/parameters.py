"""What the gateway makes of each request parameter on its way to a provider: kept, renamed, limited or dropped.

The facts stand in ``parameters.txt``, as a person can read them; ``tests/contract/test_parameters.py`` derives them
anew from the running gateway. Nothing in an answer tells that a parameter was lost: this room does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from portkey_nb.gateway.provider_facts import VERSION, Row, row_of, table

__all__ = ["VERSION", "Alteration", "altered", "keeps", "lost_in_messages", "needed", "prepared", "table"]

_NOT_PARAMETERS = frozenset({"model", "messages", "stream"})
_NOTHING_LOST: Mapping[str, tuple[Any, ...]] = {
    "echo": (False,),
    "frequency_penalty": (0,),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "metadata": ({},),
    "modalities": (["text"],),
    "n": (1,),
    "parallel_tool_calls": (True,),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "safe_prompt": (False,),
    "service_tier": ("auto", "default"),
    "stop": ([], ""),
    "store": (False,),
    "tool_choice": ("auto",),
    "tools": ([],),
    "top_logprobs": (0,),
    "top_p": (1,),
    "verbosity": ("medium",),
}
"""Values that ask for what happens anyway (defaults of the OpenAI API): dropping them changes nothing."""
_USAGE_ANYWAY = frozenset({"anthropic", "bedrock", "cohere", "google", "vertex-ai"})
"""Providers whose streams tell their usage without ``stream_options`` (observed with 1.15.2)."""
_LOST_THINGS = {
    "audio": "recording{s} on the way to {provider}",
    "later_system": "system message{s} on the way to {provider}, which takes one alone, in first place",
    "name": "`name`{s} on the way to {provider}",
    "text_beside_tool_calls": "text{s} beside tool calls on the way to {provider}",
    "tool_calls": "tool call{s} on the way to {provider}, and which result is whose",
    "tool_name": "name{s} of tools on the way to {provider}; add `name` to messages of role tool",
}
"""Word of the table -> what the messages lose, after a number."""
_NONE_DROPPED = frozenset({("tool_choice", "toolConfig"), ("reasoning_effort", "generationConfig")})
"""Parameter and place in the provider's request where the word ``none`` does not arrive (observed)."""
_SCHEMAS = frozenset({"schema", "parameters", "input_schema", "default", "const", "example"})
"""Keys below which stands a JSON schema or a part of one, where a null is a value."""


@dataclass(frozen=True)
class Alteration:
    """One thing that does not arrive as it was asked for.

    Attributes
    ----------
    parameter : str
        Its name; ``messages`` for what the conversation loses.
    kind : {"dropped", "limited", "partial"}
        Whether it is gone, moved into a range, or arrives with something missing.
    value : object
        What was asked for.
    provider : str
    text : str
        What follows the name in a sentence: ``is dropped by anthropic``.
    """

    parameter: str
    kind: Literal["dropped", "limited", "partial"]
    value: Any
    provider: str
    text: str

    @property
    def sentence(self) -> str:
        """The whole of it, with the name in backquotes as in Markdown."""
        return f"`{self.parameter}` {self.text}"


def altered(
    provider: str | None, params: Mapping[str, Any], *, gateway: str = VERSION, model: str | None = None
) -> tuple[Alteration, ...]:
    """Tell which parameters will not arrive as they are set; empty where nothing is lost, or nothing is known.

    A new name alone is no loss, nor is a dropped value that asks for what happens anyway (``n=1``).

    Parameters
    ----------
    provider : str or None
        As in the option ``provider``; a slug of the model catalogue tells nothing.
    params : mapping
        Request parameters, as they will be sent.
    gateway : {"1.15.2", "2.x"}
        Which gateway it goes through: the open-source one (observed) or the hosted one (read in its source).
    model : str, optional
        Decides where a provider treats families of models apart (``bedrock``, ``vertex-ai``).

    Examples
    --------
    >>> for one in altered("anthropic", {"temperature": 1.5, "top_p": 0.9, "response_format": {"type": "json_object"}}):
    ...     print(one.sentence)
    `temperature` 1.5 is limited to 1 by anthropic
    `response_format` is dropped by anthropic
    """
    row = row_of(provider, gateway, model)
    if provider is None or row is None:
        return ()
    found = (
        _fate(provider, row, name, value, params)
        for name, value in params.items()
        if value is not None and name not in _NOT_PARAMETERS
    )
    return tuple(one for one in found if one is not None)


def _fate(provider: str, row: Row, name: str, value: Any, params: Mapping[str, Any]) -> Alteration | None:
    cell = row.cells.get(name)
    if cell is None:
        if _changes_nothing(provider, name, value):
            return None
        return Alteration(name, "dropped", value, provider, f"is dropped by {provider}")
    winner = _winner(row, name, params)
    if winner:
        text = f"{_short(value)} gives way to `{winner}` {_short(params[winner])} at {provider}"
        return Alteration(name, "dropped", value, provider, text)
    if isinstance(value, int | float) and not isinstance(value, bool) and cell.limit(value) is not value:
        text = f"{_short(value)} is limited to {cell.limit(value)} by {provider}"
        return Alteration(name, "limited", value, provider, text)
    return _loss_in_part(provider, row, name, value, params)


def _changes_nothing(provider: str, name: str, value: Any) -> bool:
    if name == "stream_options":
        return provider in _USAGE_ANYWAY and isinstance(value, Mapping) and set(value) <= {"include_usage"}
    return any(
        value == same and isinstance(value, bool) == isinstance(same, bool) for same in _NOTHING_LOST.get(name, ())
    )


def _winner(row: Row, name: str, params: Mapping[str, Any]) -> str | None:
    """Return the parameter that takes the place of this one, where both are set and only one can arrive."""
    pair = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
    other = pair.get(name, "")
    if other not in row.cells or params.get(other) in (None, params[name]):
        return None
    place = row.cells[name].place
    if row.cells[other].place != place:
        return None
    winner = "max_tokens" if place.startswith("inferenceConfig") else "max_completion_tokens"
    return other if other == winner else None


def _loss_in_part(provider: str, row: Row, name: str, value: Any, params: Mapping[str, Any]) -> Alteration | None:
    """Tell what a kept parameter loses for this very value, as it was observed behind the gateway."""
    place, text = row.cells[name].place, ""
    fields = value if isinstance(value, Mapping) else {}
    if value == "none" and (name, place.partition(".")[0]) in _NONE_DROPPED:
        return Alteration(name, "dropped", value, provider, f"none is dropped by {provider}")
    if name == "frequency_penalty" and place == "repetition_penalty":
        text = f"{_short(value)} reaches {provider} as `repetition_penalty`, which means something else"
    elif name == "tool_choice" and provider == "cohere" and fields and len(_items(params.get("tools"))) > 1:
        text = "reaches cohere as `required`, without the function's name"
    elif name == "thinking" and place.startswith("generationConfig") and fields.get("type") == "adaptive":
        text = f"adaptive is taken for disabled by {provider}"
    elif name == "thinking" and place == "think" and "budget_tokens" in fields:
        text = f"reaches {provider} without budget_tokens"
    elif name == "tools" and row.cells[name].reshaped and any(_is_strict(tool) for tool in _items(value)):
        text = f"reach {provider} without `strict`"
    return Alteration(name, "partial", value, provider, text) if text else None


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _is_strict(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return isinstance(function, Mapping) and function.get("strict") is True


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else text[:39] + "…"


def lost_in_messages(
    provider: str | None, messages: Sequence[Any], *, gateway: str = VERSION, model: str | None = None
) -> tuple[Alteration, ...]:
    """Tell what of a conversation will not reach the provider; empty where nothing is lost, or nothing is known.

    Examples
    --------
    >>> system = {"role": "system", "content": "Be terse."}
    >>> [one.text for one in lost_in_messages("google", [system, system, {"role": "user", "content": "Hello"}])]
    ['lose 1 system message on the way to google, which takes one alone, in first place']
    """
    row = row_of(provider, gateway, model)
    if provider is None or row is None or not row.lost:
        return ()
    found = (
        _loss_of(word, provider, [message for message in messages if isinstance(message, Mapping)])
        for word in sorted(row.lost)
    )
    return tuple(Alteration("messages", "partial", messages, provider, text) for text in found if text)


def _loss_of(word: str, provider: str, messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the sentence for one of the table's words about messages, empty where these messages lose nothing."""
    counts = {
        "audio": sum(_has_part(message, "input_audio") for message in messages),
        "later_system": sum(message.get("role") in ("system", "developer") for message in messages[1:]),
        "name": sum(bool(message.get("name")) and message.get("role") != "tool" for message in messages),
        "text_beside_tool_calls": sum(bool(one.get("content") and one.get("tool_calls")) for one in messages),
        "tool_calls": sum(len(_items(message.get("tool_calls"))) for message in messages),
        "tool_name": sum(message.get("role") == "tool" and not message.get("name") for message in messages),
    }
    number = counts[word]
    things = _LOST_THINGS[word].format(s="" if number == 1 else "s", provider=provider)
    return f"lose {number} {things}" if number else ""


def _has_part(message: Mapping[str, Any], kind: str) -> bool:
    parts = message.get("content")
    return isinstance(parts, list) and any(isinstance(part, Mapping) and part.get("type") == kind for part in parts)


def keeps(provider: str | None, parameter: str, *, gateway: str = VERSION, model: str | None = None) -> bool:
    """Tell whether a parameter reaches the provider at all; True where nothing is known.

    >>> keeps("anthropic", "response_format"), keeps("anthropic", "response_format", gateway="2.x")
    (False, True)
    """
    row = row_of(provider, gateway, model)
    return row is None or parameter in row.cells


def needed(provider: str | None, *, model: str | None = None) -> tuple[str, ...]:
    """Return the parameters without which the provider refuses a request.

    >>> needed("anthropic"), needed("openai")
    (('max_tokens',), ())
    """
    row = row_of(provider, VERSION, model)
    return tuple(name for name, cell in row.cells.items() if cell.needed) if row else ()


def prepared(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as every provider understands them: ``stop`` as a list, and no nulls.

    The gateway hands nulls on, and a text as ``stop`` stays one where the provider wants a list (observed). Nulls in a
    list and in a JSON schema are values, and stay.

    >>> prepared({"stop": "END", "seed": None, "thinking": {"type": "enabled", "budget_tokens": None}})
    {'stop': ['END'], 'thinking': {'type': 'enabled'}}
    """
    found = {name: _without_nulls(_plain(value)) for name, value in params.items() if value is not None}
    if isinstance(found.get("stop"), str):
        found["stop"] = [found["stop"]]
    return found


def _plain(value: Any) -> Any:
    """Return numpy's arrays and numbers as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: inner if name in _SCHEMAS else _without_nulls(inner)
            for name, inner in value.items()
            if inner is not None
        }
    if isinstance(value, list | tuple):
        return [_without_nulls(inner) for inner in value]
    return value
