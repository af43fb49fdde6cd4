"""Hostile text becomes printable, and talk never stops a run."""

from __future__ import annotations

import io
import sys

import pytest
from rich.cells import cell_len

from beacon_cli.console.printable import excerpt, printable
from beacon_cli.console.terminal import TextStream, can_redraw, console_on


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202eb\u2066c\u200bd", "a\\u202eb\\u2066c\\u200bd"),
        ("\ud800", "\\ud800"),
        ("\x00\r\x7f", "\\x00\\r\\x7f"),
        ("one\ntwo\tthree", "one\ntwo    three"),
        ("élève 北京 🙂", "élève 北京 🙂"),
    ],
)
def test_what_could_steer_a_terminal_is_made_visible(hostile: str, shown: str) -> None:
    assert printable(hostile) == shown


@pytest.mark.parametrize(
    "text",
    [
        "نمی\u200cتوانم بگویم",  # Persian
        "مِ\u200cخواهم",  # with a vowel sign before the non-joiner
        "می\u200cدانم \U0001f468\u200d\U0001f469\u200d\U0001f467",  # and a family
        "क्\u200dष क्\u200cष",  # Devanagari
        "ශ්\u200dරී ලංකා",  # Sinhala
        "র\u200d্যাব",  # Bengali: ra, then ya-phalaa
        "ന്\u200d",  # Malayalam: a chillu at the end of a word
        "ಸಾಫ್ಟ್\u200cವೇರ್",  # Kannada
        "\u2764\ufe0f\u200d\U0001f525 \U0001f469\U0001f3fd\u200d\U0001f4bb \U0001f3f3\ufe0f\u200d\U0001f308",
    ],
)
def test_joiners_stay_where_a_script_or_an_emoji_needs_them(text: str) -> None:
    assert printable(text) == text
    assert excerpt(text) == text


@pytest.mark.parametrize("mark", ["\u200c", "\u200d"])
@pytest.mark.parametrize(
    "around", ["{}", "a{}b", "{}نم", "نم{}", "م{}a", "م{0}{0}ن", "क{}ष", "1{}2", "\U0001f468{}", "北{}京"]
)
def test_joiners_are_made_visible_elsewhere(mark: str, around: str) -> None:
    escape = mark.encode("unicode_escape").decode()
    assert printable(around.format(mark)) == around.format(escape)


def test_a_family_is_as_wide_as_one_emoji() -> None:
    assert cell_len(printable("\U0001f468\u200d\U0001f469\u200d\U0001f467")) == 2


def test_an_excerpt_does_not_end_in_a_joiner() -> None:
    assert excerpt("م\u200cن" * 9, 3) == "م…"


def test_an_excerpt_is_one_line_of_a_given_length() -> None:
    assert excerpt("\n" * 5000 + "one\ntwo\u2028three", 20) == "one two three"
    assert excerpt("x" * 100, 10) == "x" * 9 + "…"


def test_markup_is_printed_literally_by_every_console() -> None:
    stream = io.StringIO()
    console_on(stream).print("[bold]x[/bold] [/foo] :smile:")
    assert stream.getvalue() == "[bold]x[/bold] [/foo] :smile:\n"


def test_talk_escapes_what_the_encoding_lacks() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1", errors="strict")
    TextStream(stream).write("é 北\n")
    assert raw.getvalue() == b"\xe9 \\u5317\n"


def test_talk_outlives_a_closed_stream_and_no_stream_at_all() -> None:
    stream = io.StringIO()
    stream.close()
    TextStream(stream).write("lost")
    TextStream(None).write("lost")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "redraws"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm", "CI": "false"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True),
        ({"TERM": "xterm", "CI": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_a_view_is_redrawn_on_a_capable_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], redraws: bool
) -> None:
    for name in ("TERM", "CI", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert can_redraw(Terminal()) is redraws
    assert can_redraw(io.StringIO()) is False


def test_a_closed_stderr_cannot_be_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert can_redraw() is False
