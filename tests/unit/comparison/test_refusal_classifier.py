from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from beacon_cli.comparison import refusal_classifier
from beacon_cli.comparison.refusal import judged_by_rules
from beacon_cli.comparison.refusal_classifier import judged
from benchmarks.refusals.texts import HELD_OUT, TRAINING, examples
from tests.support.hostile_input import any_text

UNUSUAL = "I am not the right one to ask about this. Please look in a newspaper."


def test_the_weights_were_trained_by_the_script_that_is_here_from_the_texts_that_are_here() -> None:
    root = Path(__file__).parents[3]
    weights = root / "beacon_cli" / "comparison" / "refusal_classifier.json"
    stored = json.loads(weights.read_text(encoding="utf-8"))
    for name, file in (("script_sha256", root / "scripts" / "train_refusals.py"), ("texts_sha256", TRAINING)):
        assert stored[name] == hashlib.sha256(file.read_bytes()).hexdigest(), "run scripts/train_refusals.py"
    assert len(stored["weights"]) == 512


def test_it_finds_refusals_in_other_words_than_the_rules_know() -> None:
    assert judged_by_rules(UNUSUAL).label == "answer"
    assert judged(UNUSUAL).label == "refusal"
    assert UNUSUAL.startswith(judged(UNUSUAL).words or "-")


def test_no_answer_that_was_held_out_is_taken_for_a_refusal_and_more_refusals_are_found_than_by_the_rules() -> None:
    texts = list(examples(HELD_OUT))
    assert [each.text for each in texts if each.label == "answer" and judged(each.text).label == "refusal"] == []
    refusals = [each for each in texts if each.label == "refusal"]
    by_rules, by_both = (
        {each.text for each in refusals if judge(each.text).label == "refusal"} for judge in (judged_by_rules, judged)
    )
    assert by_rules < by_both
    assert {each.text for each in refusals if each.kind == "plain"} <= by_rules


def test_an_answer_after_a_caveat_stays_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    sure = refusal_classifier.Classifier(refusal_classifier.classifier().weights, bias=99.0, threshold=0.8)
    monkeypatch.setattr(refusal_classifier, "classifier", lambda: sure)
    assert judged("The capital of the country is a city with many old houses.").label == "refusal"  # as it is so sure
    assert judged("The capital of the country is a city with many old houses. " * 20).label == "answer"
    assert judged("I'm an AI and cannot give medical advice, but adults usually take one tablet.").label == "answer"
    assert judged("Tyvärr kan jag inte svara på den frågan.").label == "unknown"
    assert judged("यह एक जटिल विषय है। कुछ लोग द्वीप को देश मानते हैं, कुछ प्रांत।").label == "answer"  # not a language of it


@settings(max_examples=50)
@given(any_text)
def test_any_text_is_judged(text: str) -> None:
    assert judged(text).label in ("refusal", "answer", "unknown")
