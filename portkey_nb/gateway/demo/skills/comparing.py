"""Comparisons as Markdown tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from portkey_nb.gateway.demo.draft import Draft, Question, in_words
from portkey_nb.gateway.demo.skills.comparing_texts import ADVICE, MODEL_SHELF, PLANET_SHELF, SHELVES
from portkey_nb.gateway.demo.skills.concepts import CONCEPTS

_ASKED = re.compile(r"\b(?:compare|comparison|differences?|versus|vs\.?|table|better|pros and cons|contrast)\b")


def tabulate(question: Question) -> Draft | None:
    """Compare what is named in a table."""
    if not _ASKED.search(question.lower) or len(question.text) > 500:
        return None
    if re.search(r"\btable\b", question.lower) and re.search(r"\bplanets\b", question.lower):
        return _table("Planets", *PLANET_SHELF, question)
    for aspects, shelf in SHELVES:
        names = [name for name in shelf if _mentioned(name, question.lower)]
        if len(names) > 1:
            names.sort(key=lambda name: _mentioned(name, question.lower) or 0)
            return _table("Comparison", aspects, {name: shelf[name] for name in names}, question)
    models = re.search(r"\b(?:models|demo models)\b", question.lower)
    if models and "table" in question.lower:
        return _table("The demo models", *MODEL_SHELF, question)
    return _unknown(question)


def _mentioned(name: str, lower: str) -> int | None:
    word = re.escape(name.lower())
    stem = word.removesuffix("s") if len(word) > 3 else word
    stem = {
        "quicksort": "quick ?-?sort",
        "heapsort": "heap ?sort",
        "sql": r"(?<!no)(?<!no-)sql",
        "nosql": "no-?sql",
        "rest": r"rest(?=\W*(?:api|and|vs|or|versus|with|to|$))",
    }.get(stem, stem.replace("\\ ", "[ -]?"))
    found = re.search(rf"(?<![\w+]){stem}(?:s)?(?![\w+])", lower)
    return found.start() + 1 if found else None


def _table(title: str, aspects: Sequence[str], rows: Mapping[str, Sequence[str]], question: Question) -> Draft:
    head = ("", *aspects)
    # Few things read best as columns, many as rows.
    across = len(rows) <= 3
    if across:
        lines = [["", *rows]] + [
            [aspect, *(row[place] for row in rows.values())] for place, aspect in enumerate(aspects)
        ]
    else:
        lines = [list(head)] + [[name, *row] for name, row in rows.items()]
    block = markdown_table(lines)
    names = in_words(list(rows)) if across else f"{len(rows)} of them"
    remarks = [ADVICE[name] for name in rows if name in ADVICE] or [
        question.own(
            (
                "Which one suits depends on what you need it for.",
                "No row decides by itself; weigh them by your own case.",
                "Read it from the row that matters most to you.",
            )
        )
    ]
    return Draft(
        lead=f"Here is a comparison of {names}:",
        more=tuple(remarks[:3]),
        block=block,
        title=title,
        short=next(iter(rows)),
        data=[
            {"name": name, **dict(zip((a.lower() for a in aspects), row, strict=True))} for name, row in rows.items()
        ],
    )


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table, the first being its head."""
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(lines[0]))]
    written = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    written.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(written)


def _unknown(question: Question) -> Draft | None:
    """Set two things beside each other that no shelf holds, saying how little is known of them."""
    found = re.search(
        r"\b(?:compare|between|contrast|comparison of)\s+(?P<a>[\w "
        r".+#'-]{1,40}?)\s+(?:and|with|to|vs\.?|versus)\s+(?P<b>[\w .+#'-]{1,40}?)"
        r"(?=\s+(?:in|as|for|by|using|with)\b|[.,;?!\n]|$)",
        question.text,
        re.I,
    ) or re.search(
        r"^(?P<a>[\w .+#'-]{1,40}?)\s+(?:vs\.?|versus)\s+(?P<b>[\w .+#'-]{1,40}?)[.?!]*$", question.text, re.I
    )
    if not found:
        return None
    names = [re.sub(r"^(?:the|a|an) ", "", name.strip(), flags=re.I) for name in (found["a"], found["b"])]
    known = [
        next((c for key, c in CONCEPTS.items() if key == name.lower().rstrip("s") or name.lower() in c.aliases), None)
        for name in names
    ]
    rows = [["", *names]]
    if any(known):
        rows.append(["In a sentence", *(concept.sentences[0] if concept else "not known to me" for concept in known)])
        rows.append(["Worth knowing", *(concept.sentences[1] if concept else "-" for concept in known)])
        lead = f"Here are {names[0]} and {names[1]} side by side:"
    else:
        rows += [[aspect, "?", "?"] for aspect in ("What it is", "Strong at", "Weak at", "Best for")]
        lead = question.own(
            (
                f"I know too little of {names[0]} and {names[1]} to compare them honestly; this is the table to fill:",
                f"The frame for {names[0]} against {names[1]} is here, but I cannot fill it truthfully:",
                f"I would only be guessing about {names[0]} and {names[1]}, so the cells are left open:",
            )
        )
    title = f"{names[0]} and {names[1]}"
    title = title[0].upper() + title[1:]
    return Draft(
        lead=lead,
        more=("A real model behind Portkey would fill in the rest.",) if not all(known) else (),
        block=markdown_table(rows),
        title=title,
        data=[
            dict(zip((row[0] for row in rows[1:]), column[1:], strict=True)) | {"name": column[0]}
            for column in ([row[place] for row in rows] for place in (1, 2))
        ],
    )
