"""What a panel is opened with: options sorted as `ask` sorts them, its conversation, and where it stands."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from IPython.core.getipython import get_ipython

from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.engine.talks import Talk, talk, unused
from portkey_nb.errors import PromptError
from portkey_nb.gateway.config import OPTION_NAMES
from portkey_nb.gateway.types import View
from portkey_nb.notebook.chats import where
from portkey_nb.notebook.panel.composed import MOST_MODELS, Composed
from portkey_nb.notebook.place import Place, place_of
from portkey_nb.settings import Secret

_OTHERS = ("tools", "schema", "tags", "cache", "timeout", "stream", "trace_metadata")
_ELSEWHERE = {
    "image": "belongs to a message; write panel.send(text, images=[...])",
    "images": "belongs to a message; write panel.send(text, images=[...])",
    "messages": "are the conversation; write panel.messages = [...]",
    "prompt": "is a message; write panel.send(text)",
    "tool": "is not known; write tools=[...]",
}


def composed_of(model: Any, base_url: str | None, options: Mapping[str, Any]) -> Composed:
    """Sort a panel's arguments into what a request consists of; keys become secrets.

    Raises
    ------
    PromptError
        When one of them does not fit.

    Examples
    --------
    >>> found = composed_of("gpt-4o", "demo", {"temperature": 0, "api_key": "pk-1", "system": "Be brief."})
    >>> found.models, found.params, found.options, found.system
    (('gpt-4o',), {'temperature': 0}, {'api_key': Secret('***')}, 'Be brief.')
    """
    for name, said in _ELSEWHERE.items():
        if name in options:
            raise PromptError(f"ChatPanel takes no `{name}`, which {said}")
    given = {name: value for name, value in options.items() if value is not None and name != "store"}
    system = system_text(given.pop("system", None))
    others = {name: given.pop(name) for name in _OTHERS if name in given}
    # `metadata` is a parameter of the request body, as for `ask`; tags travel as Portkey's metadata.
    routes = {name: given.pop(name) for name in list(given) if name in OPTION_NAMES and name != "metadata"}
    for name, value in routes.items():
        if OPTION_NAMES[name].secret and isinstance(value, str):
            routes[name] = Secret(value.reveal() if isinstance(value, Secret) else value)
    return Composed(
        models=models_of(model), system=system, params=given, options=routes, base_url=base_url, others=others
    )


def system_text(system: Any) -> str | None:
    """Return a system prompt as it is kept; an empty one is none.

    Raises
    ------
    PromptError
        When it is no text.
    """
    if system is not None and not isinstance(system, str):
        raise PromptError(f"system is {system!r:.60}; give a text")
    return system or None


def refuse_unknown(kind: type, name: str) -> None:
    """Refuse a name that is nothing to be set on a panel: a parameter, or one that is mistyped.

    Raises
    ------
    PromptError
        When the class has no such property.

    Examples
    --------
    >>> from portkey_nb import ChatPanel
    >>> refuse_unknown(ChatPanel, "sistem")
    Traceback (most recent call last):
        ...
    portkey_nb.errors.PromptError: a panel has no `sistem`; did you mean `system`?
    """
    if isinstance(getattr(kind, name, None), property):
        return
    known = [one for one in dir(kind) if getattr(getattr(kind, one), "fset", None) is not None]
    close = difflib.get_close_matches(name, known, 1)
    if close:
        raise PromptError(f"a panel has no `{name}`; did you mean `{close[0]}`?")
    raise PromptError(
        f"`{name}` cannot be set on a panel ({', '.join(known)} can); "
        f"write ChatPanel(..., {name}=...) for an option, or use the panel's settings"
    )


def models_of(model: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the models that are meant by one name or several.

    Raises
    ------
    PromptError
        When they are no names, or more than four.
    """
    names = [model] if isinstance(model, str) else list(model or ())
    if not all(isinstance(name, str) and name.strip() for name in names):
        raise PromptError(f"model is {model!r:.60}; give a name such as 'gpt-4o', or a list of up to {MOST_MODELS}")
    if len(names) > MOST_MODELS:
        raise PromptError(f"{len(names)} models are given and {MOST_MODELS} answer side by side; leave some out")
    return tuple(name.strip() for name in names)


def here() -> Place:
    """Return where the panel stands; outside of IPython in no notebook."""
    shell = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
    return Place(os.environ.get("JPY_SESSION_NAME") or None, None) if shell is None else place_of(shell)


def names_here() -> Mapping[str, Any]:
    """Return the notebook's variables; none outside of IPython."""
    shell = get_ipython()  # type: ignore[no-untyped-call,unused-ignore]
    return {} if shell is None else dict(shell.user_ns)


def talk_for(chat: str | None, place: Place, store: Any) -> Talk:
    """Return the conversation of that name, or a fresh one with a name of its own.

    Raises
    ------
    PromptError
        When the name is none.
    """
    log = store if isinstance(store, RunStore) else open_store(store)
    if chat is None:
        return talk(place.scope, unused(place.scope, "panel", log), log)
    return talk(*where(chat, place, said="chat"), log)


def last_model(conversation: Talk) -> str | None:
    """Return the model of a conversation's last answer."""
    runs = conversation.runs_by_id()
    for turn in reversed(conversation.conversation.path()):
        run = runs.get(turn.run_id or "")
        if run is not None and run.model:
            return run.model
    return None


def message_list(messages: Any) -> list[dict[str, Any]]:
    """Return messages as a list of their own, of plain JSON values.

    Raises
    ------
    PromptError
        When they are no messages, or could not be sent.

    Examples
    --------
    >>> message_list([{"role": "user", "content": "Hi"}])
    [{'role': 'user', 'content': 'Hi'}]
    """
    found: list[Any] | None = None
    with suppress(TypeError, ValueError):
        found = [message.model_dump() if isinstance(message, View) else dict(message) for message in messages]
    if found is None or isinstance(messages, str | Mapping):
        raise PromptError(f"messages are {messages!r:.60}; give a list of mappings with role and content")
    return [_message(message) for message in found]


def _message(given: dict[str, Any]) -> dict[str, Any]:
    """Return one message as it would be sent."""
    if not isinstance(given.get("role"), str) or not given["role"].strip():
        raise PromptError(f"a message is {given!r:.60}; it needs a role, such as 'user'")
    content = given.get("content")
    if isinstance(content, tuple):
        content = list(content)
    if isinstance(content, list):
        fits = all(isinstance(part, Mapping) for part in content)
    else:
        fits = isinstance(content, str) or (content is None and given["role"] == "assistant")
    if not fits:
        raise PromptError(f"a message's content is {content!r:.60}; give a text or a list of parts")
    try:
        found: dict[str, Any] = json.loads(json.dumps(given, allow_nan=False, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        said = "a text holds half of a surrogate pair, which UTF-8 cannot carry; decode it with errors='replace'"
    except (TypeError, ValueError, RecursionError) as error:
        said = f"{error}; convert it first"
    else:
        return found
    raise PromptError(f"a message cannot be sent as JSON: {said}")
