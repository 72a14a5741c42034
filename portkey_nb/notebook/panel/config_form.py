"""A Config as a form: texts of fields, and beside them whatever the form does not show, so that nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from portkey_nb.errors import ConfigError

MODES = ("single", "fallback", "loadbalance")
"""The strategies that a form has fields for."""

_COMMON = re.compile(
    r"strategy|targets|retry|cache|cb_config|request_timeout|on_status_codes|forward_headers|\w+_guardrails|\w+_hooks"
)
"""Keys of a Config without targets that hold for all of them once there are some."""

_WHOLE = re.compile(r"\d{1,9}")
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?")
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,3})?")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A target: the texts of its fields.

    Attributes
    ----------
    provider, model, weight, key : str
        As typed; empty where nothing is set.
    base : mapping
        The target that the row was made of, further keys and all.
    given : bool
        Whether it was made of a target at all: an added row has to say something first.
    """

    provider: str = ""
    model: str = ""
    weight: str = ""
    key: str = field(default="", repr=False)
    base: Mapping[str, Any] = field(default_factory=dict, repr=False)
    given: bool = False


@dataclass(frozen=True, kw_only=True)
class Form:
    """A Config: the texts of its fields.

    Attributes
    ----------
    mode : str
        One of ``MODES``.
    codes : str
        Status codes that lead to the next target.
    rows : tuple of Row
        The targets.
    attempts, retry_codes, cache, max_age, timeout : str
        As typed; empty where nothing is set. Times are in seconds.
    base : mapping
        What the form was made of, but for what is in the rows.
    order : tuple of str
        The names of a Config without targets, in their order.
    """

    mode: str = "single"
    codes: str = ""
    rows: tuple[Row, ...] = (Row(),)
    attempts: str = ""
    retry_codes: str = ""
    cache: str = ""
    max_age: str = ""
    timeout: str = ""
    base: Mapping[str, Any] = field(default_factory=dict, repr=False)
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Field:
    """How one field is written in a Config.

    ``read`` gives the value of a text, and the text itself where it cannot be read: so a document keeps what was typed.
    """

    path: tuple[str, ...]
    read: Callable[[str], Any]
    show: Callable[[Any], str]
    hint: str = ""

    def shown(self, base: Mapping[str, Any]) -> str:
        """Return the field's text; empty for a value that no text in it would give."""
        found: Any = base
        for step in self.path:
            found = found.get(step) if isinstance(found, Mapping) else None
        if found is None:
            return ""
        text = found if isinstance(found, str) else self.show(found)
        back = self.read(text)
        return text if type(back) is type(found) and back == found else ""

    def put(self, base: dict[str, Any], text: str) -> None:
        """Set what the field's text says; a text that says what is there already changes nothing."""
        if text.strip() == self.shown(base):
            return
        *parents, last = self.path
        holder = base
        for step in parents:
            if not isinstance(holder.get(step), dict):
                holder[step] = {}
            holder = holder[step]
        if text.strip():
            holder[last] = self.read(text)
        else:
            holder.pop(last, None)
            if parents and not holder:
                del base[parents[0]]


def _text(text: str) -> str:
    return text.strip()


def _whole(text: str) -> Any:
    return int(text) if _WHOLE.fullmatch(text.strip()) else text.strip()


def _number(text: str) -> Any:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def _milliseconds(text: str) -> Any:
    return int(Decimal(text.strip()) * 1000) if _SECONDS.fullmatch(text.strip()) else text.strip()


def _codes(text: str) -> Any:
    found = [part for part in re.split(r"[\s,;]+", text) if part]
    return [int(part) for part in found] if all(_WHOLE.fullmatch(part) for part in found) else text.strip()


