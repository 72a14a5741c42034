"""Texts side by side, word by word: which words of each differ from the first, with bounded effort."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

# A word, a run of blank, or one sign: scripts without blanks between words are compared letter by letter.
_PIECE = re.compile(r"\s+|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+(?:['’.,]\w+)*|\S")
_MAX_PAIRS = 60_000
_MAX_REPEATS = 20
"""How many pairs of equal words are weighed, in all and per word (prose has 2 to 10, and effort grows with its square);
beyond it words are counted, and their order is not looked at."""


class Piece(NamedTuple):
    """A part of a text, and whether it differs."""

    text: str
    differs: bool


def differing(texts: Sequence[str]) -> list[list[Piece]]:
    """Return each text in pieces that tell whether they differ from the first text.

    Parameters
    ----------
    texts : sequence of str
        The first is what the others are compared with.

    Returns
    -------
    list of list of Piece
        The pieces of each text, which joined are the text. In the first text those differ that none of the others has.
        Blank between words is no difference, but joins two differing words where it stands between them.

    Examples
    --------
    >>> for pieces in differing(["It is 42.", "It is 43."]):
    ...     print([piece.text for piece in pieces if piece.differs])
    ['42']
    ['43']
    """
    split = [_PIECE.findall(text) for text in texts]
    words = [[piece for piece in pieces if not piece.isspace()] for pieces in split]
    shared: set[int] = set()
    found = [shared]
    for other in words[1:]:
        ours, theirs = _common(words[0], other)
        shared |= ours
        found.append(theirs)
    if len(texts) == 1:
        shared |= set(range(len(words[0])))
    return [_joined(pieces, same) for pieces, same in zip(split, found, strict=True)] if texts else []


def _common(one: Sequence[str], other: Sequence[str]) -> tuple[set[int], set[int]]:
    """Return the places of the words that two texts have in common, in each of them."""
    start, limit = 0, min(len(one), len(other))
    while start < limit and one[start] == other[start]:
        start += 1
    end = 0
    while end < limit - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    ours = {*range(start), *range(len(one) - end, len(one))}
    theirs = {*range(start), *range(len(other) - end, len(other))}
    here, there = Counter(left), Counter(right)
    pairs = sum(count * there[word] for word, count in here.items())
    if pairs > min(_MAX_PAIRS, _MAX_REPEATS * max(50, min(len(left), len(right)))):
        both = here & there
        return ours | _counted(left, both, start), theirs | _counted(right, both, start)
    for a, b, size in SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks():
        ours.update(range(start + a, start + a + size))
        theirs.update(range(start + b, start + b + size))
    return ours, theirs


def _counted(words: Sequence[str], common: Counter[str], start: int) -> set[int]:
    left, places = common.copy(), set()
    for at, word in enumerate(words, start):
        if left[word] > 0:
            left[word] -= 1
            places.add(at)
    return places


def _joined(pieces: Sequence[str], same: set[int]) -> list[Piece]:
    """Join neighbours of one kind; blank belongs to what differs only where it stands between two such words."""
    marked: list[tuple[str, bool]] = []
    at = 0
    for piece in pieces:
        if piece.isspace():
            following = at not in same
            marked.append((piece, bool(marked) and marked[-1][1] and following and "\n" not in piece))
            continue
        marked.append((piece, at not in same))
        at += 1
    if marked and marked[-1][0].isspace():
        marked[-1] = (marked[-1][0], False)
    runs: list[tuple[list[str], bool]] = []
    for text, differs in marked:
        if runs and runs[-1][1] == differs:
            runs[-1][0].append(text)
        else:
            runs.append(([text], differs))
    return [Piece("".join(texts), differs) for texts, differs in runs]
