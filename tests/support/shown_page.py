"""A page as somebody without scripts reads it: its text, its links, its form; and what it must not have."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_TAGS = """
html head meta title link body a nav ul li header main p h1 h2 h3 h4 h5 footer form div label input button select option
datalist section article span bdi strong b details summary mark ins code dl dt dd table caption thead tbody tfoot tr th
td pre br script output
"""
_ATTRIBUTES = """
class id href rel lang charset name content aria-label aria-labelledby aria-current aria-hidden aria-live role tabindex
scope colspan rowspan dir method action value type maxlength autocomplete list for open src selected hidden placeholder
data-verdict data-inside data-group data-refreshed aria-pressed
"""
_EMPTY = frozenset({"meta", "link", "input", "br"})
_INLINE = frozenset({"a", "b", "bdi", "strong", "mark", "ins", "code", ""})


@dataclass
class Node:
    """An element; `parts` are its texts and its elements."""

    tag: str
    attributes: dict[str, str]
    parts: list[Any] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All its text, with single spaces."""
        joined = "".join(
            part if isinstance(part, str) else part.text if part.tag in _INLINE else f" {part.text} "
            for part in self.parts
        )
        return " ".join(joined.split())


class ShownPage(HTMLParser):
    """Reads a page; `nodes` are all its elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self._open = [Node("", {})]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.nodes.append(node)
        self._open[-1].parts.append(node)
        if tag not in _EMPTY:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].parts.append(data)

    @property
    def text(self) -> str:
        """The text of the page."""
        return self._open[0].text

    def texts(self, tag: str) -> list[str]:
        """Return the texts of the elements of a kind."""
        return [node.text for node in self.nodes if node.tag == tag]

    def links(self, text: str) -> list[str]:
        """Return where the links with a text lead."""
        return [node.attributes["href"] for node in self.nodes if node.tag == "a" and node.text == text]

    def link(self, text: str) -> str:
        """Return where the only link with a text leads."""
        [address] = self.links(text)
        return address

    def value_of(self, name: str) -> str:
        """Return what a field of the form holds."""
        [field] = [node for node in self.nodes if node.attributes.get("name") == name and node.tag != "meta"]
        if field.tag == "input":
            return field.attributes["value"]
        [chosen] = [part for part in field.parts if isinstance(part, Node) and "selected" in part.attributes]
        return chosen.attributes["value"]

    def require_inert(self) -> None:
        """Fail if anything in the page could act, or could be fetched from elsewhere."""
        assert {node.tag for node in self.nodes} <= set(_TAGS.split())
        assert {name for node in self.nodes for name in node.attributes} <= set(_ATTRIBUTES.split())
        leading = [node.attributes.get("href", node.attributes.get("src", "/")) for node in self.nodes]
        assert {address[:1] for address in leading if address != "data:,"} <= {"/", "#", ""}
        assert [node.text for node in self.nodes if node.tag == "script" and node.parts] == []
        hidden = {"\u202e", "\u2066", "\x1b", "\x00", "\ufeff"}
        assert not hidden & set(self.text)


def shown(response: Any, code: int = 200) -> ShownPage:
    """Return the page of an answer with this status."""
    assert response.status_code == code, response.text
    return ShownPage(response.text)
