"""``df.portkey``, light enough to be there whenever pandas is: the engine loads when one of its methods is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from portkey_nb.loading import unbroken

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd

    from portkey_nb.engine.variants import Variant


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
        with unbroken():
            from portkey_nb.engine.reconciling import join_logs  # heavy

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
        >>> import pandas as pd
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
        with unbroken():
            from portkey_nb.engine.completing import complete  # heavy

        return complete(self._frame, prompt, model, into=into, params=params, options=options)


def register(pandas: ModuleType) -> None:
    """Give DataFrames their ``portkey``, once."""
    if getattr(getattr(pandas.DataFrame, "portkey", None), "__module__", None) != __name__:
        pandas.api.extensions.register_dataframe_accessor("portkey")(PortkeyAccessor)
