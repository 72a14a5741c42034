"""What a simulated model does with a request: it calls tools, fills a schema, or answers in its own words."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from portkey_nb.gateway.demo.calling import ToolCall, planned_calls, results_since, told
from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.draft import Draft
from portkey_nb.gateway.demo.images import described, pictures_of
from portkey_nb.gateway.demo.instances import Hints, instance
from portkey_nb.gateway.demo.models import DemoModel
from portkey_nb.gateway.demo.replies import compose, drafted, say
from portkey_nb.gateway.demo.request import ChatRequest
from portkey_nb.gateway.demo.thinking import thoughts
from portkey_nb.gateway.demo.tokens import count, pieces, plain_text
from portkey_nb.gateway.demo.wire import Choice

__all__ = ["speak"]


def speak(request: ChatRequest, model: DemoModel, provider: str, chance: Chance) -> Choice:
    """Return one choice of the answer to a request."""
    calls = _calls(request, model, chance)
    results = results_since(request.messages)
    asked = next((text for text in reversed(_said(request)) if text), "")
    if request.effort != "none":
        thought = thoughts(
            asked,
            request.effort,
            request.budget,
            calls,
            len(results),
            sums="arithmetic" not in model.weak_at,
        )
        left = None if request.max_tokens is None else request.max_tokens - len(thought)
        if left is not None and left <= 0:
            return Choice(parts=(), finish="length", thought=thought[: request.max_tokens])
        silent = replace(request, effort="none", max_tokens=left)
        return replace(speak(silent, model, provider, chance), thought=thought)
    if calls:
        names = " and ".join(dict.fromkeys(f"`{call.name}`" for call in calls))
        # Claude says what it is about to do; the others call without a word.
        said = (
            tuple(pieces(f"I will use {names} for that."))
            if provider == "anthropic" and request.tool_choice == "auto"
            else ()
        )
        return _within(said, tuple(calls), request)
    draft = _known(request, asked)
    if request.schema is not None:
        text = _filled(request, draft, model, chance)
    elif draft is not None:
        text = say(draft, request.messages, model, chance, json_mode=request.json_mode)
    else:
        text = compose(request.messages, model, chance, json_mode=request.json_mode)
    return _limited(text, request)


def _said(request: ChatRequest) -> list[str]:
    return [plain_text(message.get("content")) for message in request.messages if message.get("role") == "user"]


def _known(request: ChatRequest, asked: str) -> Draft | None:
    """Return what results of tools, or pictures, have to say; None where there are none."""
    results = results_since(request.messages)
    if results:
        return told(results)
    pictures = pictures_of(request.messages, asked)
    return described(pictures, asked) if pictures else None


def _calls(request: ChatRequest, model: DemoModel, chance: Chance) -> list[ToolCall]:
    if not request.tools or request.tool_choice == "none":
        return []
    forced = request.tool_choice not in ("auto", "required")
    hints = _hints(drafted(request.messages, model, chance)) if forced else None
    return planned_calls(
        request.messages,
        request.tools,
        request.tool_choice,
        parallel=request.parallel,
        model=model.name,
        hints=hints,
    )


def _filled(request: ChatRequest, draft: Draft | None, model: DemoModel, chance: Chance) -> str:
    """Return JSON that fits the schema of a request, from what was said and what the tools gave."""
    said = _said(request) or [""]
    results = [plain_text(message.get("content")) for message in request.messages if message.get("role") == "tool"]
    hints = _hints(draft or drafted(request.messages, model, chance))
    text = "\n".join([said[-1], *results])
    filled = instance(request.schema, text, hints)
    if not filled.sure and len(said) > 1:
        filled = instance(request.schema, "\n".join(said), hints)
    return json.dumps(filled.value, ensure_ascii=False)


def _hints(draft: Draft) -> Hints:
    """Return what a draft knows, in a form that fills fields."""
    prose = re.sub(r"\*\*|`", "", " ".join((draft.lead, *draft.more[:2])))
    admits = isinstance(draft.data, dict) and "simulated" in draft.data
    return Hints(data=None if admits else draft.data, short="" if admits else draft.short, prose=prose)


def _limited(text: str, request: ChatRequest) -> Choice:
    """Cut a reply at the first stop sequence and at the token limit."""
    places = [place for stop in request.stop if (place := text.find(stop)) >= 0]
    return _within(tuple(pieces(text[: min(places)] if places else text)), (), request)


def _within(parts: tuple[str, ...], calls: tuple[ToolCall, ...], request: ChatRequest) -> Choice:
    """Cut what is said, and what is called, at the token limit."""
    most = request.max_tokens
    whole = Choice(parts=parts, finish="tool_calls" if calls else "stop", calls=calls)
    if most is None or whole.written <= most:
        return whole
    if len(parts) >= most:
        return Choice(parts=parts[:most], finish="length")
    kept: list[ToolCall] = []
    for call in calls:
        left = most - Choice(parts=parts, finish="", calls=(*kept, ToolCall(call.name, ""))).written
        if left <= 0:
            break
        kept.append(ToolCall(call.name, "".join(pieces(call.arguments)[:left]), call.id))
        if left < count(call.arguments):
            break
    return Choice(parts=parts, finish="length", calls=tuple(kept))
