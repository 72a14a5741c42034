"""``df.portkey.complete(...)``: a template filled in from each row of a DataFrame, the answers as further columns.

Importing this room registers the accessor with pandas. ``portkey_nb.compare`` and ``portkey_nb.Comparison`` bring it
along, and so does ``%load_ext portkey_nb`` once pandas is in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from portkey_nb.engine.cases import cases_of
from portkey_nb.engine.reconciling import join_logs
from portkey_nb.engine.record import SCORE
from portkey_nb.engine.variants import variants_of
from portkey_nb.errors import PromptError
from portkey_nb.settings import load

if TYPE_CHECKING:
    from portkey_nb.engine.variants import Variant

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


@pd.api.extensions.register_dataframe_accessor("portkey")
class PortkeyAccessor:
    """What Portkey does for a DataFrame: :meth:`complete` asks about its rows, :meth:`join_logs` adds logs to runs."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def join_logs(self, *exports: Any, store: Any = None) -> pd.DataFrame:
        """Return these runs with what Portkey's exported logs say of them, matched by run id and by trace id.

        Parameters
        ----------
        *exports : path, DataFrame, mapping, or list of these
            Exports of Portkey's logs: ``.jsonl`` or ``.csv``, gzipped or not.
        store : RunStore, str or path, optional
            The run log, where it is not the default one. It is read at most.

        Returns
        -------
        DataFrame
            A copy with ``billed_cost_usd`` (US dollars) and ``logged_attempts``, ``logged_model``, ``logged_status``
            ...; NA where the logs say nothing. ``attrs["join_logs"]`` counts in one line what found no partner. All
            columns are named at :func:`portkey_nb.engine.reconciling.join_logs`.

        Raises
        ------
        StoreError
            When an export cannot be read, with the line; when the frame tells neither runs nor traces.

        Examples
        --------
        >>> from portkey_nb import ask, runs
        >>> reply = ask("Say this is a test", model="gpt-4o", base_url="demo")
        >>> export = [{"trace_id": reply.trace_id, "cost": 0.5}]  # US cents; or "portkey-logs.jsonl"
        >>> runs(1).portkey.join_logs(export)["billed_cost_usd"].tolist()
        [0.005]
        """
        return join_logs(self._frame, *exports, store=store)

    def complete(
        self,
        prompt: str,
        model: str | Variant | Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        into: str = "answer",
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Ask a model about each row, and return the frame with the answers in a new column.

        Parameters
        ----------
        prompt : str
            A template; ``{{column}}`` is filled in from the row.
        model : str, Variant, mapping, or a list of these, optional
            By default the model of the settings (``PORTKEY_MODEL``). With several, each has columns of its own, named
            ``<into>_<label>``.
        into : str
            The column of the answers, NA where there is none. Beside it stands ``<into>_error``, one line where a call
            failed; with ``scorers`` also ``<into>_passed`` and ``<into>_score_<name>``.
        params : mapping, optional
            Request parameters.
        **options
            As for :func:`portkey_nb.compare` (``system``, ``scorers``, ``max_cost_usd``, ``name``, ``client``,
            ``executor``, ``progress``, ``trace_metadata`` ...); any other is a request parameter (``temperature``,
            ``max_tokens`` ...).

        Returns
        -------
        DataFrame
            A copy with the same rows, in the same order.

        Raises
        ------
        PromptError
            Before any call: a template that names a column which the frame does not have, or that is empty in a row.
        PortkeyError
            As for :func:`portkey_nb.compare`.

        Examples
        --------
        >>> from portkey_nb import Portkey
        >>> frame = pd.DataFrame({"country": ["France", "Peru"]})
        >>> answered = frame.portkey.complete(
        ...     "What is the capital of {{country}}? One word.",
        ...     model="gpt-4o",
        ...     into="capital",
        ...     client=Portkey(base_url="demo"),
        ...     progress=False,
        ... )
        >>> answered["capital"].tolist()
        ['Paris', 'Lima']
        """
        from portkey_nb.engine.comparing import compare  # heavy, and pandas takes this room in early

        refused = next((name for name in _SINGLE if name in options), None)
        if refused is not None:
            raise PromptError(
                f"complete(...) takes no {refused!r}: it asks once about each row; use portkey_nb.compare"
            )
        variants = variants_of(_models(model))
        found = self._frame.copy()
        if not len(found):
            return found.assign(**{into: _texts([]), f"{into}_error": _texts([])})
        cases = self._frame.reset_index(drop=True)
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
