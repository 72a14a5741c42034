"""What a text holds that can fill a field: numbers, quoted words, names, places, dates, addresses and sums."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from portkey_nb.gateway.demo.skills.fact_table import CAPITALS
from portkey_nb.gateway.demo.skills.place_table import CITIES

__all__ = ["Findings", "Spot", "words_of"]

_MONTHS_WORDS = "january february march april may june july august september october november december"
_MONTHS = _MONTHS_WORDS.split()
_MONTH = "|".join(f"{name}|{name[:3]}" for name in _MONTHS)
_DATE = re.compile(
    rf"\b(?P<y>\d{{4}})-(?P<m>\d{{2}})-(?P<d>\d{{2}})\b"
    rf"|\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\.?(?: of)? (?P<m2>{_MONTH})\b\.?,? (?P<y2>\d{{4}})"
    rf"|\b(?P<m3>{_MONTH})\.? (?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\b,? (?P<y3>\d{{4}})",
    re.I,
)
_PATTERNS = {
    "email": re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),
    "uri": re.compile(r"https?://[^\s<>\"')]+(?<![.,;:!?])"),
    "uuid": re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I),
    "date-time": re.compile(r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})?"),
    "time": re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b"),
    "phone": re.compile(r"(?<![\w.])\+?\d[\d ()/-]{7,}\d\b"),
    "path": re.compile(
        r"(?<![\w:/])[\w./~-]*\w\.(?:csv|json|txt|md|py|ipynb|parquet|xlsx?|pdf|png|jpe?g|html|log|ya?ml)\b"
    ),
    "code": re.compile(r"`([^`\n]+)`"),
    "hashtag": re.compile(r"#(\w+)"),
    "zone": re.compile(r"\b[A-Z][a-z]+/[A-Z][a-z]+(?:_[A-Z][a-z]+)*\b|\bUTC\b|\bGMT\b"),
    "symbol": re.compile(r"(?<![\w.])\$?([A-Z]{2,5})\b(?![\w.]\w)"),
}
_QUOTED = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|(?<!\w)'([^'\n]+)'(?!\w)|«([^»\n]+)»")
_NUMBER = re.compile(
    r"(?<![\w.])([-−+]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?:[eE]([-+]?\d{1,2}))?(?=[^\w]|[a-zA-Z°%€]|$)"
)
_SUM = re.compile(r"(?<![\w.])[-(√]*\d[\d.\s()+\-*/%^×÷·−]*[\d)]")
_WORD_NUMBERS = {
    word: number
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}
_WORD_NUMBER = re.compile(rf"\b({'|'.join(word for word in _WORD_NUMBERS if word != 'one')})\b", re.I)
_LONGEST = 50_000
_NEAR = 40
_MOST = 100
_LISTED = re.compile(r"\s*(?:,|and|or|&|, and|versus|vs\.?)\s*")
_MEASURES_WORDS = (
    "days hours minutes seconds weeks months years degrees celsius fahrenheit dollars euros pounds percent miles "
    "meters metres kilometers grams from with people each times stars points"
)
_MEASURES = frozenset(_MEASURES_WORDS.split())
_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\wà-ÿ'’-]*"
_NAME = re.compile(rf"\b{_CAPITAL}(?: (?:van der |van |de la |de |von |da |of |the )?{_CAPITAL}){{0,5}}")
_NO_NAMES_WORDS = (
    "I I'm I'd I'll A An The This That These Those There It Its He She They We You Your My Our His Her Their If In "
    "On At And Or But So Then Also Please Can Could Would Will Should Do Does Did Is Are Was Were Has Have What "
    "What's Who Who's Whom Whose Where When Why How Which Tell Give Show List Find Get Extract Compute Calculate "
    "Return Make Write Add Send Book Search Look Convert Translate Summarise Summarize Classify Describe Name Say "
    "Call Use Let Read Open Parse Fill Generate Create Set Check Compare Explain Multiply Divide Subtract Sum Count "
    "Plot Draw Run Query Roll Yes No Not Thanks Hello Hi Hey Dear From To For With By About Answer Question Text "
    "Review Person People Data JSON Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March "
    "April May June July August September October November December Celsius Fahrenheit Kelvin Today Tomorrow "
    "Yesterday Email Mail Remind Turn Switch Play Translate Order Ask Schedule Cancel Delete Remove Update Save "
    "Store Load Fetch Lookup Identify Given Based According As After Before"
)
_NO_NAMES = frozenset(_NO_NAMES_WORDS.split())
_KNOWN = {name.lower(): name for name in (*CITIES, *(capital for capital, _ in CAPITALS.values()))} | {
    "new york": "New York",
    "san francisco": "San Francisco",
    "los angeles": "Los Angeles",
    "chicago": "Chicago",
    "boston": "Boston",
    "seattle": "Seattle",
    "barcelona": "Barcelona",
    "zurich": "Zurich",
    "geneva": "Geneva",
    "istanbul": "Istanbul",
    "dubai": "Dubai",
    "washington": "Washington",
}
_COUNTRIES = {name.lower(): name for name in CAPITALS} | {"usa": "USA", "uk": "UK"}
_LONGEST_FIRST = sorted((re.escape(name) for name in (*_KNOWN, *_COUNTRIES) if len(name) > 3), key=len, reverse=True)
_LOWER_PLACE = re.compile(rf"\b(?:{'|'.join(_LONGEST_FIRST)})\b", re.I)
_BEFORE_PLACE = re.compile(
    r"\b(?:in|at|near|around|from|to|for|towards|visit(?:ing)?|between|within|of)\s+(?:the )?$", re.I
)
_BEFORE_PERSON = re.compile(
    r"\b(?:Dr|Mr|Ms|Mrs|Prof|by|with|called|named|am|to|for|ask|tell|invite|meet|email|call)\.?\s+$", re.I
)
_AFTER_PERSON = re.compile(
    r"(?:'s|,? (?:\(|was|is|has|had|lives?|works?|wrote|said|likes?|bought|born|aged|and [A-Z]|won|paid|joined|who|"
    r"earns?|ordered|sold|sent))"
)


@dataclass(frozen=True, slots=True)
class Spot:
    """One finding: where it starts and ends, its value, and for a number the unit behind it."""

    start: int
    end: int
    value: str | int | float
    unit: str = ""


def words_of(text: str) -> list[str]:
    """Return the words of a name in snake_case, kebab-case or camelCase, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-zà-ÿ]+|\d+", text)]


