"""What a simulated model says to a conversation: the first skill that knows an answer, worded in the model's style."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.draft import Draft, Question, Skill
from portkey_nb.gateway.demo.manner import finish, read_manner
from portkey_nb.gateway.demo.models import DemoModel
from portkey_nb.gateway.demo.parts import split_tasks
from portkey_nb.gateway.demo.skills import (
    advising,
    arithmetic,
    calendar,
    comparing,
    concepts,
    essay,
    extraction,
    facts,
    following,
    howtos,
    judging,
    listing,
    logic,
    manners,
    mathematics,
    measures,
    memory,
    places,
    programs,
    promotion,
    reading,
    showcase,
    tabular,
    translation,
    verses,
    wording,
)
from portkey_nb.gateway.demo.style import as_json, framed, worded
from portkey_nb.gateway.demo.tokens import plain_text

__all__ = ["compose", "drafted", "say"]

_ONLY_FORM = re.compile(
    r"(?:(?:ok|okay|and|now|please|again|but|same|the same|that|it),? )*(?:in|as|with|using) (?:exactly |only |just )?"
    r"(?:\w+ )?(?:short )?(?:sentences?|words?|bullet points?|bullets|json|points)(?:,? please)?\W*",
    re.I,
)

# From what is asked for in so many words to what is only touched upon.
SKILLS: tuple[Skill, ...] = (
    judging.judge,
    manners.echo,
    following.follow,
    memory.recall,
    wording.reword,
    translation.translate,
    reading.classify,
    extraction.extract,
    reading.summarise,
    reading.rewrite,
    tabular.describe,
    promotion.promote,
    howtos.show_how,
    programs.write,
    essay.write,
    showcase.show,
    mathematics.explain,
    comparing.tabulate,
    verses.recite,
    places.locate,
    listing.enumerate_things,
    calendar.reckon,
    logic.conclude,
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
    tasks = [] if question.manner.json else split_tasks(question.text)
    if len(tasks) < 2:
        return _answer(question, json_mode=json_mode)
    return _one_after_another(question, tasks, _system(messages))


def drafted(messages: Sequence[Mapping[str, Any]], model: DemoModel, chance: Chance) -> Draft:
    """Return the matter of one reply, without its style."""
    return _draft(_question(messages, model, chance, json_mode=False))


def say(
    draft: Draft,
    messages: Sequence[Mapping[str, Any]],
    model: DemoModel,
    chance: Chance,
    *,
    json_mode: bool = False,
) -> str:
    """Return a draft in the words of a model, as the conversation wishes it."""
    return _told(draft, _question(messages, model, chance, json_mode=json_mode), json_mode=json_mode)


def _answer(question: Question, *, json_mode: bool = False) -> str:
    return _told(_draft(question), question, json_mode=json_mode)


def _told(draft: Draft, question: Question, *, json_mode: bool) -> str:
    if json_mode:
        return as_json(draft, question, fenced=False, as_object=True)
    if question.manner.json and "```" not in draft.block:
        return as_json(draft, question, fenced=not question.manner.code_only)
    return finish(worded(draft, question), question.manner)


def _one_after_another(question: Question, tasks: Sequence[str], system: str) -> str:
    """Answer each task in turn; a later one may speak of the answer before it."""
    answers: list[str] = []
    for place, task in enumerate(tasks):
        part = replace(
            question,
            text=task,
            said=(*question.said, *tasks[:place]),
            answered=(*question.answered, *answers),
            manner=read_manner(system, task),
            alone=False,
        )
        answers.append(_answer(part))
    if len(set(answers)) == 1:
        return answers[0]
    if re.match(r"\s*(?:1[.)]|a\))", question.text) or re.search(r"\n\s*2[.)]", question.text):
        gap = {answer: "\n\n" if answer.startswith(("#", "|", "```", "- ", "1. ")) else " " for answer in answers}
        answers = [f"**{place}.**{gap[answer]}{answer}" for place, answer in enumerate(answers, 1)]
    return framed("\n\n".join(answers), question)


def _last_of_examples(text: str) -> str:
    """Return the open question of a prompt that shows questions with their answers."""
    shown = re.findall(r"^(?:Q|Question): *(.+?)\n(?:A|Answer): *(.*)$", text, re.M)
    if len(shown) < 2 or shown[-1][1].strip():
        return text
    brief = all(len(answer.split()) < 4 for _, answer in shown[:-1])
    return f"{shown[-1][0]} Answer in one word." if brief else shown[-1][0]


def _draft(question: Question) -> Draft:
    for skill in SKILLS:
        draft = skill(question)
        if draft is not None:
            return draft
    raise AssertionError("the last skill answers everything")


def _system(messages: Sequence[Mapping[str, Any]]) -> str:
    roles = ("system", "developer")
    return "\n".join(plain_text(message.get("content")) for message in messages if message.get("role") in roles)


def _question(messages: Sequence[Mapping[str, Any]], model: DemoModel, chance: Chance, *, json_mode: bool) -> Question:
    def by(*roles: str) -> list[str]:
        return [plain_text(message.get("content")) for message in messages if message.get("role") in roles]

    said = by("user") or by("system", "developer") or [""]
    said[-1] = _last_of_examples(said[-1])
    if len(said) > 1 and _ONLY_FORM.fullmatch(said[-1].strip()):
        said[-1] = f"{said[-2]} {said[-1]}"
    return Question(
        text=said[-1].strip(),
        said=tuple(said[:-1]),
        answered=tuple(by("assistant")),
        manner=read_manner(_system(messages), said[-1], json_mode=json_mode),
        model=model,
        chance=chance,
    )
