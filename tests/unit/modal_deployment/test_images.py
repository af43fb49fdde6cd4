"""What is installed in the containers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import modal_deployment
from modal_deployment import images
from modal_deployment.images import BASE_IMAGE, MODEL_LOCK, PYTHON_VERSION, UV_VERSION, WEB_LOCK, lock_sha256

ROOT = Path(modal_deployment.__file__).parent.parent
CONSTRAINTS = "\n".join(path.read_text() for path in sorted(ROOT.glob("constraints*.txt")))
LOCKS = pytest.mark.parametrize("lock", [WEB_LOCK, MODEL_LOCK], ids=lambda lock: lock.stem)
_PACKAGE = re.compile(r"([a-z0-9-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")


def packages(lock: Path) -> dict[str, str]:
    """Return the versions in a lock, of which every line belongs to a package with hashes."""
    text = lock.read_text().partition("\n")[2]
    assert _PACKAGE.sub("", text) == ""
    return {name: version for name, version, _ in _PACKAGE.findall(text)}


@LOCKS
def test_containers_run_the_versions_that_these_tests_run_with(lock: Path) -> None:
    known = {
        name.lower().replace("_", "-"): version for name, version in re.findall(r"(?m)^(\S+)==(\S+)$", CONSTRAINTS)
    }
    assert {name: version for name, version in packages(lock).items() if name in known} == {
        name: known[name] for name in packages(lock) if name in known
    }
    only_there = {name for name in packages(lock) if name not in known}
    assert all(name.startswith(("nvidia-", "cuda-", "triton")) for name in only_there - {"truststore"}), only_there


def test_the_light_image_has_no_torch_and_the_other_one_has_what_the_light_one_has() -> None:
    web, model = packages(WEB_LOCK), packages(MODEL_LOCK)
    assert {"starlette", "pydantic"} <= set(web)
    assert web.items() <= model.items()
    assert {"torch", "transformers", "tokenizers", "huggingface-hub"} <= set(model) - set(web)


@LOCKS
def test_a_lock_names_no_index(lock: Path) -> None:
    assert "/" not in lock.read_text().partition("\n")[2]


def test_the_base_image_is_named_by_its_digest_and_uv_by_the_version_of_the_tests() -> None:
    assert re.fullmatch(rf"python:{re.escape(PYTHON_VERSION)}\.\d+-slim-bookworm@sha256:[0-9a-f]{{64}}", BASE_IMAGE)
    assert f"\nuv=={UV_VERSION}\n" in CONSTRAINTS


def test_the_hash_changes_with_anything_that_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = {lock_sha256()}
    changed = tmp_path / "lock.txt"
    changed.write_text(MODEL_LOCK.read_text() + "\n")
    for name, value in (("MODEL_LOCK", changed), ("WEB_LOCK", changed), ("BASE_IMAGE", "b"), ("UV_VERSION", "0")):
        monkeypatch.setattr(images, name, value)
        found.add(lock_sha256())
    assert len(found) == 5
