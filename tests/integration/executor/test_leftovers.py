"""What a server sends beside its answer is never the answer to another question."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.attempts import Asker, Progress
from beacon_cli.executor.client import open_client
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.execution import Cell, Execution
from beacon_cli.job.lanes import Lane, Question
from beacon_cli.job.limits import Limits
from modal_deployment.request_id import HEADER
from tests.support.answers import good_answer
from tests.support.kept_open import KeptOpen, in_chunks, kept_open, response
from tests.support.open_turn import open_turn
from tests.support.raw_server import Request
from tests.support.vocabulary import REGIONS, VOCABULARY

LANE = Lane("llama3.2-1b", REGIONS["us"])
AUTHORITY = trustme.CA()
QUESTIONS = ("one", "two", "three")
READ_AT_ONCE = 64 << 10  # what anyio hands over of what it has


def document(text: str, **more: object) -> dict[str, object]:
    return good_answer("us", LANE.model_id, text, **more)


@dataclass
class Came:
    """What came of asking: the executions by question, the server, how many connections had bytes left over."""

    executions: dict[str, Execution]
    server: KeptOpen
    surplus: int

    def texts(self) -> list[str | None]:
        return [execution.response for execution in self.executions.values()]


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    if request.param == "plain":
        return None
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    return context


def came(
    say: Callable[[str], bytes],
    tls: ssl.SSLContext | None = None,
    *,
    greeting: bytes = b"",
    pause: float = 0.0,
    late: Callable[[str], bytes] = lambda _: b"",
    questions: tuple[str, ...] = QUESTIONS,
    attempts: int = 1,
) -> Came:
    """Ask the questions one after the other; `late` is sent in a segment of its own, `pause` lies between questions."""

    async def handler(request: Request, writer: asyncio.StreamWriter) -> bytes:
        prompt = request.json["prompt"]
        if rest := late(prompt):
            asyncio.get_running_loop().call_later(0.05, writer.write, rest)
        return say(prompt).replace(b"SENT-ID", request.headers[HEADER.lower()].encode())

    async def main() -> Came:
        async with kept_open(handler, tls=tls, greeting=greeting) as server:
            endpoint = Endpoint.at(REGIONS["us"], server.url)
            async with open_client({}, [endpoint], connect_timeout=5, max_in_flight=4, vocabulary=VOCABULARY) as client:
                clock, limits = Clock(), Limits(attempts=attempts, answer_timeout=5)
                asker = Asker({"us": client}, {"us": endpoint}, {}, limits, clock, lambda _: None, "j")
                found = {}
                for prompt in questions:
                    cell = Cell(Question(prompt, prompt), LANE)
                    progress = Progress(cell, None, clock.now(), clock.now())
                    found[prompt] = await asker.execute(progress, open_turn())
                    progress.settled()
                    await asyncio.sleep(pause)
            return Came(found, server, client.surplus)

    return asyncio.run(main())


@pytest.mark.parametrize(
    "make", [lambda prompt: response(document(prompt)), lambda prompt: in_chunks(document(prompt))]
)
def test_a_connection_without_anything_left_over_is_used_again(
    make: Callable[[str], bytes], tls: ssl.SSLContext | None
) -> None:
    found = came(make, tls)
    assert found.texts() == [*QUESTIONS]
    assert found.server.asked == [[*QUESTIONS]]
    assert found.surplus == 0


SMUGGLED = response(document("smuggled"))


@pytest.mark.fault(75, "two responses in one segment, whole and in chunks, plain and over TLS")
@pytest.mark.parametrize(
    "first",
    [
        response(document("one")),
        in_chunks(document("one")),
        in_chunks(document("one"), b"\n", b"\r\n", b"\n\r\n"),
        response(document("one"), size=READ_AT_ONCE),
        response(document("one"), size=READ_AT_ONCE // 2),
        response(document("one"), size=4 * READ_AT_ONCE),
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(document("one")),
    ],
    ids=["whole", "chunks", "blank lines", "64 KiB", "32 KiB", "256 KiB", "after a hint"],
)
def test_a_second_response_answers_no_other_question(first: bytes, tls: ssl.SSLContext | None) -> None:
    found = came(lambda prompt: first + SMUGGLED if prompt == "one" else response(document(prompt)), tls)
    assert found.texts() == [*QUESTIONS]
    assert found.server.asked == [["one"], ["two", "three"]]
    assert found.surplus == 1 or (tls is not None and len(first) > READ_AT_ONCE // 2)


@pytest.mark.fault(75, "bytes that are no response behind a body, and a body longer than its Content-Length says")
@pytest.mark.parametrize("rest", [b"\r\n", b"x", b"HTTP/1.1 204 No Content\r\n\r\n", bytes(100_000)])
def test_bytes_behind_a_body_belong_to_no_question(rest: bytes, tls: ssl.SSLContext | None) -> None:
    found = came(lambda prompt: response(document(prompt)) + (rest if prompt == "one" else b""), tls)
    assert found.texts() == [*QUESTIONS]
    assert found.server.asked == [["one"], ["two", "three"]]
    assert found.surplus == 1


@pytest.mark.fault(75, "a Content-Length that is ten bytes too short")
def test_a_body_that_is_longer_than_it_says_breaks_its_own_answer_and_no_other() -> None:
    def say(prompt: str) -> bytes:
        whole = response(document(prompt))
        return (
            response(document(prompt), length=len(whole.partition(b"\r\n\r\n")[2]) - 10) if prompt == "one" else whole
        )

    found = came(say)
    assert [execution.error_code for execution in found.executions.values()] == ["malformed_response", None, None]
    assert found.server.asked == [["one"], ["two", "three"]]
    assert found.surplus == 1


@pytest.mark.fault(75, "a second response that arrives while the connection is idle")
def test_what_arrives_on_an_idle_connection_belongs_to_no_question(tls: ssl.SSLContext | None) -> None:
    found = came(
        lambda prompt: response(document(prompt)),
        tls,
        late=lambda prompt: SMUGGLED if prompt == "one" else b"",
        pause=0.2,
    )
    assert found.texts() == [*QUESTIONS]
    assert found.server.asked == [["one"], ["two", "three"]]
    assert found.surplus == 1


@pytest.mark.fault(75, "a response before anything was asked")
def test_a_response_before_anything_was_asked_is_no_answer() -> None:
    found = came(lambda prompt: response(document(prompt)), greeting=SMUGGLED, questions=("one",))
    assert found.executions["one"].error_code == "connection_failed"
    assert found.executions["one"].response is None
    assert found.server.requests == []
    assert found.surplus == 1


def test_a_connection_that_the_server_ended_is_no_surplus() -> None:
    ended = response(document("one"), Connection="close")
    found = came(
        lambda prompt: ended.replace(b'"one"', f'"{prompt}"'.encode(), 1), pause=0.05, questions=("one", "two")
    )
    assert found.surplus == 0


def test_a_body_of_blank_lines_is_read_to_its_end() -> None:
    found = came(lambda prompt: in_chunks(document(prompt), b"\n" * 200_000))
    assert found.texts() == [*QUESTIONS]
    assert found.server.asked == [["one"], ["two"], ["three"]], "where it ends is not looked for that long"


@pytest.mark.fault(75, "a response that names the id of another request")
def test_an_answer_that_names_another_requests_id_is_failed_and_its_connection_left() -> None:
    def say(prompt: str) -> bytes:
        return response(document(prompt), Beacon_Request_ID="0" * 32 if prompt == "two" else "SENT-ID")

    found = came(say, attempts=3)
    assert [execution.error_code for execution in found.executions.values()] == [None, "wrong_prompt", None]
    assert found.server.asked == [["one", "two"], ["three"]]


@pytest.mark.fault(75, "an answer whose receipt names another prompt, another system prompt, another model")
@pytest.mark.parametrize(
    "receipt",
    [
        {"output": {"prompt": "another"}},
        {"output": {"prompt": "two"}, "execution_details": {"model": "qwen2.5-1.5b"}},
    ],
)
def test_an_answer_whose_receipt_names_something_else_is_failed(receipt: dict[str, object]) -> None:
    found = came(lambda prompt: response(document(prompt, receipt=receipt if prompt == "two" else {})), attempts=3)
    assert [execution.status for execution in found.executions.values()] == ["completed", "failed", "completed"]
    assert found.executions["two"].error_code == "wrong_prompt"
    assert found.executions["two"].response is None
    assert found.server.asked == [["one", "two"], ["three"]], "it is not asked again, and its connection is left"


@pytest.mark.parametrize(
    "receipt",
    [
        {"output": {"prompt": "one", "system_prompt": None}, "execution_details": {"model": "llama3.2-1b"}},
        {"output": {"prompt": " one\n", "system_prompt": "the endpoint's own"}},
        {"execution_details": {"model": "meta-llama/Llama-3.2-1B-Instruct"}},
        {"output": {"prompt": ["one"]}, "execution_details": "none"},
        {},
    ],
)
def test_an_answer_whose_receipt_names_what_was_asked_or_nothing_is_taken(receipt: dict[str, object]) -> None:
    found = came(lambda prompt: response(document(prompt, receipt=receipt)), questions=("one",))
    assert found.texts() == ["one"]
