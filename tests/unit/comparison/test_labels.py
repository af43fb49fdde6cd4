from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.comparison.corrected import LabelCount
from beacon_cli.comparison.labels import Human, name_of, read_labels, require_all_found
from beacon_cli.comparison.refusal import Label
from beacon_cli.errors import UsageError
from tests.unit.comparison.executions import execution


def test_a_name_tells_executions_apart_and_nothing_else() -> None:
    names = {name_of(execution(region=region, repeat=repeat)) for region in ("US", "EU") for repeat in range(3)}
    assert len(names) == 6
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in names)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_labels_are_read_as_spreadsheets_save_them(tmp_path: Path, separator: str) -> None:
    lines = ["id,question,answer,label", "a,q,x,refusal", "b,q,y, Answer ", "c,q,z,unclear", "d,q,w,"]
    file = tmp_path / "labels.csv"
    file.write_text("\r\n".join(lines).replace(",", separator), encoding="utf-8-sig")
    assert read_labels(file) == {"a": "refusal", "b": "answer", "c": "unclear"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,label\na,perhaps\n", "labels.csv:2: unknown label 'perhaps'"),
        (b"id,answer\na,b\n", "no column `id`, or none `label`"),
        (b"", "no column"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b'id,label\n"' + b"x" * 200_000, "cannot be read"),
    ],
)
def test_a_file_that_is_none_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        read_labels(file)
    assert message in raised.value.message


def test_labels_of_another_job_are_refused() -> None:
    with pytest.raises(UsageError, match="1 of 2 labelled answers were found in this job"):
        require_all_found(Path("labels.csv"), {"a": "refusal", "b": "answer"}, 1)


def counted(chance: random.Random, shares: dict[str, float], sensitivity: float, specificity: float) -> LabelCount:
    """Return 400 answers of each region with true shares of refusals, of which 75 hits and 75 others are labelled."""
    rows: list[tuple[str, Label, Human]] = []
    for name, share in shares.items():
        for _ in range(400):
            refuses = chance.random() < share
            hit = chance.random() < (sensitivity if refuses else 1 - specificity)
            rows.append((name, "refusal" if hit else "answer", "refusal" if refuses else "answer"))
    places = {label: [place for place, row in enumerate(rows) if row[1] == label] for label in ("refusal", "answer")}
    drawn = {place for some in places.values() for place in chance.sample(some, min(75, len(some)))}
    count = LabelCount()
    for place, (name, label, human) in enumerate(rows):
        count.add(name, label, human if place in drawn else None)
    return count


def test_a_corrected_rate_is_about_the_true_one_where_the_counted_one_is_not() -> None:
    corrected = counted(random.Random(4), {"US": 0.1, "EU": 0.5}, sensitivity=0.6, specificity=0.97).corrected()
    assert corrected.groups["EU"].rate == pytest.approx(0.5, abs=0.1)  # the rule counts 0.31
    assert corrected.groups["US"].rate == pytest.approx(0.1, abs=0.06)
    assert corrected.sensitivity == pytest.approx(0.6, abs=0.15)
    assert corrected.labels == 150


def test_the_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    chance = random.Random(9)
    covered = 0
    for _ in range(100):
        each = counted(chance, {"US": 0.1, "EU": 0.4}, sensitivity=0.7, specificity=0.97).corrected().groups["EU"]
        covered += each.low <= 0.4 <= each.high
    assert covered >= 88


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_rates_stay_between_0_and_1_whatever_was_labelled(hits: int, rest: int, a: int, b: int, c: int) -> None:
    count = LabelCount()
    for number in range(hits):
        count.add("US", "refusal", "refusal" if number < a else "answer" if number < a + b else None)
    for number in range(rest):
        count.add("US", "answer", "answer" if number < b else "unclear" if number < b + c else None)
    for each in count.corrected().groups.values():
        assert 0 <= each.low <= each.high <= 1
        assert each.rate is None or 0 <= each.rate <= 1
