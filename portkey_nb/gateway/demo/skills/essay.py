"""Long texts about any subject: plans of sections, sentences joined from parts, none said twice."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.draft import Draft, Question, exactly
from portkey_nb.gateway.demo.skills import concepts
from portkey_nb.gateway.demo.skills.comparing import markdown_table
from portkey_nb.gateway.demo.skills.concepts import CONCEPTS

_ASKED = re.compile(
    r"\b(?P<count>\d[\d,.]*|a thousand|two thousand|five hundred)[- ]?(?P<unit>k\b|words?|tokens?|paragraphs?|pages?)"
    r"(?:\s+(?:\w+\s+){0,3}?(?:about|on|explaining|describing|of)\s+(?P<topic>[^.?!\n]{2,80}))?"
)
_LONG = re.compile(
    r"\b(?:write|give|compose|draft|produce|tell)\b.{0,40}?\b(?:essay|article|long (?:text|answer|story)|blog "
    r"post|report|speech|"
    r"paragraphs?|in depth|at length)\b(?:.{0,30}?\b(?:about|on|of)\s+(?P<topic>[^.?!\n]{2,80}))?"
)
_MOST_WORDS = 40_000
_SECTIONS = (
    ("Where it comes from", "origin"),
    ("How it works", "work"),
    ("What it is used for", "use"),
    ("Where its limits lie", "limit"),
    ("What people get wrong", "error"),
    ("How to begin", "start"),
    ("Costs and benefits", "cost"),
    ("A closer look at practice", "practice"),
    ("What may come next", "future"),
)
_PLANS = {
    "origin": (
        "{Topic} did not appear in one piece; {group} came to it through {angle}.",
        "The early history of {topic} is largely a history of {angle}, told by {group}.",
        "When {group} first spoke of {topic}, they had {angle} in mind and little else.",
        "Much of what is now taken for granted about {topic} was once an argument among {group} over {angle}.",
    ),
    "work": (
        "At the heart of {topic} stands {angle}, and {group} are quick to point that out.",
        "To see how {topic} works, it helps to follow {angle} step by step, as {group} do.",
        "{Group} describe {topic} as a balance between {angle} and {other}.",
        "Take {angle} away and {topic} stops making sense; add {other}, and it becomes practical for {group}.",
    ),
    "use": (
        "{Group} use {topic} mainly where {angle} matters more than {other}.",
        "A typical case: {group} need {angle}, and {topic} gives it to them at a fair price.",
        "In daily work {topic} shows itself through {angle}, which {group} notice only when it is missing.",
        "Where {angle} used to take {group} a week, {topic} has made it the work of an afternoon.",
    ),
    "limit": (
        "{Topic} has its limits, and {angle} is the first that {group} run into.",
        "No amount of {other} makes up for poor {angle}, as {group} working on {topic} find out sooner or later.",
        "{Group} warn that {topic} rewards patience with {angle} and punishes haste.",
        "Beyond a certain size, {angle} becomes the bottleneck of {topic}, and {group} have to choose.",
    ),
    "error": (
        "A common mistake among {group} is to confuse {topic} with {angle}.",
        "{Group} often expect {topic} to replace {angle}, though it only moves the effort towards {other}.",
        "It is tempting to judge {topic} by {angle} alone; {group} who do so miss {other}.",
        "Some {group} still believe that {topic} is a matter of {angle}, which was true only at the beginning.",
    ),
    "start": (
        "{Group} who are new to {topic} do well to begin with {angle} and leave {other} for later.",
        "A first project in {topic} should be small enough that {angle} fits on one page, say {group}.",
        "Before anything else, {group} recommend writing down what {angle} is supposed to achieve for {topic}.",
        "The quickest way into {topic} leads through {angle}, ideally in the company of {group}.",
    ),
    "cost": (
        "The price of {topic} is paid in {angle}; its reward, {group} report, comes as {other}.",
        "{Group} weigh {angle} against {other} whenever {topic} is up for a decision.",
        "Measured by {angle}, {topic} looks expensive to {group}; measured by {other}, it pays for itself.",
        "What {topic} saves {group} in {other}, it may ask back in {angle}.",
    ),
    "practice": (
        "In practice {group} treat {topic} as a habit, with {angle} checked every time and {other} now and then.",
        "One team of {group} began by recording {angle} for every attempt at {topic} and was surprised by the pattern.",
        "Good {group} can be recognised by how they handle {angle} when {topic} does not go to plan.",
        "A short checklist covering {angle} and {other} has saved many {group} from trouble with {topic}.",
    ),
    "future": (
        "Over the next years, {group} expect {topic} to change most in {angle}.",
        "If {angle} becomes cheaper, {topic} will reach {group} who could never afford it before.",
        "{Group} disagree about the future of {topic}, but most of them name {angle} and {other}.",
        "Whether {topic} keeps its place will depend on {angle}, and on {group} who care about {other}.",
    ),
}
_ANGLES = (
    "careful measurement",
    "shared vocabulary",
    "clear ownership",
    "steady maintenance",
    "good examples",
    "honest feedback",
    "small experiments",
    "reliable records",
    "local knowledge",
    "simple tools",
    "time to think",
    "trust between people",
    "the choice of scale",
    "attention to detail",
    "the quality of sources",
    "comparison with alternatives",
    "patient teaching",
    "the order of the steps",
    "openness about mistakes",
    "a sense of proportion",
    "the cost of change",
    "regular review",
    "plain language",
    "an eye for exceptions",
    "the first hundred attempts",
    "room for doubt",
    "a common standard",
    "the memory of earlier failures",
    "practical skill",
    "a willingness to start over",
)
_GROUPS = (
    "researchers",
    "teachers",
    "engineers",
    "practitioners",
    "critics",
    "beginners",
    "historians",
    "small teams",
    "public offices",
    "careful readers",
    "experienced colleagues",
    "planners",
    "students",
    "craftspeople",
    "reviewers",
    "neighbours of the field",
    "volunteers",
    "decision makers",
    "older hands",
    "curious outsiders",
)
_TURNS = (
    "",
    "",
    "",
    "At the same time, ",
    "For that reason, ",
    "Still, ",
    "In other words, ",
    "By contrast, ",
    "As a rule, ",
    "Not least, ",
    "Seen from a distance, ",
    "On closer inspection, ",
    "To put it plainly, ",
    "Over time, ",
)


def write(question: Question) -> Draft | None:
    """Write a text of the length that is asked for."""
    lower = question.lower
    if len(lower) > 400:
        return None
    found = _ASKED.search(lower)
    if found and re.search(
        r"\b(?:write|essay|article|text|story|generate|produce|tell|give|explain|describe|long)\b", lower
    ):
        words = _words(found["count"], found["unit"])
    else:
        found = _LONG.search(lower)
        words = 450
    if not found or re.search(r"\b(?:summari[sz]e|at most|no more than|under|fewer than|less than|maximum)\b", lower):
        return None
    if words < 60:
        return None
    topic = _topic(found["topic"] or "", question)
    wanted = [kind for kind in ("list", "table", "code") if re.search(rf"\b{kind}s?\b", lower)]
    wanted = ["list", "table", "code"] if re.search(r"\bmarkdown\b", lower) and not wanted else wanted
    return exactly(article(topic, words, question.chance, wanted), data={"title": _title(topic), "words": words})


def _words(count: str, unit: str) -> int:
    number = {"a thousand": 1000, "two thousand": 2000, "five hundred": 500}.get(count)
    if number is None:
        digits = re.sub(r"\D", "", count)
        number = int(digits[:7] or 0)
    per_unit = {"k": 1000, "t": 0.72, "pa": 90}.get(unit[:1] if unit[:1] in "kt" else unit[:2], 1)
    if unit.startswith("page"):
        per_unit = 400
    return min(int(number * per_unit), _MOST_WORDS)


def _topic(said: str, question: Question) -> str:
    said = re.split(
        r"\s+(?:in (?:markdown|english|german|french|simple|plain|the style)|as (?:markdown|an?)|with|using|and "
        r"(?:then|make|use|include)|and (?:a|an) (?:list|table)|for (?:a|my|the))(?:\s|$)",
        said.strip(),
    )[0]
    if not said:
        about = re.search(r"\b(?:about|on)\s+([^.?!\n]{2,80})", question.text)
        said = about.group(1) if about else "the subject at hand"
    place = question.text.lower().find(said)
    said = question.text[place : place + len(said)] if place >= 0 else said
    return re.sub(r"^(?:the topic of|how|why)\s+", "", said.strip(" \"'“”,"))


def _title(topic: str) -> str:
    return topic[:1].upper() + topic[1:]


def _as_subject(topic: str) -> str:
    """Return a topic as a subject in the singular, so that every sentence fits it."""
    topic = re.sub(r"^(?:the )?(?:history|future|importance|benefits|role|story|basics) of ", "", topic, flags=re.I)
    last = topic.split()[-1] if topic.split() else topic
    plural = last.endswith("s") and not last.endswith(("ss", "us", "is", "ics"))
    return f"the world of {topic}" if plural or re.search(r"\b(?:and|or|in|to|for)\b", topic) else topic


def article(topic: str, words: int, chance: Chance, blocks: Sequence[str] = ()) -> str:
    """Return an article of about ``words`` words, with a heading per section.

    Parameters
    ----------
    topic : str
        What it is about.
    words : int
        Its length.
    chance : Chance
        Decides between wordings.
    blocks : sequence of str
        Of ``"list"``, ``"table"`` and ``"code"``: what stands at the end of the sections, in turn.
    """
    parts, so_far = [f"# {_title(topic)}"], 0
    sentences = _sentences(topic, chance)
    name = concepts.find(topic)
    if name is not None:
        parts.append(" ".join(CONCEPTS[name].sentences))
        so_far = len(parts[-1].split())
    many = max(3, min(len(_SECTIONS), words // 160))
    number = 0
    while so_far < words - 12 or number < len(blocks):
        heading, kind = _SECTIONS[number % len(_SECTIONS)]
        again = f" ({number // len(_SECTIONS) + 1})" if number >= len(_SECTIONS) else ""
        share = max(60, words // many) if number < many else 160
        section = _section(kind, min(share, words - so_far), sentences)
        if blocks:
            section.append(_block(blocks[number % len(blocks)], number))
        parts += [f"## {heading}{again}", *section]
        so_far += sum(len(part.split()) for part in section)
        number += 1
    return "\n\n".join(parts)


def paragraphs(topic: str, words: int, chance: Chance) -> str:
    """Return plain paragraphs about a subject, without headings."""
    return "\n\n".join(_section("practice", words, _sentences(topic, chance)))


def _block(kind: str, number: int) -> str:
    angles = [_ANGLES[(number * 5 + step) % len(_ANGLES)] for step in range(4)]
    if kind == "list":
        return "\n".join(
            f"- {angle[0].upper()}{angle[1:]}, as {_GROUPS[(number + step) % len(_GROUPS)]} see it"
            for step, angle in enumerate(angles)
        )
    if kind == "table":
        figures = [37 * number + 17 * step + 12 for step in range(len(angles))]
        rows = [
            [angle, str(figure % 89), f"${figure % 97 + 0.5:.2f}"]
            for angle, figure in zip(angles, figures, strict=True)
        ]
        return markdown_table([["aspect", "mentions", "cost"], *rows])
    names = [angle.split()[-1] for angle in angles]
    lines = "\n".join(f'    "{name}": {(19 * number + 7 * len(name)) % 48 + 1},' for name in names)
    return (
        f"```python\nweights = {{\n{lines}\n}}\ntotal = sum(weights.values())\nfor name, weight in weights.items():\n"
        '    print(f"{name:<16}{weight / total:6.1%}")\n```'
    )


def _section(kind: str, words: int, sentences: dict[str, Iterator[str]]) -> list[str]:
    done: list[str] = []
    so_far = 0
    while so_far < words:
        length = 4 + len(done) % 3
        paragraph = " ".join(itertools.islice(sentences[kind], length))
        done.append(paragraph)
        so_far += len(paragraph.split())
    return done


def _sentences(topic: str, chance: Chance) -> dict[str, Iterator[str]]:
    return {kind: _of_kind(kind, topic, chance) for kind in _PLANS}


def _of_kind(kind: str, topic: str, chance: Chance) -> Iterator[str]:
    """Yield sentences of one kind of section, all different until every combination has been used."""
    topic = _as_subject(topic)
    angles, groups, plans = (chance.order(options) for options in (_ANGLES, _GROUPS, _PLANS[kind]))
    turns = chance.order(_TURNS)
    shift = sum(map(ord, kind))
    # The lists' lengths and strides keep neighbours apart and the combinations from coming round early.
    for number in itertools.count():
        plan = plans[number % len(plans)]
        lap = number // (len(angles) * len(plans))
        angle = angles[(number * 7 + shift + lap) % len(angles)]
        other = angles[(number * 11 + shift + 5 + 3 * lap) % len(angles)]
        if other == angle:
            other = angles[(number * 11 + shift + 6 + 3 * lap) % len(angles)]
        group = groups[(number * 3 + shift + lap + number // len(groups)) % len(groups)]
        sentence = plan.format(
            topic=topic, Topic=_title(topic), angle=angle, other=other, group=group, Group=group[0].upper() + group[1:]
        )
        turn = turns[(number * 5 + lap) % len(turns)] if number % 4 else ""
        own_name = topic[:1].isupper() and sentence.startswith(topic)
        yield turn + (sentence[0].lower() + sentence[1:] if turn and not own_name else sentence)
