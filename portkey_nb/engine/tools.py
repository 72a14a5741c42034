"""Python functions as tools: what a model is told of them, and their calls, whose faults are told to the model."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.engine.objects import text_of
from portkey_nb.engine.shapes import mismatches, one_line, quoted
from portkey_nb.engine.signatures import Signature, signature_of
from portkey_nb.errors import PromptError
from portkey_nb.gateway.answers import struck
from portkey_nb.gateway.config import secrets_in

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)
_LONGEST_ERROR = 500
_PATIENCE = 5.0
"""Seconds that a stopped coroutine has to clean up."""


@dataclass(frozen=True)
class ToolResult:
    """How one call of a tool came out.

    Attributes
    ----------
    name : str
        Of the tool.
    arguments : dict or None
        As the model gave them; None where they are no JSON object.
    text : str
        What goes back to the model.
    error : str or None
        One line: what went wrong.
    seconds : float
        How long the function ran.
    """

    name: str
    arguments: dict[str, Any] | None
    text: str
    error: str | None
    seconds: float


@dataclass(frozen=True, eq=False)
class Tool:
    """A function that a model may call.

    Attributes
    ----------
    name, description : str
        What the model is told.
    parameters : dict
        JSON schema of the arguments.

    Examples
    --------
    >>> def add(a: int, b: int = 1) -> int:
    ...     "Add two numbers."
    ...     return a + b
    >>> tool = tool_of(add)
    >>> tool.call('{"a": "2"}').text
    '3'
    >>> tool.call('{"a": "two"}').error
    "the arguments do not fit: a: Input should be a valid integer, unable to parse string as an integer, got 'two'"
    """

    name: str
    description: str
    parameters: dict[str, Any]
    _function: Callable[..., Any] = field(repr=False)
    _signature: Signature = field(repr=False)

    @property
    def definition(self) -> dict[str, Any]:
        """The tool as an OpenAI request names it."""
        described = {"description": self.description} if self.description else {}
        return {"type": "function", "function": {"name": self.name, **described, "parameters": self.parameters}}

    def call(self, arguments: str) -> ToolResult:
        """Call the function with arguments that a model wrote.

        Whatever goes wrong is a result that tells the model, so that it can mend its call.

        Parameters
        ----------
        arguments : str
            A JSON object; empty text is one without members.

        Raises
        ------
        KeyboardInterrupt
            When the person stops it.
        """
        read: dict[str, Any] | None = None
        try:
            read = _read(arguments)
            given = self._signature.bind(json.dumps(read))
        except Exception as raised:  # noqa: BLE001 (validators of the user's types may raise anything)
            return ToolResult(self.name, read, said := _misfit(raised), said, 0.0)
        begun = time.perf_counter()
        try:
            text, error = text_of(_awaited(self._function(**given))), None
        except (Exception, SystemExit, asyncio.CancelledError) as raised:  # noqa: BLE001 (told to the model)
            error = failure(raised)
            text = f"the function failed: {error}"
        return ToolResult(self.name, read, text, error, time.perf_counter() - begun)


def tool_of(function: Callable[..., Any]) -> Tool:
    """Make a tool of a Python function.

    Parameters
    ----------
    function : callable
        A function, a coroutine function, a bound method, a ``functools.partial`` or an object with ``__call__``. Its
        docstring (Google, NumPy or reST style) describes it, its annotations type the arguments. A :class:`Tool` stays.

    Raises
    ------
    PromptError
        When it cannot be a tool: a lambda, a class, ``*args``, ``**kwargs``, positional-only parameters, a type that
        JSON cannot give.
    """
    if isinstance(function, Tool):
        return function
    if isinstance(function, Mapping):
        raise PromptError("a tool's definition holds no function to call; give the Python function itself")
    if not callable(function) or isinstance(function, type):
        what = f"the class {function.__name__}" if isinstance(function, type) else quoted(function)
        raise PromptError(f"{what} cannot be a tool; give a Python function")
    name = _name_of(function)
    if name == "<lambda>":
        raise PromptError("a lambda has no name to call it by; write a function with def")
    if not _NAME.fullmatch(name):
        raise PromptError(f"{quoted(name)} cannot be a tool's name; use 1 to 64 of a-z, A-Z, 0-9, _ and -")
    signature = signature_of(function, name)
    return Tool(name, signature.description, signature.schema, function, signature)


def tools_of(things: Any) -> dict[str, Tool]:
    """Make tools of several functions, by name.

    Parameters
    ----------
    things : callable, Tool or iterable of these

    Raises
    ------
    PromptError
        As :func:`tool_of`, and when two have the same name.
    """
    one = callable(things) or isinstance(things, Tool | Mapping | str) or not isinstance(things, Iterable)
    found: dict[str, Tool] = {}
    for thing in (things,) if one else things:
        tool = tool_of(thing)
        if found.setdefault(tool.name, tool) is not tool:
            raise PromptError(f"two tools are named {tool.name!r}; rename one of them")
    return found


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__


def _read(arguments: str) -> dict[str, Any]:
    """Return the arguments as a dict; some models write their JSON into a JSON text, or null for none."""
    found: Any = arguments if arguments.strip() else "{}"
    for _ in range(2):
        if isinstance(found, str):
            found = json.loads(found, parse_constant=_no_number)
    if found is None:
        found = {}
    if not isinstance(found, dict):
        raise ValueError(f"they should be a JSON object, got {quoted(found)}")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _misfit(raised: Exception) -> str:
    if isinstance(raised, json.JSONDecodeError):
        return f"the arguments are not valid JSON: {raised.msg} at character {raised.pos + 1}"
    if hasattr(raised, "errors") and type(raised).__name__ == "ValidationError":
        return f"the arguments do not fit: {mismatches(raised)}"  # type: ignore[arg-type]
    return f"the arguments do not fit: {failure(raised, named=not isinstance(raised, ValueError))}"


def failure(raised: BaseException, *, named: bool = True) -> str:
    """Return an exception as one line without the secrets of the environment."""
    try:
        said = str(raised)
    except Exception:  # noqa: BLE001 (a foreign exception's text may raise anything)
        said = ""
    said = struck(said, sorted((secret for secret in secrets_in(os.environ) if len(secret) > 5), key=len, reverse=True))
    kind = type(raised).__name__
    return one_line(f"{kind}: {said}" if named and said else said or kind, _LONGEST_ERROR)


def _awaited(value: Any) -> Any:
    """Return what a coroutine ends with, run in this thread where no event loop runs, else in one of its own."""
    if not inspect.isawaitable(value):
        return value

    async def wait() -> Any:
        return await value

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    return _beside(wait)


def _beside(wait: Callable[[], Any]) -> Any:
    """Run a coroutine to its end in a thread of its own; when the person stops it, it is cancelled and awaited."""
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
    loop = runner.get_loop()
    outcome: list[Any] = []
    tasks: list[asyncio.Task[Any]] = []
    stopped, ended = threading.Event(), threading.Event()

    async def watched() -> Any:
        tasks.extend(asyncio.all_tasks())
        if stopped.is_set():
            raise asyncio.CancelledError
        return await wait()

    def work() -> None:
        try:
            with runner:
                outcome.extend((True, runner.run(watched())))
        except BaseException as raised:  # noqa: BLE001 (told to the thread that waits)
            outcome.extend((False, raised))
        finally:
            ended.set()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    try:
        thread.start()
        ended.wait()
    except KeyboardInterrupt:
        stopped.set()
        with suppress(RuntimeError):  # the loop is closed where the coroutine has just ended
            for task in tasks:
                loop.call_soon_threadsafe(task.cancel)
        ended.wait(_PATIENCE)
        raise
    done, value = outcome
    if done:
        return value
    raise value
