"""Dates: the days between two of them, the weekday of one, what comes after, and leap years."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

from portkey_nb.gateway.demo.draft import Draft, Question

_MONTHS = tuple(calendar.month_name[n].lower() for n in range(1, 13))
_MONTH = "|".join(f"{name}|{name[:3]}" for name in _MONTHS)
_DATE = re.compile(
    rf"\b(?P<y>\d{{4}})-(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}})\b"
    rf"|\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m2>{_MONTH})\b,?(?: (?P<y2>\d{{4}}))?"
    rf"|\b(?P<m3>{_MONTH}) (?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\b,?(?: (?P<y3>\d{{4}}))?"
)


def reckon(question: Question) -> Draft | None:
    """Work with the dates of a question."""
    asked = question.lower
    if len(asked) > 200:
        return None
    leap = re.search(r"\bis (?:the year )?(\d{4}) a leap year\b|\bwas (\d{4}) a leap year\b", asked)
    if leap:
        return _leap(int(leap.group(1) or leap.group(2)))
    dates = [found for match in _DATE.finditer(asked) if (found := _read(match))]
    if len(dates) == 2 and re.search(r"\bdays?\b|\bweeks?\b|\bbetween\b|\bhow long\b", asked):
        return _between(dates[0], dates[1], question)
    if len(dates) == 1 and re.search(r"\b(?:week ?day|day of the week|what day|which day)\b", asked):
        name = dates[0].strftime("%A")
        return Draft(
            lead=f"{_long(dates[0])} {'falls' if dates[0].year > 2024 else 'fell'} on a **{name}**.",
            short=name,
            title="Weekday",
            data={"date": dates[0].isoformat(), "weekday": name},
        )
    later = re.search(r"\b(\d{1,4}) (day|week)s? (after|before|from)\b", asked)
    if len(dates) == 1 and later:
        days = int(later.group(1)) * (7 if later.group(2) == "week" else 1)
        try:
            end = dates[0] + timedelta(days=-days if later.group(3) == "before" else days)
        except OverflowError:
            return None
        return Draft(
            lead=f"That is **{_long(end)}**, a {end.strftime('%A')}.",
            short=end.isoformat(),
            data={"date": end.isoformat()},
        )
    return None


def _read(found: re.Match[str]) -> date | None:
    year, month, day = (
        next((found[f"{part}{n}"] for n in ("", "2", "3") if found[f"{part}{n}"]), None) for part in "ymd"
    )
    if year is None or month is None or day is None:
        return None
    number = int(month) if month.isdigit() else 1 + next(n for n, name in enumerate(_MONTHS) if name[:3] == month[:3])
    try:
        return date(int(year), number, int(day))
    except ValueError:
        return None


def _long(day: date) -> str:
    return f"{day.day} {day.strftime('%B')} {day.year}"


def _between(one: date, two: date, question: Question) -> Draft:
    days = abs((two - one).days)
    weeks, rest = divmod(days, 7)
    # Counting both ends is the mistake that people make as well.
    said = days + 1 if "arithmetic" in question.model.weak_at else days
    more = [
        f"That is {weeks} week{'' if weeks == 1 else 's'}"
        + (f" and {rest} day{'' if rest == 1 else 's'}." if rest else ".")
    ]
    leap = next(
        (
            year
            for year in range(min(one, two).year, max(one, two).year + 1)
            if _is_leap(year) and _holds(one, two, year)
        ),
        0,
    )
    if leap:
        more.append(f"The 29th of February {leap} is among them.")
    return Draft(
        lead=f"From {_long(one)} to {_long(two)} it is **{said} days**.",
        short=str(said),
        more=() if said != days else tuple(more),
        title="Days between",
        data={"days": said},
    )


def _holds(one: date, two: date, year: int) -> bool:
    return min(one, two) <= date(year, 2, 29) < max(one, two)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _leap(year: int) -> Draft:
    yes = _is_leap(year)
    why = (
        "It can be divided by 4"
        if yes
        else f"Divided by 4 it leaves {year % 4}"
        if year % 4
        else "It ends in 00 and cannot be divided by 400"
    )
    return Draft(
        lead=f"{'Yes' if yes else 'No'}, {year} is {'' if yes else 'not '}a leap year.",
        more=(f"{why}.",),
        short="Yes" if yes else "No",
        data={"answer": yes},
    )
