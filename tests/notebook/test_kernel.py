"""A cell in a real kernel: what reaches a front end while it runs, when it is stopped, and what is left afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import nbformat
import nbformat.v4
import pandas as pd
import pytest

from portkey_nb import runs
from portkey_nb.gateway.demo.server import DemoGateway
from tests.kernels import WIDGET_VIEW, Cell, Kernel, Message, scratch_environment
from tests.servers import DONE, STALL, ScriptedServer, chunk, streamed, whole

pytestmark = pytest.mark.kernel

SECONDS_TO_LEAVE = 1.0
"""Within this time after the stop button the gateway has to see the connection close."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, demo: DemoGateway) -> Iterator[Kernel]:
    """Run one kernel for the tests that leave it as they found it."""
    with Kernel(tmp_path_factory.mktemp("kernel"), {"PORTKEY_BASE_URL": demo.base_url}) as kernel:
        yield kernel


@pytest.fixture
def kernel(shared: Kernel) -> Kernel:
    if shared.busy:  # a test that failed has left a cell running
        shared.restart()
    assert shared.execute("%load_ext portkey_nb").status == "ok"
    shared.execute("%config PortkeyMagics.live = 'auto'")
    return shared


@pytest.fixture
def own_kernel(tmp_path: Path, demo: DemoGateway) -> Iterator[Kernel]:
    """Run a kernel for one test alone."""
    with Kernel(tmp_path / "own", {"PORTKEY_BASE_URL": demo.base_url}) as kernel:
        assert kernel.execute("%load_ext portkey_nb").status == "ok"
        yield kernel


def answer(*steps: Any) -> list[Any]:
    """Return the script of a reply: texts are its pieces, anything else is what the server does between them."""
    pieces = [chunk(step) if isinstance(step, str) else step for step in steps]
    return streamed(chunk("", role="assistant"), *pieces, chunk(finish="stop"), DONE)


def question(server: ScriptedServer, *models: str) -> str:
    flags = " ".join(f"-m {model}" for model in models or ("some-model",))
    return f"%%portkey {flags} --base-url {server.url}\nTell me"


def newest(kernel: Kernel, n: int = 1) -> Any:
    return runs(n, columns="all", store=kernel.store)


def is_live(message: Message) -> bool:
    return message["msg_type"] == "comm_msg"


def live_text(text: str) -> Any:
    return lambda message: is_live(message) and text in str(message["content"])


def test_loading_the_extension_shows_nothing(own_kernel: Kernel) -> None:
    kinds = {message["msg_type"] for message in own_kernel.execute("%reload_ext portkey_nb").messages}
    assert kinds == {"status", "execute_input"}


def test_text_is_painted_while_the_reply_is_still_being_written(kernel: Kernel) -> None:
    gates = [Event(), Event()]
    with ScriptedServer(answer("Alpha ", gates[0], "beta ", gates[1], "gamma.")) as server:
        cell = kernel.begin(question(server))
        cell.until(live_text("Alpha"))
        assert cell.reply is None
        gates[0].set()
        cell.until(live_text("beta"))
        assert cell.reply is None
        gates[1].set()
        cell.finish()
    assert cell.status == "ok"
    assert "Alpha beta gamma." in cell.html


def test_the_cell_ends_with_one_static_output_and_no_widget(kernel: Kernel) -> None:
    with ScriptedServer(answer("# Title\n\nSome *text*.")) as server:
        cell = kernel.execute(question(server))
    assert cell.status == "ok"
    (first,) = cell.of("display_data")
    assert WIDGET_VIEW in first["content"]["data"]
    (last,) = cell.of("update_display_data")
    assert last["content"]["transient"] == first["content"]["transient"]
    assert set(last["content"]["data"]) == {"text/plain", "text/markdown", "text/html"}
    (output,) = cell.outputs
    assert output["output_type"] == "display_data"
    assert set(output["data"]) == {"text/plain", "text/markdown", "text/html"}
    assert "# Title" in cell.text
    assert "# Title" in cell.markdown
    assert "<em>text</em>" in cell.html
    opened = {message["content"]["comm_id"] for message in cell.of("comm_open")}
    closed = {message["content"]["comm_id"] for message in cell.of("comm_close")}
    assert opened
    assert closed == opened


