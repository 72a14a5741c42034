"""Whether a JSON schema is one, and whether a value fits it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

__all__ = ["problem_of", "valid"]


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
