"""Loading heavy libraries late: whole whenever the stop button is pressed, and heard of when others load them."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast


@contextmanager
def unbroken() -> Iterator[None]:
    """Hold an interrupt back until what is imported in here is whole, and let it strike then.

    An import that KeyboardInterrupt cuts short leaves some modules of a library behind and takes others away, and the
    library fails from then on until the process ends. Nothing is waited for or locked in here, so that it may stand
    anywhere: within another import, in any thread (only the main one is interrupted), within itself.

    Raises
    ------
    KeyboardInterrupt
        At the end, or whatever the process does when it is interrupted.

    Examples
    --------
    >>> with unbroken():
    ...     import sqlite3
    """
    earlier = signal.getsignal(signal.SIGINT)
    # Only the main thread may set a handler; what is no function is ignored by the process, or handled outside Python.
    if threading.current_thread() is not threading.main_thread() or not callable(earlier):
        yield
        return
    pressed: list[Any] = []

    def press(number: int, frame: Any) -> None:
        pressed[:] = [number, frame]

    signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        # Who has set a handler of their own meanwhile keeps it.
        if signal.getsignal(signal.SIGINT) is press:
            signal.signal(signal.SIGINT, earlier)
        if pressed:
            earlier(*pressed)


def when_loaded(name: str, then: Callable[[ModuleType], None]) -> None:
    """Call a function with a module: at once where it is loaded, else as soon as somebody has imported it.

    Parameters
    ----------
    name : str
        A top-level module. It is not imported for this.
    then : callable
        May be called more than once. A library that lacks what it looks for (AttributeError) is left alone.
    """
    for finder in list(sys.meta_path):
        # Of an earlier load of this package.
        if type(finder).__module__ == __name__ and getattr(finder, "name", None) == name:
            _leave(finder)
    watch = _Watch(name, then)
    if not watch.told():
        sys.meta_path.insert(0, watch)


def _leave(finder: object) -> None:
    with suppress(ValueError):  # another thread was first
        sys.meta_path.remove(finder)  # type: ignore[arg-type]


class _Watch:
    """Finds one module as all others would, with a loader that tells when it is loaded."""

    def __init__(self, name: str, then: Callable[[ModuleType], None]) -> None:
        self.name = name
        self._then = then
        self._asked = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how the one module is loaded, and None for any other."""
        if getattr(self._asked, "now", False):
            return None
        self._asked.now = True
        try:
            if fullname != self.name:
                # It may have been half loaded, here or in another thread, when the watch began.
                self.told()
                return None
            return self._found(path, target)
        finally:
            self._asked.now = False

    def _found(self, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(self.name, path, target)
            if spec is not None:
                # Most people who ask where a module is do not load it, so the watch goes on.
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = cast("Any", _Telling(spec.loader, self))
                return spec
        return None

    def told(self) -> bool:
        """Tell of the module if it is loaded whole, and watch no longer."""
        module = sys.modules.get(self.name)
        if module is None or getattr(getattr(module, "__spec__", None), "_initializing", False):
            return False
        self.tell(module)
        return True

    def tell(self, module: ModuleType) -> None:
        """Tell of the module, and watch no longer."""
        _leave(self)
        with suppress(AttributeError):
            self._then(module)


class _Telling:
    """A module's own loader, which gets its place back before the module runs."""

    def __init__(self, loader: Any, watch: _Watch) -> None:
        self._loader = loader
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # a copy that is being made has no loader yet
            raise AttributeError(name)
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module as its own loader does."""
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Run the module with its own loader, and tell of it."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._watch.tell(module)