@dataclass(slots=True)
class Findings:
    """The findings of a text, by kind, each in its order.

    Parameters
    ----------
    text : str
        What somebody wrote; no more than the first 50,000 characters are read.
    """

    text: str
    kinds: dict[str, list[Spot]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        text = self.text = self.text[:_LONGEST]
        for kind, pattern in _PATTERNS.items():
            self.kinds[kind] = [
                Spot(found.start(), found.end(), found.group(found.lastindex or 0)) for found in pattern.finditer(text)
            ]
        self.kinds["quoted"] = [
            Spot(found.start(), found.end(), next(part for part in found.groups() if part is not None))
            for found in _QUOTED.finditer(text)
        ]
        self.kinds["date"] = _dates(text)
        self.kinds["phone"] = [spot for spot in self.of("phone") if not _DATE.search(str(spot.value))]
        self.kinds["sum"] = [
            Spot(found.start(), found.end(), found.group(0).strip())
            for found in _SUM.finditer(text)
            if re.search(r"[\d)]\s*[-+*/%^×÷·−]", found.group(0)) and not _DATE.search(found.group(0))
        ]
        self.kinds["number"] = self._numbers()
        self.kinds["thing"] = [
            Spot(spot.end, spot.end + 1 + len(spot.unit), spot.unit)
            for spot in self.of("number")
            if len(spot.unit) > 3 and spot.unit not in _MEASURES
        ]
        self._names()

    def of(self, kind: str) -> list[Spot]:
        """Return the findings of one kind, in their order."""
        return self.kinds.get(kind, [])

    def between(self, start: int, end: int) -> Findings:
        """Return the findings of a part of the text."""
        return Findings(self.text[start:end])

    def _numbers(self) -> list[Spot]:
        whole = ("date", "uuid", "uri", "email", "date-time", "time")
        taken = [spot for kind in whole for spot in self.of(kind)]
        spots = []
        for found in _NUMBER.finditer(self.text):
            if any(spot.start <= found.start() < spot.end for spot in taken):
                continue
            digits = found.group(2).replace(",", "")
            fraction, power = found.group(3) or "", found.group(4)
            sign = (
                "-"
                if found.group(1) in ("-", "−")
                and not re.search(r"[\d)]\s*$", self.text[max(0, found.start() - _NEAR) : found.start()])
                else ""
            )
            value: int | float = int(f"{sign}{digits[:18]}")
            if fraction or power:
                value = float(f"{sign}{digits[:18]}{fraction}e{power or 0}")
            unit = re.match(r"\s?([a-zA-Z°%€]+)", self.text[found.end() : found.end() + _NEAR])
            spots.append(Spot(found.start(), found.end(), value, unit.group(1).lower() if unit else ""))
        for found in _WORD_NUMBER.finditer(self.text):
            unit = re.match(r"\s([a-zA-Z]+)", self.text[found.end() : found.end() + _NEAR])
            word = _WORD_NUMBERS[found.group(1).lower()]
            spots.append(Spot(found.start(), found.end(), word, unit.group(1).lower() if unit else ""))
        return sorted(spots, key=lambda spot: spot.start)[:_MOST]

    def _names(self) -> None:
        """Tell people from places, and keep what is neither as a plain name."""
        text = self.text
        places: dict[int, Spot] = {}
        countries: dict[int, Spot] = {}
        for found in _LOWER_PLACE.finditer(text):
            lower = found.group(0).lower()
            # A word in lower case is a place only where one would stand: “nice” and “turkey” are words too.
            if found.group(0)[0].islower() and not _BEFORE_PLACE.search(
                text[max(0, found.start() - _NEAR) : found.start()]
            ):
                continue
            shelf, name = (countries, _COUNTRIES[lower]) if lower in _COUNTRIES else (places, _KNOWN[lower])
            shelf[found.start()] = Spot(found.start(), found.end(), name)
        people, others = [], []
        for spot in self._capitalised():
            if spot.start in places or spot.start in countries:
                continue
            before, after = text[max(0, spot.start - _NEAR) : spot.start], text[spot.end : spot.end + _NEAR]
            several = " " in str(spot.value)
            if _BEFORE_PLACE.search(before) and not (several and _AFTER_PERSON.match(after)):
                if not re.search(r"\b(?:for|of|to|from) $", before) or not several:
                    places[spot.start] = spot
                else:
                    people.append(spot)
            elif several or _AFTER_PERSON.match(after) or _BEFORE_PERSON.search(before):
                people.append(spot)
            else:
                others.append(spot)
        self.kinds["place"] = self._with_neighbours([places[start] for start in sorted(places)], others)
        self.kinds["country"] = [countries[start] for start in sorted(countries)]
        self.kinds["person"] = self._with_neighbours(people, others)
        self.kinds["name"] = sorted(
            {spot.start: spot for spot in (*people, *others, *self.of("place"), *self.of("country"))}.values(),
            key=lambda spot: spot.start,
        )

    def _with_neighbours(self, known: list[Spot], others: list[Spot]) -> list[Spot]:
        """Take in the names that are listed together with known ones: “in Paris, Springfield and Rome”."""
        found = list(known)
        for spot in others[:_MOST]:
            if any(
                _LISTED.fullmatch(self.text, min(spot.end, other.end), max(spot.start, other.start))
                for other in found[-_MOST:]
            ):
                found.append(spot)
        return sorted(found, key=lambda spot: spot.start)

    def _capitalised(self) -> list[Spot]:
        spots = []
        for found in _NAME.finditer(self.text):
            start, value = found.start(), found.group(0)
            # An instruction in front of a name is no part of it: “Ask Ada Lovelace”.
            while (first := value.split(" ")[0].removesuffix("'s")) in _NO_NAMES or first == "":
                start, value = start + len(value.split(" ")[0]) + 1, " ".join(value.split(" ")[1:])
                if not value:
                    break
            value = re.sub(r"(?:['’]s?|[-’'])$", "", value)
            if (value and not value.isupper()) or len(value) > 5:
                spots.append(Spot(start, start + len(value), value))
        return spots


def _dates(text: str) -> list[Spot]:
    spots = []
    for found in _DATE.finditer(text):
        year, month, day = (
            next((found[f"{part}{n}"] for n in ("", "2", "3") if found[f"{part}{n}"]), "0") for part in "ymd"
        )
        number = int(month) if month.isdigit() else 1 + [name[:3] for name in _MONTHS].index(month[:3].lower())
        try:
            spots.append(Spot(found.start(), found.end(), date(int(year), number, int(day)).isoformat()))
        except ValueError:
            continue
    return spots
