"""One canary in every secret that Beacon can be given, every command, and endpoints that echo what they were sent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from grpclib import Status

from tests.acceptance.conftest import Beacon
from tests.support.echoes import header_bytes, no_answers
from tests.support.fake_modal import FakeModal, fake_modal
from tests.support.hostile_endpoints import (
    Asked,
    Endpoints,
    Fault,
    Reply,
    always,
    endpoints,
    events_file,
    run_arguments,
    write_job,
)
from tests.support.invariant import CANARY, Aftermath, assert_invariant
from tests.support.ports import free_port
from tests.support.raw_server import http
from tests.support.spellings import SPELLINGS, spelled_in

KEY, SECRET = f"wk-{CANARY}-key", f"ws-{CANARY}-secret"
SECRETS = {
    "BEACON_PROXY_KEY_OLD": f"wk-{CANARY}-old",
    "BEACON_PROXY_SECRET_OLD": f"ws-{CANARY}-old",
    "HF_TOKEN": f"hf_{CANARY}",
    "PGPASSWORD": f"pg-{CANARY}",
}
MODAL_TOML = f'[default]\ntoken_id = "ak-{CANARY}"\ntoken_secret = "as-{CANARY}"\nactive = true\n'


READERS = [("jobs",), *((name, "hurt") for name in ("check-db", "show", "compare", "report", "export"))]


def echoed(asked: Asked) -> bytes:
    return asked.good(f"you sent {KEY}", gpu=SECRET, receipt={"headers": {"modal-key": KEY, SECRET: 1}})


ECHOES: dict[str, Reply] = {
    "in an answer": echoed,
    "in an error": http(500, {"success": False, "error": {"code": "x", "message": f"bad token {KEY} {SECRET}"}}),
    "in a refusal": http(422, {"error": {"message": f"Modal-Secret: {SECRET}"}}),
    "in an old error": http(200, {"success": False, "error": f"headers: {KEY}, {SECRET}"}),
    "in no JSON": http(200, f"<html>{'x' * 190}{KEY}".encode()),
    "in another region's answer": lambda asked: asked.good(region=f"mars {SECRET}"),
    "in another model's answer": lambda asked: asked.good(model=KEY),
}


def process_ids() -> set[str]:
    """Return the ids of all processes of this machine."""
    return {name for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208


@contextmanager
def watched_process_list() -> Iterator[set[str]]:
    """Collect every command line that holds the canary, of the processes that begin meanwhile."""
    seen: set[str] = set()
    over = threading.Event()
    before = process_ids()

    def watch() -> None:
        while not over.wait(0.02):
            for process_id in process_ids() - before:
                try:
                    line = Path("/proc", process_id, "cmdline").read_bytes()
                except OSError:
                    continue
                if CANARY.encode() in line:
                    seen.add(line.replace(b"\0", b" ").decode(errors="replace"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.fixture
def modal(hurt: Beacon) -> Iterator[FakeModal]:
    with fake_modal() as fake:
        hurt.environment |= fake.variables(hurt.folder)
        yield fake


@pytest.fixture
def served() -> Iterator[Endpoints]:
    faults: dict[str, Fault] = {prompt: always(reply) for prompt, reply in ECHOES.items()}
    with endpoints(faults) as found:
        yield found


def started(beacon: Beacon, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that is started anew, as are the processes that it starts: the process list has their arguments."""
    process = beacon.start(*arguments, stdin=subprocess.DEVNULL)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def entrust(beacon: Beacon, served: Endpoints) -> str:
    """Give `beacon` every secret there is, in every place where it looks for one; return the database's URL."""
    url = beacon("db", "url").stdout.strip()
    beacon.environment |= {**served.environment(), **SECRETS, "BEACON_DATABASE_URL": f"{url}&password=db-{CANARY}"}
    return url


