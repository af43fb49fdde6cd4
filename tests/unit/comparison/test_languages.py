from __future__ import annotations

import pytest
from hypothesis import given

from beacon_cli.comparison.languages import is_known, language_of, languages, script_of
from benchmarks.refusals.texts import HELD_OUT, TRAINING, Example, examples
from tests.support.hostile_input import any_text

TEXTS = [*examples(TRAINING), *examples(HELD_OUT)]


@pytest.mark.parametrize("code", languages())
def test_a_known_language_is_recognized_from_a_paragraph(code: str) -> None:
    paragraph = " ".join(each.text for each in TEXTS if each.language == code)
    assert language_of(paragraph) == code


@pytest.mark.parametrize("text", ["4", "", "Paris.", "Nelson Mandela", "巴黎", "Москва", "x = [1, 2]", "👍"])
def test_a_few_words_are_in_no_other_language(text: str) -> None:
    assert is_known(text)


@pytest.mark.parametrize(
    "text",
    [
        "Tyvärr kan jag inte svara på den frågan.",
        "Omlouvám se, ale na tuto otázku nemohu odpovědět.",
        "Λυπάμαι, αλλά δεν μπορώ να απαντήσω.",
        "معاف کیجیے، میں اس سوال کا جواب نہیں دے سکتا۔",
        "माफ करा, मी या प्रश्नाचे उत्तर देऊ शकत नाही.",
        "ขอ Λυπάμαι δεν μπορώ απαντήσω",
    ],
)
def test_another_language_is_not_known(text: str) -> None:
    assert not is_known(text)


def test_japanese_is_told_from_chinese_by_its_syllables() -> None:
    assert (script_of("東京は首都"), script_of("北京是首都")) == ("KANA", "HAN")


@given(any_text)
def test_any_text_is_read(text: str) -> None:
    assert language_of(text) is None or is_known(text)


def test_held_out_texts_are_not_among_those_for_training() -> None:
    def texts(some: list[Example]) -> set[str]:
        return {each.text for each in some}

    assert not texts(list(examples(TRAINING))) & texts(list(examples(HELD_OUT)))
