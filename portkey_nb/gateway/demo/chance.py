"""Chance that is the same for the same request and seed, and livelier with temperature."""

from __future__ import annotations

import hashlib
import json
import random
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Chance:
    """A source of choices for one reply.

    Parameters
    ----------
    parts : object
        What the choices hang on; plain JSON values.
    temperature : float
        At 0 the first option is always taken; from 1 upwards each is as likely as the others.
    """

    def __init__(self, *parts: Any, temperature: float = 1.0) -> None:
        self._random = random.Random(fingerprint(*parts))  # noqa: S311 - play, not secrecy
        self.temperature = temperature

    def pick(self, options: Sequence[T]) -> T:
        """Choose one of the options; the first is the usual one."""
        roll, other = self._random.random(), self._random.randrange(len(options))
        return options[other] if roll < self.temperature else options[0]

    def order(self, options: Sequence[T]) -> list[T]:
        """Return the options, shuffled when there is any temperature."""
        shuffled = list(options)
        roll = self._random.random()
        self._random.shuffle(shuffled)
        return shuffled if roll < self.temperature else list(options)

    def weighted(self, weights: Sequence[float]) -> int:
        """Return an index, each as likely as its weight; temperature does not matter."""
        return self._random.choices(range(len(weights)), weights)[0]

    def jitter(self, spread: float) -> float:
        """Return a factor between ``1 - spread`` and ``1 + spread``."""
        return 1.0 + self._random.uniform(-spread, spread)


def fingerprint(*parts: Any) -> str:
    """Return a sha256 of plain JSON values."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def chance_for(model: str, body: Mapping[str, Any], choice: int) -> Chance:
    """Return the chance of one choice of a request: fixed by its seed, or by temperature 0, else new each time."""
    seed, temperature = body.get("seed"), body.get("temperature")
    warm = 1.0 if temperature is None else float(temperature)
    if seed is None and warm > 0:
        seed = secrets.token_hex(8)
    return Chance(model, body.get("messages"), warm, seed, choice if warm > 0 else 0, temperature=warm)


def rotated(options: Sequence[T], *parts: Any) -> list[T]:
    """Return the options turned round by plain JSON values alone, so that even the usual one varies."""
    start = int(fingerprint(*parts)[:8], 16) % len(options)
    return [*options[start:], *options[:start]]
