"""``portkey-nb runs``: the run log printed, exported, copied, checked, backed up and cleared of what is old."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from portkey_nb.engine.placing import check_target, in_place
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import SettingsError
from portkey_nb.terminal import progress
from portkey_nb.views.safety import plain_text


def runs(arguments: argparse.Namespace) -> int:
    """Do the one thing with the run log that was asked for."""
    given = [name for name in _DEEDS if getattr(arguments, name) not in (None, False)]
    _check(arguments, given)
    deed = _DEEDS[given[0]] if given else _show
    return deed(open_store(arguments.store), arguments)


def _check(arguments: argparse.Namespace, given: list[str]) -> None:
    """Refuse flags that mean nothing together."""
    flags = {name: f"--{name.replace('_', '-')}" for name in (*_DEEDS, *_SHOWN, "yes", "force")} | {"n": "-n"}
    if len(given) > 1:
        raise SettingsError(f"{flags[given[0]]} and {flags[given[1]]} are two things; give one at a time")
    used = [name for name in _SHOWN if getattr(arguments, name) is not None]
    if given and used:
        raise SettingsError(f"{flags[used[0]]} means nothing with {flags[given[0]]}; leave it out")
    for name, deed in (("yes", "delete_before"), ("force", "backup")):
        if getattr(arguments, name) and deed not in given:
            raise SettingsError(f"{flags[name]} means nothing without {flags[deed]}; leave it out")


def _show(store: RunStore, arguments: argparse.Namespace) -> int:
    filters = {name: getattr(arguments, name) for name in ("status", "model", "group", "since")}
    if (arguments.format or "table") == "table":
        return _table(store, arguments, filters)
    from portkey_nb.engine import exporting  # pandas: only where it is needed

    if arguments.output is None:
        if arguments.format == "parquet":
            raise SettingsError("--format parquet needs --output FILE, since it is no text")
        sys.stdout.flush()
        exporting.stream_to(store, sys.stdout.buffer, arguments.format, n=arguments.n, **filters)
        sys.stdout.flush()
        return 0
    with progress.line("exported") as tell:
        count = exporting.export(store, arguments.output, arguments.format, n=arguments.n, tell=tell, **filters)
    _exported(count, arguments)
    return 0


def _exported(count: int, arguments: argparse.Namespace) -> None:
    # Apart from standard output, which `--output /dev/stdout` writes to.
    print(f"{count:,} runs exported to {arguments.output}", file=sys.stderr)


def _table(store: RunStore, arguments: argparse.Namespace, filters: dict[str, Any]) -> int:
    frame = store.frame(20 if arguments.n is None else arguments.n, **filters)
    nothing = "no runs that fit\n" if any(filters.values()) or arguments.n == 0 else "no runs yet\n"
    text = plain_text(frame.to_string(max_colwidth=40)) + "\n" if len(frame) else nothing
    if arguments.output is not None:
        with in_place(check_target(arguments.output, store)) as stream:
            stream.write(text.encode())
        _exported(len(frame), arguments)
    else:
        sys.stdout.write(text)
    return 0


def _copy(store: RunStore, arguments: argparse.Namespace) -> int:
    from portkey_nb.engine.copying import Copied, copy

    with RunStore(arguments.copy_to) as target, progress.line("of {total:,} runs looked at") as tell:

        def told(copied: Copied) -> None:
            tell(copied.seen, total=copied.total)

        done = copy(store, target, told)
        place = target.url
    same = done.seen - done.added - done.completed - done.damaged - done.refused
    print(
        f"{done.added:,} runs copied to {place}, {done.completed:,} completed, {same:,} there already; "
        f"{done.noted:,} with newer notes; {done.conversations:,} conversations, {done.turns:,} new turns"
        + (f"; {done.renamed:,} kept under a longer name, since another has theirs" if done.renamed else "")
        + (f"; {done.damaged:,} damaged runs, of which stayed behind what is no JSON" if done.damaged else "")
        + (f"; {done.damaged_turns:,} damaged turns, kept as texts" if done.damaged_turns else "")
        + (f"; {done.refused:,} runs refused, which are not copied" if done.refused else "")
    )
    return 0


def _delete(store: RunStore, arguments: argparse.Namespace) -> int:
    from portkey_nb.engine import retention

    before = retention.when(arguments.delete_before)
    doomed = retention.foresee(store, before)
    if not doomed.runs:
        print(f"no run began before {retention.day(before)}; nothing to delete")
        return 0
    print(
        f"{doomed.runs:,} runs began before {retention.day(before)} (the first one {retention.day(doomed.oldest)}, the "
        f"last one {retention.day(doomed.newest)}); {doomed.rated:,} are rated or noted; {doomed.turns:,} turns of "
        f"conversations would lose their run, and stay; {doomed.left:,} runs stay",
        flush=True,
    )
    if not (arguments.yes or _agreed(doomed.runs)):
        print("nothing is deleted")
        return 1
    with progress.line(f"of {doomed.runs:,} runs deleted") as tell:
        done = retention.delete_before(store, before, tell)
    print(f"{done:,} runs deleted", flush=True)
    print(retention.free(store).said)
    return 0


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError("nobody is there to be asked; add --yes to delete them, and nothing is deleted now")
    try:
        return input(f"Delete {count:,} runs for good? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _check_log(store: RunStore, _arguments: argparse.Namespace) -> int:
    from portkey_nb.engine.upkeep import check

    findings = check(store)
    for finding in findings:
        print(f"{'ok   ' if finding.sound else 'WRONG'} {plain_text(finding.what)}")
    return 0 if all(finding.sound for finding in findings) else 1


def _backup(store: RunStore, arguments: argparse.Namespace) -> int:
    from portkey_nb.engine.retention import in_words
    from portkey_nb.engine.upkeep import backup

    size = backup(store, arguments.backup, force=arguments.force)
    print(f"backed up to {arguments.backup} ({in_words(size)})")
    return 0


_SHOWN = ("format", "n", "output", "status", "model", "group", "since")
_DEEDS = {"copy_to": _copy, "delete_before": _delete, "check": _check_log, "backup": _backup}
