"""Runs beside what Portkey's own logs say of them: billed cost, the gateway's attempts, who answered."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from portkey_nb.engine.plain import mend
from portkey_nb.engine.portkey_logs import exported
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import StoreError

NOTE = "join_logs"
"""The key of ``frame.attrs`` under which stands, in one line, what was joined and what was not."""
_RUN_ID = r"[0-9A-HJKMNP-TV-Z]{26}"
_NOTED = ["trace_id", "attempts", "cached"]
_COLUMNS: Mapping[str, str] = {
    "billed_cost_usd": "Float64",
    "logged_attempts": "Int64",
    "logged_retries": "Int64",
    "logged_provider": "category",
    "logged_model": "category",
    "logged_status": "Int64",
    "logged_success": "boolean",
    "logged_response_s": "Float64",
    "logged_input_tokens": "Int64",
    "logged_output_tokens": "Int64",
    "logged_cache": "category",
    "logged_mode": "category",
    "logged_config": "string",
    "logged_at": "datetime64[us, UTC]",
}
_LAST = {
    "logged_provider": "ai_org",
    "logged_model": "ai_model",
    "logged_status": "status",
    "logged_success": "success",
    "logged_cache": "cache_status",
    "logged_mode": "mode",
    "logged_config": "config",
}
"""Column -> what it is of the attempt that answered."""
_SUMMED = {
    "billed_cost_usd": "cost_usd",
    "logged_retries": "retry_success_count",
    "logged_response_s": "response_s",
    "logged_input_tokens": "req_units",
    "logged_output_tokens": "res_units",
}
"""Column -> what it is the sum of, over all attempts."""


def join_logs(frame: pd.DataFrame, *exports: Any, store: RunStore | str | None = None) -> pd.DataFrame:
    """Return runs with what exported logs of Portkey say of them, matched by run id and by trace id.

    Parameters
    ----------
    frame : DataFrame
        Runs, as :func:`portkey_nb.runs` gives them. Where it holds no ``trace_id`` and the logs' metadata no run id,
        the trace ids are looked up in the run log.
    *exports : path, DataFrame, mapping, or list of these
        Exports of ``/v1/logs/exports`` as ``.jsonl`` or ``.csv``, gzipped or not. What several of them hold counts
        once.
    store : RunStore, str or path, optional
        The run log, where it is not the default one. It is read at most.

    Returns
    -------
    DataFrame
        A copy with the same rows and these columns, NA where the logs say nothing: ``billed_cost_usd`` (US dollars),
        ``logged_attempts`` (requests that the gateway made), ``logged_retries``, ``logged_input_tokens``,
        ``logged_output_tokens`` and ``logged_response_s`` (seconds) are of all attempts together;
        ``logged_provider``, ``logged_model``, ``logged_status``, ``logged_success``, ``logged_cache``, ``logged_mode``
        and ``logged_config`` of the one that answered; ``logged_at`` is when the first was logged.
        ``attrs["join_logs"]`` counts in one line what found no partner. That line is printed as well where no row
        found its run, or where a cost is left out since it is no number of US cents, or a negative one.

    Raises
    ------
    StoreError
        When an export cannot be read, or the frame tells neither runs nor traces.

    Notes
    -----
    ``cost`` is in US cents there and ``response_time`` in milliseconds (docs, product/observability/logs-export). A
    trace that several runs share, by a trace id of the user's own, is divided by the run id in the metadata; without
    that, none of them is given its cost. Of a run that the run log itself answered there is no log.

    Examples
    --------
    >>> runs = pd.DataFrame({"trace_id": ["t-1", "t-2"]}, index=pd.Index(["r-1", "r-2"], name="run_id"))
    >>> logs = [{"trace_id": "t-1", "cost": 0.25, "ai_model": "gpt-4o"}]
    >>> joined = join_logs(runs, logs)
    >>> joined["billed_cost_usd"].tolist(), joined.attrs["join_logs"]
    ([0.0025, <NA>], '1 of 1 exported rows belong to 1 of 2 runs')
    """
    if not exports:
        raise StoreError("join_logs needs an export of Portkey's logs; give its path, such as join_logs('logs.jsonl')")
    logs = exported(exports)
    places, shared = _places(frame, logs, store)
    facts = _facts(logs)
    grouped = _grouped(facts[places >= 0].assign(place=places[places >= 0]), len(frame))
    found = frame.drop(columns=[name for name in _COLUMNS if name in frame]).copy()
    for name in _COLUMNS:
        found[name] = grouped[name].array
    odd = _no_costs(logs[places >= 0], facts[places >= 0])
    found.attrs = {**frame.attrs, NOTE: _note(logs, places, shared, facts, len(frame), odd)}
    if len(frame) and (len(odd) or not (places >= 0).any()):
        print(f"join_logs: {found.attrs[NOTE]}", file=sys.stderr)  # noqa: T201 (a frame of nothing but NA says it not)
    return found


# Which run a row belongs to


def _places(frame: pd.DataFrame, logs: pd.DataFrame, store: RunStore | str | None) -> tuple[Any, int]:
    """Return for each logged row the position of its run, -1 where there is none, and how many rows are undecided."""
    runs = _run_ids(frame)
    if runs is None and "trace_id" not in frame:
        raise StoreError("this frame tells neither run ids nor trace ids; take it from runs(columns='all')")
    places = np.full(len(logs), -1)
    named = _texts(logs["run_id"])
    if runs is not None:
        places = _position(runs, named)
    # What names a run of ours that is not here belongs to none that is; another `run_id` is the user's own.
    open_rows = (places < 0) & logs["trace_id"].notna().to_numpy(bool)
    open_rows &= ~named.str.fullmatch(_RUN_ID).fillna(False).to_numpy(bool)
    if not open_rows.any():
        return places, 0
    traces = _asking(frame, runs, store)
    several = traces[traces.duplicated(keep=False)]
    wanted = _texts(logs["trace_id"])[open_rows]
    places[open_rows] = _position(traces[~traces.isin(several)], wanted)
    return places, int(wanted.isin(several).sum())


def _position(known: pd.Series, wanted: pd.Series) -> Any:
    """Return the label in ``known``, a position in the frame, of each wanted value; -1 where it is not there."""
    once = known.dropna().drop_duplicates()
    at = pd.Index(once.astype(object)).get_indexer(pd.Index(wanted.astype(object)))
    labels = np.append(once.index.to_numpy(int), -1)
    return np.where(wanted.isna().to_numpy(bool), -1, labels[at])


def _run_ids(frame: pd.DataFrame) -> pd.Series | None:
    """Return the runs' ids by position; None where the frame holds none."""
    if frame.index.name == "run_id":
        return pd.Series(frame.index.astype("string"), index=range(len(frame)))
    if "run_id" in frame:
        return frame["run_id"].astype("string").reset_index(drop=True)
    return None


