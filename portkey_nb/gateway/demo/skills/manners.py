"""Echoes, greetings, thanks, who one is, and saying so when one does not know."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.chance import rotated
from portkey_nb.gateway.demo.draft import Draft, Question, exactly
from portkey_nb.gateway.demo.skills.admission_texts import ADMISSIONS

_SAY = re.compile(
    r"^(?:please |just |now )*(?:say|repeat after me|repeat|echo|print|write exactly|reply with|respond "
    r"with|answer with)"
    r"(?: exactly| only| just| the (?:words?|phrase|sentence)| the following)*\s*[:,]?\s+(?P<words>.+?)\s*$",
    re.I | re.S,
)
_NOT_WORDS = re.compile(
    r"^(?:something|anything|a|an|the|hello in|hi in|your|one word|only|json|valid|in|yes or no|me)\b|\bjson\b", re.I
)
_OPENING = re.compile(
    r"^(?:(?:please|hey|so|ok|well|now|can you|could you|would you|will you|help me(?: to)?|i want to|i need "
    r"to|i'd like to)[, ]+)*"
    r"(?:(?:(?:what|how(?: (?:many|much|tall|old|far|long|big|often|high|deep))?|why|when|where|who|"
    r"which)(?:'s| is| are| was| were| do| does| did| should| can| could| "
    r"would| to| about)*"
    r"|explain(?: what)?|summari[sz]e(?: the plot of)?|list|describe|tell me|talk|write|give me|show me|"
    r"discuss|is|are|do|does|did|should|can)\b\s*)?"
    r"(?:(?:i|we|you|one|me|us|about|on|of|the|a|an)\s+)*",
    re.I,
)

_UNKNOWN = (
    ("code", r"\b(?:this|my|the following) (?:code|function|script|query|regex|program)\b"),
    ("future", r"\bwho will\b|\bwill (?:the|it|there|we)\b|\bpredict|\btomorrow\b|\bnext (?:year|week|month|election)"),
    ("now", r"\b(?:what time|today|right now|current(?:ly)?|latest|news|weather|stock price)\b"),
    ("writing", r"\b(?:write|draft|compose|create|generate|make|design)\b"),
    ("opinion", r"\b(?:best|favou?rite|should i|recommend|do you (?:like|think))\b"),
)


def echo(question: Question) -> Draft | None:
    """Say what one is told to say."""
    if re.fullmatch(r"ping[!.?]*", question.lower):
        return exactly("pong")
    found = _SAY.match(question.text)
    if not found:
        return None
    words = found.group("words")
    quoted = re.match(r"^[\"“'‘`](.+?)[\"”'’`]\s*(?:\W*$|and nothing else.*$|exactly.*$|only.*$)", words, re.I | re.S)
    if quoted:
        return exactly(quoted.group(1))
    words = re.sub(r",?\s+(?:and nothing else|and nothing more|exactly|only|please)[.!]*$", "", words, flags=re.I)
    if _NOT_WORDS.search(words) or len(words) > 2000 or words.endswith("?"):
        return None
    said = words[0].upper() + words[1:]
    return exactly(said if re.search(r"[.!?…]$", said) or " " not in said else f"{said}.")


def be_polite(question: Question) -> Draft | None:
    """Greet, thank, and say who one is."""
    asked = question.lower
    name = question.model.name
    if re.search(
        r"\b(?:who|what) are you\b|\bintroduce yourself\b|\babout yourself\b|\byour name\b|\bwhich model\b|"
        r"\bwhat model\b",
        asked,
    ):
        role = f" I was asked to be {question.manner.persona}, and I do my best." if question.manner.persona else ""
        return Draft(
            lead=f"I am {name}, or rather a simulation of it in the demo gateway of portkey_nb.{role}",
            more=(
                "There is no neural network behind me: my replies are put together by ordinary code on your own "
                "machine.",
                "I can do sums, list things, write small programs, read a table and remember what you said earlier.",
                "With a Portkey key the same cell talks to a real model instead.",
            ),
            short=name,
            title="Who I am",
            data={"model": name, "simulated": True},
        )
    if re.search(r"\bwhat can you (?:do|help)|\bhow can you help|^help[!.?]*$", asked):
        return Draft(
            lead="Quite a few things, though all of them are simulated.",
            more=(
                "Ask me to calculate, to list or compare things, to write a function or a query, or to explain a "
                "concept.",
                "Give me a text and I summarise it, judge its tone or pull out names, dates and addresses.",
                "Ask for a haiku, a table, a formula in LaTeX or two thousand words on a subject.",
            ),
            title="What I can do",
        )
    if re.search(r"\bthank(?:s| you)\b|\bcheers\b", asked) and len(asked) < 80:
        return Draft(lead=question.chance.pick(("You're welcome!", "Glad to help!", "Any time!")))
    if re.search(r"^(?:good)?bye\b|\bsee you\b|\bgood night\b", asked):
        return Draft(lead=question.chance.pick(("Goodbye, and good luck with your notebook!", "See you soon!")))
    if re.search(r"\bhow are you\b|\bhow(?:'s| is) it going\b", asked):
        return Draft(lead="I am well, as far as a simulation can be.", more=("What shall we work on?",))
    if re.match(r"(?:hi|hello|hey|good (?:morning|afternoon|evening)|howdy|greetings|hallo|bonjour|hola)\b", asked):
        who = f" {_named(question)}" if _named(question) else ""
        part = f", speaking as {question.manner.persona}" if question.manner.persona else ""
        offer = question.chance.pick(("What can I do for you?", "How can I help?", "What are you working on?"))
        return Draft(lead=f"Hello{who}!", more=(f"I am {name}{part}. {offer}",), short="Hello")
    return None


def _named(question: Question) -> str:
    found = re.search(r"\b(?:my name is|i am called|call me|i'm) ([A-Z][\w'-]+)", question.text)
    return found.group(1) if found else ""


def admit(question: Question) -> Draft:
    """Take up what was asked, and say that it is beyond a simulation."""
    if not question.text:
        return Draft(lead="Your message is empty. What would you like to know?", light=True)
    topic = topic_of(question.text)
    role = f"Even as {question.manner.persona} I have to say: " if question.manner.persona else ""
    kind = next((name for name, pattern in _UNKNOWN if re.search(pattern, question.lower)), "")
    about = _spoken(question.text) or (f"“{topic}”" if topic else "this")
    leads, more = ADMISSIONS[kind][0], rotated(ADMISSIONS[kind][1], question.lower)
    lead = question.own(rotated(leads, question.lower)).format(about=about)
    lead = f"{lead[0].upper()}{lead[1:]}" if not role else lead
    return Draft(
        lead=f"{role}{lead}",
        more=(question.own(more),),
        title=topic[:1].upper() + topic[1:] if topic else "Not known here",
        short="Unknown",
        light=True,
        data={"answer": None, "topic": topic or None, "simulated": True},
    )


def _spoken(text: str) -> str:
    """Return what is asked as it stands in a sentence: “how to”, “what to”, where it is asked so."""
    found = re.match(
        r"(?:please |so |and )?(?P<word>what|how|when|where|which \w+) (?:do|can|should|could|would|"
        r"shall) (?:i|we|one|you) "
        r"(?P<rest>[^.?!\n]{3,70})[.?!]*$",
        text.strip(),
        re.I,
    )
    if not found:
        return ""
    rest = re.sub(r"\bmy\b", "your", re.sub(r"\bme\b", "you", found["rest"]))
    return f"{found['word'].lower()} to {rest}"


def topic_of(text: str) -> str:
    """Return the subject of a question: its first sentence without the words that only ask."""
    first = re.split(r"(?<=\w)[.?!](?:\s|$)|\n", text.strip())[0]
    bare = _OPENING.sub("", first).strip(" \"“”'`:,.?!") or first.strip()
    # “legs does a spider have” and “HTTPS work” are what the question words leave over.
    bare = re.sub(r"^(\w+) (?:does|do|did) (?:an? |the )?(.+?) (?:have|do)$", r"\1 of \2", bare)
    bare = re.sub(r"(?<=\w) (?:work|works|do|mean)$", "", bare)
    words = bare.split()
    shown = " ".join(words[:12])
    # A single word may be as long as a person likes.
    return shown if len(words) <= 12 and len(shown) <= 90 else shown[:90].rstrip() + "…"
