"""Text that would steer a terminal, be read as markup, or not fit into PostgreSQL."""

from __future__ import annotations

import pytest

from beacon_cli.store.text import original
from tests.acceptance.conftest import Beacon
from tests.support.hostile_endpoints import Asked, endpoints, met, write_job
from tests.support.invariant import assert_invariant
from tests.support.raw_server import http

STEERING = {
    "ANSI": "\x1b[31mred\x1b[2J\x1b[1;1H",
    "OSC 52": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "C1": "\x9b31mred\x9d0;title\x9c",
    "bidi": "ab\u202edc\u2066x\u2069\u200f",
    "returns": "fine\rgone\x08\x08",
    "markup": "[bold]loud[/bold] [/foo] [link=http://example.test]x[/link]",
}
AWKWARD = {"NUL": "a\x00b", "lone surrogates": "a\ud800b\udfff", "both, and a backslash": "\\u0000 \x00 \udc00"}


@pytest.mark.fault(49, "ANSI, OSC 52, C1 and bidi controls in answers")
@pytest.mark.fault(50, "[bold] and [/foo] in answers and in a question")
@pytest.mark.fault(53, "NUL and lone surrogates in answers")
def test_hostile_text_is_shown_as_text_and_kept_as_it_came(hurt: Beacon) -> None:
    answers = {f"[bold]{name}[/foo]?": text for name, text in (STEERING | AWKWARD).items()}

    async def answer(asked: Asked) -> bytes:
        return asked.good(answers[asked.prompt])

    with endpoints(dict.fromkeys(answers, answer)) as served:
        hurt.environment |= {**served.environment(), "COLUMNS": "200", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
        done = hurt("run", write_job(hurt, answers))
    assert done.returncode == 0, done.stderr
    shown = done.stdout + done.stderr
    for control in ("\x1b[31mred", "\x1b[2J", "\x1b]52", "\x9b", "\x9d", "\u202e", "\u2066", "\x08", "\x00", "\r"):
        assert control not in shown
    assert "\\x1b[31mred" in shown
    assert "[bold]loud[/bold] [/foo]" in shown
    assert "[bold]ANSI[/foo]?" in shown
    found = met(hurt, done)
    assert {prompt: original(row["response"]) for (prompt, _), row in found.rows.items()} == answers
    checked = hurt("check-db", "hurt")
    assert checked.returncode == 0, checked.stdout
    assert_invariant(found.aftermath(checked))


@pytest.mark.fault(49, "control characters in an error's text and in a model's name")
@pytest.mark.fault(53, "NUL and lone surrogates in what stands beside an answer")
def test_hostile_text_beside_an_answer_is_harmless_too(hurt: Beacon) -> None:
    async def failing(asked: Asked) -> bytes:
        return http(500, {"success": False, "error": {"code": "x", "message": "\x1b[2J\u202e\x00\ud800[/foo]"}})

    async def beside(asked: Asked) -> bytes:
        return asked.good("4", **{"\x00key": "\ud800", "gpu": "\x1b[2J\x00", "container_id": "ta-\x00\ud800"})

    with endpoints({"fails": failing, "beside": beside}) as served:
        hurt.environment |= served.environment()
        done = hurt("run", write_job(hurt, ["fails", "beside"], attempts=1))
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert "\\x1b[2J" in done.stdout
    found = met(hurt, done)
    assert original(found.row("fails")["error_message"]) == "HTTP 500: \x1b[2J\u202e\x00\ud800[/foo]"
    row = found.row("beside")
    assert original(row["container_id"]) == "ta-\x00\ud800"
    assert {original(key): original(text) for key, text in row["output_data"].items() if isinstance(text, str)} == {
        "\x00key": "\ud800",
        "gpu": "\x1b[2J\x00",
        "container_id": "ta-\x00\ud800",
        "model": "llama3.2-1b",
        "region": "us",
        "container_region": "local-us",
    }
    assert_invariant(found.aftermath())
