"""What was said earlier in the conversation, and what is to be done with the last answer."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.draft import Draft, Question, exactly
from portkey_nb.gateway.demo.lengths import clause
from portkey_nb.gateway.demo.manner import sentences
from portkey_nb.gateway.demo.skills.essay import paragraphs
from portkey_nb.gateway.demo.skills.manners import topic_of
from portkey_nb.gateway.demo.skills.translation import put_into

_ABOUT_ME = re.compile(
    r"\bmy (?P<thing>name|favou?rite \w+|job|profession|cat|dog|age|city|hometown|birthday|project|language|dataset|"
    r"major|team|budget|deadline)(?:'s name)? (?:is|was|are) (?:called |named )?(?P<value>[^.,;!?\n]{1,60})",
    re.I,
)
_CALLED = re.compile(r"\b(?:i am called|call me|i'm|i am) (?P<value>[A-Z][\w'-]+)\b")


def recall(question: Question) -> Draft | None:
    """Answer from the conversation itself, or rework the last answer."""
    asked = question.lower
    return _told(question) or _about_me(question, asked) or _history(question, asked) or _rework(question, asked)


def _known(question: Question, upto: tuple[str, ...]) -> dict[str, str]:
    known: dict[str, str] = {}
    for text in upto:
        for found in _ABOUT_ME.finditer(text):
            known[found["thing"].lower().replace("favourite", "favorite")] = re.split(
                r"\s+(?:and|but)\s+(?:i|my)\b", found["value"], flags=re.I
            )[0].strip()
        called = _CALLED.search(text)
        if called and "name" not in known:
            known["name"] = called["value"]
        lives = re.search(r"\bi (?:live|work) in ([A-Z][\w' -]+)", text, re.I)
        if lives:
            known["city"] = lives.group(1).strip()
    return known


def _told(question: Question) -> Draft | None:
    """Take note of a fact that is told without a question."""
    if "?" in question.text or len(question.text) > 160 or not _ABOUT_ME.search(question.text):
        return None
    if re.search(
        r"\b(?:write|list|compare|explain|summari[sz]e|translate|extract|classify|calculate)\b", question.lower
    ):
        return None
    known = _known(question, (question.text,))
    if "name" in known:
        name = known["name"]
        hello = question.chance.pick(
            (f"Nice to meet you, {name}!", f"Hello {name}, good to meet you!", f"Welcome, {name}!")
        )
        return Draft(lead=hello, more=("What can I do for you?",), short=name)
    thing, value = next(iter(known.items()))
    return Draft(
        lead=f"Noted: your {thing} is {value}.", more=("I will remember it in this conversation.",), short="Noted"
    )


def _about_me(question: Question, asked: str) -> Draft | None:
    found = re.search(
        r"\b(?:what(?:'s| is| was)|do you (?:know|remember)|remember|tell me|how old|where do i|who am i)\b.*?"
        r"(?:my (?P<thing>[\w ]+?)(?:'s name)?|who am i|(?P<age>am i)|(?P<city>live))\s*(?:again|\?|\.|$)",
        asked,
    )
    if not found:
        return None
    thing = (
        "age"
        if found["age"]
        else "city"
        if found["city"]
        else (found["thing"] or "name").replace("favourite", "favorite")
    )
    known = _known(question, question.said)
    if thing in known:
        value = known[thing]
        return Draft(
            lead=f"Your {thing} is {value}.",
            more=("You told me earlier in this conversation.",),
            short=value,
            data={thing: value},
        )
    if re.fullmatch(r"name|favorite \w+|job|age|city|cat|dog|birthday", thing):
        return Draft(
            lead=f"You have not told me your {thing} in this conversation.", short="unknown", data={thing: None}
        )
    return None


def _history(question: Question, asked: str) -> Draft | None:
    first = re.search(
        r"\bwhat (?:did i|was my) (?:(?:ask|say|tell|you|very|the|to) )*(?:first|initial)|\bmy first "
        r"(?:question|message)\b|"
        r"\bfirst thing i (?:asked|said)\b",
        asked,
    )
    last = re.search(r"\bwhat did i (?:just|last) (?:ask|say)|\bmy (?:last|previous) (?:question|message)\b", asked)
    if first or last:
        if not question.said:
            return Draft(lead="This is the first thing you have said to me.", short="nothing")
        text = question.said[0] if first else question.said[-1]
        quoted = text if len(text) <= 300 else f"{text[:300]}…"
        when = "first" if first else "last"
        return Draft(lead=f"You {when} said: “{quoted}”", short=quoted)
    if re.search(r"\bhow many (?:questions|messages|things) (?:have i|did i)", asked):
        number = len(question.said) + 1
        return Draft(lead=f"This is message number {number} of yours in this conversation.", short=str(number))
    if question.said and re.search(r"\bsummari[sz]e (?:our|this|the) (?:conversation|chat|discussion)", asked):
        lines = [f"- You: {' '.join(text.split())[:80]}" for text in question.said[-8:]]
        return Draft(lead=f"So far you have said {len(question.said)} things:", block="\n".join(lines), title="So far")
    return None


def _rework(question: Question, asked: str) -> Draft | None:
    """Change the last answer as asked; only where the question has no matter of its own."""
    if not question.answered or len(asked) > 110 or ":" in question.text:
        return None
    if not question.alone and not re.search(r"\b(?:it|that|this|them)\b", asked):
        # One of several tasks has its own matter.
        return None
    last = question.answered[-1]
    if re.search(r"\b(?:shorter|shorten|more briefly|more concise|tl;?dr|in one sentence|brief(?:er)?)\b", asked):
        return exactly(_shorter(last))
    if re.search(r"\b(?:longer|more detail|elaborate|expand|go on|continue|tell me more)\b", asked):
        return _longer(question, last)
    if re.search(r"\bmore (?:formal|formally|polite|politely|professional)|\bformally\b", asked):
        return exactly(_formal(last))
    if re.search(r"\bbullet|\bas a list\b", asked) and re.search(r"\b(?:it|that|this|again|make|turn)\b", asked):
        return exactly("\n".join(f"- {sentence}" for sentence in sentences(_prose(last))))
    if re.search(r"\b(?:upper ?case|all caps|louder)\b", asked):
        return exactly(last.upper())
    into = re.search(r"\b(?:in|into|to) (german|french|spanish|italian)\b", asked)
    if into and re.match(
        r"(?:and |now |again|once more|same|please |say (?:it|that)|translate (?:it|that|this)|"
        r"repeat|the same|in |put (?:it|that))",
        asked,
    ):
        done = put_into(into.group(1).capitalize(), last)
        if done.exact or question.manner.language is None:
            return done
        bold = re.search(r"\*\*(.+?)\*\*", last)
        return Draft(lead=_prose(last).replace("**", ""), short=bold.group(1) if bold else "")
    if re.match(
        r"(?:please )?(?:repeat|say (?:it|that)|once more|again)\b[^a-z]*(?:that|it|again|please|once more|\W)*$", asked
    ):
        return exactly(last)
    return None


def _prose(text: str) -> str:
    text = re.sub(r"```.*?```", " ", text, flags=re.S)
    text = re.sub(r"^\s*(?:#+ .*|[-*] |\d+\. )", "", text, flags=re.M)
    return " ".join(text.split())


def _shorter(text: str) -> str:
    parts = sentences(_prose(text).replace("**", ""))
    if len(parts) > 1:
        # A greeting of a talkative model is no matter.
        kept = [part for part in parts if len(part.split()) > 4] or parts
        return kept[0]
    words = text.split()
    if len(words) <= 6:
        return text
    return " ".join(clause(text, max(6, 2 * len(words) // 3)))


def _longer(question: Question, last: str) -> Draft | None:
    if not question.said:
        return None
    topic = topic_of(question.said[-1]) or "this"
    return exactly(_joined(last, paragraphs(topic, 120, question.chance)))


def _joined(*parts: str) -> str:
    return "\n\n".join(parts)


_FORMAL = (
    (r"\bI'm\b", "I am"),
    (r"\bYou're\b", "You are"),
    (r"\byou're\b", "you are"),
    (r"\bdon't\b", "do not"),
    (r"\bDon't\b", "Do not"),
    (r"\bcan't\b", "cannot"),
    (r"\bIt's\b", "It is"),
    (r"\bit's\b", "it is"),
    (r"\bHi\b|\bHey\b|\bHello\b", "Good day"),
    (r"\bThanks\b", "Thank you"),
    (r"\bthanks\b", "thank you"),
    (r"\bkids\b", "children"),
    (r"\basap\b", "at your earliest convenience"),
    (r"!", "."),
)


def _formal(text: str) -> str:
    for pattern, words in _FORMAL:
        text = re.sub(pattern, words, text)
    return f"Allow me to put it formally. {text.strip()}"
