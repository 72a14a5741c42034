"""What a known program consists of."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Program"]


@dataclass(frozen=True, slots=True)
class Program:
    """A program: when it is meant, its heading, what leads up to it, the code, what follows, its language."""

    pattern: str
    title: str
    lead: str
    code: str
    more: tuple[str, ...] = ()
    language: str = "python"
