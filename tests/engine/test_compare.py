"""compare: each cell asked once and logged, scored, resumed by name; bad input said before any call."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from portkey_nb import AsyncPortkey, Comparison, Portkey, RunStore, Variant, acompare, compare, runs, scorers
from portkey_nb.engine.store import open_store
from portkey_nb.errors import PortkeyError, PromptError, SettingsError
from tests.kernels import Kernel
from tests.many_server import ManyServer, Played, refused, streamed
from tests.servers import COMPLETION, ScriptedServer, whole

CAPITALS = [{"country": "France", "expected": "Paris"}, {"country": "Peru", "expected": "Lima"}]
ASKED = "What is the capital of {{country}}?"

over_both = pytest.mark.usefixtures("either_log")


def echo(body: dict[str, Any], _earlier: int) -> Played:
    """Answer with the question."""
    return streamed([str(body["messages"][-1]["content"])])


def client_of(server: ManyServer) -> Portkey:
    return Portkey(base_url=server.url, provider="openai")


def cells(server: ManyServer) -> Counter[tuple[str, str]]:
    return Counter((body["model"], str(body["messages"][-1]["content"])) for body in server.seen.requests)


@over_both
def test_each_cell_becomes_a_row_with_all_its_facts() -> None:
    with ManyServer(echo) as server:
        found = compare(
            {"plain": "{{q}}", "polite": "Please: {{q}}"},
            ["m", Variant("n", label="cool", params={"temperature": 0}, system="be {{q}}")],
            cases=pd.DataFrame({"id": ["a", "b"], "q": ["1", "2"], "expected": ["1", "x"]}),
            repeats=2,
            params={"temperature": 1, "seed": 4},
            scorers=["exact"],
            name="facts",
            progress=False,
            client=client_of(server),
        )
        assert len(server.seen.requests) == 16
    frame = found.to_frame()
    assert len(frame) == 16
    assert set(frame["status"]) == {"ok"}
    assert set(frame["source"]) == {"compare"}
    assert set(frame["group_label"]) == {"facts"}
    assert frame["group_id"].nunique() == 1
    keys = zip(
        frame["variant"], [tags["prompt"] for tags in frame["tags"]], frame["case_id"], frame["repeat"], strict=True
    )
    assert len(set(keys)) == 16
    row = frame[(frame["variant"] == "cool") & (frame["case_id"] == "b")].iloc[0]
    assert (row["template"], row["prompt"], row["text"], row["system"]) == ("{{q}}", "2", "2", "be 2")
    assert row["params"] == {"temperature": 0, "seed": 4}
    assert row["vars"] == {"id": "b", "q": "2", "expected": "x"}
    assert (row["expected"], row["score_exact"], bool(row["passed"])) == ("x", 0.0, False)
    logged = runs(group="facts", columns="all").loc[frame.index]
    assert logged["score_exact"].tolist() == frame["score_exact"].tolist()
    assert logged["passed"].tolist() == frame["passed"].tolist()


def test_both_faces_give_the_same() -> None:
    def told(found: Any) -> list[Any]:
        frame = found.to_frame()
        return frame[["variant", "case_id", "text", "score_contains", "passed"]].to_numpy().tolist()

    options: dict[str, Any] = {"cases": CAPITALS, "scorers": "contains", "progress": False, "cache": False}
    one = compare(ASKED, ["demo-fast", "gpt-4o-mini"], client=Portkey(base_url="demo"), **options)
    other = asyncio.run(acompare(ASKED, ["demo-fast", "gpt-4o-mini"], client=AsyncPortkey(base_url="demo"), **options))
    assert told(one) == told(other)
    assert [row[3] for row in told(one)] == [1.0] * 4
    assert one.to_frame()["demo"].all()


@over_both
def test_half_characters_go_through_and_are_known_again() -> None:
    with ManyServer(lambda body, _: streamed(["\ud83d"])) as server:
        for _ in range(2):
            options: dict[str, Any] = {"name": "half", "client": client_of(server), "progress": False}
            found = compare(
                "\ud83d {{q}}", "m", system="\udc00", cases=[{"q": "a\ud83d", "expected": "\ud83d"}], **options
            )
            assert found.to_frame()["prompt"].tolist() == ["\ufffd a\ufffd"]
        assert len(server.seen.requests) == 1


def test_an_error_is_a_row_and_the_others_go_on() -> None:
    def decide(body: dict[str, Any], earlier: int) -> Played:
        return refused(404) if body["model"] == "nope" else echo(body, earlier)

    with ManyServer(decide) as server:
        found = compare(
            "{{q}}", ["m", "nope"], cases=[{"q": "1"}, {"q": "2"}], client=client_of(server), progress=False
        )
    frame = found.to_frame()
    assert frame["status"].tolist() == ["ok", "error"] * 2
    assert set(frame[frame["variant"] == "nope"]["error_type"]) == {"NotFoundError"}


def test_a_third_of_refusals_costs_no_answer() -> None:
    def decide(body: dict[str, Any], earlier: int) -> Played:
        number = int(body["messages"][-1]["content"])
        if earlier == 0 and number % 3 == 0:
            return refused(429, **{"retry-after": "0"}) if number % 2 else refused(500)
        return echo(body, earlier)

    with ManyServer(decide) as server:
        cases = [{"q": number} for number in range(18)]
        found = compare("{{q}}", ["m", "n"], cases=cases, client=client_of(server), progress=False)
    frame = found.to_frame()
    assert set(frame["status"]) == {"ok"}
    assert sorted(frame["attempts"]) == [1] * 24 + [2] * 12
    assert len(runs(columns=["status"])) == 36


@over_both
def test_what_was_asked_just_so_before_comes_from_the_log_and_is_scored_anew() -> None:
    with ManyServer(echo) as server:
        options: dict[str, Any] = {"client": client_of(server), "scorers": "exact", "progress": False, "repeats": 2}
        compare("{{q}}", "m", cases=[{"q": "1", "expected": "1"}], **options)
        again = compare("{{q}}", "m", cases=[{"q": "1", "expected": "2"}], **{**options, "scorers": ()}).to_frame()
        assert len(server.seen.requests) == 2
        assert again["cached"].all()
        assert again["passed"].isna().all()
        assert "score_exact" not in again
        scored = compare("{{q}}", "m", cases=[{"q": "1", "expected": "2"}], **options).to_frame()
        assert scored["score_exact"].tolist() == [0.0, 0.0]
        compare("{{q}}", "m", cases=[{"q": "1"}], **options, cache=False)
        assert len(server.seen.requests) == 4


@over_both
@pytest.mark.parametrize("name", ["damaged", None])
def test_a_damaged_answer_is_asked_for_again(name: str | None) -> None:
    with ManyServer(echo) as server, open_store() as store:
        options: dict[str, Any] = {"cases": [{"n": 1}, {"n": 2}], "progress": False, "client": client_of(server)}
        first = compare("{{n}}", "m", name=name, **options).to_frame()
        with store.changing() as connection:
            for at, damage in enumerate(("runs SET detail", "bodies SET rest")):
                connection.exec_driver_sql(f"UPDATE {damage} = '[]' WHERE run_id = '{first.index[at]}'")
        again = compare("{{n}}", "m", name=name, **options).to_frame()
        assert len(server.seen.requests) == 4
        assert again["text"].tolist() == ["1", "2"]
        compare("{{n}}", "m", name=name, **options)
        assert len(server.seen.requests) == 4


@over_both
def test_the_same_name_asks_for_the_holes_alone() -> None:
    broken = True

    def decide(body: dict[str, Any], earlier: int) -> Played:
        return refused(400) if broken and body["messages"][-1]["content"] == "2" else echo(body, earlier)

    with ManyServer(decide) as server:
        options: dict[str, Any] = {"client": client_of(server), "progress": False, "cache": False, "name": "night"}
        cases = [{"q": "1"}, {"q": "2"}]
        first = compare("{{q}}", "m", cases=cases, **options).to_frame()
        assert first["status"].tolist() == ["ok", "error"]
        broken = False
        more = compare("{{q}}", ["m", "n"], cases=[*cases, {"q": "3"}], repeats=2, **options).to_frame()
        assert cells(server)["m", "1"] == 2  # of the first repeat none, but of the second
        assert len(server.seen.requests) == 13
    assert more["status"].tolist() == ["ok"] * 12
    assert more.index[0] == first.index[0]
    pd.testing.assert_frame_equal(more.iloc[[0]], first.iloc[[0]], check_categorical=False)
    assert len(more.index.unique()) == 12


@over_both
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompts": "Say {{q}}"}, "the template changed: it was '{{q}}' and is 'Say {{q}}'"),
        ({"system": "be brief"}, "the system message of 'm' changed"),
        ({"params": {"temperature": 1}}, "the parameters of 'm' changed in `temperature`: it was None and is 1"),
        ({"models": Variant("n", label="m")}, "the model of 'm' changed: it was 'm' and is 'n'"),
        ({"models": Variant("m", config="pc-1")}, "the config of 'm' changed"),
        ({"cases": [{"q": "2"}]}, "case '1' changed in the column 'q': it was '1' and is '2'"),
        ({"cases": [{"q": "1", "expected": "9"}]}, "case '1' changed in the column 'expected'"),
        ({"client": "demo"}, "the use of the demo gateway of 'm' changed"),
    ],
)
def test_what_changed_under_an_old_name_is_said_and_never_mixed(changes: dict[str, Any], said: str) -> None:
    with ManyServer(echo) as server:
        known: dict[str, Any] = {"prompts": "{{q}}", "models": "m", "cases": [{"q": "1"}]}
        options: dict[str, Any] = {"client": client_of(server), "progress": False, "name": "old"}
        compare(**known, **options)
        if changes.get("client") == "demo":
            changes = {"client": Portkey(base_url="demo")}
        with pytest.raises(SettingsError) as raised:
            compare(**{**known, **options, **changes})
        assert said in raised.value.message
        assert "choose another name" in raised.value.message
        assert "\n" not in raised.value.message
        assert len(server.seen.requests) == 1
        assert len(compare(**{**known, **options, "cases": [{"q": "1", "note": "new column"}]})) == 1
        assert len(server.seen.requests) == 1


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"prompts": "{{nothing}}"}, PromptError, "names the column 'nothing'"),
        ({"system": "{{nothing}}"}, PromptError, "the system message names the column 'nothing'"),
        ({"system": 3}, PromptError, "system is 3"),
        ({"cases": []}, PromptError, "table of cases is empty"),
        ({"cases": [{"q": None}]}, PromptError, "case '1' has no value in the column 'q'"),
        ({"models": []}, PromptError, "no models"),
        ({"scorers": ["exakt"]}, PromptError, "no scorer is called 'exakt'"),
        ({"params": {"model": "n"}}, PromptError, "the comparison sets itself"),
        ({"params": [1]}, PromptError, "params is"),
        ({"repeats": 0}, SettingsError, "repeats is 0"),
        ({"concurrency": 0}, SettingsError, "concurrency is 0"),
        ({"per_model": "4"}, SettingsError, "per_model is '4'"),
        ({"max_cost_usd": -1}, SettingsError, "max_cost_usd is -1"),
        ({"max_cost_usd": 1}, SettingsError, "no price is known for 'm'"),
        ({"executor": "dask"}, SettingsError, "executor is 'dask'; give a dask.distributed.Client"),
        ({"name": ""}, SettingsError, "name is ''"),
        ({"client": "demo"}, SettingsError, "client is 'demo'"),
        ({"cache": "no"}, SettingsError, "cache is 'no'"),
    ],
)
def test_bad_input_is_said_in_one_line_before_any_call(
    changes: dict[str, Any], error: type[PortkeyError], said: str
) -> None:
    with ManyServer(echo) as server:
        known: dict[str, Any] = {"prompts": "{{q}}", "models": "m", "cases": [{"q": "1"}]}
        with pytest.raises(error) as raised:
            compare(**{**known, "client": client_of(server), "progress": False, **changes})
        assert said in raised.value.message
        assert "\n" not in raised.value.message
        assert not server.seen.requests
    assert runs().empty


def test_a_budget_is_kept_and_what_is_left_out_is_said() -> None:
    options: dict[str, Any] = {"cases": CAPITALS, "client": Portkey(base_url="demo"), "progress": False, "name": "poor"}
    none = compare(ASKED, "demo-fast", max_cost_usd=0, **options)
    assert len(none) == 0
    assert "2 of 2 cells were not asked: max_cost_usd=0 is used up" in none.notes[0]
    some = compare(ASKED, "demo-fast", max_cost_usd=1e-9, concurrency=1, **options)
    assert len(some) == 1
    assert "1 of 2 cells" in some.notes[0]
    assert len(compare(ASKED, "demo-fast", max_cost_usd=1, **options)) == 2


def test_a_model_that_asks_for_an_hour_is_left_alone_and_the_others_go_on() -> None:
    def decide(body: dict[str, Any], earlier: int) -> Played:
        return refused(429, **{"retry-after": "3600"}) if body["model"] == "full" else echo(body, earlier)

    with ManyServer(decide) as server:
        options: dict[str, Any] = {"client": client_of(server), "progress": False, "per_model": 1, "name": "full"}
        found = compare("{{q}}", ["full", "m"], cases=[{"q": str(number)} for number in range(6)], **options)
    frame = found.to_frame()
    assert (frame[frame["variant"] == "m"]["status"] == "ok").sum() == 6
    assert set(frame[frame["variant"] == "full"]["error_type"]) == {"RateLimitError"}
    left = 12 - len(frame)
    assert left > 0
    assert found.notes[0].startswith(f"{left} of 12 cells were not asked: full asked for a longer pause")


def test_a_scorer_that_raises_leaves_its_row_and_is_counted() -> None:
    def bad(text: str) -> bool:
        raise ValueError(f"cannot read {text[:4]}")

    found = compare(ASKED, "demo-fast", cases=CAPITALS, scorers=[bad, "contains"], client=Portkey(base_url="demo"))
    frame = found.to_frame()
    assert frame["score_contains"].tolist() == [1.0, 1.0]
    assert frame["passed"].tolist() == [True, True]
    assert "score_bad" not in frame or frame["score_bad"].isna().all()
    assert frame["tags"].iloc[0]["scorers"]["bad"].startswith("ValueError: cannot read")
    assert any("scorer `bad` gave no score to 2 of 2 answers" in note for note in found.notes)
    logged = runs(columns=["tags"])
    assert logged["tags"].iloc[0]["scorers"]["bad"].startswith("ValueError")


@over_both
def test_judges_are_asked_the_same_way_and_logged() -> None:
    found = compare(
        ASKED,
        ["demo-fast", "gpt-4o-mini"],
        cases=CAPITALS,
        scorers=["contains", scorers.judge("gpt-4o", "Is the capital right?", pass_at=4, name="right")],
        client=Portkey(base_url="demo"),
        progress=False,
        name="judged",
    )
    frame = found.to_frame()
    assert frame["score_right"].tolist() == [5.0] * 4
    assert frame["passed"].tolist() == [True] * 4
    logged = runs(group="judged", columns="all")
    judged = logged[logged["source"] == "judge"]
    assert len(judged) == 4
    assert set(judged["parent_run_id"]) == set(frame.index)
    assert logged.loc[frame.index]["score_right"].tolist() == [5.0] * 4


def test_judges_go_the_way_of_the_client_and_not_of_a_variant() -> None:
    with ScriptedServer(whole(COMPLETION)) as server:
        found = compare(
            "Hi",
            Variant("m", provider="anthropic", params={"max_tokens": 9}),
            scorers=[scorers.judge("judging", "Is it kind?")],
            client=Portkey(base_url=server.url, provider="openai", api_key="pk-1", aws_region="eu"),
            progress=False,
        )
        asked = {request.json["model"]: request for request in server.requests}
    assert {model: request.headers["x-portkey-provider"] for model, request in asked.items()} == {
        "m": "anthropic",
        "judging": "openai",
    }
    assert all(request.headers["x-portkey-api-key"] == "pk-1" for request in asked.values())
    assert not [
        name for name in asked["judging"].json if "pk-1" in str(asked["judging"].json[name]) or name == "aws_region"
    ]
    assert found.to_frame()["status"].tolist() == ["ok"]
    assert any("scorer `judge` gave no score to 1 of 1 answers" in note for note in found.notes)


def test_a_gateway_of_its_own_gets_no_keys_of_the_client() -> None:
    with ScriptedServer(whole(COMPLETION)) as server, ScriptedServer(whole(COMPLETION)) as other:
        client = Portkey(base_url=server.url, provider="openai", api_key="pk-1", virtual_key="vk-1")
        models = ["m", Variant("n", base_url=other.url, provider="google")]
        compare("Hi", models, client=client, progress=False)
    assert server.requests[0].headers["x-portkey-api-key"] == "pk-1"
    assert other.requests[0].headers["x-portkey-provider"] == "google"
    assert not [value for value in other.requests[0].headers.values() if "pk-1" in value or "vk-1" in value]


def test_a_client_with_a_transport_of_its_own_is_refused() -> None:
    with ScriptedServer(whole(COMPLETION)) as server:
        client = Portkey(base_url=server.url, transport=httpx.HTTPTransport(retries=1))
        with pytest.raises(SettingsError, match=r"the client's transport .*HTTPTransport.*; give a client"):
            compare("Hi", "m", client=client, progress=False)
        assert not server.requests


def test_what_parameters_become_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    claude = Variant("claude-sonnet", params={"temperature": 1.5}, provider="anthropic")
    compare(ASKED, [claude, "demo-fast"], cases=CAPITALS, client=Portkey(base_url="demo"), progress=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("claude-sonnet: `temperature` 1.5 is limited to 1")
    dropped = runs(model="claude-sonnet", columns=["dropped_params"])["dropped_params"]
    assert all("temperature" in one for one in dropped)


def test_progress_goes_to_standard_error_or_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"cases": CAPITALS, "client": Portkey(base_url="demo"), "cache": False}
    compare(ASKED, "demo-fast", progress=False, **options)
    assert capsys.readouterr() == ("", "")
    compare(ASKED, "demo-fast", name="shown", **options)
    said = capsys.readouterr()
    assert said.out == ""
    assert "shown: 100%" in said.err


def test_without_ipywidgets_a_kernel_gets_no_warning(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["ipywidgets"] = None
from traitlets.config import Config
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance(config=Config({"IPKernelApp": {}}))
from portkey_nb import Portkey, compare
compare("Hello", "demo-fast", client=Portkey(base_url="demo"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    assert "Warning" not in done.stderr


CHILD = """
import signal, sys
from portkey_nb import Portkey, compare
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
url, name, cases = sys.argv[1], sys.argv[2] or None, int(sys.argv[3])
found = compare(
    "Number {{n}}", ["m", "n"], cases=[{"n": n} for n in range(cases)], name=name, progress=False,
    client=Portkey(base_url=url, provider="openai"),
)
print(len(found), set(found.to_frame()["status"]))
"""


def begun(server: ManyServer, name: str, cases: int) -> subprocess.Popen[str]:
    given = [sys.executable, "-c", CHILD, server.url, name, str(cases)]
    return subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def slowly(body: dict[str, Any], _earlier: int) -> Played:
    return streamed(["a", "b"], gap_s=0.01)


def done_cells(name: str) -> set[tuple[str, str]]:
    with RunStore() as store:
        found = store.frame(group=name, status="ok", columns=["variant", "prompt"])
    return set(zip(found["variant"].astype(str), found["prompt"], strict=True))


@over_both
def test_killed_at_any_moment_it_goes_on_without_asking_again() -> None:
    with ManyServer(slowly) as server:
        settled: dict[tuple[str, str], int] = {}
        for kill in range(5):
            child = begun(server, "killed", 60)
            asked = len(server.seen.requests)
            assert server.wait_for(lambda seen, least=asked + 12 + kill: len(seen.requests) >= least)  # type: ignore[misc]
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=20)
            count = cells(server)
            for cell in done_cells("killed"):
                settled.setdefault(cell, count[cell])
        child = begun(server, "killed", 60)
        out, err = child.communicate(timeout=60)
        assert out.strip() == "120 {'ok'}", err
        count = cells(server)
        assert settled
        assert {cell: count[cell] for cell in settled} == settled
        assert len(count) == 120
    frame = runs(group="killed", status="ok", columns=["variant", "case_id"])
    assert Counter(zip(frame["variant"], frame["case_id"], strict=True)).most_common(1)[0][1] == 1
    assert len(frame) == 120


@pytest.mark.parametrize("name", ["stopped", ""])
def test_an_interrupt_keeps_what_is_done_and_says_how_to_go_on(name: str) -> None:
    with ManyServer(slowly) as server:
        child = begun(server, name, 200)
        assert server.wait_for(lambda seen: len(seen.requests) >= 20)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    last = err.strip().splitlines()[-1]
    frame = runs(columns=["status", "group_id"])
    done = int((frame["status"] == "ok").sum())
    assert done > 0
    assert f"interrupted: {done} of 400 cells are done; " in last
    assert ("call it again with name='stopped'" if name else f"runs(group='{frame['group_id'].iloc[0]}'") in last
    assert "During handling" not in err
    if not name:
        known = runs(group=frame["group_id"].iloc[0], columns="all")
        assert len(Comparison.from_runs(known[known["status"] == "ok"])) == done
    assert not (frame["status"] == "started").any()


@pytest.mark.kernel
def test_the_stop_button_keeps_what_is_done_and_the_cell_goes_on_when_run_again(tmp_path: Path) -> None:
    with Kernel(tmp_path / "kernel") as kernel, ManyServer(slowly) as server:
        code = f"""
