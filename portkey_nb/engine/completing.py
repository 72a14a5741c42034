"""A template filled in from each row of a DataFrame, and the answers as further columns of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from portkey_nb.engine.cases import cases_of
from portkey_nb.engine.comparing import compare
from portkey_nb.engine.record import SCORE
from portkey_nb.engine.variants import variants_of
from portkey_nb.errors import PromptError
from portkey_nb.settings import load

_COMPARING = (
    "system",
    "scorers",
    "concurrency",
    "per_model",
    "max_cost_usd",
    "cache",
    "name",
    "progress",
    "client",
    "store",
    "executor",
    "trace_metadata",
)
_SINGLE = ("prompts", "models", "cases", "repeats")


def complete(
    frame: pd.DataFrame,
    prompt: str,
    model: Any,
    *,
    into: str,
    params: Mapping[str, Any] | None,
    options: Mapping[str, Any],
) -> pd.DataFrame:
    """Return a copy of the frame with its answers; :meth:`PortkeyAccessor.complete` says how, and what it raises."""
    refused = next((name for name in _SINGLE if name in options), None)
    if refused is not None:
        raise PromptError(f"complete(...) takes no {refused!r}: it asks once about each row; use portkey_nb.compare")
    variants = variants_of(_models(model))
    found = frame.copy()
    if not len(found):
        return found.assign(**{into: _texts([]), f"{into}_error": _texts([])})
    cases = frame.reset_index(drop=True)
    if "case_id" not in cases:
        cases["case_id"] = [str(number) for number in range(1, len(cases) + 1)]
    chosen = {name: value for name, value in options.items() if name in _COMPARING}
    others = {name: value for name, value in options.items() if name not in _COMPARING}
    made = compare(prompt, variants, cases=cases, params={**(params or {}), **others}, **chosen)
    ids = [case.case_id for case in cases_of(cases)]
    rows = made.to_frame().dropna(subset=["case_id"])
    scores = [name for name in map(str, rows) if name.startswith(SCORE)]
    scores += ["passed"] if rows["passed"].notna().any() else []
    for variant in variants:
        own = rows[(rows["variant"] == variant.label).to_numpy(bool)].drop_duplicates("case_id", keep="last")
        column = into if len(variants) == 1 else f"{into}_{variant.label}"
        found = found.assign(**_columns(own.set_index("case_id").reindex(ids), column, scores))
    return found


def _columns(answers: pd.DataFrame, into: str, scores: Sequence[str]) -> dict[str, Any]:
    """Return the new columns, of runs in the order of the frame's rows."""
    # Only a budget leaves a question unasked.
    error = answers["error"].mask(answers["status"].isna().to_numpy(bool), "not asked: max_cost_usd was used up")
    nothing = (answers["status"] != "ok") & (answers["text"].fillna("") == "")
    made = {into: answers["text"].mask(nothing.to_numpy(bool)).array, f"{into}_error": error.array}
    return {**made, **{f"{into}_{name}": answers[name].array for name in scores}}


def _texts(values: Sequence[str]) -> Any:
    return pd.array(list(values), dtype="string")


def _models(model: Any) -> Any:
    named = load().model if model is None else model
    if not named:
        raise PromptError("no model is named; pass model=..., or set PORTKEY_MODEL")
    return named
