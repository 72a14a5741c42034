"""Rounds of tool calls: what the model calls is run, and the call that carries the results follows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.record import Run
from portkey_nb.engine.tools import ToolResult
from portkey_nb.errors import PortkeyError

LIMIT = 8
"""Requests that one question may take; models that call tools for ever are stopped here."""


@dataclass(frozen=True)
class Step:
    """Something between a question and its answer, to be shown.

    Attributes
    ----------
    kind : {"text", "tool"}
        What the model said on the way, or a tool it called.
    text : str
        What was said.
    result : ToolResult or None
        How the tool came out.
    """

    kind: str
    text: str = ""
    result: ToolResult | None = None


@dataclass
class Rounds:
    """One question with its rounds of tool calls; used by the thread that asked, in which the tools run.

    Parameters
    ----------
    call : Call
        The first request.
    limit : int
        The most requests that are made.
    keep : callable, optional
        Writes a row again, once what its tools gave is known.

    Attributes
    ----------
    steps : list of Step
        What happened before the answer, in order.
    earlier : list of Run
        The rows of the requests before the present one.
    broken : Outcome or None
        The present request's, where the person stopped while its tools ran.

    Examples
    --------
    ::

        rounds = Rounds(call)
        outcome = perform(call)
        while (following := rounds.following(outcome)) is not None:
            outcome = perform(following)
    """

    call: Call
    limit: int = LIMIT
    keep: Callable[[Run], None] | None = None
    steps: list[Step] = field(default_factory=list)
    earlier: list[Run] = field(default_factory=list)
    broken: Outcome | None = None
    _followed: tuple[Call, Outcome] | None = None

    def following(self, outcome: Outcome | None, tell: Callable[[Step], None] | None = None) -> Call | None:
        """Run the tools that an answer calls, and return the request that carries what they gave.

        Parameters
        ----------
        outcome : Outcome or None
            How the present request came out.
        tell : callable, optional
            Told of each step as it is done.

        Returns
        -------
        Call or None
            None where the answer is the last one.
        """
        if outcome is None or outcome.run.status != "ok" or not self.wants(outcome):
            return None
        if len(self.earlier) + 1 >= self.limit:
            return None
        message = spoken(outcome)
        if outcome.run.text:
            self._note(Step("text", text=outcome.run.text), tell)
        answers: list[dict[str, Any]] = []
        results: list[ToolResult] = []
        try:
            for called in outcome.run.tool_calls or ():
                results.append(self._run(called))
                # Gemini knows a result by the function's name, the others by the call's id.
                name, text = results[-1].name, results[-1].text
                answers.append({"role": "tool", "tool_call_id": called.get("id"), "name": name, "content": text})
                self._note(Step("tool", result=results[-1]), tell)
        except BaseException:
            self.broken = self._amended(outcome, results, status="interrupted")
            raise
        outcome = self._amended(outcome, results)
        self._followed = (self.call, outcome)
        self.earlier.append(outcome.run)
        self.call = replace(
            self.call,
            messages=[*self.call.messages, message, *answers],
            facts={**self.call.facts, "parent_run_id": outcome.run.run_id},
        )
        return self.call

    def _amended(self, outcome: Outcome, results: Sequence[ToolResult], **changes: Any) -> Outcome:
        """Write down what tools gave, beside the calls that asked for it."""
        calls = [
            {**called, **({"result": _told(results[at])} if at < len(results) else {})}
            for at, called in enumerate(outcome.run.tool_calls or ())
        ]
        run = outcome.run.with_(tool_calls=calls, **changes)
        if self.keep is not None:
            self.keep(run)
        return replace(outcome, run=run)

    def unsent(self) -> Outcome | None:
        """Take the last request back, which was never made, and return the outcome that it followed."""
        if self._followed is None:
            return None
        self.call, outcome = self._followed
        self._followed = None
        self.earlier.pop()
        return outcome

    def wants(self, outcome: Outcome) -> bool:
        """Tell whether an answer calls functions that are here to be run, and does not answer yet.

        It does answer where it calls the schema's stand-in, and it is the asker's where it calls a tool that was given
        as a definition, without a function.
        """
        names = [_name(called) for called in outcome.run.tool_calls or ()]
        others = {_name(definition) for definition in self.call.params.get("tools") or ()}
        if self.call.schema is not None:
            others.add(self.call.schema.name)
        return bool(self.call.tools) and bool(names) and not others.intersection(names)

    def unfinished(self, outcome: Outcome) -> PortkeyError | None:
        """Return the error of a model that still calls tools in its last round."""
        if outcome.run.status != "ok" or not self.wants(outcome) or len(self.earlier) + 1 < self.limit:
            return None
        return PortkeyError(
            f"{self.call.model} still calls tools after {len(self.earlier) + 1} requests; "
            "what came is in runs(): ask for less at once, or describe the tools better"
        )

    def failed(self, outcome: Outcome, error: PortkeyError) -> None:
        """Write down why a whole answer is none that was asked for; the request itself went well."""
        if self.keep is not None:
            self.keep(outcome.run.with_(passed=False, error_type=type(error).__name__, error=error.message))

    def _run(self, called: Mapping[str, Any]) -> ToolResult:
        name = _name(called)
        arguments = str((called.get("function") or {}).get("arguments") or "")
        tool = self.call.tools.get(name)
        if tool is not None:
            return tool.call(arguments)
        known = ", ".join(self.call.tools)
        said = f"there is no tool named {name!r}; there are: {known}"
        return ToolResult(name=name, arguments=None, text=said, error=said, seconds=0.0)

    def _note(self, step: Step, tell: Callable[[Step], None] | None) -> None:
        self.steps.append(step)
        if tell is not None:
            tell(step)


def _told(result: ToolResult) -> dict[str, Any]:
    return {"text": result.text, "error": result.error, "seconds": round(result.seconds, 6)}


def _name(called: Any) -> str:
    function = called.get("function") if isinstance(called, Mapping) else None
    return str(function.get("name") or "") if isinstance(function, Mapping) else ""


def spoken(outcome: Outcome) -> dict[str, Any]:
    """Return an answer as the message that goes back to the model.

    What Anthropic signed of its thinking goes back with it: without it, the next request is refused.
    """
    run = outcome.run
    message: dict[str, Any] = {"role": "assistant", "content": run.text or None}
    if run.tool_calls:
        message["tool_calls"] = [_sound(called) for called in run.tool_calls]
    data = outcome.completion._data["choices"][:1] if outcome.completion is not None else ()
    for choice in data:
        blocks = choice["message"].get("content_blocks")
        if blocks and any(isinstance(block, dict) and block.get("signature") for block in blocks):
            message["content_blocks"] = blocks
    return message


def _sound(called: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool call as it may be sent back: what a model wrote badly instead of JSON would be refused."""
    function = dict(called.get("function") or {})
    try:
        json.loads(function.get("arguments") or "{}")
    except (TypeError, ValueError):
        function["arguments"] = "{}"
    function["arguments"] = function.get("arguments") or "{}"
    kept = {name: value for name, value in called.items() if name != "result"}
    return {**kept, "type": "function", "function": function}
