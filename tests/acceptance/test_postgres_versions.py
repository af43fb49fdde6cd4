"""The PostgreSQL versions that are installed on this machine besides the embedded one, such as Debian's."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from beacon_cli.store.schema import OLDEST_VERSION
from beacon_cli.store.server_user import server_user
from tests.acceptance.conftest import Beacon
from tests.support.ports import free_port
from tests.support.regions_server import MODELS, Regions, regions_server

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
JOB = f"id: one\nquestions: [math_basic, geography_basic]\nmodels: [{', '.join(MODELS)}]\nregions: [US, EU, ASIA]\n"


@contextlib.contextmanager
def server(programs: Path) -> Iterator[str]:
    """Yield the URL of a new server of these programs, on loopback."""
    account = server_user().options()
    folder = Path(tempfile.mkdtemp(prefix="beacon-version-"))
    if account:
        shutil.chown(folder, server_user().uid)
    port = free_port()

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **account
        )

    try:
        run("initdb", "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "trust", "-N")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-h 127.0.0.1 -p {port} -k {folder} -F", "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(not INSTALLED, reason="no other PostgreSQL is installed (apt-get install postgresql)")
@pytest.mark.parametrize("programs", INSTALLED, ids=lambda programs: programs.parent.name)
def test_a_version_that_is_supported_works_and_an_older_one_is_refused(beacon: Beacon, programs: Path) -> None:
    beacon("jobs")  # as root this makes the account that servers run as
    with server(programs) as url, regions_server(Regions()) as regions:
        beacon.environment |= {**regions.environment(), "BEACON_DATABASE_URL": url}
        migrated = beacon("db", "migrate", "--fleet")
        if int(programs.parent.name) < OLDEST_VERSION:
            assert migrated.returncode == 3
            assert f"Beacon writes only to version {OLDEST_VERSION} and newer" in migrated.stderr
            return
        commands = (
            *(("run", beacon.write("job.yaml", JOB)), ("check-db", "one"), ("show", "one"), ("jobs",), ("queue",)),
            *(("report", "one", "-o", "report.html"), ("export", "one")),
        )
        for command in commands:
            done = beacon(*command)
            assert done.returncode == 0, (command, done.stdout, done.stderr)
