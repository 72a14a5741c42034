"""Answers side by side: every row and cell in its place, long answers folded, hostile ones kept in their cell."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from portkey_nb.views.tables import TableCell, TableRow, comparison_bundle, summary_bundle
from tests.hostile import REPLIES
from tests.safe_html import Page, dangers

# What a table adds to what a reply may hold; none of it runs or fetches.
OURS = re.compile(
    r"<(?:caption|ins)>|t[hd] valign='top'|t[hd] colspan='\d+'|th scope='(?:row|col)'"
    r"|(?:b|span) title='(?:(?:best|worst) of this row|not asked|best of its column)'"
)
PIECES = [piece for reply in REPLIES.values() for piece in reply[:400].split(" ")]
hostile_text = st.lists(
    st.sampled_from(PIECES) | st.text(max_size=6) | st.sampled_from(list("\n`$[]()<>!*_~|#-\\:&\"' ")), max_size=20
).map(" ".join)
GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Grid(HTMLParser):
    """The outermost table of a page: for each row the text and the tags of each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[list[set[str]]] = []
        self._depth = 0
        self.feed(html)
        self.rows = [[" ".join(cell.split()) for cell in row] for row in self.rows]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._depth += tag == "table"
        if self._depth == 1 and tag == "tr":
            self.rows.append([])
            self.tags.append([])
        elif self._depth == 1 and tag in ("td", "th"):
            self.rows[-1].append("")
            self.tags[-1].append(set())
        elif self._depth and self.tags and self.tags[-1]:
            self.tags[-1][-1].add(tag)

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "table"

    def handle_data(self, data: str) -> None:
        if self._depth and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def found(html: str) -> list[str]:
    return [danger for danger in dangers(html) if not OURS.fullmatch(danger)]


def table(*cells: TableCell | None, head: str = "1", expected: str | None = None, **given: bool) -> dict[str, str]:
    row = TableRow(head=head, expected=expected, cells=cells)
    return comparison_bundle([f"model-{at}" for at in range(len(cells))], [row], **given)


def hostile(text: str) -> list[TableRow]:
    cell = TableCell(text=text, footer=text, error=text, passed=True, scores={text: text}, best=True)
    return [TableRow(head=text, expected=text, cells=[cell, TableCell(text="after", worst=True), None])]


def keeps_its_cell(text: str) -> None:
    for differences in (False, True):
        shown = comparison_bundle([text, "b", "c"], hostile(text), differences=differences, caption=text, left=1)
        assert found(shown["text/html"]) == []
        grid = Grid(shown["text/html"])
        assert [len(row) for row in grid.rows] == [4, 4]
        assert re.fullmatch("after ?▼ worst", grid.rows[1][2])
        assert grid.rows[1][3] == "—"
        lines = [line for line in shown["text/markdown"].split("\n") if line.startswith("|")]
        assert len(lines) == 3
        html = GITHUB.render(shown["text/markdown"])
        assert found(html) == []
        cells = Grid(html).rows[1]
        assert len(cells) == 4
        assert (cells[2].removeprefix("after"), cells[3]) == ("▼ worst", "—")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown["text/plain"])


@pytest.mark.parametrize("name", REPLIES)
def test_a_hostile_reply_keeps_its_cell(name: str) -> None:
    keeps_its_cell(REPLIES[name])


@settings(max_examples=60, deadline=None)
@given(hostile_text)
def test_no_mixture_of_hostile_pieces_leaves_its_cell(text: str) -> None:
    keeps_its_cell(text)


def test_a_row_per_case_and_a_column_per_variant() -> None:
    rows = [
        TableRow(
            head="fr\ncountry: France", expected="Paris", cells=[TableCell(text="**Paris**"), TableCell(text="Rome")]
        ),
        TableRow(head="it", expected=None, cells=[None, TableCell(text="*Rome*", footer="$0.001 · 1.2 s")]),
    ]
    shown = comparison_bundle(["gpt-4o", "llama"], rows, caption="capitals")
    grid = Grid(shown["text/html"])
    assert grid.rows == [
        ["case", "gpt-4o", "llama"],
        ["frcountry: Franceexpected: Paris", "Paris", "Rome"],
        ["it", "—", "Rome $0.001 · 1.2 s"],
    ]
    assert "strong" in grid.tags[1][1]
    assert "em" in grid.tags[2][2]
    assert shown["text/markdown"].split("\n") == [
        "**capitals**",
        "",
        "| case | gpt-4o | llama |",
        "|---|---|---|",
        "| **fr**<br>country: France<br>expected: Paris | \\*\\*Paris\\*\\* | Rome |",
        "| **it** | — | \\*Rome\\*<br>*<span>\\$</span>0.001 · 1.2 s* |",
    ]


