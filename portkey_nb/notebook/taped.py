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
        return None
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
    return _told(now) + ("; the network is not used" if now.mode == "replay" else "")


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
        gone = "" if not count or now.path.exists() else "; the file was removed since"
        return f"recording into {shown(now.path)}, {_exchanges(count)} so far{gone}"
    paced = ", as fast as it was" if now.pace == "recorded" else ""
    return f"replaying {shown(now.path)}{paced}, {_exchanges(count)} given so far"


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


def _start(mode: str, file: str, flags: str) -> None:
    pace = _PACE.fullmatch(flags)
    if flags and (mode == "record" or pace is None or pace["pace"] not in PACES):
        takes = " [--pace recorded|none]" if mode == "replay" else ""
        raise PromptError(f"`%portkey {mode} FILE.jsonl{takes}` does not know {flags!r}; leave it out or mend it")
    tape, held = put_in("record" if mode == "record" else "replay", file, pace and pace["pace"])
    name = shown(tape.path)
    if isinstance(tape, Recorder):
        there = f", which holds {_exchanges(held)} already (delete it first to begin anew)" if held else ""
        _say(f"recording into {name}{there}; `%portkey record off` ends it")
    else:
        _say(f"replaying {name} ({_exchanges(held)}): no network, nothing paid; `%portkey replay off` ends it")


def _stop(mode: str) -> None:
    now = taping()
    if now is None or now.mode != mode:
        raise PromptError(f"nothing is being {mode}ed; {describe(now)}")
    said = _told(now)
    take_out()
    outer = taping()
    if outer is None:
        _say(f"ended: {said}" + ("; requests go to the gateway again" if mode == "replay" else ""))
    else:
        _say(f"ended: {said}\ngoing on: {describe(outer)}")
