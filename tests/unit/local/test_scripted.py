"""Scripts of fixed answers: which rule applies, what it gives, and what a wrong script is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.errors import ConfigError
from beacon_cli.local.scripted import Rule, ScriptedGenerator, load_script
from modal_deployment.generation import GenerationRequest
from modal_deployment.refusal import Refusal
from modal_deployment.responses import refused as refused_response
from tests.support.vocabulary import REGIONS


def generator(tmp_path: Path, script: str, region: str = "us") -> ScriptedGenerator:
    path = tmp_path / "script.yaml"
    path.write_text(script, encoding="utf-8")
    return ScriptedGenerator(load_script(path, regions=REGIONS), model_id="demo", region=REGIONS[region])


def say(scripted: ScriptedGenerator, prompt: str = "What is 2+2?", seed: int | None = None) -> str:
    return scripted.generate(GenerationRequest(prompt, seed=seed)).text


def test_the_first_rule_that_matches_answers_and_the_default_the_rest(tmp_path: Path) -> None:
    scripted = generator(
        tmp_path,
        """
        default: nothing known
        rules:
          - {prompt: "2+2", region: EU, response: vier}
          - {prompt: "2+2", response: "4"}
          - {prompt: "2", response: never for 2+2}
        """,
    )
    assert say(scripted) == "4"
    assert say(scripted, "What is 2?") == "never for 2+2"
    assert say(scripted, "Who?") == "nothing known"


def test_a_rule_for_a_region_takes_its_aliases(tmp_path: Path) -> None:
    script = "{default: elsewhere, rules: [{region: asia-pacific, response: here}]}"
    assert [say(generator(tmp_path, script, region)) for region in REGIONS] == ["elsewhere", "elsewhere", "here"]


def test_placeholders_are_replaced_once_and_nothing_else_is(tmp_path: Path) -> None:
    scripted = generator(tmp_path, "default: '{model} {region} {place}: {prompt} {0} {other} {{prompt}} %s'")
    assert say(scripted, "{model}!") == "demo us the US: {model}! {0} {other} {{model}!} %s"


def test_an_empty_response_stays_empty(tmp_path: Path) -> None:
    scripted = generator(tmp_path, "{default: filled, rules: [{response: ''}]}")
    assert say(scripted) == ""


def test_one_of_several_responses_is_chosen_by_the_seed(tmp_path: Path) -> None:
    script = "rules: [{response: [one, two, '{model}']}]"
    said = [[say(generator(tmp_path, script, region), seed=seed) for seed in range(40)] for region in ("us", "eu")]
    assert set(said[0]) == set(said[1]) == {"one", "two", "demo"}
    assert said[0] != said[1]
    assert said[0] == [say(generator(tmp_path, script), seed=seed) for seed in range(40)]


def test_without_a_seed_one_of_several_is_chosen_by_chance_unless_the_temperature_is_0(tmp_path: Path) -> None:
    scripted = generator(tmp_path, "rules: [{response: [a, b]}]")
    assert {say(scripted) for _ in range(100)} == {"a", "b"}
    greedy = GenerationRequest("What is 2+2?", temperature=0)
    assert len({scripted.generate(greedy).text for _ in range(100)}) == 1


def test_times_limits_a_rule_to_its_first_uses(tmp_path: Path) -> None:
    scripted = generator(tmp_path, "{default: rest, rules: [{prompt: a, times: 2, response: first}]}")
    assert [say(scripted, prompt) for prompt in ("a", "b", "a", "a")] == ["first", "rest", "first", "rest"]


def test_an_error_has_its_status_code_message_and_retry_after(tmp_path: Path) -> None:
    scripted = generator(
        tmp_path,
        'rules: [{error: {status: 429, code: busy, message: later, retry_after: "Wed, 21 Oct 2026 07:28:00 GMT"}}]',
    )
    with pytest.raises(Refusal) as refused:
        say(scripted)
    error = refused.value
    assert (error.status, error.code, error.message) == (429, "busy", "later")
    assert error.retry_after == "Wed, 21 Oct 2026 07:28:00 GMT"


def test_a_lying_answer_names_what_the_script_claims(tmp_path: Path) -> None:
    scripted = generator(tmp_path, "rules: [{response: x, claims_region: eu, claims_model: other}]")
    generated = scripted.generate(GenerationRequest("q"))
    assert (generated.region, generated.model) == ("eu", "other")


def test_an_answer_may_end_for_any_reason_and_have_a_thought_of_its_own(tmp_path: Path) -> None:
    scripted = generator(
        tmp_path,
        "rules: [{prompt: a, response: half, finish_reason: content_filter, reasoning_content: hm}, {response: whole}]",
    )
    generated = [scripted.generate(GenerationRequest(prompt)) for prompt in "ab"]
    assert [(each.text, each.finish_reason, each.thought) for each in generated] == [
        ("half", "content_filter", "hm"),
        ("whole", "stop", None),
    ]


def test_an_error_may_have_a_type(tmp_path: Path) -> None:
    scripted = generator(tmp_path, "rules: [{error: {status: 451, code: legal, type: forbidden, message: no}}]")
    with pytest.raises(Refusal) as refused:
        say(scripted)
    body = json.loads(bytes(refused_response(refused.value).body))
    assert body["error"] == {"code": "legal", "message": "no", "type": "forbidden"}


def test_a_latency_range_gives_the_same_request_the_same_latency() -> None:
    rule = Rule.model_validate({"latency": [1, 3]})
    seconds = {rule.seconds(GenerationRequest(f"q{number}"), "us") for number in range(50)}
    assert len(seconds) == 50
    assert all(1 <= second <= 3 for second in seconds)
    assert rule.seconds(GenerationRequest("q1"), "us") in seconds
    assert rule.seconds(GenerationRequest("q1"), "eu") not in seconds
    assert rule.seconds(GenerationRequest("q1", seed=1), "us") not in seconds


def test_a_cancelled_request_does_not_wait_for_its_latency(tmp_path: Path) -> None:
    request = GenerationRequest("q")
    request.cancelled.set()
    scripted = generator(tmp_path, "rules: [{latency: 3600}]")
    assert scripted.generate(request).finish_reason == "cancelled"


def test_json_is_a_script_too(tmp_path: Path) -> None:
    assert say(generator(tmp_path, json.dumps({"default": "from JSON"}))) == "from JSON"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("rules: [{promt: x}]", "rules.0.promt"),
        ("rules: [{latency: -1}]", "rules.0.latency"),
        ("rules: [{latency: [1, 2, 3]}]", "rules.0.latency"),
        ("rules: [{latency: .nan}]", "rules.0.latency"),
        ("rules: [{region: mars}]", "unknown region 'mars'"),
        ("rules: [{times: 0}]", "rules.0.times"),
        ("rules: [{error: {status: 200}}]", "rules.0.error.status"),
        ('rules: [{error: {status: 500, retry_after: "a\\r\\nX: y"}}]', "rules.0.error.retry_after"),
        ("default: 5", "default"),
        ("[]", "the script"),
        ("just text", "the script"),
        ("a: 1\na: 2", "script.yaml:2: "),
        ("a: [", "script.yaml:1: "),
        ("!!python/object:os.system x", "script.yaml:1"),
    ],
)
def test_a_wrong_script_is_told_where(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        generator(tmp_path, script)
    assert str(tmp_path / "script.yaml") in error.value.message
    assert said in error.value.message


def test_a_missing_or_binary_script_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_script(tmp_path / "none.yaml", regions=REGIONS)
    (tmp_path / "latin.yaml").write_bytes(b"default: \xe9")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_script(tmp_path / "latin.yaml", regions=REGIONS)


def test_words_are_its_tokens_on_both_sides(tmp_path: Path) -> None:
    generated = generator(tmp_path, "default: one two three").generate(GenerationRequest("a b", "c"))
    assert (generated.prompt_tokens, generated.tokens_generated) == (3, 3)


@pytest.mark.parametrize(("option", "asked"), [("stop", {"stop": ("x",)}), ("top_p", {"top_p": 0.9})])
def test_what_a_script_cannot_do_is_refused(tmp_path: Path, option: str, asked: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        generator(tmp_path, "default: x").generate(GenerationRequest("q", **asked))
    assert (refused.value.status, refused.value.code, refused.value.parameter) == (
        400,
        "unsupported_parameter",
        option,
    )
