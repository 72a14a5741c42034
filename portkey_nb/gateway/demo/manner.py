"""How an answer is wished: read from the system prompt and the question, applied to a finished text."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Manner", "finish", "read_manner", "sentences"]

_LANGUAGES = {
    "german": "German",
    "deutsch": "German",
    "french": "French",
    "français": "French",
    "spanish": "Spanish",
    "español": "Spanish",
    "italian": "Italian",
}
_SMALL = {
    "one": 1,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "fifty": 50,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}
_PIRATE = (
    (r"\bHello\b|\bHi\b", "Ahoy"),
    (r"\bMy\b", "Me"),
    (r"\bmy\b", "me"),
    (r"\bYou are\b", "Ye be"),
    (r"\byou are\b|\byou're\b", "ye be"),
    (r"\b[Yy]our\b", "yer"),
    (r"\bYou\b", "Ye"),
    (r"\byou\b", "ye"),
    (r"\bis\b|\bare\b", "be"),
    (r"\bIt's\b", "'Tis"),
    (r"\bfriend\b", "matey"),
    (r"\bmoney\b", "doubloons"),
    (r"\bYes\b", "Aye"),
    (r"ing\b", "in'"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """Wishes about the form of an answer.

    Attributes
    ----------
    one_word, brief, pirate, shout, plain, bullets, child, json : bool
        As the words say; ``plain`` means without Markdown, ``child`` in simple words.
    language : str or None
        English name of the language to answer in.
    persona : str or None
        Whom the system prompt makes the model out to be.
    start, end : str
        What every answer is to begin or end with.
    most_sentences, most_words : int or None
        Limits on the length.
    sentences, words, points : int or None
        How many sentences, words or bullet points it is to have.
    code_only : bool
        Whether nothing may stand around the code, or the JSON.
    """

    one_word: bool = False
    brief: bool = False
    pirate: bool = False
    shout: bool = False
    plain: bool = False
    bullets: bool = False
    child: bool = False
    json: bool = False
    language: str | None = None
    persona: str | None = None
    start: str = ""
    end: str = ""
    most_sentences: int | None = None
    most_words: int | None = None
    sentences: int | None = None
    words: int | None = None
    points: int | None = None
    code_only: bool = False

    @property
    def measured(self) -> bool:
        """Whether the length is laid down."""
        return not (self.sentences is None and self.words is None and self.points is None)


def read_manner(system: str, asked: str, *, json_mode: bool = False) -> Manner:
    """Read the wishes out of the system prompt and the last user message."""
    # Quoted and fenced matter in the question is material, not a wish.
    wish = re.sub(r"```.*?```|\"[^\"]*\"|<[^>]+>", " ", asked, flags=re.S)[-600:]
    both = f"{system}\n{wish}".lower()

    def has(pattern: str) -> bool:
        return re.search(pattern, both) is not None

    persona = re.search(r"\byou are (?:now )?(an? (?!helpful|ai\b|assistant)[^.,;:\n]{3,60})", system, re.I)
    return Manner(
        one_word=has(
            r"\b(?:one|a single|single|1)[ -]word\b|\b(?:only|just|answer|reply|respond|"
            r"say)(?: with)?(?: only| just)? (?:yes or no|one number|a number)\b|"
            r"\bjust the (?:answer|number|name|result|label)\b|\bonly the "
            r"(?:answer|number|name|result|label)\b|\bnothing but the\b"
        ),
        brief=has(r"\b(?:terse|brief|briefly|concise|concisely|laconic|succinct|short answers?)\b|\bkeep it short\b"),
        pirate=has(r"\bpirate"),
        shout=has(r"\b(?:all caps|uppercase|upper case|capital letters)\b"),
        plain=has(r"\b(?:no markdown|without markdown|plain text)\b"),
        bullets=has(r"\bbullet(?:s|ed| points?)\b"),
        child=has(
            r"\b(?:like i'?m (?:five|5)|(?:to|for) (?:an? |my )?(?:small |young )?(?:child|kids?|children|toddler|"
            r"(?:\d+|five|six|seven|eight|ten)[- ]years?[- ]olds?)|eli5|(?:simple|plain) (?:words|terms|english)|"
            r"as if i (?:were|was) (?:five|5|a child))\b"
        ),
        json=json_mode
        or has(
            r"\b(?:as|in|with|return|valid|output|reply|respond|format|give|create|generate|only)[\w ]{0,20} json\b"
        ),
        language=_language(system.lower(), wish.lower()),
        persona=persona.group(1).strip() if persona else None,
        start=_affix("(?:start|begin)", system),
        end=_affix("end", system),
        code_only=has(
            r"\b(?:code only|only (?:the )?(?:code|json|sql|query)|just (?:the )?(?:code|json|sql)|json only|"
            r"no (?:explanations?|prose|comment(?:ary|s)?|other text)|nothing (?:else|but)|"
            r"without (?:any )?explanations?)\b"
        ),
        **_lengths(both),
    )


def _lengths(both: str) -> dict[str, int | None]:
    """Read the wishes about the length."""
    return {
        "most_sentences": _limit(
            r"(?:at most|max(?:imum)?(?: of)?|no more than|up to) (\w+) (?:\w+ )?sentences?\b", both
        ),
        "most_words": _limit(
            r"(?:at most|max(?:imum)?|under|no more than|up to|fewer than|less than) (\w+) words\b", both
        ),
        "sentences": _limit(
            r"(?:in|using|with|exactly|only|just|write|give me|answer in) (?:exactly |just |only )?(\w+) "
            r"(?:\w+ )?sentences?\b",
            both,
        ),
        "words": _limit(r"(?:in|using|with|exactly) (?:exactly |about |around |just )?(\d+|\w+) words\b", both),
        "points": _limit(r"\b(\w+) (?:short |key |concise |main )?(?:bullet points?|bullets)\b", both),
    }


def _language(system: str, wish: str) -> str | None:
    for text in (wish, system):
        found = re.search(
            r"\b(?:in|auf|en|speak|use|only|into)\s+(german|deutsch|french|français|spanish|español|italian)\b", text
        )
        if found and not re.search(r"\btranslate\b|\bhow (?:do you|to) say\b|\bwhat is .* in (?:german|french)", text):
            return _LANGUAGES[found.group(1)]
    return None


def _affix(verb: str, system: str) -> str:
    found = re.search(
        rf"\b{verb} (?:each|every|all|your) (?:\w+ )?with (?:the words? )?[\"“'](.+?)[\"”']", system, re.I
    )
    return found.group(1) if found else ""


def _limit(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text)
    if not found:
        return None
    word = "one" if found.group(1) in ("a", "single", "1") else found.group(1)
    return int(word) if word.isdigit() and int(word) else _SMALL.get(word)


def sentences(text: str) -> list[str]:
    """Cut prose into sentences."""
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+(?=[A-Z\"“'(\d*])", text.strip()) if part.strip()]


def finish(text: str, manner: Manner) -> str:
    """Apply the wishes that change the words of a finished text; code stays as it is."""
    if manner.most_sentences is not None and "```" not in text:
        text = " ".join(sentences(text)[: manner.most_sentences])
    if manner.most_words is not None and len(words := text.split()) > manner.most_words:
        text = _within(text, words, manner.most_words)
    if manner.plain:
        text = re.sub(r"(\*\*|^#+ |`)", "", text, flags=re.M)
    if manner.pirate:
        text = _outside_code(_as_pirate, text)
    if manner.shout:
        text = _outside_code(str.upper, text)
    return " ".join(part for part in (manner.start, text, manner.end) if part)


def _within(text: str, words: list[str], most: int) -> str:
    whole = ""
    for sentence in sentences(text):
        if len(f"{whole} {sentence}".split()) > most:
            break
        whole = f"{whole} {sentence}".strip()
    return whole or " ".join(words[:most]).rstrip(",;:.") + "…"


def _outside_code(change: object, text: str) -> str:
    assert callable(change)
    parts = re.split(r"(```.*?```|`[^`]+`|\$\$.*?\$\$)", text, flags=re.S)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))


def _as_pirate(text: str) -> str:
    if not text.strip():
        return text
    for pattern, words in _PIRATE:
        text = re.sub(pattern, words, text)
    opener = "" if text.startswith(("Ahoy", "Arr")) else "Arr, matey! "
    return f"{opener}{text.rstrip()} Yo ho ho!"
