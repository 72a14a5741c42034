"""Short texts that fit a simple regular expression of a JSON schema."""

from __future__ import annotations

import re

__all__ = ["example", "fits"]

_CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_ENDS = {"n": "\n", "t": "\t", "r": "\r"}
_LONGEST = 1000


def fits(pattern: str, text: str) -> bool:
    """Tell whether a text holds a match; a pattern that Python cannot read fits everything."""
    try:
        return re.search(pattern, text) is not None
    except (re.error, RecursionError):
        return True


def example(pattern: str) -> str | None:
    """Return a text that fits a pattern; None where the pattern is not a simple one.

    Examples
    --------
    >>> example(r"^[A-Z]{2}-\\d{3}$")
    'AA-000'
    """
    if len(pattern) > _LONGEST:
        return None
    try:
        text = _Reader(pattern).alternatives()
    except (ValueError, IndexError, RecursionError):
        return None
    return text if fits(pattern, text) else None


class _Reader:
    """Reads a pattern from left to right and writes the shortest text that it allows."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0

    def alternatives(self) -> str:
        """Read up to the end or a closing bracket; the first alternative counts."""
        first = self.sequence()
        while self.peek() == "|":
            self.place += 1
            self.sequence()
        return first

    def peek(self) -> str:
        return self.pattern[self.place : self.place + 1]

    def take(self) -> str:
        self.place += 1
        return self.pattern[self.place - 1]

    def sequence(self) -> str:
        parts: list[str] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.atom() * self.times())
            if sum(map(len, parts)) > _LONGEST:
                raise ValueError("too long")
        return "".join(parts)

    def times(self) -> int:
        sign = self.peek()
        if sign not in ("*", "+", "?", "{"):
            return 1
        least = 1 if sign == "+" else 0
        if sign == "{":
            found = re.match(r"\{(\d+)(?:,\d*)?\}", self.pattern[self.place :])
            if found is None:
                raise ValueError("a bare brace")
            least = int(found.group(1))
            self.place += found.end()
        else:
            self.place += 1
        if self.peek() in ("?", "+"):
            self.place += 1
        if least > _LONGEST:
            raise ValueError("too long")
        return least

    def atom(self) -> str:
        sign = self.take()
        if sign in "^$":
            return ""
        if sign == "(":
            return self.group()
        if sign == "[":
            return self.one_of()
        if sign == "\\":
            return self.escaped()
        return "a" if sign == "." else sign

    def group(self) -> str:
        head = re.match(r"\?(?::|P?<\w+>)", self.pattern[self.place :])
        if head is not None:
            self.place += head.end()
        elif self.peek() == "?":
            raise ValueError("looks around")
        inside = self.alternatives()
        if self.take() != ")":
            raise ValueError("an open group")
        return inside

    def escaped(self) -> str:
        sign = self.take()
        if sign in "bB":
            return ""
        if sign.isdigit() or sign in "pPxu":
            raise ValueError("a reference or a property")
        return _CLASSES.get(sign) or _ENDS.get(sign) or sign

    def one_of(self) -> str:
        end = self.place + 1 if self.peek() == "]" else self.place
        if self.peek() == "^" and self.pattern[self.place + 1 : self.place + 2] == "]":
            end = self.place + 2
        while self.pattern[end] != "]":
            end += 2 if self.pattern[end] == "\\" else 1
        inside = self.pattern[self.place : end]
        self.place = end + 1
        shape = re.compile(f"[{inside}]")
        return next(sign for sign in "aA0 -_./:@,#xX1+~é" + inside if shape.fullmatch(sign))
