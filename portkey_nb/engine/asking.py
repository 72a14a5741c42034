"""Asking from Python: ``ask`` and ``aask`` make one logged call and return its Reply."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.loop import submit
from portkey_nb.engine.reply import Reply
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.running import Running
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import PortkeyError, PromptError, SettingsError
from portkey_nb.gateway.config import OPTION_NAMES
from portkey_nb.settings import load


def ask(prompt: str | list[dict[str, Any]], model: str | None = None, **request_params: Any) -> Reply:
    """Ask a model, log the run, and return its reply.

    Parameters
    ----------
    prompt : str or list of mappings
        One user message, or a whole conversation.
    model : str, optional
        The model's name; ``PORTKEY_MODEL`` by default.
    **request_params
        Parameters of the request (``temperature``, ``max_tokens`` ...), and besides: ``system``, ``base_url``,
        ``stream`` (default True, for the time to first token), ``cache``, ``tags``, ``timeout``, ``store``, and the
        client's options by name (``config``, ``provider``, ``virtual_key`` ...).

    Returns
    -------
    Reply
        The text, with ``.run``, ``.usage``, ``.cost_usd``, ``.ttft_s``.

    Raises
    ------
    PortkeyError
        When the call fails; the failed run is in the log.

    Examples
    --------
    >>> ask("Say this is a test", model="gpt-4o", base_url="demo")
    'This is a test.'
    """
    call, runner = call_from(prompt, model, request_params)
    running = Running(runner, [call])
    try:
        for _ in running.events(tick=1.0):
            pass
    except KeyboardInterrupt:
        running.stop()
        raise
    outcome = running.outcomes()[0]
    if isinstance(outcome, PortkeyError):
        raise outcome
    return _reply(outcome, runner)


async def aask(prompt: str | list[dict[str, Any]], model: str | None = None, **request_params: Any) -> Reply:
    """Ask a model from a coroutine; parameters, result and errors as for :func:`ask`."""
    call, runner = call_from(prompt, model, request_params)
    return _reply(await asyncio.wrap_future(submit(runner.perform(call))), runner)


def call_from(prompt: Any, model: str | None, given: Mapping[str, Any]) -> tuple[Call, Runner]:
    """Return the call that :func:`ask` would make with these arguments, and the runner to make it with."""
    params = dict(given)
    if isinstance(prompt, str):
        messages: list[dict[str, Any]] = [{"role": "user", "content": str(prompt)}]
    elif isinstance(prompt, list) and prompt:
        messages = [dict(message) for message in prompt]
    else:
        raise PromptError(f"prompt is {prompt!r:.60}; give a text or a list of messages")
    system = params.pop("system", None)
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    name = model or load().model
    if not name:
        raise SettingsError("no model: pass model='gpt-4o', or set PORTKEY_MODEL")
    store = params.pop("store", None)
    tags = params.pop("tags", None)
    # `metadata` is a parameter of the request body here; tags travel as Portkey's metadata.
    options = {key: params.pop(key) for key in list(params) if key in OPTION_NAMES and key != "metadata"}
    if tags:
        options["metadata"] = {key: str(value) for key, value in tags.items()}
    last = next((m["content"] for m in reversed(messages) if m.get("role") == "user"), None)
    call = Call(
        model=name,
        messages=messages,
        base_url=params.pop("base_url", None),
        stream=params.pop("stream", True),
        cache=params.pop("cache", False),
        timeout=params.pop("timeout", None),
        options=options,
        label=name,
        facts={
            "source": "api",
            "system": system,
            "prompt": last if isinstance(last, str) else None,
            "tags": dict(tags) if tags else None,
        },
        params={key: value for key, value in params.items() if value is not None},
    )
    return call, Runner(store if isinstance(store, RunStore) else open_store(store))


def _reply(outcome: Outcome | None, runner: Runner) -> Reply:
    tell_trouble(runner.store)
    if outcome is None or outcome.run.status == "interrupted":
        raise PortkeyError("the call was interrupted; what came is in runs()")
    if outcome.error is not None:
        raise outcome.error
    return Reply(outcome.run)


def tell_trouble(store: RunStore | None) -> None:
    """Say on standard error, in one line and once, what went wrong with writing the run log."""
    trouble = store.take_trouble() if store is not None else None
    if trouble:
        print(f"portkey_nb: {trouble}", file=sys.stderr)  # noqa: T201 (beside the reply, which comes first)