def test_a_long_reply_is_painted_at_most_a_dozen_times_a_second(kernel: Kernel) -> None:
    cell = kernel.execute("%%portkey -m gpt-4o --max-tokens 200\nWrite a long text about rivers")
    paints = [message["header"]["date"] for message in cell.messages if is_live(message)]
    seconds = (paints[-1] - paints[0]).total_seconds()
    assert newest(kernel)["output_tokens"].iloc[0] > 100
    assert len(paints) > 5
    assert len(paints) <= 12 * 1.25 * seconds + 4


def test_columns_fill_side_by_side(kernel: Kernel) -> None:
    gate = Event()
    with ScriptedServer(answer("Alpha ", gate, "one."), answer("Beta ", gate, "two.")) as server:
        cell = kernel.begin(question(server, "first", "second"))
        cell.until(live_text("Alpha"))
        cell.until(live_text("Beta"))
        assert cell.reply is None
        gate.set()
        cell.finish()
    assert cell.status == "ok"
    (output,) = cell.outputs
    for words in ("first", "second", "Alpha one.", "Beta two."):
        assert words in output["data"]["text/html"]
        assert words in output["data"]["text/markdown"]
        assert words in output["data"]["text/plain"]


def test_one_html_display_does_where_there_are_no_widgets(kernel: Kernel) -> None:
    kernel.execute("%config PortkeyMagics.live = 'html'")
    gate = Event()
    with ScriptedServer(answer("Alpha ", gate, "beta.")) as server:
        cell = kernel.begin(question(server))
        cell.until(
            lambda message: (
                message["msg_type"] in ("display_data", "update_display_data")
                and "Alpha" in message["content"]["data"].get("text/html", "")
            )
        )
        assert cell.reply is None
        gate.set()
        cell.finish()
    assert not cell.of("comm_open", "comm_msg")
    (output,) = cell.outputs
    assert set(output["data"]) == {"text/plain", "text/markdown", "text/html"}
    assert "Alpha beta." in cell.html


def test_the_reply_is_the_cells_value_and_is_shown_when_evaluated(kernel: Kernel) -> None:
    with ScriptedServer(answer("The answer.")) as server:
        asked = kernel.execute(question(server))
    assert asked.reply is not None
    number = asked.reply["content"]["execution_count"]
    later = kernel.execute("_")
    assert len(later.outputs) == 1
    assert "The answer." in later.html
    assert "some-model" in later.html
    assert kernel.execute(f"print(Out[{number}] == 'The answer.')").printed == "True\n"


@pytest.mark.parametrize("live", ["widget", "html", "text"])
def test_the_stop_button_ends_the_stream_and_keeps_what_came(kernel: Kernel, live: str) -> None:
    kernel.execute(f"%config PortkeyMagics.live = '{live}'")
    with ScriptedServer(answer("Once upon a time ", STALL)) as server:
        cell = kernel.begin(question(server))
        cell.until_text("Once upon")
        kernel.interrupt()
        assert server.left.wait(SECONDS_TO_LEAVE)
        cell.finish()
    assert_interrupted_in_one_line(cell)
    assert "Once upon a time" in (cell.printed if live == "text" else cell.html)
    row = newest(kernel).iloc[0]
    assert (row["status"], row["text"]) == ("interrupted", "Once upon a time ")
    assert row["tokens_estimated"]
    after = kernel.execute("%%portkey -m demo-fast\nSay this is a test")
    assert after.status == "ok"


def assert_interrupted_in_one_line(cell: Cell) -> None:
    assert cell.status == "error"
    assert cell.ename == "PortkeyError"
    (error,) = cell.of("error")
    (line,) = error["content"]["traceback"]
    assert line.startswith("PortkeyError: interrupted")
    assert "\n" not in line


def test_the_stop_button_works_before_the_first_token(kernel: Kernel, demo: DemoGateway) -> None:
    before = demo.stats()
    cell = kernel.begin("%%portkey -m demo-slow\nTell me")
    assert demo.wait_for(lambda stats: stats.requests > before.requests)
    kernel.interrupt()
    assert demo.wait_for_disconnect(before.disconnects + 1, SECONDS_TO_LEAVE)
    assert_interrupted_in_one_line(cell.finish())
    row = newest(kernel).iloc[0]
    assert (row["status"], row["model"]) == ("interrupted", "demo-slow")
    assert pd.isna(row["text"]) or row["text"] == ""


