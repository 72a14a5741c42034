"""A frame of runs as the cells of a grid: which variant, prompt, case and repeat a row belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from portkey_nb.engine.plain import number, truth
from portkey_nb.errors import PromptError

Codes: TypeAlias = NDArray[np.intp]
Floats: TypeAlias = NDArray[np.float64]

LARGEST = 1e150
"""Larger numbers are taken as unknown: sums of their squares would pass what a float can hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where each row of a frame stands.

    Attributes
    ----------
    variants : list of str
        In the order in which they are first seen.
    variant : array of int
        Per row, its place in ``variants``.
    place : array of int
        Per row, its prompt and case together.
    case : array of int
        Per row, what is sampled: its case. Where a frame has no two cases, its prompt: a list of questions is as good
        as a list of cases.
    cases : int
        How many different ones there are.
    repeat : array of float
        Per row, NaN where unknown.
    """

    variants: list[str]
    variant: Codes
    place: Codes
    case: Codes
    cases: int
    repeat: Floats

    def cells(self, known: NDArray[np.bool_]) -> Codes:
        """Return each row's cell (prompt, case, repeat), -1 for rows that are not ``known``.

        Rows without a repeat are numbered as they come, within their variant, prompt and case.
        """
        rows = pd.DataFrame({"variant": self.variant, "place": self.place, "repeat": self.repeat})[known]
        came = rows.groupby(["variant", "place"], sort=False).cumcount()
        rows["repeat"] = rows["repeat"].fillna(came)
        found = np.full(len(known), -1, np.intp)
        found[known] = rows.groupby(["place", "repeat"]).ngroup().to_numpy(np.intp)
        return found


def read(frame: pd.DataFrame) -> Grid:
    """Return where each row of a frame of runs stands.

    A row without a variant goes by its model. A prompt goes by its label (``tags["prompt"]``), else its template, and
    the text itself where a row has neither case nor template.

    Raises
    ------
    PromptError
        When the frame has neither variants nor models.
    """
    labels = _texts(frame, "variant", _texts(frame, "model"))
    if "variant" not in frame and "model" not in frame:
        raise PromptError(
            "the frame has no column `variant` or `model`; give runs(columns='all') or a comparison's .to_frame()"
        )
    variant, variants = pd.factorize(labels.fillna("(unnamed)").astype(object))
    cases = _texts(frame, "case_id")
    templates = _texts(frame, "template", _texts(frame, "prompt").where(cases.isna()))
    prompts = _tagged(frame).fillna(templates).fillna("")
    several = cases.nunique() > 1
    case, different = pd.factorize((cases.fillna(prompts) if several else prompts).astype(object), sort=True)
    return Grid(
        variants=[str(label) for label in variants],
        variant=variant,
        place=pd.DataFrame({"prompt": prompts.to_numpy(), "case": cases.fillna("").to_numpy()})
        .groupby(["prompt", "case"])
        .ngroup()
        .to_numpy()
        .astype(np.intp),
        case=case,
        cases=len(different),
        repeat=floats(frame, "repeat"),
    )


def floats(frame: pd.DataFrame, column: str) -> Floats:
    """Return a column as floats, NaN where it is unknown, not there, no number or beyond ``LARGEST``."""
    if column not in frame:
        return np.full(len(frame), np.nan)
    values = frame[column]
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_complex_dtype(values.dtype):
        found = values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    else:
        found = np.array([number(value) for value in values], dtype=np.float64)
    found[~(np.abs(found) <= LARGEST)] = np.nan
    return found


def truths(frame: pd.DataFrame, column: str) -> Floats:
    """Return a column of truths as 1.0 and 0.0, NaN where it is unknown or not there."""
    if column in frame and not pd.api.types.is_numeric_dtype(frame[column].dtype):
        return np.array([truth(value) for value in frame[column]], dtype=np.float64)
    found = floats(frame, column)
    found[(found != 0) & (found != 1)] = np.nan
    return found


def _texts(frame: pd.DataFrame, column: str, otherwise: pd.Series[Any] | None = None) -> pd.Series[Any]:
    """Return a column as texts; unknown ones from ``otherwise``."""
    rows = pd.RangeIndex(len(frame))
    if column in frame:
        found = pd.Series(frame[column].astype("string").to_numpy(), index=rows, dtype="string")
    else:
        found = pd.Series(pd.NA, index=rows, dtype="string")
    return found if otherwise is None else found.fillna(otherwise)


def _tagged(frame: pd.DataFrame) -> pd.Series[Any]:
    """Return the label of each row's prompt, where its tags have one."""
    tags = frame["tags"] if "tags" in frame else [None] * len(frame)
    labels = [tag.get("prompt") if isinstance(tag, Mapping) else None for tag in tags]
    return pd.Series(labels, index=pd.RangeIndex(len(frame)), dtype="string")
