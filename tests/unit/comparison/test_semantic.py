from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon_cli.comparison import embeddings, options
from beacon_cli.comparison.distance import MEASURES
from beacon_cli.comparison.options import chosen_options
from beacon_cli.comparison.semantic import ForeignAnswers, semantic
from beacon_cli.errors import MissingExtra
from beacon_cli.extras import how_to_install
from tests.support.hostile_input import any_text


def test_the_same_in_other_words_is_near_and_something_else_is_not_in_any_of_its_languages() -> None:
    matrix = semantic(
        [
            "The protests began in April 1989. Soldiers cleared the square.",
            "It was in April 1989 that the protests started. The square was cleared by soldiers.",
            "Water boils at 100 degrees at sea level. It boils earlier in the mountains.",
            "การประท้วงเริ่มขึ้นในเดือนเมษายน 1989 ทหารเข้าเคลียร์จัตุรัส",
            "น้ำเดือดที่ 100 องศาที่ระดับน้ำทะเล",
        ]
    )
    assert matrix[0, 1] == 0
    assert matrix[0, 2] > 0.7
    assert matrix[0, 3] < 0.5 < matrix[0, 4]


def test_a_statement_that_one_answer_leaves_out_counts_as_its_share_of_both() -> None:
    said, more = "The square was cleared by soldiers.", "The number of dead is not known to this day."
    [[_, left_out], _] = semantic([f"{said} {more}", said])
    share = len(more) / (len(said) + len(more))
    assert 0.6 * share / 2 < left_out < share / 2
    assert semantic([f"{said} {more}", f"{more}\n{said}"])[0, 1] == 0


def test_a_text_without_sentences_is_one() -> None:
    assert semantic(["?!", "?!?"]).shape == (2, 2)
    assert semantic(["Paris", "Water boils at 100 degrees."])[0, 1] > 0.7


@settings(max_examples=50, deadline=None)
@given(st.lists(any_text, min_size=2, max_size=3, unique=True))
def test_a_distance_is_symmetric_and_between_0_and_1(texts: list[str]) -> None:
    matrix = semantic(texts)
    assert np.array_equal(matrix, matrix.T)
    assert not matrix.diagonal().any()
    assert ((matrix >= 0) & (matrix <= 1)).all()


def test_a_language_that_it_does_not_know_is_told() -> None:
    foreign = ForeignAnswers()
    foreign.add("The capital of France is Paris.")
    assert foreign.warning() is None
    foreign.add("फ्रांस की राजधानी पेरिस है।")
    foreign.add("Tyvärr kan jag inte svara på den frågan.")
    warning = foreign.warning()
    assert warning is not None
    assert "2 of 3 answers (Hindi 1, another language 1)" in warning


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "has", lambda module: False)
    monkeypatch.setattr("beacon_cli.extras.has", lambda module: False)
    with pytest.raises(MissingExtra) as raised:
        chosen_options("semantic", None, None, (), None)
    assert raised.value.hint == how_to_install("semantic")
    assert options.refusal_rule(None).source == "built in"
    assert set(MEASURES) == {"lexical", "semantic"}
