"""The command line: ``portkey-nb lab | demo | gateway | runs | ask``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from portkey_nb import __version__
from portkey_nb.errors import PortkeyError


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
        reason = error.strerror or str(error)
        said = f"{error.filename}: {reason}" if error.filename is not None else reason
        print(f"portkey-nb: {said}; check the path and the rights to it", file=sys.stderr)
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

    _add_runs(commands.add_parser("runs", help="print, export, copy, check or back up the run log"))

    ask = commands.add_parser("ask", help="ask a model once and print the reply as it comes")
    ask.add_argument("-m", "--model", help="the model (default: PORTKEY_MODEL)")
    ask.add_argument("-s", "--system", help="the system message")
    ask.add_argument("-t", "--temperature", type=float)
    ask.add_argument("--max-tokens", type=int)
    ask.add_argument("--base-url", help="the gateway; `demo` is the embedded demo gateway")
    ask.add_argument("prompt", nargs="+", help="the prompt; `-` reads standard input")
    ask.set_defaults(command=_ask)
    return parser


def _add_runs(log: argparse.ArgumentParser) -> None:
    log.add_argument("--store", metavar="URL", help="the run log: a file or a URL (default: PORTKEY_NB_STORE)")
    formats = ["table", "csv", "jsonl", "json", "parquet"]
    form = "by default what FILE ends in, else table; jsonl and json are both JSON Lines"
    log.add_argument("--format", choices=formats, help=form)
    log.add_argument("-n", type=int, help="only the latest N (a table: 20 by default, the rest: all)")
    output = "write to FILE, over any but a log: .parquet, .csv, .jsonl or .json; a table else (.txt)"
    log.add_argument("--output", metavar="FILE", type=Path, help=output)
    log.add_argument("--status", action="append", help="only runs of this status; may be given again")
    log.add_argument("--model", action="append", help="only runs of this model; may be given again")
    log.add_argument("--group", help="only runs of this group, by its id or label")
    log.add_argument("--since", metavar="WHEN", help="only runs since then: an ISO date or time, or '2 hours'")
    log.add_argument("--copy-to", metavar="URL", help="copy runs and conversations to another log; again is no harm")
    log.add_argument("--delete-before", metavar="WHEN", help="delete older runs: an ISO date or time, or '90 days'")
    log.add_argument("--yes", action="store_true", help="delete without being asked")
    log.add_argument("--check", action="store_true", help="look whether the log is whole (exit status 1 if not)")
    log.add_argument("--backup", metavar="FILE", type=Path, help="copy a SQLite log into a file while it is in use")
    log.add_argument("--force", action="store_true", help="let --backup replace an earlier backup")
    log.set_defaults(command=_runs)


# Each command loads what it needs, and no other's libraries.


def _lab(arguments: argparse.Namespace) -> int:
    from portkey_nb.terminal.lab import lab

    return lab(arguments)


def _demo(arguments: argparse.Namespace) -> int:
    from portkey_nb.terminal.gateways import demo

    return demo(arguments)


def _gateway(arguments: argparse.Namespace) -> int:
    from portkey_nb.terminal.gateways import gateway

    return gateway(arguments)


def _runs(arguments: argparse.Namespace) -> int:
    from portkey_nb.terminal.log import runs

    return runs(arguments)


def _ask(arguments: argparse.Namespace) -> int:
    from portkey_nb.terminal.asking import ask

    return ask(arguments)
