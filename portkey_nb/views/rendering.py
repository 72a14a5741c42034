"""Model text, which is never trusted -> what an output holds: safe HTML, Markdown and text; whole or as it grows."""

from __future__ import annotations

from portkey_nb.views.columns import Column, bundle
from portkey_nb.views.fragments import block_html
from portkey_nb.views.growing import GrowingMarkdown, Update
from portkey_nb.views.highlighting import with_colours
from portkey_nb.views.source import render_markdown

__all__ = ["GrowingMarkdown", "Update", "mimebundle", "render_html", "render_markdown"]


def render_html(text: str) -> str:
    """Return model text as safe, static HTML.

    Parameters
    ----------
    text : str
        Markdown as the model wrote it.

    Returns
    -------
    str
        A fragment complete in itself: no script, style sheet, image or raw HTML of the model's; links to http, https
        and mailto alone; LaTeX as text for the page's MathJax; a ``$`` that is money kept from it.
    """
    return with_colours(block_html(text, {}))


def mimebundle(text: str, footer_html: str = "", footer_text: str = "", title: str = "") -> dict[str, str]:
    """Return one reply as the formats of a notebook's output.

    Parameters
    ----------
    text : str
        Markdown as the model wrote it.
    footer_html, footer_text : str
        The line under the reply; ``footer_html`` is trusted, and made from ``footer_text`` where it is empty.
    title : str
        A heading, taken as plain text.

    Returns
    -------
    dict
        ``text/plain``, ``text/markdown`` and ``text/html``, each complete in itself.
    """
    return bundle([Column(label=title, text=text, footer=footer_text, footer_html=footer_html)], chrome=bool(title))
