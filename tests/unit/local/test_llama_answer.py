"""How the chunks of llama.cpp become one answer."""

from __future__ import annotations

from typing import Any

from beacon_cli.local.llama import _Answer, _chat
from modal_deployment.generation import Generated, GenerationRequest, Turn


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
        {"choices": [], "usage": {"completion_tokens": 6, "prompt_tokens": 12}},
    ]
    assert [answer.take(each) for each in chunks] == [False] * len(chunks)
    assert answer.result() == Generated("Paris.", 6, "length", thought="Easy.", prompt_tokens=12)


def test_without_a_thought_there_is_none() -> None:
    answer = _Answer(GenerationRequest("the capital of France?"))
    answer.take(chunk("stop", content="Paris."))
    assert answer.result() == Generated("Paris.", 0, "stop")


def test_what_was_not_asked_is_left_to_llama() -> None:
    assert set(_chat(GenerationRequest("Hi"))) & {"seed", "top_p", "stop"} == set()


def test_the_whole_conversation_and_every_option_reach_the_model() -> None:
    history = (Turn("user", "Hi"), Turn("assistant", "Hello"))
    asked = _chat(GenerationRequest("Who?", "Be brief.", history=history, seed=2**32, top_p=0.5, stop=(".",)))
    assert [(message["role"], message["content"]) for message in asked["messages"]] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Who?"),
    ]
    assert (asked["seed"], asked["top_p"], asked["stop"]) == (1, 0.5, ["."])
