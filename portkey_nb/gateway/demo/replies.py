"""What a simulated model says to a conversation: the first skill that knows an answer, worded in the model's style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.draft import Draft, Question, Skill
from portkey_nb.gateway.demo.manner import finish, read_manner
from portkey_nb.gateway.demo.models import DemoModel
from portkey_nb.gateway.demo.skills import (
    advising,
    arithmetic,
    comparing,
    concepts,
    essay,
    extraction,
    facts,
    listing,
    manners,
    mathematics,
    measures,
    memory,
    programs,
    reading,
    showcase,
    tabular,
    translation,
    verses,
)
from portkey_nb.gateway.demo.style import as_json, worded
from portkey_nb.gateway.demo.tokens import plain_text

__all__ = ["compose"]

# From what is asked for in so many words to what is only touched upon.
SKILLS: tuple[Skill, ...] = (
    manners.echo,
    memory.recall,
    translation.translate,
    reading.classify,
    extraction.extract,
    reading.summarise,
    reading.rewrite,
    tabular.describe,
    programs.write,
    essay.write,
    showcase.show,
    mathematics.explain,
    comparing.tabulate,
    verses.recite,
    listing.enumerate_things,
    measures.measure,
    arithmetic.calculate,
    facts.look_up,
    concepts.explain,
    advising.advise,
    manners.be_polite,
    manners.admit,
)


def compose(messages: Sequence[Mapping[str, Any]], model: DemoModel, chance: Chance, *, json_mode: bool = False) -> str:
    """Return the text of one reply.

    Parameters
    ----------
    messages : sequence of mapping
        The conversation, as in a request.
    model : DemoModel
        Who answers.
    chance : Chance
        Decides between equally good wordings.
    json_mode : bool
        Whether the reply has to be one JSON object.
    """
    question = _question(messages, model, chance, json_mode=json_mode)
    draft = _draft(question)
    if json_mode:
        return as_json(draft, question, fenced=False)
    if question.manner.json and "```" not in draft.block:
        return as_json(draft, question, fenced=True)
    return finish(worded(draft, question), question.manner)


def _draft(question: Question) -> Draft:
    for skill in SKILLS:
        draft = skill(question)
        if draft is not None:
            return draft
    raise AssertionError("the last skill answers everything")


def _question(messages: Sequence[Mapping[str, Any]], model: DemoModel, chance: Chance, *, json_mode: bool) -> Question:
    def by(*roles: str) -> list[str]:
        return [plain_text(message.get("content")) for message in messages if message.get("role") in roles]

    said = by("user") or by("system", "developer") or [""]
    system = "\n".join(by("system", "developer"))
    return Question(
        text=said[-1].strip(),
        said=tuple(said[:-1]),
        answered=tuple(by("assistant")),
        manner=read_manner(system, said[-1], json_mode=json_mode),
        model=model,
        chance=chance,
    )
