"""Reply and Replies: a str and a dict that know the runs they came from."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from portkey_nb.engine.record import Run, whole
from portkey_nb.engine.rounds import Step
from portkey_nb.engine.traces import trace_url
from portkey_nb.errors import PromptError
from portkey_nb.loading import unbroken

if TYPE_CHECKING:
    import pandas as pd

    from portkey_nb.engine.comparison import Comparison

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\n`]*)\n(.*?)(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.M | re.S)


class CodeBlock(str):
    """The code of one fenced block.

    Attributes
    ----------
    language : str
        The first word behind the fence; empty where there is none.
    """

    language: str = ""


class _Shown:
    """Displayed but once: silent at the end of the cell that painted it, whole when evaluated later."""

    _painted_in: int | None = None

    def painted_in(self, execution_count: int) -> None:
        """Note that the cell which gives this value has shown it already."""
        self._painted_in = execution_count

    def _ipython_display_(self) -> None:
        from IPython import get_ipython  # only where IPython displays it
        from IPython.display import display

        painted_in, self._painted_in = self._painted_in, None
        shell = get_ipython()
        here = shell.execution_count if shell is not None else painted_in
        if painted_in is None or painted_in != here:
            display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]
        elif sys.stdout.isatty():
            # Take back the `Out[n]:` that a terminal puts before a value.
            sys.stdout.write("\r\x1b[2K")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        raise NotImplementedError


class Reply(str, _Shown):
    """The text of an answer, with the run behind it.

    Attributes
    ----------
    run : Run
        The row in the log.
    messages : list of dict
        The conversation, this answer at its end.
    parsed : object
        With a schema: the object that the answer holds. None without one.
    steps : tuple of Step
        Tools that were called on the way, and what was said between.
    earlier : tuple of Run
        The rows of the requests before the last one, where tools were called.

    Examples
    --------
    >>> from portkey_nb import ask
    >>> reply = ask("Say this is a test", model="gpt-4o", base_url="demo")
    >>> reply, reply.run.status
    ('This is a test.', 'ok')
    """

    run: Run
    messages: list[dict[str, Any]]
    parsed: Any
    steps: tuple[Step, ...]
    earlier: tuple[Run, ...]

    def __new__(
        cls,
        run: Run,
        messages: list[dict[str, Any]] | None = None,
        parsed: Any = None,
        steps: Sequence[Step] = (),
        earlier: Sequence[Run] = (),
    ) -> Reply:
        """Make the reply of a completed run."""
        reply = super().__new__(cls, run.text or "")
        reply.run = run
        asked = list(run.messages or ()) if messages is None else list(messages)
        reply.messages = [*asked, {"role": "assistant", "content": run.text or ""}]
        reply.parsed, reply.steps, reply.earlier = parsed, tuple(steps), tuple(earlier)
        return reply

    def __reduce__(self) -> tuple[Any, ...]:
        return (Reply, (self.run, self.messages[:-1], self.parsed, self.steps, self.earlier))

    @property
    def runs(self) -> list[Run]:
        """The rows behind the reply: one, or one for each round of tool calls."""
        return [*self.earlier, self.run]

    @property
    def reasoning(self) -> str | None:
        """What the model thought before it answered; None where it did not say."""
        return "\n\n".join(run.reasoning for run in self.runs if run.reasoning) or None

    @property
    def usage(self) -> dict[str, int | None]:
        """Tokens by name, of all requests (input includes cached, output includes reasoning); None where unknown."""
        names = (
            "input_tokens",
            "output_tokens",
            "total_tokens",
            "cached_input_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
        )
        run = whole(self.run, self.earlier)
        return {name: getattr(run, name) for name in names}

    @property
    def cost_usd(self) -> float | None:
        """What the reply cost in US dollars, all requests together; None where a price is unknown."""
        return whole(self.run, self.earlier).cost_usd

    @property
    def ttft_s(self) -> float | None:
        """Seconds from the last attempt to the first piece of the answer; None if it was not streamed."""
        return self.runs[0].ttft_s

    @property
    def trace_id(self) -> str | None:
        """The trace id under which Portkey logs the call."""
        return self.run.trace_id

    @property
    def trace_url(self) -> str | None:
        """The address of the call's trace in Portkey's dashboard; None where another gateway than Portkey's was asked.

        The page of logs is certain, the query that opens one trace in it is not documented by Portkey; see
        :func:`portkey_nb.engine.traces.trace_url`.
        """
        return trace_url(self.run.base_url, self.run.trace_id)

    @property
    def model(self) -> str | None:
        """The model that answered, or the one asked where the answer does not say."""
        return self.run.model_response or self.run.model

    @property
    def code_blocks(self) -> list[CodeBlock]:
        """The fenced code blocks of the text, in order, each with its ``language``."""
        blocks = []
        for _, info, code in _FENCE.findall(str(self)):
            block = CodeBlock(code)
            block.language = info.split()[0] if info.split() else ""
            blocks.append(block)
        return blocks

    def json(self) -> Any:
        """Read the text as JSON: all of it, or else its first fenced block, or the first object or list in it.

        Raises
        ------
        PromptError
            When there is no JSON in it.
        """
        for text in (str(self), *self.code_blocks):
            try:
                return json.loads(text)
            except ValueError:
                continue
        decoder = json.JSONDecoder()
        for start in re.finditer(r"[\[{]", str(self)):
            try:
                return decoder.raw_decode(str(self), start.start())[0]
            except ValueError:
                continue
        shown = str(self)[:60]
        raise PromptError(
            f"no JSON in the reply {shown!r}; ask for it with `-p response_format={{'type':'json_object'}}`"
        )

    def frame(self) -> pd.DataFrame:
        """Return the answer as a DataFrame, a row for each object in it.

        Returns
        -------
        DataFrame
            Of a list of objects, of an object whose one list holds objects, or of a single object.

        Raises
        ------
        PromptError
            When there is no JSON in it.
        SchemaError
            When the JSON is no table.

        Examples
        --------
        >>> from typing import TypedDict
        >>> from portkey_nb import ask
        >>> class City(TypedDict): name: str
        >>> reply = ask("List Oslo and Rome", model="gpt-4o", base_url="demo", schema=list[City])
        >>> list(reply.frame().columns)
        ['name']
        """
        with unbroken():
            import pandas as pd  # loads only for frames

            from portkey_nb.engine.schemas import records  # loads with the answers that have a schema

        return pd.DataFrame(records(self.json() if self.parsed is None else self.parsed))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return text, safe Markdown and safe HTML for a notebook."""
        from portkey_nb.engine.summary import reply_bundle  # rendering loads only for display

        return reply_bundle(self)


