"""The magics ``%%portkey``, ``%portkey`` and ``%%portkey_config``: parse, run once, display.

This room is imported by ``%load_ext`` and stays light: what calls the gateway loads with the first cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.magic import Magics, cell_magic, line_cell_magic, magics_class, no_var_expand
from traitlets import Bool, Enum, Instance, Unicode
from traitlets.config import Config

from portkey_nb.errors import PortkeyError
from portkey_nb.loading import unbroken
from portkey_nb.notebook.cells import hold_together
from portkey_nb.notebook.completion import Known, matcher
from portkey_nb.notebook.options import CellOptions, help_page, parse_cell, parse_line


class DefaultConfig(Config):
    """traitlets' own settings, carrying the name of the routing config that cells use by default.

    A Configurable keeps its settings under ``config``, and ``%config PortkeyMagics.config = "pc-..."`` is how people
    set the routing config: both live under the one name.
    """

    route: str

    def __init__(self, settings: Any = (), route: str = "") -> None:
        super().__init__(settings)
        object.__setattr__(self, "route", route)

    def __deepcopy__(self, memo: Any) -> DefaultConfig:
        return DefaultConfig(Config(self).__deepcopy__(memo), self.route)

    def __copy__(self) -> DefaultConfig:
        return DefaultConfig(self, self.route)

    copy = __copy__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.route == other
        # traitlets compares settings to see whether they changed.
        return dict.__eq__(self, other) and isinstance(other, DefaultConfig) and self.route == other.route

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if not self.route.lstrip().startswith("{"):
            return repr(self.route)
        from portkey_nb.gateway.config import shown_config  # a Config in JSON may hold keys

        return shown_config(self.route)


class _RouteTrait(Instance):  # type: ignore[type-arg]
    """The ``config`` trait: a text names the routing config, anything else is traitlets' own settings."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Turn a text into settings that carry it, and carry the known route over to new settings."""
        known = obj._trait_values.get("config")
        if isinstance(value, str):
            return DefaultConfig(_without_route(known or Config()), value)
        value = super().validate(obj, value)
        if isinstance(known, DefaultConfig) and not isinstance(value, DefaultConfig):
            return DefaultConfig(value, known.route)
        return value


def _without_route(settings: Config) -> Config:
    """Return the settings without a route, which would be set anew at the next change of any of them."""
    settings = Config(settings)
    section = settings.pop("PortkeyMagics", None)
    if section:
        settings["PortkeyMagics"] = Config({name: value for name, value in section.items() if name != "config"})
    return settings


@magics_class
class PortkeyMagics(Magics):
    """Defaults of ``%%portkey``; ``%config PortkeyMagics.model = "gpt-4o"`` sets one."""

    model = Unicode("", help="Model of cells that name none; several are separated by commas.").tag(config=True)
    config = _RouteTrait(
        Config, (), {}, help="Config of cells without --config: a saved id, a notebook name or JSON."
    ).tag(config=True)
    base_url = Unicode("", help="Gateway of cells without --base-url; `demo` is the embedded one.").tag(config=True)
    system = Unicode("", help="System message of cells without -s.").tag(config=True)
    log = Bool(True, help="Whether runs are kept in the run log.").tag(config=True)
    trace_metadata = Bool(
        None,
        allow_none=True,
        help="Whether run id, notebook, cell and group go along as Portkey's metadata; None as the settings say.",
    ).tag(config=True)
    live = Enum(
        ["auto", "widget", "html", "text"],
        default_value="auto",
        help="How a running cell is painted: by a widget, one HTML display, or as plain text.",
    ).tag(config=True)

    def __init__(self, shell: Any, **kwargs: Any) -> None:
        super().__init__(shell, **kwargs)
        self.known = Known()
        if not isinstance(self.config, DefaultConfig):
            self.config = ""

    @property
    def route(self) -> str:
        """The default routing config; empty where none is set."""
        return self.config.route if isinstance(self.config, DefaultConfig) else ""

    @no_var_expand
    @line_cell_magic
    def portkey(self, line: str, cell: str | None = None) -> Any:
        """Filled in below with the help page."""
        if cell is None:
            return self._line(line)
        options = parse_cell(line)
        if options.help:
            return _show_help()
        return self._run(options, cell)

    def _line(self, line: str) -> Any:
        with _one_line(), unbroken():
            from portkey_nb.notebook.commands import find_command  # loads with the first use

        command = find_command(line)
        if command is not None:
            return command(self)
        options, prompt = parse_line(line)
        if options.help or not line.strip():
            return _show_help()
        return self._run(options, prompt)

    def _run(self, options: CellOptions, prompt: str) -> Any:
        # The cell holds the stop button while it calls; this is for the time before.
        with _one_line():
            with unbroken():
                from portkey_nb.notebook.cell import run_cell  # the engine loads with the first cell

            return run_cell(self, options, prompt)

    portkey.__doc__ = help_page()

    @no_var_expand
    @cell_magic
    def portkey_config(self, line: str, cell: str) -> None:
        """Compose a routing Config: ``%%portkey_config NAME`` with a YAML or JSON body.

        It is checked at once and bound to NAME, for ``%%portkey --config NAME`` and for ``Portkey(config=NAME)``.
        ``{{name}}`` in a value is read from the notebook, which keeps keys out of the cell.
        """
        with _one_line(), unbroken():
            from portkey_nb.notebook.commands import compose_config  # loads with the first use

        compose_config(self, line, cell)


@contextmanager
def _one_line() -> Iterator[None]:
    """Fail with one line instead of a traceback where the stop button is pressed."""
    try:
        yield
    except KeyboardInterrupt:
        raise PortkeyError("interrupted before anything came; run the cell again") from None


def _show_help() -> None:
    print(help_page())  # noqa: T201 (the help page is what was asked for)


def register(shell: Any) -> None:
    """Put the magics, their settings and their completion into a shell."""
    magics = PortkeyMagics(shell)
    shell.register_magics(magics)
    shell.configurables[:] = [item for item in shell.configurables if not _ours(item)] + [magics]
    _replace(shell.Completer.custom_matchers, matcher(magics))
    _replace(shell.input_transformers_cleanup, hold_together)


def unregister(shell: Any) -> None:
    """Take the magics and their settings out of a shell."""
    shell.configurables[:] = [item for item in shell.configurables if not _ours(item)]
    _replace(shell.Completer.custom_matchers)
    _replace(shell.input_transformers_cleanup)
    shell.magics_manager.magics["line"].pop("portkey", None)
    for word in ("portkey", "portkey_config"):
        shell.magics_manager.magics["cell"].pop(word, None)


def _ours(item: Any) -> bool:
    return type(item).__name__ == "PortkeyMagics"


def _replace(hooks: list[Any], *ours: Any) -> None:
    """Put our hook into one of the shell's lists, in place of one from an earlier load."""
    hooks[:] = [hook for hook in hooks if not getattr(hook, "__module__", "").startswith("portkey_nb.")] + list(ours)


__all__ = ["DefaultConfig", "PortkeyMagics", "register", "unregister"]