def test_the_stop_button_ends_all_models_of_a_cell(kernel: Kernel, demo: DemoGateway) -> None:
    before = demo.stats()
    cell = kernel.begin("%%portkey -m demo-slow -m demo-slow -m demo-slow\nTell me")
    assert demo.wait_for(lambda stats: stats.requests == before.requests + 3)
    kernel.interrupt()
    assert demo.wait_for_disconnect(before.disconnects + 3, SECONDS_TO_LEAVE)
    assert_interrupted_in_one_line(cell.finish())
    assert list(newest(kernel, 3)["status"]) == ["interrupted"] * 3


def test_models_that_were_done_are_kept_when_the_others_are_stopped(kernel: Kernel) -> None:
    with ScriptedServer(answer("Alpha is done."), answer("Beta has ", STALL)) as server:
        cell = kernel.begin(question(server, "first", "second"))
        cell.until(live_text("Beta has"))
        # The footer tells that the other one is done.
        cell.until(live_text("tokens"))
        kernel.interrupt()
        assert server.left.wait(SECONDS_TO_LEAVE)
        cell.finish()
    assert_interrupted_in_one_line(cell)
    assert "Alpha is done." in cell.html
    assert "Beta has" in cell.html
    assert sorted(newest(kernel, 2)["status"]) == ["interrupted", "ok"]


def test_an_impatient_second_press_loses_nothing(kernel: Kernel) -> None:
    with ScriptedServer(answer("Once upon a time ", STALL)) as server:
        cell = kernel.begin(question(server))
        cell.until_text("Once upon")
        for _ in range(3):
            kernel.interrupt()
        assert server.left.wait(SECONDS_TO_LEAVE)
        cell.finish()
    assert_interrupted_in_one_line(cell)
    assert "Once upon a time" in cell.html
    row = newest(kernel).iloc[0]
    assert (row["status"], row["text"]) == ("interrupted", "Once upon a time ")
    assert kernel.execute("%%portkey -m demo-fast\nSay this is a test").status == "ok"


def test_run_all_stops_at_an_error(kernel: Kernel) -> None:
    refusal = whole({"error": {"message": "this key is not known"}}, 401)
    with ScriptedServer(refusal) as server:
        cells = [kernel.begin(question(server)), kernel.begin("reached = True"), kernel.begin("1 + 1")]
        first, *rest = [cell.finish() for cell in cells]
    assert first.status == "error"
    assert first.ename == "AuthenticationError"
    (error,) = first.of("error")
    assert len(error["content"]["traceback"]) == 1
    assert [cell.status for cell in rest] == ["aborted", "aborted"]
    assert newest(kernel)["status"].iloc[0] == "error"


def test_runs_are_still_there_after_a_restart(own_kernel: Kernel) -> None:
    own_kernel.execute("%%portkey -m demo-fast\nSay this is a test")
    own_kernel.restart()
    cell = own_kernel.execute("import portkey_nb\nprint(portkey_nb.runs()[['model', 'status']].to_dict('records'))")
    assert cell.printed == "[{'model': 'demo-fast', 'status': 'ok'}]\n"


def test_a_killed_kernel_leaves_the_row_it_had_started(own_kernel: Kernel) -> None:
    with ScriptedServer(answer("Once upon a time ", STALL)) as server:
        own_kernel.begin(question(server)).until_text("Once upon")
        own_kernel.kill()
        assert server.left.wait(SECONDS_TO_LEAVE)
    row = newest(own_kernel).iloc[0]
    assert (row["status"], row["prompt"], row["model"]) == ("started", "Tell me", "some-model")


def test_running_a_chat_cell_again_forks_at_its_own_turn(kernel: Kernel) -> None:
    first = "%%portkey -m demo-fast --chat kernel-test\nMy name is Ana"
    second = "%%portkey -m demo-fast --chat kernel-test\nWhat is my name?"
    kernel.execute(first, cell_id="cell-a")
    assert "Ana" in kernel.execute(second, cell_id="cell-b").text
    again = kernel.execute(first.replace("Ana", "Bo"), cell_id="cell-a")
    assert "1 later turn stays on the old branch" in again.html
    assert "Bo" in kernel.execute(second, cell_id="cell-b").text
    row = newest(kernel).iloc[0]
    assert row["cell_id"] == "cell-b"
    assert [message["role"] for message in row["messages"]] == ["user", "assistant", "user"]


