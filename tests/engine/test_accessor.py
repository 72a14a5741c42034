"""``df.portkey.complete``: an answer for each row of a DataFrame, in new columns, whatever the frame's index."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

import portkey_nb
from portkey_nb import Portkey, runs
from portkey_nb.errors import PromptError
from portkey_nb.gateway.demo.server import DemoGateway

ASK = "What is the capital of {{country}}? One word."


@pytest.fixture
def options(demo: DemoGateway) -> dict[str, Any]:
    assert portkey_nb.compare
    return {"client": Portkey(base_url=demo.base_url), "progress": False}


def test_each_row_gets_its_answer_and_the_frame_is_kept(options: dict[str, Any]) -> None:
    frame = pd.DataFrame({"country": ["France", "Italy", "France"], "id": [7, 7, 7]}, index=["b", "a", "b"])
    found = frame.portkey.complete(ASK, model="gpt-4o", into="capital", **options)
    assert found["capital"].tolist() == ["Paris", "Rome", "Paris"]
    assert found["capital_error"].isna().all()
    assert list(found.columns) == ["country", "id", "capital", "capital_error"]
    assert found.index.tolist() == ["b", "a", "b"]
    assert list(frame.columns) == ["country", "id"]
    assert set(runs(columns="all")["source"]) == {"compare"}


def test_a_failed_call_leaves_its_cell_empty_and_says_why(options: dict[str, Any]) -> None:
    frame = pd.DataFrame({"country": ["France", "Italy"]})
    found = frame.portkey.complete(ASK, model=["gpt-4o", "demo-error200"], **options)
    assert found["answer_gpt-4o"].tolist() == ["Paris", "Rome"]
    assert found["answer_demo-error200"].isna().all()
    assert found["answer_demo-error200_error"].str.len().min() > 10


def test_scorers_and_request_parameters_are_taken(options: dict[str, Any]) -> None:
    frame = pd.DataFrame({"country": ["France", "Italy"], "expected": ["Paris", "Milan"]})
    found = frame.portkey.complete(
        ASK, model="gpt-4o", scorers=["exact"], temperature=0, params={"max_tokens": 50}, **options
    )
    assert found["answer_score_exact"].tolist() == [1.0, 0.0]
    assert found["answer_passed"].tolist() == [True, False]
    assert runs(columns=["params"])["params"].iloc[0] == {"temperature": 0, "max_tokens": 50}


def test_a_budget_that_is_used_up_is_said_in_the_row(options: dict[str, Any]) -> None:
    frame = pd.DataFrame({"country": ["France", "Italy"]})
    found = frame.portkey.complete(ASK, model="gpt-4o", max_cost_usd=0, **options)
    assert found["answer"].isna().all()
    assert found["answer_error"].str.startswith("not asked: max_cost_usd").all()
    assert len(runs()) == 0


def test_an_empty_frame_gets_empty_columns(options: dict[str, Any]) -> None:
    found = pd.DataFrame({"country": []}).portkey.complete(ASK, model="gpt-4o", **options)
    assert list(found.columns) == ["country", "answer", "answer_error"]


def test_mistakes_are_told_before_any_call(options: dict[str, Any]) -> None:
    frame = pd.DataFrame({"country": ["France"]})
    with pytest.raises(PromptError, match="the column 'town'"):
        frame.portkey.complete("Mayor of {{town}}?", model="gpt-4o", **options)
    with pytest.raises(PromptError, match="takes no 'repeats'"):
        frame.portkey.complete(ASK, model="gpt-4o", repeats=2, **options)
    with pytest.raises(PromptError, match="no model is named"):
        frame.portkey.complete(ASK, **options)
    assert len(runs()) == 0


@pytest.mark.parametrize("first", ["import pandas as pd", "%load_ext portkey_nb"])
def test_a_notebook_has_it_whatever_is_loaded_first(first: str) -> None:
    cells = [
        first,
        "import pandas as pd" if first[0] == "%" else "%load_ext portkey_nb",
        "print(hasattr(pd.DataFrame, 'portkey'))",
    ]
    code = (
        "from IPython.core.interactiveshell import InteractiveShell as S; s = S(); "
        f"[s.run_cell(cell).raise_error() for cell in {cells!r}]"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["True"]
    assert not found.stderr
