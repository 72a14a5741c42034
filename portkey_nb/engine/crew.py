"""The workers of a Dask cluster looked at before any call is sent: who they are, what they have, what they reach."""

from __future__ import annotations

import asyncio
import math
import secrets
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from portkey_nb import __version__
from portkey_nb.engine.handover import Sealed
from portkey_nb.engine.shapes import quoted
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import PortkeyError, SettingsError
from portkey_nb.settings import Handed, Secret

WORKERS_S = 10.0
"""Seconds that a cluster without workers is waited for."""
ALONE_S = 600.0
"""Seconds that a sweep waits for workers when all are gone; a cluster that grows by itself may take minutes."""
AGAIN_S = 10.0
"""Seconds after which a worker that joined and was refused is looked at once more."""
_REACH_S = 2.0
_SHARED = "PORTKEY_NB_STORE=postgresql+psycopg://user:password@host/database"


class ClusterGone(PortkeyError):
    """What ends the calls of a cluster that is gone; whoever asked for them says what is done, and how to go on."""


def client_of(executor: Any) -> Any:
    """Return the Dask client that a person gave.

    Raises
    ------
    SettingsError
        When it is none, is closed, or is to be used from the loop that it runs on.
    """
    try:
        import distributed  # only where an executor is given
    except ImportError:
        distributed = None  # type: ignore[assignment]
    if distributed is None:
        raise SettingsError(
            f"executor is {quoted(executor)}; it takes a dask.distributed.Client, and distributed is not installed: "
            "pip install 'portkey_nb[dask]'"
        )
    if not isinstance(executor, distributed.Client):
        raise SettingsError(
            f"executor is {quoted(executor)}; give a dask.distributed.Client, as in executor=Client(), or leave it out"
        )
    if executor.status != "running":
        raise SettingsError(f"the Dask client is {executor.status}; make a new one, as in executor=Client()")
    if executor.asynchronous:
        raise SettingsError("the Dask client runs on this very event loop; use `await acompare(...)` with it")
    return executor


def on_loop(client: Any, work: Callable[[], Awaitable[Any]], within_s: float | None = None) -> Any:
    """Call something on a Dask client's own loop, and wait for what it returns."""

    async def called() -> Any:
        return await asyncio.wait_for(work(), within_s)

    return asyncio.run_coroutine_threadsafe(called(), client.loop.asyncio_loop).result()


class Crew:
    """The workers of a cluster that were looked at, and may make calls; those that join later are looked at then.

    Parameters
    ----------
    client : distributed.Client
    store : RunStore
    handed : Handed

    Raises
    ------
    SettingsError
        As of :func:`check_crew`.
    """

    def __init__(self, client: Any, store: RunStore, handed: Handed) -> None:
        self._client, self._store, self._handed = client, store, handed
        self.known = check_crew(client, store, handed)
        self._refused: dict[str, float] = {}
        self._alone_since: float | None = None
        self._said_alone = False

    def able(self) -> frozenset[str]:
        """Return the addresses of those that are there now and can do it; what another one lacks is said once."""
        present = frozenset(self._client.scheduler_info(n_workers=-1).get("workers", ()))
        for address in sorted(present - self.known):
            if time.monotonic() < self._refused.get(address, 0.0):
                continue
            try:
                self.known |= check_crew(self._client, self._store, self._handed, [address])
            except Exception as error:  # noqa: BLE001 (it may be gone again, in any of Dask's ways of saying so)
                if address not in self._refused:
                    said = error or type(error).__name__
                    print(f"portkey_nb: a worker that joined is given no calls: {said}", file=sys.stderr)  # noqa: T201
                self._refused[address] = time.monotonic() + AGAIN_S
        able = present & self.known
        if able:
            self._alone_since, self._said_alone = None, False
        return able

    def check(self, able: frozenset[str]) -> None:
        """Say once that nobody is left to do the work, where it stays so, and give up in the end.

        Raises
        ------
        ClusterGone
            Also when the client is closed, or has lost its scheduler.
        """
        if self._client.status != "running":
            raise ClusterGone(f"the Dask client is {self._client.status}")
        if able:
            return
        self._alone_since = self._alone_since or time.monotonic()
        waited = time.monotonic() - self._alone_since
        if waited > ALONE_S:
            raise ClusterGone(f"the Dask cluster has had no workers that can do this for {ALONE_S:.0f} s")
        if waited > WORKERS_S and not self._said_alone:
            self._said_alone = True
            text = f"the Dask cluster has no workers any more that can do this (waited {WORKERS_S:.0f} s); start some"
            text += f", as in cluster.scale(2), and it goes on; it is given up after {ALONE_S:.0f} s"
            print(f"portkey_nb: {text}", file=sys.stderr)  # noqa: T201 (beside the progress bar)

    def dismiss(self, address: str, why: str) -> bool:
        """Give no more calls to a worker that cannot do them; False where it is given none already."""
        if address not in self.known:
            return False
        self.known -= {address}
        self._refused[address] = math.inf
        print(f"portkey_nb: the Dask worker {address} is given no more calls: {why}", file=sys.stderr)  # noqa: T201
        return True


def check_crew(client: Any, store: RunStore, handed: Handed, workers: Sequence[str] | None = None) -> frozenset[str]:
    """Refuse a cluster whose workers cannot do what they are to do, and return their addresses.

    Parameters
    ----------
    workers : sequence of str, optional
        The addresses of those that are looked at; all by default.

    Raises
    ------
    SettingsError
        Before any call: no workers, the package missing or of another version, another Python, a run log or a gateway
        that is out of reach.
    """
    on_loop(client, lambda: _present(client))
    within_s = None if workers is None else WORKERS_S
    _refuse(on_loop(client, lambda: _strangers(client, workers), within_s))
    if _in_memory(store):
        raise SettingsError(f"a run log in memory cannot be shared with Dask workers; give a file, or {_SHARED}")
    with _token(store) as token:
        asked = Sealed(_Asked(token, Secret(secret_url(store)), handed))
        found = on_loop(client, lambda: client.run(_look, asked, workers=workers, on_error="return"), within_s)
    _refuse({worker: said for worker, said in found.items() if said is not None})
    return frozenset(found)


