"""What a comparison came to as a small table, a row per variant: numbers with units and intervals, the best marked."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portkey_nb.views.folding import MUTED
from portkey_nb.views.quantities import DASH, money, number, percent, seconds
from portkey_nb.views.safety import escape_prose, plain_text
from portkey_nb.views.source import escape_markdown

if TYPE_CHECKING:
    import pandas as pd

_LINE = "1px solid var(--jp-border-color2,rgba(127,127,127,.35))"
_ROOT = "font-family:var(--jp-content-font-family,system-ui,sans-serif);max-width:100%"
_TABLE = "border-collapse:collapse;margin:0;font-size:.92em;font-variant-numeric:tabular-nums"
_CELL = f"padding:.35em .5em;border-bottom:{_LINE};white-space:nowrap;max-width:none;background:none"
_NAME = "white-space:normal;overflow-wrap:anywhere;min-width:7em;font-weight:600"
_NOTE = f"font-size:.8em;line-height:1.45;color:{MUTED};margin-top:.5em"
_CAPTION = "caption-side:top;text-align:left;font-weight:600;padding:0 0 .4em;color:inherit"
_BEST = "▲"
_MAX_WIDTH, _LABEL = 160, 40


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One column: its heading, a text and a value per variant, whether more or less is better (0: neither)."""

    heading: str
    texts: Sequence[str]
    values: Sequence[float]
    better: int
    sources: Sequence[str]

    @property
    def best(self) -> set[int]:
        """The rows that are best, where variants differ."""
        known = [value for value in self.values if not math.isnan(value)]
        if not self.better or len(known) < 2 or min(known) == max(known):
            return set()
        top = max(known) if self.better > 0 else min(known)
        return {at for at, value in enumerate(self.values) if value == top}


def summary_bundle(frame: pd.DataFrame, *, caption: str = "") -> dict[str, str]:
    """Return a summary per variant as text/plain, text/markdown and text/html.

    Parameters
    ----------
    frame : DataFrame
        As ``summary()`` of a comparison gives it: indexed by variant. What is unknown of all variants is left out, and
        ``.attrs["methods"]`` stands under the table.
    caption : str
        A line above the table, as plain text.

    Examples
    --------
    >>> import pandas as pd
    >>> found = {"n": [50, 50], "pass_rate": [0.62, 0.5], "cost_per_call_usd": [0.0012, 0.0001]}
    >>> frame = pd.DataFrame(found, index=["a", "b"])
    >>> print(summary_bundle(frame)["text/plain"])
    variant  calls  passed  cost per call
    a           50  ▲ 62 %        $0.0012
    b           50    50 %      ▲ $0.0001
    <BLANKLINE>
    ▲ best of its column; whether a difference is more than chance is for .pairs() to tell
    """
    variants = [" ".join(plain_text(str(name)).split()) for name in frame.index]
    columns = _columns(frame)
    notes = _notes(frame, columns)
    return {
        "text/plain": _text(variants, columns, notes, caption),
        "text/markdown": _markdown(variants, columns, notes, caption),
        "text/html": _html(variants, columns, notes, caption),
    }


def _columns(frame: pd.DataFrame) -> list[_Column]:
    """Return the columns that tell something."""
    made: list[_Column] = []

    def values(name: str) -> list[float]:
        return _values(frame, name)

    def add(heading: str, shown: Callable[..., str], sources: Sequence[str], better: int = 0) -> None:
        rows = list(zip(*map(values, sources), strict=True))
        if not all(math.isnan(row[0]) for row in rows):
            texts = [shown(*row) for row in rows]
            made.append(
                _Column(heading=heading, texts=texts, values=values(sources[0]), better=better, sources=sources)
            )

    calls = values("n")
    add("calls", _count, ["n"])
    for heading, name in (("ok", "ok"), ("errors", "errors"), ("judged", "judged"), ("no price", "unpriced")):
        told = values(name)
        expected = calls if name in ("ok", "judged") else [0.0] * len(told)
        if name == "ok" and _same(told, [n - bad for n, bad in zip(calls, values("errors"), strict=True)]):
            continue
        if any(told) and not _same(told, expected) and not all(math.isnan(one) for one in told):
            add(heading, _count, [name])
    add("passed", percent, ["pass_rate", "pass_low", "pass_high"], 1)
    for name in [str(name).removesuffix("_mean") for name in frame.columns if str(name).endswith("_mean")]:
        add(_heading(name), _plus_minus, [f"{name}_mean", f"{name}_se"], 1)
    add("total time", _typical, ["latency_median_s", "latency_p95_s"], -1)
    add("first token", _typical, ["ttft_median_s", "ttft_p95_s"], -1)
    add("tokens/s", number, ["tokens_per_s"], 1)
    add("cost per call", money, ["cost_per_call_usd"], -1)
    add("cost per pass", money, ["cost_per_pass_usd"], -1)
    add("cost", money, ["cost_usd"])
    if not _same(values("cost_paid_usd"), values("cost_usd")):
        add("paid", money, ["cost_paid_usd"])
    return made


def _values(frame: pd.DataFrame, name: str) -> list[float]:
    if name not in frame.columns:
        return [math.nan] * len(frame)
    return [float(value) for value in frame[name].astype("Float64").to_numpy(dtype=float, na_value=math.nan)]


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(one, other, strict=True))


