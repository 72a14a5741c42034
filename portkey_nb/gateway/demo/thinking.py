"""What a simulated model thinks aloud before it answers: what it was asked, what it has to go on, what it will do."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from portkey_nb.gateway.demo.draft import in_words
from portkey_nb.gateway.demo.findings import Findings
from portkey_nb.gateway.demo.skills.evaluation import work_out
from portkey_nb.gateway.demo.tokens import pieces

__all__ = ["EFFORTS", "signature", "thoughts"]

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
_SENTENCES: Mapping[str, int] = {"minimal": 1, "low": 2, "medium": 4, "high": 7, "xhigh": 9}


def thoughts(
    asked: str, effort: str, budget: int | None, calls: Sequence[Any], results: int, *, sums: bool = True
) -> tuple[str, ...]:
    """Return a train of thought in pieces, composed of the question alone.

    Parameters
    ----------
    effort : str
        One of :data:`EFFORTS`: how long it gets.
    budget : int or None
        The most pieces.
    calls : sequence of ToolCall
        What the model is about to call.
    results : int
        How many results of tools it has.
    sums : bool
        Whether it works out sums; a model that gets them wrong must not think otherwise than it speaks.
    """
    lines = _lines(asked, calls, results, sums=sums)
    text = " ".join(lines[: _SENTENCES.get(effort, 4)])
    return tuple(pieces(text))[:budget]


def _lines(asked: str, calls: Sequence[Any], results: int, *, sums: bool) -> list[str]:
    short = " ".join(asked.split())
    lines = [f"The question is: “{short[:160]}{'…' if len(short) > 160 else ''}”"]
    if results:
        lines.append(f"I have {results} {'result' if results == 1 else 'results'} from tools to go by.")
    if calls:
        names = in_words([f"{call.name} with {call.arguments}" for call in calls])
        lines.append(f"I need more than the conversation holds, so I will call {names}.")
    found = Findings(asked[:2000])
    for kind, word in (("number", "numbers"), ("name", "names"), ("quoted", "quoted words"), ("date", "dates")):
        values = [str(spot.value) for spot in found.of(kind)[:6]]
        if values:
            lines.append(f"It gives these {word}: {', '.join(values)}.")
    for spot in found.of("sum")[: int(sums)]:
        try:
            steps = work_out(str(spot.value))
        except (ValueError, ZeroDivisionError):
            steps = []
        lines += [f"Step by step, {step.said} = {step.value:g}." for step in steps]
    wishes = re.findall(
        r"\b(?:in one word|in one sentence|as json|as a table|briefly|in (?:german|french|spanish))\b", asked, re.I
    )
    if wishes:
        lines.append(f"The answer is wanted {in_words([wish.lower() for wish in wishes])}.")
    if not calls:
        lines.append("I should say what I know, and say so where I do not know.")
        lines.append("Let me check that nothing in the question is left out.")
        lines.append("Now I can write the answer.")
    return lines


def signature(text: str) -> str:
    """Return what stands for the provider's signature under a thinking block."""
    return base64.b64encode(hashlib.sha256(f"portkey_nb demo {text}".encode("utf-8", "replace")).digest()).decode()
