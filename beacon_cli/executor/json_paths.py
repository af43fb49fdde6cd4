"""Values at paths of a JSON document whose form nobody guarantees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Path = tuple[str | int, ...]
"""Keys of objects, and positions in lists."""


def value_at(value: object, path: Path) -> object:
    """Return what stands at a path, None where there is nothing."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def texts_at(document: object, paths: Iterable[Path]) -> Iterator[str]:
    """Yield the texts at these paths that hold more than white space, in their order."""
    for path in paths:
        text = value_at(document, path)
        if isinstance(text, str) and text.strip():
            yield text
