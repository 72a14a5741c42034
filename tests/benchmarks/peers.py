"""The peers: what is compared with, where it is, and why it is missing where it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import TypeVar

from tests.benchmarks.measurement import reason

Some = TypeVar("Some")

SDKS = ("openai", "portkey-ai", "chatlas")
"""Peers that are installed beside the checkout, as pip names them."""
MAGICS = "jupyter-ai-magic-commands"
"""jupyter-ai's ``%%ai``; what it needs holds the openai SDK back, so that it has an environment of its own."""
AI_PYTHON = "PORTKEY_NB_BENCHMARK_AI_PYTHON"
"""The variable with the interpreter that has it."""
MISSING = "PORTKEY_NB_BENCHMARK_MISSING"
"""The variable with what could not be installed: JSON, from the package's name to the reason."""


def why_missing(package: str) -> str:
    """Return why a package is not there."""
    known: dict[str, str] = json.loads(os.environ.get(MISSING, "{}"))
    return f"{package} is not installed{': ' if package in known else ''}{known.get(package, '')}"


def made(make: Callable[[], Some]) -> Some | str:
    """Return what a function makes of peers that it imports itself, or why there is none."""
    try:
        return make()
    except ModuleNotFoundError as error:
        return why_missing((error.name or "").partition(".")[0].replace("_", "-"))
    except Exception as error:
        return reason(error)


def all_made(makers: Mapping[str, Callable[[], Some]]) -> dict[str, Some | str]:
    """Return what each of several functions makes, or why there is none."""
    return {who: made(make) for who, make in makers.items()}


def ai_python() -> str | None:
    """Return the interpreter that has jupyter-ai's magics; None where there is none."""
    return os.environ.get(AI_PYTHON)
