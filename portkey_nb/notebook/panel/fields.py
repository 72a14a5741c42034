"""The panel's fields: models over the conversation, and beside it what else a request says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from portkey_nb.notebook.panel.composed import Composed


class Fields:
    """The ipywidgets in which a person composes everything of a request but its messages.

    Parameters
    ----------
    given : Composed
        What they show at first. Without models the settings' own (``PORTKEY_MODEL``) is taken.
    changed : callable
        Called after any change that a person made, in whatever thread it came; not for what is set from Python.

    Attributes
    ----------
    models_widget : ipywidgets.Box
        The model pickers, a row to stand over the conversation.
    widget : ipywidgets.Box
        The column: system prompt, parameters, routing and Config. It grows as a flex item and may wrap.
    """

    models_widget: Any
    widget: Any

    def __init__(self, given: Composed, changed: Callable[[], None]) -> None:
        raise NotImplementedError

    @property
    def composed(self) -> Composed:
        """What is set now; of a field that is wrong, what it said last when it was right."""
        raise NotImplementedError

    @property
    def trouble(self) -> str:
        """Why nothing can be sent, in one line; empty when all is well."""
        raise NotImplementedError

    @property
    def known(self) -> list[str]:
        """Names of models to choose from: those chosen first, then the gateway's, or those known from the run log."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Fetch the gateway's list of models in the background; to be called once, when the panel is first shown.

        Later changes of where requests go fetch it anew by themselves. Nothing is asked of a gateway before.
        """
        raise NotImplementedError

    def set_system(self, text: str | None) -> None:
        """Show another system prompt; ``changed`` is not called."""
        raise NotImplementedError

    def set_models(self, names: Iterable[str]) -> None:
        """Show other models; ``changed`` is not called."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all widgets."""
        raise NotImplementedError
