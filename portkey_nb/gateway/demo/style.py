"""How each kind of model words a draft."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from portkey_nb.gateway.demo.chance import rotated
from portkey_nb.gateway.demo.draft import Draft, Question
from portkey_nb.gateway.demo.lengths import as_points, as_sentences, as_words
from portkey_nb.gateway.demo.manner import sentences
from portkey_nb.gateway.demo.models import Style

__all__ = ["as_json", "framed", "named_keys", "worded"]

_RAMBLING_START = (
    "Okay, so, that's a good one.",
    "Sure thing! Let me think about this for a second.",
    "Ah, I was hoping somebody would ask.",
    "Well, there is a lot that could be said here.",
    "Right, let me see what I remember.",
    "Hm, where do I begin?",
    "Oh, nice, I like this kind of question.",
)
_RAMBLING_END = (
    "Anyway, I hope that helps! There is always more to say, but I will stop here before I lose the thread.",
    "That is at least how I would put it, though I do tend to go on a bit.",
    "Come to think of it, this touches on a few other things as well, but let us not get carried away.",
    "Hope that makes sense! Let me know if I should go over it again from the start.",
    "There, that was longer than I meant it to be, but better too much than too little, I always say.",
)
_CLOSING = (
    "Tell me if you would like one of these points in more depth.",
    "I kept this to the essentials; I can go further where it helps.",
    "If your case differs from the usual one, say how, and I will adapt this.",
)


def worded(draft: Draft, question: Question) -> str:
    """Word a draft as the question's model does, or as its manner demands."""
    manner = question.manner
    if manner.one_word:
        return draft.short or _first_word(draft.lead)
    if draft.exact:
        return draft.lead
    if manner.code_only and draft.block:
        return draft.block
    if manner.language is not None:
        return _abroad(draft, manner.language)
    if manner.measured and "```" not in draft.block:
        return _measured(draft, question)
    if draft.light:
        most = {"short": 1, "terse": 0, "rambling": 3}.get(question.model.style, 2)
        return _prose(draft, most)
    if manner.brief:
        return _joined(draft.lead, draft.block)
    style: Style = "bullets" if manner.bullets else question.model.style
    return _STYLES[style](draft, question)


def framed(text: str, question: Question) -> str:
    """Put the answers to several tasks between a talkative model's remarks."""
    if question.model.style != "rambling":
        return text
    start, end = _remarks(question)
    return _joined(start, text, end)


def _measured(draft: Draft, question: Question) -> str:
    manner = question.manner
    # A heading or a list has no place in what is counted; the models differ in what they say after the lead.
    rest = rotated(draft.more, question.model.name) if draft.more else []
    said = [part for text in (draft.lead, *rest) for part in sentences(text)]
    if draft.block and not draft.more and manner.points is not None:
        items = re.findall(r"^\s*(?:\d+\.|-)\s+(.+)$", draft.block, re.M)
        return as_points(items or said, manner.points)
    if manner.points is not None:
        return as_points(said, manner.points)
    if manner.words is not None:
        return as_words(said, manner.words)
    return as_sentences(said, manner.sentences or 1)


def _first_word(text: str) -> str:
    found = re.search(r"[\w'’-]+", text)
    return found.group(0) if found else text


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _prose(draft: Draft, most: int) -> str:
    more = " ".join(draft.more[:most])
    if draft.block and not draft.lead.endswith("."):
        # The sentence leads up to the block.
        return _joined(draft.lead, draft.block, more)
    return _joined(f"{draft.lead} {more}".strip(), draft.block)


def _balanced(draft: Draft, question: Question) -> str:
    return _prose(draft, 3)


def _short(draft: Draft, question: Question) -> str:
    return _prose(draft, 1)


def _terse(draft: Draft, question: Question) -> str:
    return _joined(draft.lead, draft.block)


def _structured(draft: Draft, question: Question) -> str:
    heading = f"## {draft.title}" if draft.title else ""
    if len(draft.more) < 2:
        # One remark makes no list, and a bare fact needs no heading.
        heading = heading if draft.block else ""
        return _joined(heading, _prose(draft, 1))
    points = "\n".join(f"{number}. {point}" for number, point in enumerate(draft.more, 1))
    closing = question.chance.pick(rotated(_CLOSING, question.lower)) if question.alone else ""
    return _joined(heading, draft.lead, draft.block, points, closing)


