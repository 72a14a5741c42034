"""Conditional routing: queries over metadata, parameters and the path, as in the open-source gateway 1.15.2."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["OPERATORS", "Condition", "matching", "query_problem"]

Condition = tuple[Mapping[str, Any], str]
"""A query, and the name of the target that it leads to."""
OPERATORS = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex")
_PLACES = ("metadata.", "params.", "url.")


def matching(conditions: Sequence[Condition], default: str | None, facts: Mapping[str, Any]) -> str | None:
    """Return the name of the target that the first fitting query leads to, else the default.

    Parameters
    ----------
    facts : mapping
        ``metadata``, ``params`` and ``url`` of the request.

    Examples
    --------
    >>> rules = [({"metadata.tier": {"$eq": "paid"}}, "best"), ({"params.max_tokens": {"$lt": 100}}, "quick")]
    >>> matching(rules, None, {"metadata": {"tier": "free"}, "params": {"max_tokens": 50}})
    'quick'
    """
    return next((then for query, then in conditions if _fits(query, facts)), default)


def _fits(query: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Tell whether every part of a query holds."""
    for key, wanted in query.items():
        if key in ("$and", "$or"):
            parts = [_fits(part, facts) for part in wanted]
            if not (all(parts) if key == "$and" else any(parts)):
                return False
            continue
        value = _value_at(key, facts)
        tests = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
        if not all(_holds(operator, value, other) for operator, other in tests.items()):
            return False
    return True


def _value_at(key: str, facts: Mapping[str, Any]) -> Any:
    """Return what stands under a path; it has two levels, and what follows the first dot is one name."""
    place, _, name = key.partition(".")
    inside = facts.get(place)
    return inside.get(name) if isinstance(inside, Mapping) else None


def _holds(operator: str, value: Any, other: Any) -> bool:
    if operator in ("$gt", "$gte", "$lt", "$lte"):
        left, right = _number(value), _number(other)
        # A comparison with what is no number never holds.
        return {"$gt": left > right, "$gte": left >= right, "$lt": left < right, "$lte": left <= right}[operator]
    if operator == "$in":
        return any(_same(value, one) for one in other)
    if operator == "$nin":
        return not any(_same(value, one) for one in other)
    if operator == "$regex":
        return isinstance(value, str) and re.search(str(other), value) is not None
    return _same(value, other) if operator == "$eq" else not _same(value, other)


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def query_problem(query: Any) -> str | None:
    """Return what is wrong with a query, in one line; None when nothing is."""
    if not isinstance(query, Mapping) or not query:
        return "Expected an object with at least one condition"
    for key, wanted in query.items():
        if key in ("$and", "$or"):
            if not isinstance(wanted, list) or not wanted:
                return f"{key} takes a list of queries"
            problem = next((found for part in wanted if (found := query_problem(part))), None)
        else:
            problem = _test_problem(str(key), wanted)
        if problem:
            return problem
    return None


def _test_problem(key: str, wanted: Any) -> str | None:
    if not key.startswith(_PLACES):
        return f"'{key}' is no path of a query; use metadata.NAME, params.NAME or url.pathname"
    for operator, other in (wanted if isinstance(wanted, Mapping) else {}).items():
        if operator not in OPERATORS:
            return f"'{operator}' is no operator; use one of {', '.join(OPERATORS)}"
        if operator in ("$in", "$nin") and not isinstance(other, list):
            return f"{operator} takes a list"
        if operator == "$regex":
            try:
                re.compile(str(other))
            except re.error as error:
                return f"{other!r} is no regular expression: {error}"
    return None