def _asking(frame: pd.DataFrame, runs: pd.Series | None, store: RunStore | str | None) -> pd.Series:
    """Return the trace ids by position, of those runs that asked anybody."""
    known = frame.reset_index(drop=True)
    if "trace_id" not in known and runs is not None:
        log = store if isinstance(store, RunStore) else open_store(store)
        first = frame["started_at"].min() if "started_at" in frame and len(frame) else None
        since = first.to_pydatetime() if isinstance(first, pd.Timestamp) else None
        known = log.frame(since=since, columns=_NOTED).reindex(runs).reset_index(drop=True)
    traces = known["trace_id"].astype("string")
    # The run log's own answers bear the trace of the run that was paid for.
    if "attempts" in known:
        return traces[~(known["attempts"] == 0).fillna(False).to_numpy(bool)]
    if "cached" in known:  # by the gateway, maybe
        return traces[~(known["cached"].fillna(False) & traces.duplicated(keep=False)).to_numpy(bool)]
    return traces


# What the rows say


def _facts(logs: pd.DataFrame) -> pd.DataFrame:
    """Return the logged rows with numbers as numbers, dollars and seconds."""
    numbers = {
        name: _finite(pd.to_numeric(logs[name], errors="coerce").astype("Float64"))
        for name in ("cost", "response_time", "req_units", "res_units", "retry_success_count", "response_status_code")
    }
    status = _whole(numbers["response_status_code"])
    success = _truths(logs["is_success"])
    cost = numbers["cost"].mask(~_in_dollars(logs) | (numbers["cost"] < 0).fillna(False))
    return pd.DataFrame(
        {
            "cost_usd": cost / 100,
            "response_s": numbers["response_time"] / 1000,
            "req_units": _whole(numbers["req_units"]),
            "res_units": _whole(numbers["res_units"]),
            "retry_success_count": _whole(numbers["retry_success_count"]),
            "status": status,
            "success": success.fillna(status < 400),
            "at": _times(logs["created_at"]),
            **{name: _texts(logs[name]) for name in ("ai_org", "ai_model", "cache_status", "mode", "config")},
        }
    )


