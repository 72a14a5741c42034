"""Code -> HTML in few bytes: pygments decides what a word is, five colours of the notebook's theme show it.

Colours are inline and name CSS variables that an enclosing element sets once: a ``style`` element would be dropped by
JupyterLab for notebooks not yet trusted, and by GitHub, and would reach beyond this output; spelled out in each word
they would cost 60 bytes instead of 20. Keywords are ``b`` and comments ``i``: code reads well where all CSS is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Error, Keyword, Literal, Name, Number, Operator, String, _TokenType

from portkey_nb.views.safety import escape

# The reply names the language and writes the code: only lexers in wide use are run, on a few thousand characters at a
# time, for some need quadratic time on hostile text (50 s for 100 KB of `a<a<` as Java).
_NAMES = """
bash c c# c++ cfg clojure console cpp cs csharp css dart diff docker dockerfile elixir erlang ex f# fsharp go
golang graphql haskell hcl hs html http ini ipython ipython3 java javascript jl js json json5 jsonc jsx julia
kotlin kt latex lua make makefile matlab mysql nix ocaml octave patch perl php postgresql powershell proto ps1
py pycon python python3 r rb rs ruby rust scala scss sh shell sql sqlite3 svg swift terraform tex toml ts tsx
typescript vb xml yaml yml zig zsh
"""
_LANGUAGES = frozenset(_NAMES.split())
_ALIASES = {"json5": "json", "jsonc": "json", "svg": "xml", "ipython3": "python", "ipython": "python", "patch": "diff"}
_MAX_CODE, _MAX_LINE = 8_000, 2_000
_CONTEXT_LINES = 32

# Fallback colours read on white and on black alike.
_THEME = {
    "k": ("keyword", "#9a5fd6"),
    "s": ("string", "#c0562f"),
    "n": ("number", "#2b8a57"),
    "c": ("comment", "#7d8590"),
    "d": ("def", "#3b82d6"),
}
# JupyterLab wraps code and gives it a background of its own, which would stripe ours.
_CODE_STYLE = "white-space:pre;background:none;padding:0"
_PRE_STYLE = (
    "overflow-x:auto;margin:.6em 0;padding:.6em .8em;border-radius:4px;line-height:1.45;"
    "background:rgba(127,127,127,.12)"
)
COLOURS = ";".join(f"--{key}:var(--jp-mirror-editor-{name}-color,{color})" for key, (name, color) in _THEME.items())
"""The style of whatever encloses code: the colours that its words name."""

_STYLES: list[tuple[Any, str]] = [
    (Comment.Preproc, "d"),
    (Comment, "c"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (String, "s"),
    (Number, "n"),
    (Literal, "n"),
    (Name.Function, "d"),
    (Name.Class, "d"),
    (Name.Decorator, "d"),
    (Name.Tag, "k"),
    (Name.Attribute, "d"),
    (Error, ""),
]
_TAGS = {"k": "b", "c": "i", "s": "span", "n": "span", "d": "span"}
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,30}")


def language_of(info: str) -> str:
    """Return the language that a code fence names, or an empty string where its first word is no plain name."""
    match = _LANGUAGE.match(info.strip().strip("{.").split(maxsplit=1)[0] if info.strip(" {.}") else "")
    return match[0] if match else ""


def highlight(source: str, language: str) -> str:
    """Return code as HTML with few, merged spans; escaped alone where the language is not known."""
    if len(source) > _MAX_CODE:
        return GrowingCode(language).add(source.removesuffix("\n").split("\n"))
    return "".join(_mark(style, text) for style, text in _runs(source, language))


def open_pre() -> str:
    """Return the opening tags of a block of code."""
    return f'<pre style="{_PRE_STYLE}"><code style="{_CODE_STYLE}">'


def render_code(source: str, language: str) -> str:
    """Return a whole block of code."""
    return f"{open_pre()}{highlight(source, language)}</code></pre>\n"


def with_colours(html: str) -> str:
    """Enclose HTML in an element that sets the colours of code, where it has some."""
    return f'<div style="{COLOURS}">{html}</div>' if "color:var(--" in html else html


def _mark(style: str, text: str) -> str:
    if not style or text.isspace():
        return escape(text)
    tag = _TAGS[style]
    return f"<{tag} style=color:var(--{style})>{escape(text)}</{tag}>"  # quotes would be a tenth of it


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    name = language.lower()
    return get_lexer_by_name(_ALIASES.get(name, name), stripnl=False, ensurenl=False) if name in _LANGUAGES else None


@lru_cache(maxsize=512)
def _style(token: _TokenType) -> str:
    return next((style for kind, style in _STYLES if token in kind), "")


def _runs(source: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield runs of one style; blank between two runs of the same style joins them."""
    lexer = _lexer(language)
    if lexer is None or len(source) > _MAX_CODE or any(len(line) > _MAX_LINE for line in source.split("\n")):
        yield "", source
        return
    style, text = "", ""
    for _, token, value in lexer.get_tokens_unprocessed(source):
        new = style if value.isspace() and "\n" not in value else _style(token)
        if new == style:
            text += value
            continue
        if text:
            yield style, text
        style, text = new, value
    if text:
        yield style, text


class GrowingCode:
    """Highlight code line by line: each new line is read with the lines before it that decide what it means.

    Parameters
    ----------
    language : str
        As the fence names it.
    """

    def __init__(self, language: str) -> None:
        self._language = language
        self._context: list[str] = []

    def add(self, lines: list[str]) -> str:
        """Return the HTML of new whole lines, each ending in a newline."""
        if len(lines) == 1:
            return self._add(lines)
        shown: list[str] = []
        part: list[str] = []
        for line in lines:
            if part and (len(part) == _CONTEXT_LINES or sum(map(len, part)) + len(line) > _MAX_LINE):
                shown.append(self._add(part))
                part = []
            part.append(line)
        return "".join([*shown, self._add(part)])

    def _add(self, lines: list[str]) -> str:
        new = "".join(line + "\n" for line in lines)
        if _lexer(self._language) is None:
            return escape(new)
        before = "".join(line + "\n" for line in self._context)
        html: list[str] = []
        at = 0
        for style, text in _runs(before + new, self._language):
            cut = max(0, len(before) - at)
            at += len(text)
            html.extend(_mark(style, part) for part in text[cut:].splitlines(keepends=True) if part)
        self._remember(lines)
        return "".join(html)

    def _remember(self, lines: list[str]) -> None:
        """Keep the lines from the last one that begins at the left margin, and never more than a screenful."""
        self._context += lines
        whole = "\n".join(self._context)
        if whole.count('"""') % 2 or whole.count("'''") % 2 or whole.count("/*") > whole.count("*/"):
            start = max(0, len(self._context) - 4 * _CONTEXT_LINES)
        else:
            margin = (at for at in range(len(self._context) - 1, -1, -1) if self._context[at][:1].strip(" \t)]}"))
            start = max(next(margin, 0), len(self._context) - _CONTEXT_LINES)
        del self._context[: start if len(whole) <= _MAX_CODE - 2 * _MAX_LINE else None]
