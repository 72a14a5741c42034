"""Requests that hold several tasks, cut into one question each."""

from __future__ import annotations

import re

__all__ = ["split_tasks"]

_VERBS = (
    "write|explain|translate|compare|list|name|give|tell|show|summari[sz]e|convert|calculate|compute|describe|define|"
    "create|draft|solve|sort|reverse|count|recommend|suggest|implement|generate|make|classify|find|say|plot"
)
_ASKING = "what|who|when|where|why|how|which|is|are|do|does|can"
_FILLER = r"(?:(?:and|also|then|next|finally|lastly|first|second|third|now|please|after that|can you|could you),?\s+)*"
_TASK = re.compile(rf"{_FILLER}(?:{_VERBS}|{_ASKING})\b", re.I)
_SEAM = re.compile(
    rf"(?:\s*[,;]\s*(?:and\s+)?(?:then|finally|after that)\s+(?=(?:{_VERBS}|{_ASKING})\b)"
    rf"|\s+(?:and\s+)?then\s+(?=(?:{_VERBS}|{_ASKING})\b)"
    rf"|\s*[,;]\s*(?:and\s+)?(?:also\s+)?(?=(?:{_VERBS})\b)"
    rf"|\s+and\s+(?:also\s+)?(?=(?:write|explain|translate|compare|list|name|give|tell|show|summari[sz]e|convert)\b)"
    r"|\s*,?\s+and\s+(?=(?:what is|what's|who|when did|where is|how many|how much|how do i)\b)"
    rf"|(?<=[.?!])\s+(?={_FILLER}(?:{_VERBS}|{_ASKING})\b))",
    re.I,
)
# What only says how the task before it is to be done is no task of its own.
_MANNER = re.compile(
    rf"{_FILLER}(?:"
    r"(?:explain|show|describe|give|tell me|list|write|name)\s+(?:me\s+)?(?:out\s+)?(?:your|the|each|every|all|its|my)?"
    r"\s*(?:steps?|reasoning|reasons?|working|work|workings|answers?|results?|output|why|how|it|this|that|them|one|process|"
    r"intermediate \w+)"
    r"(?!\s*(?:in(?:to)?\s+\w+|as\b|to\s+\w+))\b"
    r"|(?:give|show|list|name)\s+(?:me\s+)?(?:an?|one|two|three|some|\d)\s+(?:\w+\s+)?(?:examples?|reasons?)\b(?!\s+(?:of|for)\b)"
    r"|(?:write|give|say|make|show|explain|do|put)\s+(?:me\s+)?(?:it|the answer|your answer|the results?|"
    r"the output|everything|this|that)?\s*"
    r"(?:in|as|with|using|only|just|short|brief|like)\b(?!.*\b(?:french|german|spanish|italian|python|javascript|sql)\b)"
    r"|(?:how|why|what|where|when|who|which|is|are|do|does|can)\s+(?:(?:do|does|is|are|did|was)\s+)?"
    r"(?:it|they|this|that|he|she|these|those)\b"
    r"|why\W*$|is there\b|are there\b|can you\b.*\bplease\W*$|make (?:it|sure)\b|do not\b|is that\b)",
    re.I,
)
_NUMBERED = re.compile(r"^\s*(?:\d{1,2}[.)]|[a-h]\))\s+(.+)$", re.M)
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|(?<!\w)'[^'\n]*'(?!\w)|\b(?:e\.g|i\.e|vs|Mr|Mrs|Dr)\.")
_CODE_ITSELF = re.compile(r"\b(?:it|the code|code|an implementation)\b", re.I)
_LONGEST = 700
_MOST = 8


def split_tasks(text: str) -> list[str]:
    """Cut a request into its tasks, in their order; a single task comes back as it is.

    Parameters
    ----------
    text : str
        What a person asked.
    """
    whole = [text]
    if len(text) > _LONGEST or "```" in text or re.search(r"^\s*\|.*\|\s*$|(?:->|=>|^\w+:)\s*$", text, re.M):
        return whole
    numbered = _numbered(text)
    if numbered:
        return numbered
    if "\n" in text.strip():
        return whole
    head, colon, material = text.partition(":")
    # What stands behind a colon is material, and so are quoted words.
    parts = _cut(head)
    if colon:
        parts[-1] = f"{parts[-1]}{colon}{material}"
    if not 1 < len(parts) <= _MOST or not all(_TASK.match(part) for part in parts):
        return whole
    return [_with_subject(part, parts[place - 1] if place else "") for place, part in enumerate(parts)]


def _numbered(text: str) -> list[str]:
    tasks = [task.strip() for task in _NUMBERED.findall(text)]
    before = text[: found.start()].strip() if (found := _NUMBERED.search(text)) else ""
    short = not before or re.fullmatch(
        r"(?:please )?(?:answer|do|solve|complete)\b.{0,40}|.{0,30}(?:questions|tasks)\W*", before, re.I
    )
    return tasks if 1 < len(tasks) <= _MOST and short and all(_TASK.match(task) for task in tasks) else []


def _cut(text: str) -> list[str]:
    masked = _QUOTED.sub(lambda found: "\x00" * len(found.group(0)), text)
    parts: list[str] = []
    start = 0
    for seam in _SEAM.finditer(masked):
        rest = masked[seam.end() :]
        before = masked[start : seam.start()]
        bare_and = re.fullmatch(r"\s+and\s+", seam.group(0), re.I)
        # “a function that reads a file and lists ...” is one program.
        if _MANNER.match(rest) or not before.strip() or (bare_and and re.search(r"\b(?:that|which|how to)\b", before)):
            continue
        parts.append(text[start : seam.start()].strip())
        start = seam.end()
    return [*parts, text[start:].strip()]


def _with_subject(part: str, before: str) -> str:
    """Say what “it” is where the code of something just explained is asked for."""
    part = re.sub(rf"^{_FILLER}(?=\w)", "", part, flags=re.I) or part
    topic = re.search(
        r"\b(binary search|bubble sort|merge sort|quick ?sort|fibonacci|fizzbuzz|factorial|palindromes?)\b",
        before,
        re.I,
    )
    if topic and topic.group(1).lower() not in part.lower() and _CODE_ITSELF.search(part):
        return f"Write the code of {topic.group(1)}" + (" in JavaScript" if "javascript" in part.lower() else "")
    return part
