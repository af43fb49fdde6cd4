"""Job ids and database URLs that are not what they seem, and errors that are told in full."""

from __future__ import annotations

import json
import subprocess

import pytest

from beacon_cli.main import program
from beacon_cli.store.embedded import keep_server
from tests.acceptance.conftest import Beacon
from tests.support.hostile_endpoints import endpoints, write_job
from tests.support.in_process import beacon
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
        url = keep_server(hurt.data)
        for awkward in AWKWARD_IDS:
            for code, *arguments in ((2, "run", job, "--job-id", awkward), (1, "check-db", awkward)):
                refused = beacon(*arguments, "--json", url=url)
                assert refused.code == code, (awkward[:30], refused.out)
                done.append(subprocess.CompletedProcess([*arguments, "--json"], code, refused.out, refused.err))
        done.append(hurt("check-db", "hurt", "--json"))
    assert done[-1].returncode == 0, done[-1].stdout
    assert sum(served.seen.values()) == 1
    assert not list(hurt.folder.parent.glob("*.jsonl"))
    assert_invariant(Aftermath(hurt.folder, url, done))


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
def test_a_password_in_a_database_url_is_never_shown(
    hurt: Beacon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    """The first URL is given to the installed program, and all of them to the program inside this process."""
    monkeypatch.chdir(hurt.folder)
    for variable in ("DATABASE_URL", "BEACON_DATABASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    code = 2 if way == "beacon.toml" else 3
    for url in BAD_URLS.values():
        arguments = ["--verbose", "check-db", "hurt", *(("--database-url", url) if way == "--database-url" else ())]
        if way.endswith("URL"):
            monkeypatch.setenv(way, url)
            hurt.environment.setdefault(way, url)
        elif way == "beacon.toml":
            hurt.write("beacon.toml", f"database_url = {json.dumps(url)}\n")
        if url == BAD_URLS["nobody listens"]:
            done = hurt(*arguments)
            assert done.returncode == code, done.stderr
        assert program(arguments) == code, url
        shown = capsys.readouterr()
        assert "error: " in shown.err
        assert CANARY not in shown.out + shown.err, url
    if way == "beacon.toml":
        (hurt.folder / "beacon.toml").unlink()
    assert_invariant(Aftermath(hurt.folder, done=[done]))


FAILING = {
    "run nothing.yaml": 2,
    "run job.yaml": 3,
    "check-db hurt": 3,
    "db migrate": 3,
    "db dump": 3,
    "db psql -c SELECT": 3,
    "verify endpoints --region mars": 2,
    "deploy modal --region mars": 2,
    "rollback modal --region mars": 2,
    "serve --region mars": 2,
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
    for command, code in FAILING.items():
        failed = hurt("--verbose", *command.split())
        assert failed.returncode == code, (command, failed.stderr)
        assert "verbose: " in failed.stderr, command
        assert CANARY not in failed.stdout + failed.stderr, command
        done.append(failed)
    assert_invariant(Aftermath(hurt.folder, done=done))
