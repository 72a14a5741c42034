"""``portkey-nb runs``: the run log printed, exported, copied, checked, backed up and cleared of what is old."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from portkey_nb.engine.filters import moment
from portkey_nb.engine.placing import check_target, in_place
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import SettingsError, StoreError
from portkey_nb.terminal import progress
from portkey_nb.views.safety import plain_text

SHOWN = 20
"""The rows of a table where no number is given."""


def runs(arguments: argparse.Namespace) -> int:
    """Do the one thing with the run log that was asked for."""
    given = [name for name in _DEEDS if getattr(arguments, name) not in (None, False)]
    _check(arguments, given)
    deed = _DEEDS[given[0]] if given else _show
    return deed(_opened(arguments.store), arguments)


def _check(arguments: argparse.Namespace, given: list[str]) -> None:
    """Refuse flags that mean nothing together, or by what they are given."""
    flags = {name: f"--{name.replace('_', '-')}" for name in (*_DEEDS, *_SHOWN, "yes", "force")} | {"n": "-n"}
    if len(given) > 1:
        raise SettingsError(f"{flags[given[0]]} and {flags[given[1]]} are two things; give one at a time")
    used = [name for name in _SHOWN if getattr(arguments, name) is not None]
    if given and used:
        raise SettingsError(f"{flags[used[0]]} means nothing with {flags[given[0]]}; leave it out")
    for name, deed in (("yes", "delete_before"), ("force", "backup")):
        if getattr(arguments, name) and deed not in given:
            raise SettingsError(f"{flags[name]} means nothing without {flags[deed]}; leave it out")
    if arguments.n is not None and arguments.n < 1:
        raise SettingsError(f"-n is {arguments.n}; give how many of the latest runs, 1 or more")
    if arguments.since is not None and not _is_time(arguments.since):
        raise SettingsError(
            f"--since {arguments.since!r} is no time; give a date as 2026-01-31 or '2026-01-31 14:00', or as '2 hours'"
        )


def _is_time(text: str) -> bool:
    try:
        moment(text)
    except StoreError:
        return False
    return True


def _opened(given: str | None) -> RunStore:
    """Open the log that was named, which has to be there, or the default one, which may begin later."""
    if given is None:
        return open_store()
    store = open_store(_named("--store", given))
    if store.path is not None:
        _check_no_folder("--store", given, store)
        # Rows that wait beside it are a log too: reading takes them up.
        if not store.path.exists() and not store.spool.left()[0]:
            raise SettingsError(f"there is no run log at {given}; check the path that --store names")
    return store


def _named(flag: str, given: str) -> str:
    if not given.strip():
        raise SettingsError(f"{flag} is empty; give a file or a URL")
    return given


def _check_no_folder(flag: str, given: str, store: RunStore) -> None:
    if store.path is not None and store.path.is_dir():
        raise SettingsError(f"{flag} {given} is a folder; give the file of a run log, such as runs.sqlite in it")


def _show(store: RunStore, arguments: argparse.Namespace) -> int:
    filters = {name: getattr(arguments, name) for name in ("status", "model", "group", "since")}
    with progress.stopped(lambda: _unfinished(arguments)):
        from portkey_nb.engine import exporting  # pandas: only where it is needed

        form = arguments.format or exporting.format_of(arguments.output or "") or "table"
        if form == "table":
            return _table(store, arguments, filters)
        if arguments.output is None:
            if form == "parquet":
                raise SettingsError("--format parquet needs --output FILE, since it is no text")
            sys.stdout.flush()
            exporting.stream_to(store, sys.stdout.buffer, form, n=arguments.n, **filters)
            sys.stdout.flush()
            return 0
        with progress.line("exported") as tell:
            count = exporting.export(store, arguments.output, form, n=arguments.n, tell=tell, **filters)
        _exported(count, arguments)
    return 0


def _unfinished(arguments: argparse.Namespace) -> str:
    output = arguments.output
    if output is None:
        return "not all runs are written"
    if not output.exists():
        return f"{output} is not written"
    return f"{output} is as it was" if output.is_file() else f"not all runs are written to {output}"


def _exported(count: int, arguments: argparse.Namespace, more: str = "") -> None:
    # Apart from standard output, which `--output /dev/stdout` writes to.
    print(f"{count:,} runs exported to {arguments.output}{more}", file=sys.stderr)


def _table(store: RunStore, arguments: argparse.Namespace, filters: dict[str, Any]) -> int:
    frame = store.frame(SHOWN if arguments.n is None else arguments.n, **filters)
    nothing = "no runs that fit\n" if any(filters.values()) else "no runs yet\n"
    text = plain_text(frame.to_string(max_colwidth=40)) + "\n" if len(frame) else nothing
    if arguments.output is not None:
        with in_place(check_target(arguments.output, store)) as stream:
            stream.write(text.encode())
        cut = arguments.n is None and len(frame) == SHOWN
        _exported(len(frame), arguments, f", as a table of the latest {SHOWN}; -n N takes more" if cut else "")
    else:
        sys.stdout.write(text)
    return 0


def _copy(store: RunStore, arguments: argparse.Namespace) -> int:
    from portkey_nb.engine.copying import Copied, copy

    given, so_far = _named("--copy-to", arguments.copy_to), Copied()

    def told(copied: Copied) -> None:
        nonlocal so_far
        so_far = copied
        tell(copied.seen, total=copied.total)

    with RunStore(given) as target:
        _check_no_folder("--copy-to", given, target)
        place = _shown(given, target)
        with (
            progress.stopped(
                lambda: f"{so_far.added:,} runs copied to {place} so far; the same command goes on where it was"
            ),
            progress.line("of {total:,} runs looked at") as tell,
        ):
            done = copy(store, target, told)
    print("; ".join([f"{done.added:,} runs copied to {place}", *_besides(done)]))
    return 0


def _shown(given: str, store: RunStore) -> str:
    """Return a place as it was typed, a server's without its password."""
    if store.path is not None or "://" not in given:
        return given
    return f"{given.partition('://')[0]}://{store.url.partition('://')[2]}"


