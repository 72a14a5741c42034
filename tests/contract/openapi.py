"""Portkey's own description of a chat completion request, where it lies beside the checkout."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import REQUIRE_ALL

PLACE = Path("shared") / "reference" / "chat-completions-openapi.json"
ALONE = os.environ.get("PORTKEY_NB_TEST_OPENAPI") == "0"
"""Whether the checkout is known to stand alone, so that this may skip where nothing else may."""
CHECKOUT = Path(__file__).parents[2]


@lru_cache(maxsize=1)
def request_validator() -> jsonschema.Draft202012Validator:
    """Return the validator of request bodies; skip, or fail, where the description is missing."""
    found = next((folder / PLACE for folder in CHECKOUT.parents if (folder / PLACE).is_file()), None)
    if found is None:
        reason = f"no ../{PLACE.as_posix()} lies beside the checkout, so requests cannot be held against it"
        if os.environ.get(REQUIRE_ALL) == "1" and not ALONE:
            pytest.fail(reason)
        pytest.skip(f"{reason} ({REQUIRE_ALL}=1 makes this a failure)")
    components = _nullable(json.loads(found.read_text(encoding="utf-8"))["components"])
    schema = {"$ref": "#/components/schemas/CreateChatCompletionRequest", "components": components}
    return jsonschema.Draft202012Validator(schema)


def _nullable(schema: Any) -> Any:
    """Say ``nullable`` (OpenAPI 3.0) in the words of JSON Schema."""
    if isinstance(schema, list):
        return [_nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    said = {name: _nullable(item) for name, item in schema.items()}
    if said.get("nullable") is True and isinstance(said.get("type"), str):
        said["type"] = [said["type"], "null"]
    return said


def complaints(body: Any) -> list[str]:
    """Return what is wrong with a request body; nothing where it fits."""
    return [f"{error.json_path}: {error.message[:200]}" for error in request_validator().iter_errors(body)]
