"""Numbers as people and models write them: found in prose, with their signs, separators and percent signs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import Literal

Take = Literal["last", "first", "any"]

MOST = 10_000
"""Numbers that are read of one text."""
_DIGITS = 60
_EXACT = Context(prec=400)
_SPACES = "\u0020\u00a0\u2009\u202f"
_NUMBER = re.compile(
    rf"""
    (?<![\w.])(?<![^\W\d][-−–])                      # no part of a word, a version, or a name such as GPT-4
    (?P<minus>(?:(?<![\w)\]%])[-−–]|\b(?:minus|negative)\ )?)
    (?:(?:[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY)\b)\ ?)?
    (?P<inner>[-−]?)
    (?P<digits>
        \d{{1,3}}(?:,\d{{3}}){{1,19}}(?![\d,]\d)(?:\.\d{{1,{_DIGITS}}})?             # 1,234,567.89
      | \d{{1,2}}(?:,\d{{2}}){{1,19}},\d{{3}}(?![\d,]\d)(?:\.\d{{1,{_DIGITS}}})?     # 12,34,567.89, as in India
      | \d{{1,3}}(?:\.\d{{3}}){{1,19}},\d{{1,{_DIGITS}}}                             # 1.234.567,89
      | \d{{1,3}}(?:\.\d{{3}}){{2,19}}(?![.,]\d)                                     # 1.234.567
      | \d{{1,3}}(?:[{_SPACES}'’_]\d{{3}}){{1,19}}(?!\d)(?:[.,]\d{{1,{_DIGITS}}})?   # 1 234 567,89
      | (?<!\d,)\d{{1,{_DIGITS}}},\d{{1,{_DIGITS}}}(?!,\d)                           # 3,5 but not 1,2,3
      | \d{{1,{_DIGITS}}}(?:\.\d{{1,{_DIGITS}}})?
      | \.\d{{1,{_DIGITS}}}
    )
    (?!\d)(?!\.\d)
    (?:
        [eE](?P<power>[-+]?\d{{1,3}})(?!\w)
      | \ ?(?:×|x|\*|\\times|\\cdot)\ ?10\^\{{?(?P<raised>[-−+]?\d{{1,3}})\}}?
      | (?<=\b10)\^\{{?(?P<bare>[-−+]?\d{{1,3}})\}}?
    )?
    (?:\ (?P<word>thousand|million|billion|trillion)\b)?
    (?P<percent>\ ?%|\ percent\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WORDS = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_MARKED = re.compile(r"####|\\boxed\{|\banswer\b(?:\W{0,6}\bis\b)?", re.IGNORECASE)
_BOLD = re.compile(r"\*\*(?=[^*\n\w]{0,3}\d[^*\n]{0,30}(?<![.):])\*\*)")
_BETWEEN = re.compile(
    r"\W{0,12}(?:(?:about|approximately|roughly|around|exactly|equal to|thus|therefore)\W{1,4})?(?:[a-z] ?= ?)?\W{0,3}",
    re.IGNORECASE,
)
"""What may stand between a mark and its number."""
_ITEM = re.compile(r"^[ \t]*(\d{1,3})[.)][ \t]+(?=\S)", re.MULTILINE)
_EMPHASIS = re.compile(r"\*\*|__|`|\\[$,!;]|\\text\{")


@dataclass(frozen=True)
class Quantity:
    """A number of a text.

    Attributes
    ----------
    value : Decimal
        As it is written: 12 for "12 %".
    percent : bool
        Whether a percent sign stands behind it.
    start, end : int
        Where it stands in the text that was read.
    """

    value: Decimal
    percent: bool = False
    start: int = 0
    end: int = 0

    def is_near(self, other: Quantity, tolerance: float = 0, relative: float = 0) -> bool:
        """Tell whether this is another number, within a tolerance, or within a share of the other one.

        A percent sign on one side alone is read both ways: "12 %" is 12, and it is 0.12.
        """
        values = [self.value]
        target = other.value
        if self.percent and not other.percent:
            values.append(_EXACT.scaleb(self.value, -2))
        elif other.percent and not self.percent:
            values.append(_EXACT.scaleb(self.value, 2))
        room = max(_exact(tolerance), _EXACT.multiply(_exact(relative), abs(target)))
        return any(value == target or abs(_EXACT.subtract(value, target)) <= room for value in values)


def _exact(number: float) -> Decimal:
    # By its shortest text: 0.1 is meant as a tenth, not as the nearest binary fraction.
    return Decimal(repr(float(number)))


def quantities(text: str) -> list[Quantity]:
    """Return the numbers of a text, in their order.

    Parameters
    ----------
    text : str
        Thousands may be set off by commas, dots (with a decimal comma, or twice), spaces, apostrophes or underscores;
        "1,234" is one thousand, "1.234" is a little more than one, "3,5" is three and a half.

    Returns
    -------
    list of Quantity
        Without the numbers of a list's items, unless there are no others.

    Examples
    --------
    >>> [str(found.value) for found in quantities("1. It is −$1,234.50, or 12 % of 3 million.")]
    ['-1234.50', '12', '3E+6']
    """
    plain = _EMPHASIS.sub(lambda mark: " " * len(mark[0]), text)
    items = {mark.start(1) for mark in _ITEM.finditer(plain)}
    found = list(_read(plain))
    return [one for one in found if one.start not in items] or found


def _read(text: str) -> Iterator[Quantity]:
    for count, match in enumerate(_NUMBER.finditer(text)):
        if count >= MOST:
            return
        power = int((match["power"] or match["raised"] or match["bare"] or "0").replace("−", "-"))
        power += _WORDS.get((match["word"] or "").lower(), 0)
        try:
            value = _EXACT.scaleb(Decimal("1" if match["bare"] else _digits(match["digits"])), power)
        except InvalidOperation:
            continue
        minus = bool(match["minus"]) != bool(match["inner"])
        start = match.start("digits")
        yield Quantity(-value if minus else value, bool(match["percent"]), start, match.end())


def _digits(written: str) -> str:
    """Return a number's digits with a decimal point alone."""
    bare = re.sub(rf"[{_SPACES}'’_]", "", written)
    if "," in bare and "." in bare:
        thousands = "," if bare.rfind(",") < bare.rfind(".") else "."
        return bare.replace(thousands, "").replace(",", ".")
    for mark in ",.":
        groups = bare.split(mark)
        thousand = len(groups) > 1 and all(len(group) == 3 for group in groups[1:]) and 0 < len(groups[0]) <= 3
        if len(groups) > 2 or (mark == "," and thousand and bare == written and groups[0] != "0"):
            return bare.replace(mark, "")
    return bare.replace(",", ".")


def candidates(text: str, take: Take = "last") -> list[Quantity]:
    """Return the numbers that may be a text's answer.

    Parameters
    ----------
    take : {"last", "first", "any"}
        Which of several. Before the last one goes a number that is marked as the answer (``\\boxed{7}``, ``#### 7``,
        "the answer is 7"), and then one that stands alone in bold.

    Examples
    --------
    >>> [str(found.value) for found in candidates("It is **391**. As a check, 391 / 23 is 17.")]
    ['391']
    """
    found = quantities(text)
    if take == "any" or len(found) < 2:
        return found
    if take == "first":
        return found[:1]
    return [_behind(found, _MARKED, text) or _behind(found, _BOLD, text) or found[-1]]


def _behind(found: list[Quantity], mark: re.Pattern[str], text: str) -> Quantity | None:
    """Return the number right behind the last mark that has one."""
    left = list(found)
    for end in reversed([match.end() for match in mark.finditer(text)]):
        near = None
        while left and left[-1].start >= end:
            near = left.pop()
        if near is not None and _BETWEEN.fullmatch(text, end, near.start):
            return near
    return None
