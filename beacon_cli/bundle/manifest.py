"""The manifest: name, size and SHA-256 of each file, in the canonical JSON of RFC 8785, so that it can be signed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from beacon_cli.bundle.names import EVERY, LISTED, OPTIONAL, SUMS
from beacon_cli.bundle.parsing import parsed

FORMAT = "beacon-bundle"
VERSION = 1
"""Goes up when a file or a key is renamed, removed or changes its meaning; new keys do not count."""

_SHA256 = re.compile("[0-9a-f]{64}")
_KEYS = {"name", "sha256", "size"}
_LARGEST = 1 << 50  # bytes
_MOST_VALUES = 1000


class NotAManifest(ValueError):
    """What should be a manifest is none; the text says why."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the manifest lists it; its size in bytes."""

    name: str
    size: int
    sha256: str


def manifest_of(files: Iterable[Listed]) -> bytes:
    """Return the manifest of some files: RFC 8785's canonical JSON."""
    import rfc8785

    listed = [asdict(file) for file in sorted(files, key=lambda file: file.name)]
    return rfc8785.dumps({"files": listed, "format": FORMAT, "version": VERSION})


def sums_of(files: Iterable[Listed]) -> bytes:
    """Return the file that `sha256sum -c` reads."""
    return "".join(f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda file: file.name)).encode()


def read_manifest(content: bytes) -> dict[str, Listed]:
    """Return the files of a manifest by name. Raises `NotAManifest` unless it is one, in canonical form."""
    try:
        document = parsed(content, _MOST_VALUES)
    except ValueError:
        raise NotAManifest("it is not JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise NotAManifest("it is not the manifest of a bundle")
    if document.get("version") != VERSION or isinstance(document["version"], bool):
        raise NotAManifest(f"it is of another version than {VERSION}, which this program reads")
    files = [_listed(each) for each in _list(document.get("files"))]
    if content != manifest_of(files):
        raise NotAManifest("it is not in the canonical form of RFC 8785")
    found = {file.name: file for file in files}
    if missing := [name for name in (*LISTED, SUMS) if name not in found and name not in OPTIONAL]:
        raise NotAManifest(f"it does not list {missing[0]}")
    return found


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > len(EVERY):
        raise NotAManifest("it has no list of files")
    return value


def _listed(entry: object) -> Listed:
    if not isinstance(entry, Mapping) or set(entry) != _KEYS:
        raise NotAManifest("a file in it has not just a name, a size and a SHA-256")
    file = Listed(**entry)
    if file.name not in (*LISTED, SUMS):
        raise NotAManifest("it lists a file that no bundle has")
    if type(file.size) is not int or not 0 <= file.size < _LARGEST:
        raise NotAManifest(f"the size of {file.name} in it is none")
    if not isinstance(file.sha256, str) or not _SHA256.fullmatch(file.sha256):
        raise NotAManifest(f"the SHA-256 of {file.name} in it is none")
    return file
