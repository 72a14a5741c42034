"""Cells that IPython would take for something else: kept whole for the magics, before anything reads them."""

from __future__ import annotations

import re

_EMPTY = re.compile(r"%%portkey(_config)?\b(?!\?)")
_QUESTION = re.compile(r"(?P<before>\s*(?:[\w.,\s]+=\s*)?)%portkey[ \t]+(?P<line>.*\S[^\S\n]*\?+|\?.*\S.*)[ \t]*\n?$")


def hold_together(lines: list[str]) -> list[str]:
    """Give an empty cell a body, and keep IPython's help from taking a prompt that ends in a question mark.

    Examples
    --------
    >>> hold_together(["%%portkey -h\\n"])
    ['%%portkey -h\\n', '\\n']
    >>> hold_together(["%portkey what is love?\\n"])
    ["get_ipython().run_line_magic('portkey', 'what is love?')\\n"]
    """
    if lines and lines[0].startswith("%%"):
        if len(lines) == 1 and _EMPTY.match(lines[0]):
            return [lines[0].rstrip("\n") + "\n", "\n"]
        return lines
    if any('"""' in line or "'''" in line for line in lines):
        return lines  # a line inside a text of several lines is no magic
    return [_kept(line) for line in lines]


def _kept(line: str) -> str:
    found = _QUESTION.match(line)
    if found is None:
        return line
    return f"{found['before']}get_ipython().run_line_magic('portkey', {found['line']!r})\n"
