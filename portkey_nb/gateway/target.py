"""Which gateway a base URL means: the hosted one, one of your own, the local one or the embedded demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

from portkey_nb.errors import SettingsError
from portkey_nb.gateway.presence import is_local, running
from portkey_nb.gateway.taping import PLACEHOLDER, is_replaying
from portkey_nb.loading import unbroken
from portkey_nb.settings import DEMO, HOSTED, LOCAL, handed_place

Kind = Literal["hosted", "demo", "local", "custom"]


@dataclass(frozen=True)
class Target:
    """A resolved base URL.

    Attributes
    ----------
    url : str
        Where requests go, without a slash at the end.
    label : str
        What rows and messages call it: the word ``demo`` for the demo gateway, else the URL.
    kind : {"hosted", "demo", "local", "custom"}
        Decides what the gateway can do.
    """

    url: str
    label: str
    kind: Kind

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine, so that no proxy may stand between."""
        return (urlsplit(self.url).hostname or "") in ("127.0.0.1", "localhost", "::1")


def awake(target: Target) -> Target:
    """Return a target that was made while a replay answered in its place, as it is to be reached now."""
    return resolve(DEMO, has_key=False, offline=False) if target.url == PLACEHOLDER else target


def resolve(base_url: str | None, *, has_key: bool, offline: bool | None = None) -> Target:
    """Find the gateway for a base URL.

    Parameters
    ----------
    base_url : str or None
        A URL, ``"demo"`` (started on first use), ``"local"`` (the gateway that ``portkey-nb gateway`` started last,
        else port 8787), or None for the hosted gateway.
    has_key : bool
        Whether a key is known; without one there is no use in asking the hosted gateway.
    offline : bool, optional
        Whether answers come from a recording, so that no gateway has to run; by default whether a replay is on.

    Returns
    -------
    Target

    Raises
    ------
    SettingsError
        When there is neither key nor base URL, or the URL cannot be one.
    """
    handed: Target | None = handed_place(base_url)
    if handed is not None:
        return handed
    if base_url is None or not base_url.strip():
        if not has_key:
            raise SettingsError(
                "no Portkey key and no base URL: run `%portkey login` (or set PORTKEY_API_KEY), "
                "or set PORTKEY_BASE_URL to your own gateway, or to `demo` to try it out without a key"
            )
        return Target(HOSTED, HOSTED, "hosted")
    word = base_url.strip()
    if word == DEMO and (is_replaying() if offline is None else offline):
        return Target(PLACEHOLDER, DEMO, "demo")
    if word == DEMO:
        with unbroken():
            from portkey_nb.gateway.demo.server import embedded  # tornado: only where the demo is wanted

        return Target(embedded().base_url, DEMO, "demo")
    if word == "local":
        found = running() or LOCAL
        return Target(found, found, "local")
    parts, port = _split(word)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(
            f"base URL {word!r} is no address; write it as https://host/v1, or one of the words `demo` and `local`"
        )
    if parts.username or parts.password:
        raise SettingsError("the base URL holds a user name or password; leave them out and use a key")
    url = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    if parts.hostname.endswith("portkey.ai"):
        return Target(url, url, "hosted")
    return Target(url, url, "local" if is_local(parts.hostname, port) else "custom")


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as error:
        reason = str(error)
    raise SettingsError(f"base URL {url!r} is no address ({reason}); write it as https://host/v1")
