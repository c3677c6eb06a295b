"""Renders the Mermaid diagrams of these pages as lists, when the site is built.

The theme would load Mermaid from another host, into each reader's browser. The pages
use a part of its language that needs no script: boxes in boxes, and one chain of
arrows. Viewers of the repository render the same text as Mermaid.
"""

import html
import re

_FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NODE = re.compile(r"(\w+)(?:[\[(]+\"(.+?)\"[\])]+)?")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace each Mermaid block of a page with the list that it draws."""
    return _FENCE.sub(lambda block: _rendered(block[1]), markdown)


def _rendered(text: str) -> str:
    boxes: dict[str, str] = {}
    inner: list[str] = []
    title = ""
    for line in map(str.strip, text.splitlines()[1:]):
        if "-->" in line:
            chain = [boxes[name.strip()] for name in line.split("-->")]
            return f'<ol class="diagram">{"".join(chain)}</ol>'
        if line == "end":
            boxes[title] += f"<ul>{''.join(inner)}</ul></li>"
            title = ""
            continue
        name, label = _parsed(line.removeprefix("subgraph "))
        if line.startswith("subgraph "):
            title, inner = name, []
            boxes[name] = f"<li><strong>{label}</strong>"
        elif title:
            kind = ' class="sentence"' if ":" in label else ""
            inner.append(f"<li{kind}>{label}</li>")
        else:
            boxes[name] = f"<li>{label}</li>"
    raise ValueError("a diagram needs one chain of arrows, as its last line")


def _parsed(text: str) -> tuple[str, str]:
    node = _NODE.fullmatch(text.replace(" [", "["))
    if node is None:
        raise ValueError(f"not a node that these pages use: {text}")
    return node[1], html.escape(node[2] or node[1])
