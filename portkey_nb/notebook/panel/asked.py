"""What a panel would ask, taken apart for being written down: the parts of a call, and how secrets are called."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from portkey_nb.engine.asking import with_parts
from portkey_nb.engine.images import image_part
from portkey_nb.errors import PromptError
from portkey_nb.gateway.config import OPTION_NAMES, names_secret, parse_config, redact
from portkey_nb.gateway.routing import Config
from portkey_nb.gateway.secrecy import without_login
from portkey_nb.notebook.cells import hold_together
from portkey_nb.settings import Secret

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e0fff]")
"""Characters that an editor changes, hides or uses to deceive: controls, line separators, directions, half pairs."""
_OWN = ("tags", "cache", "timeout", "stream", "schema", "tools", "images", "store", "base_url", "system")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The parts of the calls.

    Attributes
    ----------
    models : tuple of str
    messages : list of dict
        As they are sent, without the system prompt, in plain JSON values.
    system : str or None
    params : dict
        Parameters of the request's body, in plain JSON values and secrets.
    options : dict
        Client options by name; what is secret is a :class:`~portkey_nb.settings.Secret`.
    own : dict
        What else :func:`portkey_nb.ask` takes, where it is given.
    base_url : str or None
    names : mapping
        The notebook's variables.
    """

    models: tuple[str, ...]
    messages: list[dict[str, Any]]
    system: str | None
    params: dict[str, Any] = field(repr=False)
    options: dict[str, Any] = field(repr=False)
    own: dict[str, Any] = field(repr=False)
    base_url: str | None = field(repr=False)
    names: Mapping[str, Any] = field(repr=False)

    @property
    def config_name(self) -> str | None:
        """What a Config is called that holds a key and has no name yet; None where it needs none."""
        config = self.options.get("config")
        if config is None or self.name_of(config) is not None or not open_config(config)[1]:
            return None
        wishes = ("config", "panel_config", *(f"panel_config_{number}" for number in range(2, 100)))
        return next(name for name in wishes if name not in self.names and name not in self.calls)

    @property
    def calls(self) -> set[str]:
        """The names by which functions and classes are called that go with the request."""
        schema = self.own.get("schema")
        said = [
            *self.tools({})[0],
            *([] if schema is None or isinstance(schema, Mapping) else [self.called(schema, {})]),
        ]
        return {name for text in said for name in re.findall(r"\w+", text)}

    def called(self, thing: Any, notes: dict[str, None]) -> str:
        """Return what a function or class is called, and note it where the notebook has no such name."""
        if (named := self.name_of(thing)) is not None:
            return named
        if getattr(thing, "__origin__", None) is list:
            return f"list[{', '.join(self.called(kind, notes) for kind in thing.__args__)}]"
        if thing in (str, int, float, bool, list, dict):
            return str(thing.__name__)
        name = str(getattr(thing, "__name__", None) or getattr(thing, "name", None) or type(thing).__name__)
        notes[f"`{name}` has to be defined first."] = None
        return name

    def tools(self, notes: dict[str, None]) -> tuple[list[str], list[Any]]:
        """Return the names of functions that are tools, and the definitions among them."""
        given = self.own.get("tools")
        if given is None:
            return [], []
        if not isinstance(given, Mapping) and (named := self.name_of(given)) is not None:
            many = isinstance(given, list | tuple | set)
            if not many or not any(isinstance(tool, Mapping) for tool in given):
                return [named], []
        things = list(given) if isinstance(given, list | tuple | set) else [given]
        functions = [self.called(thing, notes) for thing in things if not isinstance(thing, Mapping)]
        return functions, [_plain(thing, "a tool") for thing in things if isinstance(thing, Mapping)]

    def name_of(self, thing: Any) -> str | None:
        """Return the variable that holds a thing, or a Config that says the same; texts and numbers are written out."""
        if thing is None or isinstance(thing, str | int | float):
            return None
        named = {name: value for name, value in self.names.items() if is_name(name) and not name.startswith("_")}
        itself = next((name for name, value in named.items() if value is thing), None)
        if itself is not None or not isinstance(thing, Config):
            return itself
        return next((name for name, value in named.items() if isinstance(value, Config) and value == thing), None)


def read_by_ipython(cell: str) -> str:
    """Return the Python that IPython makes of a cell."""
    manager: Any = TransformerManager()  # type: ignore[no-untyped-call]
    manager.cleanup_transforms.append(hold_together)
    return str(manager.transform_cell(cell))


def is_name(text: str) -> bool:
    """Tell whether Python takes a text as a variable's name."""
    return text.isidentifier() and not keyword.iskeyword(text)


