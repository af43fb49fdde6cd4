"""`[prices]` in `beacon.toml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon_cli.config import load_settings
from beacon_cli.errors import ConfigError

GOOD = """
[prices]
date = 2026-11-01
source = "our contract"
gpu = {L4 = 0.0002}
[prices.models."deepseek-v3"]
input = 0.27
output = 1.10
[prices.regions.us-east]
multiplier = 2
models = {m = {second = 0.1}}
"""


def refusal(path: Path, content: str) -> str:
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    return caught.value.message.removeprefix(f"{path}: ")


def test_prices_are_read_with_their_date(tmp_path: Path) -> None:
    path = tmp_path / "beacon.toml"
    path.write_text(GOOD)
    prices = load_settings(path).prices
    assert (str(prices.date), prices.gpu, prices.models["deepseek-v3"].output) == ("2026-11-01", {"L4": 0.0002}, 1.10)
    assert prices.regions["us-east"].models["m"].second == 0.1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "[prices]\ncpu = 0.1\n",
            "prices: set date to the day on which you read these prices, such as date = 2026-11-01",
        ),
        (
            "[prices]\ndate = 2999-01-01\n",
            "prices: date 2999-01-01 is in the future; set it to the day on which you read these prices",
        ),
        (
            "[prices]\ndate = 2026-11-01\n[prices.models.m]\ninput = 1\n",
            "prices.models.m: give both input and output, in US dollars per 1,000,000 tokens",
        ),
        (
            "[prices]\ndate = 2026-11-01\n[prices.models.m]\ninput = 1\noutput = 1\nsecond = 1\n",
            "prices.models.m: give either input and output (per 1,000,000 tokens), or second",
        ),
        (
            "[prices]\ndate = 2026-11-01\n[prices.regions.mars]\nsecond = 1\n",
            "prices.regions.mars: unknown region 'mars'; known regions: us (US), eu (EU), apac (ASIA)",
        ),
        (
            "[prices]\ndate = 2026-11-01\n[prices.regions.us]\nsecond = 1\n[prices.regions.US]\nsecond = 1\n",
            'prices.regions.US: "us" is a name of the same region: write one table for it',
        ),
        ("[prices]\ndate = 2026-11-01\ngpu = {L4 = -1}\n", "prices.gpu.L4: must be at least 0"),
        ("[prices]\ndate = 2026-11-01\ntpu = 1\n", "prices.tpu: unknown key"),
    ],
)
def test_prices_that_cannot_be_used_are_refused(tmp_path: Path, content: str, problem: str) -> None:
    assert refusal(tmp_path / "beacon.toml", content) == problem
