"""Judging answers: a score, or the better of two, by how much of what was expected they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping

from portkey_nb.gateway.demo.draft import Draft, Question
from portkey_nb.gateway.demo.skills.reading_words import STOPS

_OPENING = re.compile(r"\[\[BEGIN RUBRIC ([0-9a-f]{8,64})\]\]\n")
_SCALE = re.compile(r"from (-?\d{1,6}) \(worst\) to (-?\d{1,6}) \(best\)")
_WORD = re.compile(r"\w+(?:[.,]\d+)*")
_MOST_WORDS = 20_000
_CLEARLY = 0.05
_UNKNOWING = re.compile(r"\b(?:i do not know|i don't know|i cannot|i can't|no idea|not sure|simulated)\b", re.I)


def judge(question: Question) -> Draft | None:
    """Judge the answers that stand as blocks between sealed marker lines; see ``engine/rubrics.py``."""
    opening = _OPENING.search(question.text)
    if opening is None:
        return None
    blocks, closing = _blocks(question.text[opening.start() :], opening[1])
    if "ANSWER" in blocks:
        return _scored(blocks, closing)
    return _compared(blocks) if "ANSWER A" in blocks and "ANSWER B" in blocks else None


def _blocks(text: str, seal: str) -> tuple[dict[str, str], str]:
    """Return the sealed blocks by name, and what is said behind the last one."""
    blocks: dict[str, str] = {}
    rest = text
    for block in re.finditer(rf"\[\[BEGIN ([A-Z ]+) {seal}\]\]\n(.*?)\n\[\[END \1 {seal}\]\]", text, re.S):
        blocks[block[1]] = block[2]
        rest = text[block.end() :]
    return blocks, rest


def _scored(blocks: Mapping[str, str], closing: str) -> Draft:
    scale = _SCALE.search(closing)
    low, high = (int(scale[1]), int(scale[2])) if scale else (1, 5)
    share = _share(blocks["ANSWER"], blocks)
    score = low + int(share * (high - low) + 0.5)
    reason = _reason(share, expected="EXPECTED" in blocks)
    return Draft(
        lead=f"{reason} Score: {score}.", short=str(score), data={"score": score, "reason": reason}, light=True
    )


def _compared(blocks: Mapping[str, str]) -> Draft:
    first, second = _share(blocks["ANSWER A"], blocks), _share(blocks["ANSWER B"], blocks)
    winner = "tie" if abs(first - second) < _CLEARLY else "A" if first > second else "B"
    reason = (
        "Both hold about as much of what was asked for."
        if winner == "tie"
        else f"Answer {winner} holds more of what was asked for."
    )
    said = f"{reason} Winner: {winner}."
    return Draft(lead=said, short=winner, data={"winner": winner, "reason": reason}, light=True)


def _share(answer: str, blocks: Mapping[str, str]) -> float:
    """Return how good an answer is, from 0 to 1."""
    said = _words(answer)
    if not said:
        return 0.0
    if "EXPECTED" in blocks:
        expected = _words(blocks["EXPECTED"])
        return len(expected & said) / len(expected) if expected else 1.0
    if _UNKNOWING.search(answer):
        return 0.25
    asked = _words(blocks.get("QUESTION", ""))
    return 0.6 + 0.4 * (len(asked & said) / len(asked) if asked else 1.0)


def _words(text: str) -> set[str]:
    words = [match[0].lower().replace(",", "") for match in _WORD.finditer(text[: 20 * _MOST_WORDS])][:_MOST_WORDS]
    return {word for word in words if word not in STOPS} or set(words)


def _reason(share: float, *, expected: bool) -> str:
    against = "the expected answer" if expected else "what was asked"
    if share >= 0.999:
        return f"The answer holds all of {against}."
    return (
        f"The answer holds about {share:.0%} of {against}." if share > 0 else f"The answer holds nothing of {against}."
    )
