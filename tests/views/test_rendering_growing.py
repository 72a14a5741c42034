"""A reply as it grows: what is closed stays, is safe at every instant, and ends as the whole would."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb.views.rendering import GrowingMarkdown, render_html
from tests.hostile import REPLIES
from tests.safe_html import Page, assemble, dangers
from tests.views.test_rendering_html import hostile_text

MIXED = """# Title

A paragraph with *emphasis*, `code` and $5.
Its second line.

1. First **item**
   goes on
   ```python
   def f(x):
       \"\"\"two
       lines\"\"\"
       return x
   ```
2. Second
   - nested
   - more

> a quote
> of two lines

| a | b |
|---|--:|
| 1 | 2 |
| 3 | 4 |

$$
x < y
$$

```python
for i in range(3):
    print(i)

# end
```
- last
"""


def grow(text: str, cuts: list[int]) -> tuple[list[list[str]], list[str]]:
    """Feed a text in pieces; return the ops so far after each piece, and the tails."""
    growing, ops, tail = GrowingMarkdown(), [], ""
    stages, tails = [], []
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(text)}), len(text)]
    for start, end in pairwise(places):
        update = growing.feed(text[start:end])
        ops = [*ops, *update.ops]
        tail = update.tail if update.reset else tail + update.tail
        stages.append(ops)
        tails.append(tail)
    last = growing.finish()
    stages.append([*ops, *last.ops])
    tails.append(last.tail if last.reset else tail + last.tail)
    return stages, tails


def words(html: str) -> str:
    return re.sub(r"\s+", "", Page(html).words)


@pytest.mark.parametrize("name", REPLIES)
def test_a_hostile_reply_is_harmless_at_every_instant(name: str) -> None:
    reply = REPLIES[name][:1_500]
    stages, _ = grow(reply, list(range(0, len(reply), 7)))
    for ops in stages:
        assert dangers(assemble(ops)) == []


@settings(max_examples=150, deadline=None)
@given(hostile_text, st.lists(st.integers(1, 300), max_size=8))
def test_any_mixture_cut_anywhere_is_harmless(pieces: list[str], cuts: list[int]) -> None:
    stages, tails = grow("".join(pieces), cuts)
    for ops in stages:
        assert dangers(assemble(ops)) == []
    assert tails[-1] == ""


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, len(MIXED)), max_size=12))
def test_it_ends_as_the_whole_reply_reads(cuts: list[int]) -> None:
    stages, _ = grow(MIXED, cuts)
    html, whole = assemble(stages[-1]), render_html(MIXED)
    assert words(html) == words(whole)
    for tag in ("h1", "p", "li", "ol", "ul", "blockquote", "tr", "td", "pre", "strong", "em"):
        assert html.count(f"<{tag}>") + html.count(f"<{tag} ") == whole.count(f"<{tag}>") + whole.count(f"<{tag} "), tag


def test_closed_parts_are_never_sent_again() -> None:
    stages, tails = grow(MIXED, list(range(0, len(MIXED), 3)))
    text = "".join(op[1:] for op in stages[-1])
    assert text.count("goes on") == text.count("nested") == text.count("Its second line") == 1
    assert all(len(tail) < 120 for tail in tails)


def test_nothing_shown_is_taken_back() -> None:
    stages, tails = grow(MIXED, list(range(0, len(MIXED), 3)))
    for before, after in pairwise(stages):
        assert after[: len(before)] == before
    seen = [
        len(words(assemble(ops))) + len(re.sub(r"[\s|*`#>$-]", "", tail))
        for ops, tail in zip(stages, tails, strict=True)
    ]
    assert all(after >= before - 12 for before, after in pairwise(seen))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\n\ntwo", "<p>one</p>"),
        ("- one\n- tw", "<ul><li>one</li>"),
        ("| a |\n|---|\n| 1 |\n| 2", "<td>1</td>"),
        ("```\nx\ny", "x\n</code>"),
        ("text\n- item\n- it", "<p>text</p>"),
        ("# head\nmore", "<h1>head</h1>"),
    ],
)
def test_what_cannot_change_any_more_is_shown_at_once(text: str, html: str) -> None:
    update = GrowingMarkdown().feed(text)
    assert html.replace("\n", "") in assemble(update.ops).replace("\n", "")


def test_an_open_line_is_text() -> None:
    update = GrowingMarkdown().feed("one **two")
    assert (update.ops, update.tail) == ([], "one **two")


def test_line_ends_of_all_kinds_close_lines() -> None:
    growing = GrowingMarkdown()
    ops = growing.feed("a\r").ops + growing.feed("\n\r").ops + growing.feed("\nb\rc").ops + growing.finish().ops
    assert assemble(ops) == "<p>a</p>\n<p>b\nc</p>\n"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 30_000 + "\n\n",
        "> " * 20_000,
        "- a\n" * 8_000,
        "a\n" * 20_000,
        "|" * 20_000 + "\n|-|\n",
        "```js\n" + "/* x\n" * 3_000,
        "-" + " " * 50_000 + "x\n",
        "| a |\n|--" + "|--" * 5_000 + "\n",
    ],
)
def test_pathological_text_grows_as_well(text: str) -> None:
    stages, _ = grow(text, list(range(0, len(text), 500)))
    assert dangers(assemble(stages[-1])) == []
