"""Templates with ``{{column}}``: read from what a person gave, checked against the cases, filled in once."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portkey_nb.engine.cases import Case, as_text
from portkey_nb.engine.plain import mend, plain
from portkey_nb.engine.shapes import quoted
from portkey_nb.errors import PromptError

_BRACES = re.compile(r"(?<!\{)\{\{[ \t]*+([^{}\n]{1,200}?)[ \t]*+\}\}(?!\})")
_NAME = re.compile(r"[^\W\d]\w*")
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt before it is filled in.

    Attributes
    ----------
    content : str or list of mappings
        A user message, or a whole conversation.
    label : str or None
        None where there is one prompt without a label.
    """

    content: Any
    label: str | None = None

    @property
    def text(self) -> str:
        """The template as the run log shows it; messages as JSON."""
        return self.content if isinstance(self.content, str) else json.dumps(self.content, ensure_ascii=False)


def templates_of(prompts: Any) -> list[Template]:
    """Return the templates that a person gave.

    Parameters
    ----------
    prompts : str, list or mapping
        A text; a list of messages; a list of these; or label -> one of these. Those of a list without labels are called
        ``prompt 1`` and so on.

    Raises
    ------
    PromptError
        When there is none, or one cannot be a template.

    Examples
    --------
    >>> [template.label for template in templates_of(["Name {{thing}}.", "What is {{thing}}?"])]
    ['prompt 1', 'prompt 2']
    """
    if isinstance(prompts, Mapping) and not _is_message(prompts):
        named = [(str(label), content) for label, content in prompts.items()]
    elif isinstance(prompts, str | Mapping) or _is_conversation(prompts):
        return [Template(_content(prompts))]
    elif isinstance(prompts, Sequence) and not isinstance(prompts, bytes):
        alone = len(prompts) == 1
        named = [("" if alone else f"prompt {number}", content) for number, content in enumerate(prompts, 1)]
    else:
        raise PromptError(f"prompts is {quoted(prompts)}; give a text, a list of texts, or label -> text")
    if not named:
        raise PromptError("there are no prompts; give a text such as 'Summarise: {{text}}'")
    return [Template(_content(content), label or None) for label, content in named]


def fill(content: Any, case: Case) -> Any:
    """Return a template's content with the case's columns filled in, in one pass: what goes in is not looked at again.

    Braces around what is no column stay as they are.

    Examples
    --------
    >>> fill("{{a}} {{ .Values.x }}", Case("1", {"a": "{{b}}", "b": 2}))
    '{{b}} {{ .Values.x }}'
    """
    if isinstance(content, str):
        return _BRACES.sub(lambda found: _filled(found, case), content)
    return _texts_of(content, lambda text: fill(text, case))


def _filled(found: re.Match[str], case: Case) -> str:
    return (as_text(case.columns[found[1]]) or "") if found[1] in case.columns else found[0]


def check(content: Any, cases: Sequence[Case], said: str = "the template") -> None:
    """Refuse a template that a case has nothing for: before any call, since each of them would be about nothing.

    Raises
    ------
    PromptError
        When it names a column that the cases do not have, or a case has no value (None, NaN) in a column that it fills
        in.
    """
    known = dict.fromkeys(name for case in cases for name in case.columns)
    names = list(dict.fromkeys(_names(content)))
    for name in names:
        if name not in known and _NAME.fullmatch(name):
            raise PromptError(f"{said} names the column {name!r}, {_there_is(name, list(known))}")
    for name in (name for name in names if name in known):
        empty = [case.case_id for case in cases if case.columns.get(name) is None]
        if empty:
            more = f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""
            raise PromptError(
                f"case {quoted(empty[0])}{more} has no value in the column {name!r}, which {said} fills in; "
                f"drop such rows, or say what stands for nothing, as in cases.fillna({{{name!r}: ''}})"
            )


def _there_is(name: str, known: list[str]) -> str:
    if not known:
        return "and there are no cases; pass cases=... with that column"
    shown = ", ".join(known[:_MOST_NAMED]) + (", ..." if len(known) > _MOST_NAMED else "")
    close = difflib.get_close_matches(name, known, 1)
    return f"and the cases have {shown}; " + (f"did you mean {close[0]!r}?" if close else "add it, or rename it there")


def _names(content: Any) -> Iterator[str]:
    texts: list[str] = [content] if isinstance(content, str) else []
    if not texts:
        _texts_of(content, lambda text: texts.append(text) or text)  # type: ignore[func-returns-value]
    for text in texts:
        yield from _BRACES.findall(text)


def _texts_of(messages: Sequence[Mapping[str, Any]], change: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return messages whose contents' texts are changed."""
    return [{**message, "content": _changed(message.get("content"), change)} for message in messages]


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        # The kind of a part is no text of a person's.
        return {name: item if name == "type" else _changed(item, change) for name, item in value.items()}
    return [_changed(item, change) for item in value] if isinstance(value, list | tuple) else value


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and "role" in value and "content" in value


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(_is_message(item) for item in value)


def _content(given: Any) -> Any:
    if isinstance(given, str) and given.strip():
        return mend(given)
    if _is_message(given):
        return [plain(given)]
    if _is_conversation(given):
        return plain(given)
    raise PromptError(f"{quoted(given)} is no prompt; give a text, or a list of messages with role and content")