def _besides(done: Any) -> list[str]:
    """Return what else is to be told of copying; nothing of what there is none of."""
    there = done.seen - done.added - done.completed - done.damaged - done.refused
    counts = (
        (done.completed, "completed"),
        (there, "there already"),
        (done.noted, "with newer notes"),
        (done.conversations, "conversations looked at"),
        (done.turns, "new turns of conversations"),
        (done.renamed, "conversations kept under a longer name, since another has theirs"),
        (done.damaged, "damaged runs, of which stayed behind what is no JSON"),
        (done.damaged_turns, "damaged turns, kept as texts"),
        (done.refused, "runs refused, which are not copied"),
    )
    return [f"{count:,} {said}" for count, said in counts if count]


def _delete(store: RunStore, arguments: argparse.Namespace) -> int:
    from portkey_nb.engine import retention

    gone = 0

    def told(count: int) -> None:
        nonlocal gone
        gone = count
        tell(count)

    with progress.stopped(
        lambda: f"{gone:,} runs are deleted so far; the same command goes on" if gone else "no run is deleted"
    ):
        before = retention.when(arguments.delete_before)
        doomed = retention.foresee(store, before)
        if not doomed.runs:
            print(f"no run began before {retention.day(before)}; nothing to delete")
            return 0
        print(_foreseen(doomed, before), flush=True)
        if not (arguments.yes or _agreed(doomed.runs)):
            print("nothing is deleted")
            return 1
        with progress.line(f"of {doomed.runs:,} runs deleted") as tell:
            done = retention.delete_before(store, before, told)
    print(f"{done:,} runs deleted", flush=True)
    with progress.stopped(lambda: "the space of the deleted runs may not be given back, and new runs take it"):
        print(retention.free(store).said)
    return 0


def _foreseen(doomed: Any, before: Any) -> str:
    from portkey_nb.engine.retention import day

    return (
        f"{doomed.runs:,} runs began before {day(before)} (the first one {day(doomed.oldest)}, the "
        f"last one {day(doomed.newest)}); {doomed.rated:,} are rated or noted; {doomed.turns:,} turns of "
        f"conversations would lose their run, and stay; {doomed.left:,} runs stay"
    )


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError("nobody is there to be asked; add --yes to delete them, and nothing is deleted now")
    try:
        return input(f"Delete {count:,} runs for good? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _check_log(store: RunStore, _arguments: argparse.Namespace) -> int:
    from portkey_nb.engine.upkeep import check

    with progress.stopped(lambda: "not all of the log was looked at; the same command looks again"):
        findings = check(store)
    for finding in findings:
        print(f"{'ok   ' if finding.sound else 'WRONG'} {plain_text(finding.what)}")
    return 0 if all(finding.sound for finding in findings) else 1


def _backup(store: RunStore, arguments: argparse.Namespace) -> int:
    from portkey_nb.engine.retention import in_words
    from portkey_nb.engine.upkeep import backup

    with progress.stopped(lambda: f"no backup is written to {arguments.backup}"):
        size = backup(store, arguments.backup, force=arguments.force)
    print(f"backed up to {arguments.backup} ({in_words(size)})")
    return 0


_SHOWN = ("format", "n", "output", "status", "model", "group", "since")
_DEEDS = {"copy_to": _copy, "delete_before": _delete, "check": _check_log, "backup": _backup}