def _plain(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return format(Decimal(repr(value)), "f")


def _seconds(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 10**12:
        return ""
    return format((Decimal(value) / 1000).normalize(), "f")


def _listed(value: Any) -> str:
    return ", ".join(map(_plain, value)) if isinstance(value, list) else ""


_ROW = {
    "provider": _Field(
        ("provider",), _text, str, "name a provider, such as openai, or `@slug` of one saved in Portkey"
    ),
    "model": _Field(("override_params", "model"), _text, str),
    "weight": _Field(("weight",), _number, _plain, "give 0 or a number above, such as 2"),
    "key": _Field(("api_key",), _text, str),
}
_FORM = {
    "codes": _Field(("strategy", "on_status_codes"), _codes, _listed, "give codes of 100 to 599, such as 429, 503"),
    "attempts": _Field(("retry", "attempts"), _whole, _plain, "give a whole number, 0 to 5"),
    "retry_codes": _Field(("retry", "on_status_codes"), _codes, _listed, "give codes of 100 to 599, such as 429, 503"),
    "cache": _Field(("cache", "mode"), _text, str, "choose how answers are found again"),
    "max_age": _Field(("cache", "max_age"), _number, _plain, "give seconds above 0, such as 3600"),
    "timeout": _Field(("request_timeout",), _milliseconds, _seconds, "give seconds, such as 30 or 0.5"),
}


def unshown(config: Mapping[str, Any]) -> str:
    """Return why a form cannot show a Config; empty where it can.

    Examples
    --------
    >>> unshown({"targets": [{"provider": "openai"}, {"targets": []}], "strategy": {"mode": "fallback"}})
    'target 2 has targets of its own'
    """
    strategy, targets = config.get("strategy"), config.get("targets")
    if not isinstance(strategy, Mapping | None):
        return "its strategy is no object"
    mode = (strategy or {}).get("mode", "single" if targets is None else None)
    if mode == "conditional":
        return "it chooses its target by conditions"
    if mode not in MODES:
        return "its targets have no strategy" if mode is None else "its strategy is none that the form knows"
    if targets is None:
        return ""
    if not isinstance(targets, list):
        return "its targets are no list"
    for number, target in enumerate(targets, 1):
        if not isinstance(target, Mapping):
            return f"target {number} is no object"
        if "targets" in target or "strategy" in target:
            return f"target {number} has targets of its own"
    return ""


def form_of(config: Mapping[str, Any]) -> Form:
    """Return the form of a Config, plain data of any content.

    Raises
    ------
    ConfigError
        Where the form cannot show it; :func:`unshown` tells why.

    Examples
    --------
    >>> form_of({"provider": "openai", "request_timeout": 2500}).timeout
    '2.5'
    """
    if reason := unshown(config):
        raise ConfigError(f"the form cannot show this Config: {reason}; edit it as JSON")
    config = deepcopy(dict(config))
    mode = (config.get("strategy") or {}).get("mode", "single")
    if config.get("targets") is not None or mode != "single":
        rows, base = tuple(map(_row, config.get("targets") or ())), config
    else:
        base = {name: item for name, item in config.items() if _COMMON.fullmatch(name)}
        rows = (_row({name: item for name, item in config.items() if name not in base}),)
    texts = {name: each.shown(base) for name, each in _FORM.items()}
    return Form(mode=mode, rows=rows, base=base, order=tuple(config), **texts)


def _row(target: Mapping[str, Any]) -> Row:
    return Row(base=target, given=True, **{name: each.shown(target) for name, each in _ROW.items()})


def config_of(form: Form) -> dict[str, Any]:
    """Return the Config of a form as plain data; what a field cannot read stands in it as it was typed.

    Of a form that nobody touched this is the Config that it was made of.

    Examples
    --------
    >>> config_of(Form(rows=(Row(provider="openai", model="gpt-4o"),), timeout="2.5"))
    {'provider': 'openai', 'override_params': {'model': 'gpt-4o'}, 'request_timeout': 2500}
    """
    base = deepcopy(dict(form.base))
    targets = [target_of(row) for row in form.rows]
    flat = form.mode == "single" and len(targets) == 1 and base.get("targets") is None
    if not flat and (targets or base.get("targets")):
        # First what is asked, then what holds for all.
        if base.get("targets") is None:
            base = {"strategy": base.pop("strategy", None), "targets": base.pop("targets", None), **base}
        base["targets"] = targets
    strategy = base.get("strategy")
    if (not flat or form.mode != "single") and (strategy or {}).get("mode") != form.mode:
        base["strategy"] = {**(strategy or {}), "mode": form.mode}
    for name, each in _FORM.items():
        each.put(base, getattr(form, name))
    if form.codes.strip() != _FORM["codes"].shown(form.base):
        base.get("strategy", {}).setdefault("mode", form.mode)
    if not flat:
        return base
    found = {**targets[0], **base}
    ordered = {name: found[name] for name in form.order if name in found}
    return {**ordered, **found}


def target_of(row: Row) -> dict[str, Any]:
    """Return the target of a row as plain data."""
    target = deepcopy(dict(row.base))
    for name, each in _ROW.items():
        each.put(target, getattr(row, name))
    return target


def further(form: Form) -> list[str]:
    """Return the paths that the form keeps without a field for them, but for those in its rows.

    Examples
    --------
    >>> further(form_of({"provider": "openai", "retry": {"attempts": 2, "use_retry_after_headers": True}}))
    ['retry.use_retry_after_headers']
    """
    fields = [*_FORM.values(), _Field(("strategy", "mode"), _text, str), _Field(("targets",), _text, str)]
    return [path for path in _paths(form.base, fields) if path not in ("targets", "strategy.mode")]


def further_of(row: Row) -> list[str]:
    """Return the paths that a row keeps without a field for them."""
    return list(_paths(row.base, list(_ROW.values())))


def _paths(base: Mapping[str, Any], fields: Sequence[_Field]) -> Iterator[str]:
    shown = {".".join(each.path) for each in fields if each.shown(base)}
    holders = {each.path[0] for each in fields if len(each.path) > 1}
    for name, item in base.items():
        inner = item.items() if name in holders and isinstance(item, Mapping) else ()
        if not inner and item is not None and name not in shown:
            yield name
        yield from (f"{name}.{key}" for key, value in inner if value is not None and f"{name}.{key}" not in shown)


def troubles(form: Form) -> dict[str, str]:
    """Return what is wrong with the text of a field, by its name; ``rows.1.weight`` is one of the second row.

    Examples
    --------
    >>> troubles(Form(rows=(Row(provider="openai"),), attempts="9"))
    {'attempts': "'9'; give a whole number, 0 to 5"}
    """
    found: dict[str, str] = {}
    config = config_of(form)
    for number, row in enumerate(form.rows):
        if not config or ("targets" in config and not row.given and not target_of(row)):
            found[f"rows.{number}.provider"] = _ROW["provider"].hint
        if not _fits("weight", _ROW["weight"].read(row.weight) if row.weight.strip() else None):
            found[f"rows.{number}.weight"] = f"{_short(row.weight)}; {_ROW['weight'].hint}"
    for name, each in _FORM.items():
        text = getattr(form, name)
        if not _fits(name, each.read(text) if text.strip() else None):
            found[name] = f"{_short(text)}; {each.hint}"
    if form.retry_codes.strip() and not form.attempts.strip():
        found.setdefault("attempts", f"how often? {_FORM['attempts'].hint}")
    if form.max_age.strip() and not form.cache.strip():
        found.setdefault("cache", _FORM["cache"].hint)
    return found


def _fits(name: str, value: Any) -> bool:
    """Tell whether the value of a field is one that the schema takes; None is one that is not set."""
    if value is None:
        return True
    if name in ("codes", "retry_codes"):
        return isinstance(value, list) and all(100 <= code <= 599 for code in value)
    if name == "cache":
        return value in ("simple", "semantic")
    least = 0 if name in ("attempts", "weight") else 1e-12
    return not isinstance(value, str) and least <= value <= (5 if name == "attempts" else 10**15)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 40 else text[:37] + "...")
