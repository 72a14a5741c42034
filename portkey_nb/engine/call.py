"""What one request is asked to be, what happens on its way, and how it came out: plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.engine.record import Run
from portkey_nb.engine.schemas import Schema
from portkey_nb.engine.tools import Tool
from portkey_nb.errors import PortkeyError
from portkey_nb.gateway.types import ChatCompletion
from portkey_nb.settings import Secret

METADATA_LIMIT = 128
"""Characters that Portkey takes as one value of a request's metadata."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, before it is made.

    Attributes
    ----------
    model : str
        Requested model.
    messages : list of dict
        The whole conversation as it will be sent.
    params : mapping
        Further request parameters, only those that were set.
    options : mapping
        Client options: config, provider, virtual_key and the like.
    base_url : str or None
        As for the client; None takes the settings' own.
    label : str
        What this call's column is called.
    facts : mapping
        Further columns of the run that are known beforehand (source, tags, cell_id ...).
    tools : mapping
        Functions that the model may call, by name.
    schema : Schema or None
        What the answer is to fit.
    trace_metadata : bool or None
        Whether run id, notebook, cell and group go along as Portkey's metadata; None as the settings say.
    """

    model: str
    messages: list[dict[str, Any]]
    params: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    base_url: str | None = None
    stream: bool = True
    cache: bool = False
    timeout: Any = None
    label: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Tool] = field(default_factory=dict)
    schema: Schema | None = None
    trace_metadata: bool | None = None

    def cache_key(self, base_url: str, routes: Mapping[str, Any], params: Mapping[str, Any]) -> str:
        """Return a digest of everything that changes the answer, the repeat index included.

        Parameters
        ----------
        base_url : str
            The gateway's label.
        params : mapping
            The request parameters as they will be sent, tools and schema among them.
        routes : mapping
            Provider, virtual key and config as the headers carry them; they only enter the digest.
        """
        whole = {
            "base_url": base_url,
            "routes": {
                name: value.reveal() if isinstance(value, Secret) else str(value)
                for name, value in sorted(routes.items())
                if value is not None
            },
            "model": self.model,
            "messages": self.messages,
            "params": dict(params),
            "repeat": self.facts.get("repeat"),
        }
        text = json.dumps(whole, sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Event:
    """Something that happened to one of several calls while it ran.

    Attributes
    ----------
    index : int
        Which call.
    kind : {"text", "json", "reasoning", "done"}
        What happened; ``json`` is a piece of an answer that is to fit a schema.
    text : str
        The piece that came.
    """

    index: int
    kind: str
    text: str = ""


@dataclass(frozen=True)
class Outcome:
    """How one call came out.

    Attributes
    ----------
    run : Run
        The completed row.
    completion : ChatCompletion or None
        The answer, or what came of it.
    error : PortkeyError or None
        Why there is no whole answer. An interrupted call has none.
    """

    call: Call
    run: Run
    completion: ChatCompletion | None = None
    error: PortkeyError | None = None
