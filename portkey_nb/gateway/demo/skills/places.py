"""Cities and their countries, several capitals at once, populations, heights, and who somebody was."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.draft import Draft, Question, in_words
from portkey_nb.gateway.demo.skills.fact_table import CAPITALS
from portkey_nb.gateway.demo.skills.place_table import CITIES, HEIGHTS, PEOPLE, POPULATIONS

_COUNTRY_OF = {**{city: land for land, (city, _) in CAPITALS.items()}, **CITIES}
_WITH_ARTICLE = ("United", "Netherlands", "Philippines", "Czech Republic", "Dominican")
_OTHER_NAMES = {"usa": "United States", "us": "United States", "america": "United States", "uk": "United Kingdom",
                "great britain": "United Kingdom", "england": "United Kingdom", "uae": "United Arab Emirates",
                "czechia": "Czech Republic", "holland": "Netherlands"}  # fmt: skip


def locate(question: Question) -> Draft | None:
    """Tell where a city lies, how many live there, how high something is, or who somebody was."""
    asked = question.lower
    if len(asked) > 300:
        return None
    return _countries(asked, question) or _capitals(asked) or _population(asked) or _height(asked) or _person(asked)


def article(country: str) -> str:
    """Return a country's name as it stands in a sentence."""
    return f"the {country}" if country.startswith(_WITH_ARTICLE) else country


def country_in(text: str) -> list[str]:
    """Return the countries that a text names, in its order."""
    lower = text.lower()
    hits: dict[str, int] = {}
    for name, land in [*((land.lower(), land) for land in CAPITALS), *_OTHER_NAMES.items()]:
        found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", lower)
        if found and not (name == "us" and "US" not in text):
            hits.setdefault(land, found.start())
    longest = [land for land in hits if not any(land != other and land in other for other in hits)]
    return sorted(longest, key=lambda land: hits[land])


def _countries(asked: str, question: Question) -> Draft | None:
    if not re.search(
        r"\b(?:which|what) (?:country|countries|nation)\b|\bcountr(?:y|ies)\b.*\bcit(?:y|ies)\b|"
        r"^where(?: is|'s| are)\b",
        asked,
    ):
        return None
    named = [
        (found.start(), city)
        for city in _COUNTRY_OF
        if (found := re.search(rf"(?<!\w){re.escape(city.lower())}(?!\w)", asked))
    ]
    cities = [city for _, city in sorted(named)]
    if not cities or "capital" in asked:
        return None
    pairs = {city: _COUNTRY_OF[city] for city in cities}
    if len(pairs) == 1:
        city, land = next(iter(pairs.items()))
        return Draft(lead=f"{city} is in **{article(land)}**.", short=land, title=city, data=pairs)
    if question.model.style in ("terse", "short"):
        lead = in_words([f"{city} is in {article(land)}" for city, land in pairs.items()])
        return Draft(lead=f"{lead}.", short=", ".join(pairs.values()), data=pairs)
    lines = [f"- {city}: **{land[0].upper() + land[1:]}**" for city, land in pairs.items()]
    lead = "These are the countries:"
    return Draft(lead=lead, block="\n".join(lines), short=", ".join(pairs.values()), title="Countries", data=pairs)


def _capitals(asked: str) -> Draft | None:
    lands = country_in(asked) if "capital" in asked else []
    if len(lands) < 2:
        return None
    pairs = {land: CAPITALS[land][0] for land in lands}
    told = in_words([f"**{city}** is the capital of {article(land)}" for land, city in pairs.items()])
    return Draft(lead=f"{told}.", short=", ".join(pairs.values()), title="Capitals", data=pairs)


def _population(asked: str) -> Draft | None:
    if not re.search(r"\bpopulation\b|\bhow many people (?:live|are there) in\b|\binhabitants\b", asked):
        return None
    land = next((name for name in country_in(asked) if name in POPULATIONS), None)
    if land is None:
        return None
    number = POPULATIONS[land]
    shown = article(land)
    return Draft(
        lead=f"{shown[0].upper() + shown[1:]} has about **{number}** inhabitants.",
        more=("That is a rounded figure of about 2023.",),
        short=number,
        title=f"Population of {shown}",
        data={"country": land, "population": number},
    )


def _height(asked: str) -> Draft | None:
    if not re.search(r"\bhow (?:tall|high)\b|\bheight\b", asked):
        return None
    for pattern, (height, remark) in HEIGHTS.items():
        found = re.search(rf"\b(?:{pattern})\b", asked)
        if found:
            name = found.group(0).title() if found.group(0) != "k2" else "K2"
            the = "The " if re.search(r"tower|building", name, re.I) else ""
            return Draft(
                lead=f"{the}{name} is **{height}** high.",
                more=(remark,),
                short=height,
                title=name,
                data={"height": height},
            )
    return None


def _person(asked: str) -> Draft | None:
    if not re.search(r"\bwho (?:was|is|were)\b|\btell me about\b|\bbiography\b|^explain who\b", asked):
        return None
    for names, (what, remark) in PEOPLE.items():
        if any(
            re.search(rf"\b{name.lower()}\b", asked) for name in (*names.split("|"), names.split("|")[0].split()[-1])
        ):
            name = names.split("|")[0]
            return Draft(
                lead=f"{name} was {what}.", more=(remark,), short=name, title=name, data={"name": name, "was": what}
            )
    return None
