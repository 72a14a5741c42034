"""Prompts x variants x cases x repeats: the cells of a comparison, and the call of each, made when it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, overload

from portkey_nb.engine.call import Call
from portkey_nb.engine.cases import Case
from portkey_nb.engine.filling import Template, check, fill
from portkey_nb.engine.normalize import content_text
from portkey_nb.engine.plain import mend
from portkey_nb.engine.variants import Variant
from portkey_nb.errors import SettingsError

_KEPT = 64
"""Filled prompts that are kept: the variants and repeats of a case follow each other, and share one."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the grid."""

    variant: Variant
    template: Template
    case: Case
    repeat: int

    @property
    def key(self) -> tuple[str, str | None, str | None, int]:
        """What it is known by in the run log: variant, label of the prompt, id of the case, repeat."""
        return self.variant.name, self.template.label, self.case.case_id, self.repeat


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a variant's calls are made.

    Attributes
    ----------
    base_url : str or None
    options : mapping
        Options of the client.
    timeout : object
        The client's limits.
    """

    base_url: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeout: Any = None


class Crossing(Sequence[Cell]):
    """All cells, those of a case next to each other; each is made when it is asked for.

    Parameters
    ----------
    templates, variants, cases : sequences
    repeats : int
    system : str, optional
        A system message, in which columns are filled in as in a template.

    Raises
    ------
    PromptError
        When a template cannot be filled in for every case.
    SettingsError
        When ``repeats`` makes no sense.
    """

    def __init__(
        self,
        templates: Sequence[Template],
        variants: Sequence[Variant],
        cases: Sequence[Case],
        repeats: int = 1,
        system: str | None = None,
    ) -> None:
        if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
            raise SettingsError(f"repeats is {repeats!r}; give a whole number from 1")
        self._keep(templates, variants, cases, repeats, system)
        for template in templates:
            check(template.content, cases, f"the prompt {template.label!r}" if template.label else "the template")
        for text in dict.fromkeys(self._system(variant) for variant in variants):
            if text:
                check(text, cases, "the system message")

    def _keep(
        self,
        templates: Sequence[Template],
        variants: Sequence[Variant],
        cases: Sequence[Case],
        repeats: int,
        system: str | None,
    ) -> None:
        self.templates, self.variants, self.cases, self.repeats = templates, variants, cases, repeats
        self.system = system
        self._filled = lru_cache(maxsize=_KEPT)(self._fill)

    def __reduce__(self) -> tuple[Any, ...]:
        return _checked_before, (self.templates, self.variants, self.cases, self.repeats, self.system)

    def part(self, places: Sequence[int]) -> tuple[Crossing, list[int]]:
        """Return a grid of the cases of some cells alone, and these cells' places in it."""
        width = len(self.templates) * self.repeats * len(self.variants)
        used = {case: at for at, case in enumerate(dict.fromkeys(place // width for place in places))}
        cases = [self.cases[case] for case in used]
        grid = _checked_before(self.templates, self.variants, cases, self.repeats, self.system)
        return grid, [used[place // width] * width + place % width for place in places]

    def __len__(self) -> int:
        return len(self.templates) * len(self.variants) * len(self.cases) * self.repeats

    @overload
    def __getitem__(self, index: int) -> Cell: ...
    @overload
    def __getitem__(self, index: slice) -> list[Cell]: ...
    def __getitem__(self, index: int | slice) -> Cell | list[Cell]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        variant, case, template, repeat = self._places(index)
        return Cell(self.variants[variant], self.templates[template], self.cases[case], repeat)

    def _places(self, index: int) -> tuple[int, int, int, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        rest, variant = divmod(index, len(self.variants))
        rest, repeat = divmod(rest, self.repeats)
        case, template = divmod(rest, len(self.templates))
        return variant, case, template, repeat

    def keys(self) -> Iterator[tuple[str, str | None, str | None, int]]:
        """Yield what each cell is known by, in their order."""
        return (cell.key for cell in self)

    @cached_property
    def by_label(self) -> dict[str | None, Template]:
        """The templates by label."""
        return {template.label: template for template in self.templates}

    @cached_property
    def by_id(self) -> dict[str | None, Case]:
        """The cases by id."""
        return {case.case_id: case for case in self.cases}

    def messages(self, index: int) -> list[dict[str, Any]]:
        """Return what a cell sends."""
        variant, case, template, _ = self._places(index)
        return self._filled(self._system(self.variants[variant]), template, case)

    def system_of(self, variant: Variant, template: Template, case: Case) -> str | None:
        """Return the system message as a cell's row holds it."""
        return _said(self._filled_in(self._system(variant), template, case), "system")

    def _system(self, variant: Variant) -> str | None:
        text = self.system if variant.system is None else variant.system
        return mend(text) if text else None

    def _fill(self, system: str | None, template: int, case: int) -> list[dict[str, Any]]:
        return self._filled_in(system, self.templates[template], self.cases[case])

    def _filled_in(self, system: str | None, template: Template, case: Case) -> list[dict[str, Any]]:
        content = fill(template.content, case)
        messages = [{"role": "user", "content": content}] if isinstance(content, str) else content
        return [{"role": "system", "content": fill(system, case)}, *messages] if system else messages


def _checked_before(*given: Any) -> Crossing:
    """Return a grid of templates and cases that were found to fit each other before."""
    grid = Crossing.__new__(Crossing)
    grid._keep(*given)
    return grid


@dataclass(frozen=True)
class Calls(Sequence[Call]):
    """The calls of some cells, each made when it is asked for.

    Attributes
    ----------
    grid : Crossing
    holes : sequence of int
        The cells' places in the grid.
    ways : mapping
        By the variant's label.
    params : mapping
        Request parameters of all.
    facts : mapping
        What the rows of all have in common.
    cache : bool
    trace_metadata : bool or None
        As of a call.
    """

    grid: Crossing
    holes: Sequence[int]
    ways: Mapping[str, Way]
    params: Mapping[str, Any]
    facts: Mapping[str, Any]
    cache: bool = True
    trace_metadata: bool | None = None

    def __len__(self) -> int:
        return len(self.holes)

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> list[Call]: ...
    def __getitem__(self, index: int | slice) -> Call | list[Call]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        return self.call(self.holes[index])

    def models(self, indexes: Sequence[int]) -> Counter[str]:
        """Return how many of some calls go to each model; none of them is made for it."""
        variants = self.grid.variants
        return Counter(variants[self.holes[index] % len(variants)].model for index in indexes)

    def part(self, indexes: Sequence[int]) -> Calls:
        """Return some of the calls, with no more cases than they need."""
        grid, holes = self.grid.part([self.holes[index] for index in indexes])
        return replace(self, grid=grid, holes=holes)

    def call(self, place: int) -> Call:
        """Return the call of a cell."""
        cell, messages = self.grid[place], self.grid.messages(place)
        params = {**self.params, **cell.variant.params}
        stream = params.pop("stream", None)
        way = self.ways[cell.variant.name]
        label = cell.template.label
        return Call(
            model=cell.variant.model,
            messages=messages,
            params={name: value for name, value in params.items() if value is not None},
            options=way.options,
            base_url=way.base_url,
            timeout=way.timeout,
            stream=True if stream is None else stream,
            cache=self.cache,
            trace_metadata=self.trace_metadata,
            label=cell.variant.name,
            facts={
                **self.facts,
                "source": "compare",
                "variant": cell.variant.name,
                "template": cell.template.text,
                "tags": None if label is None else {"prompt": label},
                "vars": cell.case.shown,
                "case_id": cell.case.case_id,
                "expected": cell.case.expected,
                "repeat": cell.repeat,
                "system": _said(messages, "system"),
                "prompt": _said(messages, "user"),
            },
        )


def _said(messages: Sequence[Mapping[str, Any]], role: str) -> str | None:
    """Return the last message of a role as text."""
    last = next((message.get("content") for message in reversed(messages) if message.get("role") == role), None)
    return content_text(last) or None
