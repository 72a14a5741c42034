"""Words that differ: found where they are, blank left alone, hostile texts within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb.views.differences import Piece, differing

WORDS = st.lists(st.sampled_from(["a", "b", "c", " ", "\n", ".", "Paris", "12.5", "don't", "日本"]), max_size=30)


def marked(texts: list[str]) -> list[list[str]]:
    return [[piece.text for piece in pieces if piece.differs] for pieces in differing(texts)]


@settings(deadline=None)
@given(st.lists(WORDS.map("".join) | st.text(max_size=40), max_size=4))
def test_the_pieces_of_a_text_are_the_text(texts: list[str]) -> None:
    assert ["".join(piece.text for piece in pieces) for pieces in differing(texts)] == texts


@settings(deadline=None)
@given(st.lists(WORDS.map("".join), min_size=2, max_size=2))
def test_what_is_left_unmarked_is_common_to_both(texts: list[str]) -> None:
    one, other = (
        "".join("".join(piece.text.split()) for piece in pieces if not piece.differs) for pieces in differing(texts)
    )
    assert one == other


@given(WORDS.map("".join))
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert marked([text, text, text]) == [[], [], []]
    assert marked([text]) == [[]]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["The sky is blue.", "The sky is deep red."], [["blue"], ["deep red"]]),
        (["one two", "one  two"], [[], []]),
        (["one\ntwo", "one two"], [[], []]),
        (["costs $12.50", "costs $12.60"], [["12.50"], ["12.60"]]),
        (["It is 42.", "It is 42!"], [["."], ["!"]]),
        (["東京は大きい", "東京は小さい"], [["大き"], ["小さ"]]),
        (["", "new"], [[], ["new"]]),
        ([], []),
    ],
)
def test_words_are_compared_and_blank_is_not(texts: list[str], expected: list[list[str]]) -> None:
    assert marked(texts) == expected


def test_in_the_first_text_what_no_other_has_is_marked() -> None:
    assert marked(["a b c d", "a b x d", "a y c d"]) == [[], ["x"], ["y"]]
    assert marked(["a b d", "a x d", "a y d"]) == [["b"], ["x"], ["y"]]


def test_blank_joins_differing_words_of_one_line() -> None:
    found = differing(["end", "so very\nlong end"])[1]
    assert found == [Piece("so very", True), Piece("\n", False), Piece("long", True), Piece(" end", False)]


def test_texts_of_few_words_repeated_a_thousand_times_are_counted() -> None:
    one, other = "x y z " * 3_000, "z y x " * 3_000 + "new"
    assert marked([one, other]) == [[], ["new"]]
