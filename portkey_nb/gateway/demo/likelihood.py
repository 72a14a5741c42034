"""Log probabilities for the tokens of an answer: plausible, the same every time, and never more than one in sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from portkey_nb.gateway.demo.chance import fingerprint

__all__ = ["likelihoods"]

_CONTEXT = 12
_OTHERS: tuple[str, ...] = (
    " the",
    " a",
    ".",
    ",",
    " and",
    " of",
    " is",
    " to",
    " in",
    " that",
    " it",
    " for",
    " not",
    " are",
    " as",
)
_OTHERS += (" with", " on", " be", " or", " I", " The", "\n")


def likelihoods(parts: Sequence[str], top: int, before: str = "") -> dict[str, Any]:
    """Return the ``logprobs`` of a choice.

    Parameters
    ----------
    parts : sequence of str
        The tokens.
    top : int
        How many alternatives to tell for each; the token itself is the first.
    before : str
        What stands before the tokens; it makes a piece of a stream tell the same as the whole.
    """
    content = []
    for place, token in enumerate(parts):
        said = f"{before}{''.join(parts[max(0, place - _CONTEXT) : place])}"[-_CONTEXT:]
        roll = int(fingerprint(said, token)[:8], 16) / 0xFFFFFFFF
        likely = 0.55 + 0.449 * roll
        content.append(_entry(token, likely) | {"top_logprobs": _alternatives(token, likely, top)})
    return {"content": content, "refusal": None}


def _alternatives(token: str, likely: float, top: int) -> list[dict[str, Any]]:
    """Share what is left of the probability among other tokens, each getting half of the rest."""
    others = [other for other in _OTHERS if other != token][: max(0, top - 1)]
    shares = [(1 - likely) * 0.5 ** (place + 1) for place in range(len(others))]
    return [_entry(one, share) for one, share in [(token, likely), *zip(others, shares, strict=True)][:top]]


def _entry(token: str, likely: float) -> dict[str, Any]:
    return {"token": token, "logprob": round(math.log(likely), 6), "bytes": list(token.encode("utf-8", "replace"))}
