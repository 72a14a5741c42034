"""A call as a ``%%portkey`` cell: of several ways to write it, the first that arrives as it was meant."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portkey_nb.errors import ConfigError, PortkeyError, PromptError
from portkey_nb.gateway.config import config_header
from portkey_nb.gateway.secrecy import without_login
from portkey_nb.notebook.named import find_config
from portkey_nb.notebook.options import CellOptions, pairs, parse_cell, request_params, split_line
from portkey_nb.notebook.panel.asked import UNSEEN, Asked, Variables, open_config, read_by_ipython, without_secrets
from portkey_nb.notebook.prompt import compose
from portkey_nb.settings import HOSTED, Secret, load

_SHORT = 100
"""Characters of a system prompt that stands in the line."""
_MOST_YAML = 20_000
"""Characters beyond which a list is JSON, which is read a hundred times as fast."""
_SETTING_KEY = (
    "The cell takes the virtual key from the settings: set the environment variable PORTKEY_VIRTUAL_KEY, "
    "for one with `os.environ[...] = getpass.getpass()`."
)


@dataclass(frozen=True)
class Defaults:
    """What ``%config PortkeyMagics`` adds to a cell that does not say otherwise."""

    system: str = ""
    base_url: str = ""
    route: str = ""


def cell_of(asked: Asked, defaults: Defaults, notes: dict[str, None]) -> str:
    """Write the calls as one cell.

    Returns
    -------
    str
        Empty where no cell can say it; why is added to the notes.
    """
    try:
        words = list(_words(asked, defaults, notes))
        _check_line(" ".join(words), asked)
        return _first_that_arrives(words, asked, defaults)
    except PortkeyError as error:
        notes[f"No cell says this ({error.message}); the Python code does."] = None
        return ""


def _first_that_arrives(words: list[str], asked: Asked, defaults: Defaults) -> str:
    wanted = asked.messages
    if asked.system is not None:
        wanted = [{"role": "system", "content": asked.system}, *wanted]
    problem = "its texts do not arrive as they are"
    for flags, body in _bodies(asked, wanted, defaults):
        for raw in ([], ["--raw"]):
            cell = f"%%portkey {' '.join([*words, *flags, *raw])}\n{body}"
            if UNSEEN.search(cell):
                continue
            try:
                if _arrives(cell, wanted, defaults):
                    return cell
            except PortkeyError as error:
                problem = error.message
    raise PromptError(problem)


def _arrives(cell: str, wanted: list[dict[str, Any]], defaults: Defaults) -> bool:
    """Tell whether a cell, read as IPython and the magic read it, makes these messages."""
    call = ast.parse(read_by_ipython(cell), mode="eval").body
    if not isinstance(call, ast.Call) or len(call.args) != 3:
        return False
    _, line, body = (ast.literal_eval(given) for given in call.args)
    options = parse_cell(line)
    system = options.system if options.system is not None else defaults.system or None
    prompt = compose(body, {}, raw=options.raw, as_messages=options.messages, system=system)
    twice = bool(options.system and prompt.own_system)
    return not twice and prompt.messages == wanted


def _bodies(asked: Asked, wanted: list[dict[str, Any]], defaults: Defaults) -> Iterator[tuple[list[str], str]]:
    """Yield flags and body, what reads best first."""
    system = asked.system
    in_line: list[str] | None = ['-s ""'] if defaults.system.strip() else []
    if system is not None:
        short = len(system) <= _SHORT and "\n" not in system
        in_line = _try_word("-s", system) if short else None
    simple = all(set(message) == {"role", "content"} and isinstance(message["content"], str) for message in wanted)
    if simple and len(asked.messages) == 1 and in_line is not None:
        text = asked.messages[0]["content"]
        if text == text.strip():
            yield in_line, text
    ruling = (system is None and in_line) or []
    if simple and all(message["content"] == message["content"].strip() for message in wanted):
        yield ruling, "\n\n".join(f"{message['role']}:\n{message['content']}" for message in wanted)
    written = _json(wanted, indent=2)
    if len(written) <= _MOST_YAML:
        yield [*ruling, "--messages"], "\n".join(_yaml(message) for message in wanted)
    yield [*ruling, "--messages"], written


def _json(value: Any, indent: int | None = None) -> str:
    """Write JSON in which every character can be seen."""
    written = json.dumps(value, ensure_ascii=False, indent=indent)
    return UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], written)


def _yaml(message: Mapping[str, Any]) -> str:
    if set(message) != {"role", "content"} or not isinstance(message["content"], str):
        return f"- {_json(message)}"
    text = message["content"]
    if "\n" not in text or text != text.strip() or UNSEEN.search(text) or "\t" in text:
        return f"- role: {message['role']}\n  content: {_json(text)}"
    lines = "\n".join(f"    {line}" if line else "" for line in text.split("\n"))
    return f"- role: {message['role']}\n  content: |-\n{lines}"


def _words(asked: Asked, defaults: Defaults, notes: dict[str, None]) -> Iterator[str]:
    """Yield the flags, but those that go with the body."""
    _check_secrets(asked)
    for model in asked.models:
        if "," in model:
            raise PromptError(f"`-m` reads {model!r} as several models")
        yield _word("-m", model)
    for name, value in asked.params.items():
        yield _parameter(name, value)
    yield from _route(asked, defaults, notes)
    for name, value in asked.own.items():
        yield from _further(name, value, asked, notes)


def _check_secrets(asked: Asked) -> None:
    """Raise where a flag would hold a secret, without quoting it."""
    further = {name: asked.own.get(name) for name in ("schema", "tags")}
    for name, value in {**asked.params, **further, "tools": [asked.params.get("tools"), asked.tools({})[1]]}.items():
        found = Variables()
        without_secrets(value, found, name=name)
        if found.known:
            raise PromptError(f"`{name}` holds a secret, which would stand in it and be saved with the notebook")


def _parameter(name: str, value: Any) -> str:
    if "=" in name or name != name.strip():
        raise PromptError(f"`-p` takes no parameter named {name!r}")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "temperature" and number and abs(value) < 1e6:
        return f"-t {value}" if value >= 0 else f"--temperature={value}"
    if name == "max_tokens" and isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return f"--max-tokens {value}"
    if isinstance(value, str):
        word = _try_word("-p", f"{name}={value}")
        if word and _same(request_params(parse_cell(word[0])).get(name), value):
            return word[0]
    return _word("-p", f"{name}={_json(value)}")


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON: 1 is neither True nor \"1\"."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _route(asked: Asked, defaults: Defaults, notes: dict[str, None]) -> Iterator[str]:
    options = dict(asked.options)
    config, provider, key = (options.pop(name, None) for name in ("config", "provider", "virtual_key"))
    if options:
        raise PromptError(f"`{next(iter(options))}` has no flag")
    if config is not None:
        yield _word("--config", _config(config, asked, notes))
    elif defaults.route:
        notes["This notebook's `PortkeyMagics.config` goes with the cell; set it to '' first."] = None
    if provider is not None:
        yield _word("--provider", str(provider))
    if key is not None:
        settings = load()
        if config is not None or provider is not None or settings.config or settings.provider:
            raise PromptError("a virtual key would stand in it, and be saved with the notebook")
        known = settings.virtual_key
        if known is None or known.reveal() != (key.reveal() if isinstance(key, Secret) else key):
            notes[_SETTING_KEY] = None
    if asked.base_url is not None:
        yield _word("--base-url", without_login(asked.base_url))
    elif defaults.base_url:
        yield _word("--base-url", load().base_url or HOSTED)


def _config(config: Any, asked: Asked, notes: dict[str, None]) -> str:
    """Return what ``--config`` takes: a name, a saved config's id, or JSON that holds no key."""
    name = asked.name_of(config) or asked.config_name
    if name is not None:
        if asked.name_of(config) is None:
            notes[f"The cell's `{name}` is the Config that the Python code makes; run its first lines before."] = None
        return name
    plain, _ = open_config(config)
    text = plain if isinstance(plain, str) else _json(plain)
    if config_header(find_config(text, asked.names)) != config_header(plain):
        raise ConfigError(f"`{text}` is a variable here, and no config's id")
    return text


