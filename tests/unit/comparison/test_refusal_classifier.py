from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from beacon_cli.comparison import refusal_classifier
from beacon_cli.comparison.refusal import built_in_rule, judged_by_rules
from beacon_cli.comparison.refusal_classifier import (
    Classifier,
    Classifiers,
    Remembered,
    classifiers,
    classifying_rule,
    judged,
)
from benchmarks.refusals.first_look import first_look, simulated, written
from benchmarks.refusals.texts import HELD_OUT, TRAINING, examples
from tests.support.hostile_input import any_text

UNUSUAL = "I am not the right one to ask about this. Please look in a newspaper."


def test_the_weights_were_trained_by_the_script_that_is_here_from_the_texts_that_are_here() -> None:
    root = Path(__file__).parents[3]
    weights = root / "beacon_cli" / "comparison" / "refusal_classifier.json"
    stored = json.loads(weights.read_text(encoding="utf-8"))
    for name, file in (("script_sha256", root / "scripts" / "train_refusals.py"), ("texts_sha256", TRAINING)):
        assert stored[name] == hashlib.sha256(file.read_bytes()).hexdigest(), "run scripts/train_refusals.py"
    assert len(stored["weights"]) == len(stored["words"]["weights"]) == 512


def test_it_finds_refusals_in_other_words_than_the_rules_know() -> None:
    assert judged_by_rules(UNUSUAL).label == "answer"
    [judgement] = judged([UNUSUAL])
    assert judgement.label == "refusal"
    assert UNUSUAL.startswith(judgement.words or "-")


def test_many_answers_are_judged_as_each_of_them_alone() -> None:
    texts = [example.text for example in examples(HELD_OUT)][::5]
    twice = [UNUSUAL, "", "…", *texts, UNUSUAL]
    assert judged(twice) == [judged([text])[0] for text in twice]


@pytest.mark.parametrize("texts", [lambda: written(of_each=2), lambda: simulated(questions=2)])
def test_the_first_look_leaves_out_no_refusal_and_nothing_near_one(texts: Callable[[], Iterator[str]]) -> None:
    found = first_look(list(texts()))
    assert found.lost == 0 < min(found.refusals, found.left_out)
    assert found.highest_left_out < classifiers().text.threshold - 0.1
    assert found.lowest_refusal > classifiers().word.threshold + 0.05


def test_no_answer_that_was_held_out_is_taken_for_a_refusal_and_more_refusals_are_found_than_by_the_rules() -> None:
    texts = list(examples(HELD_OUT))
    rule = classifying_rule()
    assert [each.text for each in texts if each.label == "answer" and rule.hit(each.text)] == []
    refusals = [each for each in texts if each.label == "refusal"]
    by_rules, by_both = ({each.text for each in refusals if one.hit(each.text)} for one in (built_in_rule(), rule))
    assert by_rules < by_both
    assert {each.text for each in refusals if each.kind == "plain"} <= by_rules


def test_an_answer_after_a_caveat_stays_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    sure = Classifier(np.zeros(512), bias=99.0, threshold=0.8)
    monkeypatch.setattr(refusal_classifier, "classifiers", lambda: Classifiers(sure, sure))
    for kept in ("_texts", "_words"):
        monkeypatch.setattr(refusal_classifier, kept, lambda: Remembered(sure.log_odds, most=10))
    labels = {
        "The capital of the country is a city with many old houses.": "refusal",  # as it is so sure
        "The capital of the country is a city with many old houses. " * 20: "answer",
        "I'm an AI and cannot give medical advice, but adults usually take one tablet.": "answer",
        "Tyvärr kan jag inte svara på den frågan.": "unknown",
        "यह एक जटिल विषय है। कुछ लोग द्वीप को देश मानते हैं, कुछ प्रांत।": "answer",  # not a language of it
    }
    assert [judgement.label for judgement in judged(list(labels))] == list(labels.values())


def test_each_text_is_computed_once_until_there_are_too_many() -> None:
    computed: list[str] = []

    def lengths(texts: Sequence[str]) -> np.ndarray:
        computed.extend(texts)
        return np.array([float(len(text)) for text in texts])

    remembered = Remembered(lengths, most=3)
    assert dict(remembered.of(["a", "bb", "a"])) == {"a": 1, "bb": 2}
    assert dict(remembered.of(["bb", "ccc"])) == {"a": 1, "bb": 2, "ccc": 3}
    assert dict(remembered.of(["bb", "dddd"])) == {"bb": 2, "dddd": 4}
    assert computed == ["a", "bb", "ccc", "bb", "dddd"]


@settings(max_examples=50)
@given(any_text)
def test_any_text_is_judged(text: str) -> None:
    [judgement] = judged([text])
    assert judgement.label in ("refusal", "answer", "unknown")