def _bullets(draft: Draft, question: Question) -> str:
    if not draft.more:
        return _joined(draft.lead, draft.block)
    points = "\n".join(f"- {point}" for point in draft.more[:4])
    if draft.block:
        return _joined(draft.lead, draft.block, points)
    lead = draft.lead if "**" in draft.lead or "$" in draft.lead else f"**{draft.lead}**"
    return f"- {lead}\n{points}"


def _rambling(draft: Draft, question: Question) -> str:
    if not question.alone:
        return _joined(draft.lead, draft.block, " ".join(draft.more))
    start, end = _remarks(question)
    return _joined(f"{start} {draft.lead}", draft.block, " ".join((*draft.more, end)))


def _remarks(question: Question) -> tuple[str, str]:
    asked = question.lower
    start = question.chance.pick(rotated(_RAMBLING_START, asked))
    return start, question.chance.pick(rotated(_RAMBLING_END, asked))


_STYLES: Mapping[Style, Callable[[Draft, Question], str]] = {
    "balanced": _balanced,
    "short": _short,
    "terse": _terse,
    "structured": _structured,
    "bullets": _bullets,
    "rambling": _rambling,
}

_ABROAD = {
    "German": (
        "Die Antwort lautet: **{short}**.",
        "Ich bin nur ein simuliertes Modell und spreche kaum Deutsch. Hier ist die Antwort im englischen Original:",
    ),
    "French": (
        "La réponse est : **{short}**.",
        "Je ne suis qu'un modèle simulé et je parle à peine français. Voici la réponse dans l'original anglais :",
    ),
    "Spanish": (
        "La respuesta es: **{short}**.",
        "Solo soy un modelo simulado y apenas hablo español. Aquí está la respuesta en el original inglés:",
    ),
    "Italian": (
        "La risposta è: **{short}**.",
        "Sono solo un modello simulato e parlo a malapena italiano. Ecco la risposta nell'originale inglese:",
    ),
}


def _abroad(draft: Draft, language: str) -> str:
    answer, excuse = _ABROAD[language]
    if draft.short:
        return _joined(answer.format(short=draft.short), draft.block)
    quoted = "\n".join(f"> {sentence}" for sentence in sentences(" ".join((draft.lead, *draft.more[:2]))))
    return _joined(excuse, quoted, draft.block)


def as_json(draft: Draft, question: Question, *, fenced: bool, as_object: bool = False) -> str:
    """Return a draft as JSON, under the keys that the question names, if any."""
    keys = named_keys(question.text)
    wants_array = re.search(r"\bjson (?:array|list)\b", question.lower) is not None and not as_object
    value = draft.data if wants_array and isinstance(draft.data, list) and not keys else _keyed(draft, keys)
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return f"```json\n{text}\n```" if fenced else text


def named_keys(text: str) -> list[str]:
    """Return the JSON keys that a text asks for."""
    found = re.search(r"\b(?:keys?|fields?|properties)\b:?\s+(?:named |called )?(.{1,120})", text, re.I | re.S)
    if not found:
        found = re.search(r"\bjson\b(?: object)? (?:with|containing|of)\s+(?:the |an? )?(.{1,120})", text, re.I | re.S)
    if not found:
        return []
    names = re.split(
        r"\s*,\s*(?:and\s+)?|\s+and\s+", re.split(r"[.;:\n(]| (?:for|from|of|in|describing)\b", found.group(1))[0]
    )
    keys = [re.sub(r"^[\"'`]+|[\"'`]+$", "", name.strip()) for name in names]
    return [key for key in keys if re.fullmatch(r"[A-Za-z_]\w{0,30}", key)]


def _keyed(draft: Draft, keys: Sequence[str]) -> dict[str, Any]:
    data = draft.data
    if isinstance(data, dict) and data.get("simulated") and "topic" in data and keys:
        # What is not known is null under every key.
        return dict.fromkeys(keys)
    if isinstance(data, dict):
        return _renamed(data, keys)
    if isinstance(data, list):
        return {keys[0] if keys else "items": data}
    answer = data if data is not None else draft.short or draft.lead
    rest = dict.fromkeys(keys[1:], " ".join(draft.more) or draft.lead)
    return {keys[0] if keys else "answer": answer} | rest


def _renamed(data: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    if not keys:
        return dict(data)
    spare = iter([value for key, value in data.items() if key not in keys])
    return {key: data[key] if key in data else next(spare, None) for key in keys}
