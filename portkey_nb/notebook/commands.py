"""The subcommands of ``%portkey`` and the body of ``%%portkey_config``."""

from __future__ import annotations

import difflib
import getpass
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from IPython.core.error import StdinNotImplementedError

from portkey_nb.engine.catalogue import list_models
from portkey_nb.engine.connections import client_for
from portkey_nb.engine.loop import submit
from portkey_nb.engine.normalize import content_text
from portkey_nb.engine.spans import tracing
from portkey_nb.engine.store import RunStore, Totals, open_store, runs
from portkey_nb.engine.summary import money
from portkey_nb.engine.talks import talk
from portkey_nb.engine.tally import SESSION
from portkey_nb.errors import APIStatusError, PortkeyError, PromptError, SettingsError
from portkey_nb.gateway.hosted import not_allowed
from portkey_nb.gateway.routing import Config, parse_config, shown_config
from portkey_nb.gateway.secrecy import holds_secret
from portkey_nb.gateway.taping import switched_off, tapings
from portkey_nb.loading import unbroken
from portkey_nb.notebook.chats import where
from portkey_nb.notebook.compared import find_comparison
from portkey_nb.notebook.completion import config_names
from portkey_nb.notebook.named import KEY_IN_CELL, find_config
from portkey_nb.notebook.options import COMMANDS, help_page
from portkey_nb.notebook.place import place_of
from portkey_nb.notebook.prompt import expand_values
from portkey_nb.notebook.references import References
from portkey_nb.notebook.taped import describe, describe_off, find_taping
from portkey_nb.settings import load, login, logout
from portkey_nb.views.safety import plain_text

Command = Callable[[Any], Any]


def find_command(line: str) -> Command | None:
    """Return the subcommand that the whole line is, None when the line is a prompt.

    Examples
    --------
    >>> find_command("status of the union, please") is None
    True
    """
    words = line.split()
    name, rest = (words[0], words[1:]) if words else ("", [])
    if name in ("status", "config", "help", "logout") and not rest:
        return {
            "status": _status,
            "config": _config,
            "help": _help,
            "logout": lambda _: logout(),
        }[name]
    if name == "panel" and any(re.match("--?[a-z]", word, re.I) for word in rest[:2]):
        return _refuse_options
    if name == "panel" and len(rest) <= 1:
        return lambda magics: _panel(magics, rest[0] if rest else None)
    if name == "models" and len(rest) <= 1:
        return lambda magics: _models(magics, rest[0] if rest else "")
    if name == "runs" and (not rest or (len(rest) == 1 and rest[0].isdecimal())):
        return lambda magics: runs(int(rest[0]) if rest else 10)
    if name in ("chat", "reset") and len(rest) <= 1:
        command = _chat if name == "chat" else _reset
        return lambda magics: command(magics, rest[0] if rest else None)
    if name == "login" and rest in ([], ["--save"]):
        return lambda magics: _login(save=bool(rest))
    if len(words) == 1 and name not in COMMANDS and (close := difflib.get_close_matches(name, COMMANDS, 1, 0.8)):
        return lambda magics: _refuse_slip(name, close[0])
    return find_taping(line) or find_comparison(line)


def _refuse_slip(word: str, meant: str) -> None:
    raise PromptError(f"no subcommand `{word}`; did you mean `%portkey {meant}`? a prompt is `%portkey -- {word}`")


def _say(text: str) -> None:
    print(plain_text(text))  # noqa: T201 (a subcommand's answer)


def _help(magics: Any) -> None:
    _say(help_page())


def _panel(magics: Any, chat: str | None) -> Any:
    with unbroken():
        from portkey_nb.notebook.panel.chat_panel import ChatPanel  # brings ipywidgets: only where a panel is opened

    space = magics.shell.user_ns
    options = {
        "config": find_config(magics.route, space) if magics.route else None,
        "system": magics.system or None,
        "trace_metadata": magics.trace_metadata,
    }
    models = [name.strip() for name in str(magics.model or "").split(",") if name.strip()]
    panel = ChatPanel(models if chat is None else None, chat=chat, base_url=magics.base_url or None, **options)
    if models and not len(panel.conversation):  # else the model that answered last goes on
        panel.models = models
    return panel


