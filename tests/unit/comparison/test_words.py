from __future__ import annotations

import itertools

import pytest
from hypothesis import given

from beacon_cli.comparison.words import folded, word_spans, words
from tests.support.hostile_input import any_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L'été, 4 fois; naïve_x", ["l'été", "4", "fois", "naïve", "x"]),
        ("北京です", ["北", "京", "で", "す"]),
        ("Don’t say “no”!", ["don't", "say", '"', "no", '"', "!"]),
        ("¿Qué? いいえ？", ["qué", "?", "い", "い", "え", "?"]),
        (
            "1,000.50 on 2024-05-01 at 10:30, v1.2.3; 5 %",
            ["1,000.50", "on", "2024-05-01", "at", "10:30", "v1.2.3", "5", "%"],
        ),
        ("1\u202f000 in 1989.", ["1\u202f000", "in", "1989"]),
        ("1989年6月4日", ["1989", "年", "6", "月", "4", "日"]),
        ("10-12, -5", ["10", "12", "-", "5"]),
        ("ฉันไม่สามารถตอบคำถามนี้ได้", ["ฉัน", "ไม่", "สามารถ", "ตอบ", "คำถาม", "นี้", "ได้"]),
        ("ມື້ນີ້", ["ມື້", "ນີ້"]),
        ("ខ្ញុំទៅ", ["ខ្ញុំ", "ទៅ"]),
        ("မေးခွန်း", ["မေး", "ခွ", "န်း"]),
        ("བོད་སྐད", ["བོད", "སྐད"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("👨‍👩‍👧 +1", ["👨‍👩‍👧", "+", "1"]),
    ],
)
def test_words_are_words_in_any_script(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(any_text)
def test_the_spans_of_words_follow_each_other_and_are_the_words(text: str) -> None:
    spans = list(word_spans(text))
    assert all(start < end for start, end in spans)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
    assert words(text) == [folded(text[start:end]) for start, end in spans]
