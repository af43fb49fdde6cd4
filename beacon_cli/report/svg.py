"""Turns a plot of matplotlib into SVG inside a page: no styles, no scripts, colours by class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

from markupsafe import Markup, escape

from beacon_cli.console.printable import printable
from beacon_cli.html.colours import OTHERS

COLOURS = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "band": "#040404",
    "paper": "#050505",
    **{f"region-{number}": f"#0a0a0{number}" for number in range(OTHERS + 1)},
}
"""The colours of a plot, by the name of the class that sets the colour in the page, in light and dark mode."""


_NAMES = {value: name for name, value in COLOURS.items()}
_LINK = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_LABEL = re.compile(r"@(\d+)")
_KEPT_STYLES = frozenset({"stroke-width", "opacity", "fill-opacity", "stroke-dasharray", "text-anchor", "font-size"})
_SHAPES = frozenset({"path", "use", "text"})
_BACKGROUND = frozenset({"patch_1", "patch_2"})


@dataclass(frozen=True, slots=True)
class Drawing:
    """The name, title and texts of a plot.

    `name` begins every id in it. A text `@3` in it stands for `labels[3]`: matplotlib gets no foreign text, in which it
    would look for formulas and glyphs. `titles` has a title for each path of a group, by the group's id.
    """

    name: str
    title: str
    description: str
    labels: Sequence[str] = ()
    titles: Mapping[str, Sequence[str]] = field(default_factory=dict)


def inline_svg(plot: str, drawing: Drawing) -> Markup:
    """Return the plot, rebuilt only from parts that are known to be harmless."""
    root = ElementTree.fromstring(plot)  # from matplotlib, which got no foreign text
    view = escape(root.get("viewBox", ""))
    name = escape(drawing.name)
    head = (
        f'<svg role="img" viewBox="{view}" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{_text(drawing.title)}</title>'
        f'<desc id="{name}-desc">{_text(drawing.description)}</desc>'
    )
    return Markup(head + "".join(_children(root, drawing, None)) + "</svg>")  # every text in it is escaped


def _children(node: ElementTree.Element, drawing: Drawing, titles: Iterator[str] | None) -> Iterator[str]:
    for child in node:
        tag = child.tag.rpartition("}")[2]
        if tag == "g" and child.get("id") not in _BACKGROUND:
            named = drawing.titles.get(child.get("id", ""))
            yield from _children(child, drawing, titles if named is None else iter(named))
        elif tag == "defs":
            yield "".join(_definition(path, drawing) for path in child if path.get("d") is not None)
        elif tag in _SHAPES:
            yield _shape(tag, child, drawing, next(titles, "") if titles else "")


def _definition(path: ElementTree.Element, drawing: Drawing) -> str:
    """Return the shape of a marker, without colours: each use sets them."""
    name = escape(f"{drawing.name}-{path.get('id')}")
    return f'<defs><path id="{name}" d="{_rounded(path.get("d", ""))}"/></defs>'


def _shape(tag: str, node: ElementTree.Element, drawing: Drawing, title: str) -> str:
    attributes = {name: _rounded(node.get(name, "")) for name in ("d", "x", "y") if node.get(name)}
    if tag == "use":
        attributes["href"] = f"#{drawing.name}-{node.get(_LINK, '').lstrip('#')}"
    turned = node.get("transform", "")
    if tag == "text" and not turned.startswith("rotate(-0 "):
        attributes["transform"] = turned
    attributes |= _presentation(node.get("style", ""))
    inside = _text(_label(node.text or "", drawing)) if tag == "text" else ""
    inside += f"<title>{_text(title)}</title>" if title else ""
    written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if value)
    return f"<{tag}{written}>{inside}</{tag}>" if inside else f"<{tag}{written}/>"


def _presentation(style: str) -> dict[str, str]:
    """Return a style as attributes; colours become classes."""
    found = dict(part.split(": ", 1) for part in style.split("; ") if ": " in part)
    classes = [
        f"{prefix}-{_NAMES[colour]}"
        for prefix, colour in (("f", found.get("fill", "")), ("s", found.get("stroke", "")))
        if colour in _NAMES
    ]
    attributes = {name: value.removesuffix("px") for name, value in found.items() if name in _KEPT_STYLES}
    if found.get("fill") == "none":
        attributes["fill"] = "none"
    return {"class": " ".join(classes), **attributes}


def _label(text: str, drawing: Drawing) -> str:
    match = _LABEL.fullmatch(text)
    return drawing.labels[int(match[1])] if match else text


def _text(text: str) -> str:
    return str(escape(printable(text)))


def _rounded(numbers: str) -> str:
    return " ".join(_NUMBER.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), numbers).split())
