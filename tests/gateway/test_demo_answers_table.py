"""Prompts of newcomers, model by model: what the answer holds, and what it must not hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from portkey_nb.gateway.client import Portkey
from portkey_nb.gateway.demo.models import MODELS
from portkey_nb.gateway.demo.parts import split_tasks
from portkey_nb.gateway.demo.server import DemoGateway

ALL = tuple(MODELS)
NEVER = r"beyond me|None\b|\{topic|\{noun"


@pytest.fixture(scope="module")
def portkey() -> Iterator[Portkey]:
    with DemoGateway(speed=0) as gateway:
        yield Portkey(base_url=gateway.base_url)


def say(portkey: Portkey, model: str, *turns: str, system: str | None = None) -> str:
    """Ask turn by turn, as a chat does, and return the last answer."""
    messages = [{"role": "system", "content": system}] if system else []
    answer = ""
    for turn in turns:
        messages.append({"role": "user", "content": turn})
        whole = portkey.chat.completions.create(model=model, messages=messages, temperature=0)
        answer = str(whole.choices[0].message.content)
        messages.append({"role": "assistant", "content": answer})
    return answer


BOTH = "Compare bubble sort and merge sort in a table, then write merge sort as a Python function."
NUMBERED = "1. What is 2 + 3 * 4?\n2. Name two fruits.\n3. Explain overfitting in one sentence."
STEPS = "What is 17 * 23 + 4? Explain the steps."
REVIEWS = "Classify the sentiment of each review:\n1. Great phone!\n2. It broke after a day.\n3. It is a phone."
FEW = "Q: What is the capital of Spain?\nA: Madrid\nQ: What is the capital of Norway?\nA:"


@pytest.mark.parametrize(
    ("prompt", "models", "must", "must_not"),
    [
        (BOTH, ALL, r"(?s)\| Bubble sort +\| Merge sort.*Stable.*```python\ndef merge_sort", r"quicksort"),
        (
            "Name three planets, and then write a haiku about the sea.",
            ALL,
            r"(?s)Earth.*\n\n[^\n]+\n[^\n]+\n[^\n]+",
            r"\?",
        ),
        ("What is the capital of Chile? Translate 'good morning' into French.", ALL, r"(?s)Santiago.*Bonjour", ""),
        (
            NUMBERED,
            ("gpt-4o", "claude-sonnet"),
            r"(?s)\*\*1\.\*\*.*\*\*14\*\*.*\*\*2\.\*\*.*Apple.*\*\*3\.\*\*.*noise",
            "",
        ),
        ("Explain binary search and give the code.", ALL, r"(?s)halv|throwing one half.*def binary_search", ""),
        ("Write quicksort in Python.", ALL, r"def quicksort", r"merge_sort"),
        ("Write bubble sort in Python.", ALL, r"def bubble_sort", r"quicksort"),
        ("What is bubble sort?", ALL, r"swaps neighbours", ""),
        ("Compare quicksort and merge sort", ALL, r"(?s)\| Quicksort +\| Merge sort.*O\(n²\)", "by name only"),
        ("Compare Python, JavaScript and R", ALL, r"\| Python +\| JavaScript +\| R ", ""),
        ("SQL vs NoSQL", ALL, r"\| SQL +\| NoSQL", "by name only"),
        ("What is the difference between mean and median?", ALL, r"(?s)Outliers.*hardly moved", ""),
        ("precision vs recall", ALL, r"TP / \(TP \+ FP\)", ""),
        ("CNN vs RNN", ALL, r"image recognition", ""),
        ("Compare REST and GraphQL in a table", ALL, r"exactly the fields", ""),
        ("Compare gin and whisky in a table", ALL, r"\| gin +\| whisky +\|", "Letters in"),
        ("Explain the p-value in two sentences.", ALL, r"^[^.#]+\. [^.]+\.$", r"\d\."),
        ("Explain the p-value in one sentence.", ALL, r"^[^.#]+\.$", r"\n"),
        ("Explain the p-value in 20 words.", ALL, r"^(?:\S+\s+){19}\S+$", r"\n"),
        ("Explain overfitting in three bullet points", ALL, r"^- [^\n]+\n- [^\n]+\n- [^\n]+$", ""),
        ("Explain overfitting as bullet points", ALL, r"(?m)^- .*\n- ", ""),
        ("What is the capital of France? Answer in one word.", ALL, r"^Paris$", ""),
        ("Is the sky blue? Answer in one word.", ALL, r"^Yes$", ""),
        ("Answer yes or no: Is Lyon the capital of France?", ALL, r"^No$", ""),
        ("Explain photosynthesis to a 5 year old", ALL, r"cook their own food", ""),
        ("Write a haiku about the sea", ALL, r"^[^\n]+\n[^\n]+\n[^\n]+$", ""),
        ("Write a haiku about my grandmother", ALL, r"(?i)your grandmother", r"\{"),
        ("Write a limerick about cats", ALL, r"(?s)cat", ""),
        ('In which countries are these cities? ["Lyon", "Porto"]', ALL, r"(?s)France.*Portugal", ""),
        (STEPS, ALL[:5], r"(?s)\*\*395\*\*.*17 × 23 = 391.*391 \+ 4 = 395", ""),
        (STEPS, ("llama-local",), r"(?s)\*\*405\*\*.*17 × 23 = 401.*401 \+ 4 = 405", r"\b395\b"),
        ("How do I make pancakes?", ALL, r"flour", ""),
        ("How do I make tea?", ALL, r"leaves", ""),
        ("How do I tie a knot?", ALL, r"loop", ""),
        ("How do I undo the last git commit?", ALL, r"git reset --soft HEAD~1", ""),
        ("How do I pip install a package?", ALL, r"python -m pip install", ""),
        ("How do I create a virtualenv?", ALL, r"python -m venv", ""),
        ("How do I plot with matplotlib?", ALL, r"plt\.subplots", ""),
        ("List the months", ALL, r"(?s)January.*December", ""),
        ("Give me five names for a cat", ALL, r"Miso", "Brightloom"),
        ("Write a slogan for running shoes", ALL, r"(?i)mile|street|run", r"\n"),
        ("Write an email to my landlord about the broken heating", ALL, r"(?s)Dear Landlord.*broken heating", ""),
        ("Write a product description for a wooden desk lamp", ALL, r"wooden desk lamp", ""),
        ("Rewrite this more politely: Send me the report now.", ALL, r"send me the report", r"\bnow\b"),
        (
            "Fix the grammar: She dont likes apples and he go to school yesterday.",
            ALL,
            r"^She doesn't like .* went ",
            "",
        ),
        (REVIEWS, ALL, r"(?s)1\..*positive.*2\..*negative.*3\..*neutral", ""),
        (
            "Extract the email addresses from: ask ana@example.org or bob@test.com.",
            ALL,
            r"ana@.*bob@test\.com\b",
            r"com\.$",
        ),
        ("Translate 'good morning' into Spanish", ALL, r"^Buenos días$", ""),
        (FEW, ALL, r"^Oslo$", ""),
        ("happy -> sad\nhot -> cold\nbig ->", ALL, r"^small$", ""),
        ("English: cat\nFrench: chat\nEnglish: dog\nFrench:", ALL, r"^chien$", ""),
        ("What is the capital of Bolivia?", ALL, r"\*\*Sucre\*\*", ""),
        ("What is the capital of Algeria?", ALL, r"\*\*Algiers\*\*", ""),
        ("What are the capitals of Spain, Italy and Peru?", ALL, r"(?s)Madrid.*Rome.*Lima", "Kabul"),
        ("Convert 5 km to miles", ALL, r"3\.1069 miles", ""),
        ("How many days between 2024-01-01 and 2024-03-01?", ALL[:5], r"\*\*60 days\*\*", ""),
        ("What weekday was 4 July 1976?", ALL, r"\*\*Sunday\*\*", ""),
        ("How many r in strawberry", ("gpt-4o", "gpt-4o-mini", "claude-sonnet", "gemini-flash"), r"\*\*3\*\*", ""),
        ("How many r in strawberry", ("gpt-3.5-turbo", "llama-local"), r"\*\*2\*\*", r"\*\*3\*\*"),
        ("Reverse the word python", ALL, r"^nohtyp$", ""),
        ("Sort these numbers: 5, 30, 9, 1", ALL, r"^1, 5, 9, 30$", ""),
        ("Write a regex for emails", ALL, r"re\.compile", ""),
        ("Write a SQL query for the top 5 customers by revenue", ALL, r"(?s)```sql.*revenue DESC\nLIMIT 5", "salary"),
        ("If all A are B and all B are C, are all A C?", ALL, r"Yes", ""),
        ("If all cats are animals and Tom is a cat, is Tom an animal?", ALL, r"Yes", ""),
        ("If some A are B and all B are C, are all A C?", ALL, r"(?i)not", r"\*\*Yes"),
        ("Write a Fibonacci function, code only", ALL, r"(?s)^```python\n.*```$", ""),
        ("Write hello world in Java", ALL, r"```java\npublic class", ""),
        ("Write a list comprehension that squares even numbers", ALL, r"\[number\*\*2 for", ""),
        ("Explain what a list comprehension is", ALL, r"in one expression", ""),
        ("How many days are in a leap year?", ALL, r"\*\*366\*\*", ""),
        ("Give me 3 synonyms for fast", ALL, r"quick.*swift.*rapid", "speedy"),
        ("If I have 3 boxes with 12 pencils each, how many pencils do I have?", ALL, r"\b36\b", ""),
        ("Generate a JSON array of 3 fruits", ALL, r"(?s)^```json\n\[.*apple.*\]\n```$", "items"),
        ("Who will win the next election?", ALL, r"(?i)future|know|ahead", "simulates"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_each_model_answers_what_was_asked(
    portkey: Portkey, prompt: str, models: tuple[str, ...], must: str, must_not: str
) -> None:
    for model in models:
        answer = say(portkey, model, prompt)
        assert re.search(must, answer), (model, answer)
        assert not re.search(NEVER, answer), (model, answer)
        assert not (must_not and re.search(must_not, answer)), (model, answer)


@pytest.mark.parametrize(
    ("turns", "must"),
    [
        (("Explain recursion", "why?"), r"base case"),
        (("Explain recursion", "give an example"), r"folder"),
        (("Explain recursion", "in three bullet points"), r"^- .*\n- .*\n- .*$"),
        (("Explain overfitting", "shorter please"), r"^[^.]+\.$"),
        (("What is 17 * 23 + 4?", "why?"), r"391, and 391 \+ 4 is 395"),
        (("What is the capital of France?", "in French"), r"^La réponse est : \*\*Paris\*\*\.$"),
        (("Good morning", "and in German: good morning?", "Translate 'good night' to German"), r"^Gute Nacht$"),
    ],
)
def test_follow_ups_lean_on_what_was_said(portkey: Portkey, turns: tuple[str, ...], must: str) -> None:
    answer = say(portkey, "gpt-4o", *turns)
    assert re.search(must, answer), answer


def test_json_is_json_and_nothing_around_it_when_asked_so(portkey: Portkey) -> None:
    for model in ALL:
        fenced = say(portkey, model, "Return JSON with name and age for: Ana is 31")
        assert json.loads(fenced.removeprefix("```json\n").removesuffix("```")) == {"name": "Ana", "age": 31}
        bare = say(portkey, model, "Return only JSON with keys name and age for this: Ana Lopez is 34 years old.")
        assert json.loads(bare) == {"name": "Ana Lopez", "age": 34}
        unknown = say(portkey, model, "Return only JSON with keys title and year for the film that I saw yesterday")
        assert json.loads(unknown) == {"title": None, "year": None}


@pytest.mark.parametrize("prompt", ["Write a haiku about the sea", "Tell me a joke", "Who was Zorblax the Unready?"])
def test_models_do_not_all_say_the_same(portkey: Portkey, prompt: str) -> None:
    assert len({say(portkey, model, prompt) for model in ALL}) >= 4


def test_not_knowing_is_short_and_not_always_in_the_same_words(portkey: Portkey) -> None:
    topics = ("Zorblax the Unready", "the town council of Mudford", "my uncle's tractor", "Gloopian grammar")
    answers = {say(portkey, "gpt-4o", f"Explain {topic}") for topic in topics}
    assert len({re.sub(r"“.*?”", "", answer) for answer in answers}) > 1
    for answer in answers:
        assert len(answer) < 260
        assert not re.search(r"^#|^- ", answer, re.M)


@pytest.mark.parametrize(
    "text",
    [
        STEPS,
        "Is the sky blue? Answer in one word.",
        "I have 3 apples. How many do I have?",
        "What is recursion and how does it work?",
        "Write a function that reads a file and lists words",
        "Summarise: Read this. Then write that. What is it?",
        "Translate 'Stay here. Then go.' into German",
        "Compare Python and R. Give me the result as a table.",
    ],
)
def test_one_task_stays_one(text: str) -> None:
    assert split_tasks(text) == [text]
