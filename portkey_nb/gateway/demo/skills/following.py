"""Short follow-ups: why, an example, the same in another language, or simpler."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.draft import Draft, Question
from portkey_nb.gateway.demo.skills.concept_texts_methods import EXAMPLES
from portkey_nb.gateway.demo.skills.concepts import CONCEPTS, find
from portkey_nb.gateway.demo.skills.evaluation import work_out

_WHY = re.compile(r"(?:but |and |ok(?:ay)?,? )?(?:why|how come|how so|why is that|why is it so|why not)\W*$")
_EXAMPLE = re.compile(
    r"(?:please |can you |could you |and |ok,? )*(?:(?:give|show|tell)(?: me)? |an? |one |for )?(?:an? |one |another )?"
    r"(?:concrete |simple )?(?:examples?|instance)(?: of (?:that|this|it))?(?:,? please)?\W*$"
)
_SIMPLER = re.compile(
    r"(?:please |can you |explain )*(?:simpler|more simply|in simple(?:r)? (?:words|terms)|simplify)\b.{0,20}$"
)


def follow(question: Question) -> Draft | None:
    """Answer a short question that leans on the one before."""
    asked = question.lower
    if not question.said or len(asked) > 60:
        return None
    name = next((found for text in reversed(question.said) if (found := find(text))), None)
    if _EXAMPLE.match(asked):
        return _example(name)
    if _SIMPLER.match(asked) and name:
        return Draft(lead=CONCEPTS[name].simply, light=True)
    if _WHY.match(asked):
        return _reason(name, question)
    return None


def _example(name: str | None) -> Draft:
    if name and name in EXAMPLES:
        return Draft(lead=EXAMPLES[name], title="An example", light=True)
    if name:
        return Draft(
            lead=f"Think of it like this: {CONCEPTS[name].simply[0].lower()}{CONCEPTS[name].simply[1:]}", light=True
        )
    return Draft(lead="I have no example at hand for that, and I would rather not make one up.", light=True)


def _reason(name: str | None, question: Question) -> Draft:
    before = question.answered[-1] if question.answered else ""
    sums = re.findall(r"\d[\d\s()+*/.-]*[+*/-]\s*\d[\d\s()]*", question.said[-1])
    steps = work_out(max(sums, key=len)) if sums else []
    if steps:
        told = ", and ".join(f"{step.said} is {step.value:g}" for step in steps)
        return Draft(lead=f"Because {told}.", light=True)
    if name:
        unsaid = [text for text in CONCEPTS[name].sentences[1:] if text not in before] or CONCEPTS[name].sentences[1:]
        return Draft(lead=unsaid[0], light=True)
    if re.search(r"\b(?:capital|who|when|where)\b", question.said[-1].lower()):
        return Draft(
            lead="That is how it came about historically; I know the fact but not the whole story behind it.",
            light=True,
        )
    return Draft(lead="I gave that answer by a fixed rule, so I have no deeper reason to offer.", light=True)
