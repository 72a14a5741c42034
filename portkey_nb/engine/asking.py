"""Asking from Python: ``ask`` and ``aask`` make one logged call and return its Reply."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping
from typing import Any

from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.images import image_part
from portkey_nb.engine.loop import submit
from portkey_nb.engine.record import Run
from portkey_nb.engine.reply import Reply
from portkey_nb.engine.rounds import Rounds, Step
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.running import STOP_S, Running
from portkey_nb.engine.schemas import Schema, schema_of
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.engine.tools import Tool, tools_of
from portkey_nb.errors import PortkeyError, PromptError, SchemaError, SettingsError
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
        ``stream`` (default True, for the time to first token), ``cache``, ``tags``, ``timeout``, ``store``,
        ``trace_metadata`` (whether run id, notebook, cell and group go along as Portkey's metadata),
        ``schema`` (a pydantic model, a dataclass, a TypedDict, a list of these, or a JSON schema that the answer is to
        fit), ``tools`` (functions that the model may call, or definitions as mappings), ``images`` (paths, bytes, PIL
        images, matplotlib figures), and the client's options by name (``config``, ``provider``, ``virtual_key`` ...).

    Returns
    -------
    Reply
        The text, with ``.run``, ``.usage``, ``.cost_usd``, ``.ttft_s``, ``.reasoning``, and with a schema ``.parsed``.

    Raises
    ------
    PortkeyError
        When the call fails; the failed run is in the log.
    SchemaError
        When the answer does not fit the schema; ``.reply`` is its text.

    Examples
    --------
    >>> ask("Say this is a test", model="gpt-4o", base_url="demo")
    'This is a test.'
    """
    return Inquiry(*call_from(prompt, model, request_params)).wait()


async def aask(prompt: str | list[dict[str, Any]], model: str | None = None, **request_params: Any) -> Reply:
    """Ask a model from a coroutine; parameters, result and errors as for :func:`ask`."""
    return await Inquiry(*call_from(prompt, model, request_params)).awaited()


class Inquiry:
    """One question under way, with the rounds of tool calls that it takes.

    Parameters
    ----------
    call : Call
    runner : Runner

    Attributes
    ----------
    rounds : Rounds
        The requests that followed the first one.
    outcome : Outcome, PortkeyError or None
        How the last request came out, once it has; of an interrupted one, what came.
    """

    def __init__(self, call: Call, runner: Runner) -> None:
        self.runner = runner
        self.rounds = Rounds(call, keep=runner.store.finish if runner.store is not None else None)
        self.outcome: Outcome | PortkeyError | None = None
        self._task: asyncio.Task[Outcome] | None = None

    def wait(self) -> Reply:
        """Ask, and wait in this thread, in which tools run as well; result and errors as for :func:`ask`."""
        running = Running(self.runner, [self.rounds.call])
        try:
            for event in running.events(tick=1.0):
                if event is None or event.kind != "done":
                    continue
                self.outcome = running.outcome(0)
                following = self.rounds.following(self.outcome) if isinstance(self.outcome, Outcome) else None
                if following is not None:
                    self.outcome = None
                    running.go_on(0, following)
        except KeyboardInterrupt:
            running.stop()
            self.outcome = self.rounds.broken or running.outcome(0)
            raise
        self.outcome = running.outcome(0)
        if isinstance(self.outcome, PortkeyError):
            raise self.outcome
        return _reply(self.outcome, self.runner, self.rounds)

    async def awaited(self) -> Reply:
        """Ask from a coroutine, tools running in threads; result and errors as for :func:`aask`."""
        following: Call | None = self.rounds.call
        stopped = threading.Event()

        def go_on(step: Step) -> None:
            if stopped.is_set():
                raise PortkeyError("the asking task was cancelled")

        while following is not None:
            outcome = await self._performed(following)
            try:
                # Tools may take their time: not on the caller's loop.
                following = await asyncio.to_thread(self.rounds.following, outcome, go_on)
            except asyncio.CancelledError:
                stopped.set()
                raise
        return _reply(outcome, self.runner, self.rounds)

    async def _performed(self, call: Call) -> Outcome:
        """Return how a request came out; where the asking task is cancelled, not before it is written down."""
        performing = asyncio.wrap_future(submit(self._perform(call)))
        try:
            return await asyncio.shield(performing)
        except asyncio.CancelledError:
            submit(self._cancel())
            await asyncio.wait([performing], timeout=STOP_S)
            raise

    async def _perform(self, call: Call) -> Outcome:
        self.outcome = None
        self._task = asyncio.create_task(self.runner.perform(call))
        self.outcome = await self._task
        return self.outcome

    async def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


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
    for singular in ("image", "tool"):
        if singular in params:
            raise PromptError(f"ask takes no `{singular}`; write {singular}s=[...]")
    schema, tools = params.pop("schema", None), params.pop("tools", None)
    functions, definitions = _functions(tools)
    if definitions:
        params["tools"] = definitions
    last = next((m.get("content") for m in reversed(messages) if m.get("role") == "user"), None)
    messages = with_parts(messages, _image_parts(params.pop("images", None)))
    call = Call(
        model=name,
        messages=messages,
        base_url=params.pop("base_url", None),
        stream=params.pop("stream", True),
        cache=params.pop("cache", False),
        timeout=params.pop("timeout", None),
        options=options,
        label=name,
        tools=functions,
        schema=None if schema is None else schema_of(schema),
        trace_metadata=params.pop("trace_metadata", None),
        facts={
            "source": "api",
            "system": system,
            "prompt": last if isinstance(last, str) else None,
            "tags": dict(tags) if tags else None,
        },
        params={key: value for key, value in params.items() if value is not None},
    )
    return call, Runner(store if isinstance(store, RunStore) else open_store(store))