@pytest.mark.fault(60, "every command with a canary in every secret; endpoints and a control plane that echo them")
def test_no_command_lets_a_secret_out(hurt: Beacon, modal: FakeModal, served: Endpoints) -> None:
    url = entrust(hurt, served)
    job = write_job(hurt, list(ECHOES), attempts=1)
    unreachable = {"BEACON_DATABASE_URL": f"postgresql://me:db-{CANARY}@127.0.0.1:1/x"}
    with watched_process_list() as process_list:
        done = [
            hurt("db", "migrate", "--json"),
            hurt(*run_arguments(hurt, job)),
            hurt("--verbose", "run", job),
            hurt("run", "job.yaml", "--dry-run", "--json"),
            hurt("check-db", "hurt"),
            hurt("check-db", "hurt", "--json"),
            hurt("jobs"),
            hurt("show", "hurt"),
            hurt("compare", "hurt"),
            hurt("report", "hurt", "--json"),
            hurt("export", "hurt"),
            hurt("db", "url"),
            hurt("db", "dump"),
            hurt("db", "psql", "-c", "SELECT * FROM executions"),
            hurt("schema", "job"),
            hurt("verify", "endpoints", "--json"),
            hurt("--verbose", "verify", "endpoints", "--probe", "--timeout", "5"),
            started(hurt, "deploy", "modal", "--region", "us", "--no-verify", "--json"),
            started(hurt, "rollback", "modal", "--region", "us", "--json"),
        ]
        hurt.environment |= unreachable
        done += [hurt("--verbose", *command) for command in (*READERS, ("run", job), ("db", "migrate"))]
    assert [each.returncode for each in done[:3]] == [0, 1, 1], done[1].stderr
    assert process_list == set()
    assert CANARY not in (hurt.folder / "beacon-report-hurt.html").read_text()
    assert_invariant(Aftermath(hurt.folder, url, done))


@pytest.mark.fault(47, "a control plane that echoes a token which is only in Modal's own file")
def test_a_token_of_modals_own_file_is_not_echoed(hurt: Beacon, modal: FakeModal) -> None:
    variables = modal.variables(hurt.folder)
    config = Path(variables["MODAL_CONFIG_PATH"])
    config.write_text(MODAL_TOML)
    del hurt.environment["MODAL_TOKEN_ID"], hurt.environment["MODAL_TOKEN_SECRET"]
    modal.fail("*", Status.UNAUTHENTICATED, f"Token ak-{CANARY} with as-{CANARY} is not valid")
    done = hurt("--verbose", "deploy", "modal", "--no-verify", "--json")
    assert done.returncode == 4, done.stderr
    config.unlink()
    assert_invariant(Aftermath(hurt.folder, done=[done]))


@pytest.mark.fault(60, "a server of this machine with two live pairs of credentials, asked with a wrong one")
def test_a_server_of_this_machine_lets_none_out_either(scripted: Beacon) -> None:
    scripted.environment |= {"BEACON_PROXY_KEY": KEY, "BEACON_PROXY_SECRET": SECRET, **SECRETS}
    port = free_port()
    with watched_process_list() as process_list:
        serving = scripted.start("serve", "--region", "us", "--port", str(port))
        assert serving.stdout is not None
        said = ""
        for line in serving.stdout:
            said += line
            if "base_url" in line:
                break
        scripted.environment |= {
            "BEACON_PROXY_KEY": f"wk-{CANARY}-wrong",
            "BEACON_REGIONS__US__BASE_URL": f"http://127.0.0.1:{port}",
        }
        asked = scripted("verify", "endpoints", "--region", "us", "--json")
        serving.send_signal(signal.SIGTERM)
        out, err = serving.communicate(timeout=300)
    assert asked.returncode == 4, asked.stdout
    assert json.loads(asked.stdout)["errors"]
    served = subprocess.CompletedProcess(serving.args, serving.returncode, said + out, err)
    assert process_list == set()
    assert_invariant(Aftermath(scripted.folder, done=[asked, served]))


