"""A conversation as rows to be shown: a row per message, tools folded into the answer they led to."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from portkey_nb.engine.headers import image_type
from portkey_nb.engine.images import image_text
from portkey_nb.engine.plain import mend
from portkey_nb.engine.record import Run
from portkey_nb.engine.summary import answering, column, money
from portkey_nb.gateway.conversation import Conversation, Turn
from portkey_nb.views import transcript as views
from portkey_nb.views.columns import Column
from portkey_nb.views.steps import Step

LARGEST_IMAGE = 300_000
"""Bytes of an image that is shown; of a larger one only what it is."""
_IMAGES_IN_ALL = 3_000_000
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of a turn.

    Attributes
    ----------
    turn_id : str
    run : Run or None
        The row of the run log; None where none is known.
    text : str
        As the conversation has it.
    chosen : bool
        Whether the conversation goes on from here.
    mark : {"ok", "interrupted"}
        How the turn ended.
    column : Column
        As it is shown: the model's name, text, steps, reasoning and footer.
    """

    turn_id: str
    run: Run | None
    text: str
    chosen: bool
    mark: str
    column: Column


@dataclass(frozen=True, kw_only=True)
class Row:
    """A message of the present branch, or an answer with the tools that led to it.

    Attributes
    ----------
    id : str
        ``turn_id:place``.
    turn_id : str
    place : int
        Of the message in its turn, from 0.
    role : str
    message : mapping
        As it is sent.
    answers : tuple of Answer
        Of a turn's answer: all that answer the same question side by side, oldest first.
    branch : tuple of int or None
        On the first row of a turn that has alternatives: which one it is, from 1, and how many there are.
    """

    id: str
    turn_id: str
    place: int
    role: str
    message: Mapping[str, Any]
    answers: tuple[Answer, ...] = ()
    branch: tuple[int, int] | None = None


def rows(conversation: Conversation, runs: Mapping[str, Run]) -> list[Row]:
    """Return the present branch as rows, without the system prompt.

    Parameters
    ----------
    conversation : Conversation
    runs : mapping
        Run id -> row of the run log, as far as known.
    """
    following: dict[str | None, list[Turn]] = {}
    for turn in conversation.turns:
        following.setdefault(turn.parent_id, []).append(turn)
    found: list[Row] = []
    for turn in conversation.path():
        beside = following[turn.parent_id]
        found += _rows_of(turn, beside, runs)
    return found


@dataclass(frozen=True)
class _Part:
    """The messages of a turn that make one row: where they begin, and those before the last."""

    start: int
    place: int
    role: str
    answer: bool


def _parts(turn: Turn) -> list[_Part]:
    """Take a turn apart; an assistant's calls, what tools gave and the answer are one part."""
    parts: list[_Part] = []
    messages, at = turn.messages, 0
    while at < len(messages):
        end = at
        if messages[at]["role"] == "assistant":
            while end + 1 < len(messages) and _goes_on(messages[end], messages[end + 1]):
                end += 1
        whole = messages[end]["role"] == "assistant"
        role = "assistant" if messages[at]["role"] == "assistant" else messages[at]["role"]
        parts.append(_Part(at, end, role, whole and end == len(messages) - 1))
        at = end + 1
    return parts


def _goes_on(message: Mapping[str, Any], following: Mapping[str, Any]) -> bool:
    gave = message["role"] == "tool"
    return gave or bool(message.get("tool_calls")) if following["role"] == "tool" else gave and _speaks(following)


def _speaks(message: Mapping[str, Any]) -> bool:
    return bool(message["role"] == "assistant")


def _rows_of(turn: Turn, beside: Sequence[Turn], runs: Mapping[str, Run]) -> list[Row]:
    groups = list(dict.fromkeys(other.group for other in beside))
    branch = (groups.index(turn.group) + 1, len(groups)) if len(groups) > 1 else None
    found: list[Row] = []
    for part in _parts(turn):
        answers: tuple[Answer, ...] = ()
        if part.answer:
            question = turn.messages[: part.start]
            group = [other for other in beside if other.group == turn.group]
            answers = tuple(_answer(other, runs, chosen=other is turn) for other in group if _answers(other, question))
        elif part.start != part.place:
            answers = (_given(turn, part),)
        found.append(
            Row(
                id=f"{turn.turn_id}:{part.place}",
                turn_id=turn.turn_id,
                place=part.place,
                role=part.role,
                message=turn.messages[part.place],
                answers=answers,
                branch=branch if not found else None,
            )
        )
    return found


