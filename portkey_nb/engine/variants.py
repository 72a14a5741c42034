"""What is compared: a model with its label, parameters, system message and way to it, read from what a person gave."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.engine.shapes import quoted
from portkey_nb.errors import PromptError
from portkey_nb.gateway.config import OPTION_NAMES

_EXAMPLE = "models=['gpt-4o', Variant('claude-sonnet', params={'temperature': 0})]"
_OWN_PARAMS = ("model", "messages")


@dataclass(frozen=True)
class Variant:
    """One of the things that :func:`portkey_nb.compare` compares.

    Attributes
    ----------
    model : str
        The model's name.
    label : str, optional
        What it is called in tables; the model's name by default. Of the same labels, the second is called
        ``<label> (2)``, and so on.
    config : str, mapping or Config, optional
        A routing Config, or the id of a saved one.
    params : mapping
        Request parameters; they go before those of the comparison.
    system : str, optional
        A system message in place of the comparison's; an empty text for none.
    provider, virtual_key, base_url : str, optional
        Which way the calls go. At a gateway of its own, a variant uses nothing of the comparison's client.
    options : mapping
        Further options of the client by name, such as ``api_key`` or ``cache_namespace``.

    Examples
    --------
    >>> Variant("gpt-4o", label="cool", params={"temperature": 0}).name
    'cool'
    """

    model: str
    label: str | None = None
    config: Any = field(default=None, repr=False)
    params: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None
    provider: str | None = None
    virtual_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in ("model", "label", "system", "provider", "base_url"):
            value = getattr(self, name)
            if not isinstance(value, str) and not (value is None and name != "model"):
                raise PromptError(f"{name} of a variant is {quoted(value)}; give a text, as in {_EXAMPLE}")
        if not self.model.strip():
            raise PromptError(f"a variant has no model; name one, as in {_EXAMPLE}")
        for name in ("params", "options"):
            if not isinstance(getattr(self, name), Mapping):
                raise PromptError(f"{name} of variant {quoted(self.name)} are no mapping; write {name}={{...}}")
        check_params(self.params)

    @property
    def name(self) -> str:
        """Its label, or else its model."""
        return self.label or self.model

    @property
    def ways(self) -> dict[str, Any]:
        """The options of the client that it sets."""
        named = {"config": self.config, "provider": self.provider, "virtual_key": self.virtual_key}
        return {**self.options, **{name: value for name, value in named.items() if value is not None}}


def variants_of(models: Any) -> list[Variant]:
    """Return variants under labels that differ.

    Parameters
    ----------
    models : str, mapping, Variant, or an iterable of these
        A mapping has the fields of a Variant; further options of the client may stand among them.

    Raises
    ------
    PromptError
        When one cannot be a variant, or there is none.

    Examples
    --------
    >>> [variant.label for variant in variants_of(["gpt-4o", {"model": "gpt-4o", "params": {"top_p": 0.1}}])]
    ['gpt-4o', 'gpt-4o (2)']
    """
    alone = isinstance(models, str | Mapping | Variant)
    if not alone and not isinstance(models, Iterable):
        raise PromptError(f"models is {quoted(models)}; give names, as in {_EXAMPLE}")
    found = [_variant(one) for one in ([models] if alone else models)]
    if not found:
        raise PromptError(f"there are no models to compare; name some, as in {_EXAMPLE}")
    labels = unique([variant.name for variant in found])
    return [dataclasses.replace(variant, label=label) for variant, label in zip(found, labels, strict=True)]


def unique(labels: Iterable[str]) -> list[str]:
    """Return labels made to differ, as ``gpt-4o`` and ``gpt-4o (2)``."""
    taken: dict[str, None] = {}
    for label in labels:
        fresh, count = label, 1
        while fresh in taken:
            count += 1
            fresh = f"{label} ({count})"
        taken[fresh] = None
    return list(taken)


def check_params(params: Any) -> None:
    """Refuse request parameters that are none.

    Raises
    ------
    PromptError
        Also for what the comparison sets itself.
    """
    if not isinstance(params, Mapping):
        raise PromptError(f"params is {quoted(params)}; give a mapping, as in params={{'temperature': 0}}")
    for name in params:
        if name in _OWN_PARAMS:
            raise PromptError(f"params holds {name!r}, which the comparison sets itself; leave it out")
        if not isinstance(name, str):
            raise PromptError(f"params holds the name {quoted(name)}; names are texts")
        if name in OPTION_NAMES and name != "metadata":
            raise PromptError(f"{name!r} is no request parameter; give it to a Variant, as in Variant(..., {name}=...)")
    if not isinstance(params.get("stream", True), bool):
        raise PromptError(f"stream is {quoted(params['stream'])}; give True or False")


def _variant(given: Any) -> Variant:
    if isinstance(given, Variant):
        return given
    if isinstance(given, str):
        return Variant(given)
    if not isinstance(given, Mapping):
        raise PromptError(f"{quoted(given)} is no model; give a name, a mapping or a Variant, as in {_EXAMPLE}")
    fields = {item.name for item in dataclasses.fields(Variant)}
    named = {str(name): value for name, value in given.items()}
    options = dict(named.pop("options", None) or {})
    for name in [name for name in named if name not in fields]:
        if name not in OPTION_NAMES:
            close = difflib.get_close_matches(name, [*fields, *OPTION_NAMES], 1)
            hint = f"did you mean {close[0]!r}?" if close else f"request parameters stand in params={{{name!r}: ...}}"
            raise PromptError(f"a variant has no {name!r}; {hint}")
        options[name] = named.pop(name)
    if "model" not in named:
        raise PromptError(f"a variant has no model; name one, as in {_EXAMPLE}")
    return Variant(**named, options=options)
