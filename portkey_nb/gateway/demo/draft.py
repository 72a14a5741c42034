"""What a skill makes of a question: a draft, which the model's style turns into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.manner import Manner
from portkey_nb.gateway.demo.models import DemoModel

__all__ = ["Draft", "Question", "Skill", "exactly", "in_words"]

T = TypeVar("T")

# Models that are often set side by side stand next to each other, so that a few options suffice to tell them apart.
_NEIGHBOURS = ("gpt-4o", "claude-sonnet", "llama-local", "gpt-4o-mini", "gemini-flash", "gpt-3.5-turbo")
_PLACES = {name: place for place, name in enumerate(_NEIGHBOURS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The last thing a person said, with all that stands around it.

    Attributes
    ----------
    text : str
        The last user message.
    said, answered : tuple of str
        Earlier user messages, and earlier answers, oldest first.
    manner : Manner
        How the answer is wished.
    chance : Chance
        Decides between options.
    alone : bool
        Whether it is all that was asked, and not one of several tasks.
    """

    text: str
    said: tuple[str, ...]
    answered: tuple[str, ...]
    manner: Manner
    model: DemoModel
    chance: Chance
    alone: bool = True

    def own(self, options: Sequence[T]) -> T:
        """Choose by the model first, and by chance as well."""
        start = _PLACES.get(self.model.name, 0) % len(options)
        return self.chance.pick([*options[start:], *options[:start]])

    @property
    def lower(self) -> str:
        """The question in lower case, its white space made single."""
        return " ".join(self.text.lower().split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The matter of an answer, without its style.

    Attributes
    ----------
    lead : str
        The answer in a sentence.
    more : tuple of str
        Sentences that go further, the weightiest first.
    block : str
        Code, a table, a list or a formula: never reworded.
    short : str
        The bare answer, for those who wish one word.
    title : str
        A heading, for models that like one.
    exact : bool
        Whether ``lead`` is to be said as it is, whatever the style.
    data : object
        The answer as a JSON value.
    light : bool
        Whether it is said plainly, without headings, lists and asides.
    """

    lead: str
    more: tuple[str, ...] = ()
    block: str = ""
    short: str = ""
    title: str = ""
    exact: bool = False
    data: Any = None
    light: bool = False


Skill = Callable[[Question], Draft | None]
"""Answers a question, or leaves it to the next skill."""


def exactly(text: str, *, data: Any = None) -> Draft:
    """Return a draft whose text no style touches."""
    return Draft(lead=text, short=text, exact=True, data=data)


def in_words(items: Sequence[str], last: str = "and") -> str:
    """Join items as a sentence does."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"
