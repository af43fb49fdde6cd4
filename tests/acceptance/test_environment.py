"""Whatever the environment is: which database is used and why, what --verbose shows, and no error of ours."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
import trustme

from beacon_cli import __version__
from tests.acceptance.conftest import BEACON, Beacon
from tests.support.hostile_endpoints import endpoints, write_job

UNREACHABLE = "postgresql://me:canary-1f@127.0.0.1:1/shop"
# Each of them, set alone, once broke the embedded database.
ANOTHER_PROJECTS = {
    "DATABASE_URL": "mysql://root:canary-1f@db/shop",
    "PGHOST": "nowhere.example.test",
    "PGHOSTADDR": "10.255.255.1",
    "PGPORT": "nonsense",
    "PGDATABASE": "shop",
    "PGUSER": "shop",
    "PGPASSWORD": "canary-1f",
    "PGSERVICE": "shop",
    "PGSSLMODE": "nonsense",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLCERTMODE": "require",
    "PGREQUIREPEER": "shop",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGCHANNELBINDING": "require",
    "PGGSSENCMODE": "require",
    "PGCLIENTENCODING": "nonsense",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "nonsense",
    "PGOPTIONS": "-c nonsense=1",
    "PGDATESTYLE": "nonsense",
    "PGTZ": "Nowhere",
    "PGGEQO": "nonsense",
    "PGDATA": "/nowhere",
}


def test_what_another_project_set_for_postgresql_does_not_reach_the_embedded_database(beacon: Beacon) -> None:
    beacon.environment |= ANOTHER_PROJECTS | {"BEACON_DATABASE_URL": "embedded"}
    assert beacon("jobs").stdout.strip() == "no jobs yet"
    assert beacon("db", "psql", "-Atc", "SELECT 1").stdout.strip() == "1"
    assert beacon("db", "url").returncode == 0
    assert beacon.json("db", "stop")[1]["data"] == {"stopped": True}


@pytest.mark.parametrize(
    ("source", "said"),
    [("DATABASE_URL", "BEACON_DATABASE_URL=embedded"), ("BEACON_DATABASE_URL", ""), ("--database-url", "")],
)
def test_a_named_database_is_said_first_with_its_source_and_so_is_what_is_wrong_with_it(
    beacon: Beacon, source: str, said: str
) -> None:
    flag = [source, UNREACHABLE] if source.startswith("--") else []
    if not flag:
        beacon.environment[source] = UNREACHABLE
    done = beacon("jobs", *flag)
    first, error, hint = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (3, "")
    assert first == f"database: shop at 127.0.0.1:1 (from {source})"
    assert error.startswith(f"error: {source}: the database shop at 127.0.0.1:1 failed")
    assert said in hint
    assert "canary" not in done.stderr


def test_a_run_says_where_its_answers_go_and_a_job_that_is_not_there_where_it_was_looked_for(beacon: Beacon) -> None:
    line = f"database: embedded, in {beacon.data}"
    with endpoints() as served:
        beacon.environment |= served.environment("us")
        job = write_job(beacon, ["What is 2+2?"])
        assert line in beacon("run", job).stderr.splitlines()
    missing = beacon("check-db", "nothing")
    assert missing.returncode == 1
    assert f"the database is embedded, in {beacon.data}" in missing.stderr
    assert beacon("jobs").stderr == ""


@pytest.mark.parametrize("command", [("verify", "endpoints", "--region", "us"), ("run", "job.yaml")])
@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SSL_CERT_FILE", "/nowhere/roots.pem", "SSL_CERT_FILE names /nowhere/roots.pem, which cannot be read"),
        ("HTTPS_PROXY", "http://me:canary-1f@proxy:port", "HTTPS_PROXY does not name a usable proxy"),
    ],
)
def test_a_network_that_cannot_be_used_is_one_sentence_before_anything_is_asked(
    beacon: Beacon, command: tuple[str, ...], variable: str, value: str, said: str
) -> None:
    beacon.environment |= {"BEACON_REGIONS__US__BASE_URL": "https://us.example.test", variable: value}
    write_job(beacon, ["What is 2+2?"])
    code, document = beacon.json(*command)
    assert (code, document["errors"][0]["code"]) == (3, "environment")
    assert document["errors"][0]["message"].startswith(said)
    assert "canary" not in json.dumps(document)


def test_verbose_shows_what_is_used_before_and_after_the_command(beacon: Beacon) -> None:
    beacon.write("beacon.toml", "[limits]\nattempts = 1\nregion_patience = 0\n")
    with endpoints() as served:
        beacon.environment |= {
            **served.environment("us"),
            "BEACON_REGIONS__EU__BASE_URL": "https://eu.example.test",
            "HTTPS_PROXY": "http://me:canary-1f@127.0.0.1:1",
        }
        job = write_job(beacon, ["What is 2+2?"], regions="[US, EU]")
        for arguments in (["-v", "run", job], ["run", job, "--verbose"]):
            done = beacon(*arguments)
            said = [line.split(" s  ", 1)[1] for line in done.stderr.splitlines() if line.startswith("verbose: ")]
            expected = [
                f"beacon {__version__}, Python ",
                "system: ",
                f"configuration: {beacon.folder}/beacon.toml (the nearest beacon.toml)",
                "configuration: variables BEACON_DATA_DIR, BEACON_REGIONS__EU__BASE_URL, BEACON_REGIONS__US__BASE_URL",
                f"data folder: {beacon.data}",
                "cache folder: ",
                "database: PostgreSQL 18.",
                f"region US: {served.url}/us/inference, directly",
                "region EU: https://eu.example.test/inference, through http://127.0.0.1:1 (HTTPS_PROXY)",
                "TLS: trusting ",
                "all questions were asked",
                "exit code 1",
            ]
            assert len(said) == len(expected), said
            assert all(line.startswith(start) for line, start in zip(said, expected, strict=True)), said
            assert "canary" not in done.stderr


def test_an_expected_error_under_verbose_shows_its_causes_and_no_traceback(beacon: Beacon) -> None:
    done = beacon("-v", "--config", "nowhere.toml", "jobs")
    assert (
        "caused by: FileNotFoundError: [Errno 2] No such file or directory: 'nowhere.toml' (config.py:" in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert "error: nowhere.toml (from --config) cannot be read: No such file or directory" in done.stderr


def test_psql_keeps_its_own_v(beacon: Beacon) -> None:
    assert beacon("db", "psql", "-v", "x=7", "-Atc", "SELECT 1").stdout.strip() == "1"


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_a_configuration_that_is_no_file_is_refused_and_never_waited_for(beacon: Beacon, kind: str) -> None:
    path = beacon.folder / "beacon.conf"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/zero")
    done = beacon("--config", str(path), "jobs")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, f"error: {path} (from --config) is not a file")


def in_shell(beacon: Beacon, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script.replace("beacon", str(BEACON))],
        env=beacon.variables(),
        cwd=beacon.folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("unset HOME BEACON_DATA_DIR; exec beacon --version", ""),
        (
            "mkdir gone; cd gone; rmdir ../gone; BEACON_DATA_DIR=x exec beacon jobs",
            "the working folder no longer exists",
        ),
    ],
)
def test_what_the_shell_took_away_is_no_fault_of_ours(beacon: Beacon, script: str, said: str) -> None:
    done = in_shell(beacon, script)
    assert done.returncode == (3 if said else 0), done.stderr
    assert said in done.stderr
    assert "fault of beacon" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_file_keeps_its_name_whatever_the_locale(beacon: Beacon) -> None:
    with endpoints() as served:
        beacon.environment |= served.environment("us")
        beacon.environment |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        (beacon.folder / "ünï.yaml").write_text("questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\n")
        done = in_shell(beacon, "exec beacon run ünï.yaml --job-id named")
        assert done.returncode == 0, done.stderr
    assert [job["name"] for job in beacon.json("jobs")[1]["data"]["jobs"]] == ["ünï"]


MODAL = {"MODAL_TOKEN_ID": "ak-canary-1f", "MODAL_TOKEN_SECRET": "as-canary-1f"}


@pytest.mark.skipif(find_spec("python_socks") is not None, reason="Modal's SDK can go through a proxy here")
def test_modals_sdk_lacks_a_package_behind_a_proxy(beacon: Beacon) -> None:
    beacon.environment |= MODAL | {"HTTPS_PROXY": "http://me:canary-1f@127.0.0.1:1"}
    done = beacon("deploy", "modal")
    assert done.returncode == 3
    assert "HTTPS_PROXY names a proxy, and Modal's SDK needs the package python-socks" in done.stderr
    assert "MODAL_DISABLE_API_PROXY=1" in done.stderr
    assert "canary" not in done.stderr


def test_modals_sdk_trusts_certifi_alone_and_that_is_said(beacon: Beacon) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    beacon.environment |= MODAL | {"SSL_CERT_FILE": beacon.write("company.pem", authority.cert_pem.bytes())}
    with endpoints(tls=context) as served:
        beacon.environment["MODAL_SERVER_URL"] = served.url
        done = beacon("deploy", "modal")
    assert done.returncode == 3
    assert "127.0.0.1: its certificate was refused: unable to get local issuer certificate" in done.stderr
    assert "docs network" in done.stderr
