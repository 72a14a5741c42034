"""Pulling addresses, dates, numbers and names out of a text that the question brings along."""

from __future__ import annotations

import re
from typing import Any

from portkey_nb.gateway.demo.draft import Draft, Question
from portkey_nb.gateway.demo.skills.reading import material
from portkey_nb.gateway.demo.style import named_keys

_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_PATTERNS = {
    "emails": r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b",
    "urls": r"https?://[^\s<>\")]+",
    "dates": rf"\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}(?:st|nd|rd|th)? (?:{_MONTH})(?: \d{{4}})?\b|"
    rf"\b(?:{_MONTH}) \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b",
    "phones": r"\+?\d[\d ()/-]{7,}\d",
    "amounts": r"[$€£]\s?\d[\d,]*(?:\.\d+)?|\b\d[\d,]*(?:\.\d+)?\s?(?:dollars|euros|pounds|USD|EUR|GBP)\b",
    "numbers": r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?![\w])",
}
_NAMES = r"\b(?:(?:Dr|Mr|Ms|Mrs|Prof)\. )?[A-Z][a-zà-ÿ'-]+(?: (?:van |de |von |da )?[A-Z][a-zà-ÿ'-]+)+\b"
_FIELDS = {
    "age": r"\bis (\d{1,3})\b(?! (?:km|kg|m|cm|miles)\b)|\b(?:aged? )?(\d{1,3})(?=[ -]years?[ -]old|"
    r"\s*(?:years|y/o)|,)|\bage[d:]* (\d{1,3})",
    "city": r"\b(?:in|from|at) ([A-Z][a-zà-ÿ]+(?: [A-Z][a-zà-ÿ]+)?)",
    "company": r"\b(?:at|for|joined) ([A-Z][\w&]+(?: (?:Inc|Ltd|GmbH|Corp|[A-Z]\w+))*)",
    "job": r"\b(?:is|as|works as) an? ([a-z]+(?: [a-z]+)?)",
    "country": r"\b(?:in|from) (?:[A-Z][a-z]+, )?([A-Z][a-zà-ÿ]+)\b",
}
_ALIASES = {
    "location": "city",
    "place": "city",
    "occupation": "job",
    "profession": "job",
    "role": "job",
    "employer": "company",
}


def extract(question: Question) -> Draft | None:
    """Pull out the addresses, dates, numbers and names of a text."""
    asked = question.lower
    keys = named_keys(question.text.partition(":")[0]) if question.manner.json else []
    if not (keys or re.search(r"\b(?:extract|find all|pull out|parse|identify|which (?:emails|dates|names))\b", asked)):
        return None
    text = material(question)
    if not text:
        return None
    if keys:
        return Draft(lead="This is what I found in the text:", data=_by_keys(text, keys))
    instruction = question.text.replace(text, " ").lower()
    found: dict[str, Any] = {}
    for kind, pattern in _PATTERNS.items():
        if re.search(rf"\b{kind.removesuffix('s')}|{'e-mail' if kind == 'emails' else kind}", instruction) or (
            kind == "amounts" and re.search(r"\b(?:price|cost|money|total)", instruction)
        ):
            found[kind] = list(dict.fromkeys(re.findall(pattern, text)))
    if re.search(r"\b(?:name|people|person|who)", instruction):
        found["names"] = _names(text)
    if not found:
        found = {
            kind: hits
            for kind, pattern in _PATTERNS.items()
            if (hits := list(dict.fromkeys(re.findall(pattern, text))))
        }
        found = {"names": _names(text)} | found
    found = _singular(found, instruction)
    lines = [
        f"- {kind}: {', '.join(hits) if isinstance(hits, list) else hits or 'none'}" for kind, hits in found.items()
    ]
    if question.manner.json:
        return Draft(lead="", data=found, block="")
    only = next(iter(found.values())) if len(found) == 1 else None
    short = only[0] if isinstance(only, list) and len(only) == 1 else ""
    return Draft(
        lead="This is what I found in the text:", block="\n".join(lines), short=short, title="Found", data=found
    )


def _singular(found: dict[str, Any], instruction: str) -> dict[str, Any]:
    """Give one value under a singular name where the instruction speaks in the singular."""
    out: dict[str, Any] = {}
    for kind, hits in found.items():
        single = kind.removesuffix("s")
        alone = re.search(rf"\b{single}\b", instruction) and not re.search(rf"\b{kind}\b", instruction)
        out |= {single: hits[0] if hits else None} if alone and len(hits) < 2 else {kind: hits}
    return out


def _names(text: str) -> list[str]:
    hits = [
        re.sub(r"^(?:The|On|In|At|Contact|Dear|Hi|Hello|Meet|Call|Ask) ", "", hit) for hit in re.findall(_NAMES, text)
    ]
    single = re.findall(
        r"(?:\bby|\bto|\bwith|\band|\bfrom|\bname is|\bI am|\bI'm|\bmet|\bcalled) ([A-Z][a-z]{2,})\b(?! [A-Z])", text
    )
    first = re.findall(
        r"(?:^|[.!?] )([A-Z][a-z]{2,}) (?:is|was|lives|works|said|met|and|called|wrote|paid|will)\b", text
    )
    months = set(_MONTH.split("|")) | {"The", "This", "That", "There", "She", "They", "Who", "What"}
    whole = [hit for hit in hits if hit.split()[0] not in months]
    return list(
        dict.fromkeys(
            [
                *whole,
                *(one for one in (*first, *single) if one not in months and not any(one in name for name in whole)),
            ]
        )
    )


def _by_keys(text: str, keys: list[str]) -> dict[str, Any]:
    """Fill the keys that the question names from the text, with null where it says nothing."""
    return {key: _field(text, key.lower()) for key in keys}


def _field(text: str, key: str) -> Any:
    if key in ("names", "people", "persons"):
        return _names(text)
    if "name" in key or key in ("person", "who", "author", "customer"):
        return next(iter(_names(text)), None)
    for kind, pattern in _PATTERNS.items():
        if key == kind:
            return list(dict.fromkeys(re.findall(pattern, text)))
        if key.replace("e-mail", "email").startswith(kind.removesuffix("s")) or (kind, key) in _ALSO:
            found = re.search(pattern, text)
            return found.group(0) if found else None
    pattern = _FIELDS.get(_ALIASES.get(key, key), "")
    found = re.search(pattern, text) if pattern else None
    if found is None:
        return None
    value = next(part for part in found.groups() if part)
    return int(value) if value.isdigit() else value


_ALSO = frozenset(
    {("amounts", "price"), ("amounts", "cost"), ("amounts", "total"), ("urls", "link"), ("urls", "website")}
)
