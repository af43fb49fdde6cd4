"""Zips that are made to harm, or to deceive: each is refused, by the name of what is wrong, before anything is read."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from beacon_cli.bundle.verify import Database, verify_bundle
from beacon_cli.errors import UsageError
from tests.support.audit_jobs import JOB, seed
from tests.support.bundles import bundled, failed, forged, packed

Connection = psycopg.Connection[tuple[Any, ...]]
Make = Callable[[zipfile.ZipFile], None]


def never() -> Any:
    raise AssertionError("nothing is computed from such a zip")


def with_file(name: str, content: bytes = b"x", *, mode: int = 0o644, times: int = 1) -> Make:
    def make(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        for _ in range(times):
            archive.writestr(info, content)

    return make


def with_comment(archive: zipfile.ZipFile) -> None:
    archive.writestr("job.json", "{}")
    archive.comment = b"read me"


def packed_otherwise(archive: zipfile.ZipFile) -> None:
    archive.writestr("job.json", "{}", zipfile.ZIP_LZMA)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (with_file("../job.json"), "../job.json: no bundle has such a file"),
        (with_file("/etc/passwd"), "/etc/passwd: no bundle has such a file"),
        (with_file("job.json/"), "job.json/: no bundle has such a file"),
        (with_file("a\x1b[31m.json"), "a\\x1b[31m.json: no bundle has such a file"),
        (with_file("extra.txt"), "extra.txt: no bundle has such a file"),
        (with_file("job.json", b"/etc/passwd", mode=stat.S_IFLNK | 0o777), "job.json: it is a symbolic link"),
        (with_file("job.json", times=2), "job.json: it is there 2 times"),
        (packed_otherwise, "job.json: it is packed in a way that bundles are not"),
        (with_comment, "it has a comment, which no bundle has"),
        (lambda _: None, "manifest.json is missing"),
    ],
)
def test_what_no_bundle_has_is_refused_by_name(tmp_path: Path, make: Make, told: str) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        make(archive)
    verified = verify_bundle(tmp_path / "b.zip", database=never)
    assert list(failed(verified).values()) == [told]
    assert verified.exit_code == 1


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with_file("job.json", bytes(300_000_000))(archive)
    assert (tmp_path / "b.zip").stat().st_size < 1_000_000
    verified = verify_bundle(tmp_path / "b.zip", database=never)
    assert failed(verified) == {"zip": "job.json: it would be 300,000,000 bytes; no bundle has so large a one"}


def test_rows_that_would_fill_the_disk_are_not_read(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    verified = verify_bundle(tmp_path / "b.zip", database=never)
    assert verified.exit_code == 3
    assert verified.error is not None
    assert "which has 1.0 kB left" in verified.error.message


def test_a_line_of_many_values_is_not_read(connection: Connection, database: Database, tmp_path: Path) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    path = forged(tmp_path / "b.zip", "executions.jsonl", lambda _: b"[" + b"[]," * 500_000 + b"[]]")
    told = failed(verify_bundle(path, database=database))
    assert told == {"rows": "executions.jsonl, line 1: it is not JSON that can be read"}


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("job.json", "{}")
    content = bytearray((tmp_path / "b.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b.zip").write_bytes(content)
    assert failed(verify_bundle(tmp_path / "b.zip", database=never)) == {"zip": "job.json: it is encrypted"}


def test_files_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("job.json", bytes(5000))
        archive.writestr("README.txt", b"")
    content = bytearray((tmp_path / "b.zip").read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 20 : second + 28] = struct.pack("<II", 5000, 5000)
    (tmp_path / "b.zip").write_bytes(content)
    told = failed(verify_bundle(tmp_path / "b.zip", database=never))["zip"]
    assert told == "job.json: its header in the zip is not what the directory says, or not as bundles have it"


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x05\x06" + bytes(18) + b"more"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(content)
    assert failed(verify_bundle(tmp_path / "b.zip", database=never))


def test_damaged_bytes_are_told_with_the_name_of_the_file(connection: Connection, tmp_path: Path) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    content = bytearray((tmp_path / "b.zip").read_bytes())
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        place = archive.getinfo("executions.jsonl").header_offset + 200
    content[place] ^= 255
    (tmp_path / "b.zip").write_bytes(content)
    assert failed(verify_bundle(tmp_path / "b.zip", database=never))["zip"].startswith("executions.jsonl is damaged: ")


def test_any_changed_byte_beside_the_files_is_found(connection: Connection, tmp_path: Path) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    content = (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        infos = archive.infolist()
        ends = [*(info.header_offset for info in infos[1:]), archive.start_dir]
    packed = {place for info, end in zip(infos, ends, strict=True) for place in range(end - info.compress_size, end)}
    for place in set(range(len(content))) - packed:
        for bit in (1, 128):
            (tmp_path / "c.zip").write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
            verified = verify_bundle(tmp_path / "c.zip", database=never)
            assert ("zip" in failed(verified), verified.exit_code) == (True, 1), place


def test_bytes_that_belong_to_no_file_are_found(connection: Connection, tmp_path: Path) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    content = (tmp_path / "b.zip").read_bytes()
    other = packed(tmp_path / "other.zip", {"job.json": b"{}"}).read_bytes()
    end = content.index(b"PK\5\6")
    in_front = "README.txt: it does not begin where the file before it ends"
    for whole, told in (
        (b"#!/bin/sh\n" + content, in_front),
        (other + content, in_front),
        (content[:end] + b"more" + content[end:], "it is not a zip: Bad magic number for central directory"),
        (content + b"more", "its directory is not as bundles have it, or not the end of it"),
    ):
        (tmp_path / "c.zip").write_bytes(whole)
        assert failed(verify_bundle(tmp_path / "c.zip", database=never)) == {"zip": told}


def test_what_was_changed_is_named_in_a_bundle_that_another_program_packed(
    connection: Connection, tmp_path: Path
) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive, zipfile.ZipFile(tmp_path / "c.zip", "w", 8) as other:
        for name in archive.namelist():
            other.writestr(name, archive.read(name) + (b" " if name == "costs.json" else b""))
    told = failed(verify_bundle(tmp_path / "c.zip", database=never))
    assert list(told) == ["zip", "files"]
    assert told["files"].startswith("costs.json was changed")


def test_bytes_after_the_end_of_what_is_packed_are_found(tmp_path: Path) -> None:
    packed(tmp_path / "b.zip", {"job.json": b"{}"})
    content = bytearray((tmp_path / "b.zip").read_bytes())
    directory = content.index(b"PK\1\2")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        size = archive.getinfo("job.json").compress_size
    more = struct.pack("<Q", size + 4)
    header = 30 + len("job.json")
    content[header + 12 : header + 20] = more  # in the extra field of the file's header
    content[directory + 20 : directory + 24] = more[:4]
    end = content.index(b"PK\5\6")
    content[end + 16 : end + 20] = struct.pack("<L", directory + 4)
    content[directory:directory] = b"more"
    (tmp_path / "b.zip").write_bytes(content)
    told = failed(verify_bundle(tmp_path / "b.zip", database=never))
    assert told["zip"] == "job.json is damaged: it does not end where the directory of the zip says"


def test_sizes_of_64_bits_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 50)
    monkeypatch.setattr("beacon_cli.bundle.layout._LARGEST_NARROW", 50)
    path = packed(tmp_path / "b.zip", {"job.json": bytes(1000), "executions.jsonl": b"{}"})
    assert b"PK\6\6" in path.read_bytes()
    assert failed(verify_bundle(path, database=never)) == {"files": "manifest.json is missing"}


def test_a_file_that_is_said_to_be_larger_than_the_zip_is_damaged(tmp_path: Path) -> None:
    packed(tmp_path / "b.zip", {"executions.jsonl": b"{}"})
    content = bytearray((tmp_path / "b.zip").read_bytes())
    directory, header = content.index(b"PK\1\2"), 30 + len("executions.jsonl")
    sizes = struct.pack("<QQ", 5 << 30, 5 << 30)
    content[header + 4 : header + 20] = sizes
    content[directory + 20 : directory + 28] = b"\xff" * 8
    content[directory + 30] = 20
    end = content.index(b"PK\5\6")
    content[end + 12] += 20
    content[end:end] = struct.pack("<HH", 1, 16) + sizes
    (tmp_path / "b.zip").write_bytes(content)
    told = failed(verify_bundle(tmp_path / "b.zip", database=never))
    assert told["zip"] == "executions.jsonl is damaged: it does not end where the directory of the zip says"


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_zip_that_was_cut_off_is_refused(connection: Connection, tmp_path: Path, cut: float) -> None:
    seed(connection)
    bundled(connection, JOB, tmp_path / "b.zip", report=False)
    content = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(content[: int(len(content) * cut)])
    assert failed(verify_bundle(tmp_path / "b.zip", database=never))["zip"].startswith("it is not a zip")


def test_a_file_that_is_not_there_is_a_wrong_use(tmp_path: Path) -> None:
    for path in (tmp_path / "b.zip", tmp_path, Path("a\0b")):
        with pytest.raises(UsageError, match="cannot read"):
            verify_bundle(path, database=never)
