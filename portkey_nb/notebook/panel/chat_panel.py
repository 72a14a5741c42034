"""ChatPanel: a conversation as a widget in the notebook, and the same conversation from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from portkey_nb.engine.reply import Replies, Reply

if TYPE_CHECKING:
    import pandas as pd

    from portkey_nb.engine.talks import Talk


class Sending:
    """One message under way to its models.

    Examples
    --------
    ::

        sending = panel.send("Name three rivers")
        sending.result()
    """

    @property
    def done(self) -> bool:
        """Whether all models have answered, failed or been stopped."""
        raise NotImplementedError

    def result(self, timeout: float | None = None) -> Reply | Replies:
        """Wait for the answer; of several models, the replies by label.

        Parameters
        ----------
        timeout : float, optional
            Seconds; for as long as it takes by default.

        Raises
        ------
        PortkeyError
            When the call failed, was stopped, or could not be made.
        TimeoutError
            When it is not done in time; it goes on.
        KeyboardInterrupt
            When the cell is interrupted; the call is stopped, and what came is kept.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Stop it; what came is kept."""
        raise NotImplementedError


class ChatPanel:
    """A chat panel: messages, parameters and Config composed side by side, answers watched as they come.

    Parameters
    ----------
    model : str or sequence of str, optional
        One model, or up to four that answer side by side; that of the chat's last turn by default, else
        ``PORTKEY_MODEL``.
    chat : str, optional
        The conversation's name in this notebook, ``global:NAME`` in all; the first of ``panel-1``, ``panel-2`` ... that
        is not used by default. ``%%portkey --chat NAME`` and ``portkey_nb.conversation(NAME)`` are the same one.
    base_url : str, optional
        As for the client.
    **options
        Request parameters, client options, ``system``, ``tools``, ``schema``, ``tags`` ..., as for
        :func:`portkey_nb.ask`.

    Raises
    ------
    PortkeyError
        In one line: an option does not fit.
    """

    def __init__(
        self,
        model: str | Sequence[str] | None = None,
        *,
        chat: str | None = None,
        base_url: str | None = None,
        **options: Any,
    ) -> None:
        raise NotImplementedError

    @property
    def widget(self) -> Any:
        """The ipywidgets Box, to be laid out with others."""
        raise NotImplementedError

    @property
    def conversation(self) -> Talk:
        """The conversation, which cells and :func:`portkey_nb.conversation` share."""
        raise NotImplementedError

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of the present branch, the system prompt first; assigning rewrites the branch."""
        raise NotImplementedError

    @property
    def runs(self) -> pd.DataFrame:
        """The conversation's runs as a DataFrame."""
        raise NotImplementedError

    @property
    def model(self) -> str | None:
        """The first of the models; may be set."""
        raise NotImplementedError

    @property
    def models(self) -> list[str]:
        """The models that answer; may be set."""
        raise NotImplementedError

    @property
    def config(self) -> Any:
        """The routing Config, a saved id or None; may be set."""
        raise NotImplementedError

    def send(self, text: str | None = None, *, images: Any = None) -> Sending:
        """Send a message, and return at once.

        Parameters
        ----------
        text : str, optional
            None sends an open conversation as it is, whose last message waits for an answer.
        images : object or list, optional
            As for :func:`portkey_nb.ask`, up to 5 MB each.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Stop the answers under way; what came is kept."""
        raise NotImplementedError

    def undo(self) -> None:
        """Go back to where the conversation was before its last change."""
        raise NotImplementedError

    def redo(self) -> None:
        """Take the last undo back."""
        raise NotImplementedError

    def clear(self) -> None:
        """Begin at the root again; nothing is lost, and undo brings it back."""
        raise NotImplementedError

    def retry(self, model: str | None = None) -> Sending:
        """Ask for the last answer again, or another model for it, whose answer is then shown beside."""
        raise NotImplementedError

    def as_code(self) -> dict[str, str]:
        """Return the same request as a ``%%portkey`` cell and as Python."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop what is under way, and leave the conversation as static HTML."""
        raise NotImplementedError

    def _ipython_display_(self) -> None:
        raise NotImplementedError


def panel_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a panel takes; see :class:`ChatPanel`."""
    return dict(options)