class Replies(dict[str, Reply], _Shown):
    """Replies by label, in the order in which they were asked."""

    def to_frame(self, columns: Any = None) -> pd.DataFrame:
        """Return the runs as a DataFrame, with the columns of :func:`portkey_nb.runs`."""
        with unbroken():
            from portkey_nb.engine.frames import to_frame  # pandas loads only for frames

        return to_frame([run.to_row() for run in self.runs], columns)

    @property
    def comparison(self) -> Comparison:
        """The replies as a :class:`portkey_nb.Comparison`, a reply with the tool calls before it as one run.

        Raises
        ------
        PromptError
            When there are no replies.
        """
        with unbroken():
            from portkey_nb.engine.comparison import Comparison  # pandas loads only for frames
            from portkey_nb.engine.frames import to_frame

        made = [whole(reply.run, reply.earlier) for reply in self.values()]
        named = [run.with_(variant=run.variant or label) for run, label in zip(made, self, strict=True)]
        return Comparison.from_runs(to_frame([run.to_row() for run in named], "all"))

    @property
    def runs(self) -> list[Run]:
        """The runs behind the replies, each round of tool calls one."""
        return [run for reply in self.values() for run in reply.runs]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return the replies side by side: text, safe Markdown and safe HTML."""
        from portkey_nb.engine.summary import replies_bundle  # rendering loads only for display

        return replies_bundle(self)


def unique_labels(labels: Iterator[str] | list[str]) -> list[str]:
    """Number labels that stand more than once.

    Examples
    --------
    >>> unique_labels(["gpt-4o", "claude-sonnet", "gpt-4o"])
    ['gpt-4o', 'claude-sonnet', 'gpt-4o (2)']
    """
    seen: dict[str, int] = {}
    found: list[str] = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        name = label if seen[label] == 1 else f"{label} ({seen[label]})"
        while name in found:
            seen[label] += 1
            name = f"{label} ({seen[label]})"
        found.append(name)
    return found
