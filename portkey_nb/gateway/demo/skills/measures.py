"""Units turned into each other, numbers compared, and counting."""

from __future__ import annotations

import re
from collections.abc import Mapping

from portkey_nb.gateway.demo.draft import Draft, Question, exactly
from portkey_nb.gateway.demo.skills.arithmetic import shown

_NUMBER = r"-?\d+(?:\.\d+)?"
_UNITS: Mapping[str, tuple[str, str, float]] = {
    r"kilomet(?:re|er)s?|km": ("length", "km", 1000.0),
    r"met(?:re|er)s?|m": ("length", "m", 1.0),
    r"centimet(?:re|er)s?|cm": ("length", "cm", 0.01),
    r"millimet(?:re|er)s?|mm": ("length", "mm", 0.001),
    r"miles?|mi": ("length", "miles", 1609.344),
    r"yards?|yd": ("length", "yards", 0.9144),
    r"foot|feet|ft": ("length", "feet", 0.3048),
    r"inch(?:es)?": ("length", "inches", 0.0254),
    r"kilograms?|kilos?|kg": ("mass", "kg", 1000.0),
    r"grams?|g": ("mass", "g", 1.0),
    r"pounds?|lbs?": ("mass", "pounds", 453.59237),
    r"ounces?|oz": ("mass", "ounces", 28.349523),
    r"lit(?:re|er)s?|l": ("volume", "litres", 1.0),
    r"gallons?": ("volume", "gallons", 3.785411784),
    r"hours?|h": ("time", "hours", 3600.0),
    r"minutes?|min": ("time", "minutes", 60.0),
    r"seconds?|s": ("time", "seconds", 1.0),
    r"days?": ("time", "days", 86400.0),
    r"weeks?": ("time", "weeks", 604800.0),
}
_ASKED = re.compile(
    rf"({_NUMBER})\s*(?:°\s*|degrees? )?([a-z]+)\s+(?:in|to|into|as|equals? how many)\s+(?:°\s*|degrees? )?([a-z]+)"
)
_HOW_MANY = re.compile(rf"how many ([a-z]+) (?:are |is )?(?:there )?(?:in|make) ({_NUMBER}|an?) ([a-z]+)")
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def measure(question: Question) -> Draft | None:
    """Convert a measure, compare two numbers, or count."""
    asked = question.lower.replace(",", "") if re.search(r"\d,\d{3}", question.lower) else question.lower
    return _convert(asked) or _compare(asked) or _count(asked)


def _convert(asked: str) -> Draft | None:
    found, turned = _ASKED.search(asked), _HOW_MANY.search(asked)
    if turned:
        amount = 1.0 if turned.group(2).startswith("a") else float(turned.group(2))
        start, end = turned.group(3), turned.group(1)
    elif found:
        amount, start, end = float(found.group(1)), found.group(2), found.group(3)
    else:
        return None
    if {start[0], end[0]} == {"c", "f"} and re.match(r"c(?:elsius)?$|f(?:ahrenheit)?$", start):
        warm = amount * 9 / 5 + 32 if start[0] == "c" else (amount - 32) * 5 / 9
        unit = "°F" if start[0] == "c" else "°C"
        answer = f"{shown(round(warm, 2))} {unit}"
        how = "Times nine, divided by five, plus 32." if start[0] == "c" else "Minus 32, times five, divided by nine."
        return Draft(
            lead=f"That is **{answer}**.", more=(how,), short=answer, data={"value": round(warm, 4), "unit": unit}
        )
    one = next((unit for pattern, unit in _UNITS.items() if re.fullmatch(pattern, start)), None)
    other = next((unit for pattern, unit in _UNITS.items() if re.fullmatch(pattern, end)), None)
    if one is None or other is None or one[0] != other[0]:
        return None
    value = amount * one[2] / other[2]
    answer = f"{shown(round(value, 4))} {other[1]}"
    return Draft(
        lead=f"{shown(amount)} {one[1]} are **{answer}**.",
        more=(f"One of the former is {shown(round(one[2] / other[2], 6))} of the latter.",),
        short=answer,
        data={"value": round(value, 6), "unit": other[1]},
    )


def _compare(asked: str) -> Draft | None:
    which = re.search(
        rf"\b(?:which|what) (?:number )?is (bigger|larger|greater|smaller|less|higher|lower)\b\W*"
        rf"({_NUMBER}) or ({_NUMBER})",
        asked,
    )
    if which:
        pick = min if which.group(1) in ("smaller", "less", "lower") else max
        answer = pick(which.group(2), which.group(3), key=float)
        return Draft(lead=f"**{answer}** is {which.group(1)}.", short=answer, data={"answer": float(answer)})
    whether = re.search(
        rf"\bis ({_NUMBER}) (greater|bigger|larger|more|less|smaller|lower|higher|equal)(?: than| to)? ({_NUMBER})",
        asked,
    )
    if whether:
        left, right = float(whether.group(1)), float(whether.group(3))
        kind = whether.group(2)
        yes = (
            left == right if kind == "equal" else left < right if kind in ("less", "smaller", "lower") else left > right
        )
        word = "Yes" if yes else "No"
        sign = "=" if left == right else "<" if left < right else ">"
        return Draft(lead=f"{word}: {shown(left)} {sign} {shown(right)}.", short=word, data={"answer": yes})
    return None


def _count(asked: str) -> Draft | None:
    found = re.search(r"\bcount (?:from (\d+|[a-z]+) )?(?:up )?to (\d+|[a-z]+)\b", asked)
    if not found:
        return None
    ends = [
        _WORDS.index(word) if word in _WORDS else int(word) if word.isdigit() else None
        for word in (found.group(1) or "1", found.group(2))
    ]
    if None in ends:
        return None
    first, last = (end or 0 for end in ends)
    if not 0 < last - first + 1 <= 500:
        return None
    numbers = list(range(first, last + 1))
    return exactly(", ".join(map(str, numbers)), data=numbers)
