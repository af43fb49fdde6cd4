"""What a job means: cells, lanes, prompts, and what makes two jobs the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.job.bank import BANK
from beacon_cli.job.changes import how_to_go_on, spec_differences
from beacon_cli.job.generation import Generation
from beacon_cli.job.lanes import Question
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from beacon_cli.settings import Settings
from tests.support.vocabulary import REGIONS

Load = Callable[..., Job]

JOB = {
    "name": "Demo",
    "questions": ["math_basic", {"id": "own", "text": "Why?"}],
    "models": ["llama3.2-1b", {"id": "qwen2.5-1.5b", "regions": ["EU", "us-east"]}],
    "regions": ["US", "europe-west", "asia"],
    "repeats": 3,
}


def test_a_job_holds_what_the_file_says(load: Load) -> None:
    job = load(JOB)
    assert list(job.questions) == [Question("math_basic", "What is 2+2?"), Question("own", "Why?")]
    assert [(model.id, [region.id for region in model.regions]) for model in job.models] == [
        ("llama3.2-1b", ["us", "eu", "apac"]),
        ("qwen2.5-1.5b", ["eu", "us"]),
    ]
    assert job.expected == 2 * 5 * 3
    assert job.warnings == ()


def test_what_a_file_leaves_out_has_defaults(load: Load) -> None:
    job = load("questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [EU]\n", "first-try.yaml")
    assert (job.id, job.name, job.version, job.repeats, job.system_prompt) == (None, "first-try", 1, 1, None)
    assert job.generation.spec() == {"temperature": 0.1, "max_tokens": 500, "seed": None}


def test_neighbouring_lanes_differ_in_region(load: Load) -> None:
    lanes = load({**JOB, "models": ["llama3.2-1b", "qwen2.5-1.5b"]}).lanes()
    assert [lane.region.label for lane in lanes] == ["US", "EU", "ASIA"] * 2
    assert [lane.model_id for lane in lanes] == ["llama3.2-1b"] * 3 + ["qwen2.5-1.5b"] * 3


def test_only_the_limits_that_a_file_sets_override_others(load: Load) -> None:
    job = load({**JOB, "limits": {"attempts": 1, "answer_timeout": "1h30m"}})
    assert Limits(attempts=5, max_in_flight=7).overridden_by(job.limits) == Limits(
        attempts=1, max_in_flight=7, answer_timeout=5400
    )


def test_models_are_those_of_the_registry_and_those_that_the_caller_knows(load: Load) -> None:
    assert load({**JOB, "models": ["mine"]}, known_models={"mine"}).models[0].id == "mine"


def test_the_place_is_the_only_thing_replaced_in_a_system_prompt(load: Load) -> None:
    job = load({**JOB, "system_prompt": "In {place}: {region} {place!r} {} {{place}}"})
    assert job.prompt_system(REGIONS["apac"]) == "In Asia: {region} {place!r} {} {Asia}"
    assert load(JOB).prompt_system(REGIONS["us"]) is None


def test_each_region_may_have_its_own_system_prompt(load: Load) -> None:
    job = load({**JOB, "system_prompts": {"us-east": "In {place}.", "default": "Elsewhere, in {place}."}})
    sent = {label: job.prompt_system(REGIONS[label]) for label in ("us", "eu", "apac")}
    assert sent == {"us": "In the US.", "eu": "Elsewhere, in Europe.", "apac": "Elsewhere, in Asia."}
    assert job.warnings == ()
    assert job.spec()["system_prompts"] == {"us": "In {place}.", "default": "Elsewhere, in {place}."}


def test_a_region_without_a_system_prompt_and_one_that_is_not_asked_are_told_once(load: Load) -> None:
    models = [{"id": "llama3.2-1b", "regions": ["US", "EU"]}]
    job = load({**JOB, "models": models, "system_prompts": {"US": "Hi.", "asia": "Ho."}})
    assert job.prompt_system(REGIONS["eu"]) is None
    assert job.warnings == (
        "system_prompts: EU get none, because there is no default",
        "system_prompts: not used: apac; the job does not ask there",
    )


def test_what_a_job_says_anew_is_stored_only_where_it_is_said(load: Load) -> None:
    questions = [{"id": "math_basic", "tags": ["control"]}, {"id": "own", "text": "Why?"}]
    generation = {"top_p": 0.5, "stop": "END", "extra": {"top_k": 40}}
    job = load({**JOB, "questions": questions, "generation": generation})
    assert [question.tags for question in job.questions] == [("control",), ()]
    told = {"top_p": 0.5, "stop": ["END"], "extra": {"top_k": 40}}
    stored: dict[str, Any] = {"temperature": 0.1, "max_tokens": 500, "seed": None, **told}
    assert json.loads(json.dumps(job.spec()))["generation"] == stored
    assert Generation(**stored) == job.generation


def test_the_hash_of_a_job_that_says_nothing_new_is_the_one_that_older_versions_stored(load: Load) -> None:
    old = load({**JOB, "system_prompt": "In {place}.", "generation": {"seed": 7}, "limits": {"attempts": 2}})
    assert old.spec_sha256 == "419a10b61cb618d4ded594b10b5735a1aec0c15a20bab6fc8636c402a8c614d3"


def test_a_planned_analysis_is_stored_whole_with_a_hash_and_identifies_the_job(load: Load) -> None:
    old = load(JOB)
    planned = load({**JOB, "analysis": {"margin": 0.05, "accept": ["time", "gpu"]}})
    spec = json.loads(json.dumps(planned.spec()))
    assert spec["analysis"] == {"measure": "lexical", "rate": 0.05, "margin": 0.05, "accept": ["gpu", "time"]}
    assert spec["analysis_sha256"] == "2bc08b81dab1027c96bc5b3982ccc3cd959d372fec2ac4f197281925c1440a18"
    assert old.spec().keys() == spec.keys() - {"analysis", "analysis_sha256"}
    assert old.spec_sha256 != planned.spec_sha256
    otherwise = load({**JOB, "analysis": {"rate": 0.05, "margin": 0.05, "accept": ["gpu", "time"]}})
    assert (otherwise.spec_sha256, otherwise.spec()) == (planned.spec_sha256, planned.spec())
    assert load({**JOB, "analysis": {}}).spec_sha256 != old.spec_sha256


def test_a_changed_analysis_is_named_with_what_to_do(load: Load) -> None:
    none, one, other = load(JOB), load({**JOB, "analysis": {}}), load({**JOB, "analysis": {"rate": 0.01}})
    assert spec_differences(none.spec(), one.spec()) == ["analysis: added"]
    assert spec_differences(one.spec(), none.spec()) == ["analysis: removed"]
    assert spec_differences(one.spec(), other.spec()) == ["analysis.rate: 0.05 → 0.01"]
    assert how_to_go_on(one.spec(), other.spec()).startswith("what is planned is stored before the first answer: ")
    more = load({**JOB, "repeats": 4})
    assert how_to_go_on(none.spec(), more.spec()) == (
        "give the changed job another id (--job-id, or id: in the job file)"
    )


def test_another_text_under_an_id_of_the_bank_is_asked_with_a_warning(load: Load) -> None:
    job = load({**JOB, "questions": [{"id": "math_basic", "text": "2+3?"}, {"id": "identity_basic"}]})
    assert [question.text for question in job.questions] == ["2+3?", BANK["identity_basic"]]
    assert job.warnings == ("questions[0].text: math_basic is asked with this text, not the one in the question bank",)
    assert load({**JOB, "questions": [{"id": "math_basic", "text": "What is 2+2?"}]}).warnings == ()


def test_the_spec_is_json_and_names_everything(load: Load) -> None:
    job = load({**JOB, "id": "a", "limits": {"attempts": 2}, "metadata": {"x": [1]}, "generation": {"seed": 7}})
    spec = json.loads(json.dumps(job.spec()))
    assert spec == {
        "name": "Demo",
        "version": 1,
        "questions": {"count": 2, "sha256": job.questions.sha256},
        "models": [
            {"id": "llama3.2-1b", "regions": ["us", "eu", "apac"]},
            {"id": "qwen2.5-1.5b", "regions": ["eu", "us"]},
        ],
        "regions": {
            "us": {"label": "US", "place": "the US"},
            "eu": {"label": "EU", "place": "Europe"},
            "apac": {"label": "ASIA", "place": "Asia"},
        },
        "repeats": 3,
        "generation": {"temperature": 0.1, "max_tokens": 500, "seed": 7},
        "system_prompt": None,
        "limits": {"attempts": 2},
        "metadata": {"x": [1]},
    }


def test_a_job_in_built_in_regions_has_the_digest_that_version_0_2_gave_it(load: Load) -> None:
    job = load(
        {
            "questions": ["math_basic", "identity_basic"],
            "models": ["qwen2.5-1.5b", {"id": "llama3.2-1b", "regions": ["asia", "eu"]}],
            "regions": ["US", "EU"],
            "repeats": 3,
            "system_prompt": "You are in {place}.",
        }
    )
    assert job.spec_sha256 == "a6a548ae8181de01d08e0e7266104a08852012fa82acea4e4c34138a49303f04"


@pytest.mark.parametrize(
    ("prompt", "region", "change"),
    [
        ("Hi", {"label": "Brazil"}, 'regions.br.label: "BR" → "Brazil"'),
        ("In {place}", {"label": "Brazil"}, 'regions.br.label: "BR" → "Brazil"'),
        ("In {place}", {"place": "Brasil"}, 'regions.br.place: "Brazil" → "Brasil"'),
        ("Hi", {"place": "Brasil"}, None),
        ("In {place}", {"aliases": ["brasil"]}, None),
    ],
)
def test_how_a_region_is_called_is_a_change_where_it_is_stored_or_sent(
    load: Load, prompt: str, region: dict[str, object], change: str | None
) -> None:
    def job(**other: object) -> Job:
        settings = Settings.model_validate({"regions": {"br": {"place": "Brazil", **other}}})
        document = {**JOB, "models": ["llama3.2-1b"], "regions": ["us", "br"], "system_prompt": prompt}
        return load(document, regions=settings.vocabulary.regions)

    old, new = job(), job(**region)
    assert spec_differences(old.spec(), new.spec()) == ([change] if change else [])
    assert (new.spec_sha256 == old.spec_sha256) is (change is None)


def test_another_id_under_the_same_label_is_named(load: Load) -> None:
    def job(region_id: str) -> Job:
        settings = Settings.model_validate({"regions": {region_id: {"label": "BR"}, "cl": {}}})
        document = {**JOB, "models": ["llama3.2-1b"], "regions": ["BR", "CL"]}
        return load(document, regions=settings.vocabulary.regions)

    assert spec_differences(job("br").spec(), job("xx").spec()) == ['regions: BR has another id: "br" → "xx"']


def test_a_built_in_region_under_another_label_is_a_change(load: Load) -> None:
    renamed = Settings.model_validate({"regions": {"eu": {"label": "EUROPE"}}}).vocabulary
    old, new = load(JOB), load(JOB, regions=renamed.regions)
    stored = {key: value for key, value in old.spec().items() if key != "regions"}  # as version 0.2 stored it
    assert spec_differences(stored, new.spec()) == ['regions.eu.label: "EU" → "EUROPE"']
    assert new.spec_sha256 != old.spec_sha256


def test_questions_of_a_file_and_of_a_list_have_the_same_digest(load: Load, tmp_path: Path) -> None:
    lines = [{"text": "What is 2+2?", "id": "math_basic"}, {"id": "own", "text": "Why?"}]
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    assert load({**JOB, "questions": {"file": "q.jsonl"}}).spec_sha256 == load(JOB).spec_sha256


def test_ids_and_texts_cannot_pose_as_each_other_in_the_digest(load: Load) -> None:
    pairs = [("a", "bc"), ("ab", "c"), ("a", "b1:c"), ("a1:", "bc"), ("a", "bc#1:x")]
    digests = {load({**JOB, "questions": [{"id": id_, "text": text}]}).questions.sha256 for id_, text in pairs}
    tagged = [load({**JOB, "questions": [{"id": "a", "text": "bc", "tags": tags}]}) for tags in (["x"], ["x", "y"])]
    assert len(digests | {job.questions.sha256 for job in tagged}) == len(pairs) + len(tagged)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other"},
        {"limits": {"attempts": 1}},
        {"metadata": {"a": 1}},
        {"id": "other"},
        {"regions": ["ap", "EU", "US"], "models": JOB["models"][::-1]},  # type: ignore[index]
        {"generation": {"temperature": 0.1}},
    ],
)
def test_what_does_not_change_answers_leaves_the_job_the_same(load: Load, change: dict[str, object]) -> None:
    old, new = load(JOB), load({**JOB, **change})
    assert new.spec_sha256 == old.spec_sha256
    assert spec_differences(old.spec(), new.spec()) == []


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({"repeats": 1}, ["repeats: 3 → 1"]),
        (
            {"generation": {"seed": 7, "temperature": 0}},
            ["generation.temperature: 0.1 → 0.0", "generation.seed: none → 7"],
        ),
        ({"system_prompt": "Hi\n\x1b"}, ['system_prompt: none → "Hi \\x1b"']),
        ({"questions": ["math_basic"]}, ["questions: 2 → 1"]),
        (
            {"questions": [{"id": "own", "text": "Why?"}, "math_basic"]},
            ["questions: still 2, but other ids, texts, tags or another order"],
        ),
        (
            {"questions": ["math_basic", {"id": "own", "text": "Why?", "tags": ["x"]}]},
            ["questions: still 2, but other ids, texts, tags or another order"],
        ),
        (
            {"generation": {"top_p": 1, "stop": ["a"]}},
            ["generation.top_p: none → 1.0", "generation.stop: none → ['a']"],
        ),
        (
            {"system_prompts": {"US": "Hi.", "default": "Ho."}},
            ['system_prompts.us: none → "Hi."', 'system_prompts.default: none → "Ho."'],
        ),
        ({"models": ["llama3.2-1b"]}, ["models: - qwen2.5-1.5b (US, EU)"]),
        ({"models": ["llama3.2-1b", "qwen2.5-1.5b"]}, ["models: qwen2.5-1.5b: US, EU → US, EU, ASIA"]),
    ],
)
def test_what_changes_answers_is_told(load: Load, change: dict[str, object], lines: list[str]) -> None:
    old, new = load(JOB), load({**JOB, **change})
    assert new.spec_sha256 != old.spec_sha256
    assert spec_differences(old.spec(), new.spec()) == lines


def test_long_prompts_are_cut_where_they_still_differ(load: Load) -> None:
    long = "You answer in one sentence, and you always say that you are in "
    old, new = load({**JOB, "system_prompt": long + "Europe."}), load({**JOB, "system_prompt": long + "Asia."})
    assert spec_differences(old.spec(), new.spec()) == ['system_prompt: "…you are in Europe." → "…you are in Asia."']


def test_an_added_model_is_told_with_its_regions(load: Load) -> None:
    old, new = load({**JOB, "models": ["llama3.2-1b"]}), load(JOB)
    assert spec_differences(old.spec(), new.spec()) == ["models: + qwen2.5-1.5b (US, EU)"]


def test_the_bank_is_the_one_that_is_documented() -> None:
    assert list(BANK) == [
        *("math_basic", "geography_basic", "identity_basic", "tiananmen_neutral"),
        *("taiwan_status", "hongkong_2019", "greatest_invention", "greatest_leader"),
    ]
