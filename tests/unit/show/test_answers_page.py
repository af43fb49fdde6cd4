"""Answers side by side, or one below the other."""

from __future__ import annotations

import io
from typing import Any

from rich.cells import cell_len

from beacon_cli.console.terminal import console_on
from beacon_cli.records.stored_answer import StoredExecution
from beacon_cli.show.page import print_answers
from tests.support.stored_answers import stored
from tests.support.vocabulary import REGIONS


def page(*executions: StoredExecution, width: int = 120, **options: Any) -> str:
    stream = io.StringIO()
    console = console_on(stream)
    console.width = width
    print_answers(executions, console, regions=REGIONS, **options)
    return stream.getvalue()


def regions(**texts: str) -> list[StoredExecution]:
    return [stored(region=region, response=text) for region, text in texts.items()]


def test_regions_stand_side_by_side_where_there_is_room() -> None:
    words = "{:4}{:37}  {:37}  {}\n"
    assert page(*regions(US="Yes.", EU="No.", ASIA="Perhaps.")) == (
        "q\n  Why?\n\n  m\n" + words.format("", "US", "EU", "ASIA") + words.format("", "Yes.", "No.", "Perhaps.") + "\n"
    )


def test_they_stand_one_below_the_other_in_a_narrow_terminal() -> None:
    assert page(*regions(US="Yes.", EU="No.", ASIA="Perhaps, " * 5), width=40) == (
        "q\n  Why?\n\n  m\n    US    Yes.\n    EU    No.\n"
        "    ASIA  Perhaps, Perhaps, Perhaps,\n          Perhaps, Perhaps,\n\n"
    )


def test_what_all_regions_say_alike_is_told_once() -> None:
    assert "    all regions  Yes.\n" in page(*regions(US="Yes.", EU="Yes.", ASIA="Yes."))
    assert "    all regions  Yes.\n" in page(*regions(US="Yes.", EU="Yes."), width=40)
    assert "all regions" not in page(*regions(US="Yes."))


def test_repeats_are_numbered() -> None:
    cells = [(region, repeat) for region in ("US", "EU") for repeat in (0, 1)]
    answers = [stored(region=region, repeat=repeat, response=f"{region} {repeat}") for region, repeat in cells]
    lines = page(*answers, width=100).splitlines()
    shown = [" ".join(line.split()) for line in lines[4:7]]
    assert shown == ["US EU", "#1 US 0 EU 0", "#2 US 1 EU 1"]
    assert "    US #2  US 1\n" in page(*answers, width=60)


def test_repeats_that_are_all_alike_are_told_once() -> None:
    answers = [stored(region=region, repeat=repeat) for region in ("US", "EU") for repeat in range(3)]
    assert "    all regions, all 3 repeats  Because.\n" in page(*answers)


def test_a_failure_is_shown_by_its_code_and_message() -> None:
    failed = stored(region="EU", status="timeout", response=None, error_code="answer_timeout", error_message="too slow")
    shown = page(stored(), failed, stored(region="ASIA", status="empty", response=""))
    assert "timeout: answer_timeout: too slow" in shown
    assert "(empty)" in shown


def test_a_long_thought_is_shown_in_brief_and_the_answer_in_full() -> None:
    words = stored(response="<think>\n" + "hm " * 200 + "\n</think>\n" + "yes " * 100)
    lines = page(words, width=60).splitlines()
    told = [place for place, line in enumerate(lines) if "hm" in line]
    assert (len(told), lines[told[-1] + 1].strip(), "(thought) hm" in lines[told[0]]) == (3, "…", True)
    assert sum(line.count("yes") for line in lines) == 100
    assert "think>" not in "\n".join(lines)


def test_answers_that_are_alike_but_for_their_thoughts_are_not_told_as_one() -> None:
    answers = [stored(region=region, thought=f"{region}?", response="Yes.") for region in ("US", "EU")]
    assert "all regions" not in page(*answers)


def test_a_blocked_answer_has_its_reason_and_what_came_of_the_text() -> None:
    shown = page(stored(status="blocked", response="Once", error_code="content_filtered", finish_reason="length"))
    assert "(blocked: content_filtered: the provider's content filter refused the prompt, or the answer)" in shown
    assert "Once" in shown
    assert "(cut off at max_tokens)" in shown


def test_a_cell_that_only_some_repeats_have_is_shown_as_missing() -> None:
    shown = page(stored(), stored(repeat=1), stored(region="EU"))
    assert "(never ran)" in shown


def test_a_region_that_has_no_answer_has_its_place_and_is_not_among_all() -> None:
    answers = regions(ASIA="Yes.", US="Yes.")
    lines = page(*answers, asked={"m": [("EU", 0), ("ASIA", 0), ("US", 0)]}).splitlines()
    assert [" ".join(line.split()) for line in lines[4:6]] == ["US EU ASIA", "Yes. (never ran) Yes."]


def test_two_rows_of_a_cell_are_both_shown() -> None:
    shown = page(stored(response="first"), stored(response="second"), stored(region="EU"))
    assert "first" in shown
    assert "second" in shown


def test_long_answers_are_whole_or_their_beginning() -> None:
    long = stored(response="\n".join(f"line {number}" for number in range(20)))
    assert "line 19" in page(long)
    brief = page(long, full=False)
    assert "line 4" in brief
    assert "line 5" not in brief
    assert "…" in brief


def test_hostile_texts_are_made_visible_and_no_markup_is_read() -> None:
    hostile = "\x1b]52;c;aGk=\x07[bold]x[/bold] [/foo] \u202e \x00 \ud800 :smile:"
    shown = page(stored(question_id=hostile, model_id=hostile, region=hostile, prompt=hostile, response=hostile))
    assert "[bold]x[/bold] [/foo]" in shown
    assert ":smile:" in shown
    assert not {"\x1b", "\x07", "\u202e", "\x00", "\ud800"} & set(shown)


def test_lines_are_never_wider_than_the_terminal() -> None:
    for width in (20, 60, 99, 100, 200):
        shown = page(*regions(US="word " * 60, EU="北京" * 90, ASIA="x" * 300), width=width)
        assert max(cell_len(line) for line in shown.splitlines()) <= width


def test_no_answer_is_said() -> None:
    assert page() == "no answers are stored yet\n"
