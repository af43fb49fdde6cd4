"""The manifest is canonical JSON, and anything else is refused with the reason."""

from __future__ import annotations

import json

import pytest

from beacon_cli.bundle.manifest import Listed, NotAManifest, manifest_of, read_manifest, sums_of
from beacon_cli.bundle.names import LISTED, SUMS

FILES = [Listed(name, 5, f"{number:064x}") for number, name in enumerate((*LISTED, SUMS))]
MANIFEST = manifest_of(FILES)


def test_it_is_canonical_and_read_back() -> None:
    assert MANIFEST.startswith(b'{"files":[{"name":"README.txt","sha256":"000')
    assert MANIFEST.endswith(b'"size":5}],"format":"beacon-bundle","version":1}')
    assert read_manifest(MANIFEST) == {file.name: file for file in FILES}


def test_the_sums_are_lines_that_sha256sum_reads() -> None:
    assert sums_of([Listed("b", 1, "1" * 64), Listed("a", 2, "2" * 64)]) == f"{'2' * 64}  a\n{'1' * 64}  b\n".encode()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it is not the manifest of a bundle"),
        (MANIFEST.replace(b"beacon-bundle", b"beacon-bundlf"), "it is not the manifest of a bundle"),
        (MANIFEST.replace(b'"version":1', b'"version":2'), "it is of another version than 1"),
        (MANIFEST.replace(b'"version":1', b'"version":true'), "it is of another version than 1"),
        (MANIFEST.replace(b'"version":1', b'"version":1 '), "it is not in the canonical form of RFC 8785"),
        (MANIFEST.replace(b'"version":1', b'"version":1,"z":1'), "it is not in the canonical form of RFC 8785"),
        (json.dumps(json.loads(MANIFEST)).encode(), "it is not in the canonical form of RFC 8785"),
        (MANIFEST.replace(b'"size":5', b'"size":-5', 1), "the size of README.txt in it is none"),
        (MANIFEST.replace(b'"size":5', b'"size":true', 1), "the size of README.txt in it is none"),
        (MANIFEST.replace(b'"size":5', b'"site":5', 1), "a file in it has not just a name, a size and a SHA-256"),
        (MANIFEST.replace(b'"sha256":"0', b'"sha256":"g', 1), "the SHA-256 of README.txt in it is none"),
        (MANIFEST.replace(b"README.txt", b"../etc/x"), "it lists a file that no bundle has"),
        (MANIFEST.replace(b'"README.txt"', b"[]"), "it lists a file that no bundle has"),
        (manifest_of(FILES[1:]), "it does not list README.txt"),
        (b'{"files":7,"format":"beacon-bundle","version":1}', "it has no list of files"),
    ],
)
def test_anything_else_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(NotAManifest, match=told.replace(".", r"\.")):
        read_manifest(content)
