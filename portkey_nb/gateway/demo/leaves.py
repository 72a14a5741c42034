"""Single values that keep to what a JSON schema lays down for them: bounds, lengths, formats and patterns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from portkey_nb.gateway.demo.patterns import example, fits

__all___WORDS = "FORMATS UNKNOWN allowed_number allowed_text formatted plain_number plain_text types_of"
__all__ = __all___WORDS.split()

_LONGEST = 10_000
UNKNOWN = "unknown"
"""What stands for a text of which nothing is known."""
FORMATS: Mapping[str, str] = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "email": "unknown@example.com",
    "idn-email": "unknown@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "https://example.com/",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "json-pointer": "",
    "regex": ".*",
}
"""Format -> a value that means nothing in particular; addresses are those kept for examples (RFC 2606, 5737, 3849)."""
_SHAPES = {
    "date": r"\d{4}-\d\d-\d\d",
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "time": r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "uri": r"[a-z][a-z0-9+.-]*://\S+",
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
}


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """Return the types that a schema names, or that its other words give away."""
    said = schema.get("type")
    if isinstance(said, str):
        return [said]
    if isinstance(said, list):
        return [str(one) for one in said]
    for kind, words in (
        ("object", ("properties", "required", "additionalProperties")),
        ("array", ("items", "prefixItems", "minItems")),
        ("string", ("pattern", "minLength", "maxLength", "format")),
        ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    ):
        if any(word in schema for word in words):
            return [kind]
    return []


def _bounds(schema: Mapping[str, Any], *, whole: bool) -> tuple[float, float]:
    def bound(name: str, none: float) -> float:
        value = schema.get(name)
        return none if isinstance(value, bool) or not isinstance(value, (int, float)) else value

    low, high = bound("minimum", -math.inf), bound("maximum", math.inf)
    above, below = bound("exclusiveMinimum", -math.inf), bound("exclusiveMaximum", math.inf)
    if whole:
        low = low if math.isinf(low) else math.ceil(low)
        high = high if math.isinf(high) else math.floor(high)
        low = max(low, above if math.isinf(above) else math.floor(above) + 1)
        high = min(high, below if math.isinf(below) else math.ceil(below) - 1)
        return low, high
    if above >= low and not math.isinf(above):
        low = above + 1 if above + 1 <= high and above + 1 < below else math.nextafter(above, math.inf)
    if below <= high and not math.isinf(below):
        high = below - 1 if below - 1 >= low else math.nextafter(below, -math.inf)
    return low, high


def allowed_number(value: float, schema: Mapping[str, Any], *, whole: bool) -> bool:
    """Tell whether a number keeps to a schema's bounds and step."""
    if whole and value != int(value):
        return False
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum", -math.inf), schema.get("exclusiveMaximum", math.inf)
    step = schema.get("multipleOf")
    even = not step or _is_multiple(value, step)
    return bool(low <= value <= high and above < value < below and even)


def _is_multiple(value: float, step: float) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    quotient = value / step
    return bool(quotient == int(quotient))


def plain_number(schema: Mapping[str, Any], *, whole: bool, place: int = 0) -> int | float:
    """Return the number nearest to 0 that a schema allows; with ``place``, so many steps further on."""
    low, high = _bounds(schema, whole=whole)
    start = min(max(0, low), high)
    step = schema.get("multipleOf")
    if step:
        # The smallest multiple at or above the start, or the largest below where that passes the upper bound.
        count = math.ceil(start / step)
        if count * step > high:
            count = math.floor(high / step)
        value = (count + place) * step
    else:
        value = start + place if start + place <= high else start - place
    return int(value) if whole or (isinstance(value, float) and value == int(value) and abs(value) < 1e15) else value


def allowed_text(text: str, schema: Mapping[str, Any]) -> bool:
    """Tell whether a text keeps to a schema's lengths, pattern and format."""
    low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    shape = _SHAPES.get(str(schema.get("format")))
    pattern = schema.get("pattern")
    return bool(
        low <= len(text) <= high
        and (shape is None or re.fullmatch(shape, text))
        and (not isinstance(pattern, str) or fits(pattern, text))
    )


def plain_text(schema: Mapping[str, Any], *, place: int = 0) -> str:
    """Return a text that says that nothing is known, in the form that a schema demands."""
    low, high = min(_LONGEST, int(schema.get("minLength", 0))), schema.get("maxLength")
    text = FORMATS.get(str(schema.get("format")), UNKNOWN)
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not fits(pattern, text):
        text = example(pattern) or text
    if place:
        text = f"{text} {place}"
    if len(text) < low:
        text = _lengthened(text, low, pattern if isinstance(pattern, str) else None)
    if high is not None and len(text) > high:
        text = text[: int(high)] if not place else str(place)[: int(high)]
    return text


def _lengthened(text: str, low: int, pattern: str | None) -> str:
    """Make a text longer, at a place where the pattern allows it."""
    missing = low - len(text)
    if pattern is None:
        return (text + " " + f"{UNKNOWN} " * low)[:low].rstrip().ljust(low, ".")
    for place in range(len(text), 0, -1):
        longer = text[:place] + text[place - 1] * missing + text[place:]
        if fits(pattern, longer):
            return longer
    return text


def formatted(value: str, schema: Mapping[str, Any]) -> str:
    """Bring a finding into the form that a schema's format wants."""
    form = schema.get("format")
    if form == "time":
        found = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?", value)
        return f"{found[1].zfill(2)}:{found[2]}:{found[3] or '00'}Z" if found else value
    if form == "date-time":
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return f"{value}T00:00:00Z"
        value = value if re.search(r":\d\d:\d\d", value) else re.sub(r"(T\d\d:\d\d)", r"\1:00", value)
        return value if re.search(r"(?:Z|[+-]\d\d:\d\d)$", value) else f"{value}Z"
    return value