def test_verdicts_scores_errors_and_ranks_are_words() -> None:
    cells = [
        TableCell(text="a", passed=True, scores={"exact": "1.00", "judge": "4.5"}, footer="1.2 s", best=True),
        TableCell(text="b", passed=False, worst=True),
        TableCell(text="partial", error="429 too many requests; wait"),
        TableCell(text="d", best=True, worst=True),
        TableCell(text="  "),
    ]
    shown = table(*cells)
    for form in (Grid(shown["text/html"]).rows[1], shown["text/markdown"].split("\n")[2].strip("| ").split(" | ")):
        good, bad, failed, alone, empty = form[1:]
        assert "▲ best · ✓ passed · exact 1.00 · judge 4.5 · 1.2 s" in good
        assert "▼ worst · ✗ failed" in bad
        assert re.search(r"error:(?:\*\*)? 429 too many requests; wait", failed)
        assert "partial" in failed
        assert "best" not in alone
        assert "(empty answer)" in empty
    assert "border-left:4px solid" in shown["text/html"]
    assert "border-left:4px dotted" in shown["text/html"]


@pytest.mark.parametrize("differences", [False, True])
def test_a_long_answer_folds_and_begins_readably(differences: bool) -> None:
    text = "It begins like this.\n\n" + "\n\n".join(f"Paragraph {at} goes on for a while." for at in range(60))
    html = table(TableCell(text=text), differences=differences)["text/html"]
    visible, _, folded = html.partition("<details>")
    assert "It begins like this." in visible
    summary, _, rest = folded.partition("</summary>")
    assert re.search(r"Paragraph \d+.* … .*\([\d,]+ more characters\)", summary, re.DOTALL)
    assert "Paragraph 59 goes on" in rest
    assert "Paragraph 1 goes" not in rest
    assert "<details>" not in table(TableCell(text="short"), differences=differences)["text/html"]


def test_a_long_block_of_code_folds_whole_and_begins_as_code() -> None:
    code = "```python\n" + "\n".join(f"    line_{at} = {at}" for at in range(50)) + "\n```"
    html = table(TableCell(text=code))["text/html"]
    summary, _, rest = html.partition("<details>")[2].partition("</summary>")
    assert "<code" in summary
    assert "line_0 = 0" in summary
    assert "```" not in summary
    assert rest.count("<pre") == 1


@pytest.mark.parametrize("place", [0, 2])
def test_a_link_defined_anywhere_works_in_both_parts(place: int) -> None:
    parts = ["See [here][a].\n\n", "word " * 200 + "\n\n[there][a]\n\n"]
    parts.insert(place, "[a]: https://example.org/\n\n")
    assert Page(table(TableCell(text="".join(parts)))["text/html"]).links == ["https://example.org/"] * 2


def test_differing_words_are_marked_in_every_form() -> None:
    shown = table(TableCell(text="It is 42 & more"), None, TableCell(text="It is <43> & more"), differences=True)
    assert re.search(r"It is <ins[^>]*>42</ins> &amp; more", shown["text/html"])
    assert re.search(r"It is <ins[^>]*>&lt;43&gt;</ins> &amp; more", shown["text/html"])
    assert "It is <ins>42</ins> & more" in shown["text/markdown"]
    assert "It is <ins>&lt;43></ins> & more" in shown["text/markdown"]
    assert "It is {+42+} & more" in shown["text/plain"]
    assert "<ins" not in table(TableCell(text="a"), TableCell(text="b"))["text/html"]


def test_a_megabyte_is_cut_and_says_so() -> None:
    text = "All work and no play. " * 50_000
    shown = table(TableCell(text=text), head="1\n" + text, expected=text)
    assert "of 1,100,000 characters; .to_frame() has them all" in shown["text/html"]
    assert "1,100,000 characters in all" in shown["text/plain"]
    assert len(shown["text/html"]) < 200_000
    assert len(shown["text/markdown"]) < 3_000
    assert len(shown["text/plain"]) < 10_000


def test_many_long_answers_make_a_bounded_page() -> None:
    rows = [TableRow(head=str(at), cells=[TableCell(text="word " * 4_000)] * 5) for at in range(80)]
    assert len(comparison_bundle(list("abcde"), rows)["text/html"]) < 3_000_000


def test_what_is_not_shown_is_said() -> None:
    rows = [TableRow(head="1", cells=[TableCell(text="a")])]
    for form in comparison_bundle(["m"], rows, left=11).values():
        assert "and 11 more rows: .table(12) shows all" in form
    for form in comparison_bundle(["m"], rows).values():
        assert "more row" not in form
    for form in comparison_bundle(["m"], []).values():
        assert "no rows" in form


