from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from beacon_cli.signals import ENDING, Interrupted, held, ignore_signals, raise_on_signals


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {signum: signal.getsignal(signum) for signum in ENDING}
    raise_on_signals()
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_raises_with_the_shells_code(signum: int, code: int) -> None:
    with pytest.raises(Interrupted) as caught:
        signal.raise_signal(signum)
    assert caught.value.exit_code == code


def test_what_is_held_is_raised_when_the_block_was_left_in_order() -> None:
    done = []

    def main() -> None:
        with held():
            signal.raise_signal(signal.SIGTERM)
            done.append("the rest of the block")

    with pytest.raises(Interrupted):
        main()
    assert done == ["the rest of the block"]


def test_an_inner_block_hands_on_to_the_outer_one() -> None:
    done = []

    def main() -> None:
        with held():
            with held():
                signal.raise_signal(signal.SIGTERM)
            done.append("the rest of the outer block")

    with pytest.raises(Interrupted):
        main()
    assert done == ["the rest of the outer block"]


def test_signals_are_delivered_to_an_event_loop_also_those_that_came_before() -> None:
    told: list[int] = []

    async def main() -> None:
        with signals.delivered_to(told.append):
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0.01)

    with held() as signals:
        signal.raise_signal(signal.SIGTERM)
        asyncio.run(main())
    assert told == [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("signum", ENDING)
def test_once_the_answer_is_given_a_signal_changes_nothing(signum: int) -> None:
    ignore_signals()
    signal.raise_signal(signum)
    assert signal.getsignal(signum) is signal.SIG_IGN  # what Python leaves alone while it ends


@pytest.mark.parametrize("signum", ENDING)
def test_a_signal_that_was_ignored_from_the_start_stays_ignored(signum: int) -> None:
    signal.signal(signum, signal.SIG_IGN)
    raise_on_signals()
    signal.raise_signal(signum)
    assert signal.getsignal(signum) is signal.SIG_IGN
