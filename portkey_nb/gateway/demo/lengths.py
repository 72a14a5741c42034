"""Answers of a laid-down length: so many sentences, words or bullet points."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["as_points", "as_sentences", "as_words", "clause"]

_FILLERS: Sequence[str] = (
    "",
    "Indeed.",
    "Quite simply.",
    "Nothing more needed.",
    "That is the gist.",
    "That is the essential idea.",
    "Everything else is only a detail.",
    "Everything else about it is mere detail.",
    "That is the short version of the matter.",
    "That is the short version of a longer story.",
    "Everything else that can be said follows from this point.",
    "Everything else that can be said about it follows from this.",
    "There is more to be said about it, but this will do.",
)
"""Sentences by their number of words."""
_HANGING_WORDS = "a an the of to in on for with by is are and or its from at as that plus than but so"
_HANGING = frozenset(_HANGING_WORDS.split())
_TAILS: Sequence[str] = (
    "That is the essence of it.",
    "The rest is detail.",
    "An example usually makes it clearer than a definition.",
)


def as_sentences(sentences: Sequence[str], wanted: int) -> str:
    """Return exactly so many sentences, as far as there is something to say."""
    said = [sentence for sentence in sentences if sentence]
    return " ".join([*said, *_TAILS][: max(1, wanted)])


def as_points(sentences: Sequence[str], wanted: int) -> str:
    """Return so many bullet points."""
    return "\n".join(f"- {sentence}" for sentence in [*sentences, *_TAILS][: max(1, wanted)])


def as_words(sentences: Sequence[str], wanted: int) -> str:
    """Return so many words, in whole clauses where the text allows it."""
    said = sentences[0].split() if sentences else []
    if len(said) > wanted:
        said = clause(sentences[0], wanted)
    for sentence in sentences[1:]:
        if len(said) + len(sentence.split()) <= wanted:
            said += sentence.split()
    missing = wanted - len(said)
    return " ".join([*said, *(_FILLERS[missing].split() if 0 < missing < len(_FILLERS) else [])])


def clause(sentence: str, most: int) -> list[str]:
    """Return the longest beginning of a sentence that ends where a clause does."""
    ends = [
        found.start() for found in re.finditer(r"[,;:]|\s(?:if|and|which|because|so|when|but|while|along)\b", sentence)
    ]
    for end in reversed(ends):
        words = sentence[:end].split()
        if 3 < len(words) <= most:
            return [*words[:-1], f"{words[-1].rstrip(',;:')}."]
    words = sentence.split()[:most]
    while len(words) > 4 and words[-1].lower() in _HANGING:
        words.pop()
    return [*words[:-1], f"{words[-1].rstrip(',;:.')}."]
