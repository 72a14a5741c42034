"""What a panel's fields say of the requests to come: a frozen value, and the calls it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from portkey_nb.engine.asking import call_from
from portkey_nb.engine.call import Call
from portkey_nb.engine.reply import unique_labels
from portkey_nb.engine.runner import Runner
from portkey_nb.errors import SettingsError

MOST_MODELS = 4
"""So many models answer one message side by side."""


@dataclass(frozen=True, kw_only=True)
class Composed:
    """Everything of a request but its messages; its repr leaves out all in which a key may stand.

    Attributes
    ----------
    models : tuple of str
        One, or up to four that answer side by side.
    system : str or None
        The system prompt; None where there is none.
    params : mapping
        Request parameters, only those that are set.
    options : mapping
        Client options: ``config`` (a saved id or a Config), ``provider``, ``virtual_key`` (a Secret).
    base_url : str or None
        As for the client; None takes the settings' own.
    others : mapping
        What else :func:`portkey_nb.ask` takes: ``tools``, ``schema``, ``tags``, ``cache``, ``timeout``, ``stream``.
    """

    models: tuple[str, ...] = ()
    system: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    base_url: str | None = field(default=None, repr=False)
    others: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def calls(
        self, messages: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], store: Any = None
    ) -> tuple[list[Call], Runner]:
        """Return a call for each model, and the runner to make them with.

        Parameters
        ----------
        messages : sequence of mappings
            The conversation without its system prompt.
        facts : mapping
            Columns of the runs that are known beforehand.
        store : RunStore, optional
            The usual run log by default.

        Raises
        ------
        PortkeyError
            In one line: no model is named, or an option does not fit.
        """
        if not self.models:
            raise SettingsError("no model: choose one above the conversation, or set PORTKEY_MODEL")
        given = {**self.others, **self.params, **self.options, "base_url": self.base_url, "store": store}
        asked = [dict(message) for message in messages]
        found: list[Call] = []
        runner: Runner | None = None
        for model, label in zip(self.models, unique_labels(list(self.models)), strict=True):
            call, runner = call_from(asked, model, {**given, "system": self.system})
            found.append(replace(call, label=label, facts={**call.facts, "variant": label, **facts}))
        assert runner is not None
        return found, runner
