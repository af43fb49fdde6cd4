"""Which price holds where, and what is said where there is none."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.job.lanes import Lane
from beacon_cli.prices.book import PriceBook, lane_kind
from beacon_cli.prices.price import FREE, Price, Unpriced, Usage
from beacon_cli.prices.rates import Rates, count_of, kind_of, table
from beacon_cli.prices.workspace_rates import WorkspaceRates, keep_rates, kept_rates
from beacon_cli.settings import Settings
from tests.support.vocabulary import REGIONS

US, EU = REGIONS["us"], REGIONS["eu"]
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "costs.md"
# Of a container with 1 core and 4 GiB.
BESIDE = 0.0000131 + 4 * 0.00000222


def settings(folder: Path, **values: Any) -> Settings:
    return Settings.model_validate({"data_dir": folder, **values})


def price(found: Price | Unpriced) -> Price:
    assert isinstance(found, Price), found
    return found


def test_a_container_costs_its_gpu_its_core_and_its_memory_times_the_factor_of_a_broad_region(tmp_path: Path) -> None:
    found = price(PriceBook(settings(tmp_path)).of("modal", "llama3.2-1b", US))
    assert found.per_second == pytest.approx((0.000164 + BESIDE) * 1.5)
    assert found.basis == "T4 with 1 core and 4 GiB, $0.000186 a second, × 1.5 for the region"
    assert found.sources == (
        "modal.com/pricing, 2026-09-19",
        "modal.com/pricing, 2026-09-27",
        "modal.com/docs/guide/region-selection, 2026-11-26",
    )


def test_a_narrow_region_costs_more_and_no_region_costs_the_base_price(tmp_path: Path) -> None:
    own = {"narrow": {"modal_region": "us-west"}, "none": {"label": "NONE"}}
    book = PriceBook(known := settings(tmp_path, regions=own))
    regions = known.vocabulary.regions
    base = price(book.of("modal", "llama3.2-1b", regions["none"])).per_second
    assert base == pytest.approx(0.000164 + BESIDE)
    assert price(book.of("modal", "llama3.2-1b", regions["narrow"])).per_second == pytest.approx(base * 1.75)


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("T4", "T4", 1),
        ("Tesla T4", "T4", 1),
        ("NVIDIA L4", "L4", 1),
        ("NVIDIA L40S", "L40S", 1),
        ("A10:2", "A10", 2),
        ("NVIDIA A10G", "A10", 1),
        ("A100", "A100-40GB", 1),
        ("NVIDIA A100-SXM4-80GB", "A100-80GB", 1),
        ("NVIDIA A100 80GB PCIe", "A100-80GB", 1),
        ("H100!:8", "H100", 8),
        ("NVIDIA H100 80GB HBM3", "H100", 1),
        ("B200+", "B200", 1),
        ("NVIDIA RTX PRO 6000 Blackwell", "RTX-PRO-6000", 1),
        ("Potato 9", "POTATO", 1),
    ],
)
def test_a_gpu_is_recognised_by_its_name_at_modal_and_by_its_own(name: str, kind: str, count: int) -> None:
    assert (kind_of(name), count_of(name)) == (kind, count)


def test_what_answered_is_priced_and_several_gpus_of_the_kind_that_was_asked_for(tmp_path: Path) -> None:
    book = PriceBook(settings(tmp_path, models={"big": {"gpu": "A10:2"}}))
    assert price(book.of("modal", "big", US, "NVIDIA A10G")).basis.startswith("A10:2 with")
    assert price(book.of("modal", "big", US, "NVIDIA L4")).basis.startswith("NVIDIA L4 with")


def test_a_price_that_is_not_known_says_why_and_what_to_set(tmp_path: Path) -> None:
    book = PriceBook(settings(tmp_path, models={"m": {"source": "x"}}))
    assert book.of("modal", "m", US) == Unpriced("its GPU is not known", 'set models."m".gpu in beacon.toml')
    assert book.of("modal", "m", US, "Potato 9") == Unpriced(
        "no price of the GPU POTATO is known", 'set prices.gpu."POTATO" in beacon.toml'
    )
    assert book.of("modal", "m", None, "T4") == Unpriced(
        "its region is not known here", "add the region to beacon.toml"
    )
    tokens, elsewhere = book.of("openai", "m", US), book.of("other", "m", US)
    assert isinstance(tokens, Unpriced)
    assert isinstance(elsewhere, Unpriced)
    assert tokens.why == "no price of its tokens is known"
    assert 'prices.models."m" = {input' in tokens.hint
    assert "prices.regions.us.second" in elsewhere.hint


def test_the_nearest_price_wins_and_this_machine_is_always_free(tmp_path: Path) -> None:
    given = {
        "date": date(2026, 11, 1),
        "source": "our contract",
        "models": {"m": {"input": 1, "output": 2}},
        "regions": {
            "US": {"second": 0.5, "models": {"m": {"input": 3, "output": 4}}},
            "EU": {"second": 0.25},
        },
    }
    book = PriceBook(settings(tmp_path, prices=given))
    used = Usage(seconds=2, input_tokens=1_000_000, output_tokens=500_000)
    assert price(book.of("openai", "m", US)).of(used) == pytest.approx(3 + 2)
    assert price(book.of("openai", "m", EU)).of(used) == pytest.approx(1 + 1)
    assert price(book.of("modal", "other", EU, "T4")).of(used) == pytest.approx(0.5)
    asia = REGIONS["apac"]
    assert price(book.of("openai", "m", asia)).per_second == 0
    assert price(book.of("modal", "m", asia, "T4")).per_second > 0
    assert price(book.of("openai", "m", EU)).sources == ("our contract, 2026-11-01",)
    assert book.of("local", "m", US) is FREE


def test_prices_of_beacon_toml_win_over_the_workspaces_rates_and_those_over_the_table(tmp_path: Path) -> None:
    said = {"gpu_hour_cost_t4": "0.36", "gpu_hour_cost_a10g": "3.6", "cpu_hour_cost": "0", "mem_gib_hour_cost": "0"}
    known = settings(tmp_path)
    keep_rates(known, WorkspaceRates("acme", "2026-11-20", said))
    first = price(PriceBook(known).of("modal", "llama3.2-1b", US))
    assert first.per_second == pytest.approx(0.0001 * 1.5)
    assert first.sources[0] == "the rates of workspace acme, 2026-11-20"
    assert price(PriceBook(known).of("modal", "x", US, "NVIDIA A10G")).per_second == pytest.approx(0.001 * 1.5)
    assert price(PriceBook(known).of("modal", "x", US, "L4")).per_second == pytest.approx(0.000222 * 1.5)
    own = {"date": date(2026, 11, 1), "gpu": {"T4": 0.001}, "regions": {"us": {"multiplier": 1.0}}}
    second = price(PriceBook(settings(tmp_path, prices=own)).of("modal", "llama3.2-1b", US))
    assert second.per_second == pytest.approx(0.001)
    assert second.sources[0] == "beacon.toml, 2026-11-01"


def test_rates_of_another_workspace_and_what_is_no_rate_are_not_used(tmp_path: Path) -> None:
    keep_rates(settings(tmp_path), WorkspaceRates("acme", "2026-11-20", {"gpu_hour_cost_t4": "0.36"}))
    assert kept_rates(settings(tmp_path)) is not None
    assert kept_rates(settings(tmp_path, modal={"workspace": "another"})) is None
    for content in ("", "[]", '{"version": 1}', '{"version": 9, "workspace": "a", "date": "d", "per_hour": {}}'):
        (tmp_path / "modal_rates.json").write_text(content)
        assert kept_rates(settings(tmp_path)) is None
    bad = '{"version": 1, "workspace": "a", "date": "d", "per_hour": {"gpu_hour_cost_t4": "NaN"}}'
    (tmp_path / "modal_rates.json").write_text(bad)
    assert kept_rates(settings(tmp_path)) is None


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://acme--project-beacon-hf-us-inference.modal.run", "modal"),
        ("http://127.0.0.1:8701/inference", "local"),
        ("https://beacon.example.org/inference", "other"),
    ],
)
def test_who_answers_follows_from_the_url(url: str, kind: str) -> None:
    lane = Lane("m", US)
    assert lane_kind(lane, {"us": Endpoint(US, url, "")}, local=False) == kind
    assert lane_kind(lane, {}, local=True) == "local"
    openai = Endpoint(US, url, "", api="openai")
    assert lane_kind(lane, {"us": openai}, local=False) == "openai"


def test_the_documentation_has_the_table() -> None:
    rows = re.findall(r"^\| (.+) \| ([0-9.]+) \| (\d{4}-\d\d-\d\d) \|$", PAGE.read_text(), re.MULTILINE)
    known = table()
    listed = {**known.gpu, "a physical core": known.other["cpu"], "a GiB of memory": known.other["memory"]}
    assert [(name, float(value), day) for name, value, day in rows] == [
        (name, quoted.value, quoted.source.split(", ")[-1]) for name, quoted in listed.items()
    ]
    assert (known.other["broad"].value, known.other["narrow"].value, known.cores, known.memory_gib) == (1.5, 1.75, 1, 4)


def test_rates_that_are_missing_are_taken_from_others() -> None:
    assert Rates(cores=2).over(table()).cores == 2
    assert Rates().over(table()).memory_gib == 4
