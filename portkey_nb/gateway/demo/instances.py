"""Values that fit a JSON schema, filled with what a text holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import msgspec

from portkey_nb.gateway.demo.findings import Findings, Spot, words_of
from portkey_nb.gateway.demo.leaves import (
    allowed_number,
    allowed_text,
    formatted,
    plain_number,
    plain_text,
    types_of,
)
from portkey_nb.gateway.demo.skills.reading_words import BAD, GOOD, NOT
from portkey_nb.gateway.demo.subjects import is_answer, is_prose, kinds_for, number_rank

__all__ = ["Filled", "Hints", "instance", "problem_of", "valid"]

_DEEPEST = 12
_MOST_ITEMS = 50


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


def instance(schema: Any, text: str, hints: Hints | None = None) -> Filled:
    """Return a value that fits a schema, sensible where the text holds the facts.

    Parameters
    ----------
    schema : mapping or bool
        A JSON schema (draft 2020-12 as pydantic writes it); references within it are followed.
    text : str
        Where the facts are taken from.

    Returns
    -------
    Filled
        What is not known is null where the schema allows it, else ``"unknown"``, 0 or the nearest allowed value.
    """
    hints = hints or Hints()
    filled = _Filler(schema, Findings(text), hints).fill(schema, "", needed=True)
    if valid(schema, filled.value):
        return filled
    bare = _Filler(schema, Findings(""), Hints()).fill(schema, "", needed=True)
    return Filled(bare.value) if valid(schema, bare.value) else filled


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    # Late, since jsonschema takes a second to import and most requests have no schema.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(msgspec.json.decode(schema))


def valid(schema: Any, value: Any) -> bool:
    """Tell whether a value fits a schema; what cannot be told counts as fitting."""
    try:
        return bool(_validator(msgspec.json.encode(schema)).is_valid(value))
    except Exception:  # noqa: BLE001 - a schema may be wrong in more ways than jsonschema has names for
        return True


def problem_of(schema: Any) -> str | None:
    """Return what is wrong with a JSON schema, in one line; None when nothing is."""
    # Late, as above.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return str(error.message)[:200]
    except RecursionError:
        return "it is nested too deeply"
    return None


@dataclass(slots=True)
class _Filler:
    root: Any
    found: Findings
    hints: Hints
    taken: set[int] = field(default_factory=set)

    def fill(self, schema: Any, name: str, *, needed: bool, depth: int = 0) -> Filled:
        """Fill one place; ``needed`` asks for a value even where the text gives none."""
        if not isinstance(schema, Mapping):
            schema = {}
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return Filled(schema["const"], _says(self.found.text, schema["const"]))
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return self._choice(schema, name)
        for word in ("anyOf", "oneOf"):
            if isinstance(schema.get(word), list) and schema[word]:
                return self._branch(schema, word, name, needed=needed, depth=depth)
        kinds = types_of(schema) or (["string"] if depth or name else ["object"])
        readers: Mapping[str, Callable[..., Filled]] = {
            "object": self._object,
            "array": self._array,
            "string": self._text,
            "integer": self._number,
            "number": self._number,
            "boolean": self._truth,
        }
        tries = []
        for kind in kinds:
            if kind in readers:
                filled = readers[kind](schema | {"type": kind}, name, needed=needed, depth=depth)
                if filled.sure:
                    return filled
                tries.append(filled)
        if "default" in schema:
            return Filled(schema["default"])
        if "null" in kinds or depth > _DEEPEST or not tries:
            return Filled(None) if "null" in kinds or not tries else tries[0]
        return tries[0]

    def _resolved(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """Follow references and merge what stands beside each other."""
        for _ in range(20):
            target = schema.get("$ref")
            if isinstance(target, str):
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**_pointed(self.root, target), **rest}
            elif isinstance(schema.get("allOf"), list):
                merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    if isinstance(part, Mapping):
                        merged = _merged(merged, self._resolved(part, depth) if depth <= _DEEPEST else {})
                schema = merged
            else:
                break
        return schema

    def _choice(self, schema: Mapping[str, Any], name: str) -> Filled:
        options = schema["enum"]
        known = self._known(name)
        for value in (known, *_plain_values(self.hints.data), self.hints.short.lower()):
            for option in options:
                if value is not None and (value == option or (isinstance(option, str) and value == option.lower())):
                    return Filled(option, True)
        spoken = [(place, option) for option in options if (place := _said_at(self.found.text, option)) is not None]
        # A question that lists them all chooses none by that.
        if spoken and (len(spoken) < len(options) or len(options) == 1):
            return Filled(min(spoken, key=lambda pair: pair[0])[1], True)
        tone = _tone(self.found.text)
        for option in options:
            if isinstance(option, str) and option.lower() == tone:
                return Filled(option, True)
        if "default" in schema:
            return Filled(schema["default"])
        return Filled(None if None in options else options[0])

    def _branch(self, schema: Mapping[str, Any], word: str, name: str, *, needed: bool, depth: int) -> Filled:
        beside = {key: value for key, value in schema.items() if key not in (word, "title", "description")}
        branches = [_merged(beside, self._resolved(part, depth)) for part in schema[word] if isinstance(part, Mapping)]
        nullable = any(types_of(part) == ["null"] for part in branches)
        taken = set(self.taken)
        best: Filled | None = None
        for part in branches:
            if types_of(part) == ["null"]:
                continue
            if depth > _DEEPEST and (nullable or types_of(part) in (["object"], ["array"])):
                continue
            self.taken = set(taken)
            filled = self.fill(part, name, needed=needed, depth=depth + 1)
            if filled.sure:
                return filled
            best = best or filled
        self.taken = taken
        if "default" in schema:
            return Filled(schema["default"])
        return Filled(None) if nullable or best is None else best

    def _object(self, schema: Mapping[str, Any], name: str, *, needed: bool, depth: int) -> Filled:
        fields = schema.get("properties")
        fields = fields if isinstance(fields, Mapping) else {}
        required = [str(key) for key in schema.get("required", ()) if isinstance(key, str)]
        value: dict[str, Any] = {}
        sure = False
        for key in dict.fromkeys([*fields, *required]):
            part = fields.get(key, schema.get("additionalProperties", {}))
            if depth >= _DEEPEST and key not in required:
                continue
            filled = self.fill(part, key, needed=key in required, depth=depth + 1)
            sure = sure or filled.sure
            if key in required or filled.sure or _default(part) is not None:
                value[key] = filled.value
        extra = schema.get("additionalProperties", not fields)
        if extra and not fields and isinstance(extra, (Mapping, bool)) and depth < _DEEPEST:
            pairs = self._pairs(extra if isinstance(extra, Mapping) else {}, depth)
            value, sure = {**pairs, **value}, sure or bool(pairs)
        least = schema.get("minProperties", 0)
        for place in range(int(least) - len(value) if isinstance(least, (int, float)) else 0):
            value[f"item_{place + 1}"] = self.fill(extra, "", needed=True, depth=depth + 1).value
        return Filled(value, sure)

    def _pairs(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Read names with values, such as “alice: 3, bob: 5”, or what the answer itself is."""
        if isinstance(self.hints.data, dict) and not self.hints.data.get("simulated"):
            data = {str(key): value for key, value in self.hints.data.items()}
            if all(valid({**schema, "$defs": _definitions(self.root)}, value) for value in data.values()):
                return data
        pairs = {}
        for found in re.finditer(r"([A-Za-z_][\w ]{0,30}?)\s*[:=]\s*([^\s,;\n][^,;\n]*)", self.found.text):
            inner = _Filler(self.root, Findings(found.group(2).strip(" .")), Hints(whole=found.group(2).strip(" .")))
            filled = inner.fill(schema, "value", needed=True, depth=depth + 1)
            if filled.sure:
                pairs[found.group(1).strip()] = filled.value
        return pairs

    def _array(self, schema: Mapping[str, Any], name: str, *, needed: bool, depth: int) -> Filled:
        lowest, highest = int(schema.get("minItems", 0)), int(schema.get("maxItems", _MOST_ITEMS))
        fixed = [part for part in schema.get("prefixItems", ()) if isinstance(part, (Mapping, bool))]
        items = [self.fill(part, name, needed=True, depth=depth + 1) for part in fixed]
        rest = schema.get("items", {} if not fixed else False)
        singular = re.sub(r"(?<=[a-z])s$", "", re.sub(r"ies$", "y", name))
        if isinstance(rest, (Mapping, bool)) and rest is not False and depth < _DEEPEST:
            part = self._resolved(rest if isinstance(rest, Mapping) else {}, depth)
            items += self._listed(part, singular, highest - len(items), depth)
        values = [item.value for item in items][: max(highest, 0)]
        if schema.get("uniqueItems"):
            values = _distinct(values)
        sure = any(item.sure for item in items)
        part = self._resolved(rest, depth) if isinstance(rest, Mapping) else {}
        for place in range(_MOST_ITEMS * 2):
            if len(values) >= lowest:
                break
            more = self._variant(part, singular, place if schema.get("uniqueItems") else 0, depth)
            if not (schema.get("uniqueItems") and more in values):
                values.append(more)
        return Filled(values, sure)

    def _variant(self, part: Mapping[str, Any], name: str, place: int, depth: int) -> Any:
        options = part.get("enum")
        if isinstance(options, list) and options:
            return options[place % len(options)]
        kinds = types_of(part)
        if place and kinds == ["boolean"]:
            return bool(place % 2)
        if place and kinds in (["integer"], ["number"]):
            return plain_number(part, whole=kinds == ["integer"], place=place)
        if place and kinds in (["string"], []):
            return plain_text(part, place=place)
        return self.fill(part, name, needed=True, depth=depth + 1).value

    def _listed(self, part: Mapping[str, Any], name: str, most: int, depth: int) -> list[Filled]:
        """Return one filled item for each thing of its kind that the text holds."""
        kinds = types_of(part)
        if "object" in kinds or "properties" in part:
            return self._objects(part, name, most, depth)
        data = self.hints.data
        if isinstance(data, dict) and len(lists := [one for one in data.values() if isinstance(one, list)]) == 1:
            data = lists[0]
        if isinstance(data, list) and data and all(valid(part, one) for one in data):
            return [Filled(one, True) for one in data[:most]]
        if isinstance(part.get("enum"), list):
            return [Filled(option, True) for option in part["enum"] if _said_at(self.found.text, option) is not None][
                :most
            ]
        items: list[Filled] = []
        for _ in range(max(0, min(most, _MOST_ITEMS))):
            filled = self.fill(part, name, needed=False, depth=depth + 1)
            if not filled.sure or (kinds == ["boolean"] and items):
                break
            items.append(filled)
        return items

    def _objects(self, part: Mapping[str, Any], name: str, most: int, depth: int) -> list[Filled]:
        data = self.hints.data
        if isinstance(data, list) and data and all(isinstance(one, (str, dict)) for one in data):
            made = [
                _Filler(self.root, Findings(""), Hints(data=one if isinstance(one, dict) else None, short=str(one)))
                for one in data[:most]
            ]
            return [Filled(one.fill(part, name, needed=True, depth=depth + 1).value, True) for one in made]
        items = []
        for text in self._segments(part):
            filled = _Filler(self.root, Findings(text), Hints()).fill(part, name, needed=True, depth=depth + 1)
            if filled.sure:
                items.append(filled)
        return items[: max(0, most)]

    def _segments(self, part: Mapping[str, Any]) -> list[str]:
        """Cut the text where a new thing begins: at lines, at semicolons, or where the next one is named."""
        text = self.found.text
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1:
            return lines
        if ";" in text:
            return [piece for piece in text.split(";") if piece.strip()]
        for key in part.get("properties", {}):
            for kind in kinds_for(str(key)):
                spots = self.found.of(kind)
                if len(spots) > 1:
                    starts = [0, *(spot.start for spot in spots[1:]), len(text)]
                    return [text[start:end] for start, end in pairwise(starts)]
        pieces = re.split(r"(?<=[.!?])\s+|,\s*(?:and\s+)?|\s+and\s+", text)
        counted = [piece for piece in pieces if re.search(r"\d", piece)]
        return counted if len(counted) > 1 else [text]

    def _text(self, schema: Mapping[str, Any], name: str, *, needed: bool, depth: int) -> Filled:
        known = self._known(name)
        if isinstance(known, str) and allowed_text(known, schema):
            return Filled(known, True)
        said = _labelled(self.found.text, name)
        if said and allowed_text(value := formatted(said, schema), schema):
            return Filled(value, True)
        kinds = kinds_for(name, schema.get("format"))
        spot = self._next(kinds, lambda one: allowed_text(formatted(str(one.value), schema), schema))
        if spot is not None:
            return Filled(formatted(str(spot.value), schema), True)
        match = _matched(str(schema.get("pattern", "")), self.found.text)
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