def _in_memory(store: RunStore) -> bool:
    """Tell by the database's own word whether it is in memory: there are many ways to write that."""
    if store.path is not None or not store._database.sqlite:
        return False
    with store.reading() as connection:
        asked = "SELECT file FROM pragma_database_list WHERE name = 'main'"
        return connection is not None and not connection.exec_driver_sql(asked).scalar()


def secret_url(store: RunStore) -> str:
    """Return the URL of a run log with its password."""
    return store._database.url.render_as_string(hide_password=False)


def _refuse(found: Mapping[str, Any]) -> None:
    """Raise the first complaint, with all who have it."""
    if not found:
        return
    first = next(iter(found.values()))
    if isinstance(first, Exception):
        first = f"cannot be asked ({type(first).__name__}: {first}); look at its log"
    alike = [worker for worker, said in found.items() if str(said) == str(first)] or list(found)
    names = ", ".join(alike[:3]) + (f" and {len(alike) - 3} more" if len(alike) > 3 else "")
    raise SettingsError(f"the Dask {'worker' if len(alike) == 1 else 'workers'} {names}: {first}")


async def _present(client: Any) -> None:
    try:
        await client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError:
        pass
    else:
        return
    raise SettingsError(
        f"the Dask cluster has no workers (waited {WORKERS_S:.0f} s); start some, as in cluster.scale(2), "
        "or leave executor out"
    )


# What each of them has


async def _strangers(client: Any, workers: Sequence[str] | None) -> dict[str, str]:
    """Return what is the matter with those that could not even read a task."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    told = await client.get_versions()
    pythons = {"scheduler": told["scheduler"], **told["workers"]}
    if workers is not None:
        pythons = {name: said for name, said in pythons.items() if name in workers}
    found = {}
    for name, said in pythons.items():
        version = str(said["host"]["python"])
        if version.rsplit(".", version.count(".") - 1)[0] != ours:
            found[name] = f"Python {version}, and here it is {ours}; start it with Python {ours}"
    if found:
        return found
    # By value, since it has to run where the package is not.
    probe = _probe()
    versions: dict[str, Any] = await client.run(probe, workers=workers, on_error="return")
    versions["scheduler"] = await client.run_on_scheduler(probe)
    for name, version in versions.items():
        if version is None:
            found[name] = f"portkey_nb is not installed; pip install 'portkey_nb=={__version__}' where it runs"
        elif version != __version__:
            found[name] = (
                f"it has portkey_nb {version}, and here it is {__version__}; "
                f"pip install 'portkey_nb=={__version__}' where it runs"
            )
    return found


def _probe() -> Callable[[], str | None]:
    def version() -> str | None:
        try:
            import portkey_nb  # this runs elsewhere
        except ImportError:
            return None
        return portkey_nb.__version__

    return version


# What each of them reaches


@dataclass(frozen=True)
class _Asked:
    token: tuple[str, str, str] | int | None
    store: Secret
    handed: Handed


def machine() -> str:
    """Return what tells this machine, since it was started, from any other."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return socket.gethostname()


@contextmanager
def _held(store: RunStore) -> Iterator[int]:
    """Hold an advisory lock of a server's database, which whoever opens the very same one cannot have."""
    key = secrets.randbits(62)
    with store.reading() as connection:
        assert connection is not None  # a server needs no file to be there
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")
        yield key


def _holds(key: int, connection: sa.Connection | None) -> bool:
    # Shared, so that workers which look at the same moment do not keep it from each other.
    asked = f"SELECT pg_try_advisory_xact_lock_shared({key})"
    return connection is not None and not connection.exec_driver_sql(asked).scalar()


@contextmanager
def _token(store: RunStore) -> Iterator[tuple[str, str, str] | int | None]:
    """Leave a file beside the run log that whoever opens the very same folder finds; of a server's, hold a lock."""
    if store.path is None and not store._database.sqlite:
        with _held(store) as key:
            yield key
        return
    if store.path is None:
        yield None
        return
    word = secrets.token_hex(16)
    file = store.path.with_name(f"{store.path.name}.{word[:8]}.token")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(word)
        reason = ""
    except OSError as error:
        reason = str(error)
    if reason:
        raise SettingsError(f"nothing can be written beside the run log {store.path} ({reason}); mend its permissions")
    try:
        yield str(file), word, machine()
    finally:
        file.unlink(missing_ok=True)


def _look(asked: Sealed) -> str | None:
    """Say, on a worker, what is out of its reach."""
    given: _Asked = asked.open()
    if isinstance(given.token, tuple):
        file, word, where = given.token
        try:
            same = Path(file).read_text() == word and where == machine()
        except OSError:
            same = False
        if not same:
            path = file[: -len(f".{word[:8]}.token")]
            return f"it cannot open the very same run log {path}, being on another machine; set {_SHARED}"
    try:
        store = open_store(given.store.reveal())
        with store.reading() as connection:
            if isinstance(given.token, int) and not _holds(given.token, connection):
                return f"the run log {store.url} is another database there than here; name its host in the URL"
    except PortkeyError as error:
        return error.message
    for place in given.handed.places.values():
        if place.loopback and not _reached(place.url):
            return f"it does not reach {place.url}; give a base_url that it can reach"
    return None


def _reached(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection(
            (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)), _REACH_S
        ).close()
    except OSError:
        return False
    return True
