"""The words of a %%portkey line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.errors import PromptError
from portkey_nb.notebook.options import help_page, parse_cell, parse_line, request_params, split_line


def words(line: str) -> list[str]:
    return [word.text for word in split_line(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-m gpt-4o  -t 0", ["-m", "gpt-4o", "-t", "0"]),
        ('-s "You are brief"', ["-s", "You are brief"]),
        ("-s 'It\\'s'", ["-s", "It's"]),
        (
            '--config {"provider": "openai", "retry": {"attempts": 2}}',
            ["--config", '{"provider": "openai", "retry": {"attempts": 2}}'],
        ),
        ("-p response_format={'type': 'json_object'}", ["-p", "response_format={'type': 'json_object'}"]),
        ('-p stop=["a b", "]"]', ["-p", 'stop=["a b", "]"]']),
        ('--tag note="two words"', ["--tag", "note=two words"]),
        ("what's up", ["what's", "up"]),
        (r"C:\temp\x", [r"C:\temp\x"]),
    ],
)
def test_a_line_splits_where_a_person_expects(line: str, expected: list[str]) -> None:
    assert words(line) == expected


@given(st.text(max_size=60))
def test_any_line_splits_or_says_why_in_one_line(line: str) -> None:
    try:
        found = split_line(line)
    except PromptError as error:
        said = error.message
    else:
        assert [word.start for word in found] == sorted(word.start for word in found)
        return
    assert "never closed" in said


@given(st.lists(st.text("abc-=.@/ ", min_size=1, max_size=8), max_size=5))
def test_quoted_words_come_back_as_they_were(texts: list[str]) -> None:
    assert words(" ".join(f'"{text}"' for text in texts)) == texts


def test_flags_become_options() -> None:
    options = parse_cell('-m a -m b -s "Be brief" -t 0 --max-tokens 5 --tag k=v --repeat 2 -o out --cache')
    assert options.model == ["a", "b"]
    assert (options.system, options.temperature, options.max_tokens) == ("Be brief", 0.0, 5)
    assert (options.repeat, options.output, options.cache) == (2, "out", True)


def test_both_ways_of_naming_the_reply() -> None:
    assert parse_cell("answer << -m a").output == "answer"
    assert parse_cell("-m a -o answer").output == "answer"
    with pytest.raises(PromptError, match="two names"):
        parse_cell("one << -m a -o two")
    with pytest.raises(PromptError, match="cannot be a variable"):
        parse_cell("1x << -m a")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--modle gpt-4o", "did you mean `--model`"),
        ("-m gpt-4o hello", "unknown word `hello`"),
        ("-t warm", "warm"),
        ("-m", "-m"),
        ("--repeat 0", "--repeat is 0"),
        ('-s "open', "never closed"),
        ("--api-key pk-123", "%portkey login"),
    ],
)
def test_a_mistake_is_one_line_that_quotes_it(line: str, said: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse_cell(line)
    assert said in caught.value.message
    assert "pk-123" not in caught.value.message
    assert "\n" not in caught.value.message


def test_params_read_json_python_and_text_and_keep_zero_and_false() -> None:
    options = parse_cell(
        "-t 0 -p top_p=0 -p logprobs=false -p user=ana -p stop=['a', 'b'] "
        '-p response_format={"type": "json_object"}'
    )
    assert request_params(options) == {
        "top_p": 0,
        "logprobs": False,
        "user": "ana",
        "stop": ["a", "b"],
        "response_format": {"type": "json_object"},
        "temperature": 0.0,
    }
    assert request_params(parse_cell("-m a")) == {}


@pytest.mark.parametrize("given_param", ["-p api_key=pk-1", "-p model=x", "-p nonsense"])
def test_params_that_do_not_belong_there_are_refused(given_param: str) -> None:
    with pytest.raises(PromptError) as caught:
        request_params(parse_cell(given_param))
    assert "pk-1" not in caught.value.message


@pytest.mark.parametrize(
    ("line", "models", "prompt"),
    [
        ("-m gpt-4o tell me  a 'joke", ["gpt-4o"], "tell me  a 'joke"),
        ("what is {x} -m not a flag", [], "what is {x} -m not a flag"),
        ("-- -m is a flag", [], "-m is a flag"),
        ("-m a -- status", ["a"], "status"),
        ("-5 + 3 is?", [], "-5 + 3 is?"),
    ],
)
def test_a_line_prompt_keeps_its_text(line: str, models: list[str], prompt: str) -> None:
    options, text = parse_line(line)
    assert (options.model, text) == (models, prompt)


def test_the_help_page_names_every_flag_and_command() -> None:
    page = help_page()
    for word in ("--model", "--max-tokens", "--config", "--chat", "--dry-run", "%portkey", "login", "{{name}}"):
        assert word in page
