"""The group that says where requests go: gateway, provider, virtual key, and whether the reply is streamed."""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import ipywidgets

from portkey_nb.errors import PortkeyError, SettingsError
from portkey_nb.gateway.config import header_value
from portkey_nb.gateway.providers import PROVIDERS
from portkey_nb.gateway.target import resolve
from portkey_nb.notebook.panel.inputs import AddressInput, Field, KeyInput
from portkey_nb.settings import DEMO, HOSTED, Secret, load

_KEY_UNSET = "unset"
_KEY_SET = "set, kept in this kernel only"
_PROVIDER = re.compile(r"@?[A-Za-z0-9][A-Za-z0-9._-]*")


class RouteFields:
    """Fields for base URL, provider and virtual key, and a switch for streaming.

    Parameters
    ----------
    base_url : str or None
    options : mapping
        Client options; ``provider`` and ``virtual_key`` are shown here, the rest is not touched.
    stream : bool
    changed : callable
        Called after a person has changed whether replies are streamed.
    rerouted : callable
        Called after a person has changed where requests go.

    Attributes
    ----------
    children : list of ipywidgets.Widget
    """

    def __init__(
        self,
        base_url: str | None,
        options: Mapping[str, Any],
        *,
        stream: bool,
        changed: Callable[[], None],
        rerouted: Callable[[], None],
    ) -> None:
        self._rerouted = rerouted
        self._lock = threading.RLock()
        self._wrong: dict[str, str] = {}
        self._key: Secret | None = None
        self._base_url: str | None = None
        self._name: str | None = None
        self._address = Field(
            AddressInput(description="Base URL", options=(DEMO, "local", HOSTED), continuous_update=False),
            self._heard_address,
        )
        self._provider = Field(
            ipywidgets.Combobox(description="Provider", options=sorted(PROVIDERS), continuous_update=False),
            self._heard_provider,
        )
        self._typed_key = Field(KeyInput(description="Virtual key", continuous_update=False), self._heard_key)
        self._clear = ipywidgets.Button(description="Clear the virtual key", disabled=True)
        self._clear.add_class("pk-clear")
        self._clear.on_click(lambda _: self._clear_key())
        self._stream = Field(ipywidgets.Checkbox(value=stream, description="Stream the reply", indent=False), changed)
        self._show(base_url, options)
        self.children = [
            self._address.widget,
            self._provider.widget,
            self._typed_key.widget,
            self._clear,
            self._stream.widget,
        ]

    @property
    def base_url(self) -> str | None:
        """The gateway; None takes the settings' own."""
        return self._base_url

    @property
    def options(self) -> dict[str, Any]:
        """Provider and virtual key, where they are set."""
        with self._lock:
            found = {"provider": self._name, "virtual_key": self._key}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def stream(self) -> bool:
        """Whether replies are streamed."""
        return bool(self._stream.value)

    @property
    def trouble(self) -> str:
        """What is wrong, in one line; empty when nothing is."""
        with self._lock:
            return next((said for said in self._wrong.values() if said), "")

    @property
    def summary(self) -> str:
        """What is set, in a few words; no key among them."""
        with self._lock:
            said = [
                self._base_url,
                self._name,
                "virtual key" if self._key else None,
                None if self.stream else "not streamed",
            ]
        return ", ".join(part for part in said if part)

    def forget(self) -> None:
        """Forget the key."""
        with self._lock:
            self._key = None

    def _show(self, base_url: str | None, options: Mapping[str, Any]) -> None:
        self._set_address(base_url or "")
        self._provider.set(str(options.get("provider") or ""))
        self._set_provider()
        key = options.get("virtual_key")
        self._key = Secret(key) if key else None
        self._show_key()
        try:
            settings = load()
        except SettingsError:
            return  # said when something is sent
        own = settings.base_url or (HOSTED if settings.api_key else "")
        self._address.control.placeholder = f"unset: {_shown(own)}" if own else "unset"
        self._provider.control.placeholder = f"unset: {settings.provider}" if settings.provider else "unset"

    def _heard_address(self) -> None:
        with self._lock:
            self._set_address(str(self._address.value))
        self._rerouted()

    def _set_address(self, typed: str) -> None:
        """Read a base URL; a login in it does not stay in the field."""
        text, left_out = _without_login(typed.strip())
        self._address.set(text)
        self._wrong["base_url"] = ""
        try:
            if text and text not in (DEMO, "local"):
                resolve(text, has_key=True)
        except SettingsError as error:
            self._wrong["base_url"] = error.message
            self._address.line.say(error.message, wrong=True)
            return
        self._base_url = text or None
        self._address.line.say("user name and password were left out; requests carry a key instead" if left_out else "")

    def _heard_provider(self) -> None:
        with self._lock:
            self._set_provider()
        self._rerouted()

    def _set_provider(self) -> None:
        name = str(self._provider.value).strip()
        self._wrong["provider"] = ""
        if name and not _PROVIDER.fullmatch(name):
            self._wrong["provider"] = (
                f"provider is {name[:40]!r}; give a provider's name, or @slug of one saved in Portkey"
            )
            self._provider.line.say(self._wrong["provider"], wrong=True)
            return
        self._name = name or None
        self._provider.line.say(_unknown(name))

    def _heard_key(self) -> None:
        """Take the key out of the field, so that no page and no notebook keeps it."""
        with self._lock:
            typed = str(self._typed_key.value).strip()
            self._typed_key.set("")
            if not typed:
                return
            self._wrong["virtual_key"] = ""
            try:
                header_value("virtual_key", Secret(typed))
                self._key = Secret(typed)
            except PortkeyError as error:
                self._wrong["virtual_key"] = error.message
            self._show_key()
        self._rerouted()

    def _clear_key(self) -> None:
        with self._lock:
            self._key = None
            self._wrong["virtual_key"] = ""
            self._show_key()
        self._rerouted()

    def _show_key(self) -> None:
        self._typed_key.control.placeholder = _KEY_SET if self._key else _KEY_UNSET
        self._clear.disabled = self._key is None and not self._wrong.get("virtual_key")
        self._typed_key.line.say(self._wrong.get("virtual_key", ""), wrong=True)


def _without_login(url: str) -> tuple[str, bool]:
    """Return a URL without user name, password, query and fragment, and whether there was such a thing.

    >>> _without_login("https://me:secret@host:8080/v1?key=1")
    ('https://host:8080/v1', True)
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or "//" not in url:
        return (url.rpartition("@")[2], True) if "@" in url else (url, False)
    kept = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return kept, kept != url


def _shown(url: str) -> str:
    return _without_login(url)[0]


def _unknown(name: str) -> str:
    if not name or name.startswith("@") or name in PROVIDERS:
        return ""
    close = difflib.get_close_matches(name, PROVIDERS, 1)
    return f"not among the gateway's known providers{f'; did you mean {close[0]}?' if close else ''}"
