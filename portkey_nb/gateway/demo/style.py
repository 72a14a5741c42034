"""How each kind of model words a draft."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.draft import Draft, Question
from portkey_nb.gateway.demo.manner import sentences
from portkey_nb.gateway.demo.models import Style

__all__ = ["as_json", "named_keys", "worded"]

_RAMBLING_START = (
    "Okay, so, that's a good one.",
    "Sure thing! Let me think about this for a second.",
    "Ah, I was hoping somebody would ask.",
    "Well, there is a lot that could be said here.",
)
_RAMBLING_END = (
    "Anyway, I hope that helps! There is always more to say, but I will stop here before I lose the thread.",
    "That is at least how I would put it, though I do tend to go on a bit.",
    "Come to think of it, this touches on a few other things as well, but let us not get carried away.",
    "Hope that makes sense! Let me know if I should go over it again from the start.",
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
    if manner.language is not None:
        return _abroad(draft, manner.language)
    if manner.brief:
        return _joined(draft.lead, draft.block)
    style: Style = "bullets" if manner.bullets else question.model.style
    return _STYLES[style](draft, question.chance)


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


def _balanced(draft: Draft, chance: Chance) -> str:
    return _prose(draft, 3)


def _short(draft: Draft, chance: Chance) -> str:
    return _prose(draft, 1)


def _terse(draft: Draft, chance: Chance) -> str:
    return _joined(draft.lead, draft.block)


def _structured(draft: Draft, chance: Chance) -> str:
    if not draft.more and not draft.block:
        return draft.lead
    heading = f"## {draft.title}" if draft.title else ""
    points = "\n".join(f"{number}. {point}" for number, point in enumerate(draft.more, 1))
    return _joined(heading, draft.lead, draft.block, points, chance.pick(_CLOSING))


def _bullets(draft: Draft, chance: Chance) -> str:
    if not draft.more:
        return _joined(draft.lead, draft.block)
    points = "\n".join(f"- {point}" for point in draft.more[:4])
    if draft.block:
        return _joined(draft.lead, draft.block, points)
    lead = draft.lead if "**" in draft.lead or "$" in draft.lead else f"**{draft.lead}**"
    return f"- {lead}\n{points}"


def _rambling(draft: Draft, chance: Chance) -> str:
    start, end = chance.pick(_RAMBLING_START), chance.pick(_RAMBLING_END)
    return _joined(f"{start} {draft.lead}", draft.block, " ".join((*draft.more, end)))


_STYLES: Mapping[Style, Callable[[Draft, Chance], str]] = {
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


def as_json(draft: Draft, question: Question, *, fenced: bool) -> str:
    """Return a draft as JSON, under the keys that the question names, if any."""
    value = _keyed(draft, named_keys(question.text))
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return f"```json\n{text}\n```" if fenced else text


def named_keys(text: str) -> list[str]:
    """Return the JSON keys that a text asks for."""
    found = re.search(r"\b(?:keys?|fields?|properties)\b:?\s+(?:named |called )?(.{1,120})", text, re.I | re.S)
    if not found:
        return []
    names = re.split(
        r"\s*,\s*(?:and\s+)?|\s+and\s+", re.split(r"[.;:\n(]| (?:for|from|of|in|describing) ", found.group(1))[0]
    )
    keys = [re.sub(r"^[\"'`]+|[\"'`]+$", "", name.strip()) for name in names]
    return [key for key in keys if re.fullmatch(r"[A-Za-z_]\w{0,30}", key)]


def _keyed(draft: Draft, keys: Sequence[str]) -> dict[str, Any]:
    data = draft.data
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
