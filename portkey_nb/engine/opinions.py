"""What a person thinks of an answer: kept with its run, and told to Portkey where it logs the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from portkey_nb.engine.connections import client_for
from portkey_nb.engine.record import Run
from portkey_nb.errors import PortkeyError, PromptError

RATINGS = (-1, 0, 1)
"""Bad, no opinion, good."""
_TOLD = ("hosted", "demo")
"""Gateways that keep feedback; the open-source one has no such route."""


async def rate(
    run: Run,
    value: int,
    keep: Callable[[str, int], None],
    *,
    base_url: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Run, str]:
    """Keep an opinion with a run, and send it to Portkey's feedback where the run was logged there.

    Parameters
    ----------
    run : Run
    value : {-1, 0, 1}
        Bad, no opinion any more, good. Portkey has no way to take feedback back: it is told 0 then.
    keep : callable
        Writes a rating to the run log, given the run's id and the value; called in another thread.
    base_url, options
        Of the client.

    Returns
    -------
    run : Run
        With the rating; unchanged where it could not be kept.
    trouble : str
        What went wrong, in one line; empty where nothing did. Nothing is raised for a failing log or gateway.

    Raises
    ------
    PromptError
        For another value.
    """
    if value not in RATINGS or isinstance(value, bool):
        raise PromptError(f"the rating is {value!r}; it is 1 (good), -1 (bad) or 0 (no opinion)")
    try:
        await asyncio.to_thread(keep, run.run_id, value)
    except PortkeyError as error:
        return run, f"the rating is not kept: {error.message}"
    rated = run.with_(rating=value or None)
    try:
        await _tell(run, value, base_url, options or {})
    except PortkeyError as error:
        return rated, f"the rating is in the run log, but Portkey did not take it: {error.message}"
    return rated, ""


async def _tell(run: Run, value: int, base_url: str | None, options: Mapping[str, Any]) -> None:
    """Send feedback by the trace id, unless the run was logged by another gateway, or by none."""
    client = await asyncio.to_thread(client_for, base_url, options)
    target = client._target
    if run.trace_id and target.kind in _TOLD and run.base_url in (None, target.label):
        await client.feedback.create(trace_id=run.trace_id, value=value)
