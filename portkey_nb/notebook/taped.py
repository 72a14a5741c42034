"""``%portkey record`` and ``%portkey replay``: what this kernel asks goes into a file, or is answered from one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from portkey_nb.errors import PromptError
from portkey_nb.gateway.recording import Recorder
from portkey_nb.gateway.tapes import opened, put_in, take_out
from portkey_nb.gateway.taping import PACES, Taping, shown, taping, tapings
from portkey_nb.settings import ENVIRONMENT
from portkey_nb.views.safety import plain_text

_LINE = re.compile(
    r"""(?P<mode>record|replay)
    (?:\s+(?:(?P<off>off|stop)|"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<word>[^\s"'-]\S*)))?
    (?P<flags>\s+-.*)?""",
    re.VERBOSE | re.DOTALL,
)
_MISTYPED = re.compile(r"(?P<mode>record|replay)\s.*\.jsonl\b.*", re.DOTALL)
_PACE = re.compile(r"--pace(?:\s+|=)(?P<pace>\S+)")


def find_taping(line: str) -> Callable[[Any], None] | None:
    """Return the command that a line is, None when it is a prompt.

    Examples
    --------
    >>> find_taping("record the minutes of the meeting") is None, find_taping("record run.jsonl") is None
    (True, False)
    """
    found = _LINE.fullmatch(line.strip())
    if found is None:
        # It would be sent to a model, and paid for.
        slip = _MISTYPED.fullmatch(line.strip())
        return None if slip is None else lambda magics: _refuse_words(slip["mode"], line.strip())
    mode, file = found["mode"], found["double"] or found["single"] or found["word"]
    flags = (found["flags"] or "").strip()
    if found["off"] and not flags:
        return lambda magics: _stop(mode)
    if file is None and not flags:
        return lambda magics: _say("\n".join(map(describe, tapings() or [None])))
    if file is None or (found["word"] and not re.search(r"[.~/\\]", file)):
        return lambda magics: _refuse(mode, file)
    return lambda magics: _start(mode, file, flags)


def describe(now: Taping | None) -> str:
    """Say in one line what is on."""
    if now is None:
        return (
            "nothing is recorded or replayed; `%portkey record FILE.jsonl` begins, `%portkey replay FILE.jsonl` answers"
        )
    return f"{_told(now)} so far" + ("; the network is not used" if now.mode == "replay" else "")


def describe_off(silent: Taping) -> str:
    """Say in one line that the notebook switched off what the settings say."""
    mode, name = silent.mode, shown(silent.path)
    return (
        f"off, though {ENVIRONMENT[mode]} is {name}: `%portkey {mode} off` counts until another file is set there; "
        f"`%portkey {mode} {name}` begins again"
    )


def _told(now: Taping) -> str:
    count = opened(now).count
    if now.mode == "record":
        gone = "" if not count or now.path.exists() else " (removed since)"
        return f"recording into {shown(now.path)}{gone}, {_exchanges(count)}"
    paced = ", as fast as it was" if now.pace == "recorded" else ""
    return f"replaying {shown(now.path)}{paced}, {_exchanges(count)} given"


def _exchanges(count: int) -> str:
    return "1 exchange" if count == 1 else f"{count:,} exchanges"


def _say(text: str) -> None:
    print(plain_text(text))  # noqa: T201 (a subcommand's answer)


def _refuse(mode: str, file: str | None) -> None:
    named = f" {file}" if file else ""
    raise PromptError(
        f"`%portkey {mode}{named}` needs a file, such as `%portkey {mode} {file or 'run'}.jsonl`; "
        f"a prompt of these words is `%portkey -- {mode}{named}`"
    )


def _refuse_words(mode: str, line: str) -> None:
    raise PromptError(
        f'`%portkey {line}` has more than a file; quote a path with spaces, as in `%portkey {mode} "my run.jsonl"`; '
        f"a prompt of these words is `%portkey -- {line}`"
    )


def _start(mode: str, file: str, flags: str) -> None:
    pace = _PACE.fullmatch(flags)
    if flags and (mode == "record" or pace is None or pace["pace"] not in PACES):
        takes = " [--pace recorded|none]" if mode == "replay" else ""
        raise PromptError(f"`%portkey {mode} FILE.jsonl{takes}` does not know {flags!r}; leave it out or mend it")
    # One of the settings goes on around it, and one of the notebook's own gives way.
    ended = "".join(f"ended: {_told(now)}\n" for now in tapings() if now.turn)
    tape, held = put_in("record" if mode == "record" else "replay", file, pace and pace["pace"])
    name = shown(tape.path)
    if isinstance(tape, Recorder):
        there = f", which holds {_exchanges(held)} already (delete it first to begin anew)" if held else ""
        _say(f"{ended}recording into {name}{there}; `%portkey record off` ends it")
    else:
        _say(f"{ended}replaying {name} ({_exchanges(held)}): no network, nothing paid; `%portkey replay off` ends it")


def _stop(mode: str) -> None:
    now = taping()
    if now is None:  # what cleans up may do so twice
        _say(describe(None))
        return
    if now.mode != mode:
        raise PromptError(f"nothing is being {mode}ed; {describe(now)}")
    said = _told(now)
    take_out()
    outer = taping()
    if outer is None:
        _say(f"ended: {said}" + ("; requests go to the gateway again" if mode == "replay" else ""))
    else:
        _say(f"ended: {said}\ngoing on: {describe(outer)}")