def _further(name: str, value: Any, asked: Asked, notes: dict[str, None]) -> Iterator[str]:
    if name == "stream" and value is False:
        yield "--no-stream"
    elif name == "cache" and value:
        yield "--cache"
    elif name == "tags":
        for key, text in value.items():
            yield _word("--tag", f"{key}={text}")
    elif name == "schema":
        yield _word("--schema", _json(value) if isinstance(value, Mapping) else asked.called(value, notes))
    elif name == "tools":
        functions, definitions = asked.tools(notes)
        if functions:
            yield _word("--tools", ",".join(functions))
        if definitions:
            yield _word("-p", f"tools={_json(definitions)}")
    elif name == "timeout":
        notes["The cell waits as long as a cell does; the time limit stands in the Python code."] = None


def _try_word(flag: str, value: str) -> list[str] | None:
    try:
        return [_word(flag, value)]
    except PromptError:
        return None


def _word(flag: str, value: str) -> str:
    """Write a flag with its value so that the line is split there again.

    Raises
    ------
    PromptError
        When no quotes can hold the value.
    """
    bare = value.rstrip("\\")
    ends = value[len(bare) :]
    quoted = [f"{quote}{bare.replace(quote, chr(92) + quote)}{quote}{ends}" for quote in "\"'"]
    joint = " "
    if value.startswith("-"):
        flag, joint = {"-m": "--model", "-s": "--system", "-p": "--param"}.get(flag, flag), "="
    if not UNSEEN.search(value) and "\n" not in value:
        for written in (value, *quoted) if value else ('""',):
            line = f"{flag}{joint}{written}"
            try:
                words = [word.text for word in split_line(f"{line} -x")]
            except PromptError:
                continue
            if words == [*([flag, value] if joint == " " else [f"{flag}={value}"]), "-x"]:
                return line
    raise PromptError(f"`{flag}` cannot hold {value!r:.40}")


def _check_line(line: str, asked: Asked) -> None:
    """Raise where the flags do not say what is asked."""
    try:
        options = parse_cell(line)
        said = _said(options)
    except (ValueError, IndexError) as error:  # argparse and numbers beyond floats
        fault = str(error)
    else:
        _, definitions = asked.tools({})
        params = {**asked.params, **({"tools": definitions} if definitions else {})}
        tags = {str(name): str(value) for name, value in (asked.own.get("tags") or {}).items()}
        if said == _comparable(list(asked.models), params, tags):
            return
        fault = "a flag does not hold its value"
    raise PromptError(fault)


def _said(options: CellOptions) -> str:
    models = [name.strip() for given in options.model for name in given.split(",") if name.strip()]
    return _comparable(models, request_params(options), pairs(options.tag, "--tag"))


def _comparable(models: list[str], params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
    numbers = {name: float(value) for name, value in params.items() if name == "temperature" and type(value) is int}
    return json.dumps([models, {**params, **numbers}, dict(tags)], sort_keys=True)
