"""Values at paths of a JSON document whose form nobody guarantees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Path = tuple[str | int, ...]
"""Keys of objects, and positions in lists."""


def value_at(value: object, path: Path) -> object:
    """Return what stands at a path, None where there is nothing."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
    return value


def texts_at(document: object, paths: Iterable[Path]) -> Iterator[str]:
    """Yield the texts at these paths that hold more than white space, in their order."""
    found = (value_at(document, path) for path in paths)
    return (text for text in found if isinstance(text, str) and text.strip())
