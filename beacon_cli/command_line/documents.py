"""The documentation that is installed with the program: its pages and their titles."""

from __future__ import annotations

import difflib
from pathlib import Path

import beacon_cli
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.errors import UsageError

_PACKAGE = Path(beacon_cli.__file__).parent

KINDS: dict[str, str] = {
    "tutorial": "Tutorial",
    "how-to": "How-to guides",
    "reference": "Reference",
    "explanation": "Explanation",
    "decisions": "Decisions",
}
"""The kinds of pages: the folder that contains them, and the heading above them."""


def package_folder() -> Path:
    """Return the folder in which the program is installed."""
    return _PACKAGE


def documents_folder() -> Path:
    """Return the folder of the documentation: inside an installed package, beside the package in a clone."""
    installed = _PACKAGE / "docs"
    return installed if installed.is_dir() else _PACKAGE.parent / "docs"


def pages() -> dict[str, Path]:
    """Return every page by its name, such as `job-files`: the index, then the pages by kind, sorted by name."""
    folder = documents_folder()
    found = (path for kind in KINDS for path in sorted((folder / kind).glob("*.md")))
    return {path.stem: path for path in (folder / "index.md", *found)}


def page_named(name: str) -> Path:
    """Return a page; a folder before the name and `.md` after it are allowed. Raises `UsageError` if unknown."""
    found = pages().get(Path(name).name.removesuffix(".md"))
    if found is None:
        near = difflib.get_close_matches(name, pages(), n=2)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        raise UsageError(
            f"there is no page '{excerpt(name)}' in the documentation", hint=f"{meant}{command('docs')} lists the pages"
        )
    return found


def title(page: Path) -> str:
    """Return the heading of a page."""
    with page.open(encoding="utf-8") as lines:
        return next(lines, "").lstrip("# ").strip()
