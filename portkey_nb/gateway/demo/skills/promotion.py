"""Slogans, titles, product descriptions, tweets and letters, put together around what they are for."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.draft import Draft, Question, exactly
from portkey_nb.gateway.demo.skills import promotion_texts as texts

_FOR = r"(?:for|about|on|of|promoting|announcing)\s+(?P<what>[^.?!:\n]{3,70})"
_SLOGAN = re.compile(
    rf"\b(?:(?P<count>\d|two|three|four|five) )?(?:\w+ )?(?P<kind>title|headline|slogan|tagline|subject line)s?\b"
    rf"(?:\s+{_FOR})",
    re.I,
)
_BLURB = re.compile(
    rf"\b(?:write|draft|make|create|give me|compose)\b.*?\b(?:product description|description|blurb|advert\w*|ad)\b"
    rf"\s+{_FOR}",
    re.I,
)
_TWEET = re.compile(rf"\b(?:tweet|social media post|linkedin post|instagram (?:post|caption)|caption)\b\s+{_FOR}", re.I)
_LETTER = re.compile(
    r"\b(?:write|draft|compose)\b.*?\b(?:e-?mail|letter|message|note)\b(?: to (?P<to>[\w' ]+?))?"
    r"(?:,? (?:asking|to ask|requesting)(?: \w+)? for (?P<ask>[^.?!]+)|,? (?:about|regarding|on) (?P<about>[^.?!]+)"
    r"|,? (?:thanking|to thank) (?:\w+ )?for (?P<thanks>[^.?!]+)"
    r"|,? (?:apologi[sz]ing|to apologi[sz]e|apology) for (?P<sorry>[^.?!]+)"
    r"|,? (?:inviting|to invite) \w+ to (?P<invite>[^.?!]+)|,? for (?P<cover>an? [^.?!]+))?[.?!]*$",
    re.I,
)
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5}


def promote(question: Question) -> Draft | None:
    """Write the slogan, the blurb or the letter."""
    if len(question.text) > 300:
        return None
    return _slogan(question) or _tweet(question) or _blurb(question) or _letter(question)


def _slogan(question: Question) -> Draft | None:
    found = _SLOGAN.search(question.text)
    if not found or re.match(r"(?:what|which|who)\b", question.lower):
        return None
    what = re.sub(r"^(?:blog post|article|essay|talk|paper) (?:about|on) ", "", _thing(found["what"]), flags=re.I)
    kind = found["kind"].lower()
    noun = re.sub(r"^(?:an?|the|my|our|your) ", "", what, flags=re.I)
    special = next((lines for pattern, lines in texts.SLOGANS.items() if re.search(rf"\b(?:{pattern})\b", noun)), None)
    plans = (special or texts.ANY_SLOGAN) if kind in ("slogan", "tagline") else texts.TITLES
    lines = [plan.format(topic=noun, Topic=noun[0].upper() + noun[1:]) for plan in plans]
    count = found["count"]
    if count:
        many = (lines + [plan.format(topic=noun, Topic=noun[0].upper() + noun[1:]) for plan in texts.ANY_SLOGAN])[
            : _COUNTS.get(count.lower()) or int(count)
        ]
        return exactly("\n".join(f"{place}. {line}" for place, line in enumerate(many, 1)), data=many)
    line = question.own(lines)
    return exactly(line, data={kind: line})


def _thing(text: str) -> str:
    text = re.sub(r"\s+in (?:\w+ sentences?|(?:\d+|\w+) words|one line)\b.*$", "", text.strip(), flags=re.I)
    return re.sub(r"\bmy\b", "your", re.sub(r"\bour new\b", "our new", text))


def _tweet(question: Question) -> Draft | None:
    found = _TWEET.search(question.text)
    if not found:
        return None
    what = _thing(found["what"])
    tag = re.sub(r"\W|_", "", re.sub(r"^(?:an?|the|our|my|your)\s+", "", what).title())[:24]
    line = question.own(texts.TWEETS).format(topic=what, Topic=what[0].upper() + what[1:])
    return exactly(f"{line} #{tag}", data={"text": line})


def _blurb(question: Question) -> Draft | None:
    found = _BLURB.search(question.text)
    if not found:
        return None
    what = _thing(found["what"])
    noun = re.sub(r"^(?:an?|the|my|our|your) ", "", what, flags=re.I)
    count = (
        question.manner.sentences
        or question.manner.most_sentences
        or {"short": 2, "terse": 2, "rambling": 4}.get(question.model.style, 3)
    )
    plans = question.own(texts.BLURBS)
    text = " ".join(plan.format(noun=noun, Noun=noun[0].upper() + noun[1:]) for plan in plans[: max(1, count)])
    return exactly(text, data={"description": text})


def _letter(question: Question) -> Draft | None:
    found = _LETTER.search(question.text)
    if not found:
        return None
    to = re.sub(r"^(?:my|our|the|an?) ", "", (found["to"] or "").strip()) or "colleague"
    cover = found["cover"] if re.search(r"cover letter|application", question.lower) else None
    kind = next((name for name in ("ask", "thanks", "sorry", "invite", "about") if found[name]), "about")
    kind = "cover" if cover else kind
    if kind == "about" and re.search(
        r"\b(?:broken|problem|complain\w*|late|wrong|leak\w*|noise|damaged)\b", found[0], re.I
    ):
        kind = "trouble"
    matter = (
        cover
        or found["about"]
        or found[kind if kind in ("ask", "thanks", "sorry", "invite") else "about"]
        or "our last conversation"
    ).strip()
    to = "hiring team" if kind == "cover" else to
    body = question.own(texts.LETTERS[kind]).format(matter=matter)
    named = texts.SUBJECTS[kind].format(matter=re.sub(r"^(?:an?|the) ", "", matter))
    subject = named[0].upper() + named[1:]
    closing = question.own(texts.LETTER_ENDS)
    text = (
        f"**Subject:** {subject}\n\nDear {to[0].upper() + to[1:]},\n\n{body}\n\n{closing}\n\nKind regards,\n[Your name]"
    )
    return exactly(text, data={"subject": subject, "body": body})
