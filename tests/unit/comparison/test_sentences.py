from __future__ import annotations

import pytest

from beacon_cli.comparison.sentences import MOST, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It is so. Is it? Yes!", ["It is so.", "Is it?", "Yes!"]),
        (
            "About 3.5 million live in Washington, D.C., and nearby.",
            ["About 3.5 million live in Washington, D.C., and nearby."],
        ),
        ("# A heading\n---\n- one\n- two", ["# A heading", "- one", "- two"]),
        ("水在100度沸腾。山上更早！", ["水在100度沸腾。", "山上更早！"]),
        ("น้ำเดือดที่ 100 องศา บนภูเขาเดือดเร็วกว่า", ["น้ำเดือดที่ 100 องศา", "บนภูเขาเดือดเร็วกว่า"]),
        ("... !!!", []),
    ],
)
def test_a_text_is_split_where_sentences_and_lines_end(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_no_more_than_the_first_hundred_are_read() -> None:
    assert sentences("So. " * 1000) == ["So."] * MOST
