"""A canary in each secret of endpoints of one's own, and endpoints and proxies that say it back in every place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.conftest import Beacon
from tests.acceptance.faults.test_canary import READERS, process_ids, watched_process_list
from tests.support.echoes import header_bytes, no_answers
from tests.support.hostile_endpoints import events_file, run_arguments, write_job
from tests.support.invariant import CANARY, Aftermath, assert_invariant
from tests.support.openai_servers import Azure, OpenAI, OpenRouter, respond, serving
from tests.support.proxies import HttpProxy, Socks5, proxying
from tests.support.spellings import SPELLINGS, spelled_in

MODEL = "llama3.2-1b"
KEY, TEAM, PASSWORD = f"sk-{CANARY}-key", f"team-{CANARY}-header", f"pw-{CANARY}-proxy"
SECRETS = {"US_API_KEY": KEY, "US_TEAM": TEAM}
FEW = ("as it is", "percent", "base64 of a pair")


def table(server: OpenAI, *lines: str, base_url: str | None = None) -> str:
    """Return the table of US; more lines follow its own."""
    own = ("[regions.us]", 'api = "openai"', f'base_url = "{base_url or server.base_url}"', 'key_env = "US_API_KEY"')
    return "\n".join((*own, *(lines or (f'models."{MODEL}" = {{}}',))))


def in_every_field(server: OpenAI, spelled: str) -> bytes:
    """Return a completion that holds a text wherever one can hold it, in its headers, too."""
    document = server.answer({}, MODEL, f"before {spelled} after", "stop")
    document["choices"][0]["message"] |= dict.fromkeys(("reasoning_content", "refusal", spelled), spelled)
    document["choices"][0] |= {"logprobs": [spelled], "finish_reason": spelled}
    names = ("id", "model", "system_fingerprint", "service_tier", "provider", spelled)
    whole = respond(200, {**document, **dict.fromkeys(names, spelled), "usage": {spelled: spelled}})
    told = (
        "x-request-id",
        "cf-ray",
        "x-ms-region",
        "openai-processing-ms",
        "x-served-by",
        "x-ratelimit-reset-requests",
    )
    head = b"".join(name.encode() + b": " + header_bytes(spelled) + b"\r\n" for name in told)
    return whole.replace(b"\r\n", b"\r\n" + head, 1)


def in_a_block(spelled: str) -> dict[str, bytes]:
    """Return the ways to refuse a prompt, which are stored whole."""
    inner = {"code": "ResponsibleAIPolicyViolation", spelled: [spelled]}
    return {
        "Azure's": Azure().error(400, spelled, code="content_filter", extra={"innererror": inner}),
        "OpenRouter's": OpenRouter().error(403, f"flagged {spelled}", extra={"metadata": {"reasons": [spelled]}}),
        "the law's": respond(451, f"not here: {spelled}".encode()),
        "an answer's": respond(200, OpenAI().answer({}, spelled, f"partly {spelled}", "content_filter")),
    }


def listing(spellings: list[str]) -> bytes:
    return respond(200, {"object": "list", "data": [{"id": name, "owned_by": name} for name in (MODEL, *spellings)]})


def replies(server: OpenAI) -> dict[str, bytes]:
    """Return responses by the question that they answer."""
    spelled = {name: spell(KEY) for name, spell in SPELLINGS.items()}
    found = {f"every field: {name}": in_every_field(server, text) for name, text in spelled.items()}
    found |= {f"the header's secret: {name}": in_every_field(server, spell(TEAM)) for name, spell in SPELLINGS.items()}
    for name in FEW:
        places = {**in_a_block(spelled[name]), **no_answers(spelled[name])}
        found |= {f"{place}: {name}": reply for place, reply in places.items()}
    return found


@contextmanager
def watched_environments(*, but: str) -> Iterator[set[str]]:
    """Collect the command lines of all processes that begin meanwhile with the canary in their environment.

    `but` is in Beacon's own.
    """
    seen: set[str] = set()
    over = threading.Event()
    before = process_ids()

    def watch() -> None:
        while not over.wait(0.02):
            for process_id in process_ids() - before:
                path = Path("/proc", process_id, "cmdline")
                try:  # its name first: before it is the other program, a new process has Beacon's name and variables
                    line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    variables = path.with_name("environ").read_bytes()
                except OSError:
                    continue
                if line and but not in line and CANARY.encode() in variables:
                    seen.add(line)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.mark.fault(60, "endpoints with OpenAI's API that echo the key in every place, in every spelling")
def test_no_key_of_an_endpoint_comes_back(hurt: Beacon, tmp_path: Path) -> None:
    config = tmp_path / "beacon.toml"
    with serving(OpenAI(models=(MODEL,), key=KEY, repeats=str)) as server:
        server.replies = replies(server)
        server.always["models"] = listing([spell(KEY) for spell in SPELLINGS.values()])
        headers = ('headers = {X-Title = "beacon"}', 'headers_env = {X-Team = "US_TEAM"}')
        extra = f'models."{MODEL}".extra = {{user = "{KEY}", tags = ["{TEAM}"]}}'
        config.write_text(table(server, *headers, extra))
        hurt.environment |= SECRETS
        job = write_job(hurt, server.replies, attempts=1, answer_timeout="3s")
        options = ("--config", str(config))
        with watched_process_list() as process_list:
            done = [
                hurt("--verbose", *options, *run_arguments(hurt, job)),
                hurt(*options, "run", job, "--dry-run", "--json"),
                hurt(*options, "verify", "endpoints", "--region", "us", "--json"),
                hurt("--verbose", *options, "verify", "endpoints", "--region", "us", "--probe", "--timeout", "5"),
                *(hurt(*options, *command) for command in READERS),
                hurt(*options, "db", "psql", "-c", "SELECT * FROM executions"),
                hurt(*options, "db", "dump"),
            ]
            del server.always["models"]
            server.key = f"{KEY}-of-somebody-else"
            refused = [hurt(*options, "run", job), hurt(*options, "verify", "endpoints", "--region", "us", "--json")]
        assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
        assert {request.headers["x-team"] for request in server.requests} == {TEAM}
        assert not any("modal-key" in request.headers for request in server.requests)
        assert [each.returncode for each in refused] == [4, 4]
        assert set(server.replies) <= set(server.questions), "each place was met"
    url = hurt("db", "url").stdout.strip()
    with psycopg.connect(url) as connection:
        sent = connection.execute(
            "SELECT DISTINCT output_data->'sent'->>'user' FROM executions WHERE status = 'completed'"
        )
        assert sent.fetchall() == [("***",)]
    assert process_list == set()
    assert_invariant(Aftermath(hurt.folder, url, [*done, *refused], events=events_file(hurt.folder)))
    files = [path.read_text(errors="replace") for path in hurt.folder.glob("*.*") if path.name != "job.yaml"]
    for text in (*files, *(text for each in (*done, *refused) for text in (each.stdout, each.stderr))):
        assert spelled_in(text, CANARY) is None


@pytest.mark.fault(60, "a proxy of one region that refuses its password, or cannot reach the endpoint")
@pytest.mark.parametrize(
    ("kind", "scheme", "exit_codes"), [(Socks5, "socks5h", [3, 4, 4]), (HttpProxy, "http", [1, 4, 4])]
)
def test_no_password_of_a_proxy_comes_back(
    hurt: Beacon, tmp_path: Path, kind: type[Socks5 | HttpProxy], scheme: str, exit_codes: list[int]
) -> None:
    config = tmp_path / "beacon.toml"
    with serving(OpenAI(models=(MODEL,), key=KEY)) as server, proxying(kind(login=("me", PASSWORD))) as way:
        way.places = {"localhost": int(server.url.rsplit(":", 1)[1])}
        lines = ('proxy_env = "US_PROXY"', f'models."{MODEL}" = {{}}')
        config.write_text(table(server, *lines, base_url="http://localhost:8000/v1"))
        options = ("--verbose", "--config", str(config))
        job = write_job(hurt, ["2+2?"], attempts=1, answer_timeout="3s")
        hurt.environment |= {**SECRETS, "US_PROXY": f"{scheme}://me:{PASSWORD}@{way.address}"}
        good = [hurt(*options, "verify", "endpoints", "--region", "us"), hurt(*options, *run_arguments(hurt, job))]
        assert [each.returncode for each in good] == [0, 0], good[1].stderr
        assert f"through {scheme}://{way.address} (US_PROXY)" in good[0].stderr
        verify = (*options, "verify", "endpoints", "--region", "us", "--timeout", "2", "--json")
        way.places = {}
        bad = [hurt(*verify)]
        way.login = ("me", "another")
        bad += [hurt(*verify), hurt(*options, "run", job, "--job-id", "again", "--json")]
        assert [each.returncode for each in bad] == exit_codes, [each.stdout for each in bad]
        hurt.environment["US_PROXY"] = f"gopher://me:{PASSWORD}@{way.address}"
        bad.append(hurt(*verify))
        assert bad[-1].returncode == 3
    assert_invariant(Aftermath(hurt.folder, hurt("db", "url").stdout.strip(), [*good, *bad]))


def test_no_other_program_gets_a_key(lone_beacon: Beacon) -> None:
    with serving(OpenAI(models=(MODEL,), key=KEY, latency=0.3)) as server:
        lone_beacon.write("beacon.toml", table(server))
        lone_beacon.environment["US_API_KEY"] = KEY
        job = write_job(lone_beacon, ["2+2?"])
        with watched_environments(but="/beacon ") as environments:
            running = lone_beacon.start("run", job)
            out, err = running.communicate(timeout=300)
            dump = lone_beacon.start("db", "dump")
            dump.communicate(timeout=300)
            psql = lone_beacon.start("db", "psql", "-c", r"\! env; sleep 0.2")
            said, _ = psql.communicate(timeout=300)
    assert (running.returncode, dump.returncode, psql.returncode) == (0, 0, 0), err
    assert environments == set()
    assert CANARY not in out + err + said