def test_a_conversation_goes_on_after_a_restart(own_kernel: Kernel) -> None:
    own_kernel.execute("%%portkey -m demo-fast --chat draft\nMy name is Ana")
    own_kernel.restart()
    own_kernel.execute("import portkey_nb; chat = portkey_nb.conversation('draft')")
    assert "Ana" in own_kernel.execute("print(chat.ask('What is my name?', model='demo-fast'))").printed
    assert "My name is Ana" in own_kernel.execute("chat").html
    own_kernel.execute("%load_ext portkey_nb")
    own_kernel.execute("%%portkey -m demo-fast --chat draft\nThank you")
    assert own_kernel.execute("print(len(chat), len(chat.runs))").printed == "6 3\n"


def test_a_key_given_to_login_appears_nowhere(tmp_path: Path) -> None:
    key = "pk-4a7c-very-secret-0815"
    refusal = whole({"error": {"message": f"the key {key} is not known"}}, 401)
    with ScriptedServer(answer("Hello."), refusal) as server:
        with Kernel(tmp_path / "own", {"PORTKEY_BASE_URL": server.url}) as kernel:
            kernel.execute("%load_ext portkey_nb")
            assert kernel.ask("%portkey login", key).status == "ok"
            assert kernel.execute("%%portkey -m gpt-4o\nSay hello").status == "ok"
            refused = kernel.execute("%%portkey -m gpt-4o\nSay hello")
            for code in (
                "%portkey status",
                "%tb",
                "_",
                "import portkey_nb; portkey_nb.Portkey()",
                "%config PortkeyMagics",
            ):
                kernel.execute(code)
            everything = kernel.execute("portkey_nb.runs(columns='all').to_dict('records')")
        assert [seen.headers["x-portkey-api-key"] for seen in server.requests] == [key, key]
    assert refused.ename == "AuthenticationError"
    assert everything.status == "ok"
    assert not [message["msg_type"] for message in kernel.heard if key in repr(message)]
    files = [path for path in kernel.folder.rglob("*") if path.is_file()]
    assert kernel.store in files
    assert not [path for path in files if key.encode() in path.read_bytes()]


@pytest.fixture
def notebook(tmp_path: Path) -> Any:
    """Return a function that runs cells by nbconvert and returns its exit status, the HTML and what it said."""

    def convert(base_url: str, *cells: str) -> tuple[int, str, str]:
        whole_notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        whole_notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        source = tmp_path / "asked.ipynb"
        nbformat.write(whole_notebook, source)
        done = subprocess.run(
            [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", str(source)],
            env=scratch_environment(tmp_path / "home", {"PORTKEY_BASE_URL": base_url}),
            capture_output=True,
            text=True,
            timeout=100,
        )
        page = tmp_path / "asked.html"
        return done.returncode, page.read_text(encoding="utf-8") if page.exists() else "", done.stderr

    return convert


def test_nbconvert_shows_the_replies_without_a_widget(notebook: Any) -> None:
    with ScriptedServer(answer("The *cormorant*.")) as server:
        status, page, said = notebook(
            server.url,
            "%load_ext portkey_nb",
            "%%portkey -m gpt-4o\nTell me",
            "%%portkey -m gpt-4o -m claude-sonnet\nTell me",
        )
    assert status == 0, said
    assert page.count("The <em>cormorant</em>.") == 3
    assert "gpt-4o" in page
    assert '<script type="application/vnd.jupyter.widget-view' not in page
    # nbclient keeps the state of widgets that are closed: there has to be nothing in it.
    assert page.count("cormorant") == 3


def test_nbconvert_fails_where_a_cell_fails(notebook: Any, demo: DemoGateway) -> None:
    status, page, said = notebook(
        demo.base_url, "%load_ext portkey_nb", "%%portkey -m demo-fast\nSay {{what}}", "reached = 1"
    )
    assert status != 0
    assert not page
    assert "PromptError" in said
    assert "what" in said
