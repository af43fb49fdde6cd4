"""How the chunks of llama.cpp become one answer."""

from __future__ import annotations

from typing import Any

from beacon_cli.local.llama import _Answer
from modal_deployment.generation import Generated, GenerationRequest


def chunk(finish_reason: str | None = None, **delta: str | None) -> dict[str, Any]:
    return {"choices": [{"delta": delta, "finish_reason": finish_reason}]}


def test_a_thought_comes_apart_from_the_text_and_is_kept_apart() -> None:
    answer = _Answer(GenerationRequest("the capital of France?"))
    chunks = [
        chunk(role="assistant", content=None),
        chunk(reasoning_content="Ea"),
        chunk(reasoning_content="sy."),
        chunk(content="Par"),
        chunk(content="is."),
        chunk("length"),
        {"choices": [], "usage": {"completion_tokens": 6}},
    ]
    assert [answer.take(each) for each in chunks] == [False] * len(chunks)
    assert answer.result() == Generated("Paris.", 6, "length", thought="Easy.")


def test_without_a_thought_there_is_none() -> None:
    answer = _Answer(GenerationRequest("the capital of France?"))
    answer.take(chunk("stop", content="Paris."))
    assert answer.result() == Generated("Paris.", 0, "stop")
