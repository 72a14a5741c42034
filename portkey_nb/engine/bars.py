"""How far many requests have come, as a progress bar in the notebook or on standard error."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import Any

from portkey_nb.engine.batch import Progress


class Bar:
    """A progress bar with cost, errors and slowed models; as a context manager it is closed in the end.

    Parameters
    ----------
    total : int
    done : int
        What was done before, and is shown as done.
    said : str
        What stands before it.
    shown : bool
        False shows nothing.
    """

    def __init__(self, total: int, done: int = 0, said: str = "", *, shown: bool = True) -> None:
        self._bar: Any
        self._shown: Any
        self._bar, self._shown = _bar(total, done, said) if shown and total else (None, None)
        self._before = done

    def tell(self, progress: Progress) -> None:
        """Show how far a batch has come."""
        if self._bar is None:
            return
        told = [f"${progress.spent_usd:.4g}"]
        if progress.failed:
            told.append(f"{progress.failed} errors" if progress.failed > 1 else "1 error")
        if progress.slowed:
            told.append(f"slowed: {', '.join(progress.slowed)}")
        self._bar.set_postfix_str(", ".join(told), refresh=False)
        come = self._before + progress.done - self._bar.n
        if come:
            self._bar.update(come)
        else:
            self._bar.refresh()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar is None:
            return
        self._bar.close()
        if self._shown is not None:
            # A saved notebook is to hold how far it came, and no widget that died with its kernel.
            self._shown.update({"text/plain": self._bar.format_meter(**self._bar.format_dict)}, raw=True)
            self._bar.container.close()


def _bar(total: int, done: int, said: str) -> tuple[Any, Any]:
    """Return a bar, and in a notebook its place on the page."""
    with warnings.catch_warnings():
        # Without ipywidgets it writes text instead, and warns of it; that is good enough.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm  # late: in a notebook it loads ipywidgets

        given: dict[str, Any] = {
            "total": total,
            "initial": done,
            "desc": said or None,
            "unit": "call",
            "dynamic_ncols": True,
        }
        if all(kind.__module__ != "tqdm.notebook" for kind in tqdm.__mro__):
            return tqdm(**given), None
        from IPython.display import display  # late: only where there is a page to show it on

        kind: Any = tqdm
        bar = kind(**given, display=False)
        return bar, display(bar.container, display_id=True)  # type: ignore[no-untyped-call]
