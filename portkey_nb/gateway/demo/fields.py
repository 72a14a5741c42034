"""Single fields of a JSON schema, filled with what a text holds: texts, numbers, truths and choices."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.gateway.demo.findings import Findings, Spot, words_of
from portkey_nb.gateway.demo.leaves import allowed_number, allowed_text, formatted, plain_number, plain_text
from portkey_nb.gateway.demo.mentions import labelled, matched, said_at, tone
from portkey_nb.gateway.demo.subjects import is_answer, is_prose, kinds_for, number_rank

__all__ = ["FieldFiller", "Filled", "Hints"]


@dataclass(frozen=True, slots=True)
class Filled:
    """A value, and whether the text gave reason for it."""

    value: Any
    sure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What is known beside the text.

    Attributes
    ----------
    data : object
        The answer as a JSON value.
    short, prose : str
        The bare answer, and the answer in sentences; empty where there is none.
    whole : str
        What fills a field for a question or a search: usually the question itself.
    """

    data: Any = None
    short: str = ""
    prose: str = ""
    whole: str = ""


@dataclass(slots=True)
class FieldFiller:
    """Fills single fields from the findings of a text, each finding once.

    Attributes
    ----------
    root : object
        The whole schema, which references point into.
    taken : set of int
        Where the findings start that are used up.
    """

    root: Any
    found: Findings
    hints: Hints
    taken: set[int] = field(default_factory=set)

    def _choice(self, schema: Mapping[str, Any], name: str) -> Filled:
        options = schema["enum"]
        known = self._known(name)
        for value in (known, *_plain_values(self.hints.data), self.hints.short.lower()):
            for option in options:
                if value is not None and (value == option or (isinstance(option, str) and value == option.lower())):
                    return Filled(option, True)
        spoken = [(place, option) for option in options if (place := said_at(self.found.text, option)) is not None]
        # A question that lists them all chooses none by that.
        if spoken and (len(spoken) < len(options) or len(options) == 1):
            return Filled(min(spoken, key=lambda pair: pair[0])[1], True)
        mood = tone(self.found.text)
        for option in options:
            if isinstance(option, str) and option.lower() == mood:
                return Filled(option, True)
        if "default" in schema:
            return Filled(schema["default"])
        return Filled(None if None in options else options[0])

    def _text(self, schema: Mapping[str, Any], name: str, *, needed: bool, depth: int) -> Filled:
        known = self._known(name)
        if isinstance(known, str) and allowed_text(known, schema):
            return Filled(known, True)
        said = labelled(self.found.text, name)
        if said and allowed_text(value := formatted(said, schema), schema):
            return Filled(value, True)
        kinds = kinds_for(name, schema.get("format"))
        spot = self._next(kinds, lambda one: allowed_text(formatted(str(one.value), schema), schema))
        if spot is not None:
            return Filled(formatted(str(spot.value), schema), True)
        match = matched(str(schema.get("pattern", "")), self.found.text)
        if match and allowed_text(match, schema):
            return Filled(match, True)
        for text in self._answers(name, kinds):
            if text and not schema.get("format") and allowed_text(text, schema):
                return Filled(text, True)
        return Filled(plain_text(schema))

    def _answers(self, name: str, kinds: Sequence[str]) -> list[str]:
        """Return what the answer, or the question itself, offers for a field of text."""
        hints = self.hints
        offers = []
        if "quoted" in kinds and hints.whole:
            offers.append(hints.whole)
        if is_prose(name) and hints.prose:
            offers.append(hints.prose)
        if hints.short and len(hints.short) <= 80:
            offers.append(hints.short)
        return offers if not is_answer(name) else [*offers[::-1], hints.prose]

    def _number(self, schema: Mapping[str, Any], name: str, *, needed: bool, depth: int) -> Filled:
        whole = schema.get("type") == "integer"
        known = self._known(name)
        if known is None and is_answer(name) and re.fullmatch(r"-?\d+(?:\.\d+)?", self.hints.short):
            known = float(self.hints.short)
        if (
            isinstance(known, (int, float))
            and not isinstance(known, bool)
            and allowed_number(known, schema, whole=whole)
        ):
            return Filled(int(known) if known == int(known) else known, True)
        ranked = [
            (-number_rank(name, spot, self.found.text), spot.start, spot)
            for spot in self.found.of("number")
            if spot.start not in self.taken
            and isinstance(spot.value, (int, float))
            and allowed_number(spot.value, schema, whole=whole)
        ]
        # A field that may be left out takes a number only for a reason of its own.
        ranked = [one for one in ranked if one[0] <= (-1 if needed else -3)]
        if ranked:
            spot = min(ranked, key=lambda one: one[:2])[2]
            self.taken.add(spot.start)
            return Filled(spot.value, True)
        if "default" in schema:
            return Filled(schema["default"])
        return Filled(plain_number(schema, whole=whole))

    def _truth(self, schema: Mapping[str, Any], name: str, *, needed: bool, depth: int) -> Filled:
        known = self._known(name)
        truths = [value for value in _plain_values(self.hints.data) if isinstance(value, bool)]
        if isinstance(known, bool):
            return Filled(known, True)
        if len(truths) == 1 and (needed or is_answer(name)):
            return Filled(truths[0], True)
        words = [word for word in words_of(name) if word not in ("is", "has", "be", "are", "should", "include", "use")]
        for word in words:
            stem = re.escape(word.removesuffix("e").removesuffix("s") if len(word) > 4 else word)
            if found := re.search(rf"\b{stem}\w*", self.found.text, re.I):
                before = self.found.text[max(0, found.start() - 25) : found.start()].lower()
                return Filled(not re.search(r"(?:\bnot?\b|n't\b|\bwithout\b|\bnever\b)[\w\s]*$", before), True)
        return Filled(bool(schema.get("default", False)))

    def _known(self, name: str) -> Any:
        """Return what the answer's data hold under a field's name."""
        data = self.hints.data
        if not isinstance(data, dict) or not name or data.get("simulated"):
            return None
        named = {str(key).lower(): value for key, value in data.items()}
        words = words_of(name)
        for key in (name.lower(), *words[::-1]):
            if named.get(key) is not None:
                return named[key]
        return named.get("answer") if is_answer(name) else None

    def _next(self, kinds: Sequence[str], fit: Callable[[Spot], bool]) -> Spot | None:
        """Take the first finding of the best kind that is left."""
        for kind in kinds:
            for spot in self.found.of(kind):
                if spot.start not in self.taken and fit(spot):
                    self.taken.add(spot.start)
                    return spot
        return None


def _plain_values(data: Any) -> list[Any]:
    values = list(data.values()) if isinstance(data, dict) else [data]
    return [value.lower() if isinstance(value, str) else value for value in values if isinstance(value, (str, bool))]