def _answers(turn: Turn, question: Sequence[Mapping[str, Any]]) -> bool:
    parts = _parts(turn)
    return bool(parts) and parts[-1].answer and turn.messages[: parts[-1].start] == tuple(question)


def _answer(turn: Turn, runs: Mapping[str, Run], *, chosen: bool) -> Answer:
    part = _parts(turn)[-1]
    message = turn.messages[part.place]
    text = message_text(message)
    run = runs.get(turn.run_id or "")
    steps = _steps(turn.messages[part.start : part.place])
    if run is None:
        footer = "interrupted" if turn.mark == "interrupted" else ""
        shown = Column(label="assistant", text=text, footer=footer, steps=steps)
    else:
        shown = column(answering(run, run.variant) or "assistant", run.with_(text=text), as_json=_is_json(run, text))
        footers = [shown.footer]
        if turn.mark == "interrupted" and run.status != "interrupted":
            footers.append("interrupted")
        requests = 1 + sum(1 for one in turn.messages[part.start : part.place] if one["role"] == "assistant")
        if requests > 1:
            footers.append(f"the last of {requests} requests")
        shown = replace(shown, steps=steps, footer=" · ".join(part for part in footers if part))
    return Answer(turn_id=turn.turn_id, run=run, text=text, chosen=chosen, mark=turn.mark, column=shown)


def _given(turn: Turn, part: _Part) -> Answer:
    """Return tools and what they led to where they stand inside a turn, before its answer."""
    text = message_text(turn.messages[part.place]) if turn.messages[part.place]["role"] == "assistant" else ""
    end = part.place if text else part.place + 1
    shown = Column(label="assistant", text=text, steps=_steps(turn.messages[part.start : end]))
    return Answer(turn_id=turn.turn_id, run=None, text=text, chosen=True, mark=turn.mark, column=shown)


