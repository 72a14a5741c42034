"""A few dozen facts: capitals, elements, planets, years, and who made what."""

from __future__ import annotations

import re
from collections.abc import Mapping

from portkey_nb.gateway.demo.draft import Draft, Question
from portkey_nb.gateway.demo.skills.fact_table import (
    AUTHORS,
    CAPITALS,
    EVENTS,
    OTHER,
    PLANETS,
    RECENT,
    SYMBOLS,
)
from portkey_nb.gateway.demo.skills.places import article, country_in

_PLANET_NAMES = tuple(PLANETS)


def look_up(question: Question) -> Draft | None:
    """Answer from the tables."""
    if len(question.text) > 300:
        return None
    asked = re.sub(r"[?!.,]", " ", question.lower.replace("’", "'"))
    asked = " ".join(asked.split())
    for reader in (_capital, _element, _recent, _planet, _event, _author, _other):
        draft = reader(asked, question)
        if draft is not None:
            return draft
    return None


def _named(asked: str, table: Mapping[str, object]) -> str | None:
    hits = [name for name in table if re.search(rf"\b{re.escape(name.lower())}\b", asked)]
    return max(hits, key=len) if hits else None


def _said(lead: str, short: str, *more: str, **data: object) -> Draft:
    return Draft(lead=lead, more=tuple(filter(None, more)), short=short, title=short, data=data or {"answer": short})


def _capital(asked: str, question: Question) -> Draft | None:
    if "capital" not in asked:
        of_what = next((land for land, (city, _) in CAPITALS.items() if re.search(rf"\b{city.lower()}\b", asked)), None)
        if of_what and re.search(r"\b(?:which|what) country\b", asked):
            return _said(f"{CAPITALS[of_what][0]} is in **{of_what}**.", of_what, country=of_what)
        return None
    named = country_in(question.text)
    whether = re.search(r"\bis ([\w .'-]+?) the capital (?:city )?of\b", asked)
    if whether and named and named[0] in CAPITALS:
        city = CAPITALS[named[0]][0]
        right = whether.group(1).strip() == city.lower()
        word = "Yes" if right else "No"
        lead = f"**{word}**, the capital of {article(named[0])} is {city}."
        return _said(lead, word, CAPITALS[named[0]][1], answer=right, capital=city)
    country = named[0] if named else _named(asked, CAPITALS)
    if country is not None:
        city, remark = CAPITALS[country]
        where = article(country)
        return _said(f"The capital of {where} is **{city}**.", city, remark, country=country, capital=city)
    city_of = next((land for land, (city, _) in CAPITALS.items() if re.search(rf"\b{city.lower()}\b", asked)), None)
    if city_of:
        return _said(
            f"{CAPITALS[city_of][0]} is the capital of **{city_of}**.",
            city_of,
            country=city_of,
            capital=CAPITALS[city_of][0],
        )
    return None


def _element(asked: str, question: Question) -> Draft | None:
    if not re.search(r"\b(?:symbol|element|atomic number|chemical)\b", asked):
        return None
    name = _named(asked, SYMBOLS)
    if name is not None:
        symbol, number = SYMBOLS[name]
        if "atomic number" in asked:
            return _said(
                f"{name.capitalize()} has the atomic number **{number}**.",
                str(number),
                f"That is the number of protons in its nucleus; its symbol is {symbol}.",
                element=name,
                symbol=symbol,
                number=number,
            )
        remark = "It comes from the Latin name." if symbol[0].lower() != name[0] else ""
        return _said(
            f"The chemical symbol for {name} is **{symbol}**.",
            symbol,
            f"Its atomic number is {number}.",
            remark,
            element=name,
            symbol=symbol,
            number=number,
        )
    found = re.search(
        r"\b(?:symbol|element)\s+(?:is |has the symbol |with the symbol )?[\"']?([A-Z][a-z]?)\b", question.text
    )
    by_symbol = {symbol: element for element, (symbol, _) in SYMBOLS.items()}
    if found and found.group(1) in by_symbol:
        element = by_symbol[found.group(1)]
        return _said(f"{found.group(1)} stands for **{element}**.", element, element=element, symbol=found.group(1))
    return None


def _recent(asked: str, question: Question) -> Draft | None:
    for pattern, (lead, short, more) in RECENT.items():
        if re.search(pattern, asked):
            if "recent" in question.model.weak_at:
                return Draft(
                    lead="I do not know: what I have learnt ends in 2021.", short="unknown", data={"answer": None}
                )
            return _said(lead, short, more)
    return None


def _planet(asked: str, question: Question) -> Draft | None:
    if re.search(r"\bhow many planets\b", asked):
        return _said("The solar system has **8** planets.", "8", "Pluto has counted as a dwarf planet since 2006.")
    if re.search(r"\b(?:largest|biggest) planet\b", asked):
        return _said("The largest planet is **Jupiter**.", "Jupiter", "It is some eleven times as wide as the Earth.")
    if re.search(
        r"\bsmallest planet\b|\bplanet (?:is )?(?:closest|nearest) to the sun\b|\b(?:closest|nearest) planet\b", asked
    ):
        return _said("That is **Mercury**.", "Mercury", "It is the smallest planet and the nearest to the Sun.")
    if re.search(r"\bhottest planet\b", asked):
        return _said("The hottest planet is **Venus**.", "Venus", "Its thick air keeps the ground at about 465 °C.")
    if re.search(r"\bred planet\b", asked):
        return _said("The red planet is **Mars**.", "Mars", "Iron oxide in its dust gives it the colour.")
    name = next((planet for planet in _PLANET_NAMES if re.search(rf"\b{planet.lower()}\b", asked)), None)
    if name is None or not re.search(
        r"\b(?:planet|moons?|diameter|far|distance|big|large|day|year|what is|tell me)\b", asked
    ):
        return None
    diameter, distance, moons, remark = PLANETS[name]
    if "moon" in asked:
        return _said(f"{name} has **{moons}** known moon{'' if moons == 1 else 's'}.", str(moons), remark)
    if re.search(r"\bfar\b|\bdistance\b", asked):
        return _said(f"{name} is about **{distance} million km** from the Sun.", f"{distance} million km", remark)
    if re.search(r"\bdiameter\b|\bbig\b|\blarge\b", asked):
        return _said(f"{name} is **{diameter:,} km** wide.", f"{diameter:,} km", remark)
    return _said(f"{name} is a planet {diameter:,} km wide, about {distance} million km from the Sun.", name, remark)


def _event(asked: str, question: Question) -> Draft | None:
    for pattern, (year, lead, more) in EVENTS.items():
        if re.search(pattern, asked) and re.search(r"\bwhen\b|\byear\b|\bdate\b", asked):
            return _said(lead.replace(year, f"**{year}**"), year, more, year=int(year))
    return None


def _author(asked: str, question: Question) -> Draft | None:
    if not re.match(r"(?:.*\b)?(?:who|whose|author|painter|inventor|composer)\b", asked):
        return None
    for work, (person, verb, more) in AUTHORS.items():
        found = re.search(rf"\b(?:the )?{work}\b", question.text, re.I)
        if found:
            did = re.sub(r"\bit\b", found.group(0), verb, count=1)
            return _said(f"**{person}** {did}.", person, more)
    return None


def _other(asked: str, question: Question) -> Draft | None:
    for pattern, (lead, short, more) in OTHER.items():
        if re.search(pattern, asked):
            return _said(lead, short, more)
    return None
