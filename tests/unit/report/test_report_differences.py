"""Which words are marked: those that the other answer does not have, in its order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.report.differences import pieces, shared_words

TEXTS = st.text(alphabet=st.sampled_from("ab c.'中文\n\x1bß"), max_size=40)


def own(reference: str, text: str) -> list[str]:
    shared = shared_words(reference, text)
    return [piece.text for piece in pieces(text, shared.text) if piece.own]


def test_words_that_the_reference_lacks_are_marked_neighbours_together() -> None:
    assert own("The cat sat on the mat.", "The big grey cat sat there.") == ["big grey", "there"]


def test_the_reference_is_marked_where_the_other_lacks_its_words() -> None:
    shared = shared_words("The cat sat on the mat.", "The big grey cat sat there.")
    marked = [piece.text for piece in pieces("The cat sat on the mat.", shared.reference) if piece.own]
    assert marked == ["on the mat"]


def test_case_and_punctuation_do_not_count() -> None:
    assert own("Paris, of course.", "paris of COURSE") == []
    assert shared_words("Paris, of course.", "paris of COURSE").share == 1.0


def test_a_script_without_spaces_is_marked_by_the_character() -> None:
    assert own("我不知道", "我知道了") == ["了"]


def test_joiners_stay_inside_the_words_and_emoji_that_they_join() -> None:
    family, couple = (
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f468",
    )
    assert own("بگویم", f"نمی\u200cتوانم بگویم {family}") == ["نمی\u200cتوانم", family]
    assert own(f"yes {family}", f"yes {couple}") == [couple]


def test_texts_without_words_share_all_of_them() -> None:
    assert shared_words("", "…").share == 1.0
    assert pieces("", ()) == ()


def test_the_share_is_that_of_both_texts() -> None:
    assert shared_words("one two three", "one").share == 0.5


@given(TEXTS, TEXTS)
def test_the_pieces_are_the_text_and_the_unmarked_words_are_the_same_in_both(reference: str, text: str) -> None:
    shared = shared_words(reference, text)
    assert "".join(piece.text for piece in pieces(text, shared.text)) == text
    assert "".join(piece.text for piece in pieces(reference, shared.reference)) == reference
    assert len(shared.text) == len(shared.reference)