def in_every_field(spelled: str) -> Reply:
    """Return an answer that holds a text wherever an answer can hold one."""

    def reply(asked: Asked) -> bytes:
        return asked.good(
            f"before {spelled} after",
            gpu=spelled,
            container_id=spelled,
            model_revision=spelled,
            deep=[{spelled: [spelled, {"a": spelled}]}],
            receipt={
                "execution_details": {"provider_id": spelled, "model": asked.model},
                "output": {"metadata": {spelled: spelled}},
                spelled: 1,
            },
        )

    return reply


def in_what_is_no_answer(spelled: str) -> dict[str, Reply]:
    """Return the other places, by name: errors, redirects, heads and bodies that cannot be read."""
    line = header_bytes(spelled)

    def call(asked: Asked) -> bytes:
        return b"HTTP/1.1 303 x\r\nLocation: %b%%26%b\r\nContent-Length: 0\r\n\r\n" % (asked.result_path.encode(), line)

    return {
        **no_answers(spelled),
        "an old error": http(200, {"status": "error", "error": spelled}),
        "another region": lambda asked: asked.good(region=f"mars {spelled}"),
        "another model": lambda asked: asked.good(model=spelled),
        "another prompt": lambda asked: asked.good(receipt={"output": {"prompt": spelled}}),
        "another receipt's model": lambda asked: asked.good(receipt={"execution_details": {"model": spelled}}),
        "another id": lambda asked: asked.good().replace(b"\r\n", b"\r\nBeacon-Request-ID: " + line + b"\r\n", 1),
        "a call": lambda asked: asked.good() if asked.method == "GET" else call(asked),
        "bytes left over": lambda asked: (
            asked.good(response=spelled).replace(b"Connection: close\r\n", b"") + line + b"\r\n\r\n"
        ),
    }


def listing(spellings: list[str]) -> bytes:
    """Return what `models` and `health` say, with texts wherever they can hold one."""
    everywhere = " ".join(spellings)
    return http(
        200,
        {
            "models_available": ["llama3.2-1b", *spellings],
            "model_registry": {
                "llama3.2-1b": {"revision": everywhere, "source": everywhere},
                **{spelled: {"revision": "1"} for spelled in spellings},
            },
            **dict.fromkeys(("region", "registry_sha256", "status", "version", "container_id"), everywhere),
        },
    )


@pytest.mark.fault(77, "a credential in every field, header and line of a response, in every spelling")
def test_no_spelling_of_a_credential_gets_through(hurt: Beacon) -> None:
    spelled = {spelling: spell(SECRET) for spelling, spell in SPELLINGS.items()}
    places = {
        f"{place}: {spelling}": reply
        for spelling, text in spelled.items()
        for place, reply in {"every field": in_every_field(text), **in_what_is_no_answer(text)}.items()
    }
    with endpoints({place: always(reply) for place, reply in places.items()}) as served:
        served.listing = listing([*spelled.values()])
        hurt.environment |= served.environment()
        job = write_job(hurt, places, attempts=1, answer_timeout="3s")
        done = [hurt("--verbose", *run_arguments(hurt, job))]
        if not all(served.asked(place)[0] for place in places):  # a call met a connection that had just been closed
            done.append(hurt("--verbose", *run_arguments(hurt, job)))
        done += [
            hurt("verify", "endpoints", "--region", "us", "--json"),
            hurt("--verbose", "verify", "endpoints", "--region", "us", "--probe", "--timeout", "5"),
            *(hurt(*command) for command in READERS),
            hurt("db", "psql", "-c", "SELECT * FROM executions"),
        ]
        url = hurt("db", "url").stdout.strip()
        assert_invariant(Aftermath(hurt.folder, url, done, events=events_file(hurt.folder)))
        assert [place for place in places if not served.asked(place)[0]] == [], "each place was met"
    written = [path.read_text(errors="replace") for path in hurt.folder.glob("*.*") if path.name != "job.yaml"]
    for text in (*written, *(text for each in done for text in (each.stdout, each.stderr))):
        assert spelled_in(text, CANARY) is None
