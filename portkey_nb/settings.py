"""Key, base URL, run log and defaults: argument, then environment and ``.env``, then pyproject or user file.

Everything is read when it is asked for, so that an edited ``.env`` counts without a restart. The order for each
setting is: what the caller gave, the process environment, ``.env`` in the working folder or above it,
the key kept by ``%portkey login``, ``[tool.portkey_nb]`` of the nearest ``pyproject.toml``, and the user's
``settings.toml``.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from portkey_nb.errors import SettingsError

HOSTED = "https://api.portkey.ai/v1"
LOCAL = "http://127.0.0.1:8787/v1"
DEMO = "demo"

ENVIRONMENT = {
    "api_key": "PORTKEY_API_KEY",
    "base_url": "PORTKEY_BASE_URL",
    "provider": "PORTKEY_PROVIDER",
    "virtual_key": "PORTKEY_VIRTUAL_KEY",
    "config": "PORTKEY_CONFIG",
    "model": "PORTKEY_MODEL",
    "store": "PORTKEY_NB_STORE",
    "record": "PORTKEY_NB_RECORD",
    "replay": "PORTKEY_NB_REPLAY",
    "replay_pace": "PORTKEY_NB_REPLAY_PACE",
    "trace_metadata": "PORTKEY_NB_TRACE_METADATA",
}
"""Setting -> environment variable."""

SWITCHES = ("trace_metadata",)
"""Settings that are on or off: ``1`` or ``0``, in a file ``true`` or ``false`` as well."""

_handed: ContextVar[Handed | None] = ContextVar("portkey_nb_settings", default=None)
_session: dict[str, Secret] = {}
"""What ``%portkey login`` was told; lives as long as the process."""


class Secret(str):
    """A key that shows as dots wherever it is printed, and travels only where ``.reveal()`` is written.

    Examples
    --------
    >>> Secret("pk-abcdefgh")
    Secret('***')
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Take the text itself, also of what is a secret already."""
        return super().__new__(cls, str.__str__(text))

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def reveal(self) -> str:
        """Return the key itself, as a plain string."""
        return str.__str__(self)


@dataclass(frozen=True)
class Settings:
    """What is known from outside a call; None where nothing is set.

    Attributes
    ----------
    api_key : Secret or None
        The Portkey key.
    base_url, provider, virtual_key, config, model : str or None
        Defaults of the client and of the magic.
    store : str or None
        Path or SQLAlchemy URL of the run log.
    record, replay : str or None
        A file that every request and its answer is added to, or that requests are answered from.
    replay_pace : str or None
        ``recorded`` or ``none``: whether what is replayed takes as long as it took.
    prices : mapping
        The user's own price table: model -> USD per million tokens under
        ``input``, ``output``, ``cached`` and ``cache_write``.
    trace_metadata : bool
        Whether run id, notebook, cell and group go along as metadata to a gateway that keeps logs.
    sources : mapping
        Setting -> where it was found, for ``%portkey status``.
    """

    api_key: Secret | None = None
    base_url: str | None = None
    provider: str | None = None
    virtual_key: Secret | None = None
    config: str | None = field(default=None, repr=False)
    model: str | None = None
    store: str | None = field(default=None, repr=False)  # a URL may hold a password
    record: str | None = None
    replay: str | None = None
    replay_pace: str | None = None
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    trace_metadata: bool = True
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Handed:
    """What a process works with that makes calls for another one: that one's settings, and what it means by addresses.

    Attributes
    ----------
    settings : Settings
    places : mapping
        Base URL as it is written, a word among them -> what it means to the other process.
    """

    settings: Settings = field(repr=False)
    places: Mapping[str, Any] = field(default_factory=dict)


def take_over(handed: Handed) -> None:
    """Let :func:`load` answer, in this context and those that are made from it, with what was handed over."""
    _handed.set(handed)


def handed_place(base_url: str | None) -> Any:
    """Return what the process that handed its settings over means by a base URL; None where nothing was."""
    handed = _handed.get()
    return None if handed is None else handed.places.get((base_url or "").strip())


def load(cwd: str | os.PathLike[str] | None = None) -> Settings:
    """Read the settings as they are now.

    Parameters
    ----------
    cwd : path, optional
        Where to look for ``.env`` and ``pyproject.toml``; the working folder by default.

    Returns
    -------
    Settings

    Raises
    ------
    SettingsError
        When a file is there but cannot be read, or a project file holds a key.
    """
    handed = _handed.get()
    if handed is not None and cwd is None:
        return handed.settings
    folder = Path(cwd) if cwd is not None else Path.cwd()
    found: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, values in _layers(folder):
        for name, value in values.items():
            if name not in found and value not in (None, ""):
                found[name] = value
                sources[name] = source
    for name in ("api_key", "virtual_key"):
        if name in found:
            found[name] = Secret(found[name].strip())
    for name in SWITCHES:
        if name in found:
            found[name] = _switch(name, found[name], sources[name])
    known = {item.name for item in fields(Settings)}
    return Settings(**{k: v for k, v in found.items() if k in known}, sources=sources)


def _layers(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "environment", _from_environment(os.environ)
    dotenv = _nearest(folder, ".env")
    if dotenv is not None:
        yield str(dotenv), _from_environment(_read_dotenv(dotenv, dotenv.stat().st_mtime_ns))
    yield "%portkey login", dict(_session)
    project = _nearest(folder, "pyproject.toml")
    if project is not None:
        table = _read_toml(project, project.stat().st_mtime_ns).get("tool", {}).get("portkey_nb", {})
        if "api_key" in table:
            raise SettingsError(
                f"`api_key` stands in {project}: a key does not belong into a project file; "
                "remove it there and use PORTKEY_API_KEY, .env or `%portkey login --save`"
            )
        yield str(project), _checked(table, project)
    user = user_file()
    if user.is_file():
        yield str(user), _checked(_read_toml(user, user.stat().st_mtime_ns), user)


def variables() -> dict[str, str]:
    """Return the variables of ``.env`` and of the environment, which goes before it; a broken file is left out."""
    found: dict[str, str | None] = {}
    with suppress(OSError, SettingsError):
        dotenv = _nearest(Path.cwd(), ".env")
        if dotenv is not None:
            found.update(_read_dotenv(dotenv, dotenv.stat().st_mtime_ns))
    return {name: value for name, value in {**found, **os.environ}.items() if value}


_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def _switch(name: str, value: str | bool, source: str) -> bool:
    found = value if isinstance(value, bool) else _WORDS.get(value.strip().lower())
    if found is None:
        where = f"{ENVIRONMENT[name]} is" if source == "environment" else f"setting `{name}` in {source} is"
        raise SettingsError(f"{where} {value!r}; write 1 or 0")
    return found


def _from_environment(environ: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, variable in ENVIRONMENT.items() if (value := environ.get(variable))}


def _nearest(folder: Path, name: str) -> Path | None:
    for place in (folder, *folder.parents):
        if (place / name).is_file():
            return place / name
    return None


@lru_cache(maxsize=8)
def _read_dotenv(path: Path, _changed_at: int) -> dict[str, str | None]:
    from dotenv import dotenv_values  # read only where such a file exists

    try:
        return dict(dotenv_values(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = str(error)
    raise SettingsError(f"{path} cannot be read ({reason}); mend or remove the file")


@lru_cache(maxsize=8)
def _read_toml(path: Path, _changed_at: int) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = str(error)
    raise SettingsError(f"{path} cannot be read ({reason}); mend or remove the file")


def _checked(table: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    import difflib  # only where a settings table exists

    known = {item.name for item in fields(Settings)} - {"sources"}
    for name, value in table.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            raise SettingsError(
                f"unknown setting `{name}` in {path}"
                + (f"; did you mean `{close[0]}`?" if close else f"; known are {', '.join(sorted(known))}")
            )
        if name != "prices" and not isinstance(value, str) and not (name in SWITCHES and isinstance(value, bool)):
            raise SettingsError(f"setting `{name}` in {path} is {value!r}; write it as text in quotes")
    return table


def user_file() -> Path:
    """Return the path of the user's settings file, whether or not it exists."""
    from platformdirs import user_config_dir  # not needed where the environment says it all

    return Path(user_config_dir("portkey_nb", appauthor=False)) / "settings.toml"


