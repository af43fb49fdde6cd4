"""Where a thought ends and the answer begins."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.executor.thoughts import answer_text, split_thought

MARKS = st.sampled_from(["<think>", "</think>", "<THINK>", "</thinking>", "<reasoning>", "\n", " ", "x", "ก", "👨‍👩‍👧"])


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("Paris.", None, "Paris."),
        ("", None, ""),
        (" \n", None, " \n"),
        ("<think>\nEasy.\n</think>\nParis.", "Easy.", "Paris."),
        ("<think>Easy.</think>Paris.", "Easy.", "Paris."),
        ("\n <THINK>Easy.</Think> Paris. ", "Easy.", "Paris. "),
        ("<thinking>a</thinking>b", "a", "b"),
        ("<thought>a</thought>b", "a", "b"),
        ("<reasoning>a</reasoning>b", "a", "b"),
        ("<think>\n\n</think>\n\nParis.", None, "Paris."),
        ("<think></think>", None, ""),
        # the thought never ends
        ("<think>\nI wonder", "I wonder", ""),
        ("<think>", None, ""),
        ("<think>a</thinking>", "a</thinking>", ""),
        # the chat template wrote the opening mark
        ("Easy.\n</think>\n\nParis.", "Easy.", "Paris."),
        ("</think>\nParis.", None, "Paris."),
        # several, and nested ones
        ("<think>a</think><think>b</think>c", "a\n\nb", "c"),
        ("<think>a</think>\n<thinking>b</thinking>\nc", "a\n\nb", "c"),
        ("<think>\na\n</think>\nb\n</think>\nc", "a\n\nb", "c"),
        ("<think>\n<think>\na\n</think>\n</think>\nb", "<think>\na", "b"),
        ("<think>about the <think> mark</think>It opens a thought.", "about the <think> mark", "It opens a thought."),
        # an answer about marks
        ("Models write <think>…</think> first.", None, "Models write <think>…</think> first."),
        ("Models end thoughts with </think>.", None, "Models end thoughts with </think>."),
        ("Write:\n<think>\na\n</think>\nb", None, "Write:\n<think>\na\n</think>\nb"),
        ("`<think>` is a mark.\n</think>\n", None, "`<think>` is a mark.\n</think>\n"),
        ("<p>A <b>thinking</b> cap</p>", None, "<p>A <b>thinking</b> cap</p>"),
        ("<thinker>a</thinker>", None, "<thinker>a</thinker>"),
        ("<think>a</think>Write <think>b</think> first.", "a", "Write <think>b</think> first."),
        ("<think>a</think>Write:\n<think>\nb\n</think>", "a", "Write:\n<think>\nb\n</think>"),
        # any script
        ("<think>\nคิด\n</think>\nกรุงเทพ", "คิด", "กรุงเทพ"),
        ("<think>فکر</think>\u200fتهران 👨‍👩‍👧", "فکر", "\u200fتهران 👨‍👩‍👧"),
        ("\u3000<think>思考</think>東京", "思考", "東京"),
    ],
)
def test_a_thought_at_the_beginning_is_split_from_the_answer(text: str, thought: str | None, answer: str) -> None:
    assert split_thought(text) == (thought, answer)
    assert answer_text(text) == answer


def test_no_response_has_no_answer() -> None:
    assert answer_text(None) == ""


@given(st.lists(MARKS, max_size=30).map("".join))
def test_an_answer_is_the_end_of_its_text_and_a_thought_is_never_blank(text: str) -> None:
    thought, answer = split_thought(text)
    assert text.endswith(answer)
    assert thought is None or thought.strip()


@pytest.mark.parametrize("text", ["<think></think>" * 300_000, "\n" * 4_000_000, "</think>x\n" * 400_000])
def test_eight_megabytes_of_marks_are_split_in_a_moment(text: str) -> None:
    began = time.process_time()
    split_thought(text)
    assert time.process_time() - began < 5
