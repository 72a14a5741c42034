"""The request options as ``x-portkey-*`` headers, and the routing Config that travels among them.

Every option stands in one table, from which client, magic and command line take its name, type and help.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from portkey_nb.errors import ConfigError
from portkey_nb.gateway.routing import Config, parse_config, shown_config
from portkey_nb.gateway.secrecy import hidden, names_secret, redact, revealed, secrets_in
from portkey_nb.gateway.types import PORTKEY_PREFIX
from portkey_nb.settings import Secret

__all__ = [
    "HEADER_LIMIT",
    "METADATA_LIMIT",
    "OPTIONS",
    "OPTION_NAMES",
    "Config",
    "Option",
    "config_header",
    "has_retry",
    "header_name",
    "header_value",
    "hidden",
    "metadata_texts",
    "names_secret",
    "parse_config",
    "redact",
    "secrets_in",
    "shown_config",
    "to_headers",
]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_LIMIT = 15_500
"""Bytes of one header that the gateway still reads (Node's limit is 16 KB for all headers together)."""


METADATA_LIMIT = 128
"""Characters that Portkey takes as one value of the metadata."""


@dataclass(frozen=True)
class Option:
    """One request option.

    Attributes
    ----------
    name : str
        Keyword of the client, and name in a saved default.
    kind : type
        What it takes.
    help : str
        One line for help pages.
    secret : bool
        Whether its value must never be shown.
    """

    name: str
    kind: type
    help: str
    secret: bool = False

    @property
    def header(self) -> str:
        """The header it travels as."""
        return "Authorization" if self.name == "Authorization" else header_name(self.name)


OPTIONS: tuple[Option, ...] = (
    Option("api_key", str, "the Portkey key", secret=True),
    Option("virtual_key", str, "a credential saved in Portkey", secret=True),
    Option("provider", str, "a provider's name, or @slug of one saved in Portkey"),
    Option("config", dict, "a saved config's id, or a Config as a mapping or JSON"),
    Option("trace_id", str, "groups requests in Portkey's logs; echoed in the answer"),
    Option("metadata", dict, "facts kept with the request: short texts by name"),
    Option("cache_namespace", str, "which part of the gateway's cache to use"),
    Option("cache_force_refresh", bool, "ask the provider even where the gateway has the answer"),
    Option("custom_host", str, "the provider's base URL, for a model server of your own"),
    Option("forward_headers", list, "names of headers that go to the provider as they are"),
    Option("Authorization", str, "the provider's own key", secret=True),
    Option("strict_open_ai_compliance", bool, "false keeps what OpenAI's format does not know, such as reasoning"),
    Option("debug", bool, "false keeps request and answer out of Portkey's logs"),
    Option("request_timeout", int, "milliseconds until the gateway gives up on a provider"),
)
OPTION_NAMES = {option.name: option for option in OPTIONS}


@lru_cache(maxsize=4096)
def header_name(name: str) -> str:
    """Return the header that a keyword becomes.

    Examples
    --------
    >>> header_name("aws_region")
    'x-portkey-aws-region'
    """
    dashed = name.lower().replace("_", "-")
    return dashed if dashed.startswith(PORTKEY_PREFIX) else PORTKEY_PREFIX + dashed


def to_headers(options: Mapping[str, Any]) -> dict[str, str]:
    """Turn request options into headers.

    Parameters
    ----------
    options : mapping
        Keyword -> value. None is left out, True and False become ``true`` and ``false``, a mapping becomes ASCII JSON,
        a name listed in ``forward_headers`` travels without the prefix.

    Returns
    -------
    dict[str, str]
        Header names in lower case, but for ``Authorization``.

    Raises
    ------
    ConfigError
        When a Config does not fit its schema, or a value cannot stand in a header.
    """
    forwarded = _names(options.get("forward_headers"))
    headers: dict[str, str] = {}
    for name, value in options.items():
        if value is None:
            continue
        if name == "config":
            value = config_header(value)
        elif name == "forward_headers":
            value = ",".join(forwarded)
        elif name == "Authorization":
            value = _with_scheme(value)
        dashed = name.replace("_", "-").lower()
        header = dashed if name == "Authorization" or dashed in forwarded else header_name(name)
        headers[header] = header_value(name, value)
    return headers


def _with_scheme(value: Any) -> Secret:
    plain = str(revealed(value)).strip()
    return Secret(plain if " " in plain else f"Bearer {plain}")


def _names(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else list(value or ())
    return [str(part).strip().lower().replace("_", "-") for part in parts if str(part).strip()]


def header_value(name: str, value: Any) -> str:
    """Return a value as the text of a header; a :class:`Secret` where the name is one of a secret.

    Raises
    ------
    ConfigError
        When no header of that name, or with that value, can be sent.
    """
    if not _TOKEN.fullmatch(name):
        raise ConfigError(f"option {name!r} is no name for a header; use letters, digits, dashes and underscores")
    if isinstance(value, str):  # the most frequent, and the quickest to tell
        text = Secret(revealed(value)) if isinstance(value, Secret) else str(value)
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, Mapping | list | tuple):
        text = _json(name, value)
    else:
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    secret = isinstance(value, Secret) or name == "config" or names_secret(name)
    text = Secret(text.strip()) if secret else text.strip()
    if not text.isascii() or not (text == "" or text.isprintable()):
        shown = repr(text[:60]) if name in OPTION_NAMES and not secret else "its value"
        raise ConfigError(f"option `{name}`: {shown} holds a character that no header can carry; use plain ASCII text")
    if len(text) > HEADER_LIMIT:
        raise ConfigError(
            f"option `{name}` is {len(text):,} bytes long and the gateway reads {HEADER_LIMIT:,}; "
            "shorten it, or save the config in Portkey and name its id"
        )
    return text


def metadata_texts(value: Any) -> Any:
    """Return request metadata as Portkey takes it: texts of at most 128 characters by name.

    Parameters
    ----------
    value : mapping or str
        Numbers, True and False are written as text; a mapping or list inside becomes JSON; None is left out. A text is
        taken to be JSON already and stays as it is.

    Raises
    ------
    ConfigError
        When a value is longer, or no text can be made of it.

    Examples
    --------
    >>> metadata_texts({"run": 7, "final": True, "note": None})
    {'run': '7', 'final': 'true'}
    """
    if not isinstance(value, Mapping):
        return value
    texts = {str(name): _metadata_text(name, item) for name, item in value.items() if item is not None}
    for name, text in texts.items():
        if len(text) > METADATA_LIMIT:
            raise ConfigError(
                f"metadata `{name}` is {len(text)} characters long and Portkey takes {METADATA_LIMIT}; shorten it"
            )
    return texts


def _metadata_text(name: object, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return _json("metadata", value)
    if str(value) == object.__repr__(value):
        raise ConfigError(f"metadata `{name}` is {type(value).__name__}, which is no text; give its text")
    return str(value)


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, default=_plain)
    except (TypeError, ValueError):
        pass
    raise ConfigError(f"option `{name}` holds a value that JSON cannot carry; use text, numbers, lists and mappings")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def config_header(value: Any) -> str:
    """Return a config as it travels: the id, or compact ASCII JSON of the checked mapping."""
    parsed = parse_config(value)
    return parsed if isinstance(parsed, str) else json.dumps(parsed, separators=(",", ":"))


def has_retry(config: Any) -> bool:
    """Tell whether an inline Config retries by itself, at the top or in a target."""
    if isinstance(config, str) and config.strip().startswith("{"):
        config = parse_config(config)
    if not isinstance(config, Mapping):
        return False
    return bool(config.get("retry")) or any(has_retry(target) for target in config.get("targets") or ())
