"""One Markdown parser for model text: CommonMark, tables, strikethrough and TeX mathematics; never raw HTML."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from portkey_nb.views.safety import safe_url

_MAX_NESTING = 40
"""Levels of nesting that are followed; what lies deeper is text. Time grows with it on hostile brackets."""

_REACH = 20_000
_REACH_LINES = 100
"""How far the end of a formula is looked for, in characters and in lines."""

_DISPLAY = {"$$": "$$", "\\[": "\\]"}
_ENVIRONMENT = re.compile(r"\\begin\{([a-zA-Z]{1,20}\*?)\}")
# A price that runs on into words ("$5 to US$ and"): a number, a space and a word, and nothing of mathematics.
_SIGNS = re.compile(r"[\\^_={}+*<>|]")
_WORD = re.compile(r"\s\S*[^\W\d_]{2}")
# Letters may follow a formula as in "the $n$th" or "$p$s", else the dollar opens something new ("$HOME/$USER").
_SUFFIX = re.compile(r"(?:th|st|nd|rd|s|es)(?![A-Za-z0-9])")


def parser() -> MarkdownIt:
    """Return a parser whose links are http, https or mailto and whose mathematics are tokens of their own."""
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": _MAX_NESTING})
    markdown.enable(["table", "strikethrough"])
    markdown.validateLink = safe_url  # type: ignore[method-assign]
    markdown.inline.ruler.before("escape", "math_inline", _inline)
    stops = ["paragraph", "reference", "blockquote", "list"]
    markdown.block.ruler.before("fence", "math_block", _block, {"alt": stops})
    return markdown


def balanced(tex: str) -> bool:
    """Tell whether braces pair up, without which MathJax and Markdown readers look for the end elsewhere."""
    depth = 0
    for match in re.finditer(r"\\.|[{}]", tex, re.DOTALL):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth < 0:
                return False
    return depth == 0


def tex_source(token: Token) -> str:
    """Return a formula with its delimiters, as the model wrote it."""
    if token.markup == "\\begin":
        return token.content
    closing = {"\\(": "\\)", "\\[": "\\]"}.get(token.markup, token.markup)
    return f"{token.markup}{token.content}{closing}"


def _closing(source: str, start: int, mark: str, limit: int, memo: dict[tuple[str, int], int]) -> int:
    """Find the closing delimiter that no backslash escapes; -1 where there is none within reach.

    ``memo`` keeps the place from which none was found, so that many openings without an end cost no more than one.
    """
    end = min(limit, start + _REACH)
    if start >= memo.get((mark, limit), limit + 1):
        return -1
    at = source.find(mark, start, end)
    while at > 0 and mark[0] == "$" and _escaped(source, at):
        at = source.find(mark, at + 1, end)
    if at < 0 and end == limit:
        memo[mark, limit] = start
    return at


def _escaped(source: str, at: int) -> bool:
    before = at
    while before > 0 and source[before - 1] == "\\":
        before -= 1
    return (at - before) % 2 == 1


def _inline(state: StateInline, silent: bool) -> bool:
    source, at = state.src, state.pos
    if source[at] not in "$\\":
        return False
    memo = state.env.setdefault("math", {}).setdefault(id(state.tokens), {})
    read = _dollars if source[at] == "$" else _brackets
    found = read(source, at, state.posMax, memo)
    if found is None:
        return False
    markup, content, end = found
    if not silent:
        token = state.push("math_inline", "", 0)
        token.markup, token.content = markup, content
    state.pos = end
    return True


def _dollars(source: str, at: int, limit: int, memo: dict[tuple[str, int], int]) -> tuple[str, str, int] | None:
    """Read ``$..$`` by pandoc's rule, and ``$$..$$``; a digit or letter beside it means money or a variable."""
    if source.startswith("$$", at):
        close = _closing(source, at + 2, "$$", limit, memo)
        content = source[at + 2 : close]
        return ("$$", content, close + 2) if close > 0 and content.strip() and balanced(content) else None
    before, after = source[at - 1 : at], source[at + 1 : at + 2]
    if not after or after.isspace() or (before and (before.isalnum() or before == "$")):
        return None
    close = _closing(source, at + 1, "$", limit, memo)
    if close < 0:
        return None
    content, behind = source[at + 1 : close], source[close + 1 : close + 6]
    if content[-1:].isspace() or "`" in content or (behind and behind[0] in "0123456789$"):
        return None
    if behind[:1].isalpha() and not _SUFFIX.match(behind):
        return None
    money = content[0].isdigit() and _WORD.search(content) and not _SIGNS.search(content)
    return None if money or not balanced(content) else ("$", content, close + 1)


def _brackets(source: str, at: int, limit: int, memo: dict[tuple[str, int], int]) -> tuple[str, str, int] | None:
    r"""Read ``\(..\)``, ``\[..\]`` and ``\begin{..}..\end{..}``."""
    opening = source[at : at + 2]
    inside, mark, markup = at + 2, {"\\(": "\\)", "\\[": "\\]"}.get(opening, ""), opening
    if not mark:
        match = _ENVIRONMENT.match(source, at, limit)
        if not match:
            return None
        opening, inside, mark, markup = match[0], match.end(), f"\\end{{{match[1]}}}", "\\begin"
    close = _closing(source, inside, mark, limit, memo)
    if close < 0:
        return None
    content = source[inside:close]
    if opening in content or "$" in content or not content.strip() or not balanced(content):
        return None
    end = close + len(mark)
    return markup, source[at:end] if markup == "\\begin" else content, end


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    r"""Read ``$$`` or ``\[`` at the start of a line up to the line that ends with its partner; no blank lines."""
    start = state.bMarks[first] + state.tShift[first]
    opening = state.src[start : start + 2]
    if opening not in _DISPLAY or state.is_code_block(first):
        return False
    mark, text, lines = _DISPLAY[opening], "", []
    for line in range(first, min(last, first + _REACH_LINES)):
        if line > first and (state.isEmpty(line) or state.sCount[line] < state.blkIndent):
            return False
        begin = state.bMarks[line] + state.tShift[line] + (2 if line == first else 0)
        text = state.src[begin : state.eMarks[line]]
        if mark in text:
            break
        if opening in text:
            return False
        lines.append(text)
    else:
        return False
    body, _, rest = text.partition(mark)
    content = "\n".join([*lines, body])
    if rest.strip() or not content.strip() or not balanced(content) or (opening == "\\[" and "$" in content):
        return False
    if not silent:
        token = state.push("math_block", "", 0)
        token.markup, token.content, token.block, token.map = opening, content, True, [first, line + 1]
    state.line = line + 1
    return True
