"""How long is waited between tries."""

from __future__ import annotations

from itertools import islice

from beacon_cli.pauses import pauses


def test_pauses_grow_up_to_the_longest_and_never_end() -> None:
    assert list(islice(pauses(0.5, growth=2.0, longest=3.0), 5)) == [0.5, 1.0, 2.0, 3.0, 3.0]
