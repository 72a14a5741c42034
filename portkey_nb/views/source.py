"""Model text -> safe Markdown: written anew from the parsed tokens, so that no reader can run or fetch it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

from portkey_nb.views.highlighting import language_of
from portkey_nb.views.parsing import parser, tex_source
from portkey_nb.views.safety import host_of, safe_tex, strip_odd

_MARKDOWN = parser()

_ENTITY_LIKE = re.compile(r"&(?=#?\w)")
_BACKSLASH = re.compile(r"\\(?=[!-/:-@\[-`{-~]|begin\b|end\b|\s|$)")
_SPECIAL = re.compile(r"[*~$|]|(?<![^\W_])_|_(?![^\W_])")
_IMAGE_LIKE = re.compile(r"!(?=\[)")
_LINK_LIKE = re.compile(r"\](?=[(:\[])")
_DELIMITER = re.compile(r"&#92;(?=\\?[()\[\]]|begin\b|end\b)")
_BRACKET = re.compile(r"(?<!\\)[\[\]]")
# Some readers make a link of an address with another scheme, or with none.
_SLASHES = re.compile(r"(?<!http:)(?<!https:)//(?=\w)", re.IGNORECASE)
# What would start a block at the start of a line: heading, quote, list, rule, setext underline, fence, table rule.
_LINE_START = re.compile(r"^(?:#{1,6}(?=\s|$)|[-+*](?=\s|$)|[-=~:|]++(?=[\s|:=-]*$)|[-_*](?=[\s_*-]{2,}$)|~~~|>)")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_MARKS = {
    "softbreak": "\n",
    "hardbreak": "\\\n",
    "em_open": "*",
    "em_close": "*",
    "strong_open": "**",
    "strong_close": "**",
    "s_open": "~~",
    "s_close": "~~",
    "link_open": "[",
}
_HREF = str.maketrans(
    {"(": "%28", ")": "%29", "\\": "%5C", "*": "%2A", "$": "%24", "`": "%60", "|": "%7C", "&": "&amp;"}
)


def render_markdown(text: str) -> str:
    """Return model text as Markdown that is safe in any reader.

    Parameters
    ----------
    text : str
        Markdown as the model wrote it.

    Returns
    -------
    str
        The same reply with raw HTML escaped, images turned into links, links to anything but http, https and mailto
        taken out, reference links spelled out, and money escaped; code is left as it is.
    """
    lines = _Writer(_MARKDOWN.parse(text, {})).blocks()
    return "\n".join(lines).strip("\n")


def escape_markdown(text: str) -> str:
    """Write text so that a reader of Markdown shows it as it is, whatever stands in it.

    Examples
    --------
    >>> escape_markdown("<b> costs $5 & more*")
    '&lt;b> costs \\\\$5 & more\\\\*'
    """
    text = strip_odd(text).replace("\n", " ")
    text = _BACKSLASH.sub("&#92;", _ENTITY_LIKE.sub("&amp;", text))
    text = _IMAGE_LIKE.sub("&#33;", text.replace("`", "&#96;").replace("<", "&lt;"))
    text = _SPECIAL.sub(r"\\\g<0>", text)
    text = _LINK_LIKE.sub(r"\\]", text)
    text = _SLASHES.sub("/&#47;", text)
    # JupyterLab looks for mathematics in what Markdown has become, where a backslash protects no longer; a tag does.
    return _DELIMITER.sub("<span>&#92;</span>", text)


def code_span(text: str) -> str:
    """Return a code span whose fence is longer than any run of backticks inside."""
    text = strip_odd(text).replace("\n", " ")
    if not text.strip():
        return "&#96; &#96;"
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text[0] in " `" or text[-1] in " `" else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _fence(source: str, language: str) -> list[str]:
    source = strip_odd(source)
    mark = "`" * max(3, max((len(run) for run in re.findall("`+", source)), default=0) + 1)
    body = source[:-1] if source.endswith("\n") else source
    # With a word after it no opening fence can close another, should a reader lose one to what it takes for a formula.
    return [mark + (language or "text"), *(body.split("\n") if body else []), mark]


def _tex(token: Token, block: bool) -> list[str]:
    """Return a formula between dollars, without what would be HTML or a link to a reader that knows no formulas."""
    content = token.content.strip()
    content = content if token.markup == "\\begin" else content.replace("\n\n", "\n")
    display = block or token.markup in ("$$", "\\[", "\\begin")
    if not safe_tex(content) or re.search("[`$]|~~~", content) or re.search(r"\\text(?s:.)*[<>]", content):
        source = tex_source(token)
        return _fence(source + "\n", "latex") if block else [code_span(source)]
    content = strip_odd(content).replace("<", r"\lt ").replace(">", r"\gt ").replace("](", "]{}(").replace("]:", "]{}:")
    if block:
        return ["$$", *(line for line in content.split("\n") if line.strip()), "$$"]
    return ["$$" if display else "$", " ".join(content.split()), "$$" if display else "$"]


class _Writer:
    """A token stream turned into lines of Markdown, block by block."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def blocks(self, closing: str = "") -> list[str]:
        """Write blocks up to the closing token, with one blank line between them."""
        lines: list[str] = []
        last, tight = "", False
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == closing:
                break
            block = self._block(token, last)
            is_list = token.type.endswith("list_open")
            if lines and block and not (tight and is_list):
                lines.append("")
            lines += block
            tight = token.type == "paragraph_open" and token.hidden
            last = token.type + token.markup if is_list and last != token.type + token.markup else ""
        return lines

    def _block(self, token: Token, last: str) -> list[str]:
        kind = token.type
        if kind in ("paragraph_open", "heading_open"):
            inline = self._tokens[self._at]
            self._at += 2
            if kind == "paragraph_open":
                return _paragraph(inline)
            text = " ".join(_paragraph(inline))
            return [f"{'#' * int(token.tag[1])} {re.sub(r'#(?=#*$)', '&#35;', text)}".rstrip()]
        if kind in ("fence", "code_block"):
            return _fence(token.content, language_of(token.info) if kind == "fence" else "")
        if kind == "math_block":
            return _tex(token, block=True)
        if kind == "hr":
            return ["* * *"]
        if kind == "blockquote_open":
            return [f"> {line}".rstrip() for line in self.blocks("blockquote_close")] or [">"]
        if kind in ("bullet_list_open", "ordered_list_open"):
            return self._list(token, other=last == kind + token.markup)
        return self._table() if kind == "table_open" else []

    def _list(self, token: Token, other: bool) -> list[str]:
        ordered = token.type.startswith("ordered")
        number = int(token.attrs.get("start", 1)) if ordered else 0
        ends = {".": ")", ")": "."} if ordered else {"-": "*", "*": "-", "+": "-"}
        mark = ends[token.markup] if other else token.markup if ordered else "-"
        lines: list[str] = []
        while self._tokens[self._at].type == "list_item_open":
            self._at += 1
            first = self._tokens[self._at]
            loose = first.type == "paragraph_open" and not first.hidden
            lead = f"{number}{mark} " if ordered else f"{mark} "
            item = self.blocks("list_item_close") or [""]
            if lines and loose:
                lines.append("")
            lines.append((lead + item[0]).rstrip())
            lines += [(" " * len(lead) + line).rstrip() for line in item[1:]]
            number += 1
        self._at += 1
        return lines

    def _table(self) -> list[str]:
        rows: list[list[str]] = []
        rules: list[str] = []
        while (token := self._tokens[self._at]).type != "table_close":
            self._at += 1
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(" ".join(_paragraph(token, cell=True)))
            elif token.type == "th_open":
                align = str(token.attrs.get("style", "")).rpartition(":")[2]
                rules.append({"left": ":--", "right": "--:", "center": ":-:"}.get(align, "---"))
        self._at += 1
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return [*lines[:1], f"| {' | '.join(rules)} |", *lines[1:]]


