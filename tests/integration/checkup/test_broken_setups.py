"""`beacon doctor` on set-ups that are broken, each in one way: the line that says what is wrong, and what to type."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import psycopg
import pytest
import trustme
from grpclib import Status as Code
from psycopg.conninfo import make_conninfo

from beacon_cli.config import load_settings
from beacon_cli.endpoints.recorded import save
from beacon_cli.main import program
from beacon_cli.network.roots import VARIABLES
from modal_deployment.registry import BUILT_IN_MODELS
from tests.integration.conftest import url_of
from tests.support.deployed_regions import CREDENTIALS, Deployed, deployed
from tests.support.fake_modal import fake_modal
from tests.support.hostile_endpoints import endpoints
from tests.support.openai_region import OpenAiRegion, openai_region
from tests.support.raw_server import http

Line = tuple[str, str, str]  # status, what, next
CAN_MOUNT = os.name == "posix" and os.geteuid() == 0 and shutil.which("mount") is not None
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Doctor:
    """Runs the command in an empty folder; `variables` sets what is broken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Line]]:
        """Return the exit code, and each line by its name."""
        code, out = self.run(*arguments, "--json")
        document = json.loads(out)
        failed = [check["name"] for check in document["data"]["checks"] if check["status"] == "failed"]
        assert [error["code"] for error in document["errors"]] == failed
        assert document["ok"] == (not failed) == (code == 0)
        return code, {each["name"]: (each["status"], each["what"], each["next"]) for each in document["data"]["checks"]}

    def run(self, *arguments: str) -> tuple[int, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = program(["doctor", *arguments])
        return code, out.getvalue()


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's tmp_path: as root the embedded server runs as a user of its own, to which that folder is closed.
    made = Path(tempfile.mkdtemp(prefix="beacon-doctor-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Doctor:
    """A doctor that finds nothing configured on this machine."""
    for name in list(os.environ):
        if name.startswith(("BEACON_", "MODAL_", "DATABASE_URL")) or name.upper() in (*_PROXIES, *VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    made = Doctor(monkeypatch, folder)
    made.set(BEACON_DATA_DIR=str(folder / "data"), MODAL_CONFIG_PATH=str(folder / "none.toml"))
    return made


@pytest.fixture
def regions() -> Iterator[Deployed]:
    with deployed() as served:
        yield served


def test_a_new_machine_is_told_what_to_do_and_nothing_is_changed(doctor: Doctor) -> None:
    code, lines = doctor()
    assert code == 0
    status, what, to_do = lines["configuration"]
    assert status == "warning"
    assert what.startswith("no beacon.toml in the working folder or above it; variables: BEACON_DATA_DIR; no endpoint")
    assert to_do == "beacon init writes a beacon.toml to fill in"
    assert lines["endpoints"][0] == lines["modal"][0] == "skipped"
    assert lines["modal"][2].startswith("modal token new")
    assert lines["database"][:2] == (
        "ok",
        f"embedded, in {doctor.folder}/data/pg18: the first command creates it that needs it",
    )
    assert lines["data_folder"][1] == f"{doctor.folder}/data, which the first command creates that needs it"
    assert list(doctor.folder.iterdir()) == []


def test_a_typo_in_the_configuration_is_named_and_what_depends_on_it_skipped(doctor: Doctor) -> None:
    (doctor.folder / "beacon.toml").write_text("[limits]\nmax_in_fligth = 3\n")
    code, lines = doctor()
    assert code == 1
    status, what, to_do = lines["configuration"]
    assert (status, what) == ("failed", f"{doctor.folder}/beacon.toml: limits.max_in_fligth: unknown key")
    assert to_do.startswith("did you mean max_in_flight? beacon docs configuration lists every key")
    assert {lines[name][0] for name in ("data_folder", "database", "proxy", "endpoints")} == {"skipped"}
    assert lines["python"][0] == lines["extra.local"][0] == "ok"


def test_a_data_folder_that_cannot_be_one_is_named(doctor: Doctor) -> None:
    (doctor.folder / "data").write_text("a file")
    _, lines = doctor()
    status, what, to_do = lines["data_folder"]
    assert (status, what) == (
        "failed",
        f"the data folder {doctor.folder}/data cannot be used: {doctor.folder}/data: Not a directory",
    )
    assert to_do.startswith("set BEACON_DATA_DIR")
    assert lines["disk"][:2] == ("skipped", "not looked at without a data folder")
    assert lines["database"][:2] == ("skipped", "embedded: not looked at without a data folder")


def test_recorded_endpoints_are_endpoints(doctor: Doctor) -> None:
    urls = {name: f"http://127.0.0.1:{closed_port()}/{name}" for name in ("inference", "models", "health")}
    save(load_settings(), "", {"us": ("app-us", "ap-1", urls)}, BUILT_IN_MODELS)
    _, lines = doctor()
    assert lines["configuration"][0] == "ok"
    assert "no endpoint is configured" not in lines["configuration"][1]


def test_a_configuration_that_is_a_folder_is_told(doctor: Doctor) -> None:
    (doctor.folder / "beacon.toml").mkdir()
    code, lines = doctor()
    assert code == 1
    assert lines["configuration"][:2] == (
        "failed",
        f"{doctor.folder}/beacon.toml (the nearest beacon.toml) is not a file",
    )


def test_a_good_database_is_described(doctor: Doctor, database_url: str) -> None:
    doctor.set(BEACON_DATABASE_URL=database_url)
    _, lines = doctor()
    assert lines["database"][0] == "ok"
    assert lines["database"][1].startswith("PostgreSQL 18.")
    assert lines["database"][1].endswith("(from BEACON_DATABASE_URL)")
    assert lines["database.rights"][:2] == ("ok", "the role postgres may do what a run needs")
    assert lines["database.schema"] == ("ok", "up to date", "")
    assert lines["database.clock"][0] == "ok"


def test_a_database_that_is_down(doctor: Doctor) -> None:
    password = "correct-horse-battery"
    doctor.set(DATABASE_URL=f"postgresql://me:{password}@127.0.0.1:{closed_port()}/shop")
    code, out = doctor.run("--json")
    assert (code, password in out) == (1, False)
    _, lines = doctor()
    status, what, to_do = lines["database"]
    assert status == "failed"
    assert what.startswith("DATABASE_URL: the database shop at 127.0.0.1:")
    assert "Connection refused" in what
    assert to_do.startswith("check DATABASE_URL, and that the server is running")


def test_a_database_with_an_old_schema(doctor: Doctor, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id LIKE '0007%'")
    _, lines = doctor("--database-url", database_url)
    status, what, to_do = lines["database.schema"]
    assert (status, to_do) == ("failed", "run: beacon db migrate")
    assert "the database's schema is older than this program (not applied: 0007" in what


def test_a_database_without_tables(doctor: Doctor, empty_database_url: str) -> None:
    _, lines = doctor("--database-url", empty_database_url)
    assert lines["database.schema"][0] == "failed"
    assert lines["database.schema"][2] == "run: beacon db migrate"


def test_a_role_without_rights(doctor: Doctor, postgres_url: str, database_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE reader LOGIN")
        try:
            _, lines = doctor(
                "--database-url", make_conninfo(url_of(postgres_url, name_of(database_url)), user="reader")
            )
        finally:
            admin.execute("DROP ROLE reader")
    status, what, to_do = lines["database.rights"]
    assert status == "failed"
    assert what.startswith(
        "the database role reader lacks a privilege: SELECT on _yoyo_migration, superseded_executions;"
    )
    assert to_do.startswith("the owner of the tables can grant it; beacon docs database lists")
    assert lines["database.schema"][0] == "skipped"


def test_a_clock_that_differs_from_the_databases(doctor: Doctor, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:  # what `clock_timestamp()` then means there
        connection.execute(
            "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
            " AS $$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$"
        )
        connection.execute(f"ALTER DATABASE {name_of(database_url)} SET search_path = public, pg_catalog".encode())
    _, lines = doctor("--database-url", database_url)
    status, what, to_do = lines["database.clock"]
    assert status == "warning"
    assert what.startswith("this machine's clock is 1h 00m behind the database's")
    assert to_do == "set the clock of the machine that is wrong, by NTP for example"


def test_good_endpoints_are_described(doctor: Doctor, regions: Deployed) -> None:
    key, secret = CREDENTIALS["modal-key"], CREDENTIALS["modal-secret"]
    doctor.set(**regions.environment(), BEACON_PROXY_KEY=key, BEACON_PROXY_SECRET=secret)
    for region in (regions.us, regions.eu, regions.apac):
        region.wants_credentials = True
    code, lines = doctor()
    assert code == 0
    status, what, _ = lines["endpoint.eu"]
    assert status == "ok"
    assert what.startswith(f"{regions.url}/eu/models answers in 0.")
    assert what.endswith("; the credentials are accepted")
    assert {request.method for request in regions.eu.requests} == {"GET"}


def test_an_endpoint_that_is_down_and_one_that_refuses_the_credentials(doctor: Doctor, regions: Deployed) -> None:
    doctor.set(**{**regions.environment(), "BEACON_REGIONS__US__BASE_URL": f"http://127.0.0.1:{closed_port()}"})
    regions.eu.wants_credentials = True
    code, lines = doctor()
    assert code == 1
    assert lines["endpoint.us"][0] == "failed"
    assert "the connection failed: connection refused" in lines["endpoint.us"][1]
    assert lines["endpoint.us"][2].startswith("check this region's URLs in beacon.toml")
    assert lines["endpoint.eu"][0] == "failed"
    assert "HTTP 401" in lines["endpoint.eu"][1]
    assert lines["endpoint.eu"][2] == "set BEACON_PROXY_KEY and BEACON_PROXY_SECRET to a live proxy token"
    assert lines["endpoint.apac"][0] == "ok"


def test_a_key_that_is_not_set_and_one_that_is_refused(doctor: Doctor) -> None:
    with openai_region(OpenAiRegion(key="sk-right-0123456789")) as served:
        (doctor.folder / "beacon.toml").write_text(
            f'[regions.br]\napi = "openai"\nbase_url = "{served.url}"\nkey_env = "BR_KEY"\n'
        )
        _, lines = doctor()
        assert lines["endpoint.br"][0] == "failed"
        assert lines["endpoint.br"][1] == "region BR needs the key in BR_KEY, and this variable is not set"
        assert lines["endpoint.br"][2].startswith("export BR_KEY")
        doctor.set(BR_KEY="sk-wrong-0123456789")
        _, lines = doctor()
        assert lines["endpoint.br"][0] == "failed"
        assert lines["endpoint.br"][2] == "set BR_KEY to a valid key"
        assert served.asked == []


@pytest.mark.parametrize(
    ("kind", "why"), [("expired", "certificate has expired"), ("self-signed", "self-signed certificate")]
)
def test_a_certificate_that_is_not_to_be_trusted(doctor: Doctor, tmp_path: Path, kind: str, why: str) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    if kind == "expired":
        authority.issue_cert("127.0.0.1", not_before=yesterday - timedelta(days=9), not_after=yesterday).configure_cert(
            context
        )
    else:
        (tmp_path / "own.pem").write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
        context.load_cert_chain(tmp_path / "own.pem")
        authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    with endpoints(tls=context) as served:
        doctor.set(SSL_CERT_FILE=str(tmp_path / "authority.pem"), BEACON_REGIONS__EU__BASE_URL=f"{served.url}/eu")
        _, lines = doctor()
    status, what, to_do = lines["endpoint.eu"]
    assert status == "failed"
    assert "the certificate was refused" in what
    assert why in what
    assert to_do.startswith("check the certificate, and the host name in beacon.toml")
    assert lines["certificates"][:2] == ("ok", f"trusted: {tmp_path}/authority.pem (SSL_CERT_FILE)")


def test_roots_that_cannot_be_read(doctor: Doctor) -> None:
    doctor.set(SSL_CERT_FILE="/nowhere/roots.pem")
    code, lines = doctor()
    assert code == 1
    assert lines["certificates"][0] == "failed"
    assert lines["certificates"][2].startswith("set SSL_CERT_FILE to a file or folder with certificates")


def test_a_dead_proxy(doctor: Doctor, regions: Deployed) -> None:
    dead = f"http://user:s3cret-word@127.0.0.1:{closed_port()}"
    doctor.set(BEACON_REGIONS__EU__BASE_URL=f"{regions.url}/eu", BEACON_REGIONS__EU__PROXY_ENV="WAY", WAY=dead)
    code, lines = doctor()
    assert code == 1
    status, what, to_do = lines["proxy"]
    assert status == "failed"
    assert what == f"{dead.replace('user:s3cret-word@', '')} (WAY) cannot be reached: connection refused"
    assert to_do.startswith("start it, or correct or unset WAY")
    assert lines["endpoint.eu"][0] == "failed"
    assert "through the proxy" in lines["endpoint.eu"][1]
    (doctor.folder / "beacon.toml").write_text(f'[regions.us]\nproxy = "http://127.0.0.1:{closed_port()}"\n')
    doctor.set(BEACON_REGIONS__EU__PROXY_ENV="", BEACON_REGIONS__US__BASE_URL=f"{regions.url}/us")
    assert doctor()[1]["proxy"][2].startswith("start it, or correct or remove proxy in beacon.toml; NO_PROXY")
    doctor.set(HTTPS_PROXY="http://nonsense:0")
    assert doctor()[1]["proxy"][:2] == ("failed", "HTTPS_PROXY does not name a usable proxy")


def test_a_clock_that_is_off_by_the_endpoints_date(doctor: Doctor, regions: Deployed) -> None:
    tomorrow = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    regions.eu.always["models"] = http(200, regions.eu.models, Date=tomorrow)
    regions.us.always["models"] = http(200, regions.us.models, Date=tomorrow, Age="7200")
    doctor.set(**regions.environment())
    code, lines = doctor()
    assert code == 0
    status, what, to_do = lines["endpoint.eu"]
    assert status == "warning"
    assert "this machine's clock is 2h 00m behind this endpoint's" in what or "1h 59m behind" in what
    assert to_do.startswith("set the clock of the machine that is wrong")


def test_two_regions_that_ask_the_same_endpoint(doctor: Doctor, regions: Deployed) -> None:
    doctor.set(**{**regions.environment(), "BEACON_REGIONS__EU__BASE_URL": f"{regions.url}/us"})
    _, lines = doctor()
    assert lines["endpoints"][0] == "failed"
    assert "have the same inference URL" in lines["endpoints"][1]


def test_a_port_that_is_taken(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with moved_ports(port):
            code, lines = doctor()
    assert code == 0
    status, what, to_do = lines["ports"]
    assert status == "warning"
    assert what.startswith(f"{port} is taken by ")
    assert f"(process {os.getpid()})" in what or "pytest" in what or "python" in what
    assert to_do.startswith("end that program, or let local servers use other ports: beacon serve --port ")


@contextlib.contextmanager
def moved_ports(first: int) -> Iterator[None]:
    """Have the default ports begin elsewhere: the real ones may be in use on the machine of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("beacon_cli.local.foreground.BASE_PORT", first)
        yield


@pytest.mark.skipif(not CAN_MOUNT, reason="mounting a tmpfs wants root and the program mount")
def test_a_full_disk(doctor: Doctor) -> None:
    folder = doctor.folder / "data"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,noexec", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        said = mounted.stderr.decode().strip()
        assert "permi" in said.lower(), said
        pytest.skip(f"root may not mount a tmpfs here: {said}")
    try:
        code, lines = doctor()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    assert code == 1
    status, what, to_do = lines["disk"]
    assert status == "failed"
    assert "is full: 8 MB are free, 64 MB are needed" in what
    assert to_do == "free space there, or set BEACON_DATA_DIR to a folder on another disk"


def test_an_extra_that_is_missing(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beacon_cli.extras._installed_extras", lambda: frozenset({"local"}))
    code, lines = doctor()
    assert code == 0
    assert lines["extra.local"][0] == "ok"
    status, what, to_do = lines["extra.parquet"]
    assert (status, what) == ("warning", "not installed: export to Parquet")
    assert to_do.startswith("install it with: ")
    assert "parquet" in to_do


def test_a_token_is_asked_about_and_a_refused_one_is_told(doctor: Doctor) -> None:
    with fake_modal() as modal:
        doctor.set(**modal.variables(doctor.folder), BEACON_MODAL__WORKSPACE="somebody-else")
        status, what, to_do = of_modal()
        assert status == "warning"
        assert "modal.workspace is somebody-else" in what
        assert to_do.startswith("correct modal.workspace")
        modal.fail("WorkspaceNameLookup", Code.UNAUTHENTICATED, "Token missing")
        status, what, to_do = of_modal()
    assert status == "failed"
    assert what.startswith("Modal refused the token")
    assert to_do.startswith("modal token new")


def test_an_endpoint_that_never_answers_is_told_so_and_stops_nothing(
    doctor: Doctor, regions: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon_cli.checkup.regions.ANSWER_SECONDS", 0.5)
    regions.us.wait = 2.0
    doctor.set(**regions.environment())
    _, lines = doctor()
    assert lines["endpoint.us"][0] == "warning"
    assert "no answer in 0.5 s" in lines["endpoint.us"][1]
    assert lines["endpoint.us"][2] == "a cold region takes longer: beacon verify endpoints waits for it"
    assert lines["endpoint.eu"][0] == "ok"


def test_the_lines_of_a_terminal(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (doctor.folder / "beacon.toml").write_text("nonsense = 1\n")
    code, out = doctor.run()
    assert code == 1
    assert max(map(len, (line for line in out.splitlines() if str(doctor.folder) not in line))) <= 80
    assert "✗ configuration" in out
    assert "    do: beacon docs configuration lists every key of beacon.toml" in out
    assert out.splitlines()[-1].startswith("not ok: 1 check failed")


def of_modal() -> Line:
    """Return what a process of its own says of Modal: the SDK keeps its first connection."""
    done = subprocess.run([sys.executable, "-m", "beacon_cli", "doctor", "--json"], capture_output=True, timeout=60)
    [line] = [each for each in json.loads(done.stdout)["data"]["checks"] if each["name"] == "modal"]
    return line["status"], line["what"], line["next"]


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def name_of(url: str) -> str:
    return url.rpartition("@/")[2].partition("?")[0]
