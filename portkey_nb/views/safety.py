"""What of a model's text may reach a page: characters, escaping, link targets and TeX macros."""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

IGNORE = "tex2jax_ignore mathjax_ignore"
"""The classes by which MathJax 2 (nbconvert) and MathJax 3 (JupyterLab) are told to leave an element alone."""

# C0 and C1 controls but tab and newline, bidirectional overrides and embeddings, and the invisible tag characters in
# which text can be smuggled. Joiners stay (emoji and many scripts need them), as do isolates and direction marks.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\U000e0000-\U000e0fff]")
_BIDI = re.compile("[\u202a-\u202e]")
# MathJax looks for these in the text of a page; a backslash before punctuation is its own escape.
_MATH_LIKE = re.compile(r"(?:\$|\\(?=[()\[\]\\$]|begin\b|end\b|(?:eq)?ref\b|$))+")
_SCHEME = re.compile(r"(?:https?://[^\s/?#\\\[\]]|mailto:[^\s?#]+@)", re.IGNORECASE)
_MAX_TEX = 20_000

# Macros that make links, load code, set HTML attributes, act on a click, define others for the whole page, or move
# boxes over what stands elsewhere. JupyterLab loads all TeX packages, `html` and `require` among them.
_MACROS = re.compile(
    r"\\(?:href|url|require|includegraphics|class|style|cssId|data|html\w*|mmlToken|bbox|tooltip|texttip|mathtip|toggle"
    r"|action|setOptions|unicode|(?:[egx]|long)?def|let|(?:re)?new\w*|providecommand|Declare\w*|begingroup(?:Sandbox|Reset)?"
    r"|m?kern|[mh]skip|[mh]space|raise|lower|move(?:left|right)|[rl]lap|Rule|Space|[vh]?smash|input|write|csname|catcode"
    r"|special|fbox[a-z]+)(?![a-zA-Z])"
)
_HUGE = re.compile(r"\d{3,}(?:\.\d+)?\s*(?:e[mx]|p[tcx]|[cm]m|in|mu)(?![a-zA-Z])")


def strip_odd(text: str) -> str:
    """Remove control and smuggling characters, and spell out those that turn the direction of writing."""
    return _ODD.sub(lambda m: f"[U+{ord(m[0]):04X}]" if _BIDI.match(m[0]) else "", text) if _ODD.search(text) else text


def plain_text(text: str) -> str:
    """Return a reply for a terminal: the text itself, with line ends as newlines and no terminal escapes."""
    return strip_odd(text.replace("\r\n", "\n").replace("\r", "\n"))


def escape(text: str) -> str:
    """Escape text for HTML, in an element or a quoted attribute."""
    return html.escape(strip_odd(text))


def escape_prose(text: str) -> str:
    """Escape text for HTML and keep the page's MathJax from reading mathematics into it.

    Examples
    --------
    >>> escape_prose("$5 & up")
    '<span class="tex2jax_ignore mathjax_ignore">$</span>5 &amp; up'
    """
    return _MATH_LIKE.sub(rf'<span class="{IGNORE}">\g<0></span>', escape(text))


def safe_url(url: str) -> bool:
    """Tell whether a link target is http, https or mailto, and nothing else by any reading."""
    if not _SCHEME.match(url) or _ODD.search(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "mailto" or bool(parts.hostname)
    except ValueError:
        return False


def host_of(url: str) -> str:
    """Return the host that a link leads to."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def safe_tex(tex: str) -> bool:
    r"""Tell whether a page's MathJax may typeset this: no links, styles, definitions, loading, nor huge boxes.

    Examples
    --------
    >>> safe_tex(r"\frac{1}{2}"), safe_tex(r"\href{javascript:alert(1)}{x}")
    (True, False)
    """
    return len(tex) <= _MAX_TEX and not _MACROS.search(tex) and not _HUGE.search(tex)
