from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given

from beacon_cli.comparison import nearly_alike as module
from beacon_cli.comparison.languages import languages
from beacon_cli.comparison.nearly_alike import between_groups, nearly_alike
from benchmarks.measures.pairs import Pair, pairs
from tests.support.hostile_input import any_text


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: f"{pair.language}-{pair.said[:12]}")
def test_another_number_is_told_in_any_language(pair: Pair) -> None:
    assert [each.kinds for each in nearly_alike(pair.said, pair.renumbered)] == [("number",)]


def test_a_negation_is_told_unless_the_sentence_was_rebuilt_around_it() -> None:
    missed = [
        (pair.language, pair.said.split()[1])
        for pair in pairs()
        if not any("negation" in each.kinds for each in nearly_alike(pair.said, pair.negated))
    ]
    assert missed == [("en", "island"), ("ar", "ما"), ("ar", "حكومتها")]


@pytest.mark.parametrize(
    ("one", "other", "kinds", "only_one", "only_other"),
    [
        ("It began in 1989. All agree.", "It began in 1979. All agree.", ("number",), ("1989",), ("1979",)),
        ("He was seen in Paris that day.", "He was seen in Rome that day.", ("name",), ("Paris",), ("Rome",)),
        ("They don't know it at all.", "They know it at all.", ("negation",), ("don't",), ()),
        ("Kto to zrobił wczoraj w domu?", "Nie kto to zrobił wczoraj w domu?", ("negation",), (), ("Nie",)),
        (
            "Bunu dün akşam evde söyledi ve gitti.",
            "Bunu dün akşam evde söylemedi ve gitti.",
            ("negation",),
            ("söyledi",),
            ("söylemedi",),
        ),
        (
            "その話は昨日の夜に聞きました。",
            "その話は昨日の夜に聞きませんでした。",
            ("negation",),
            (),
            ("せ", "ん", "で"),
        ),
    ],
)
def test_the_words_are_pointed_at(
    one: str, other: str, kinds: tuple[str, ...], only_one: tuple[str, ...], only_other: tuple[str, ...]
) -> None:
    [found] = nearly_alike(one, other)
    assert (found.kinds, found.only_one, found.only_other) == (kinds, only_one, only_other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The same.", "the same"),
        ("It began in spring and ended in summer.", "It began in winter and ended in summer."),
        ("Water boils at 100 degrees.", "In 1989 the protests began."),
        ("Er wohnt in dem Haus am See.", "Er wohnt in dem Turm am See."),
        ("", "No."),
    ],
)
def test_other_differences_are_not_of_this_kind(one: str, other: str) -> None:
    assert nearly_alike(one, other) == ()


def test_every_language_has_its_negations() -> None:
    table = Path(module.__file__).with_name("negations.toml")
    assert set(tomllib.loads(table.read_text(encoding="utf-8"))) == set(languages())


@given(any_text, any_text)
def test_any_two_texts_are_read(one: str, other: str) -> None:
    for found in nearly_alike(one, other):
        assert found.kinds
        assert found.one in one
        assert found.other in other


def test_an_answer_of_each_group_is_compared_with_that_of_each_other() -> None:
    answers = {"US": "It began in 1989 there.", "EU": "It began in 1989 there.", "ASIA": "It began in 1979 \x1b there."}
    found = between_groups(answers)
    assert [each.groups for each in found] == [("US", "ASIA"), ("EU", "ASIA")]
    assert found[0].line() == "US and ASIA share nearly all of a sentence, but not its number: “1989”, “1979”"


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("I can tell you all about your Paris today.", "I can tell you all about my Tokyo today.", "“Paris”, “Tokyo”"),
        (
            "The seat of it all is Washington D.C. and nobody denies that today.",
            "The seat of it all is London and nobody denies that today.",
            "“Washington D.C.”, “London”",
        ),
        (
            "The great old city is called Delhi by nearly everybody here.",
            "The great old city is big by nearly everybody here.",
            "“Delhi”, “big”",
        ),
    ],
)
def test_of_another_name_only_the_name_is_shown(one: str, other: str, shown: str) -> None:
    [found] = between_groups({"US": one, "EU": other})
    assert found.line() == f"US and EU share nearly all of a sentence, but not its name: {shown}"
