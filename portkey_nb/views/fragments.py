"""Parsed model text -> HTML: every part that the text decides is escaped, checked or left out."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from portkey_nb.views.highlighting import language_of, render_code
from portkey_nb.views.parsing import parser, tex_source
from portkey_nb.views.safety import escape, escape_prose, host_of, safe_tex

_Tokens = Sequence[Token]


class _Renderer(RendererHTML):
    """Tokens -> HTML, with every part that model text decides escaped, checked or left out."""

    def text(self, tokens: _Tokens, idx: int, *_: Any) -> str:
        return escape_prose(tokens[idx].content)

    def softbreak(self, tokens: _Tokens, idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        # A person means the end of a line as it stands; a model's text flows.
        return "<br>\n" if env.get("breaks") else "\n"

    def code_inline(self, tokens: _Tokens, idx: int, *_: Any) -> str:
        return _code(tokens[idx].content)

    def code_block(self, tokens: _Tokens, idx: int, *_: Any) -> str:
        return render_code(tokens[idx].content, "")

    def fence(self, tokens: _Tokens, idx: int, *_: Any) -> str:
        return render_code(tokens[idx].content, language_of(tokens[idx].info))

    def link_open(self, tokens: _Tokens, idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        env["links"] = env.get("links", 0) + 1
        return _anchor(str(tokens[idx].attrs.get("href", "")))

    def link_close(self, tokens: _Tokens, idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        env["links"] -= 1
        return "</a>"

    def image(self, tokens: _Tokens, idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        source = str(tokens[idx].attrs.get("src", ""))
        shown = escape_prose(image_label(tokens[idx], source))
        return shown if env.get("links") else f"{_anchor(source)}{shown}</a>"

    def math_inline(self, tokens: _Tokens, idx: int, *_: Any) -> str:
        token = tokens[idx]
        return f"<span>{_tex(token)}</span>" if safe_tex(token.content) else _code(tex_source(token))

    def math_block(self, tokens: _Tokens, idx: int, *_: Any) -> str:
        token = tokens[idx]
        if safe_tex(token.content):
            return f'<div style="overflow-x:auto">{_tex(token)}</div>\n'
        return render_code(tex_source(token) + "\n", "")

    def table_open(self, *_: Any) -> str:
        # Words stay whole, and a table without room scrolls: in prose a word may break anywhere.
        return '<div style="overflow-x:auto;overflow-wrap:normal"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"


def image_label(token: Token, source: str) -> str:
    """Return the words that stand for an image, which is never loaded: an address can carry a secret away."""
    alt = "".join(child.content for child in token.children or []).strip()
    return f"image: {alt} ({host_of(source)})" if alt else f"image ({host_of(source)})"


def _anchor(href: str) -> str:
    return f'<a href="{escape(href)}" target="_blank" rel="noopener noreferrer nofollow">'


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _tex(token: Token) -> str:
    return escape(tex_source(token))


def _markdown() -> MarkdownIt:
    markdown = parser()
    markdown.renderer = _Renderer()
    return markdown


_MARKDOWN = _markdown()


def block_html(text: str, env: dict[str, Any]) -> str:
    """Return a part of a reply as HTML; ``env`` carries the link references known so far from part to part."""
    env["math"], env["links"] = {}, 0
    return str(_MARKDOWN.render(text, env))


def inline_html(text: str, env: dict[str, Any]) -> str:
    """Return one paragraph's HTML without its ``<p>``, where it is one."""
    html = block_html(text, env).strip()
    match = re.fullmatch(r"<p>((?:(?!<p>).)*)</p>", html, re.DOTALL)
    return match[1] if match else html