def _refuse_options(magics: Any) -> Any:
    raise PromptError(
        "`%portkey panel [NAME]` takes the name of a chat alone; choose the rest in the panel, "
        'or write `from portkey_nb import ChatPanel` and ChatPanel("gpt-4o", chat="trip", temperature=0)'
    )


def _status(magics: Any) -> None:
    settings = load()
    lines = []
    base_url = magics.base_url or settings.base_url
    try:
        client = client_for(magics.base_url or None, {})
        lines.append(("gateway", _gateway(client._target.kind, client._target.label)))
        routes = {name: client._options.get(name) for name in ("provider", "config")}
    except PortkeyError as error:
        lines.append(("gateway", error.message))
        routes = {"provider": settings.provider, "config": settings.config}
    key = f"set ({settings.sources['api_key']})" if settings.api_key else "none (`%portkey login` asks for one)"
    if base_url == "demo":
        key = "none needed on the demo gateway"
    lines.append(("key", key))
    lines.append(("model", magics.model or settings.model or "none by default; name one with -m"))
    route = magics.route or routes["config"]
    if routes["provider"]:
        lines.append(("provider", str(routes["provider"])))
    if route:
        lines.append(("config", shown_config(route)))
    lines += [(tape.mode, describe(tape)) for tape in tapings()]
    silent = switched_off()
    if silent is not None:
        lines.append((silent.mode, describe_off(silent)))
    store = open_store()
    lines.append(("run log", f"{_place(store)}{'' if magics.log else ' (off: PortkeyMagics.log is False)'}"))
    traces = _traces(magics.trace_metadata, settings.trace_metadata)
    if traces:
        lines.append(("traces", traces))
    now = datetime.now().astimezone()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        lines.append(("session", _money_line(SESSION.totals())))
        lines.append(("today", _money_line(store.totals(since=midnight.astimezone(UTC)))))
    except PortkeyError as error:
        lines.append(("totals", error.message))
    width = max(len(name) for name, _ in lines)
    _say("\n".join(f"{name:<{width}}  {text}" for name, text in lines))


def _traces(chosen: bool | None, by_settings: bool) -> str:
    """Say what of traces is not as usual: no metadata goes along, or runs become spans."""
    on = by_settings if chosen is None else chosen
    switch = "PORTKEY_NB_TRACE_METADATA" if chosen is None else "PortkeyMagics.trace_metadata"
    said = [] if on else [f"no run id, notebook, cell or group goes along ({switch} is off)"]
    return " · ".join([*said, *(["runs are spans of OpenTelemetry"] if tracing() else [])])


def _place(store: RunStore) -> str:
    """Name the run log: a path under the home folder as people write it, a database server by its URL."""
    if store.path is None:
        return store.url
    try:
        return f"~/{store.path.relative_to(Path.home()).as_posix()}"
    except ValueError:
        return str(store.path)


def _gateway(kind: str, label: str) -> str:
    return {
        "demo": "demo, the embedded demo gateway: simulated answers, simulated money",
        "local": f"{label} (local)",
        "hosted": f"{label} (Portkey)",
    }.get(kind, label)


def _money_line(totals: Totals) -> str:
    calls = "1 call" if totals.calls == 1 else f"{totals.calls:,} calls"
    parts = [calls, f"{totals.failed:,} failed", f"{money(totals.cost_usd)} paid"]
    if totals.demo_calls:
        parts.append(f"{totals.demo_calls:,} on the demo gateway, free")
    if totals.unpriced:
        parts.append(f"{totals.unpriced:,} without a known price")
    return ", ".join(parts)


def _models(magics: Any, wanted: str) -> Any:
    with unbroken():
        import pandas as pd  # only where a table is shown

    try:
        found = submit(list_models(magics.base_url or None, {})).result()
    except APIStatusError as error:
        if not not_allowed(error):
            raise
        found = None
    if found is None:
        _say("not allowed for this key: it may not list models; name the one you know with -m")
        return None
    rows = [(model.name, model.provider) for model in found if wanted.lower() in model.name.lower()]
    magics.known.models.update(name for name, _ in rows)
    if not found:
        raise PromptError("the gateway lists no models; name the model you know with -m")
    if not rows:
        raise PromptError(f"no model has {wanted!r} in its name; `%portkey models` lists all {len(found)}")
    return pd.DataFrame(rows, columns=["model", "provider"])


