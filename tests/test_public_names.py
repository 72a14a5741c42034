"""What users import stays what it promises, whatever else has been imported before."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import portkey_nb

KINDS = {
    "AsyncPortkey": inspect.isclass,
    "ChatPanel": inspect.isclass,
    "Comparison": inspect.isclass,
    "Config": inspect.isclass,
    "DemoGateway": inspect.isclass,
    "LocalGateway": inspect.isclass,
    "Portkey": inspect.isclass,
    "Replies": inspect.isclass,
    "Reply": inspect.isclass,
    "RunStore": inspect.isclass,
    "Variant": inspect.isclass,
    "aask": inspect.iscoroutinefunction,
    "acompare": inspect.iscoroutinefunction,
    "ask": inspect.isfunction,
    "compare": inspect.isfunction,
    "conversation": inspect.isfunction,
    "errors": inspect.ismodule,
    "recording": inspect.isfunction,
    "replaying": inspect.isfunction,
    "runs": inspect.isfunction,
    "scorers": inspect.ismodule,
}


def every_room() -> list[str]:
    return [room.name for room in pkgutil.walk_packages(portkey_nb.__path__, "portkey_nb.")]


def test_public_names_survive_the_import_of_every_room() -> None:
    rooms = every_room()
    assert "portkey_nb.notebook.magics" in rooms
    for room in rooms:
        importlib.import_module(room)
    for name, is_kind in KINDS.items():
        assert is_kind(getattr(portkey_nb, name)), name
    assert set(KINDS) == set(portkey_nb.__all__)


def test_no_wing_or_front_room_bears_a_public_name() -> None:
    # Importing `portkey_nb.ask` would put the room in the function's place; rooms of a wing stand apart.
    taken = {room.removeprefix("portkey_nb.") for room in every_room() if room != "portkey_nb.errors"}
    assert not taken & set(portkey_nb.__all__)


def test_public_things_explain_themselves() -> None:
    for name in portkey_nb.__all__:
        assert inspect.getdoc(getattr(portkey_nb, name)), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        portkey_nb.nothing_of_the_kind  # noqa: B018
    assert set(portkey_nb.__all__) <= set(dir(portkey_nb))


def test_every_error_is_one_line_in_ipython() -> None:
    for name in portkey_nb.errors.__all__:
        kind = getattr(portkey_nb.errors, name)
        if inspect.isclass(kind):
            more = {"status": 500} if issubclass(kind, portkey_nb.errors.APIStatusError) else {}
            assert kind("a\nb", **more)._render_traceback_() == [f"{name}: a b"]


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, portkey_nb; "
        "print([m for m in ('pandas', 'httpx', 'sqlalchemy', 'ipywidgets', 'pydantic', 'IPython') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
