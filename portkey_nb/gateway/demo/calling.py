"""Tools: which of them a question asks for, with which arguments, and what their results amount to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from portkey_nb.gateway.demo.chance import fingerprint
from portkey_nb.gateway.demo.draft import Draft, in_words
from portkey_nb.gateway.demo.findings import Findings, words_of
from portkey_nb.gateway.demo.instances import Hints, instance
from portkey_nb.gateway.demo.leaves import types_of
from portkey_nb.gateway.demo.parts import split_tasks
from portkey_nb.gateway.demo.subjects import kinds_for
from portkey_nb.gateway.demo.tokens import plain_text
from portkey_nb.gateway.demo.toolwords import STOPS, stem, stems

__all__ = ["Result", "Tool", "ToolCall", "planned_calls", "results_since", "told"]

_ENOUGH = 3.0
_MOST_CALLS = 8
_FEW = 4
_LONGEST = 400
_SHORT = 80
_SEAM = re.compile(
    r"(?<=[?!])\s+|\s*[,;]?\s+(?:and|then)\s+(?:also\s+)?(?=(?:what|how|who|when|where|is|the|tell|give|send|add|multiply|"
    r"divide|subtract|roll|convert|search|look|find|get|show|book|set)\b)",
    re.I,
)
_BETWEEN = re.compile(r"\W*(?:,|and|or|versus|vs\.?|&|\W)*\W*(?:in |for |to |of |at )?\W*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool of a request: its name, its description and the JSON schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: the tool's name, its arguments as JSON, and an id of 32 hexadecimal digits."""

    name: str
    arguments: str
    id: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same call as another."""
        try:
            return self.name, fingerprint(json.loads(self.arguments))
        except ValueError:
            return self.name, self.arguments


@dataclass(frozen=True, slots=True)
class Result:
    """A call that was made, and the text that came back."""

    call: ToolCall
    text: str


def results_since(messages: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Return the calls made since the last user message, each with its result, in their order."""
    start = max((place for place, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    calls: dict[str, ToolCall] = {}
    results = []
    for message in messages[start + 1 :]:
        for call in message.get("tool_calls") or ():
            function = call.get("function") or {}
            made = ToolCall(str(function.get("name")), str(function.get("arguments") or "{}"), str(call.get("id")))
            calls[made.id] = made
        if message.get("role") == "tool" and message.get("tool_call_id") in calls:
            results.append(Result(calls[message["tool_call_id"]], plain_text(message.get("content"))))
    return results


def planned_calls(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Tool],
    choice: str,
    *,
    parallel: bool,
    model: str,
    hints: Hints | None = None,
) -> list[ToolCall]:
    """Return the calls that a model makes next; none where it answers instead.

    Parameters
    ----------
    messages : sequence of mapping
        The conversation.
    choice : str
        ``"auto"``, ``"none"``, ``"required"``, or the name of the one tool to call.
    parallel : bool
        Whether several calls may come in one answer.
    hints : Hints, optional
        What is known beside the conversation, for a tool that has to be called.

    Notes
    -----
    A call whose result stands in the conversation already is never made again, so that every conversation ends.
    """
    said = [plain_text(message.get("content")) for message in messages if message.get("role") == "user"]
    if choice == "none" or not tools or not said:
        return []
    results = results_since(messages)
    if choice in ("auto", "required"):
        left = _new(_wanted(said[-1], tools), results)
        if not left and choice == "required":
            left = _new(_still_to_call(said, tools, results, hints or Hints()), results)
    else:
        forced = next(tool for tool in tools if tool.name == choice)
        left = _new(_calls_of(forced, said[-1], said, hints or Hints(), forced=True), results)
    left = left[: _MOST_CALLS if parallel else 1]
    return [
        ToolCall(call.name, call.arguments, fingerprint(model, len(messages), place, call.key)[:32])
        for place, call in enumerate(left)
    ]


def _new(calls: Iterable[ToolCall], results: Sequence[Result]) -> list[ToolCall]:
    """Return the calls, each once, whose result is not there yet."""
    done = {result.call.key for result in results}
    return [call for call in {call.key: call for call in calls}.values() if call.key not in done]


def _still_to_call(
    said: Sequence[str], tools: Sequence[Tool], results: Sequence[Result], hints: Hints
) -> Iterator[ToolCall]:
    """Yield calls of the tool that fits best among those not called yet, for where some tool has to be called."""
    called = {result.call.name for result in results}
    rest = [tool for tool in tools if tool.name not in called]
    if rest:
        # What tools gave is known by now, and may be what this one is to be told.
        text = "\n".join([said[-1], *(result.text for result in results)])
        yield from _calls_of(_fitting(said[-1], rest)[0][1], text, [*said, text], hints, forced=True)


def _wanted(text: str, tools: Sequence[Tool]) -> Iterator[ToolCall]:
    """Yield the calls that a question asks for by itself."""
    before: Tool | None = None
    for task in _tasks(text):
        fitting = [tool for score, tool in _fitting(task, tools) if score >= _ENOUGH]
        if not fitting and before is not None and len(task.split()) <= _FEW:
            # “... and in Rome?” leans on the task before it.
            fitting = [before]
        for tool in fitting:
            calls = list(_calls_of(tool, task, (text,), Hints(), forced=False))
            if calls:
                yield from calls
                before = tool
                break


def _tasks(text: str) -> list[str]:
    parts = [part for task in split_tasks(text) for part in _SEAM.split(task)]
    return [part for part in parts if part.strip()] or [text]


def _fitting(text: str, tools: Sequence[Tool]) -> list[tuple[float, Tool]]:
    """Return the tools with how well each fits a question, the best first."""
    asked = stems(text)
    bare = " ".join(re.findall(r"\w+", text.lower()))
    ranked = []
    for place, tool in enumerate(tools):
        name = {stem(word) for word in words_of(tool.name)} - STOPS
        told = {stem(word) for word in re.findall(r"[a-zà-ÿ]+", tool.description.lower())} - STOPS - name
        fields = tool.parameters.get("properties")
        keys = {stem(word) for key in (fields if isinstance(fields, Mapping) else ()) for word in words_of(str(key))}
        score = 3.0 * len(name & asked) + 1.5 * len(told & asked) + 0.5 * len((keys - STOPS - name - told) & asked)
        if re.search(rf"\b{re.escape(' '.join(words_of(tool.name)))}\b", bare) or tool.name.lower() in text.lower():
            score += 6.0
        ranked.append((-score, place, tool))
    return [(-score, tool) for score, _, tool in sorted(ranked, key=lambda one: one[:2])]


def _calls_of(tool: Tool, text: str, said: Sequence[str], hints: Hints, *, forced: bool) -> Iterator[ToolCall]:
    """Yield the calls of one tool: several where the text lists several things for its first field."""
    found = False
    for part in _each(tool, text):
        arguments = _arguments(tool, part)
        if arguments is None and len(said) > 1:
            # What the question leaves out may have been said before.
            arguments = _arguments(tool, f"{part}\n{said[-2]}")
        if arguments is not None:
            found = True
            yield ToolCall(tool.name, json.dumps(arguments, ensure_ascii=False))
    if not found and forced:
        filled = instance(tool.parameters, text, replace(hints, whole=text.strip())).value
        yield ToolCall(tool.name, json.dumps(filled if isinstance(filled, dict) else {}, ensure_ascii=False))


def _arguments(tool: Tool, text: str) -> dict[str, Any] | None:
    """Return the arguments that a text gives; None where it leaves out one that has to be there."""
    fields = tool.parameters.get("properties")
    fields = fields if isinstance(fields, Mapping) else {}
    filled = instance(tool.parameters, text, Hints(whole=_matter(text)))
    if not isinstance(filled.value, dict):
        return None
    for name in tool.parameters.get("required", ()):
        one = {"$defs": tool.parameters.get("$defs", {}), "type": "object"}
        alone = instance(
            {**one, "properties": {name: fields.get(name, {})}, "required": [name]}, text, Hints(whole=_matter(text))
        )
        if not alone.sure and not _settled(fields.get(name)):
            return None
    return filled.value


def _settled(schema: Any) -> bool:
    """Tell whether a field needs no reason: it has a default, or null or an empty list says enough."""
    if not isinstance(schema, Mapping):
        return True
    kinds = types_of(schema)
    branches = [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]
    nullable = any(isinstance(part, Mapping) and part.get("type") == "null" for part in branches)
    return (
        "default" in schema
        or "const" in schema
        or "null" in kinds
        or nullable
        or kinds == ["boolean"]
        or "enum" in schema
    )


def _matter(text: str) -> str:
    """Return what a question is about, without the words that ask."""
    found = re.search(
        r"\b(?:search|look(?:ing)?|google|find(?: out)?|query|information|articles?|papers?|documents?|docs)\b"
        r"[^:]{0,40}?\b(?:for|up|about|on|of)\b\s+(.+)",
        text,
        re.I | re.S,
    ) or re.search(r"^[^:\n]{3,60}:\s+(.+)", text, re.S)
    return (found.group(1) if found else text).strip().rstrip("?.! ")


def _each(tool: Tool, text: str) -> list[str]:
    """Cut a text that lists several things into one text for each, where the tool takes one at a time."""
    fields = tool.parameters.get("properties")
    if not isinstance(fields, Mapping):
        return [text]
    findings = Findings(text)
    names = [str(name) for name in (tool.parameters.get("required") or fields)]
    shared = [kind for name in names for kind in kinds_for(name)[:1]]
    for name in names:
        schema = fields.get(name)
        if not isinstance(schema, Mapping) or types_of(schema) != ["string"] or "enum" in schema:
            continue
        for kind in kinds_for(name, schema.get("format"))[:2]:
            spots = findings.of(kind)
            if len(spots) < 2 or shared.count(kinds_for(name)[0]) > 1 or kind in ("code", "symbol", "thing"):
                continue
            gaps = [text[one.end : other.start] for one, other in pairwise(spots)]
            if all(_BETWEEN.fullmatch(gap) for gap in gaps):
                head, tail = text[: spots[0].start], text[spots[-1].end :]
                return [f"{head}{text[spot.start : spot.end]}{tail}" for spot in spots]
    return [text]


def told(results: Sequence[Result]) -> Draft:
    """Return what the results of a round of calls amount to, in a sentence for each."""
    sentences = [_sentence(result) for result in results]
    values = [_value(result.text) for result in results]
    data = values[0] if len(values) == 1 else values
    short = str(values[0]) if len(values) == 1 and isinstance(values[0], (int, float, str)) else ""
    return Draft(
        lead=" ".join(sentences),
        short=short if len(short) <= 80 else "",
        data=data if isinstance(data, (dict, list)) else {"answer": data},
        light=True,
    )


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def _sentence(result: Result) -> str:
    value = _value(result.text)
    about = _about(result.call)
    wrong = _error(value)
    if wrong is not None:
        return f"The tool `{result.call.name}` failed{about}: {_cut(wrong).rstrip('.')}."
    if value in ("", None) or value == [] or value == {}:
        return f"`{result.call.name}` gave nothing{about}."
    if isinstance(value, str) and " " in value:
        return f"`{result.call.name}` says{about}: {_cut(value).rstrip('.')}."
    return f"`{result.call.name}` gives {_spoken(value)}{about}."


def _error(value: Any) -> str | None:
    """Return the message of a result that is an error."""
    if isinstance(value, dict) and isinstance(value.get("error"), (str, dict)) and value["error"]:
        error = value["error"]
        return str(error.get("message") or error) if isinstance(error, dict) else error
    if isinstance(value, str) and re.match(
        r"(?:error|exception|traceback|failed|failure|[A-Z]\w*(?:Error|Exception))\b", value, re.I
    ):
        return re.sub(r"^error:\s*", "", value, flags=re.I)
    return None


def _about(call: ToolCall) -> str:
    """Say what a call was about."""
    arguments = _value(call.arguments)
    if not isinstance(arguments, dict) or not arguments:
        return ""
    plain = {key: value for key, value in arguments.items() if isinstance(value, (str, int, float)) and value != ""}
    texts = [value for value in plain.values() if isinstance(value, str) and len(value) < _SHORT]
    if plain and len(texts) == len(plain):
        return f" for {', '.join(texts)}"
    shown = [f"{key} = {value}" for key, value in plain.items() if len(str(value)) < _SHORT]
    return f" for {in_words(shown)}" if shown else ""


def _spoken(value: Any) -> str:
    """Say a JSON value in words."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    if isinstance(value, dict):
        parts = [f"{' '.join(words_of(str(key))) or key} {_inner(item)}" for key, item in list(value.items())[:8]]
        return in_words([f"**{part}**" if len(value) == 1 else part for part in parts])
    if isinstance(value, list):
        shown = [_inner(item) for item in value[:6]]
        rest = f" and {len(value) - 6} more" if len(value) > 6 else ""
        return f"{len(value)} {'item' if len(value) == 1 else 'items'}: {', '.join(shown)}{rest}"
    return f"**{_cut(str(value))}**"


def _inner(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _cut(json.dumps(value, ensure_ascii=False))
    return str(_spoken(value)).strip("*") if isinstance(value, bool) or value is None else _cut(str(value))


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
