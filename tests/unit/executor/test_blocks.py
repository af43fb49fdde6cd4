"""What providers say when they refuse a prompt, in their own documents, and what only resembles it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.executor.answer import Answer, Reply, read_answer, status_error
from beacon_cli.executor.blocks import SIGNS, Reported
from beacon_cli.executor.execution import ERROR_CODES
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane
from tests.support.answers import good_answer
from tests.support.vocabulary import REGIONS, VOCABULARY

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "blocked.md"
LANE = Lane("llama3.2-1b", REGIONS["us"])


def reply(status: int, body: Any, content_type: str = "application/json") -> Reply:
    return Reply(
        status,
        body.encode() if isinstance(body, str) else json.dumps(body).encode(),
        content_type,
        vocabulary=VOCABULARY,
    )


def blocked(status: int, body: Any) -> Answer:
    answer = read_answer(reply(status, body), LANE)
    assert answer.status == "blocked"
    assert answer.why is not None
    return answer


def code_of(status: int, body: Any) -> str | None:
    """Return the error code of a reply: that of a block, or of a failure; None for an answer."""
    try:
        answer = read_answer(reply(status, body), LANE)
    except AttemptError as error:
        return error.code
    return answer.why.code if answer.why else None


def openai(code: object = None, kind: object = "invalid_request_error", message: str = "no") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


AZURE = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI’s content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"hate": {"filtered": False, "severity": "safe"}},
        },
    }
}
OPENAI_USAGE = (
    "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a"
    " different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting"
)
OPENAI_COUNTRY = "Country, region, or territory not supported"
ANTHROPIC = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
    "request_id": "req_1",
}
GOOGLE_LOCATION = {
    "error": {
        "code": 400,
        "message": "User location is not supported for the API use.",
        "status": "FAILED_PRECONDITION",
    }
}
LITELLM = {
    "error": {
        "message": "litellm.BadRequestError: litellm.ContentPolicyViolationError: AzureException - filtered",
        "type": None,
        "param": None,
        "code": "400",
        "provider_specific_fields": {"innererror": {"code": "ResponsibleAIPolicyViolation"}},
    }
}
LITELLM_GUARDRAIL = {
    "error": {
        "message": {"error": "Violated guardrail policy", "bedrock_guardrail_response": "Sorry"},
        "type": "None",
        "param": "None",
        "code": "400",
    }
}
OPENROUTER = {
    "error": {
        "message": 'openai/gpt-4o requires moderation on OpenAI. Your input was flagged for "violence".',
        "code": 403,
        "metadata": {"reasons": ["violence"], "flagged_input": "…", "provider_name": "OpenAI"},
    }
}
XAI = {
    "code": "The caller does not have permission to execute the specified operation",
    "error": "Content violates usage guidelines. Team: t, Model: grok-4, Failed check: SAFETY_CHECK_TYPE_BIO",
}
ALIBABA_MESSAGE = "<400> InternalError.Algo.DataInspectionFailed: Input text data may contain inappropriate content."
ZHIPU = {
    "contentFilter": [{"level": 1, "role": "user"}],
    "error": {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免"},
}
BEDROCK = {"message": "Access to Anthropic models is not allowed from unsupported countries, regions, or territories."}
CLOUDFLARE = "<html><p>The owner of this site has banned the country or region your IP address is in (XX).</p></html>"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, AZURE),
        (400, {"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}, "code": "400"}}),
        (400, openai("content_policy_violation", "image_generation_user_error")),
        (400, openai("invalid_prompt", message=OPENAI_USAGE)),
        (400, openai("moderation_blocked")),
        (403, openai("moderation", message="your input was flagged")),
        (422, openai(kind="content-policy")),
        (400, ANTHROPIC),
        (400, openai("invalid_request_error", message="Content Exists Risk")),
        (400, {"detail": "Content Exists Risk"}),
        (400, {"detail": [{"loc": ["body"], "msg": "Content Exists Risk", "type": "value_error"}]}),
        (400, LITELLM),
        (400, LITELLM_GUARDRAIL),
        (403, OPENROUTER),
        (200, OPENROUTER),
        (403, XAI),
        (403, {"code": "permission-denied", "error": "Content violates usage guidelines. "}),
        (400, openai("data_inspection_failed", "data_inspection_failed")),
        (400, {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."}),
        (400, openai(400, "invalid_request_error", ALIBABA_MESSAGE)),
        (400, openai(400, "content_filter", "The request was rejected because it was considered high risk")),
        (400, ZHIPU),
        (400, [AZURE]),
        (400, {"errors": [{"code": "CONTENT_FILTER", "message": "no"}]}),
        (400, "Content Exists Risk"),
        (200, {"success": False, "error": {"code": "content_filter", "message": "filtered"}}),
        (200, {"status": "error", "error": "Output blocked by content filtering policy"}),
    ],
)
def test_a_filter_that_refused_the_prompt_is_a_block(status: int, body: Any) -> None:
    answer = blocked(status, body)
    assert answer.why is not None
    assert answer.why.code == "content_filtered"
    assert (answer.response, answer.http_status) == (None, status)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, openai("unsupported_country_region_territory", "request_forbidden", OPENAI_COUNTRY), "geo_blocked"),
        (403, {"code": "unsupported_country_region_territory", "type": "request_forbidden"}, "geo_blocked"),
        (403, openai(message=OPENAI_COUNTRY), "geo_blocked"),
        (403, {"type": "error", "error": {"type": "RegionError", "message": "This model is not available in your"
         " country."}}, "geo_blocked"),
        (400, GOOGLE_LOCATION, "geo_blocked"),
        (400, [GOOGLE_LOCATION], "geo_blocked"),
        (400, BEDROCK, "geo_blocked"),
        (403, CLOUDFLARE, "geo_blocked"),
        (451, openai("legal", message="unavailable for legal reasons"), "legal_blocked"),
        (451, "", "legal_blocked"),
        (451, openai("unsupported_country", message="not available in your region"), "legal_blocked"),
        (403, openai("unavailable_for_legal_reasons"), "legal_blocked"),
    ],
)  # fmt: skip
def test_countries_and_laws_are_blocks_of_their_own(status: int, body: Any, code: str) -> None:
    answer = blocked(status, body)
    assert answer.why is not None
    assert answer.why.code == code


@pytest.mark.parametrize(
    "said",
    [
        {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "gemini"},
        {"promptFeedback": {"blockReason": "OTHER"}},
        {"candidates": [{"finishReason": "PROHIBITED_CONTENT", "index": 0}]},
        {"choices": [{"index": 0, "finish_reason": "content_filter", "message": {"content": None}}]},
        {"type": "message", "content": [], "stop_reason": "refusal"},
        {"output": {}, "stopReason": "guardrail_intervened"},
    ],
)
def test_an_answer_without_text_that_a_filter_withheld_is_a_block(said: dict[str, Any]) -> None:
    answer = blocked(200, said)
    assert answer.why is not None
    assert (answer.why.code, answer.response, answer.output) == ("content_filtered", None, said)


@pytest.mark.parametrize("reason", ["content_filter", "SAFETY", "sensitive", "content_filtered"])
def test_a_filtered_answer_keeps_its_text(reason: str) -> None:
    answer = blocked(200, good_answer("us", "llama3.2-1b", "The first half", finish_reason=reason))
    assert answer.why is not None
    assert (answer.response, answer.why.code) == ("The first half", "content_filtered")
    assert (answer.claims.finish_reason, answer.why.message) == (reason, f"a filter ended the answer ({reason})")


def test_a_filter_that_only_the_receipt_names_counts() -> None:
    receipt = {"output": {"metadata": {"finish_reason": "content_filter"}}}
    assert blocked(200, good_answer("us", "llama3.2-1b", "half", receipt=receipt)).response == "half"


def test_what_a_provider_said_is_kept_whole_and_told_in_short() -> None:
    answer = blocked(400, AZURE)
    assert answer.output == AZURE
    assert answer.why is not None
    assert answer.why.message.startswith("HTTP 400: The response was filtered due to the prompt triggering")
    assert blocked(400, [AZURE]).output == {"body": [AZURE]}
    page = blocked(403, CLOUDFLARE)
    assert page.output == {"body": CLOUDFLARE}
    assert len(blocked(403, CLOUDFLARE + "x" * 10**6).output["body"]) == 10_000


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, openai(message="max_tokens is too large: 9000. This leaves no safety margin."), "request_rejected"),
        (400, openai("invalid_prompt", message="The prompt is invalid: it is empty."), "request_rejected"),
        (415, openai(message="invalid content-type, policy: application/json"), "request_rejected"),
        (400, {"object": "error", "message": "max_tokens must be at least 1", "type": "BadRequestError", "code": 400},
         "request_rejected"),
        (422, {"detail": [{"loc": ["body", "safety"], "msg": "field required", "type": "value_error.missing"}]},
         "request_rejected"),
        (400, openai("content_filter_unavailable", message="content filter is not configured"), "request_rejected"),
        (400, openai(message="unknown parameter: safety_settings (risk of misuse, flagged)"), "request_rejected"),
        (429, openai("rate_limit_exceeded", message="rate limit risk: slow down, requests flagged"), "rate_limited"),
        (429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
                         "message": "You exceeded your current quota, please check your plan and billing details."}},
         "rate_limited"),
        (404, openai("model_not_found", message="no such model in this region"), "unknown_model"),
        (401, openai("content_filter", message="Content Exists Risk"), "unauthorized"),
        (403, openai("permission_denied", message="Access to the chat endpoint is denied"), "unauthorized"),
        (403, "<html>403 Forbidden: this page is blocked by your company's content filter</html>", "unauthorized"),
        (500, openai("content_filter"), "server_error"),
        (503, "Content Exists Risk", "server_error"),
        (200, {"success": False, "error": {"code": "failed", "message": "the safety checker crashed"}},
         "endpoint_error"),
        (200, {"status": "error", "error": "CUDA error"}, "endpoint_error"),
    ],
)  # fmt: skip
def test_what_only_resembles_a_block_is_none(status: int, body: Any, code: str) -> None:
    assert code_of(status, body) == code


@pytest.mark.parametrize(
    "text",
    [
        "Content Exists Risk",
        "I cannot help: your input was flagged by the content policy.",
        '{"error": {"code": "content_filter"}}',
        "unsupported_country_region_territory",
    ],
)
@pytest.mark.parametrize("reason", ["stop", "length", "OTHER", "STOP", None, 7, {"a": "SAFETY"}])
def test_the_text_of_a_model_never_makes_a_block(text: str, reason: object) -> None:
    answer = read_answer(reply(200, good_answer("us", "llama3.2-1b", text, finish_reason=reason)), LANE)
    assert (answer.status, answer.response, answer.why) == ("completed", text, None)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, "Payment Required"),
        (402, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}),
        (429, openai("insufficient_quota", "insufficient_quota", "You exceeded your current quota")),
        (429, openai(None, "insufficient_quota")),
        (400, openai("billing_hard_limit_reached", message="Billing hard limit has been reached")),
        (400, openai(message="Your credit balance is too low to access the Anthropic API.")),
        (429, {"error": {"type": "exceeded_current_quota_error", "message": "please check your plan"}}),
        (400, openai("Arrearage", "Arrearage")),
        (429, {"error": {"code": "1113", "message": "您的账户已欠费，请充值后重试"}}),
        (200, {"error": {"code": 402, "message": "This request requires more credits"}}),
    ],
)
def test_an_account_without_credit_is_a_failure_of_its_own_and_never_retried(status: int, body: Any) -> None:
    with pytest.raises(AttemptError) as caught:
        read_answer(reply(status, body), LANE)
    assert (caught.value.code, caught.value.retriable) == ("no_credit", False)


@pytest.mark.parametrize(
    "prompt", ["What does the error insufficient balance mean?", "Which apps are NOT available in your country?"]
)
def test_a_question_that_the_error_repeats_does_not_decide_what_the_error_means(prompt: str) -> None:
    body = openai("invalid_prompt", message=f"prompt rejected by validator: {prompt}")
    with pytest.raises(AttemptError) as caught:
        read_answer(reply(400, body), LANE, {"prompt": prompt})
    assert caught.value.code == "request_rejected"


@pytest.mark.parametrize("response", ["", None])
def test_a_filter_that_left_no_text_is_a_block_also_where_it_is_reported_as_an_error(response: str | None) -> None:
    body = {"success": False, "response": response, "finish_reason": "content_filter", "error": "filtered"}
    assert code_of(200, body) == "content_filtered"


def test_a_list_of_models_that_is_refused_by_place_is_no_question_of_credentials() -> None:
    error = status_error(reply(403, openai("unsupported_country_region_territory")))
    assert error.code == "geo_blocked"


def test_the_page_of_blocks_lists_every_sign_and_its_source() -> None:
    page = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(.+?)` \| (code|reason|message) \| (.+?) \|$", page, re.MULTILINE)
    assert sorted(listed) == sorted((sign.word, sign.place, sign.source) for sign in SIGNS)
    sources = page.partition("## Sources")[2]
    assert [name for sign in SIGNS for name in sign.source.split(", ") if name not in sources] == []


def test_every_sign_is_recognised_by_itself_in_its_place() -> None:
    for sign in SIGNS:
        assert sign.error_code in ERROR_CODES
        if sign.place == "code":
            assert code_of(400, {"error": {"code": sign.word.upper(), "message": "x"}}) == sign.error_code
            assert code_of(400, {"error": {"code": f"not_{sign.word}", "message": "x"}}) == "request_rejected"
        elif sign.place == "message":
            said = f"Error: {sign.word.upper()}: please try again"
            assert Reported.read({"error": {"message": said}}).meaning(403) == sign.error_code
        else:
            assert code_of(200, {"choices": [{"finish_reason": sign.word}]}) == sign.error_code