from portkey_nb import Portkey, compare
found = compare("Number {{{{n}}}}", ["m", "n"], cases=[{{"n": n}} for n in range(100)], name="cell",
                client=Portkey(base_url={server.url!r}, provider="openai"))
len(found)
"""
        cell = kernel.begin(code)
        assert server.wait_for(lambda seen: len(seen.requests) >= 30)
        kernel.interrupt()
        cell.finish()
        assert (cell.status, cell.ename) == ("error", "PortkeyError")
        (error,) = cell.of("error")
        (line,) = error["content"]["traceback"]
        assert line.startswith("PortkeyError: interrupted: ")
        assert line.endswith("of 200 cells are done; call it again with name='cell' to go on from there")
        with RunStore(kernel.store) as store:
            done = store.frame(group="cell", status="ok", columns=["variant", "prompt"])
        before = cells(server)
        again = kernel.execute(code)
        assert again.status == "ok"
        assert "200/200" in again.text
        assert again.text.endswith("\n200")
        assert not [output for output in again.outputs if "widget" in str(output.get("data"))]
        after = cells(server)
    kept = set(zip(done["variant"].astype(str), done["prompt"], strict=True))
    assert len(kept) >= 8
    assert len(after) == 200
    assert all(after[cell] == before[cell] for cell in kept)


def test_a_cancelled_task_keeps_what_is_done() -> None:
    with ManyServer(slowly) as server:

        async def work() -> None:
            cases = [{"n": n} for n in range(500)]
            options: dict[str, Any] = {"cases": cases, "name": "task", "progress": False, "client": client_of(server)}
            task = asyncio.create_task(acompare("{{n}}", "m", **options))
            assert await asyncio.to_thread(server.wait_for, lambda seen: len(seen.requests) >= 20)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(work())
    frame = runs(group="task", columns=["status"])
    assert (frame["status"] == "ok").any()
    assert not (frame["status"] == "started").any()
    assert len(frame) < 500


def test_texts_of_a_megabyte_are_compared() -> None:
    text = "lorem " * 170_000
    with ManyServer(lambda body, _: streamed([str(len(body["messages"][-1]["content"]))])) as server:
        found = compare("{{t}}", ["m", "n"], cases=[{"t": text}], client=client_of(server), progress=False, name="big")
        assert set(found.to_frame()["text"]) == {str(len(text))}
        compare("{{t}}", ["m", "n"], cases=[{"t": text}], client=client_of(server), progress=False, name="big")
        assert len(server.seen.requests) == 2
        with pytest.raises(SettingsError) as raised:
            compare("{{t}}", "m", cases=[{"t": text + "!"}], client=client_of(server), progress=False, name="big")
    assert "lorem ' and is '" in raised.value.message
    assert "lorem !'" in raised.value.message
    assert len(raised.value.message) < 600
