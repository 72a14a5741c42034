"""``portkey-nb ask``: one prompt, its reply as it comes."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from portkey_nb.errors import PortkeyError
from portkey_nb.views.safety import plain_text


def ask(arguments: argparse.Namespace) -> int:
    """Ask a model once."""
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
