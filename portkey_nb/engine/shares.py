"""Shares of what is scarce, places and money: lowered at once, raised only by what others have given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Places: TypeAlias = Mapping[str, Mapping[str, int]]
"""Holder -> model -> places."""


def fair_places(
    wanted: Places, total: int, per_model: int, holders: Mapping[str, int] | None = None
) -> dict[str, dict[str, int]]:
    """Return how many places each holder should have of each model, none getting more than it wants.

    Parameters
    ----------
    wanted : mapping
        Those that have a place now come first among the holders of a model.
    total, per_model : int
        Places in all, and of any one model.
    holders : mapping, optional
        By model, how many holders may have places of it at most.

    Examples
    --------
    >>> fair_places({"a": {"m": 9}, "b": {"m": 1, "n": 9}}, total=8, per_model=4)
    {'a': {'m': 3}, 'b': {'m': 1, 'n': 4}}
    """
    made: dict[str, dict[str, int]] = {holder: dict.fromkeys(models, 0) for holder, models in wanted.items()}
    left = total
    left_of = {model: per_model for models in wanted.values() for model in models}
    open_to = dict(holders or {})
    asking: list[tuple[str, str]] = []
    for holder, models in wanted.items():
        for model in (model for model, count in models.items() if count > 0):
            open_to[model] = open_to.get(model, len(wanted)) - 1
            if open_to[model] >= 0:
                asking.append((holder, model))
    while asking and left > 0:
        each = max(1, min(left, *left_of.values()) // (2 * len(asking)))
        still = []
        for holder, model in asking:
            more = min(each, left, left_of[model], wanted[holder][model] - made[holder][model])
            made[holder][model] += more
            left -= more
            left_of[model] -= more
            if left_of[model] > 0 and made[holder][model] < wanted[holder][model]:
                still.append((holder, model))
        left_of = {model: left_of[model] for model in {model for _, model in still}} or left_of
        asking = still
    return made


def next_places(desired: Places, held: Places, total: int, per_model: int) -> dict[str, dict[str, int]]:
    """Return what may be granted now: less at once, more only of what nobody holds any longer.

    Parameters
    ----------
    desired, held : mapping
        ``held`` counts what a holder may be using, whether or not it has heard that it is to use less.
    """
    free = total - sum(sum(models.values()) for models in held.values())
    free_of: dict[str, int] = {}
    for models in held.values():
        for model, count in models.items():
            free_of[model] = free_of.get(model, per_model) - count
    made: dict[str, dict[str, int]] = {}
    for holder, models in desired.items():
        made[holder] = {}
        for model, count in models.items():
            has = held.get(holder, {}).get(model, 0)
            more = max(0, min(count - has, free, free_of.get(model, per_model)))
            free, free_of[model] = free - more, free_of.get(model, per_model) - more
            made[holder][model] = min(count, has) + more
    return made


def next_money(limit: float, spent: Mapping[str, float], held: Mapping[str, float], gone: float) -> dict[str, float]:
    """Return up to which sum each holder may spend, counted from its beginning.

    Parameters
    ----------
    limit : float
    spent, held : mapping
        What each holder has spent, and what it may spend as far as it has heard.
    gone : float
        What was spent by those that are no holders any more.

    Examples
    --------
    >>> next_money(10.0, {"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 8.0}, 0.0)
    {'a': 2.0, 'b': 5.0}
    """
    left = limit - gone - sum(spent.values())
    free = limit - gone - sum(max(spent[holder], held.get(holder, 0.0)) for holder in spent)
    made: dict[str, float] = {}
    for holder, so_far in spent.items():
        desired, has = so_far + max(0.0, left) / len(spent), max(so_far, held.get(holder, 0.0))
        more = max(0.0, min(desired - has, free))
        free -= more
        made[holder] = min(desired, has) + more
    return made
