"""What a worker is handed by the notebook's process: its settings, what it means by addresses, its run log; sealed."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any

from portkey_nb.errors import SettingsError
from portkey_nb.gateway.target import Target, resolve
from portkey_nb.settings import Handed, load


class Sealed:
    """A value that goes to a worker and shows nowhere on its way: not in a task's text, a dashboard, a log.

    Examples
    --------
    >>> Sealed({"key": "pk-secret"})
    <sealed>
    >>> Sealed([1, 2]).open()
    [1, 2]
    """

    __slots__ = ("_content",)

    def __init__(self, value: Any) -> None:
        import cloudpickle  # comes with distributed, and takes what a notebook has defined

        self._content: bytes = cloudpickle.dumps(value)

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self._content)

    def open(self) -> Any:
        """Return the value."""
        return pickle.loads(self._content)  # noqa: S301 (comes from the process whose tasks are run anyway)

    def __repr__(self) -> str:
        return "<sealed>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _resealed, (self._content,)


def _resealed(content: bytes) -> Sealed:
    made = Sealed.__new__(Sealed)
    made._content = content
    return made


def handed_over(base_urls: Iterable[str | None]) -> Handed:
    """Return this process's settings, with the addresses that calls will go to.

    Parameters
    ----------
    base_urls : iterable of str or None
        As the calls have them; None takes the settings' own.
    """
    settings = load()
    words = {(url or settings.base_url or "").strip() for url in base_urls}
    places: dict[str, Target] = {}
    for word in words - {""}:
        try:
            places[word] = resolve(word, has_key=True)
        except SettingsError:
            continue  # said by the call itself
    return Handed(settings, places)