def _paragraph(inline: Token, cell: bool = False) -> list[str]:
    """Write inline content as lines, none of which starts a block of its own."""
    parts: list[str] = []
    targets: list[str] = []
    tokens = inline.children or []
    # The same for dollars: one alone is safe, two make a formula, and one beside a formula joins it.
    dollars = sum(token.content.count("$") for token in tokens if token.type in ("text", "image"))
    guarded = dollars > 1 or any(token.type == "math_inline" for token in tokens)
    for token in tokens:
        if token.type == "link_open":
            targets.append(str(token.attrs.get("href", "")))
        part = f"]({_href(targets.pop())})" if token.type == "link_close" else _inline(token, bool(targets), cell)
        if part.startswith("`") and parts and parts[-1].endswith("`"):
            parts.append(" ")  # code spans that touch would be read as one
        if part.startswith("[") and parts and parts[-1].endswith("!"):
            parts[-1] = parts[-1][:-1] + "&#33;"
        if guarded and token.type in ("text", "image"):
            part = part.replace("\\$", "<span>\\$</span>")
        parts.append(part)
    return [_no_block(line.strip(" \t")) for line in "".join(parts).split("\n")]


def _no_block(line: str) -> str:
    return _NUMBERED.sub(r"\1\\\2", _LINE_START.sub(r"\\\g<0>", line, count=1), count=1)


def _inline(token: Token, linked: bool, cell: bool) -> str:
    kind = token.type
    if kind == "text":
        text = escape_markdown(token.content)
        return _BRACKET.sub(r"\\\g<0>", text) if linked else text
    if kind == "code_inline":
        span = code_span(token.content)
        return span.replace("|", "\\|") if cell else span
    if kind == "math_inline":
        text = "".join(_tex(token, block=False))
        return text.replace("|", r"\vert ") if cell else text
    return _image(token, linked) if kind == "image" else _MARKS.get(kind, "")


def _image(token: Token, linked: bool) -> str:
    source = str(token.attrs.get("src", ""))
    alt = "".join(child.content for child in token.children or []).strip()
    label = escape_markdown(f"image: {alt} ({host_of(source)})" if alt else f"image ({host_of(source)})")
    label = _BRACKET.sub(r"\\\g<0>", label)
    return label if linked else f"[{label}]({_href(source)})"


def _href(url: str) -> str:
    return strip_odd(url).translate(_HREF)
