"""Markdown that is still being written -> HTML that is only ever added to, and an open rest as plain text.

Lines are read as CommonMark reads them (containers first, then leaves), far enough to know when a paragraph, a list
item, a table row or a line of code cannot change any more. That part alone is then rendered, by the same renderer as
the whole: each character is parsed once, and what the page already shows is never sent again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.views.fragments import block_html, inline_html
from portkey_nb.views.highlighting import GrowingCode, language_of, open_pre
from portkey_nb.views.safety import strip_odd

_MAX_DEPTH = 12

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$")
_QUOTE = re.compile(r" {0,3}> ?")
_ITEM = re.compile(r"( {0,3})([-+*]|\d{1,9}[.)])( {1,4}(?=\S)| +|$)")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)\s*$")
_TABLE_RULE = re.compile(r"[|:\- \t]*-[|:\- \t]*")
_MAX_HEADER, _MAX_CELLS = 2_000, 40
_MATH = re.compile(r" {0,3}(\$\$|\\\[)")
# Enough of an unfinished line to know that it begins a new block.
_BEGINS = re.compile(r"\s*(?:[-+*]|\d{1,9}[.)])\s+\S|\s*#{1,6}\s+\S|\s*>\s*\S")


@dataclass(frozen=True)
class Update:
    """What has changed since the last update.

    Attributes
    ----------
    ops : list[str]
        In order: ``+HTML`` adds an element and goes into its innermost last element, ``=HTML`` adds to the element one
        is in, ``-`` leaves it. All of it is safe.
    tail : str
        Open text to be added to the tail, which is text and never HTML.
    reset : bool
        Whether the tail is emptied first.
    """

    ops: list[str]
    tail: str
    reset: bool


@dataclass
class _Frame:
    """An open container: ``quote``, ``list`` or ``item``."""

    kind: str
    indent: int = 0
    mark: str = ""
    empty: bool = True


@dataclass
class _Leaf:
    """An open block that holds text: ``para``, ``fence``, ``table``, ``math`` or ``indented``."""

    kind: str
    lines: list[str] = field(default_factory=list)
    mark: str = ""
    indent: int = 0
    code: GrowingCode | None = None


class GrowingMarkdown:
    """A reply as it grows.

    Examples
    --------
    >>> growing = GrowingMarkdown()
    >>> growing.feed("One *two*\\n\\nThr")
    Update(ops=['=<p>One <em>two</em></p>\\n'], tail='Thr', reset=True)
    """

    def __init__(self) -> None:
        self._frames: list[_Frame] = []
        self._leaf: _Leaf | None = None
        self._line: list[str] = []
        self._peeked = False
        self._ops: list[str] = []
        self._tail: list[str] = []
        self._reset = False
        self._env: dict[str, Any] = {}
        self._return = False

    def feed(self, delta: str) -> Update:
        """Take what came and return what of it is closed, and what is open."""
        if self._return and delta.startswith("\n"):
            delta = delta[1:]
        self._return = delta.endswith("\r")
        text = strip_odd(delta.replace("\r\n", "\n").replace("\r", "\n"))
        *whole, rest = text.split("\n")
        for part in whole:
            self._line.append(part)
            line = "".join(self._line)
            self._line, self._peeked = [], False
            self._tail.append(part + "\n")
            before = len(self._ops)
            leaf = self._leaf
            self._read(line)
            if len(self._ops) > before or self._leaf is not leaf:
                self._restart(line + "\n")
            elif self._leaf is None:
                self._tail.pop()  # a blank line between blocks is nothing to be seen
        if rest:
            self._line.append(rest)
            self._tail.append(self._dedented(rest))
            self._peek()
        return self._take()

    def finish(self) -> Update:
        """Close whatever is open."""
        if self._line:
            self._read("".join(self._line))
            self._line = []
        self._close_to(0)
        self._tail, self._reset = [], True
        return self._take()

    def _take(self) -> Update:
        update = Update(_merge(self._ops), "".join(self._tail), self._reset)
        self._ops, self._tail, self._reset = [], [], False
        return update

    def _restart(self, line: str) -> None:
        """Empty the tail of what has been closed; a leaf that holds this line open keeps it there."""
        leaf = self._leaf
        self._reset = True
        self._tail = [line] if not line.endswith("\n") or (leaf and leaf.kind not in ("fence", "table")) else []

    def _dedented(self, part: str) -> str:
        """Leave out of an unfinished line of code the indentation that belongs to the list around it."""
        indent = sum(frame.indent for frame in self._frames)
        if not indent or self._leaf is None or self._leaf.kind != "fence":
            return part
        begun = sum(map(len, self._line[:-1])) if len(self._line) <= indent + 1 else indent
        return part[max(0, indent - begun) :] if begun < indent else part

    def _peek(self) -> None:
        """Close a paragraph as soon as an unfinished line begins a new block."""
        if self._peeked or self._leaf is None or self._leaf.kind != "para":
            return
        line = "".join(self._line)
        if len(line) > 400 or _BEGINS.match(line):
            self._peeked = True
            _, rest = self._match_containers(line)
            if _BEGINS.match(rest) and self._starts_block(rest):
                self._close_leaf()
                self._restart(line)

    def _read(self, line: str) -> None:
        """Take in one whole line."""
        depth, rest = self._match_containers(line)
        leaf = self._leaf
        blank = not rest.strip()
        if depth < len(self._frames):
            if leaf and leaf.kind == "para" and not blank and not self._starts_block(rest):
                leaf.lines.append(rest.lstrip())
                return
            if not (blank and self._frames[depth].kind != "quote"):
                self._close_to(depth)
        leaf = self._leaf
        if leaf and leaf.kind != "para" and self._continue_leaf(leaf, rest):
            return
        rest = self._open_containers(rest)
        self._read_leaf(rest)

    def _match_containers(self, line: str) -> tuple[int, str]:
        """Return how many open containers the line stands in, and what is left of it."""
        rest = line.expandtabs(4) if line[:1] in " \t" else line
        for depth, frame in enumerate(self._frames):
            if frame.kind == "list":
                continue
            if frame.kind == "quote":
                match = _QUOTE.match(rest)
                if not match:
                    return depth, rest
                rest = rest[match.end() :]
            elif rest.strip():
                if len(rest) - len(rest.lstrip(" ")) < frame.indent:
                    return depth, rest
                rest = rest[frame.indent :]
        return len(self._frames), rest

    def _starts_block(self, rest: str) -> bool:
        item = _ITEM.match(rest)
        if item and rest[item.end() :].strip():
            # A number other than 1 only goes on with a list; it does not cut a paragraph.
            return item[2] in "-+*" or item[2][:-1] == "1" or any(frame.kind == "list" for frame in self._frames)
        patterns = (_FENCE, _QUOTE, _RULE, _HEADING, _MATH)
        return any(pattern.match(rest) for pattern in patterns)

    def _continue_leaf(self, leaf: _Leaf, rest: str) -> bool:
        """Give a line to an open fence, table, formula or indented code; False where that leaf has ended."""
        if leaf.kind == "fence":
            closing = rest.strip()
            if len(closing) >= len(leaf.mark) and not closing.strip(leaf.mark[0]) and not rest.startswith("    "):
                self._close_leaf()
            else:
                lead = min(leaf.indent, len(rest) - len(rest.lstrip(" ")))
                self._ops.append("=" + (leaf.code.add([rest[lead:]]) if leaf.code else ""))
            return True
        if leaf.kind == "table":
            if rest.strip() and not self._starts_block(rest):
                self._row(leaf, rest)
                return True
            self._close_leaf()
            return False
        if leaf.kind == "math":
            if rest.strip():
                leaf.lines.append(rest)
                if leaf.mark in rest:
                    self._close_leaf()
                return True
            self._close_leaf()
            return False
        if rest.startswith("    ") or not rest.strip():
            leaf.lines.append(rest)
            return True
        self._close_leaf()
        return False

    def _open_containers(self, rest: str) -> str:
        """Open the quotes and list items that a line begins with, and return what is left of it."""
        while len(self._frames) < _MAX_DEPTH:
            top = self._frames[-1] if self._frames else None
            quote, item = _QUOTE.match(rest), _ITEM.match(rest)
            if quote:
                self._leave_list(top)
                self._push(_Frame("quote"), "<blockquote></blockquote>")
                rest = rest[quote.end() :]
                continue
            if not item or _RULE.match(rest) or (self._leaf and not self._starts_block(rest)):
                break
            self._open_item(top, item)
            rest = rest[item.end() :] if item[3] else ""
        top = self._frames[-1] if self._frames else None
        if rest.strip():
            self._leave_list(top)
        return rest

    def _open_item(self, top: _Frame | None, item: re.Match[str]) -> None:
        mark = item[2][-1]
        if top is None or top.kind != "list" or top.mark != mark:
            self._leave_list(top)
            number = item[2][:-1]
            start = f' start="{int(number)}"' if number and number != "1" else ""
            self._push(_Frame("list", mark=mark), f"<ol{start}></ol>" if number else "<ul></ul>")
        width = len(item[3]) if 1 <= len(item[3]) <= 4 else 1
        self._push(_Frame("item", indent=len(item[1]) + len(item[2]) + width), "<li></li>")

    def _leave_list(self, top: _Frame | None) -> None:
        if top is not None and top.kind == "list":
            self._close_to(len(self._frames) - 1)

    def _push(self, frame: _Frame, html: str) -> None:
        self._close_leaf()
        self._frames.append(frame)
        self._ops.append("+" + html)

    def _close_to(self, depth: int) -> None:
        self._close_leaf()
        while len(self._frames) > depth:
            self._frames.pop()
            self._ops.append("-")

    def _read_leaf(self, rest: str) -> None:
        """Take in what a line holds inside its containers."""
        leaf = self._leaf
        if not rest.strip():
            self._close_leaf()
        elif leaf is not None and _UNDERLINE.match(rest):
            leaf.lines.append(rest)
            self._close_leaf() if not _TABLE_RULE.fullmatch(rest) else self._table_or_heading(leaf)
        elif _HEADING.match(rest) or _RULE.match(rest):
            self._close_leaf()
            self._add(block_html(rest, self._env))
        elif fence := _FENCE.match(rest):
            self._close_leaf()
            code = GrowingCode(language_of(fence[2]))
            self._leaf = _Leaf("fence", mark=fence[1], indent=len(rest) - len(rest.lstrip(" ")), code=code)
            self._ops.append(f"+{open_pre()}</code></pre>")
        elif math := _MATH.match(rest):
            self._close_leaf()
            mark = "$$" if math[1] == "$$" else "\\]"
            self._leaf = _Leaf("math" if mark not in rest[math.end() :] else "para", [rest], mark)
        elif leaf is None:
            self._leaf = _Leaf("indented" if rest.startswith("    ") else "para", [rest])
        else:
            leaf.lines.append(rest)
            if len(leaf.lines) == 2 and "|" in leaf.lines[0] + rest and _TABLE_RULE.fullmatch(rest):
                self._open_table(leaf)

    def _table_or_heading(self, leaf: _Leaf) -> None:
        if len(leaf.lines) == 2 and "|" in leaf.lines[0]:
            self._open_table(leaf)
        if self._leaf is leaf:
            self._close_leaf()

    def _open_table(self, leaf: _Leaf) -> None:
        if len(leaf.lines[0]) > _MAX_HEADER or leaf.lines[0].count("|") > _MAX_CELLS:
            return
        html = block_html("\n".join(leaf.lines), self._env).strip()
        if "<table>" in html and html.endswith("</table></div>"):
            self._leaf = _Leaf("table", leaf.lines)
            self._ops.append("+" + html.removesuffix("</table></div>") + "<tbody></tbody></table></div>")
            self._mark_filled()

    def _row(self, leaf: _Leaf, row: str) -> None:
        html = block_html("\n".join([*leaf.lines, row]), self._env)
        match = re.search(r"<tbody>(.*)</tbody>", html, re.DOTALL)
        self._ops.append("=" + (match[1].strip() if match else ""))

    def _close_leaf(self) -> None:
        """Render the open leaf; from here on it cannot change."""
        leaf, self._leaf = self._leaf, None
        if leaf is None:
            return
        if leaf.kind in ("fence", "table"):
            self._ops.append("-")
            return
        source = "\n".join(leaf.lines)
        top = self._frames[-1] if self._frames else None
        tight = leaf.kind == "para" and top is not None and top.kind == "item" and top.empty
        self._add(inline_html(source, self._env) if tight else block_html(source, self._env))

    def _add(self, html: str) -> None:
        self._ops.append("=" + html)
        self._mark_filled()

    def _mark_filled(self) -> None:
        if self._frames:
            self._frames[-1].empty = False


def _merge(ops: list[str]) -> list[str]:
    """Join what is added one after the other to the same element."""
    merged: list[str] = []
    added: list[str] = []  # joined once: adding to a string that grows would take quadratic time
    for op in ops:
        if op[0] == "=":
            added.append(op[1:])
            continue
        if any(added):
            merged.append("=" + "".join(added))
        added = []
        merged.append(op)
    return [*merged, "=" + "".join(added)] if any(added) else merged
