"""The command line: ``portkey-nb lab | demo | gateway | runs | ask``."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from portkey_nb import __version__
from portkey_nb.errors import APIConnectionError, PortkeyError, SettingsError
from portkey_nb.gateway.local import LocalGateway
from portkey_nb.gateway.node import VERSION
from portkey_nb.gateway.presence import announced, running
from portkey_nb.settings import DEMO, load
from portkey_nb.views.safety import plain_text

PACKAGED = Path(__file__).parent / "packaged_notebooks"
CHECKOUT = Path(__file__).parent.parent / "notebooks"
FIRST = "quickstart.ipynb"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 done, 1 failed, 2 misused, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except PortkeyError as error:
        print(f"portkey-nb: {' '.join(error.message.split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of a pipe has gone (`| head`); point stdout elsewhere so that closing it is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"portkey-nb: {error}; check the path and the rights to it", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="portkey-nb", description="Portkey chat completions for notebooks.")
    parser.add_argument("--version", action="version", version=f"portkey-nb {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    lab = commands.add_parser("lab", help="open the notebooks in JupyterLab")
    lab.add_argument("--port", type=int, help="port of JupyterLab (a free one by default)")
    lab.add_argument("--no-browser", action="store_true", help="only start the server and print its address")
    lab.set_defaults(command=_lab)

    demo = commands.add_parser("demo", help="serve the demo gateway until Ctrl-C")
    demo.add_argument("--port", type=int, default=8788, help="port (default 8788; 0 takes a free one)")
    demo.set_defaults(command=_demo)

    gateway = commands.add_parser("gateway", help="run the open-source Portkey gateway on this machine until Ctrl-C")
    gateway.add_argument("--port", type=int, help="port (default 8787; 0 takes a free one)")
    gateway.set_defaults(command=_gateway)

    log = commands.add_parser("runs", help="print the run log")
    log.add_argument("--format", choices=["table", "csv", "json", "parquet"], default="table")
    log.add_argument("-n", type=int, default=None, help="only the latest N (table: 20 by default)")
    log.add_argument("--output", type=Path, help="write to this file (needed for parquet)")
    log.set_defaults(command=_runs)

    ask = commands.add_parser("ask", help="ask a model once and print the reply as it comes")
    ask.add_argument("-m", "--model", help="the model (default: PORTKEY_MODEL)")
    ask.add_argument("-s", "--system", help="the system message")
    ask.add_argument("-t", "--temperature", type=float)
    ask.add_argument("--max-tokens", type=int)
    ask.add_argument("--base-url", help="the gateway; `demo` is the embedded demo gateway")
    ask.add_argument("prompt", nargs="+", help="the prompt; `-` reads standard input")
    ask.set_defaults(command=_ask)
    return parser


def notebooks_folder() -> Path:
    """Return the folder of notebooks to open.

    Inside a checkout that is its own ``notebooks``; else the packaged ones, copied to ``./portkey-notebooks`` where
    they are not there yet (a file that is there is never overwritten).
    """
    if (CHECKOUT / FIRST).is_file():
        return CHECKOUT
    if not PACKAGED.is_dir():
        raise SettingsError(f"no notebooks in {PACKAGED}; install portkey_nb again")
    folder = Path.cwd() / "portkey-notebooks"
    folder.mkdir(exist_ok=True)
    for source in sorted(PACKAGED.glob("*.ipynb")):
        if not (folder / source.name).exists():
            shutil.copy(source, folder / source.name)
    return folder


def kernel_environment() -> tuple[dict[str, str], str]:
    """Return the environment of the notebooks' kernels, and a line that says where their calls will go.

    With neither key nor base URL set, kernels get ``PORTKEY_BASE_URL=demo``: the one place where simulated answers
    are chosen for a person, who is told so.
    """
    settings = load()
    environment = dict(os.environ)
    if settings.api_key is None and settings.base_url is None:
        environment["PORTKEY_BASE_URL"] = DEMO
        return environment, (
            "no Portkey key is set: the notebooks run on the demo gateway, whose answers are simulated and free.\n"
            "Set PORTKEY_API_KEY and PORTKEY_PROVIDER or PORTKEY_CONFIG for real ones."
        )
    return environment, f"calls go to {settings.base_url or 'the hosted Portkey gateway'}"


def _lab(arguments: argparse.Namespace) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        raise SettingsError('JupyterLab is not installed here; run: pip install "portkey_nb[lab]"')
    folder = notebooks_folder()
    environment, said = kernel_environment()
    print(said, flush=True)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    command += [f"--LabApp.default_url=/lab/tree/{FIRST}"]
    if arguments.port is not None:
        command.append(f"--port={arguments.port}")
    if arguments.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    server = subprocess.Popen(command, env=environment)  # noqa: S603 (our own interpreter and words)
    # The server gets Ctrl-C from the terminal itself, and asks back; a plain TERM is handed on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    return server.wait()


def _demo(arguments: argparse.Namespace) -> int:
    from portkey_nb.gateway.demo.server import DemoGateway  # tornado: only for this command

    with DemoGateway(port=arguments.port) as gateway:
        print(
            f"the demo gateway answers at {gateway.base_url} (simulated models; Ctrl-C stops it)\n"
            f"  export PORTKEY_BASE_URL={gateway.base_url}",
            flush=True,
        )
        threading.Event().wait()
    return 0


def _gateway(arguments: argparse.Namespace) -> int:
    found = running()
    if found is not None and arguments.port is None:
        raise SettingsError(f'a gateway runs already at {found}: use it by base_url="local", or give --port N')
    # A plain TERM ends it in good order too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (
            LocalGateway(arguments.port).start(tell=lambda line: print(line, file=sys.stderr, flush=True)) as gateway,
            announced(gateway.pid, gateway.base_url),
        ):
            print(
                f"The Portkey gateway {VERSION} listens at {gateway.base_url} (this machine only); Ctrl-C stops it.\n"
                f'Use it by base_url="local", or export PORTKEY_BASE_URL=local; its log is {gateway.log}',
                flush=True,
            )
            status = gateway.wait()
            words, log = gateway.last_words, gateway.log
    except KeyboardInterrupt:
        return 0
    raise APIConnectionError(f"the gateway ended by itself (exit status {status}), with {words}; its log is {log}")


def _runs(arguments: argparse.Namespace) -> int:
    from portkey_nb.engine.store import runs  # pandas: only for this command

    if arguments.format == "parquet":
        if arguments.output is None:
            raise SettingsError("--format parquet needs --output FILE, since it is no text")
        if importlib.util.find_spec("pyarrow") is None:
            raise SettingsError('writing parquet needs pyarrow; run: pip install "portkey_nb[parquet]"')
        frame = runs(arguments.n, columns="all")
        # Parquet wants one type a column: what is a list here and a mapping there travels as JSON.
        for name in frame.select_dtypes("object").columns:
            frame[name] = [None if value is None else json.dumps(value, default=str) for value in frame[name]]
        frame.to_parquet(arguments.output)
        return 0
    count = 20 if arguments.n is None and arguments.format == "table" else arguments.n
    frame = runs(count, columns=None if arguments.format == "table" else "all")
    if arguments.format == "csv":
        text = frame.to_csv()
    elif arguments.format == "json":
        text = frame.reset_index().to_json(orient="records", lines=True, date_format="iso")
    else:
        text = plain_text(frame.to_string(max_colwidth=40)) + "\n" if len(frame) else "no runs yet\n"
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from portkey_nb.engine.asking import call_from  # the engine: only for this command
    from portkey_nb.engine.running import Running
    from portkey_nb.engine.summary import footer

    prompt = " ".join(arguments.prompt)
    if prompt == "-":
        prompt = sys.stdin.read()
    given = {
        "system": arguments.system,
        "temperature": arguments.temperature,
        "max_tokens": arguments.max_tokens,
        "base_url": arguments.base_url,
    }
    call, runner = call_from(prompt, arguments.model, given)
    running = Running(runner, [call])
    interrupted = False
    try:
        _write(running)
    except KeyboardInterrupt:
        interrupted = True
        running.stop()
        _write(running)
    except BrokenPipeError:
        # Nobody reads on: the call ends now, and its row is written before the interpreter goes.
        running.stop()
        raise
    outcome = running.outcomes()[0]
    print(flush=True)
    if isinstance(outcome, PortkeyError):
        raise outcome
    if outcome is None or interrupted:
        return 130
    print(plain_text(footer(outcome.run)), file=sys.stderr)
    if outcome.error is not None:
        raise outcome.error
    return 0


def _write(running: Any) -> None:
    for event in running.events(0.2):
        if event is not None and event.kind == "text":
            print(plain_text(event.text), end="", flush=True)
