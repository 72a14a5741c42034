"""Ways of saying that one does not know, by what kind of thing it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["ADMISSIONS"]

_USUAL = (
    "I have nothing reliable on {about}: I am a simulated model with a small store of knowledge.",
    "I do not know enough about {about} to answer it, and I would rather not invent something.",
    "{about} is outside what this demo model has learnt.",
    "My knowledge is small and does not reach to {about}.",
    "I would have to guess about {about}, so I leave it open.",
    "{about}? There I have to pass, being only a simulation.",
)
_WAYS_ON = (
    "A real model behind Portkey would take it from here.",
    "Run the same cell with a Portkey key to put it to a real model.",
    "Try me on sums, lists, comparisons, short programs, capitals or common concepts.",
    "If you paste a text about it, I can summarise it or pull out facts.",
)
ADMISSIONS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "": (_USUAL, _WAYS_ON),
    "future": (
        (
            "Nobody can know that yet, and a simulated model least of all.",
            "That lies in the future, so any answer of mine would be a guess.",
            "I cannot see ahead; {about} is still open.",
        ),
        ("Ask me about what has been settled, and I may do better.", "A real model could at least weigh the odds."),
    ),
    "now": (
        (
            "I have no clock, no calendar and no network, so I cannot tell.",
            "That changes by the day, and I see nothing of the world outside this notebook.",
            "I have no live data on {about}.",
        ),
        ("Put the facts into the prompt, and I will work with them.", "Your own computer knows this better than I do."),
    ),
    "writing": (
        (
            "I cannot write {about} convincingly: a simulated model has only a few forms at hand.",
            "{about} is more than a simulated model can write well.",
            "For {about} I lack the words; my stock of phrases is small.",
        ),
        (
            "Haiku, limericks, slogans, letters, product descriptions and long articles I can do.",
            "A real model behind Portkey will do it gladly.",
            "Try a short letter, a slogan or a haiku on the same subject.",
        ),
    ),
    "code": (
        (
            "I can write the usual programs, but I cannot read one: I am a simulated model.",
            "Reading somebody's code is not among my skills; I only know some programs by heart.",
            "I see that this is code, but I do not understand what it does.",
        ),
        (
            "A real model behind Portkey would go through it line by line.",
            "Ask me to write a function, and I may know it.",
        ),
    ),
    "opinion": (
        (
            "I have no taste of my own and no experience with {about}, so I cannot choose for you.",
            "On {about} I have no opinion worth having; I am a simulation.",
            "That depends on you, and I know nothing first-hand about {about}.",
        ),
        (
            "Tell me the options and what matters to you, and I will set them side by side.",
            "A real model could weigh it with you.",
        ),
    ),
}
"""Kind of thing -> ways to say it, and what to add."""
