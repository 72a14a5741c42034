"""The editor of a panel's routing Config: none, a saved one, a form or JSON, its keys kept in the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.getipython import get_ipython

from portkey_nb.gateway.routing import Config
from portkey_nb.notebook.completion import config_names


def notebook_configs() -> dict[str, Any]:
    """Return the routing Configs of the notebook by name; none outside of one."""
    shell = get_ipython()  # type: ignore[no-untyped-call]
    namespace = shell.user_ns if shell is not None else {}
    return {name: namespace[name] for name in config_names(namespace)}


class ConfigEditor:
    """Widgets to choose or compose a routing Config.

    Parameters
    ----------
    given : str, mapping or None
        What it shows first: the id of a saved config, the name of a Config in the notebook, JSON, or a Config.
    changed : callable
        Called after each change of ``value`` or ``trouble``, in whatever thread the change arrived.
    names : callable, optional
        Returns the Configs that can be chosen by name; those of the notebook by default.
    kind : str, optional
        The gateway's kind (:attr:`portkey_nb.gateway.target.Target.kind`), where it is known: what has no effect there
        is said. It may be set later.
    """

    def __init__(
        self,
        given: str | Mapping[str, Any] | None,
        changed: Callable[[], None],
        names: Callable[[], Mapping[str, Any]] = notebook_configs,
        kind: str = "",
    ) -> None:
        self._given, self._changed, self._names, self.kind = given, changed, names, kind

    @property
    def widget(self) -> Any:
        """The ipywidget."""
        import ipywidgets  # slow to import: only where a panel is shown

        return ipywidgets.VBox()

    @property
    def value(self) -> str | Config | None:
        """The config as it is sent: None, a saved id, or a Config; the last good one where something is wrong."""
        return Config(self._given) if isinstance(self._given, Mapping) else self._given

    @property
    def trouble(self) -> str:
        """What is wrong, in one line; empty where nothing is."""
        return ""

    def close(self) -> None:
        """Close the widgets and forget the keys."""