def _config(magics: Any) -> None:
    space = magics.shell.user_ns
    names = config_names(space)
    route = magics.route or load().config
    lines = [f"default  {shown_config(route) if route else 'none'}"]
    lines += [f"{name}  {space[name]!r}" for name in names]
    if not names:
        lines.append("no Config in this notebook; `%%portkey_config NAME` composes one")
    _say("\n".join(lines))


def _chat(magics: Any, name: str | None) -> None:
    store, place = open_store(), place_of(magics.shell)
    if name is None:
        rows = [(chat, turns) for chat, turns, _ in store.conversations(place.scope)]
        rows += [(f"global:{chat}", turns) for chat, turns, _ in store.conversations("global")]
        if not rows:
            _say("no conversation yet; `%%portkey --chat NAME` begins one")
            return
        _say("\n".join(f"{chat}  {turns} turn{'' if turns == 1 else 's'}" for chat, turns in rows))
        return
    scope, bare = where(name, place)
    conversation = talk(scope, bare, store).newest()
    if not conversation.turns and conversation.system is None:
        raise PromptError(f"no conversation named `{name}`; `%portkey chat` lists them")
    lines = [f"system: {conversation.system}"] if conversation.system else []
    for turn in conversation.path():
        lines += [_said(message) for message in turn.messages]
        lines += ["(interrupted)"] if turn.mark == "interrupted" else []
    _say("\n\n".join(lines))


def _said(message: Mapping[str, Any]) -> str:
    """Return a message of a conversation as text, with a word on what is no text in it."""
    content = message.get("content")
    images = sum("image_url" in part for part in content if isinstance(part, dict)) if isinstance(content, list) else 0
    functions = [call.get("function") or {} for call in message.get("tool_calls") or ()]
    parts = [content_text(content), *(f"[calls {each.get('name')}({each.get('arguments')})]" for each in functions)]
    parts += [f"[{images} image{'' if images == 1 else 's'}]"] if images else []
    return f"{message['role']}: {' '.join(part for part in parts if part)}"


def _reset(magics: Any, name: str | None) -> None:
    store, place = open_store(), place_of(magics.shell)
    if name is None:
        names = [chat for chat, _, _ in store.conversations(place.scope)]
        if len(names) != 1:
            known = ", ".join(f"`{chat}`" for chat in names) or "none"
            raise PromptError(f"`%portkey reset NAME` needs a name; conversations of this notebook: {known}")
        name = names[0]
    scope, bare = where(name, place)
    found = talk(scope, bare, store)
    # Not by reading it: one that is damaged can be forgotten as well.
    if not found.conversation.turns and bare not in [chat for chat, _, _ in store.conversations(scope)]:
        raise PromptError(f"no conversation named `{name}`; `%portkey chat` lists them")
    found.forget()
    magics.known.chats.pop(name, None)
    _say(f"`{name}` is forgotten; its runs stay in the run log")


def _login(*, save: bool) -> None:
    try:
        key: str | None = getpass.getpass("Portkey API key: ")
    except (StdinNotImplementedError, EOFError):
        key = None
    if key is None:
        raise SettingsError("nobody can be asked for a key here; set PORTKEY_API_KEY before the notebook runs")
    path = login(key, save=save)
    _say(f"the key is kept for this session{f' and in {path}' if path else ''}")


def compose_config(magics: Any, line: str, cell: str) -> None:
    """Read a Config from a cell's body, check it, and bind it.

    Raises
    ------
    PromptError
        When the name or the body cannot be read.
    ConfigError
        When the Config does not fit its schema.
    """
    import yaml  # only where a config is composed

    name = line.strip()
    if not name.isidentifier():
        raise PromptError(f"%%portkey_config {name!r}: give it one name to bind the config to, such as `fast`")
    try:
        body = yaml.safe_load(cell)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = f"{getattr(error, 'problem', None) or 'cannot be read'}{place}"
    else:
        if not isinstance(body, dict):
            raise PromptError(f"the config's body is {type(body).__name__}; write keys and values as YAML or JSON")
        if holds_secret(body):
            _say(KEY_IN_CELL)
        checked = parse_config(expand_values(body, References(magics.shell.user_ns)))
        magics.shell.user_ns[name] = Config(cast(dict[str, Any], checked))
        return
    raise PromptError(f"the config is neither YAML nor JSON: {reason}")
