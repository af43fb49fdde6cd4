"""What answers say about themselves, in the contract's form and the old deployment's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from beacon_cli.executor.answer import Answer, Reply, read_answer
from beacon_cli.executor.claims import Claims
from beacon_cli.job.lanes import Lane
from tests.support.answers import good_answer
from tests.support.vocabulary import REGIONS, VOCABULARY

LANE = Lane("llama3.2-1b", REGIONS["us"])


def answered(response: str | None = "4", **more: Any) -> Answer:
    body = {**good_answer("us", "llama3.2-1b"), "response": response, **more}
    return read_answer(Reply(200, json.dumps(body).encode(), vocabulary=VOCABULARY), LANE)


def test_an_answer_of_the_contract() -> None:
    receipt = {
        "execution_details": {"region": "us", "provider_id": "modal-us"},
        "output": {"system_prompt": "Be brief.", "metadata": {"finish_reason": "stop"}, "tokens_generated": 12},
        "provenance": {"model_revision": "from the receipt"},
    }
    claims = answered(finish_reason="length", tokens_generated=12, model_revision="abc", receipt=receipt).claims
    assert claims == Claims("length", 12, "abc", "Be brief.", "US")


def test_a_container_that_does_not_send_the_reason_yet_has_it_in_its_receipt() -> None:
    receipt = {
        "output": {"tokens_generated": 9, "metadata": {"finish_reason": "length"}},
        "provenance": {"model_revision": "abc"},
    }
    claims = answered(tokens_generated=None, receipt=receipt).claims
    assert (claims.finish_reason, claims.tokens, claims.model_revision) == ("length", 9, "abc")


def test_an_answer_of_the_old_deployment() -> None:
    body = {
        "status": "success",
        "response": "4",
        "metadata": {"region": "us-east"},
        "receipt": {"output": {"system_prompt": "You are a helpful assistant based in the US."}},
    }
    claims = read_answer(Reply(200, json.dumps(body).encode(), vocabulary=VOCABULARY), LANE).claims
    assert claims == Claims(None, None, None, "You are a helpful assistant based in the US.", "US")


@pytest.mark.parametrize(
    ("said", "region"),
    [
        ({"receipt": {"execution_details": {"region": "asia-southeast"}}, "metadata": {"region": "eu"}}, "ASIA"),
        ({"metadata": {"region": "eu-west"}}, "EU"),
        ({"metadata": {"region": "us-ashburn-1"}}, "US"),
        ({"metadata": {"region": "mars"}}, "mars"),
        ({"metadata": {"region": "m" * 1000}}, "m" * 199 + "…"),
        ({"receipt": {"execution_details": {"provider_id": "modal-us-east"}}, "region": None}, "US"),
        ({"provider_id": "modal-oci-eu", "region": "US"}, "EU"),
        ({"provider_id": "somebody", "region": "US"}, "US"),
        ({"receipt": None, "region": None}, None),
        ({"receipt": [], "metadata": 7, "region": None}, None),
    ],
)
def test_the_region_that_an_endpoint_says(said: dict[str, Any], region: str | None) -> None:
    receipt = said.pop("receipt", None)
    assert answered(receipt=receipt, **said).claims.effective_region == region


@pytest.mark.parametrize("tokens", [-1, 2**31, 10**400, True, 1.5, "12", None, [1]])
def test_a_number_of_tokens_that_is_none_is_left_out(tokens: object) -> None:
    assert answered(tokens_generated=tokens).claims.tokens is None


def test_texts_are_bounded() -> None:
    claims = answered(
        finish_reason="f" * 1000,
        model_revision="r" * 1000,
        receipt={"output": {"system_prompt": "s" * 100_000}},
    ).claims
    assert [len(text or "") for text in (claims.finish_reason, claims.model_revision)] == [200, 200]
    assert len(claims.effective_system_prompt or "") == 8000


@pytest.mark.parametrize(
    ("response", "more", "status", "code", "thought"),
    [
        ("<think>Easy.</think>Paris", {}, "completed", None, "Easy."),
        ("Paris", {"reasoning_content": "Easy."}, "completed", None, "Easy."),
        ("Paris", {"reasoning": "Easy."}, "completed", None, "Easy."),
        ("Paris", {"reasoning": {"effort": "low"}, "reasoning_content": " "}, "completed", None, None),
        ("<think>I wonder", {}, "empty", "thought_only", "I wonder"),
        ("", {"reasoning_content": "I wonder"}, "empty", "thought_only", "I wonder"),
        (None, {"reasoning_content": "I wonder"}, "empty", "thought_only", "I wonder"),
        ("<think>I wonder</think>\n \n", {}, "empty", "thought_only", "I wonder"),
        ("<think></think>", {}, "empty", None, None),
        ("", {}, "empty", None, None),
        (" \n\u3000", {}, "empty", None, None),
        (None, {}, "empty", None, None),
    ],
)
def test_thoughts_are_kept_apart_and_an_answer_without_text_is_empty(
    response: str | None, more: dict[str, Any], status: str, code: str | None, thought: str | None
) -> None:
    answer = answered(response, **more)
    assert (answer.status, answer.why and answer.why.code, answer.thought) == (status, code, thought)
    assert answer.response == (response or "")
