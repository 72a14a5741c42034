"""Comparisons as Markdown tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from portkey_nb.gateway.demo.draft import Draft, Question, in_words
from portkey_nb.gateway.demo.models import MODELS, PRICES
from portkey_nb.gateway.demo.skills.concepts import CONCEPTS
from portkey_nb.gateway.demo.skills.fact_table import CAPITALS, PLANETS

_SHELVES: Sequence[tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]] = (
    (
        ("Typing", "Speed", "Strong at", "Weak at"),
        {
            "Python": ("dynamic", "slow by itself", "data, glue, teaching", "tight loops, mobile"),
            "R": ("dynamic", "slow by itself", "statistics, plots", "general programs"),
            "Julia": ("dynamic", "fast", "numerical work", "size of its world"),
            "JavaScript": ("dynamic", "fast for a script", "the browser", "numbers beyond floats"),
            "TypeScript": ("static, optional", "as JavaScript", "large web programs", "build steps"),
            "Java": ("static", "fast", "large services", "brevity"),
            "Rust": ("static", "very fast", "safety without a collector", "quick sketches"),
            "Go": ("static", "fast", "network services", "abstraction"),
            "C++": ("static", "very fast", "engines, hardware", "safety"),
            "SQL": ("static", "up to the engine", "sets and joins", "procedures"),
        },
    ),
    (
        ("Care", "Company", "Exercise", "Noise"),
        {
            "Cats": ("little", "on their terms", "by themselves", "low"),
            "Dogs": ("a lot", "all the time", "walks every day", "barking"),
            "Rabbits": ("some", "shy", "room to run", "very low"),
            "Goldfish": ("clean water", "to look at", "none", "none"),
        },
    ),
    (
        ("Origin", "Caffeine per cup", "Taste", "Made by"),
        {
            "Coffee": ("Ethiopia", "about 95 mg", "roasted, bitter", "brewing ground beans"),
            "Tea": ("China", "about 45 mg", "light, tannic", "steeping leaves"),
            "Cocoa": ("Mesoamerica", "about 5 mg", "sweet, creamy", "stirring powder into milk"),
        },
    ),
    (
        ("Uses", "Outliers", "Best for"),
        {
            "Mean": ("every value", "pulled by them", "symmetric data"),
            "Median": ("the middle value", "hardly moved", "skewed data"),
            "Mode": ("the commonest value", "not moved", "categories"),
        },
    ),
    (
        ("Layout", "Types kept", "Size", "Read by people"),
        {
            "CSV": ("rows as text", "no", "large", "yes"),
            "JSON": ("nested text", "some", "largest", "yes"),
            "Parquet": ("columns, binary", "yes", "small", "no"),
            "Excel": ("sheets, zipped", "some", "medium", "in a program"),
        },
    ),
    (
        ("Ordered", "Mutable", "Duplicates", "Look-up"),
        {
            "List": ("yes", "yes", "yes", "by position"),
            "Tuple": ("yes", "no", "yes", "by position"),
            "Set": ("no", "yes", "no", "by membership"),
            "Dict": ("by insertion", "yes", "keys no", "by key"),
        },
    ),
    (
        ("Engine", "Evaluation", "Index", "Best for"),
        {
            "pandas": ("NumPy and Arrow", "eager", "yes", "everyday tables"),
            "Polars": ("Rust and Arrow", "eager or lazy", "no", "large tables, many cores"),
            "Dask": ("pandas in pieces", "lazy", "yes", "more than fits in memory"),
            "DuckDB": ("vectorised SQL", "lazy", "no", "SQL on files"),
        },
    ),
    (
        ("Connection", "Order kept", "Delivery", "Used for"),
        {
            "TCP": ("yes", "yes", "guaranteed", "web, mail, files"),
            "UDP": ("no", "no", "best effort", "calls, games, DNS"),
        },
    ),
    (
        ("Schema", "Scaling", "Transactions", "Examples"),
        {
            "SQL databases": ("fixed", "mostly up", "strong", "PostgreSQL, SQLite"),
            "NoSQL": ("flexible", "mostly out", "varies", "MongoDB, Redis"),
        },
    ),
    (
        ("Learns from", "Goal", "Example"),
        {
            "Supervised learning": ("labelled examples", "predict the label", "spam filter"),
            "Unsupervised learning": ("data alone", "find structure", "customer segments"),
            "Reinforcement learning": ("rewards", "act well", "game player"),
        },
    ),
    (
        ("Predicts", "Output", "Fitted by"),
        {
            "Linear regression": ("a number", "any value", "least squares"),
            "Logistic regression": ("a class", "a probability", "maximum likelihood"),
        },
    ),
    (
        ("Provider", "USD per M tokens in", "USD per M tokens out", "First token", "Tokens per second"),
        {
            name: (
                model.provider,
                f"{PRICES[name]['input']:g}",
                f"{PRICES[name]['output']:g}",
                f"{model.first_token_s:g} s",
                f"{model.tokens_per_s:g}",
            )
            for name, model in MODELS.items()
        },
    ),
    (
        ("Diameter", "From the Sun", "Moons"),
        {name: (f"{width:,} km", f"{far} million km", str(moons)) for name, (width, far, moons, _) in PLANETS.items()},
    ),
    (("Capital",), {country: (city,) for country, (city, _) in CAPITALS.items()}),
)
_ASKED = re.compile(r"\b(?:compare|comparison|differences?|versus|vs\.?|table|better|pros and cons|contrast)\b")


def tabulate(question: Question) -> Draft | None:
    """Compare what is named in a table."""
    if not _ASKED.search(question.lower) or len(question.text) > 500:
        return None
    if re.search(r"\btable\b", question.lower) and re.search(r"\bplanets\b", question.lower):
        return _table("Planets", _SHELVES[12][0], _SHELVES[12][1], question)
    for aspects, shelf in _SHELVES:
        names = [name for name in shelf if _mentioned(name, question.lower)]
        if len(names) > 1:
            names.sort(key=lambda name: _mentioned(name, question.lower) or 0)
            return _table("Comparison", aspects, {name: shelf[name] for name in names}, question)
    models = re.search(r"\b(?:models|demo models)\b", question.lower)
    if models and "table" in question.lower:
        return _table("The demo models", _SHELVES[11][0], _SHELVES[11][1], question)
    return _unknown(question)


def _mentioned(name: str, lower: str) -> int | None:
    word = re.escape(name.lower())
    stem = word.removesuffix("s") if len(word) > 3 else word
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
    remark = question.chance.pick(
        ("Which one suits depends on what you need it for.", "No row decides by itself; weigh them by your own case.")
    )
    return Draft(
        lead=f"Here is a comparison of {names}:",
        more=(remark,),
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
    else:
        rows += [
            ["Letters in the name", *(str(len(name)) for name in names)],
            ["Known to a simulated model", "by name only", "by name only"],
        ]
    return Draft(
        lead=f"This is what I can set side by side about {names[0]} and {names[1]}:",
        more=("The demo gateway only simulates a model; a real one would fill in the rest.",) if not all(known) else (),
        block=markdown_table(rows),
        title=f"{names[0]} and {names[1]}",
        data=[
            dict(zip((row[0] for row in rows[1:]), column[1:], strict=True)) | {"name": column[0]}
            for column in ([row[place] for row in rows] for place in (1, 2))
        ],
    )
