"""What happened on the way to an answer, a tool's calls and what was said between them, as HTML, Markdown and text."""

from __future__ import annotations

from dataclasses import dataclass

from portkey_nb.views.fragments import block_html
from portkey_nb.views.safety import escape_prose, plain_text
from portkey_nb.views.source import code_span, render_markdown

_MUTED = "var(--jp-ui-font-color2,#808080)"
_FAILED = "var(--jp-error-color1,#d32f2f)"
_MONO = "font-family:var(--jp-code-font-family,monospace);font-size:.92em"
_FOLD = f"margin:.2em 0 .5em;font-size:.9em;color:{_MUTED}"
_VALUE = (
    f"{_MONO};white-space:pre-wrap;overflow-wrap:anywhere;margin:.2em 0;padding:.3em .6em;max-height:20em;"
    "overflow:auto;border-left:2px solid var(--jp-border-color2,rgba(127,127,127,.35))"
)
_SHORT = 80
_LONG = 20_000


@dataclass(frozen=True, kw_only=True)
class Step:
    """A tool's call, or what the model said before it.

    Attributes
    ----------
    text : str
        What was said, as Markdown; empty for a call.
    name : str
        The tool; empty for what was said.
    arguments : str
        As one would write them in Python: ``city='Paris'``.
    result : str
        What the tool gave, as the model was told.
    failed : bool
        Whether the tool raised, or was called with what it does not take.
    seconds : float or None
        How long it took.
    """

    text: str = ""
    name: str = ""
    arguments: str = ""
    result: str = ""
    failed: bool = False
    seconds: float | None = None

    @property
    def call(self) -> str:
        """The call as one would write it."""
        return f"{self.name}({self.arguments})"


def _shortened(text: str, limit: int = _SHORT) -> str:
    flat = " ".join(plain_text(text).split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def _bounded(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}… ({len(text):,} characters in all)"


def step_html(step: Step) -> str:
    """Return a step as static HTML: a call folds, its whole arguments and result inside."""
    if not step.name:
        return block_html(step.text, {})
    colour = f' style="color:{_FAILED}"' if step.failed else ""
    took = f" · {step.seconds:.2f} s" if step.seconds is not None else ""
    head = (
        f'<span style="{_MONO}">{escape_prose(_shortened(step.call))}</span> '
        f"<span{colour}>{'failed: ' if step.failed else '→ '}{escape_prose(_shortened(step.result))}</span>{took}"
    )
    inner = "".join(
        f'<div style="{_VALUE}">{escape_prose(_bounded(part))}</div>' for part in (step.call, step.result) if part
    )
    return f'<details style="{_FOLD}"><summary style="overflow-wrap:anywhere">{head}</summary>{inner}</details>'


def step_markdown(step: Step) -> str:
    """Return a step as safe Markdown."""
    if not step.name:
        return render_markdown(step.text)
    mark = "failed:" if step.failed else "→"
    return f"> {code_span(_shortened(step.call, 400))} {mark} {code_span(_shortened(step.result, 400))}"


def step_text(step: Step) -> str:
    """Return a step as a line of text for a terminal."""
    if not step.name:
        return plain_text(step.text)
    mark = "failed:" if step.failed else "→"
    return f"{_shortened(step.call, 200)} {mark} {_shortened(step.result, 200)}"
