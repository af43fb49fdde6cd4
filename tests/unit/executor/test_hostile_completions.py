"""Whatever an endpoint sends as a completion, it is an answer or a documented failure."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from beacon_cli.executor.answer import Reply
from beacon_cli.executor.blocks import BLOCKS
from beacon_cli.executor.execution import ERROR_CODES
from beacon_cli.executor.failures import AttemptError
from beacon_cli.executor.openai_answer import read_completion
from beacon_cli.job.lanes import Lane
from modal_deployment.regions import BUILT_IN_REGIONS
from tests.support.hostile_input import any_text, json_values, mutated

LANE = Lane("m", BUILT_IN_REGIONS[0])
ASKED = {"model": "m", "messages": [{"role": "user", "content": "What?"}], "max_tokens": 5}
GOOD: dict[str, Any] = {
    "id": "chatcmpl-1",
    "model": "m-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
}


@st.composite
def completions(draw: st.DrawFn) -> dict[str, Any]:
    """Return a good completion with some of its keys, on any level, replaced, missing or added."""
    document: dict[str, Any] = json.loads(json.dumps(GOOD))
    choice = document["choices"][0]
    levels = (document, choice, choice["message"], document["usage"])
    more = ("error", "content", "reasoning", "reasoning_content", "refusal", "tool_calls", "finish_reason", "detail")
    for level in levels:
        for key in draw(st.sets(st.sampled_from([*level, *more]), max_size=2)):
            level[key] = draw(json_values)
        for key in draw(st.sets(st.sampled_from([*level]), max_size=1)):
            del level[key]
    return document


bodies = (
    completions().map(lambda document: json.dumps(document).encode())
    | json_values.map(lambda value: json.dumps(value).encode())
    | mutated([json.dumps(GOOD).encode()])
)
headers = st.dictionaries(st.sampled_from(["x-ms-region", "cf-ray", "x-request-id", "retry-after-ms"]), any_text)
replies = st.builds(Reply, st.sampled_from([200, 200, 200, 200, 400, 401, 404, 422, 429, 500]), bodies, headers=headers)


@settings(max_examples=400, deadline=None)
@given(replies)
@example(Reply(200, b'{"choices": [{"message": {"content": [{"text": "a"}, [], {"thinking": [[]]}]}}]}'))
@example(Reply(200, json.dumps({**GOOD, "error": {"code": True}}).encode()))
def test_a_completion_is_an_answer_or_a_documented_failure(reply: Reply) -> None:
    try:
        answer = read_completion(reply, LANE, ASKED)
    except AttemptError as error:
        assert error.code in ERROR_CODES  # noqa: PT017 - both outcomes are right
        return
    json.dumps([answer.output, answer.thought, asdict(answer.claims)], allow_nan=False)
    assert answer.output["sent"] == {"model": "m", "max_tokens": 5}
    assert answer.receipt is None
    if answer.status == "blocked":
        assert answer.why is not None
        assert answer.why.code in BLOCKS
    else:
        assert isinstance(answer.response, str)
