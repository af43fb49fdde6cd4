"""What all tests begin with, and the table of the faults that were injected: `--fault-table FILE` writes it."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from beacon_cli.signals import ENDING

# A slow machine is no reason to fail. The examples are the same each time: what fails is the change's own fault.
settings.register_profile("beacon", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("beacon")


_ROOT = Path(__file__).parents[1]
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 * 1024**3


def _keep_files_in_memory() -> None:
    """Put temporary files into memory where there is enough: databases are made by the hundred, and disks are slow."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return
    place = os.statvfs(_MEMORY)
    if place.f_flag & os.ST_NOEXEC or place.f_bavail * place.f_frsize < _ENOUGH_BYTES:
        return
    folder = tempfile.mkdtemp(prefix="b", dir=_MEMORY)  # short: sockets lie in it, too
    Path(folder).chmod(0o1777)  # servers of other users work in it, too
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["TMPDIR"] = tempfile.tempdir = folder


def _pass_on_no_ignored_signal() -> None:
    """Have programs that tests start end on signals, also where the tests run under `nohup` or in the background."""
    for signum in ENDING:
        if signal.getsignal(signum) is signal.SIG_IGN:
            signal.signal(signum, lambda *_: None)  # as before in this process; programs begin with the default


def _forget_the_users_own_settings() -> None:
    """Take what the user has set for Beacon out of the environment."""
    for name in [name for name in os.environ if name.startswith("BEACON_") or name == "DATABASE_URL"]:
        del os.environ[name]


_keep_files_in_memory()
_pass_on_no_ignored_signal()
_forget_the_users_own_settings()
os.environ.pop("COLUMNS", None)  # pytest-xdist sets it in its workers: the programs here have no terminal
# Programs that tests start may keep what they compiled: else each of them compiles the whole of Beacon anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-table", metavar="FILE", help="write a table of the faults that were injected")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep the garbage collector from what stays to the end: thousands of tests, and the modules that they are in."""
    gc.disable()
    try:
        _begin_with_other_modules(session.config)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _begin_with_other_modules(config: pytest.Config) -> None:
    """Import a share of all tests in each worker first: it finds the others compiled, which in a new clone none are."""
    worker = getattr(config, "workerinput", None)
    if worker is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    number = int(worker["workerid"].removeprefix("gw"))
    for path in sorted(_ROOT.glob("tests/**/test_*.py"))[number :: worker["workercount"]]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # it is reported when the module is collected
            importlib.import_module(".".join(path.relative_to(_ROOT).with_suffix("").parts))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("fault"):
            item.user_properties.append(("fault", list(mark.args)))


class FaultTable:
    """Collects the reports of the tests that carry the marker `fault(number, how it is injected)`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[tuple[int, str, str, float, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and not (report.when == "setup" and report.outcome != "passed"):
            return
        for name, value in report.user_properties:
            if name == "fault" and isinstance(value, list | tuple):
                number, how = value
                self._rows.append((number, how, report.outcome, report.duration, report.nodeid.split("::", 1)[1]))

    def pytest_sessionfinish(self) -> None:
        lines = ["| fault | injected how | result | seconds | test |", "|---|---|---|---|---|"]
        lines += [
            f"| {number} | {how} | {outcome} | {seconds:.1f} | `{test}` |"
            for number, how, outcome, seconds, test in sorted(self._rows)
        ]
        self._path.write_text("\n".join(lines) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--fault-table")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FaultTable(Path(path)))
