"""Three prompt templates, as Portkey keeps them: messages with ``{{variables}}``, a model and its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TEMPLATES", "Template", "rendered"]

_VARIABLE = re.compile(r"\{\{\{?\s*([\w.-]+)\s*\}\}\}?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One prompt template: its id, a name for people, the messages by role, the model and its parameters."""

    slug: str
    name: str
    messages: tuple[tuple[str, str], ...]
    model: str = "gpt-4o"
    params: Mapping[str, Any] = field(default_factory=dict)


TEMPLATES: Mapping[str, Template] = {
    template.slug: template
    for template in (
        Template(
            slug="pp-demo-summary",
            name="Summary",
            messages=(
                ("system", "You are a careful editor."),
                ("user", "Summarise in {{sentences}} sentences: {{text}}"),
            ),
            params={"temperature": 0, "max_tokens": 256},
        ),
        Template(
            slug="pp-demo-translate",
            name="Translation",
            messages=(("user", "Translate into {{language}}: {{text}}"),),
            model="gpt-4o-mini",
            params={"temperature": 0},
        ),
        Template(
            slug="pp-demo-classify",
            name="Classification",
            messages=(
                ("system", "Answer with the label alone."),
                ("user", "Classify the sentiment as positive, negative or neutral: {{text}}"),
            ),
            model="gpt-4o-mini",
            params={"temperature": 0, "max_tokens": 16},
        ),
    )
}
"""Prompt id -> template."""


def rendered(template: Template, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template as the body of a chat completion; a variable that is missing stays empty.

    Examples
    --------
    >>> rendered(TEMPLATES["pp-demo-translate"], {"language": "French", "text": "Good morning"})["messages"]
    [{'role': 'user', 'content': 'Translate into French: Good morning'}]
    """

    def value(found: re.Match[str]) -> str:
        given = variables.get(found.group(1))
        return "" if given is None else str(given)

    messages = [{"role": role, "content": _VARIABLE.sub(value, text)} for role, text in template.messages]
    return {"messages": messages, "model": template.model, **template.params}
