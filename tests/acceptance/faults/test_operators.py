"""Job ids and database URLs that are not what they seem, and errors that are told in full."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.conftest import Beacon
from tests.support.hostile_endpoints import endpoints, write_job
from tests.support.invariant import CANARY, Aftermath, assert_invariant

AWKWARD_IDS = ["'; DROP TABLE jobs--", "../..", "x" * 10_000, ""]


@pytest.mark.fault(58, "SQL, a path, 10 kB and nothing as the id of a job, for run and for check-db")
def test_a_job_id_is_never_more_than_a_value(hurt: Beacon) -> None:
    with endpoints() as served:
        hurt.environment |= served.environment()
        job = write_job(hurt, ["What is 2+2?"])
        first = hurt("run", job, "--json")
        assert first.returncode == 0, first.stderr
        done = [first]
        for awkward in AWKWARD_IDS:
            ran, checked = hurt("run", job, "--job-id", awkward, "--json"), hurt("check-db", "--json", "--", awkward)
            assert ran.returncode in {0, 2}, (awkward[:30], ran.stdout)
            assert checked.returncode in ({0} if ran.returncode == 0 else {1, 2}), (awkward[:30], checked.stdout)
            done += [ran, checked]
        done.append(hurt("check-db", "hurt", "--json"))
    assert done[-1].returncode == 0, done[-1].stdout
    assert not list(hurt.folder.parent.glob("*.jsonl"))
    assert_invariant(Aftermath(hurt.folder, hurt("db", "url").stdout.strip(), done))


PASSWORD = f"p-{CANARY}"
BAD_URLS = {
    "nobody listens": f"postgresql://me:{PASSWORD}@127.0.0.1:1/x",
    "an @ in the password": f"postgresql://me:a@{PASSWORD}@127.0.0.1:1/x",
    "a / in the password": f"postgresql://me:a/{PASSWORD}@127.0.0.1:1/x",
    "a port that is none": f"postgresql://me:{PASSWORD}@127.0.0.1:port/x",
    "an unclosed bracket": f"postgresql://me:{PASSWORD}@[::1/x",
    "key words": f"host=127.0.0.1 port=1 user=me password={PASSWORD}",
    "key words, unclosed": f"host=127.0.0.1 port=1 password='{PASSWORD}",
}


@pytest.mark.fault(59, "URLs that cannot be parsed or connected to, as option, in both variables and in the file")
@pytest.mark.parametrize("way", ["--database-url", "BEACON_DATABASE_URL", "DATABASE_URL", "beacon.toml"])
def test_a_password_in_a_database_url_is_never_shown(hurt: Beacon, way: str) -> None:
    done = []
    for url in BAD_URLS.values():
        option = ("--database-url", url) if way == "--database-url" else ()
        if way.endswith("URL"):
            hurt.environment[way] = url
        elif way == "beacon.toml":
            hurt.write("beacon.toml", f"database_url = {json.dumps(url)}\n")
        checked = hurt("--verbose", "check-db", "hurt", *option)
        assert checked.returncode == (2 if way == "beacon.toml" else 3), (url, checked.stderr)
        assert "error: " in checked.stderr
        assert CANARY not in checked.stdout + checked.stderr, url
        done.append(checked)
    if way == "beacon.toml":
        (hurt.folder / "beacon.toml").unlink()
    assert_invariant(Aftermath(hurt.folder, done=done))


FAILING = {
    "run": ("run", "nothing.yaml"),
    "run against a database": ("run", "job.yaml"),
    "check-db": ("check-db", "hurt"),
    "db migrate": ("db", "migrate"),
    "db dump": ("db", "dump"),
    "db psql": ("db", "psql", "-c", "SELECT 1"),
    "verify": ("verify", "endpoints", "--region", "mars"),
    "deploy": ("deploy", "modal", "--region", "mars"),
    "rollback": ("rollback", "modal", "--region", "mars"),
    "serve": ("serve", "--region", "mars"),
}


@pytest.mark.fault(60, "an error of each command under --verbose")
def test_an_error_under_verbose_holds_no_secret_and_no_traceback(hurt: Beacon) -> None:
    write_job(hurt, ["What is 2+2?"])
    hurt.environment |= {
        "BEACON_DATABASE_URL": BAD_URLS["nobody listens"],
        "PGPASSWORD": f"pg-{CANARY}",
        "HF_TOKEN": f"hf_{CANARY}",
        "MODAL_TOKEN_ID": f"ak-{CANARY}",
        "MODAL_TOKEN_SECRET": f"as-{CANARY}",
        "MODAL_SERVER_URL": "http://127.0.0.1:1",
    }
    done = []
    for name, arguments in FAILING.items():
        failed = hurt("--verbose", *arguments)
        assert failed.returncode in {1, 2, 3, 4}, (name, failed.stderr)
        assert "verbose: " in failed.stderr, name
        assert CANARY not in failed.stdout + failed.stderr, name
        done.append(failed)
    assert_invariant(Aftermath(hurt.folder, done=done))
