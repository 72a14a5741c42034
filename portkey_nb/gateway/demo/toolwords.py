"""Words by which a question is matched to a tool: their stems, and what says the same."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["STOPS", "stem", "stems"]

_STOP_WORDS = (
    "the a an and or of to in on for with by as at from is are was were be been it its this that these those "
    "there what which who how when where why do does did can could would should will shall may might must i you "
    "me my your our we us he she they them his her their please get give given tell show return returns returned "
    "use uses used using make about into if then than so not no all any each one some value values number numbers "
    "string text name names list result results function tool call calls current today now let have has had like "
    "want need whether true false optional default e g eg etc also just only between two both"
)
_SAME: Sequence[str] = (
    "weather forecast temperature rain sunny warm cold hot climate umbrella snow wind",
    "add plus sum addition total",
    "subtract minus difference subtraction",
    "multiply multiplication product multiplied",
    "divide divided division quotient",
    "calculate calculator compute calc evaluate arithmetic math eval expression",
    "time clock hour timezone",
    "date day calendar weekday",
    "search lookup google web find query",
    "mail email send message notify",
    "convert conversion exchange currency",
    "stock price quote share ticker",
    "translate translation",
    "dice roll die random",
    "population inhabitants people",
    "distance far route directions drive",
    "book reserve booking reservation table",
    "remind reminder remember",
    "file read open load",
    "user customer account client",
    "database sql table rows",
    "plot chart graph draw",
    "power raise exponent",
    "root sqrt square",
    "movie film",
    "meeting appointment schedule event calendar",
    "hotel flight trip travel",
    "capital country",
    "born birth birthday age old",
    "length long count letters characters",
    "sentiment tone review",
    "summary summarize summarise",
    "record extract save store",
)
_SIGNS = (
    (r"\d\s*\+\s*-?[\d(]", "add calculate"),
    (r"\d\s*[-−]\s*[\d(]", "subtract calculate"),
    (r"\d\s*(?:[*×·x]|\*\*)\s*-?[\d(]", "multiply calculate"),
    (r"\d\s+times\s+-?[\d(]", "multiply calculate"),
    (r"\d\s*[/÷]\s*-?[\d(]", "divide calculate"),
    (r"[$€£]\s?\d", "currency price"),
    (r"°", "temperature"),
)
_ENDS = ("ations", "ation", "ings", "ing", "ies", "ers", "er", "ed", "es", "s", "e", "y")


def stem(word: str) -> str:
    """Return a word without its usual ending."""
    for end in _ENDS:
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[: -len(end)]
    return word


STOPS = frozenset(stem(word) for word in _STOP_WORDS.split())
"""Stems that say nothing about what a tool does."""
_GROUPS = [frozenset(stem(word) for word in group.split()) for group in _SAME]


def stems(text: str) -> set[str]:
    """Return the stems of a question that carry meaning, with those that say the same."""
    # Quoted words are material: they do not say what is to be done with them.
    bare = re.sub(r"\"[^\"\n]*\"|“[^”\n]*”", " ", text.lower())
    found = {stem(word) for word in re.findall(r"[a-zà-ÿ]+", bare)} - STOPS
    for pattern, words in _SIGNS:
        if re.search(pattern, bare):
            found |= {stem(word) for word in words.split()}
    same = [group for group in _GROUPS if group & found]
    return found.union(*same) if same else found
