"""Tips, steps, pros and cons and ideas about anything, from sound general patterns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from portkey_nb.gateway.demo.draft import Draft, Question

_TIPS = (
    "Begin with the smallest version of {topic} that could work, and look at the result before you go on",
    "Write down what a good outcome looks like, so that you notice when you have it",
    "Find one good example of {topic} and take it apart",
    "Change one thing at a time, and keep what helped",
    "Ask somebody who has done it before; ten minutes can save a week",
    "Set aside a fixed time for it, and stop when that time is over",
    "Keep notes: what you tried, what happened, what you would do differently",
    "Leave out what nobody would miss",
)
_PROMPT_TIPS = (
    "Say who the answer is for and what it is meant to achieve",
    "Give one or two examples of the output that you want",
    "Name the format: a table, three bullets, JSON with these keys",
    "Put the material after the instruction and mark where it begins and ends",
    "Allow “I don't know” as an answer, and you will get fewer inventions",
    "Compare two versions on the same ten inputs before you choose",
)
_FOR = (
    "more freedom to arrange things as they suit you",
    "less time lost on the way to a result",
    "easier to try out and to take back",
    "a wider choice of tools and people",
)
_AGAINST = (
    "it takes discipline, above all in the beginning",
    "problems show later than one would like",
    "some costs move elsewhere instead of going away",
    "not everybody involved gains in the same way",
)
_IDEAS = (
    "a version of {topic} with a theme that everybody prepares for",
    "a small competition with a silly prize",
    "something made by hand and taken home afterwards",
    "a walk with stations, each with a question",
    "a table where every guest adds one thing",
    "a wall of pictures with a story for each",
)
_STEPS = (
    "Settle what you want from {topic} and what it may cost",
    "Gather what you need and set a date",
    "Do the riskiest part first, while there is still time",
    "Show a first result to somebody you trust",
    "Mend what matters, leave the rest, and finish",
    "Look back and note what to do better next time",
)
_KINDS: Sequence[tuple[str, str, str, Sequence[str]]] = (
    (r"\b(?:tips?|advice|suggestions|recommendations|best practices|best way)\b", "tips for {topic}", "Tips", _TIPS),
    (r"\b(?:ideas?|brainstorm)\b", "ideas for {topic}", "Ideas", _IDEAS),
    (r"\b(?:steps|plan|how (?:do|can|should|to)|checklist|itinerary)\b", "a plan for {topic}", "Plan", _STEPS),
)
_COUNT = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}


def advise(question: Question) -> Draft | None:
    """Give advice on what is asked about."""
    asked = question.lower
    if len(asked) > 300:
        return None
    return _for_and_against(question, asked) or _points(question, asked)


def _topic(question: Question, pattern: str) -> str:
    found = re.search(pattern, question.text, re.I)
    return (
        re.sub(r"^(?:my|our|the|to|writing|how to) ", "", found.group(1).strip(" .?!\"'"), flags=re.I) if found else ""
    )


def _points(question: Question, asked: str) -> Draft | None:
    for pattern, lead, title, options in _KINDS:
        if not re.search(pattern, asked):
            continue
        topic = _topic(question, rf"(?:{pattern}).*?\b(?:for|to|on|about|of|i)\b\s+(.+)$")
        if title == "Plan" and not (topic and re.search(r"\bplan\b|\bsteps\b|\bchecklist\b|\bitinerary\b", asked)):
            continue
        if not topic or len(topic) > 70:
            continue
        if title == "Tips" and re.search(r"\bprompts?\b|\bprompting\b", asked):
            options = _PROMPT_TIPS
        number = re.search(r"\b(\d|two|three|four|five|six)\b", asked)
        count = (_COUNT.get(number.group(1)) or int(number.group(1))) if number else 3
        chosen = [option.format(topic=topic) for option in question.chance.order(options)[: max(1, count)]]
        if title == "Plan":
            chosen = [option.format(topic=topic) for option in options]
        lines = [f"{place}. {line[0].upper()}{line[1:]}." for place, line in enumerate(chosen, 1)]
        return Draft(
            lead=f"Here are {lead.format(topic=topic)}:" if title != "Plan" else f"Here is {lead.format(topic=topic)}:",
            block="\n".join(lines),
            title=title,
            short=chosen[0],
            data=chosen,
        )
    return None


def _for_and_against(question: Question, asked: str) -> Draft | None:
    if not re.search(r"\b(?:pros and cons|advantages|benefits and|for and against)\b", asked):
        return None
    topic = _topic(question, r"\b(?:of|for|about|against)\s+(?!and\b|against\b)(.+)$")
    if not topic:
        return None
    good, bad = question.chance.order(_FOR)[:3], question.chance.order(_AGAINST)[:3]
    block = (
        "**For**\n\n"
        + "\n".join(f"- {line}" for line in good)
        + "\n\n**Against**\n\n"
        + "\n".join(f"- {line}" for line in bad)
    )
    return Draft(
        lead=f"This is what usually speaks for {topic} and against it:",
        block=block,
        more=("These points are general; a real model would know the particulars.",),
        title=f"{topic[0].upper()}{topic[1:]}",
        data={"for": good, "against": bad},
    )
