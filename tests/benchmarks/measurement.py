"""A measurement: what was measured, in which unit, here and beside it, round by round."""

from __future__ import annotations

import enum
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

Some = TypeVar("Some")
Values = Sequence[float]


class Size(enum.StrEnum):
    """How much is measured."""

    QUICK = "quick"
    DEFAULT = "default"
    FULL = "full"

    def pick(self, *, quick: Some, default: Some, full: Some | None = None) -> Some:
        """Return what belongs to this size; the full one is the default one if it is not given."""
        chosen = {Size.QUICK: quick, Size.DEFAULT: default, Size.FULL: default if full is None else full}
        return chosen[self]

    @property
    def flag(self) -> str:
        """What a command says of it."""
        return "" if self is Size.DEFAULT else f" --{self.value}"


@dataclass(frozen=True)
class Measurement:
    """One row of the table.

    Attributes
    ----------
    what : str
        What was measured; unique among all rows.
    unit : str
        What stands behind each number, such as ``ms`` or ``chunks/s``.
    took : mapping
        Who -> one value for each round, or the reason why there is none. The first one is portkey_nb.
    target : str
        What the project wants of it, in words.
    """

    what: str
    unit: str
    took: Mapping[str, Values | str]
    target: str = ""

    def __post_init__(self) -> None:
        if not self.took:
            raise ValueError(f"{self.what!r} has no values")
        for who, values in self.took.items():
            if not values:
                raise ValueError(f"{self.what!r} has no values of {who!r}: give the reason instead")

    @property
    def here(self) -> Values | str:
        """The values of portkey_nb."""
        return next(iter(self.took.values()))

    @property
    def beside(self) -> dict[str, Values | str]:
        """The values of the others."""
        return dict(list(self.took.items())[1:])

    def ratio(self, who: str) -> float | None:
        """Return portkey_nb : peer as the median of the rounds' ratios, or None where one of both is missing."""
        ours, theirs = self.here, self.took[who]
        if isinstance(ours, str) or isinstance(theirs, str):
            return None
        if len(ours) != len(theirs):
            ours, theirs = [statistics.median(ours)], [statistics.median(theirs)]
        ratios = [a / b for a, b in zip(ours, theirs, strict=True) if b]
        return statistics.median(ratios) if ratios else None

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Measurement:
        """Return what such a line holds."""
        return cls(**json.loads(line))


def by_turns(
    sides: Mapping[str, Callable[[], float] | str], rounds: int, warm: int = 1, failing: bool = True
) -> dict[str, Values | str]:
    """Measure several sides round by round; every second round goes backwards, since who comes later finds more warm.

    Parameters
    ----------
    sides : mapping
        Who -> a function that returns one value, or the reason why it is missing. portkey_nb comes first.
    rounds : int
        How many count.
    warm : int
        Rounds before these, which do not count.
    failing : bool
        Whether a peer that raises becomes one that is missing. portkey_nb must not raise.
    """
    first = next(iter(sides))
    measured: dict[str, list[float]] = {who: [] for who, side in sides.items() if not isinstance(side, str)}
    reasons = {who: side for who, side in sides.items() if isinstance(side, str)}
    for number in range(-warm, rounds):
        for who in sorted(measured, key=list(measured).index, reverse=bool(number % 2)):
            side = sides[who]
            if who in reasons or isinstance(side, str):
                continue
            try:
                value = side()
            except Exception as error:
                if who == first or not failing:
                    raise
                reasons[who] = reason(error)
                continue
            if number >= 0:
                measured[who].append(value)
    return {who: reasons.get(who) or measured[who] for who in sides}


def reason(error: BaseException) -> str:
    """Return an error as one short line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
    return said if len(said) <= 160 else said[:159] + "…"
