"""Whatever an endpoint sends, it is an answer of the region and model that were asked, or a documented failure."""

# ruff: noqa: PT017 - both outcomes are right, and each has its own properties
from __future__ import annotations

import json
import re
from dataclasses import asdict

from hypothesis import example, given, settings
from hypothesis import strategies as st

from beacon_cli.executor.answer import LONGEST_RETRY_AFTER_SECONDS, Reply, parse_retry_after, read_answer
from beacon_cli.executor.blocks import BLOCKS
from beacon_cli.executor.execution import ERROR_CODES
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane
from modal_deployment.regions import UnknownRegionError
from tests.support.hostile_input import any_text, bodies
from tests.support.vocabulary import REGIONS, REGISTRY, VOCABULARY

LANE = Lane("llama3.2-1b", REGIONS["us"])
replies = st.builds(
    Reply,
    st.sampled_from([200, 200, 200, 200, 204, 303, 400, 401, 402, 403, 404, 413, 422, 429, 451, 500, 503, 599]),
    bodies,
    st.sampled_from(["application/json", "text/plain", "text/html"]) | any_text,
    st.none() | any_text,
    vocabulary=st.just(VOCABULARY),
)


@settings(max_examples=400, deadline=None)
@given(replies)
@example(Reply(200, b"[" * 100_000, vocabulary=VOCABULARY))
@example(Reply(200, b'{"success": true, "response": "x", "n": ' + b"9" * 5000 + b"}", vocabulary=VOCABULARY))
def test_a_reply_is_an_answer_of_what_was_asked_or_a_documented_failure(reply: Reply) -> None:
    try:
        answer = read_answer(reply, LANE)
    except AttemptError as error:
        assert error.code in ERROR_CODES
        assert error.retry_after is None or 0 <= error.retry_after <= LONGEST_RETRY_AFTER_SECONDS
        return
    json.dumps([answer.output, answer.receipt, answer.thought, asdict(answer.claims)], allow_nan=False)
    if answer.status == "blocked":
        assert answer.why is not None
        assert answer.why.code in BLOCKS
        return
    assert isinstance(answer.response, str)
    assert answer.output.get("model") in {None, LANE.model_id}
    region = answer.output.get("region")
    assert region is None or REGIONS.named(region) == LANE.region
    if answer.container_region is not None:
        assert REGIONS.of_container(answer.container_region) in {None, LANE.region}


@given(any_text | st.floats().map(str) | st.integers().map(str))
def test_a_retry_after_is_a_bounded_time_or_nothing(value: str) -> None:
    seconds = parse_retry_after(value)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER_SECONDS


@given(any_text)
def test_a_name_is_a_known_region_or_an_error_that_lists_those(name: str) -> None:
    try:
        region = REGIONS.named(name)
    except UnknownRegionError as error:
        assert all(re.search(rf"\b{known}\b", str(error)) for known in REGIONS)
        assert REGIONS.or_none(name) is None
    else:
        assert REGIONS.or_none(name) == region
        assert name.strip().lower() in {region.id, region.label.lower(), *region.aliases}


@given(any_text)
def test_a_model_is_its_exact_id(name: str) -> None:
    assert (name in REGISTRY) is (name in {"llama3.2-1b", "qwen2.5-1.5b"})