def _functions(tools: Any) -> tuple[dict[str, Tool], list[Any]]:
    """Return the functions among tools, and the definitions that are sent as they are."""
    if tools is None:
        return {}, []
    given = list(tools) if isinstance(tools, list | tuple | set) else [tools]
    definitions = [tool for tool in given if isinstance(tool, Mapping)]
    return tools_of([tool for tool in given if not isinstance(tool, Mapping)]), definitions


def _image_parts(images: Any) -> list[dict[str, Any]]:
    if images is None:
        return []
    return [image_part(image) for image in (images if isinstance(images, list | tuple) else [images])]


def with_parts(messages: list[dict[str, Any]], parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages whose last one of the user carries further parts, such as images, behind its text.

    Raises
    ------
    PromptError
        When there is no message to carry them.
    """
    if not parts:
        return messages
    at = next((i for i in reversed(range(len(messages))) if messages[i].get("role") == "user"), None)
    if at is None:
        raise PromptError("there is no user message to put an image into; add one")
    content = messages[at].get("content")
    text = content if isinstance(content, list) else [{"type": "text", "text": content}] if content else []
    return [*messages[:at], {**messages[at], "content": [*text, *parts]}, *messages[at + 1 :]]


def _reply(outcome: Outcome | None, runner: Runner, rounds: Rounds) -> Reply:
    tell_trouble(runner.store)
    if outcome is None or outcome.run.status == "interrupted":
        raise PortkeyError("the call was interrupted; what came is in runs()")
    if outcome.error is not None:
        raise outcome.error
    unfinished = rounds.unfinished(outcome)
    if unfinished is not None:
        rounds.failed(outcome, unfinished)
        raise unfinished
    return reply_of(rounds, outcome)


def reply_of(rounds: Rounds, outcome: Outcome) -> Reply:
    """Return the reply of a question, read by its schema where it has one.

    Raises
    ------
    SchemaError
        When the answer does not fit; ``.reply`` is its text.
    """
    call, run = rounds.call, outcome.run
    parsed = None
    if call.schema is not None:
        parsed, misfit = _parsed(call.schema, run)
        if misfit is not None:
            rounds.failed(outcome, misfit)
            raise misfit
    return Reply(run, call.messages, parsed, rounds.steps, rounds.earlier)


def _parsed(schema: Schema, run: Run) -> tuple[Any, SchemaError | None]:
    """Read an answer by its schema; return the object, or why there is none."""
    text = run.text or ""
    try:
        return schema.parse(text), None
    except SchemaError as error:
        if run.finish_reason != "length":
            return None, error
    said = f"the answer was cut at the token limit before it fitted {schema.name}; allow more max_tokens"
    return None, SchemaError(said, reply=text)


def tell_trouble(store: RunStore | None) -> None:
    """Say on standard error, in one line and once, what went wrong with writing the run log."""
    trouble = store.take_trouble() if store is not None else None
    if trouble:
        print(f"portkey_nb: {trouble}", file=sys.stderr)  # noqa: T201 (beside the reply, which comes first)
