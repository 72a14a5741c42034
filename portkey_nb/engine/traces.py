"""What a run and Portkey's own logs know each other by: the metadata that goes along, and the trace's address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from portkey_nb.engine.call import METADATA_LIMIT

LOGS_PAGE = "https://app.portkey.ai/logs"
"""The dashboard's page of logs, where each trace has a view of its own (docs, product/observability/traces)."""
RUN_KEY = "run_id"
"""The key of a request's metadata under which Portkey's logs know the run."""
_FACTS = ("cell_id", "group_id", "group_label")


def run_metadata(run_id: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """Return what finds a run again in Portkey's logs, named as the columns of :func:`portkey_nb.runs`.

    Parameters
    ----------
    run_id : str
    facts : mapping
        Columns of the run; of these ``notebook``, ``cell_id``, ``group_id`` and ``group_label`` go along where they
        are known. Nothing that was said does.

    Returns
    -------
    dict
        Texts of at most 128 characters, as Portkey takes them (docs, product/observability/metadata); of a longer one
        the end is kept. Of a notebook's path only the name goes along.

    Examples
    --------
    >>> run_metadata("01J", {"notebook": "/home/ana/trip.ipynb", "cell_id": "c-1", "group_id": None, "prompt": "Hi"})
    {'run_id': '01J', 'notebook': 'trip.ipynb', 'cell_id': 'c-1'}
    """
    notebook = re.split(r"[/\\]", str(facts.get("notebook") or ""))[-1]
    found = {RUN_KEY: run_id, "notebook": notebook, **{name: str(facts.get(name) or "") for name in _FACTS}}
    return {name: text[-METADATA_LIMIT:] for name, text in found.items() if text}


def trace_url(base_url: str | None, trace_id: str | None) -> str | None:
    """Return the address of a trace in Portkey's dashboard; None where the call did not go to the hosted gateway.

    Parameters
    ----------
    base_url : str or None
        The gateway that was asked, as it stands in the run.
    trace_id : str or None

    Notes
    -----
    What is certain is the page: ``https://app.portkey.ai/logs``, whose Traces view groups calls by trace id (docs,
    product/observability/logs and traces). The query that opens one trace, ``traceView=true&selectedTraceId=...``, is
    how the dashboard's own address bar writes it behind an organisation's id, which a client does not know; Portkey
    documents no such address. Where the page does not follow it, the id in it is what its trace filter takes.

    Examples
    --------
    >>> trace_url("https://api.portkey.ai/v1", "nb-7f3a")
    'https://app.portkey.ai/logs?traceView=true&selectedTraceId=nb-7f3a'
    >>> trace_url("http://127.0.0.1:8787/v1", "nb-7f3a") is None
    True
    """
    if not trace_id or not _hosted(base_url):
        return None
    return f"{LOGS_PAGE}?traceView=true&selectedTraceId={quote(trace_id, safe='', errors='replace')}"


def _hosted(base_url: str | None) -> bool:
    try:
        host = urlsplit(base_url or "").hostname or ""
    except ValueError:
        return False
    return host == "portkey.ai" or host.endswith(".portkey.ai")
