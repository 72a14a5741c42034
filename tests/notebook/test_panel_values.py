"""Texts of parameter fields and the values they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.errors import PromptError
from portkey_nb.notebook.panel.values import PARAMETERS, read_more, read_value, redacted, write_more, write_value

numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=40)


@given(st.sampled_from(sorted(PARAMETERS)), numbers | texts | st.lists(texts, max_size=3) | st.booleans())
def test_a_field_shows_a_value_by_the_text_that_reads_as_it(name: str, value: Any) -> None:
    text = write_value(name, value)
    assert text is None or (read_value(name, text) == value and type(read_value(name, text)) is type(value))


def trouble_of(read: Callable[..., Any], *given: Any) -> str | None:
    """Return why a text has no value; None where it has one that JSON can carry."""
    try:
        json.dumps(read(*given), allow_nan=False)
    except PromptError as error:
        return error.message
    return None


@given(st.sampled_from(sorted(PARAMETERS)), texts)
def test_any_text_is_a_value_or_one_line_of_trouble(name: str, text: str) -> None:
    trouble = trouble_of(read_value, name, text)
    assert trouble is None or "\n" not in trouble
    assert trouble or (read_value(name, text) is None) == (not text.strip())


plain = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_-]{3,9}", fullmatch=True), plain, max_size=4))
def test_further_parameters_read_as_they_were_written(params: dict[str, Any]) -> None:
    trouble = trouble_of(read_more, write_more(params))
    # Some names have another place, or are those of a key.
    assert trouble is None or trouble.startswith(tuple(f"`{name}`" for name in params))
    assert trouble or read_more(write_more(params)) == params


@given(texts)
def test_any_text_is_a_mapping_or_one_line_of_trouble(text: str) -> None:
    trouble = trouble_of(read_more, text)
    assert trouble is None or "\n" not in trouble


@given(
    st.text(alphabet="abcdefgh0123456789-_./+", min_size=12, max_size=30),
    st.sampled_from(["{}: {}", "{}: '{}'", '{{"{}": "{}"', "{} = {}"]),
)
def test_no_key_is_left_in_a_text(key: str, form: str) -> None:
    assert key not in redacted(form.format("api_key", key))


@given(texts)
def test_a_text_without_keys_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text
