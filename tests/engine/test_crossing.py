"""What a comparison is made of: variants, cases, templates, and the cells that come of them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.engine.cases import Case, cases_of
from portkey_nb.engine.crossing import Calls, Crossing, Way
from portkey_nb.engine.filling import check, fill, templates_of
from portkey_nb.engine.variants import Variant, variants_of
from portkey_nb.errors import PromptError, SettingsError


@pytest.mark.parametrize(
    ("content", "filled"),
    [
        ("{{a}}", "one"),
        ("{{ a }} and {{a}}", "one and one"),
        ("{{two words}}", "2"),
        ("{{b}}", "{{a}}"),  # what goes in is not looked at again
        ("{{ .Values.x }} {{{a}}} {a} {{}} {{a.b}} {% raw %}", "{{ .Values.x }} {{{a}}} {a} {{}} {{a.b}} {% raw %}"),
        ("{{whole}} {{table}}", '3 {"x":[1]}'),
        (r"\1 \g<0> {{a}}", r"\1 \g<0> one"),
        ([{"role": "system", "content": "{{a}}"}], [{"role": "system", "content": "one"}]),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/{{a}}"}}]}],
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/one"}}]}],
        ),
    ],
)
def test_columns_are_filled_in_once(content: Any, filled: Any) -> None:
    columns = {"a": "one", "two words": 2, "b": "{{a}}", "whole": 3.0, "table": {"x": [1]}}
    assert fill(content, Case("1", columns)) == filled


@given(st.text(alphabet="{} a.b\n%x", max_size=60), st.text(alphabet="{}a b", max_size=20))
def test_whatever_stands_in_braces_only_columns_are_replaced(text: str, value: str) -> None:
    assert fill(text, Case("1", {})) == text
    filled = fill(text, Case("1", {"a": value}))
    assert filled == text or "a" in text


def test_a_megabyte_goes_through() -> None:
    text = "{{" * 300_000 + "é" * 400_000
    assert fill("Say: {{text}}", Case("1", {"text": text})) == "Say: " + text
    assert fill(text, Case("1", {"text": "x"})) == text


@pytest.mark.parametrize(
    ("template", "rows", "said"),
    [
        ("{{questoin}}", [{"question": "?"}], "did you mean 'question'"),
        ("{{q}}", None, "there are no cases; pass cases="),
        ("{{q}}", [{"q": "a"}, {"q": None}], "case '2' has no value in the column 'q'"),
        ("{{q}}", pd.DataFrame({"q": ["a", float("nan"), None], "id": [7, 8, 9]}), r"case '8' \(and 1 more\)"),
        ("{{q}}", [{"q": "a"}, {"other": "b"}], "case '2' has no value in the column 'q'"),
        ([{"role": "user", "content": "{{x}}"}], [{"q": "a"}], "names the column 'x', and the cases have q"),
    ],
)
def test_what_cannot_be_filled_in_is_said_first(template: Any, rows: Any, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        check(template, cases_of(rows))


def test_nothing_in_a_column_that_is_not_filled_in_does_not_matter() -> None:
    check("{{q}}", cases_of([{"q": "a", "note": None}]))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "table of cases is empty"),
        (pd.DataFrame({"q": []}), "table of cases is empty"),
        ("text", "give a DataFrame or a list of mappings"),
        ({"q": ["a"]}, "give a DataFrame or a list of mappings"),
        (3, "give a DataFrame or a list of mappings"),
        (["text"], "case 1 is 'text'; give a mapping"),
        ([{"id": "a"}, {"id": "b"}, {"id": "a"}], "case id 'a' stands in row 1 and in row 3"),
        ([{"id": 1}, {"id": 1.0}], "case id '1' stands in row 1 and in row 2"),
        ([{"id": "a"}, {"id": None}], "case 2 has no 'id'"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns 'a'"),
    ],
)
def test_tables_that_are_none_are_refused_in_one_line(rows: Any, said: str) -> None:
    with pytest.raises(PromptError, match=said) as raised:
        cases_of(rows)
    assert "\n" not in raised.value.message


def test_cases_have_ids_and_expected_answers() -> None:
    table = pd.DataFrame({"id": [10, 20], "expected": [4, None], "q": ["2 + 2?", "why?"], "secret": ["k", "k"]})
    first, second = cases_of(table)
    assert (first.case_id, first.expected, second.case_id, second.expected) == ("10", "4", "20", None)
    assert first.columns["secret"] == "k"
    assert first.shown is not None
    assert first.shown["secret"] == "***"
    assert [case.case_id for case in cases_of(pd.DataFrame({"q": ["a", "b"]}, index=[5, 6]))] == ["1", "2"]


def test_variants_get_labels_that_differ() -> None:
    made = variants_of(
        ["m", {"model": "m", "params": {"top_p": 1}}, Variant("m", label="x"), {"model": "y", "label": "x"}]
    )
    assert [variant.label for variant in made] == ["m", "m (2)", "x", "x (2)"]
    assert [variant.label for variant in variants_of("m")] == ["m"]
    assert variants_of({"model": "m", "cache_namespace": "n"})[0].ways == {"cache_namespace": "n"}


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ([], "no models to compare"),
        (None, "models is None"),
        ([None], "None is no model"),
        ([""], "has no model"),
        ({"label": "x"}, "has no model"),
        ({"model": "m", "lable": "x"}, "did you mean 'label'"),
        ({"model": "m", "temperature": 0}, "params="),
        ({"model": "m", "params": 3}, "params of variant 'm' are no mapping"),
        ({"model": "m", "params": {"model": "n"}}, "the comparison sets itself"),
        ({"model": "m", "params": {"config": "pc-1"}}, "no request parameter; give it to a Variant"),
        (Variant, "models is"),
    ],
)
def test_what_is_no_variant_is_refused_in_one_line(models: Any, said: str) -> None:
    with pytest.raises(PromptError, match=said) as raised:
        variants_of(models)
    assert "\n" not in raised.value.message


def test_keys_of_a_variant_are_not_shown() -> None:
    shown = repr(
        variants_of({"model": "m", "virtual_key": "vk-secret", "api_key": "sk-secret", "config": {"api_key": "sk"}})
    )
    assert "sk" not in shown
    assert "vk-" not in shown


@pytest.mark.parametrize(
    ("prompts", "labels"),
    [
        ("one", [None]),
        (["one"], [None]),
        (["one", "two"], ["prompt 1", "prompt 2"]),
        ({"a": "one", "b": [{"role": "user", "content": "two"}]}, ["a", "b"]),
        ([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], [None]),
        ([[{"role": "user", "content": "u"}], "one"], ["prompt 1", "prompt 2"]),
    ],
)
def test_prompts_may_be_given_in_several_ways(prompts: Any, labels: list[str | None]) -> None:
    assert [template.label for template in templates_of(prompts)] == labels


@pytest.mark.parametrize("prompts", ["", " ", [], {}, None, 3, ["a", None], {"a": 3}, [["a"]], b"a"])
def test_what_is_no_prompt_is_refused(prompts: Any) -> None:
    with pytest.raises(PromptError):
        templates_of(prompts)


def test_each_cell_is_there_once_and_a_case_stays_together() -> None:
    grid = Crossing(
        templates_of({"a": "A {{q}}", "b": "B {{q}}"}),
        variants_of(["m", Variant("n", system="be {{q}}")]),
        cases_of([{"q": 1}, {"q": 2}]),
        repeats=3,
        system="all",
    )
    keys = list(grid.keys())
    assert len(set(keys)) == len(keys) == len(grid) == 24
    assert [key[2] for key in keys] == ["1"] * 12 + ["2"] * 12
    calls = Calls(
        grid, range(24), {"m": Way(), "n": Way(base_url="demo")}, {"top_p": 1, "seed": None}, {"group_id": "g"}
    )
    first, second = calls[0], calls[1]
    assert first.messages == [{"role": "system", "content": "all"}, {"role": "user", "content": "A 1"}]
    assert second.messages[0]["content"] == "be 1"
    assert (second.base_url, second.params, second.facts["tags"]) == ("demo", {"top_p": 1}, {"prompt": "a"})
    assert calls[-1 + 24].facts["case_id"] == "2"
    with pytest.raises(IndexError):
        calls[24]


def test_a_grid_of_many_cells_holds_no_messages() -> None:
    text = "x" * 1_000_000
    grid = Crossing(
        templates_of("{{q}} {{n}}"), variants_of("m"), cases_of([{"q": text, "n": n} for n in range(5_000)])
    )
    calls = Calls(grid, range(len(grid)), {"m": Way()}, {}, {})
    assert calls[4_999].messages[0]["content"].endswith(" 4999")


@pytest.mark.parametrize("repeats", [0, -1, True, 1.5, "2", None])
def test_repeats_have_to_make_sense(repeats: Any) -> None:
    with pytest.raises(SettingsError, match="repeats is"):
        Crossing(templates_of("q"), variants_of("m"), cases_of(None), repeats)
