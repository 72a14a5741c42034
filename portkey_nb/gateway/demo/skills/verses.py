"""Haiku, poems, limericks, jokes and very short stories: on the subject that is asked for, each model its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from portkey_nb.gateway.demo.chance import rotated
from portkey_nb.gateway.demo.draft import Draft, Question, exactly
from portkey_nb.gateway.demo.skills import verse_texts as texts

_ABOUT = re.compile(
    r"\b(?:about|on|for|of|featuring|involving)\s+(?!me\b)(?P<topic>(?:an? |the |my |our )?[\w' -]{2,40}?)"
    r"(?=\s+(?:in|with|that|who|using|as|and|please|which)\b|[.,;:?!\n]|$)",
    re.I,
)
_KINDS: Sequence[tuple[str, Mapping[str, Sequence[str]], Sequence[str]]] = (
    (r"\bhaikus?\b", texts.HAIKU, texts.ANY_HAIKU),
    (r"\blimericks?\b", texts.LIMERICKS, texts.ANY_LIMERICK),
    (r"\b(?:poems?|verses?|sonnet|rhyme)\b(?! with)", texts.POEMS, texts.ANY_POEM),
)


def recite(question: Question) -> Draft | None:
    """Recite something of the kind that is asked for."""
    asked = question.lower
    if len(asked) > 300:
        return None
    for kind, known, general in _KINDS:
        if re.search(kind, asked) and not re.match(r"(?:what|who|how|why|when)\b", asked):
            return _verse(_fitting(question, known, general), question)
    if re.search(r"\bjokes?\b|\bmake me laugh\b|\bsomething funny\b", asked):
        return exactly(question.own(texts.JOKES))
    if re.search(r"\b(?:fun|interesting|random|surprising) facts?\b", asked):
        return exactly(question.own(texts.FUN_FACTS))
    if re.search(r"\b(?:story|tale)\b", asked) and re.search(r"\b(?:write|tell|short|make)\b", asked):
        return _story(question)
    if re.search(r"\b(?:flip|toss) a coin\b|\bheads or tails\b", asked):
        return exactly(question.chance.pick(("Heads.", "Tails.")))
    if re.search(r"\brandom number\b|\broll a (?:die|dice)\b", asked):
        return _random(asked, question)
    return None


def _topic(question: Question) -> str:
    found = _ABOUT.search(question.text)
    return re.sub(r"^my ", "your ", found["topic"].strip(), flags=re.I) if found else ""


def _fitting(question: Question, known: Mapping[str, Sequence[str]], general: Sequence[str]) -> list[str]:
    topic = _topic(question)
    place = (topic or question.lower).lower()
    fitting = [
        text for pattern, options in known.items() if re.search(rf"\b(?:{pattern})\b", place) for text in options
    ]
    if fitting:
        return fitting
    if topic:
        return [text.format(topic=topic, Topic=topic[0].upper() + topic[1:]) for text in general]
    return [text for options in known.values() for text in options[:1]]


def _verse(options: Sequence[str], question: Question) -> Draft:
    verse = question.own(options)
    # Two blanks at the end of a line keep it a line of its own in Markdown.
    return exactly(re.sub(r"(?<=[^\n])\n(?=[^\n])", "  \n", verse), data={"text": verse})


def _story(question: Question) -> Draft:
    topic = _topic(question)
    words = [word for word in re.findall(r"[a-z]{4,}", topic.lower()) if word not in ("your", "little", "short")]
    fitting = [story for story in texts.STORIES if any(word.rstrip("s") in story.lower() for word in words)]
    if topic and not fitting:
        fitting = [story.format(topic=topic) for story in texts.ANY_STORY]
    return exactly(question.own(fitting or texts.STORIES))


def _random(asked: str, question: Question) -> Draft:
    found = re.search(r"\b(\d{1,6})\s*(?:and|to|-)\s*(\d{1,6})\b", asked)
    low, high = (int(found.group(1)), int(found.group(2))) if found else (1, 6 if "roll" in asked else 100)
    low, high = min(low, high), max(low, high)
    number = question.chance.pick(rotated(range(low, high + 1), question.model.name))
    return exactly(str(number), data={"number": number})
