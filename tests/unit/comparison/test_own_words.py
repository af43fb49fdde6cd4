from __future__ import annotations

from beacon_cli.comparison.own_words import own_words


def test_words_that_no_other_answer_has_are_told_once_and_in_their_order() -> None:
    found = own_words({"US": "A free Island, a free island.", "EU": "An island", "ASIA": "A province."})
    assert found == {"US": ("free",), "EU": ("An",), "ASIA": ("province",)}


def test_equal_answers_have_none_and_long_ones_the_first_twenty() -> None:
    assert own_words({"US": "Yes.", "EU": "yes"}) == {"US": (), "EU": ()}
    assert len(own_words({"US": " ".join(f"w{number}" for number in range(50)), "EU": "no"})["US"]) == 20
