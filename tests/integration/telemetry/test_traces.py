"""The trace of a real run, sent by the real exporter to a collector that decodes it."""

from __future__ import annotations

import json

from tests.support.collector import Collector, attributes, collector, tree
from tests.support.eventful_regions import EventfulRegions
from tests.support.operator import Operator
from tests.support.regions_server import Regions, regions_server

PROMPT = "What is 2+2?"
SECRET = "wk-canary-0123456789"


def traced(operator: Operator, regions: Regions, *options: str) -> Collector:
    with collector(Collector()) as receiver, regions_server(regions):
        operator.uses({**regions.environment(), "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        done, _ = operator.run(*options)
    assert done.code == 0, done.err
    assert "collector" not in done.err
    return receiver


def test_one_trace_shows_a_retry_a_redirect_and_a_pause(operator: Operator) -> None:
    regions = EventfulRegions()
    spans = traced(operator, regions).spans()
    assert tree(spans, "beacon.region", "beacon.attempt", "http.response.status_code", "error.type") == [
        "job",
        "  batch",
        "    chat llama3.2-1b region=US",
        "      attempt attempt=1 status_code=500 type=server_error",
        "      attempt attempt=2 status_code=200",
        "      storing",
        "    chat llama3.2-1b region=EU",
        "      attempt attempt=1 status_code=429 type=rate_limited",
        "      waiting for region",
        "      attempt attempt=2 status_code=200",
        "      storing",
        "    chat llama3.2-1b region=ASIA",
        "      attempt attempt=1 status_code=200 · hop",
        "      storing",
        "  region paused region=EU",
    ]
    assert len({span.trace_id for span in spans}) == 1
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        if (parent := by_id.get(span.parent_span_id)) is not None:
            assert parent.start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= parent.end_time_unix_nano
    us = next(found for span in spans if (found := attributes(span.attributes)).get("beacon.region") == "US")
    assert us.pop("beacon.queued_seconds") >= 0  # type: ignore[operator]
    assert us == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "beacon",
        "gen_ai.request.model": "llama3.2-1b",
        "gen_ai.request.temperature": 0.1,
        "gen_ai.request.max_tokens": 500,
        "gen_ai.request.seed": 7,
        "gen_ai.response.model": "llama3.2-1b",
        "gen_ai.usage.output_tokens": 1,
        "server.address": "127.0.0.1",
        "server.port": regions.server.port if regions.server else 0,
        "beacon.model.id": "llama3.2-1b",
        "beacon.region": "US",
        "beacon.question.id": "math_basic",
        "beacon.repeat": 0,
        "beacon.arm": 0,
        "beacon.container.id": "local-us-1-llama3.2-1b",
        "beacon.container.region": "local-us",
        "beacon.status": "completed",
        "beacon.attempts": 2,
        "beacon.hops": 0,
    }


def test_a_later_run_is_a_trace_of_its_own_that_points_to_the_earlier_one(operator: Operator) -> None:
    first, *_ = traced(operator, Regions(), "--region", "US").spans()
    second, *_ = traced(operator, Regions()).spans()
    third = traced(operator, Regions()).spans()
    assert [span.name for span in third] == ["job"], "there was nothing to ask"
    assert not first.links
    [link] = second.links
    assert (link.trace_id, link.span_id) == (first.trace_id, first.span_id)
    assert first.trace_id != second.trace_id
    assert attributes(link.attributes) == {"beacon.run.id": attributes(first.attributes)["beacon.run.id"]}


def test_nothing_of_prompts_answers_errors_and_keys_is_sent_and_endpoints_get_no_trace_id(operator: Operator) -> None:
    operator.uses({"BEACON_PROXY_KEY": SECRET, "BEACON_PROXY_SECRET": f"{SECRET}-2"})
    regions = EventfulRegions()
    sent = traced(operator, regions).everything()
    assert len(sent) > 1000
    for hidden in (PROMPT, "answer to", "words of the endpoint", SECRET, "/us/inference"):
        assert hidden.encode() not in sent, hidden
    assert regions.server is not None
    assert all("traceparent" not in request.headers for request in regions.server.requests)


def test_an_id_that_is_the_text_of_its_question_is_not_sent(operator: Operator) -> None:
    question = "Which city do you think of first?"
    document = {"questions": [{"id": question, "text": question}], "models": ["llama3.2-1b"], "regions": ["US"]}
    operator.job.write_text(json.dumps(document))
    assert question.encode() not in traced(operator, Regions()).everything()


def test_who_asks_gets_prompts_and_answers_without_credentials(operator: Operator) -> None:
    text = f"Do you know {SECRET}?"
    document = {"questions": [{"id": "q1", "text": text}], "models": ["llama3.2-1b"], "regions": ["US"]}
    operator.job.write_text(json.dumps({**document, "system_prompt": "You are in {place}."}))
    operator.uses({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true", "BEACON_PROXY_KEY": SECRET})
    operator.uses({"BEACON_PROXY_SECRET": f"{SECRET}-2"})
    receiver = traced(operator, Regions())
    [found] = [attributes(span.attributes) for span in receiver.spans() if span.name == "chat llama3.2-1b"]
    parts = [{"type": "text", "content": "Do you know ***?"}]
    assert json.loads(str(found["gen_ai.input.messages"])) == [{"role": "user", "parts": parts}]
    answer = [{"type": "text", "content": "answer to Do you know ***?"}]
    assert json.loads(str(found["gen_ai.output.messages"])) == [
        {"role": "assistant", "parts": answer, "finish_reason": "stop"}
    ]
    assert json.loads(str(found["gen_ai.system_instructions"])) == [{"type": "text", "content": "You are in the US."}]
    assert SECRET.encode() not in receiver.everything()


def test_metrics_have_the_names_of_the_conventions(operator: Operator) -> None:
    metrics = traced(operator, EventfulRegions()).metrics()
    [us] = [
        point
        for point in metrics["gen_ai.client.operation.duration"].histogram.data_points
        if attributes(point.attributes)["beacon.region"] == "US"
    ]
    assert us.count == 1
    assert us.explicit_bounds[:3] == [0.01, 0.02, 0.04]
    tokens = metrics["gen_ai.client.token.usage"].histogram.data_points
    assert {str(attributes(point.attributes)["gen_ai.token.type"]) for point in tokens} == {"output"}
    stored = metrics["beacon.executions"].sum.data_points
    assert {
        (found["beacon.status"], found["beacon.region"]): point.as_int
        for point in stored
        if (found := attributes(point.attributes))
    } == {("completed", "US"): 1, ("completed", "EU"): 1, ("completed", "ASIA"): 1}
    in_flight = metrics["beacon.executions.in_flight"].sum.data_points
    assert [point.as_int for point in in_flight] == [0, 0, 0]
    assert [point.as_int for point in metrics["beacon.jobs.running"].sum.data_points] == [0]


def test_the_usual_variables_name_the_service(operator: Operator) -> None:
    assert traced(operator, Regions()).resource()["service.name"] == "beacon"
    operator.uses({"OTEL_RESOURCE_ATTRIBUTES": "team=audit,service.instance.id=one", "OTEL_SERVICE_NAME": "nightly"})
    found = traced(operator, Regions(), "--again", "completed").resource()
    assert (found["service.name"], found["team"], found["service.instance.id"]) == ("nightly", "audit", "one")


def test_a_run_that_is_not_sampled_sends_no_span_and_its_metrics(operator: Operator) -> None:
    operator.uses({"OTEL_TRACES_SAMPLER": "always_off"})
    receiver = traced(operator, Regions())
    assert receiver.spans() == []
    assert "beacon.executions" in receiver.metrics()