def _steps(messages: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return what was said and called on the way to an answer."""
    gave = {message.get("tool_call_id"): message_text(message) for message in messages if message["role"] == "tool"}
    found: list[Step] = []
    for message in messages:
        if message["role"] != "assistant":
            continue
        if text := message_text(message):
            found.append(Step(text=text))
        for called in message.get("tool_calls") or ():
            found.append(_call_step(called, gave))
    return tuple(found)


def _call_step(called: Any, gave: Mapping[Any, str]) -> Step:
    known = called if isinstance(called, Mapping) else {}
    function = known.get("function")
    function = function if isinstance(function, Mapping) else {}
    written = str(function.get("arguments") or "")
    return Step(
        name=mend(str(function.get("name") or "tool")),
        arguments=mend(_arguments(written)),
        result=gave.get(known.get("id"), ""),
    )


def _arguments(written: str) -> str:
    """Write a call's JSON as one would write it in Python: ``city='Paris'``."""
    try:
        given = json.loads(written or "{}")
    except (ValueError, RecursionError):
        return written
    if not isinstance(given, dict):
        return written
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def _is_json(run: Run, text: str) -> bool:
    """Tell whether an answer was asked to be JSON and is."""
    if "response_format" not in (run.params or {}) or text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def message_text(message: Mapping[str, Any]) -> str:
    """Return the text of a message; the parts of one that has several are joined by line breaks.

    Examples
    --------
    >>> message_text({"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image_url"}]})
    'Look'
    """
    content = message.get("content")
    if isinstance(content, str):
        return mend(content)
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    if not texts and isinstance(message.get("refusal"), str):
        texts = [message["refusal"]]
    return mend("\n".join(texts))


def message_images(message: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Return what of a message is no text: label and, for a small picture, a data URL that may be shown.

    An address is never loaded: asking for it would tell that, and where, the conversation is read.

    Returns
    -------
    list of (str, str or None)
        The URL is made anew of the bytes: PNG, JPEG, GIF or WebP of at most 300 KB.
    """
    content = message.get("content")
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return [_image(part) for part in parts if not isinstance(part.get("text"), str)]


def _image(part: Mapping[str, Any]) -> tuple[str, str | None]:
    given = part.get("image_url")
    url = given.get("url") if isinstance(given, Mapping) else given
    if not isinstance(url, str):
        return mend(str(part.get("type") or "attachment"))[:80], None
    if url[:5].lower() != "data:":
        try:
            host = urlsplit(url).hostname
        except ValueError:
            host = None
        return mend(f"image ({host})"[:200] if host else "image"), None
    head, _, body = url.partition(",")
    try:
        data = base64.b64decode(body, validate=True) if head.lower().endswith(";base64") else b""
    except (binascii.Error, ValueError):
        data = b""
    kind = image_type(data)
    if not data or kind is None:
        return "image of unknown type", None
    shown = kind in _SHOWN and len(data) <= LARGEST_IMAGE
    return image_text(data), f"data:{kind};base64,{base64.b64encode(data).decode()}" if shown else None


def totals_line(runs: Iterable[Run]) -> str:
    """Return the tokens and the cost of runs in words.

    Examples
    --------
    >>> totals_line([])
    ''
    """
    found = list(runs)
    if not found:
        return ""
    return " · ".join([_tokens(found), _cost(found)])


def _tokens(runs: Sequence[Run]) -> str:
    known = [_tokens_of(run) for run in runs]
    counted = [count for count in known if count is not None]
    if not counted:
        return "tokens n/a"
    about = "at least " if len(counted) < len(known) else "~" if any(run.tokens_estimated for run in runs) else ""
    return f"{about}{sum(counted):,} tokens"


def _tokens_of(run: Run) -> int | None:
    if run.input_tokens is None and run.output_tokens is None:
        return run.total_tokens if run.status != "error" else 0
    return (run.input_tokens or 0) + (run.output_tokens or 0)


def _cost(runs: Sequence[Run]) -> str:
    real = [run for run in runs if not run.demo]
    paid = [0.0 if run.cached else run.cost_usd for run in real if run.status != "error" or run.cost_usd is not None]
    priced = [cost for cost in paid if cost is not None]
    said = []
    if paid:
        least = "at least " if priced and len(priced) < len(paid) else ""
        said.append(f"{least}{money(sum(priced))}" if priced else money(None))
    if len(real) < len(runs):
        play = sum(run.cost_usd or 0.0 for run in runs if run.demo and not run.cached)
        said.append(f"{money(play)} of demo money")
    return " + ".join(said) or money(0.0)


def talk_heading(title: str, conversation: Conversation) -> dict[str, str]:
    """Return what stands for a conversation until its messages are rendered, in the forms of :func:`talk_bundle`.

    Parameters
    ----------
    title : str
        Its name.
    conversation : Conversation
    """
    count = sum(len(_parts(turn)) for turn in conversation.path())
    return views.heading_bundle(mend(title), f"{count} message{'' if count == 1 else 's'}")


def talk_bundle(title: str, conversation: Conversation, runs: Mapping[str, Run]) -> dict[str, str]:
    """Return a conversation's present branch as text/html, text/markdown and text/plain, without any script.

    Parameters
    ----------
    title : str
        Its name.
    conversation : Conversation
    runs : mapping
        Run id -> row of the run log, as far as known.
    """
    found = rows(conversation, runs)
    messages: list[views.Message] = []
    if conversation.system:
        messages.append(views.Message(role="system", text=mend(conversation.system)))
    room = _IMAGES_IN_ALL
    for place, row in enumerate(found):
        images = []
        for label, src in message_images(row.message):
            room -= len(src or "")
            images.append(views.Image(label=label, src=src if room > 0 else None))
        messages.append(_message(row, images, last=place == len(found) - 1))
    known = [run for turn in conversation.turns if (run := runs.get(turn.run_id or "")) is not None]
    return views.transcript_bundle(mend(title), messages, totals_line(known))


def _message(row: Row, images: Sequence[views.Image], *, last: bool) -> views.Message:
    note = f"{row.branch[0]} of {row.branch[1]} versions" if row.branch else ""
    columns = tuple(
        replace(answer.column, label=f"{answer.column.label} (continued)")
        if answer.chosen and len(row.answers) > 1 and not last
        else answer.column
        for answer in row.answers
    )
    text = "" if columns else message_text(row.message)
    return views.Message(role=mend(row.role), text=text, columns=columns, images=tuple(images), note=note)
