"""Single parameters of a request, read with OpenAI's refusals for what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portkey_nb.gateway.demo.wire import Refusal, provider_error

__all__ = ["Reader"]


class Reader:
    """Reads one parameter after another, refusing what does not fit as OpenAI does."""

    def __init__(self, body: Mapping[str, Any], provider: str) -> None:
        self.body = body
        self.provider = provider

    def refuse(self, message: str, param: str | None, code: str) -> Refusal:
        """Return a 400 that names the parameter."""
        return Refusal(
            400,
            provider_error(self.provider, message, kind="invalid_request_error", param=param, code=code),
        )

    def wrong_type(self, name: str, expected: str, value: Any) -> Refusal:
        """Return a 400 for a value of another type."""
        shown = type(value).__name__
        return self.refuse(
            f"Invalid type for '{name}': expected {expected}, but got {shown} instead.", name, "invalid_type"
        )

    def number(self, name: str, low: float, high: float, *, whole: bool = False) -> float | None:
        """Read a number between two bounds."""
        value = self.body.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise self.wrong_type(name, "an integer" if whole else "a number", value)
        if not low <= value <= high:
            raise self.refuse(
                f"Invalid value for '{name}': {value} is not between {low:g} and {high:g}.", name, "invalid_value"
            )
        return value

    def whole(self, name: str, low: int, high: int) -> int | None:
        """Read a whole number between two bounds."""
        value = self.number(name, low, high, whole=True)
        return None if value is None else int(value)

    def flag(self, name: str, source: Mapping[str, Any] | None = None) -> bool:
        """Read true or false; false where it is absent."""
        value = (self.body if source is None else source).get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong_type(name, "a boolean", value)
        return bool(value)

    def text(self, name: str) -> str:
        """Read a text that has to be there."""
        value = self.body.get(name)
        if value is None:
            raise self.refuse(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
        if not isinstance(value, str):
            raise self.wrong_type(name, "a string", value)
        if not value.strip():
            raise self.refuse(f"Invalid '{name}': empty string.", name, "invalid_value")
        return value

    def stops(self) -> tuple[str, ...]:
        """Read the stop sequences."""
        value = self.body.get("stop")
        if value is None:
            return ()
        stops = [value] if isinstance(value, str) else value
        if not isinstance(stops, list) or not all(isinstance(item, str) for item in stops):
            raise self.wrong_type("stop", "a string or an array of strings", value)
        if len(stops) > 4:
            raise self.refuse("Invalid 'stop': at most 4 sequences.", "stop", "array_above_max_length")
        return tuple(item for item in stops if item)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Read an object; empty where it is absent."""
        value = self.body.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong_type(name, "an object", value)
        return value
