"""What the simulated models say: answers to what was asked, over real HTTP."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.models import MODELS, find_model
from portkey_nb.gateway.demo.replies import compose
from portkey_nb.gateway.demo.server import DemoGateway
from portkey_nb.gateway.demo.skills.arithmetic import evaluate
from portkey_nb.gateway.demo.skills.program_texts import PROGRAMS


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with DemoGateway(speed=0) as gateway, httpx.Client(base_url=gateway.base_url) as client:
        yield client


def say(http: httpx.Client, *turns: str, system: str | None = None, model: str = "gpt-4o", **more: Any) -> str:
    """Ask with the conversation so far: user and assistant in turns, the last one being the user."""
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(turns)]
    body = {"model": model, "temperature": 0, "messages": messages, **more}
    return str(http.post("/chat/completions", json=body).json()["choices"][0]["message"]["content"])


TABLE = "| city | people |\n|---|---|\n| Oslo | 700 |\n| Lima | 10000 |\n| Bern | 130 |"
STORY = (
    "The river rose all night. By morning the river had reached the bridge, and the town closed the bridge. "
    "Shops put sandbags at their doors. A dog slept through it all. The mayor said the river would fall by evening."
)


@pytest.mark.parametrize(
    ("question", "pattern"),
    [
        ("What is 17 * 23?", r"\b391\b"),
        ("what is 12% of 80", r"\b9\.6\b"),
        ("sum of 3, 4 and 5", r"\b12\b"),
        ("What is 2 + 3 * 4 - (6 / 2)?", r"\b11\b"),
        ("What is the average of 3, 4 and 8?", r"\b5\b"),
        ("seven times eight", r"\b56\b"),
        ("twenty-one plus four", r"\b25\b"),
        ("2^10", r"\b1024\b"),
        ("What is 1,000 + 24?", r"\b1024\b"),
        ("square root of 144", r"\b12\b"),
        ("5!", r"\b120\b"),
        ("How much is $5 plus $10?", r"\$15\b"),
        ("Solve 2x + 3 = 11", r"x = 4"),
        ("What is 1 / 0?", r"divides by zero"),
        ("9 ** 9 ** 9", r"too large"),
        ("I have 3 apples, buy 5 more and give away 2. How many do I have?", r"\*\*6\*\*"),
        ("Is 17 prime?", r"^Yes"),
        ("If x = 5, what is x squared plus 2?", r"\b27\b"),
        ("Which is bigger, 9.11 or 9.9?", r"^\*\*9\.9\*\* "),
        ("Is 7 greater than 3?", r"^Yes"),
        ("Convert 10 miles to km", r"\b16\.0934 km\b"),
        ("What is 25 degrees Celsius in Fahrenheit?", r"\b77 °F"),
        ("Count to five", r"^1, 2, 3, 4, 5$"),
        ("Give me three tips for writing good prompts.", r"(?s)1\. .*\n2\. .*\n3\. "),
        ("Give me pros and cons of remote work", r"(?s)\*\*For\*\*.*- .*\*\*Against\*\*.*- "),
        ("Write an email to my boss asking for a day off", r"(?s)Dear Boss,.*day off.*regards"),
        ("Show me a table of 3 fruits with prices", r"(?s)\| fruit +\| prices +\|\n.*\$.*invented"),
        ("Write a Markdown document with a heading, a list, a table and code", r"(?s)^# .*\n1\. .*\n\| .*```python"),
        ("Write 300 words about tea with a list, a table and code", r"(?s)## .*\n- .*\n\| .*```python"),
        ("What is a mutex?", r"lock"),
        ("Is this review positive? 'I loved it'", r"^positive$"),
        ("list five fruits", r"(?s)^(?!.*6\.).*1\. Apple.*5\. \w+"),
        ("Name three European capitals", r"(?s)1\. \w+\n2\. \w+\n3\. \w+$"),
        ("Give me the first 5 prime numbers", r"(?s)2\n.*3\n.*5\n.*7\n.*11"),
        ("What are the planets?", r"(?s)Mercury.*Neptune"),
        ("Compare Python and R in a table", r"(?s)\| +\| Python +\| R +\|\n\|-+\|"),
        ("Compare bread and tides in a table", r"(?s)\| bread +\| tides +\|\n\|-+\|"),
        ("Write a Python function that returns the n-th Fibonacci number", r"(?s)```python\ndef fibonacci.*```"),
        ("Write a function that checks whether a number is prime", r"(?s)```python.*def is_prime"),
        ("How do I read a CSV with pandas?", r"pd\.read_csv"),
        ("Write a SQL query to find duplicate emails", r"(?s)```sql\nSELECT.*HAVING"),
        ("Write code that frobnicates the widgets", r"(?s)```python\ndef frobnicate_widgets"),
        ("Explain the quadratic formula with LaTeX", r"(?s)\$\$\nx = \\frac\{-b .*\$\$"),
        ("What is Euler's identity?", r"e\^\{i\\pi\} \+ 1 = 0"),
        ("Explain the standard deviation, with LaTeX", r"\\sqrt"),
        ("Translate to French: good morning", r"^Bonjour$"),
        ('How do you say "thank you" in German?', r"^Danke$"),
        ("Translate into Klingon: good morning", r"no Klingon"),
        ("Classify the sentiment as positive, negative or neutral: I love it, it is great!", r"^positive$"),
        ("Classify as positive or negative: not good, and the box was broken", r"^negative$"),
        ("What is the sentiment? The table is made of wood.", r"^Neutral$"),
        ("Classify as spam or ham: Win a free prize, click now!!", r"^spam$"),
        (f"Summarise in one sentence: {STORY}", r"^[^.]*river[^.]*\.$"),
        ("Extract the emails: write to ana@example.org or bo@mail.co", r"ana@example\.org, bo@mail\.co"),
        ("What is the capital of France?", r"\*\*Paris\*\*"),
        ("capital of Japan?", r"Tokyo"),
        ("What is the chemical symbol for gold?", r"\*\*Au\*\*"),
        ("When did the Berlin Wall fall?", r"1989"),
        ("Who wrote Hamlet?", r"Shakespeare"),
        ("How many r's are in strawberry?", r"\*\*3\*\*"),
        ("What is the largest planet?", r"Jupiter"),
        ("Say this is a test", r"^This is a test\.$"),
        ('Say "hello world" and nothing else', r"^hello world$"),
        ("Repeat after me: cats are fine", r"^Cats are fine\.$"),
        ("Reply with OK", r"^OK$"),
        ("ping", r"^pong$"),
        ("Write a haiku about autumn", r"^[^\n]+\n[^\n]+\n[^\n]+$"),
        ("What is temperature in a language model?", r"token"),
        ("Explain overfitting in two sentences", r"^[^.]+\. [^.]+\.$"),
        ("Explain gradient descent like I'm five", r"downhill"),
        ("Hello!", r"^Hello"),
        ("Who are you?", r"simulation"),
        ("What should I cook for my aunt in Lisbon?", r"what to cook for your aunt in Lisbon"),
        (f"How many rows and columns?\n\n{TABLE}", r"\*\*3\*\* rows and \*\*2\*\* columns"),
        (f"What is the mean of people?\n\n{TABLE}", r"3610"),
        (f"Which city has the most people?\n\n{TABLE}", r"^\*\*Lima\*\*"),
        ("What is the maximum of b?\na,b\n1,2\n3,40\n5,9", r"\*\*40\*\*"),
    ],
)
def test_the_answer_fits_the_question(http: httpx.Client, question: str, pattern: str) -> None:
    assert re.search(pattern, say(http, question)), say(http, question)


@pytest.mark.parametrize(
    ("turns", "pattern"),
    [
        (("My name is Ana", "Hi", "What is my name?"), r"\bAna\b"),
        (("My favourite colour is teal.", "Noted", "2+2", "4", "What is my favourite colour?"), r"\bteal\b"),
        (("hello", "Hi", "What is my name?"), r"have not told me"),
        (("Capital of Peru?", "Lima", "2+2", "4", "What did I ask first?"), r"Capital of Peru\?"),
        (("x", "One is short. Two is here as well. And three.", "Make it shorter"), r"^(?!.*And three).{5,40}$"),
        (("What is 17*23?", "17 × 23 = **391**. Split 23.", "and times 2?"), r"\*\*782\*\*"),
        (("greet me", "Hello.", "Again in French"), r"^Bonjour"),
        (("greet me", "Hi! I'm glad you're here.", "more formally, please"), r"I am glad you are here"),
        (("x", "One is first. Two is second.", "Turn that into bullets"), r"^- One is first\.\n- Two is second\.$"),
        ((f"Here is a table:\n{TABLE}", "Thanks", "How many rows does the table have?"), r"\*\*3\*\* rows"),
    ],
)
def test_earlier_turns_are_used(http: httpx.Client, turns: Sequence[str], pattern: str) -> None:
    assert re.search(pattern, say(http, *turns)), say(http, *turns)


@pytest.mark.parametrize(
    ("system", "question", "pattern"),
    [
        ("Answer in one word.", "What is the capital of France?", r"^Paris$"),
        ("Be terse.", "Explain recursion", r"^[^.]+\.$"),
        ("Talk like a pirate.", "Explain recursion", r"^Arr, matey!.*Yo ho ho!$"),
        ("Always answer in German.", "What is 3 * 4?", r"^Die Antwort lautet: \*\*12\*\*"),
        ("You are a grumpy librarian.", "Hello", r"grumpy librarian"),
        ('End every answer with "Over and out."', "What is 3 * 4?", r"Over and out\.$"),
        ("Use bullet points.", "Explain overfitting", r"(?m)^- .*\n- "),
        ("Answer in all caps.", "Explain recursion", r"^[^a-z]+$"),
    ],
)
def test_the_system_prompt_counts(http: httpx.Client, system: str, question: str, pattern: str) -> None:
    assert re.search(pattern, say(http, question, system=system)), say(http, question, system=system)


def test_models_have_their_styles_and_failings(http: httpx.Client) -> None:
    question = "Explain overfitting"
    assert say(http, question, model="claude-sonnet").startswith("## Overfitting\n")
    assert say(http, question, model="gemini-flash").startswith("- ")
    lengths = {name: len(say(http, question, model=name)) for name in MODELS}
    assert lengths["gpt-3.5-turbo"] < lengths["gpt-4o-mini"] < lengths["gpt-4o"] < lengths["llama-local"]
    for name in MODELS:
        assert ("**14**" in say(http, "What is 2 + 3 * 4?", model=name)) is (name != "llama-local")
        assert "**42**" in say(http, "What is 6 * 7?", model=name)
    assert "2021" in say(http, "Who won the world cup in 2022?", model="gpt-3.5-turbo")


def test_long_texts_have_the_length_and_do_not_repeat_themselves(http: httpx.Client) -> None:
    text = say(http, "Write 2000 words about the history of bread")
    assert 1900 <= len(text.split()) <= 2200
    assert text.startswith("# The history of bread\n")
    assert "bread" in text.split("##")[3]
    sentences = re.split(r"(?<=\.)\s+", text)
    assert len(sentences) == len(set(sentences)) > 60


def test_an_unknown_topic_is_not_given_back_at_its_whole_length(http: httpx.Client) -> None:
    assert len(say(http, "Count: " + "x" * 20_000)) < 1_000


def test_json_answers_carry_the_keys_that_are_asked_for(http: httpx.Client) -> None:
    def value(question: str) -> Any:
        return json.loads(say(http, question, response_format={"type": "json_object"}))

    assert value("Capital of Peru as JSON with keys country and city") == {"country": "Peru", "city": "Lima"}
    assert value("List 2 fruits as JSON under the key fruits") == {"fruits": ["apple", "banana"]}
    person = "Return JSON with keys name and age for this: Ana Lopez is 34 years old and lives in Lima."
    assert value(person) == {"name": "Ana Lopez", "age": 34}
    assert value("Extract the dates as JSON: due 2024-05-01, sent 3 May 2024") == {
        "dates": ["2024-05-01", "3 May 2024"]
    }
    assert value("Classify as positive or negative, in JSON: I hate it")["sentiment"] == "negative"
    fenced = say(http, "Extract the emails as JSON: ana@example.org")
    assert json.loads(fenced.removeprefix("```json\n").removesuffix("```")) == {"emails": ["ana@example.org"]}


def test_verses_vary_with_temperature(http: httpx.Client) -> None:
    assert len({say(http, "Write a haiku", temperature=1.0) for _ in range(30)}) > 2
    assert len({say(http, "Write a haiku", temperature=0) for _ in range(5)}) == 1


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p.language == "python"], ids=lambda program: program.title)
def test_the_python_programs_are_python(program: Any) -> None:
    ast.parse(program.code)


def test_programs_do_what_their_comments_say() -> None:
    checked = 0
    for program in PROGRAMS:
        promised = re.findall(r"^print\(.*\)  # (.+)\Z", program.code, re.M)
        if program.language == "python" and promised and "read_csv" not in program.code:
            done = subprocess.run([sys.executable, "-c", program.code], capture_output=True, text=True, check=True)
            assert done.stdout.splitlines()[-1] == promised[-1], program.title
            checked += 1
    assert checked >= 8


@given(st.text(max_size=300), st.sampled_from(sorted(MODELS)), st.booleans())
def test_anything_at_all_gets_an_answer(text: str, model: str, json_mode: bool) -> None:
    reply = compose(
        [{"role": "user", "content": text}], find_model(model), Chance(text, temperature=1.0), json_mode=json_mode
    )
    assert reply.strip()
    if json_mode:
        assert isinstance(json.loads(reply), dict)


_NUMBERS = st.integers(-999, 999)


@given(_NUMBERS, st.sampled_from(["+", "-", "*"]), _NUMBERS, st.sampled_from(["+", "-", "*"]), _NUMBERS)
def test_sums_are_right(a: int, one: str, b: int, two: str, c: int) -> None:
    expression = f"({a}) {one} ({b}) {two} ({c})"
    assert evaluate(expression) == eval(expression)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a + 1", "(1).real", "1 if 1 else 2", "9**9**9", "1e400", "'a' * 9"]
)
def test_what_is_no_sum_is_not_worked_out(text: str) -> None:
    with pytest.raises(ValueError, match=r"sum|big"):
        evaluate(text)


def test_the_price_table_costs_no_web_server() -> None:
    code = "import sys, portkey_nb.gateway.demo.models; print('tornado' in sys.modules, 'msgspec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
