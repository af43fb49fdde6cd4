"""Whether the header of a GGUF file has a chat template, and what is said where it has none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from beacon_cli.local.gguf import has_chat_template
from beacon_cli.local.models import template_warnings
from beacon_cli.settings import Settings

TEMPLATE = b"{% for message in messages %}{{ message.content }}{% endfor %}"


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def header(*entries: tuple[bytes, int, bytes], said: int | None = None) -> bytes:
    """Return a GGUF header with these keys, types and values; it may say that it has more than it has."""
    count = len(entries) if said is None else said
    body = b"".join(text(key) + struct.pack("<I", kind) + value for key, kind, value in entries)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, count) + body


BEFORE = (
    (b"general.architecture", 8, text(b"llama")),
    (b"llama.context_length", 4, struct.pack("<I", 2048)),
    (b"general.flag", 7, b"\1"),
    (b"tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text(b"one") + text(b"two")),
    (b"tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 2) + struct.pack("<ff", 1, 2)),
)


@pytest.mark.parametrize(
    ("entries", "has"),
    [
        ((), False),
        (BEFORE, False),
        ((*BEFORE, (b"tokenizer.chat_template", 8, text(TEMPLATE))), True),
        (((b"general.name", 8, text(b"tokenizer.chat_template")), *BEFORE), False),
    ],
)
def test_the_key_is_found_behind_values_of_every_kind(
    tmp_path: Path, entries: tuple[tuple[bytes, int, bytes], ...], has: bool
) -> None:
    (tmp_path / "m.gguf").write_bytes(header(*entries))
    assert has_chat_template(tmp_path / "m.gguf") is has


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\3\4",
        b"GGUF",
        header(*BEFORE, said=2**63),
        header(*BEFORE)[:-9] + b"",
        header((b"k", 99, b"")),
        header((b"k", 8, struct.pack("<Q", 2**64 - 1))),
        header((b"k", 9, struct.pack("<IQ", 9, 1))),
        header((b"k", 9, struct.pack("<IQ", 8, 2**64 - 1))),
        header((b"k", 9, struct.pack("<IQ", 12, 2**64 - 1))),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**64 - 1),
    ],
)
def test_a_damaged_header_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(ValueError, match=r"GGUF"):
        has_chat_template(tmp_path / "m.gguf")


def test_only_files_without_a_template_are_named_and_only_where_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "bare.gguf").write_bytes(header(*BEFORE))
    (tmp_path / "chat.gguf").write_bytes(header((b"tokenizer.chat_template", 8, text(TEMPLATE))))
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF")
    files = {name: {"gguf": str(tmp_path / f"{name}.gguf")} for name in ("bare", "chat", "damaged", "gone")}
    models = {**files, "fixed": {"script": str(tmp_path / "s.yaml")}}
    settings = Settings.model_validate({"cache_dir": tmp_path / "cache", "local": {"models": models}})
    (warning,) = template_warnings(settings)
    assert warning.startswith("warning: model bare: bare.gguf has no chat template, so llama.cpp uses ChatML")
    assert template_warnings(settings, ["chat", "smollm2-135m"]) == []
