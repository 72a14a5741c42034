"""Reading HTML as a page would, to say what in it could run, fetch or mislead."""

from __future__ import annotations

import re
from html.parser import HTMLParser

TAGS = frozenset(
    [
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "del",
        "details",
        "div",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "span",
        "strong",
        "summary",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
ATTRIBUTES = frozenset(["align", "class", "href", "rel", "start", "style", "target"])
_STYLE = re.compile(r"[\w\s:;,.()#%+/-]*")
_HREF = re.compile(r"(?:https?://[^/]|mailto:.)", re.IGNORECASE)
_VOID = frozenset({"br", "hr"})


class Page(HTMLParser):
    """What a page would make of a fragment: dangers found, text outside code, formulas for MathJax."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.dangers: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.strings: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.dangers.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.dangers.append(f"{tag} {name}={value!r}")
            if name == "style" and ("url" in (value or "").lower() or not _STYLE.fullmatch(value or "")):
                self.dangers.append(f"{tag} style={value!r}")
            if name == "href":
                self.links.append(value or "")
                if not _HREF.match(value or ""):
                    self.dangers.append(f"{tag} href={value!r}")
        if tag not in _VOID:
            self.open.append((tag, dict(attrs).get("class") or ""))
        self.strings.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            self.dangers.append(f"</{tag}> does not close {self.open[-1:]}")
        else:
            self.open.pop()
        self.strings.append("")

    def handle_data(self, data: str) -> None:
        self.words += data
        if not any(tag in ("pre", "code") or "mathjax_ignore" in kind for tag, kind in self.open):
            self.strings = self.strings or [""]
            self.strings[-1] += data

    def handle_comment(self, data: str) -> None:
        self.dangers.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.dangers.append(f"<!{decl}")

    def handle_pi(self, data: str) -> None:
        self.dangers.append(f"<?{data}")

    def unknown_decl(self, data: str) -> None:
        self.dangers.append(f"<![{data}")

    @property
    def formulas(self) -> list[str]:
        """What MathJax would typeset, found string by string as MathJax finds it."""
        pattern = re.compile(
            r"\$\$.+?\$\$|\$.+?\$|\\\(.+?\\\)|\\\[.+?\\\]|\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL
        )
        found = []
        for string in self.strings:
            plain = re.sub(r"\\[\\$]", "  ", string)
            found += [string[match.start() : match.end()] for match in pattern.finditer(plain)]
        return found


def dangers(html: str) -> list[str]:
    """Return what in a complete fragment is not harmless, unclosed elements among it."""
    page = Page(html)
    return page.dangers + [f"<{tag}> left open" for tag, _ in page.open]


def assemble(ops: list[str]) -> str:
    """Return the HTML that a page has made of a growing reply's ops, its open elements closed."""
    html, stack = "", []
    for op in ops:
        if op[0] == "=":
            html += op[1:]
        elif op[0] == "-":
            html += stack.pop()
        else:
            # The place to go on is inside the innermost last element: right before the closing tags at the end.
            closing = re.search(r"(?:</\w+>)+$", op)
            assert closing is not None, op
            html += op[1 : closing.start()]
            stack.append(closing[0])
    return html + "".join(reversed(stack))
