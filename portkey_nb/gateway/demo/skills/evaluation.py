"""A safe parser of sums, and the way to a result, step by step."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

__all__ = ["Step", "evaluate", "hint", "shown", "work_out"]

_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_BIGGEST = 10**30
_SIGNS: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "×",
    ast.Div: "÷",
    ast.FloorDiv: "//",
    ast.Mod: "mod",
    ast.Pow: "^",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on the way: how it reads, and what it gives."""

    said: str
    value: float


def evaluate(expression: str) -> float:
    """Work out an expression of numbers, ``+ - * / // % **`` and brackets.

    Raises
    ------
    ValueError
        When it is something else, or too big.
    """
    if len(expression) > 300:
        raise ValueError("too long")
    try:
        value = _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, OverflowError, RecursionError, MemoryError):
        value = math.nan
    if not abs(value) < _BIGGEST:
        raise ValueError("no sum, or too big")
    return value


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return -_value(node.operand) if isinstance(node.op, ast.USub) else _value(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow):
            if abs(right) > 100 or abs(left) > 10**6:
                raise ValueError("too big")
            power: object = left**right
            if not isinstance(power, (int, float)):
                raise ValueError("no real number")
            return power
        work = _OPERATORS.get(type(node.op))
        if work is not None:
            return work(left, right)
    raise ValueError("no sum")


def shown(value: float) -> str:
    """Return a number as people write it: whole when it is, else rounded to what matters."""
    if value == int(value) and abs(value) < _BIGGEST:
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    rounded = Decimal(repr(value)).quantize(Decimal("0.0001"), ROUND_HALF_EVEN).normalize()
    return f"{rounded:f}" if rounded else f"{value:.4g}"


def work_out(expression: str, *, slip: bool = False) -> list[Step]:
    """Return the operations in the order in which one does them.

    Parameters
    ----------
    expression : str
        As for `evaluate`.
    slip : bool
        Whether one product goes wrong by ten, or else one sum by one, and is carried along.
    """
    steps: list[Step] = []
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
        signs = [type(node.op) for node in ast.walk(tree) if isinstance(node, ast.BinOp)]
        slips = [ast.Mult if ast.Mult in signs else signs[0]] if slip and signs else []
        _walk(tree, steps, slips)
    except (SyntaxError, OverflowError, RecursionError, MemoryError, ValueError, ZeroDivisionError):
        return []
    return steps


def _walk(node: ast.expr, steps: list[Step], slips: list[type[ast.operator]]) -> float:
    if not isinstance(node, ast.BinOp):
        return _value(node) if not isinstance(node, ast.UnaryOp) else -_walk(node.operand, steps, slips)
    left, right = _walk(node.left, steps, slips), _walk(node.right, steps, slips)
    value = evaluate(f"({left!r}) {_plain_sign(node.op)} ({right!r})")
    if slips and isinstance(node.op, slips[0]):
        value += 10 if slips.pop() is ast.Mult and abs(value) >= 100 else 1
    shown_right = f"({shown(right)})" if right < 0 else shown(right)
    steps.append(Step(f"{shown(left)} {_SIGNS[type(node.op)]} {shown_right}", value))
    return value


def _plain_sign(sign: ast.operator) -> str:
    return {"×": "*", "÷": "/", "mod": "%", "^": "**"}.get(_SIGNS[type(sign)], _SIGNS[type(sign)])


def hint(expression: str, value: float) -> tuple[str, ...]:
    """Say what is worth knowing about the way."""
    product = re.fullmatch(r"(\d+)\s*\*\s*(\d+)", expression)
    if product:
        left, right = int(product.group(1)), int(product.group(2))
        tens, ones = right // 10 * 10, right % 10
        if tens and ones and right < 1000:
            return (
                f"Split {right} into {tens} and {ones}: {left} × {tens} is {shown(left * tens)}, "
                f"{left} × {ones} is {shown(left * ones)}, and together that makes {shown(value)}.",
            )
        return (f"As a check, {shown(value)} ÷ {right} is {left} again.",) if right else ()
    if "(" in expression:
        return ("The brackets come first, then products and quotients, then sums.",)
    if re.search(r"[*/]", expression) and re.search(r"\d\s*[+-]", expression):
        return ("Products and quotients come before sums and differences.",)
    if "/" in expression and value != int(value):
        return ("The result is rounded to four places.",) if len(repr(value)) > 7 else ()
    return ()