def asked_of(
    models: Sequence[str],
    system: str | None,
    given: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    names: Mapping[str, Any],
) -> Asked:
    """Take apart what :func:`portkey_nb.ask` would be given, as it does.

    Raises
    ------
    PromptError
        When JSON cannot carry a message or a parameter.
    """
    left = {name: value for name, value in given.items() if value is not None}
    own = {name: left.pop(name) for name in _OWN if name in left}
    images = own.pop("images", None)
    parts = (
        [image_part(image) for image in (images if isinstance(images, list | tuple) else [images])] if images else []
    )
    base_url = own.pop("base_url", None)
    if base_url is not None:
        # Of a query nothing is sent, and what holds a login is refused.
        base_url = without_login(str(base_url)).partition("?")[0]
    for name, usual in {"store": None, "system": None, "stream": True, "cache": False}.items():
        if usual is None or own.get(name) is usual:
            own.pop(name, None)
    # `metadata` is a parameter of the body here; tags travel as Portkey's metadata.
    options = {name: left.pop(name) for name in list(left) if name in OPTION_NAMES and name != "metadata"}
    return Asked(
        models=tuple(models),
        messages=with_parts([_plain(dict(message), "a message") for message in messages], parts),
        system=system,
        params={name: _parameter(value, f"`{name}`") for name, value in left.items()},
        options=options,
        own=own,
        base_url=base_url,
        names=names,
    )


def _plain(value: Any, what: str) -> Any:
    """Return a value as JSON carries it."""
    try:
        return json.loads(json.dumps(value, default=_simple))
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    raise PromptError(f"{what} holds what JSON cannot carry ({problem:.120})")


def _simple(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value).__name__)


@dataclass(frozen=True)
class Variable:
    """An environment variable that stands in code where a secret is."""

    name: str
    as_json: bool = False


class Variables:
    """Names for secrets: one for each, told by what it opens.

    Attributes
    ----------
    known : dict
        Variable -> what it holds, in words.
    """

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self._of: dict[str, str] = {}

    def of(self, secret: Any, wish: str, what: str) -> Variable:
        """Return the variable of a secret, made up where it has none."""
        text = secret.reveal() if isinstance(secret, Secret) else secret
        is_text = isinstance(text, str)
        key = json.dumps(text, default=str)
        if key not in self._of:
            base = re.sub(r"\W+", "_", wish, flags=re.ASCII).strip("_").upper() or "SECRET"
            name, count = base, 1
            while name in self.known:
                count += 1
                name = f"{base}_{count}"
            self._of[key] = name
            self.known[name] = what
        return Variable(self._of[key], as_json=not is_text)


def open_config(config: Any) -> tuple[Any, bool]:
    """Return a Config as plain data with its keys revealed, and whether something in it is secret.

    Raises
    ------
    ConfigError
        When it does not fit.
    """
    plain = parse_config(config)
    if isinstance(plain, str):
        return plain, False
    found = _revealed(plain)
    return found, redact(found) != found


def _revealed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _revealed(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_revealed(item) for item in value]
    return value.reveal() if isinstance(value, Secret) else value


def without_secrets(value: Any, variables: Variables, owner: str = "", name: str = "") -> Any:
    """Return plain data with a :class:`Variable` in place of whatever is not to be shown.

    Parameters
    ----------
    value : JSON value
        Secret is what its name says to be, a text with a login in it, and any :class:`~portkey_nb.settings.Secret`.
        What a JSON schema calls its properties says nothing of them.
    variables : Variables
        Take up what is found.
    owner : str
        Whose it is, a provider for one, until a mapping names another.
    name : str
        What the value is called.

    Examples
    --------
    >>> without_secrets({"client_secret": "x", "level": 5}, Variables())
    {'client_secret': Variable(name='CLIENT_SECRET', as_json=False), 'level': 5}
    """
    if not seals(value) and redact({name: value}) == {name: value}:
        return value
    if not names_secret(name):
        if isinstance(value, Mapping):
            owner = str(value.get("provider") or owner)
            return {
                key: without_secrets(
                    item, variables, owner, "" if name == "properties" and isinstance(item, Mapping) else str(key)
                )
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [without_secrets(item, variables, owner, name) for item in value]
    return variables.of(value, f"{owner}_{name}", f"`{name or 'a secret'}`{f' of {owner}' if owner else ''}")


def seals(value: Any) -> bool:
    """Tell whether there is a secret that says so itself."""
    if isinstance(value, Mapping):
        return any(map(seals, value.values()))
    return any(map(seals, value)) if isinstance(value, list | tuple) else isinstance(value, Secret)


def _parameter(value: Any, what: str) -> Any:
    """Return a parameter as JSON carries it, its secrets still to be known as such."""
    if not seals(value):
        return _plain(value, what)
    if isinstance(value, Mapping):
        return {str(name): _parameter(item, what) for name, item in value.items()}
    return value if isinstance(value, Secret) else [_parameter(item, what) for item in value]
