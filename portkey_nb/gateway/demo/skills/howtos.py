"""Everyday how-tos, from pancakes to undoing a commit."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.draft import Draft, Question
from portkey_nb.gateway.demo.skills.howto_texts import HOWTOS

_ASKED = re.compile(
    r"\bhow (?:do|can|should|would|to|does)\b|\brecipe\b|\bsteps (?:to|for)\b|\binstructions?\b|"
    r"\b(?:show|teach|tell) me how\b|"
    r"\bto-?do list\b|\bchecklist\b|\bway to\b|\bmake me\b|^(?:undo|create|install|brew|cook|make|tie)\b"
)


def show_how(question: Question) -> Draft | None:
    """Tell how something is done."""
    asked = question.lower
    if len(asked) > 200 or not _ASKED.search(asked):
        return None
    for howto in HOWTOS:
        if not re.search(rf"\b(?:{howto.pattern})", asked):
            continue
        if howto.language:
            block = "```{}\n{}\n```".format(howto.language, "\n".join(howto.steps))
        else:
            block = "\n".join(f"{place}. {step}" for place, step in enumerate(howto.steps, 1))
        return Draft(
            lead=howto.lead,
            block=block,
            more=howto.more,
            title=howto.title,
            short=howto.steps[0],
            data={"title": howto.title, "steps": list(howto.steps)},
        )
    return None
