"""Runs for the tests of the run log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from portkey_nb.engine.record import Run, new_run_id

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def begun(**facts: Any) -> Run:
    """Return a run that has just started."""
    known: dict[str, Any] = {"run_id": new_run_id(), "started_at": START, "model": "gpt-4o", "prompt": "Hello?"}
    return Run(**{**known, **facts})


def done(**facts: Any) -> Run:
    """Return a run that came out well."""
    known: dict[str, Any] = {
        "status": "ok",
        "ended_at": START + timedelta(seconds=2),
        "text": "Hello!",
        "input_tokens": 3,
        "output_tokens": 2,
        "cost_usd": 0.25,
    }
    return begun(**{**known, **facts})
