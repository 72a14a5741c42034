"""Concepts of data science, language models, programming and nature, in a few sentences each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from portkey_nb.gateway.demo.draft import Draft, Question
from portkey_nb.gateway.demo.skills.concept_texts import CONCEPTS as _FIRST
from portkey_nb.gateway.demo.skills.concept_texts_methods import EXAMPLES, METHODS
from portkey_nb.gateway.demo.skills.concept_texts_programming import MORE_CONCEPTS

CONCEPTS = {**_FIRST, **MORE_CONCEPTS, **METHODS}

_ASKS = re.compile(
    r"\b(?:explain|what(?:'s| is| are| does)|describe|define|definition|tell me|how do(?:es)?|why|meaning|introduc\w+|"
    r"overview|teach|understand|summari[sz]e|explanation|paragraph|talk about|write about|something "
    r"about|sentences? (?:about|on))\b"
)
_ALIASES: Mapping[str, str] = {alias: name for name, concept in CONCEPTS.items() for alias in (name, *concept.aliases)}


def find(text: str) -> str | None:
    """Return the name of the concept that a text speaks of; the longest name wins."""
    lower = " ".join(text.lower().replace("-", " ").split())
    hits = [alias for alias in _ALIASES if re.search(rf"\b{re.escape(alias.replace('-', ' '))}s?\b", lower)]
    return _ALIASES[max(hits, key=len)] if hits else None


def explain(question: Question) -> Draft | None:
    """Explain a concept that the question names."""
    if len(question.text) > 600:
        return None
    name = find(question.text)
    if name is None or not (_ASKS.search(question.lower) or len(question.lower.split()) <= 4):
        return None
    concept = CONCEPTS[name]
    if question.manner.child:
        return Draft(lead=concept.simply, title=concept.title, short=concept.title, more=(concept.sentences[-1],))
    lead = concept.sentences[0]
    wants_example = re.search(r"\bexamples?\b", question.lower)
    opener = question.chance.pick(("", "", "In short: ", "Put simply, "))
    if opener == "Put simply, " and lead.startswith(("A ", "An ", "The ")):
        lead = lead[0].lower() + lead[1:]
    return Draft(
        lead=f"{opener}{lead}",
        more=((EXAMPLES[name],) if wants_example and name in EXAMPLES else ())
        + tuple(question.chance.order(concept.sentences[1:])),
        title=concept.title,
        short=concept.title if question.manner.one_word else "",
        data={"concept": name, "explanation": " ".join(concept.sentences)},
    )
