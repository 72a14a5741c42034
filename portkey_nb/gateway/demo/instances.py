"""Values that fit a JSON schema, filled with what a text holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from portkey_nb.gateway.demo.fields import FieldFiller, Filled, Hints
from portkey_nb.gateway.demo.findings import Findings
from portkey_nb.gateway.demo.leaves import plain_number, plain_text, types_of
from portkey_nb.gateway.demo.mentions import said_at, says
from portkey_nb.gateway.demo.subjects import kinds_for
from portkey_nb.gateway.demo.validity import valid

__all__ = ["Filled", "Hints", "instance"]

_DEEPEST = 12
_MOST_ITEMS = 50


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


@dataclass(slots=True)
class _Filler(FieldFiller):
    """Fills objects, lists and choices between schemas."""

    def fill(self, schema: Any, name: str, *, needed: bool, depth: int = 0) -> Filled:
        """Fill one place; ``needed`` asks for a value even where the text gives none."""
        if not isinstance(schema, Mapping):
            schema = {}
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return Filled(schema["const"], says(self.found.text, schema["const"]))
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
        for place in range(min(_MOST_ITEMS, int(least) - len(value)) if isinstance(least, (int, float)) else 0):
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
            return [Filled(option, True) for option in part["enum"] if said_at(self.found.text, option) is not None][
                :most
            ]
        items: list[Filled] = []
        for _ in range(max(0, min(most, _MOST_ITEMS))):
            before = len(self.taken)
            filled = self.fill(part, name, needed=True, depth=depth + 1)
            if not filled.sure:
                break
            items.append(filled)
            if len(self.taken) == before:
                # It came from elsewhere than a finding, and would come again and again.
                break
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
