"""Simple conclusions: classes within classes, who is taller than whom, and a few well-known riddles."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.draft import Draft, Question

_ALL = re.compile(r"\b(?:all|every|each)\s+(?P<a>[\w-]+)\s+(?:are|is)\s+(?:an? )?(?P<b>[\w-]+)")
_NONE = re.compile(r"\bno\s+(?P<a>[\w-]+)\s+(?:are|is)\s+(?:an? )?(?P<b>[\w-]+)")
_SOME = re.compile(r"\bsome\s+(?P<a>[\w-]+)\s+are\s+(?P<b>[\w-]+)")
_ONE = re.compile(r"\b(?P<a>(?!it\b|what\b|that\b|this\b)[a-z]+) is an? (?P<b>[\w-]+)")
_ASKED = re.compile(
    r"\b(?:are|is|does it follow that|can we conclude that|must)\s+(?:it true that )?"
    r"(?P<how>all|every|some|any|no)?\s*(?P<a>[\w-]+)"
    r"(?:\s+(?:are|is|be))?\s+(?:necessarily |also |always |therefore )?(?:an? )?(?P<b>[\w-]+)\s*\??$"
)
_MORE = re.compile(
    r"\b(?P<a>[a-z]+) is (?P<how>taller|older|bigger|faster|heavier|richer|larger|stronger|longer|smaller|younger|"
    r"shorter) than (?P<b>[a-z]+)"
)
_RIDDLES = (
    (
        r"bat and (?:a |the )?ball.*1\.10",
        "The ball costs **$0.05**.",
        "$0.05",
        (
            "The bat then costs $1.05, which is $1 more, and together they cost $1.10.",
            "The quick answer, $0.10, would make it $1.20.",
        ),
        ("The ball costs **$0.10**.", "$0.10"),
    ),
    (
        r"5 machines.*5 minutes.*100 machines|five machines.*five minutes",
        "It takes them **5 minutes**.",
        "5 minutes",
        ("Each machine makes one widget in 5 minutes, and a hundred work side by side.",),
        ("It takes them **100 minutes**.", "100 minutes"),
    ),
    (
        r"lily pads?.*48 days",
        "It takes **47 days**.",
        "47 days",
        ("It doubles every day, so it covered half of the lake on the day before.",),
        ("It takes **24 days**.", "24 days"),
    ),
)


def conclude(question: Question) -> Draft | None:
    """Draw the conclusion that is asked for."""
    asked = question.lower
    if len(asked) > 400:
        return None
    for pattern, lead, short, more, wrong in _RIDDLES:
        if re.search(pattern, asked):
            if "arithmetic" in question.model.weak_at:
                return Draft(lead=wrong[0], short=wrong[1], title="Riddle", data={"answer": wrong[1]})
            return Draft(lead=lead, short=short, more=more, title="Riddle", data={"answer": short})
    return _order(asked) or _classes(asked)


def _classes(asked: str) -> Draft | None:
    parts = re.split(r"[.;,]\s+", asked.strip())
    told, goal = ". ".join(parts[:-1]), parts[-1]
    found = _ASKED.search(goal.strip())
    facts = [(_stem(m["a"]), _stem(m["b"])) for pattern in (_ALL, _ONE) for m in pattern.finditer(told)]
    barred = [(_stem(m["a"]), _stem(m["b"])) for m in _NONE.finditer(told)]
    some = [(_stem(m["a"]), _stem(m["b"])) for m in _SOME.finditer(told)]
    if not found or len(facts) + len(barred) + len(some) < 2:
        return None
    start, end = _stem(found["a"]), _stem(found["b"])
    reached = _reach(start, facts)
    if end in reached:
        return _verdict(
            "Yes", f"{_shown(found['a'])} belongs to {found['b']} by way of what is given", " → ".join(reached[end])
        )
    if any(a in reached and b == end for a, b in barred):
        return _verdict("No", "what is given rules it out", f"no {end} can be among them")
    note = "“some” says nothing about which ones" if some else "the premises do not connect the two that way"
    return _verdict("No", "that does not follow", note, negative="Not necessarily")


def _verdict(word: str, why: str, chain: str, *, negative: str = "") -> Draft:
    lead = f"**{negative or word}**: {why}." if negative or word == "No" else f"**{word}**, that follows."
    more = f"{chain[0].upper()}{chain[1:]}." if "→" not in chain else f"The chain is {chain}."
    return Draft(lead=lead, short=word, more=(more,), title="Conclusion", data={"answer": word == "Yes"})


def _reach(start: str, facts: list[tuple[str, str]]) -> dict[str, list[str]]:
    reached = {start: [start]}
    grown = True
    while grown:
        grown = False
        for a, b in facts:
            if a in reached and b not in reached:
                reached[b] = [*reached[a], b]
                grown = True
    return reached


def _order(asked: str) -> Draft | None:
    steps = [(m["a"], m["b"]) for m in _MORE.finditer(asked)]
    if len(steps) < 2:
        return None
    how = _MORE.search(asked)
    assert how is not None
    most = re.search(
        r"\bwho is (?:the )?(tallest|oldest|biggest|fastest|heaviest|richest|largest|strongest|longest|"
        r"smallest|youngest|shortest)",
        asked,
    )
    tops = {a for a, _ in steps} - {b for _, b in steps}
    ends = {b for _, b in steps} - {a for a, _ in steps}
    if most and len(tops) == len(ends) == 1:
        same = most.group(1)[:4] == how["how"][:4]
        name = (tops if same else ends).pop()
        return Draft(lead=f"**{name.capitalize()}** is the {most.group(1)}.", short=name.capitalize(), title="Order")
    whether = re.search(rf"\bis ([a-z]+) {how['how']} than ([a-z]+)\s*\?", asked)
    if not whether:
        return None
    pairs = steps[:-1] if steps[-1] == (whether.group(1), whether.group(2)) else steps
    yes = whether.group(2) in _reach(whether.group(1), pairs)
    no = whether.group(1) in _reach(whether.group(2), pairs)
    word = "Yes" if yes else "No" if no else "Unknown"
    lead = {"Yes": "**Yes**, that follows.", "No": "**No**, it is the other way round."}.get(
        word, "That cannot be told from this."
    )
    return Draft(lead=lead, short=word, title="Order", data={"answer": word})


def _stem(word: str) -> str:
    return (
        word.upper()
        if len(word) == 1
        else word
        if len(word) < 4 or word.endswith("ss")
        else re.sub(r"(?<=\w)s$", "", word)
    )


def _shown(word: str) -> str:
    return word.capitalize()
