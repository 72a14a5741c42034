"""What the name of a field says about what may fill it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from portkey_nb.gateway.demo.findings import Spot, words_of

__all___WORDS = "ANSWERS PROSE is_answer is_prose kinds_for number_rank"
__all__ = __all___WORDS.split()

_SUBJECTS: Sequence[tuple[str, tuple[str, ...]]] = (
    (r"emails?|mail|e_mail", ("email",)),
    (r"urls?|uris?|links?|websites?|homepage", ("uri",)),
    (r"uuid|guid", ("uuid",)),
    (r"phone|tel|telephone|mobile", ("phone",)),
    (r"path|paths|file|files|filename|csv", ("path", "quoted")),
    (r"expressions?|formula|calculation|equation|sum|expr|arithmetic", ("sum",)),
    (r"timezone|tz|zone", ("zone", "place")),
    (r"date|day|deadline|birthday|when|until|since|due", ("date", "date-time")),
    (r"time|hour|clock|at", ("time", "date-time")),
    (
        r"city|cities|town|location|locations|place|places|destination|origin|where|venue|address",
        ("place", "country", "name"),
    ),
    (r"country|countries|nation|land", ("country",)),
    (
        r"person|persons|people|author|authors|who|employee|customer|student|inventor|speaker|attendees?|guests?|user|"
        r"username|assignee|founder|scientist|names?|fullname|firstname|lastname|surname|participants?|contact|member",
        ("person", "name", "quoted", "thing"),
    ),
    (r"recipients?|to|sender|from", ("email", "person", "place", "name")),
    (r"title|book|movie|film|song|album|label|headline", ("quoted", "name")),
    (r"symbol|ticker|currency|currencies|code", ("symbol", "code")),
    (r"sql|command|snippet|source", ("code", "quoted")),
    (r"hashtags?|tags?", ("hashtag", "quoted")),
    (
        r"items?|products?|fruits?|things?|ingredients?|objects?|article|company|brand|organi[sz]ation|team|thing|subject|topic",
        ("quoted", "name", "thing"),
    ),
    (
        r"query|question|text|message|prompt|input|search|content|body|sentence|term|terms|keywords?|phrase|words?|string|q|note|"
        r"s|value|pattern|line|comment|task|reminder|todo",
        ("quoted", "code"),
    ),
)
_ANSWERS_WORDS = "answer result value output solution response reply total sum product label outcome"
ANSWERS = frozenset(_ANSWERS_WORDS.split())
_PROSE_WORDS = (
    "explanation reason reasoning summary description details comment note rationale overview steps thoughts "
    "justification abstract analysis definition body content text message"
)
PROSE = frozenset(_PROSE_WORDS.split())
_YEARS_WORDS = "year years born founded birth birthyear since published released death died"
_YEARS = frozenset(_YEARS_WORDS.split())
_AGES = frozenset(("age", "ages"))
_MONEY_WORDS = "price cost amount total salary budget money fee usd eur income revenue spent"
_MONEY = frozenset(_MONEY_WORDS.split())
_CURRENCY = re.compile(r"dollars?|euros?|pounds?|usd|eur|gbp|€|cents?")
_SYNONYMS: Mapping[str, str] = {
    "°": "temperature degrees",
    "%": "percent percentage share rate",
    "km": "distance kilometers",
    "people": "guests seats size persons party",
    "persons": "guests seats size people party",
    "kg": "weight",
    "m": "height length",
    "cm": "height length width",
    "years": "age",
    "min": "minutes",
    "minutes": "duration",
    "times": "repeat count n",
    "sided": "sides",
    "items": "limit count n",
    "results": "limit count n k",
    "rows": "limit count n",
}
"""Unit behind a number -> fields that it speaks of."""


def kinds_for(name: str, format_: object = None) -> tuple[str, ...]:
    """Return the kinds of findings that fit a field's name and format, the best first."""
    kinds: list[str] = []
    if format_ in ("email", "uri", "uuid", "date", "time", "date-time"):
        return (str(format_), "date") if format_ == "date-time" else (str(format_),)
    # The last word is what the thing is: a `city_name` is a name of a city, `start_date` a date.
    words = words_of(name)
    for word in [*words[:-1], *words[-1:]] if words[-1:] == ["name"] else reversed(words):
        for pattern, found in _SUBJECTS:
            if re.fullmatch(pattern, word):
                kinds += found
    return tuple(dict.fromkeys(kinds))


def is_answer(name: str) -> bool:
    """Tell whether a field is there for the answer itself."""
    return not ANSWERS.isdisjoint(words_of(name))


def is_prose(name: str) -> bool:
    """Tell whether a field is there for sentences."""
    return not PROSE.isdisjoint(words_of(name))


def number_rank(name: str, spot: Spot, text: str) -> int:
    """Return how well a number fits a field: 0 not at all, 1 for want of a better one, more for good reasons."""
    words, value = set(words_of(name)), spot.value
    before, after = text[max(0, spot.start - 40) : spot.start].lower(), text[spot.end : spot.end + 20].lower()
    year_like = isinstance(value, int) and 1000 <= value <= 2100 and not spot.unit.startswith(("km", "m", "kg"))
    label = r"[\s_-]*".join(map(re.escape, words_of(name)))
    if label and re.search(rf"(?<!\w){label}s?\W{{0,3}}(?:(?:is|of|to|as|at|was|=|:)\s*)?$", before):
        return 6
    if not words.isdisjoint(_YEARS):
        return 5 if year_like else 0
    if not words.isdisjoint(_AGES):
        near = re.search(r"\baged?\W*$", before) or re.match(r"[\s-]*(?:years?[\s-]old|years?\b|y/o|,|\)|$)", after)
        return (5 if near else 2) if isinstance(value, int) and value <= 130 else 0
    unit = f"{spot.unit} {_SYNONYMS.get(spot.unit, '')} {_SYNONYMS.get(spot.unit[:1], '')}"
    if spot.unit and any(
        (word.rstrip("s") and word.rstrip("s") in unit.split()) or word in unit.split() for word in words
    ):
        return 5
    if spot.unit and any(len(word) > 2 and spot.unit.rstrip("s") == word.rstrip("s") for word in words):
        return 5
    if not words.isdisjoint(_MONEY):
        return 5 if re.search(r"[$€£]\s?$", before) or _CURRENCY.fullmatch(spot.unit) else 2
    return 1 if year_like else 2
