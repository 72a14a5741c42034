"""The open-source gateway on this machine: started on loopback alone, watched, stopped; and its command."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from portkey_nb import Portkey
from portkey_nb.errors import APIConnectionError, BadRequestError, GatewayError, SettingsError, StreamIncomplete
from portkey_nb.gateway import node
from portkey_nb.gateway.local import LocalGateway, running
from portkey_nb.gateway.target import resolve
from tests.gateway.processes import GREETING, WAIT_S, command, environment, one_line, port_of, python, run_command
from tests.servers import CLOSE, COMPLETION, HELLO, RESET, STALL, ScriptedServer, chunk, streamed, whole

QUESTION = {"model": "llama3.2", "messages": [{"role": "user", "content": "Say this is a test"}]}
needs_node = pytest.mark.node


@pytest.fixture
def gateway(home: Path) -> Iterator[LocalGateway]:
    with LocalGateway(port=0) as started:
        yield started


def custom_host(server: ScriptedServer) -> str:
    return server.url.removesuffix("/v1")


def is_closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(SettingsError, match=str(port)):
        LocalGateway(port=port)


def test_a_free_port_has_no_address_before_the_start() -> None:
    gateway = LocalGateway(port=0)
    assert (gateway.pid, gateway.alive) == (None, False)
    with pytest.raises(SettingsError, match="start"):
        _ = gateway.base_url
    assert LocalGateway().base_url == "http://127.0.0.1:8787/v1"
    gateway.stop()


@pytest.mark.parametrize(
    ("script", "said"),
    [(GREETING, "a Portkey gateway that already runs"), (whole(b"<html>"), "another program"), ([STALL], "program")],
    ids=["a gateway", "a web server", "something silent"],
)
def test_a_taken_port_says_by_what_and_what_to_do(script: list[object], said: str) -> None:
    with ScriptedServer(script) as server:
        port = port_of(server.url)
        with pytest.raises(SettingsError, match=said) as caught:
            LocalGateway(port=port).start()
        done = run_command("--port", str(port))
    assert f"port {port}" in caught.value.message
    assert "--port N" in caught.value.message
    assert "\n" not in caught.value.message
    assert (done.returncode, done.stdout) == (1, "")
    assert said in one_line(done.stderr)


@needs_node
def test_a_port_that_somebody_holds_without_listening_is_taken_too(home: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        gateway = LocalGateway(port=holder.getsockname()[1])
        with pytest.raises(SettingsError, match="another program"):
            gateway.start()
    assert not gateway.alive


@needs_node
def test_it_starts_listens_on_loopback_alone_and_stops(gateway: LocalGateway) -> None:
    assert gateway.alive
    assert gateway.start() is gateway
    port, process = port_of(gateway.base_url), psutil.Process(gateway.pid)
    assert httpx.get(f"http://127.0.0.1:{port}/").text == "AI Gateway says hey!"
    listening = [one.laddr for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    assert [tuple(one) for one in listening] == [("127.0.0.1", port)]
    assert resolve(gateway.base_url, has_key=False).kind == "local"
    gateway.stop()
    assert not gateway.alive
    assert not process.is_running()
    assert is_closed(port)
    gateway.stop()
    assert resolve(gateway.base_url, has_key=False).kind == "custom"


@needs_node
def test_nobody_is_shown_what_passes_through_it(gateway: LocalGateway) -> None:
    address = gateway.base_url.removesuffix("/v1")
    for path in ("/log/stream", "/public/", "/public/logs"):
        assert httpx.get(address + path).status_code == 404


@needs_node
def test_no_key_of_the_environment_reaches_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORTKEY_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_TOKEN"):
        monkeypatch.setenv(name, "sk-of-mine")
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "/etc/ca.pem")
    with LocalGateway(port=0, env={"GIVEN": "by hand"}) as gateway:
        variables = psutil.Process(gateway.pid).environ()
    assert "sk-of-mine" not in variables.values()
    assert variables["GIVEN"] == "by hand"
    assert variables["NODE_EXTRA_CA_CERTS"] == "/etc/ca.pem"


@needs_node
def test_a_model_server_on_the_same_machine_answers_whole_and_streamed(gateway: LocalGateway) -> None:
    with ScriptedServer(whole({**COMPLETION, "model": "llama3.2"}), streamed(*HELLO)) as ollama:
        portkey = Portkey(base_url=gateway.base_url, provider="ollama", custom_host=custom_host(ollama))
        completion = portkey.chat.completions.create(**QUESTION)
        assert completion.choices[0].message.content == "Hello"
        assert completion.headers["x-portkey-provider"] == "ollama"
        # A newer web server below the gateway answers 500 to every stream of Ollama.
        stream = portkey.chat.completions.create(**QUESTION, stream=True)
        assert "".join(part.choices[0].delta.content or "" for part in stream) == "Hello"
    assert [seen.path for seen in ollama.requests] == ["/v1/chat/completions"] * 2
    assert ollama.requests[0].json["messages"] == QUESTION["messages"]


@needs_node
def test_ollama_needs_no_address(gateway: LocalGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(whole(COMPLETION)) as ollama:
        monkeypatch.setenv("OLLAMA_HOST", custom_host(ollama).removeprefix("http://"))
        portkey = Portkey(base_url=gateway.base_url, provider="ollama", max_retries=0)
        assert portkey.chat.completions.create(**QUESTION).choices[0].message.content == "Hello"
        fallback = portkey.with_options(
            provider=None, config={"strategy": {"mode": "single"}, "targets": [{"provider": "ollama"}]}
        )
        assert fallback.chat.completions.create(**QUESTION).choices[0].message.content == "Hello"
    assert len(ollama.requests) == 2


@needs_node
def test_trusted_custom_hosts_replace_the_gateways_own_list(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_CUSTOM_HOSTS", "from-the-environment")
    with ScriptedServer() as server:
        for trusted, works in [({}, False), ({"TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1"}, True)]:
            with LocalGateway(port=0, env=trusted) as gateway:
                portkey = Portkey(base_url=gateway.base_url, provider="ollama", custom_host=custom_host(server))
                if works:
                    assert portkey.chat.completions.create(**QUESTION).choices[0].message.content == "Hello"
                else:
                    with pytest.raises(BadRequestError, match="Invalid custom host"):
                        portkey.chat.completions.create(**QUESTION)


@needs_node
def test_the_log_is_kept_for_the_user_alone_and_holds_no_key(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "deep" / "gateway.log"
    scripts = [RESET], streamed(b"data: {", CLOSE, end=False)
    for _ in range(2):
        with (
            LocalGateway(port=0, log=log) as gateway,
            ScriptedServer(*scripts) as server,
        ):
            client = Portkey(
                base_url=gateway.base_url,
                api_key="pk-secret",
                provider="openai",
                Authorization="Bearer sk-secret",
                custom_host=custom_host(server),
                max_retries=0,
            )
            with pytest.raises(GatewayError):
                client.chat.completions.create(**QUESTION)
            with pytest.raises((StreamIncomplete, GatewayError)):
                list(client.chat.completions.create(**QUESTION, stream=True))
            while "Ready" not in log.read_text(encoding="utf-8").split("listening")[-1]:
                time.sleep(0.02)
    said = log.read_text(encoding="utf-8")
    assert said.count("portkey_nb: listening on 127.0.0.1:") == 2
    assert "fetch failed" in said
    assert "secret" not in said
    assert QUESTION["messages"][0]["content"] not in said  # type: ignore[index]
    assert "\x1b" not in said
    assert "Starting AI Gateway" not in said
    assert log.stat().st_mode & 0o077 == 0


@needs_node
def test_a_log_that_has_grown_is_begun_anew(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_text("old\n" * 260_000, encoding="utf-8")
    with LocalGateway(port=0, log=log):
        pass
    assert "listening on" in log.read_text(encoding="utf-8")
    assert log.stat().st_size < 10_000
    assert (tmp_path / "gateway.log.1").read_text(encoding="utf-8").startswith("old\n")


@needs_node
def test_a_log_that_cannot_be_written_stops_nothing(home: Path, tmp_path: Path) -> None:
    with LocalGateway(port=0, log=tmp_path) as gateway:
        assert gateway.alive


@needs_node
def test_a_gateway_killed_while_it_answers_is_one_line_and_starts_again(gateway: LocalGateway) -> None:
    with ScriptedServer(streamed(chunk("Hel"), STALL)) as server:
        client = Portkey(base_url=gateway.base_url, provider="ollama", custom_host=custom_host(server), max_retries=0)
        answer = client.chat.completions.create(**QUESTION, stream=True)
        assert next(iter(answer)).choices[0].delta.content == "Hel"
        assert gateway.pid is not None
        os.kill(gateway.pid, signal.SIGKILL)
        with pytest.raises((StreamIncomplete, APIConnectionError)) as midway:
            list(answer)
        assert gateway.wait() == -signal.SIGKILL
        assert not gateway.alive
        with pytest.raises(APIConnectionError) as after:
            client.chat.completions.create(**QUESTION)
    for caught in (midway, after):
        assert len(caught.value._render_traceback_()) == 1
        assert "\n" not in caught.value.message
    assert gateway.start().alive
    assert httpx.get(gateway.base_url.removesuffix("v1")).status_code == 200


START = """
import os, signal, time
from portkey_nb.gateway.local import LocalGateway
from portkey_nb.gateway.presence import greets
gateway = LocalGateway(port=0).start()
# The last line it writes by itself: from then on, nothing but standard input tells it that its starter is gone.
while "Ready" not in gateway.log.read_text(encoding="utf-8"):
    time.sleep(0.02)
