from __future__ import annotations

import shlex
import sys

import pytest

from beacon_cli.comparison import scorer
from beacon_cli.comparison.scorer import Scorer, Scores
from beacon_cli.errors import EnvironmentFault, UsageError
from tests.unit.comparison.executions import execution


def command(program: str) -> str:
    return shlex.join([sys.executable, "-c", program])


EACH = "import sys, json\nfor line in sys.stdin:\n    asked = json.loads(line)\n    "


def scored(program: str, answers: int = 4) -> Scores:
    chosen = Scorer(command(program))
    for number in range(answers):
        chosen.add(execution(response="word " * (number + 1), repeat=number), "US" if number < answers / 2 else "EU")
    return chosen.scores()


def test_labels_become_shares_by_region() -> None:
    found = scored(EACH + "print(json.dumps('long' if len(asked['answer']) > 12 else 'short'))")
    assert {
        name: {label: share.count for label, share in (each.labels or {}).items()}
        for name, each in found.groups.items()
    } == {
        "US": {"long": 0, "short": 2},
        "EU": {"long": 2, "short": 0},
    }


def test_numbers_become_means_with_intervals_and_null_is_left_out() -> None:
    found = scored(EACH + "print(len(asked['answer'].split()) if asked['id'] else 'null')")
    us, eu = found.groups["US"], found.groups["EU"]
    assert (us.answers, us.unscored, us.mean, us.low) == (2, 1, 2.0, None)
    assert eu.mean == 3.5
    assert eu.low is not None
    assert eu.low < 3.5 < (eu.high or 0)


def test_a_label_may_be_printed_as_it_is_and_nothing_in_it_reaches_the_terminal() -> None:
    found = scored(EACH + r"print('\x1b[31mbad\x07')")
    assert list(found.groups["US"].labels or ()) == [r"\x1b[31mbad\x07"]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "import sys; print('x'); sys.exit('no model: give KEY')",
            "ended with exit code 1 after 1 answer: no model: give KEY",
        ),
        ("print('x')", "answer 2 of 4: '' is neither a label nor a number"),
        (EACH + "print('x' * 70)", "answer 1 of 4"),
        (EACH + "print('x' * 20000)", "printed a line of over 10000 bytes, after 0 answers"),
        (EACH + "print('NaN')", "answer 1 of 4: 'NaN' is neither"),
        (EACH + "print('[' * 9000)", "answer 1 of 4"),
        (EACH + "print('1' * 4000)", "answer 1 of 4"),
        (EACH + "print(asked['id'] if asked['id'] else 'x')", "printed both labels and numbers"),
        (EACH + "print('x'); print('y')", "printed more lines than there are answers"),
        (EACH + "print('l', asked['id'])", "printed 30 different labels"),
    ],
)
def test_a_scorer_that_does_not_do_its_work_is_explained(program: str, message: str) -> None:
    with pytest.raises(EnvironmentFault) as raised:
        scored(program, 30 if "different" in message else 4)
    assert message in raised.value.message


def test_a_scorer_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer, "SECONDS", 0.3)
    with pytest.raises(EnvironmentFault, match=r"printed nothing for 0\.3 s, after 0 answers"):
        scored("import time; time.sleep(60)")


def test_a_scorer_that_complains_without_end_is_read() -> None:
    assert scored(EACH + "sys.stderr.write('x' * 100000); print('1')").groups["US"].mean == 1


def test_a_scorer_gets_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON_DATABASE_URL", "postgresql://u:secret@h/d")
    found = scored("import os\n" + EACH + "print(sum(name.startswith('BEACON_') for name in os.environ))")
    assert found.groups["US"].mean == 0


@pytest.mark.parametrize(
    ("line", "message"), [("'", "not a command line"), ("", "no program ''"), ("no-such-program-x", "no program")]
)
def test_a_scorer_that_is_not_there_is_a_wrong_usage(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Scorer(line)
