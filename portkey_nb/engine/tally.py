"""What this process has called so far, counted as the run log counts."""

from __future__ import annotations

import threading

from portkey_nb.engine.queries import Totals
from portkey_nb.engine.record import Run


class Tally:
    """A running count of completed calls; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals = Totals()

    def add(self, run: Run) -> None:
        """Count a completed run; a cached or simulated answer costs nothing."""
        free = bool(run.demo) or bool(run.cached)
        answered = run.status in ("ok", "incomplete", "interrupted")
        with self._lock:
            known = self._totals
            self._totals = Totals(
                calls=known.calls + 1,
                failed=known.failed + (run.status in ("error", "incomplete")),
                cost_usd=known.cost_usd + (0.0 if free else run.cost_usd or 0.0),
                unpriced=known.unpriced + (not free and answered and run.cost_usd is None),
                demo_calls=known.demo_calls + bool(run.demo),
            )

    def totals(self) -> Totals:
        """Return the count as it stands."""
        return self._totals


SESSION = Tally()
"""Of this process: a kernel's session."""