def _finite(numbers: pd.Series) -> pd.Series:
    return numbers.mask(numbers.abs() == np.inf)


def _whole(numbers: pd.Series) -> pd.Series:
    fits = (numbers % 1 == 0) & (numbers.abs() < 2**53)
    return numbers.where(fits.fillna(False)).astype("Int64")


def _in_dollars(logs: pd.DataFrame) -> pd.Series:
    currency = _texts(logs["cost_currency"]).str.strip().str.upper()
    return currency.isna() | currency.isin(["", "USD"])


def _no_costs(logs: pd.DataFrame, facts: pd.DataFrame) -> pd.Series:
    """Return what stands for a cost in dollars and is none."""
    told = _texts(logs["cost"]).str.strip()
    return told[told.fillna("").ne("") & facts["cost_usd"].isna() & _in_dollars(logs)]


_TRUTHS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


def _truths(values: pd.Series) -> pd.Series:
    return _texts(values).str.lower().map(_TRUTHS).astype("boolean")


def _texts(values: pd.Series) -> pd.Series:
    unknown = values.isna()
    return values.astype(object).map(mend).mask(unknown, None).astype("string")


def _times(values: pd.Series) -> pd.Series:
    texts = _texts(values)
    found = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
    odd = found.isna() & texts.notna()
    if odd.any():
        found[odd] = pd.to_datetime(texts[odd], errors="coerce", utc=True, format="mixed")
    return found.astype("datetime64[us, UTC]")


def _grouped(rows: pd.DataFrame, size: int) -> pd.DataFrame:
    """Return the rows of each run as one, by the run's position; all NA for a run without any."""
    # The attempt that answered is the last that went well; of those that failed it is the last.
    ordered = rows.assign(good=rows["success"].fillna(False)).sort_values(
        ["good", "at"], na_position="first", kind="stable"
    )
    groups = ordered.groupby("place", sort=False)
    found = {name: groups[source].sum(min_count=1) for name, source in _SUMMED.items()}
    found["logged_attempts"] = groups.size()
    found["logged_at"] = groups["at"].min()
    last = ordered.drop_duplicates("place", keep="last").set_index("place")
    found.update({name: last[source] for name, source in _LAST.items()})
    return pd.DataFrame(found).reindex(range(size)).astype(dict(_COLUMNS))


def _note(logs: pd.DataFrame, places: Any, shared: int, facts: pd.DataFrame, size: int, odd: pd.Series) -> str:
    mine = places >= 0
    parts = [
        f"{mine.sum():,} of {len(logs):,} exported rows belong to {len(np.unique(places[mine])):,} of {size:,} runs"
    ]
    untraced = int((logs["trace_id"].isna().to_numpy(bool) & ~mine).sum())
    others = int((~mine).sum()) - shared - untraced
    foreign = int((facts["cost_usd"].isna() & ~_in_dollars(logs)).sum())
    counted = {
        "of other calls": others,
        "without a trace id": untraced,
        "of a trace that several runs share": shared,
        "billed in another currency": foreign,
        f"left out of the bill, being no cost in US cents ({odd.iloc[0]!r:.40})" if len(odd) else "": len(odd),
    }
    return "; ".join([*parts, *(f"{count:,} {what}" for what, count in counted.items() if count)])