def data_dir() -> Path:
    """Return the folder in which the run log lives unless PORTKEY_NB_STORE says otherwise."""
    from platformdirs import user_data_dir  # as above

    return Path(user_data_dir("portkey_nb", appauthor=False))


def login(api_key: str, *, save: bool = False) -> Path | None:
    """Keep a Portkey key for this process, and on request in the user's settings file (mode 0600).

    Parameters
    ----------
    api_key : str
        The key; spaces around it are dropped.
    save : bool
        Also write it to :func:`user_file`.

    Returns
    -------
    pathlib.Path or None
        The file written, if any.

    Raises
    ------
    SettingsError
        When the key is empty, is no text fit for a header, or the file cannot be written.
    """
    key = api_key.strip()
    if not key:
        raise SettingsError("no key was typed; run `%portkey login` again and paste the key at the prompt")
    if not (key.isascii() and key.isprintable()):
        raise SettingsError("that key holds characters which no key has; copy it again from the Portkey dashboard")
    _session["api_key"] = Secret(key)
    if not save:
        return None
    path = user_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        kept = [line for line in old if line.split("=")[0].strip() != "api_key"]
        quoted = key.replace("\\", "\\\\").replace('"', '\\"')
        # A key must stand above the first table of the file.
        text = "\n".join([f'api_key = "{quoted}"', *kept]) + "\n"
        spare = path.with_suffix(".new")
        spare.unlink(missing_ok=True)
        with os.fdopen(os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        spare.replace(path)
        return path
    except OSError as error:
        reason = str(error)
    raise SettingsError(f"the key is kept for this session, but {path} cannot be written ({reason})")


def logout() -> None:
    """Forget the key that :func:`login` kept for this process."""
    _session.clear()