print(gateway.pid, flush=True)
"""
# As a terminal's Ctrl-C and a kernel's stop button send it: to the whole process group.
INTERRUPTED = """
signal.signal(signal.SIGINT, lambda *_: None)
os.killpg(0, signal.SIGINT)
print(greets(int(gateway.base_url.split(":")[2].split("/")[0]), 10), gateway.alive)
"""


def start_elsewhere(ending: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python(START + ending),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        env=environment(),
        start_new_session=True,
    )


@needs_node
@pytest.mark.parametrize("ending", ["", "os.kill(os.getpid(), signal.SIGKILL)"], ids=["exit", "kill"])
def test_it_ends_with_the_process_that_started_it(ending: str, home: Path) -> None:
    done = start_elsewhere(ending)
    assert done.stderr == ""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(WAIT_S)


@needs_node
def test_an_interrupt_of_its_starter_passes_it_by(home: Path) -> None:
    done = start_elsewhere(INTERRUPTED)
    assert done.stderr == ""
    assert done.stdout.split()[1:] == ["True", "True"]


@needs_node
def test_a_gateway_that_cannot_start_quotes_its_last_words(home: Path, tmp_path: Path) -> None:
    broken = node.installed_folder()
    other = tmp_path / "gateways" / broken.name
    shutil.copytree(broken, other, symlinks=True)
    (other / node.ENTRY).write_text("throw new Error('no good\\u001b[31m')", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(node.HOME, str(other.parent))
        gateway = LocalGateway(port=0)
        with pytest.raises(APIConnectionError, match="Error: no good") as caught:
            gateway.start()
    assert str(gateway.log) in caught.value.message
    assert "\n" not in caught.value.message
    assert not gateway.alive


@needs_node
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_asked_to_stop(sign: signal.Signals, home: Path) -> None:
    with command("--port", "0") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        url = running()
        assert url is not None
        assert url in lines[0]
        assert 'base_url="local"' in lines[1]
        assert Path(lines[1].split("log is ")[1].strip()).is_file()
        with ScriptedServer(streamed(*HELLO)) as ollama:
            portkey = Portkey(base_url="local", provider="ollama", custom_host=custom_host(ollama))
            assert portkey.base_url == url
            answer = portkey.chat.completions.create(**QUESTION, stream=True).get_final_completion()
            assert answer.choices[0].message.content == "Hello"
        second = run_command()
        assert url in one_line(second.stderr)
        # As a terminal sends it: to the whole process group.
        os.killpg(process.pid, sign)
        out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out, err) == (0, "", "")
    assert running() is None
    assert is_closed(port_of(url))


@needs_node
def test_the_command_says_in_one_line_that_its_gateway_died(home: Path) -> None:
    with command("--port", "0") as process:
        assert process.stdout is not None
        process.stdout.readline()
        (gateway,) = psutil.Process(process.pid).children()
        gateway.kill()
        _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "ended by itself" in one_line(err)
    assert running() is None


@needs_node
def test_a_command_that_is_killed_leaves_no_gateway(home: Path) -> None:
    with command("--port", "0") as process:
        assert process.stdout is not None
        process.stdout.readline()
        (gateway,) = psutil.Process(process.pid).children()
        process.kill()
        gateway.wait(WAIT_S)
    assert running() is None
