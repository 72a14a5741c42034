"""Documents that show every kind of Markdown, and tables of invented figures."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.draft import Draft, Question, exactly
from portkey_nb.gateway.demo.skills.comparing import markdown_table
from portkey_nb.gateway.demo.skills.fact_table import CAPITALS
from portkey_nb.gateway.demo.skills.listing import things_of

_DOCUMENT = """# {title}

A short report, so that every kind of Markdown is seen once. It holds **bold** and *slanted* words, `code` in a line,
and a formula: $\\bar{{x}} = \\frac{{1}}{{n}} \\sum_i x_i$.

## What was done

1. The data were read and checked.
2. Rows without a date were set aside.
3. The rest was summed up by month:
   - once with all rows,
   - once without the largest one.

## What came out

| month    | orders | revenue |
|:---------|-------:|--------:|
| January  |    120 |  $2,400 |
| February |     98 |  $1,950 |
| March    |    143 |  $3,010 |

> The third month is the best one, with or without its largest order.

```python
import pandas as pd

orders = pd.read_csv("orders.csv", parse_dates=["date"])
by_month = orders.groupby(orders["date"].dt.month_name())["total"].sum()
print(by_month)
```

$$
\\text{{growth}} = \\frac{{3010 - 2400}}{{2400}} \\approx 25\\,\\%
$$

All figures are invented."""
_NUMERIC = re.compile(
    r"price|cost|sales|revenue|population|age|weight|height|score|calories|year|number|amount|rating|size|speed"
)


def show(question: Question) -> Draft | None:
    """Write a document of all kinds of Markdown, or a table of things with invented figures."""
    asked = question.lower
    if len(asked) > 300:
        return None
    kinds = re.findall(r"\b(?:heading|headings|list|table|code|formula|latex|quote|bold)\b", asked)
    if (
        re.search(r"\bmarkdown\b", asked)
        and (len(set(kinds)) > 2 or re.search(r"\b(?:show|demo|sample|example|everything|kinds)\b", asked))
        and not re.search(r"\btable (?:of|with)\b", asked)
    ):
        topic = re.search(r"\b(?:about|on)\s+([^.?!,]{3,50})", question.text)
        title = topic.group(1).strip() if topic else "Orders in the first quarter"
        return exactly(_DOCUMENT.format(title=title[0].upper() + title[1:]))
    return _table(question, asked)


def _table(question: Question, asked: str) -> Draft | None:
    found = re.search(
        r"\btable (?:of|with|listing|showing) (?:the )?(?:(\d+|[a-z]+) )?(.+?) (?:with|and) (?:their |columns? "
        ")?(.+?)[.?!]*$",
        asked,
    )
    if not found:
        return None
    counts = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}
    word = found.group(1) or ""
    count = int(word) if word.isdigit() else counts.get(word, 5)
    kind = found.group(2) if word.isdigit() or word in counts else f"{word} {found.group(2)}".strip()
    things = things_of(kind)
    if not things:
        return None
    if re.search(r"countries", kind) and re.fullmatch(r"(?:their )?capitals?(?: cities)?", found.group(3).strip()):
        return _capitals(things[: max(1, count)], kind)
    columns = [
        part.strip()
        for part in re.split(r",| and ", re.sub(r"\bin (?:usd|dollars|euros)\b", "", found.group(3)))
        if part.strip()
    ]
    rows = [[thing, *(_figure(thing, column, question) for column in columns)] for thing in things[: max(1, count)]]
    return Draft(
        lead=f"Here is a table of {kind}:",
        block=markdown_table([[_single(kind), *columns], *rows]),
        more=("The figures are invented, as a simulated model has no source for them.",),
        title=kind.capitalize(),
        data=[dict(zip([_single(kind), *columns], row, strict=True)) for row in rows],
    )


def _single(kind: str) -> str:
    return re.sub(r"ies$", "y", kind) if kind.endswith("ies") and kind != "movies" else kind.removesuffix("s")


def _capitals(lands: list[str], kind: str) -> Draft:
    rows = [[land, CAPITALS[land][0]] for land in lands if land in CAPITALS]
    return Draft(
        lead=f"Here is a table of {kind} and their capitals:",
        block=markdown_table([["Country", "Capital"], *rows]),
        title="Capitals",
        data=[{"country": land, "capital": city} for land, city in rows],
    )


def _figure(thing: str, column: str, question: Question) -> str:
    if not _NUMERIC.search(column):
        return "-"
    # The same thing has the same figure in every reply.
    number = Chance(thing, column).pick(range(20, 990))
    return f"${number / 100:.2f}" if re.search(r"price|cost", column) else str(number)
