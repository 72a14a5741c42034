"""The command of one benchmark: its sizes, and its rows as they come."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.benchmarks.measurement import Measurement, Size
from tests.benchmarks.table import printed


def arguments(words: str | None) -> argparse.ArgumentParser:
    """Return the parser of a module's own command, to which it may add."""
    parser = argparse.ArgumentParser(description=(words or "").partition("\n")[0])
    size = parser.add_mutually_exclusive_group()
    size.set_defaults(size=Size.DEFAULT)
    for one, meaning in ((Size.QUICK, "fewer and smaller rounds"), (Size.FULL, "the sizes that the project names")):
        size.add_argument(f"--{one.value}", dest="size", action="store_const", const=one, help=meaning)
    return parser


def face(
    measurements: Callable[..., Iterator[Measurement]],
    words: str | None,
    parser: argparse.ArgumentParser | None = None,
    argv: Sequence[str] | None = None,
) -> None:
    """Be the command of one module: measure with what is installed here, and print each row as it comes."""
    given: dict[str, Any] = vars((parser or arguments(words)).parse_args(argv))
    for measurement in measurements(given.pop("size"), **given):
        print(printed(measurement), flush=True)