def test_money_in_an_answer_or_a_footer_is_no_formula() -> None:
    cell = TableCell(text="$5 and $10", footer="$1 of $2", error="$3 or $4", scores={"$": "$"})
    for differences in (False, True):
        shown = table(cell, cell, head="$5 or $6\n$7 or $8", expected="$9 or $0", differences=differences)
        assert Page(shown["text/html"]).formulas == []
        assert Page(GITHUB.render(shown["text/markdown"])).formulas == []


def test_a_terminal_has_aligned_labels_and_wrapped_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "61")
    text = table(TableCell(text="one two three " * 10, passed=True), TableCell(text="b"), head="7\nq: x", expected="y")
    lines = text["text/plain"].split("\n")
    assert max(map(len, lines)) <= 60
    assert lines[:4] == [
        "── 7 ──",
        "input     q: x",
        "expected  y",
        "model-0   one two three one two three one two three one two",
    ]
    assert lines[4].startswith("          three one")
    assert lines[-2:] == ["          ✓ passed", "model-1   b"]


def test_without_any_style_the_structure_remains() -> None:
    bare = re.sub(' style="[^"]*"', "", table(TableCell(text="a\nb", best=True), head="1\nx: 1\ny: 2")["text/html"])
    assert "<thead><tr><th" in bare
    assert "x: 1<br>y: 2" in bare
    assert 'valign="top"' in bare


def frame(**columns: list[float | None]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=["gpt-4o", "llama"], dtype="Float64")


def test_a_summary_has_units_intervals_and_a_mark_for_the_best() -> None:
    found = frame(
        n=[50, 50],
        ok=[48, 50],
        errors=[2, 0],
        judged=[50, 50],
        pass_rate=[0.62, 0.5],
        pass_low=[0.482, 0.366],
        pass_high=[0.741, 0.634],
        judge_mean=[4.2, None],
        judge_se=[0.15, None],
        latency_median_s=[1.5, 0.75],
        latency_p95_s=[3.0, 2.0],
        ttft_median_s=[None, None],
        cost_per_call_usd=[0.0012, 0.0001],
        cost_usd=[0.06, 0.005],
        cost_paid_usd=[0.06, 0.0],
    )
    found.attrs["methods"] = {"pass_low": "Wilson score interval at 0.95", "pass_high": "Wilson score interval at 0.95"}
    shown = summary_bundle(found, caption="capitals")
    grid = Grid(shown["text/html"]).rows
    assert grid == [
        ["variant", "calls", "errors", "passed", "judge", "total time", "cost per call", "cost", "paid"],
        ["gpt-4o", "50", "2", "▲ 62 % (48-74)", "4.20 ± 0.15", "1.50 s (p95 3.00)", "$0.0012", "$0.0600", "$0.0600"],
        ["llama", "50", "0", "50 % (37-63)", "—", "▲ 0.75 s (p95 2.00)", "▲ $0.0001", "$0.0050", "$0.00"],
    ]
    assert Grid(GITHUB.render(shown["text/markdown"])).rows == grid
    for form in shown.values():
        assert "capitals" in form
        assert "passed: Wilson score interval at 0.95" in form
        assert ".pairs()" in form


def test_equal_variants_have_no_best() -> None:
    for form in summary_bundle(frame(n=[5, 5], pass_rate=[0.5, 0.5])).values():
        assert "▲" not in form
    for form in summary_bundle(frame(n=[5, 5])[:0]).values():
        assert "no variants" in form


def test_a_wide_summary_goes_on_below_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    wide = summary_bundle(frame(**{f"score{at}_mean": [0.5, 0.6] for at in range(9)}))["text/plain"]
    tables = wide.split("\n\n")[:-1]
    assert len(tables) > 1
    for lines in (part.split("\n") for part in tables):
        assert [line.split()[0] for line in lines] == ["variant", "gpt-4o", "llama"]
        assert max(map(len, lines)) < 50


@pytest.mark.parametrize("name", REPLIES)
def test_a_hostile_name_keeps_its_row(name: str) -> None:
    text = REPLIES[name]
    table = pd.DataFrame({"n": [1, 2], f"{text}_mean": [0.5, 0.7]}, index=[text, "after"])
    table.attrs["methods"] = {f"{text}_mean": text}
    shown = summary_bundle(table, caption=text)
    html = GITHUB.render(shown["text/markdown"])
    for page in (shown["text/html"], html):
        assert found(page) == []
        assert Page(page).formulas == []
        assert Grid(page).rows[2] == ["after", "2", "▲ 0.70"]
