"""Templates that escape everything, and the filters by which they write values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from beacon_cli.console.formatting import dollars, duration, p_text, percent, quantity, repeat_label
from beacon_cli.console.printable import excerpt, printable
from beacon_cli.html.colours import colour_number


def new_environment(package: str, filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """Return an environment for the templates of a package, which may import those of this one.

    `filters` are the package's own, beside those that all templates have.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("beacon_cli.html")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "small": small,
        "moment": _moment,
        "grouped": grouped,
        "excerpt": excerpt,
        "percent": percent,
        "quantity": quantity,
        "duration": duration,
        "dollars": dollars,
        "repeat_label": repeat_label,
        "colour_number": colour_number,
        **filters,
    }
    return environment


def _visible(value: Any) -> Any:
    """Return a value as text for the template, with control characters as escapes; HTML is escaped afterwards."""
    if value is None:
        return ""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with a minus as wide as a plus, and without a minus before zero."""
    return "–" if value is None else f"{value:z.{digits}f}".replace("-", "−")


def grouped(count: int) -> str:
    """Return a count with thin spaces between groups of three digits."""
    return f"{count:,}".replace(",", "\u2009")


def small(value: float | None) -> str:
    """Return a p-value or a q-value."""
    return "–" if value is None else p_text(value)


def _moment(value: datetime | None) -> str:
    return "not recorded" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