def _pointed(root: Any, target: str) -> Mapping[str, Any]:
    """Follow a reference within a schema; an unknown one allows anything."""
    place: Any = root
    for part in target.removeprefix("#").strip("/").split("/") if target != "#" else ():
        name = part.replace("~1", "/").replace("~0", "~")
        place = place.get(name) if isinstance(place, Mapping) else None
    return place if isinstance(place, Mapping) else {}


def _definitions(root: Any) -> Any:
    return root.get("$defs", {}) if isinstance(root, Mapping) else {}


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**first, **second}
    for name in ("properties", "$defs"):
        if isinstance(first.get(name), Mapping) and isinstance(second.get(name), Mapping):
            merged[name] = {**first[name], **second[name]}
    if isinstance(first.get("required"), list) and isinstance(second.get("required"), list):
        merged["required"] = [*first["required"], *second["required"]]
    return merged


def _default(part: Any) -> Any:
    return part.get("default") if isinstance(part, Mapping) else None


def _distinct(values: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for value in values:
        if not any(type(value) is type(one) and value == one for one in kept):
            kept.append(value)
    return kept


def _plain_values(data: Any) -> list[Any]:
    values = list(data.values()) if isinstance(data, dict) else [data]
    return [value.lower() if isinstance(value, str) else value for value in values if isinstance(value, (str, bool))]


_SHORT = {"celsius": r"°\s?c\b", "fahrenheit": r"°\s?f\b", "metric": r"\bcelsius\b|\bkm\b", "imperial": r"\bmiles\b"}


def _said_at(text: str, option: Any) -> int | None:
    """Return where a text names an option."""
    if not isinstance(option, (str, int)) or isinstance(option, bool):
        return None
    words = [re.escape(word) for word in re.split(r"[\s_-]+", str(option)) if word]
    if not words:
        return None
    pattern = rf"(?<!\w){'[ _-]?'.join(words)}(?:s|es)?(?!\w)"
    for shape in (pattern, _SHORT.get(str(option).lower())):
        if shape and (found := re.search(shape, text, re.I)):
            return found.start()
    return None


def _says(text: str, option: Any) -> bool:
    return _said_at(text, option) is not None


def _labelled(text: str, name: str) -> str | None:
    """Return the word that stands behind a field's name and a colon or an equals sign."""
    label = r"[\s_-]*".join(map(re.escape, words_of(name)))
    if not label:
        return None
    found = re.search(rf"(?<!\w){label}\s*[:=]\s*(?:\"([^\"\n]+)\"|'([^'\n]+)'|([^\s,;]+(?<![.,;])))", text, re.I)
    return next((part for part in found.groups() if part), None) if found else None


def _matched(pattern: str, text: str) -> str | None:
    """Return the first part of a text that a pattern matches, its anchors left aside."""
    if not pattern:
        return None
    bare = pattern.removeprefix("^").removesuffix("$")
    try:
        found = re.search(rf"(?<!\w)(?:{bare})(?!\w)", text)
    except (re.error, RecursionError):
        return None
    return found.group(0) if found and found.group(0) else None


def _tone(text: str) -> str:
    words = re.findall(r"[\w']+", text.lower())
    score = sum(_weight(word, words[max(0, place - 2) : place]) for place, word in enumerate(words))
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"


def _weight(word: str, before: Sequence[str]) -> int:
    value = 1 if word in GOOD else -1 if word in BAD else 0
    return -value if any(one in NOT for one in before) else value