def _heading(name: str) -> str:
    flat = " ".join(plain_text(name).split())
    return flat if len(flat) <= _LABEL else f"{flat[: _LABEL - 1]}…"


def _count(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:,.0f}"


def _plus_minus(mean: float, error: float) -> str:
    return number(mean) if math.isnan(mean) or math.isnan(error) else f"{number(mean)} ± {number(error)}"


def _typical(median: float, p95: float) -> str:
    known = "" if math.isnan(median) or math.isnan(p95) else f" (p95 {seconds(p95).removesuffix(' s')})"
    return f"{seconds(median)}{known}"


def _notes(frame: pd.DataFrame, columns: Sequence[_Column]) -> list[str]:
    """Return what is said under the table: what the mark means, and how numbers were made."""
    notes = []
    if any(column.best for column in columns):
        notes.append(f"{_BEST} best of its column; whether a difference is more than chance is for .pairs() to tell")
    told = frame.attrs.get("methods")
    methods = told if isinstance(told, dict) else {}
    headings: dict[str, list[str]] = {}
    for column in columns:
        for source in column.sources:
            if source in methods and column.heading not in headings.setdefault(str(methods[source]), []):
                headings[str(methods[source])].append(column.heading)
    return notes + [f"{', '.join(named)}: {' '.join(plain_text(method).split())}" for method, named in headings.items()]


def _html(variants: Sequence[str], columns: Sequence[_Column], notes: Sequence[str], caption: str) -> str:
    heads = "".join(
        f'<th scope="col" align="right" style="{_CELL};text-align:right">{escape_prose(column.heading)}</th>'
        for column in columns
    )
    above = f'<caption style="{_CAPTION}">{escape_prose(caption)}</caption>'
    lines = [f'<tr><th scope="col" align="left" style="{_CELL};text-align:left">variant</th>{heads}</tr>']
    for at, name in enumerate(variants):
        cells = "".join(
            f'<td align="right" style="{_CELL};text-align:right">'
            f"{_marked_html(column.texts[at]) if at in column.best else escape_prose(column.texts[at])}</td>"
            for column in columns
        )
        head = f'<th scope="row" align="left" style="{_CELL};{_NAME};text-align:left">{escape_prose(name)}</th>'
        lines.append(f"<tr>{head}{cells}</tr>")
    if not variants:
        lines.append(f'<tr><td colspan="{len(columns) + 1}" style="{_CELL}">no variants</td></tr>')
    below = "".join(f"<div>{escape_prose(note)}</div>" for note in notes)
    below = f'<div style="{_NOTE}">{below}</div>' if below else ""
    return (
        f'<div style="{_ROOT}"><div style="overflow-x:auto"><table style="{_TABLE}">{above if caption else ""}<thead>'
        f"{lines[0]}</thead><tbody>{''.join(lines[1:])}</tbody></table></div>{below}</div>"
    )


def _marked_html(text: str) -> str:
    return f'<b><span style="color:#0a84c6" title="best of its column">{_BEST}</span> {escape_prose(text)}</b>'


def _markdown(variants: Sequence[str], columns: Sequence[_Column], notes: Sequence[str], caption: str) -> str:
    lines = [
        f"| {' | '.join(['variant', *(_safe(column.heading) for column in columns)])} |",
        f"|---|{'--:|' * len(columns)}",
    ]
    for at, name in enumerate(variants):
        cells = [
            f"**{_BEST} {_safe(column.texts[at])}**" if at in column.best else _safe(column.texts[at])
            for column in columns
        ]
        lines.append(f"| {' | '.join([_safe(name), *cells])} |")
    if not variants:
        lines.append(f"| no variants |{' |' * len(columns)}")
    above = [f"**{_safe(' '.join(caption.split()))}**", ""] if caption.strip() else []
    below = [part for note in notes for part in ("", _safe(note))]
    return "\n".join([*above, *lines, *below])


def _safe(text: str) -> str:
    return escape_markdown(text).replace("\\$", "<span>\\$</span>")


def _text(variants: Sequence[str], columns: Sequence[_Column], notes: Sequence[str], caption: str) -> str:
    """Return the table for a terminal; columns that do not fit beside the others go under them."""
    room = min(_MAX_WIDTH, shutil.get_terminal_size((100, 24)).columns - 1)
    names = [name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…" for name in ["variant", *variants]]
    first = max(map(len, names))
    blocks: list[list[str]] = []
    for column in columns:
        texts = [f"{_BEST} {text}" if at in column.best else text for at, text in enumerate(column.texts)]
        width = max(len(column.heading), *map(len, texts)) if texts else len(column.heading)
        shown = [f"  {text:>{width}}" for text in (column.heading, *texts)]
        if not blocks or len(blocks[-1][0]) + len(shown[0]) > room:
            blocks.append([f"{name:<{first}}" for name in names])
        blocks[-1] = [line + text for line, text in zip(blocks[-1], shown, strict=True)]
    parts = [plain_text(caption)] if caption else []
    parts += ["\n".join(lines) for lines in blocks or [names]]
    parts += [] if variants else ["no variants"]
    return "\n\n".join([*parts, "\n".join(notes)] if notes else parts)
