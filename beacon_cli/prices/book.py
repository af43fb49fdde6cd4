"""Which price holds for a lane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from urllib.parse import urlsplit

from beacon_cli.console.printable import excerpt
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.job.lanes import Lane
from beacon_cli.network.proxies import DIRECT_HOSTS
from beacon_cli.price_settings import UsagePrices
from beacon_cli.prices.price import FREE, Kind, Price, Unpriced
from beacon_cli.prices.rates import Quoted, Rates, configured, count_of, kind_of, source_of, table
from beacon_cli.settings import Settings
from modal_deployment.regions import Region

_MILLION = 1_000_000
_MODAL_HOST = ".modal.run"


class PriceBook:
    """The prices that hold here: `[prices]` of `beacon.toml`, the rates of the workspace as they were read last, the
    table that comes with Beacon."""

    def __init__(self, settings: Settings) -> None:
        regions = settings.vocabulary.regions
        self._settings = settings
        self._prices = settings.prices
        self._by_region = {regions.named(name).id: prices for name, prices in settings.prices.regions.items()}
        self._models = settings.vocabulary.models
        self._found: dict[tuple[Kind, str, Region | None, str | None], Price | Unpriced] = {}

    @cached_property
    def _rates(self) -> Rates:
        """What Modal's containers cost: read only where one answers."""
        from beacon_cli.prices.workspace_rates import kept_rates

        workspace = kept_rates(self._settings)
        known = table() if workspace is None else workspace.rates().over(table())
        return configured(self._prices).over(known)

    def of(self, kind: Kind, model_id: str, region: Region | None, gpu: str | None = None) -> Price | Unpriced:
        """Return what calls to a model cost in a region; `gpu` is what answered, if that is known."""
        key = (kind, model_id, region, gpu)
        if key not in self._found:
            self._found[key] = self._look_up(*key)
        return self._found[key]

    def _look_up(self, kind: Kind, model_id: str, region: Region | None, gpu: str | None) -> Price | Unpriced:
        if kind == "local":
            return FREE
        if (given := self._given(kind, model_id, region)) is not None:
            return given
        name = f'"{excerpt(model_id, 60)}"'
        if kind == "openai":
            hint = f"set prices.models.{name} = {{input = …, output = …}} in beacon.toml, in US dollars per 1M tokens"
            return Unpriced("no price of its tokens is known", hint)
        if kind == "modal":
            return self._on_modal(model_id, region, gpu)
        place = region.id if region else "ID"
        return Unpriced(
            "it is not known what its server costs",
            f"set prices.regions.{place}.second in beacon.toml: US dollars per second of an answer, 0 for your own",
        )

    def _given(self, kind: Kind, model_id: str, region: Region | None) -> Price | None:
        """Return the price that `[prices]` has: of the model in the region, else of the model, else of the region.

        A model's price is that of providers who sell its tokens, and not of a GPU on Modal that has it, too.
        """
        of_region = self._by_region.get(region.id) if region else None
        candidates = (
            of_region.models.get(model_id) if of_region else None,
            self._prices.models.get(model_id) if kind != "modal" else None,
            of_region,
        )
        found = next((prices for prices in candidates if prices is not None and prices.is_given), None)
        return None if found is None else _of_usage(found, source_of(self._prices))

    def _on_modal(self, model_id: str, region: Region | None, gpu: str | None) -> Price | Unpriced:
        requested = self._models[model_id].gpu if model_id in self._models else None
        if gpu is None or (requested is not None and kind_of(gpu) == kind_of(requested)):
            gpu = requested or gpu
        if gpu is None:
            return Unpriced("its GPU is not known", f'set models."{excerpt(model_id, 60)}".gpu in beacon.toml')
        rate = self._rates.gpu.get(kind_of(gpu))
        if rate is None:
            kind = excerpt(kind_of(gpu), 40)
            return Unpriced(f"no price of the GPU {kind} is known", f'set prices.gpu."{kind}" in beacon.toml')
        if region is None:
            return Unpriced("its region is not known here", "add the region to beacon.toml")
        return _of_container(self._rates, excerpt(gpu, 40), rate, self._factor(region))

    def _factor(self, region: Region) -> Quoted | None:
        """Return what Modal multiplies its prices by in a region, None where an app is bound to none."""
        own = self._by_region.get(region.id)
        if own is not None and own.multiplier is not None:
            return Quoted(own.multiplier, source_of(self._prices))
        if region.modal_region is None:
            return None
        return self._rates.other["narrow" if "-" in region.modal_region else "broad"]


def lane_prices(
    book: PriceBook, lanes: Iterable[Lane], endpoints: Mapping[str, Endpoint], *, local: bool
) -> dict[Lane, Price | Unpriced]:
    """Return the price of each lane at its endpoint; `local`: on servers that the run starts itself."""
    return {lane: book.of(lane_kind(lane, endpoints, local=local), lane.model_id, lane.region) for lane in lanes}


def lane_kind(lane: Lane, endpoints: Mapping[str, Endpoint], *, local: bool) -> Kind:
    """Return who answers a lane. A server of Beacon's own at a loopback address is one of this machine."""
    if local:
        return "local"
    endpoint = endpoints[lane.region.id].of(lane.model_id)
    if endpoint.api != "beacon":
        return "openai"
    host = urlsplit(endpoint.inference_url).hostname or ""
    if host in {name.strip("[]") for name in DIRECT_HOSTS}:
        return "local"
    return "modal" if host.endswith(_MODAL_HOST) else "other"


def _of_usage(prices: UsagePrices, source: str) -> Price:
    if prices.second is not None:
        return Price(per_second=prices.second, basis=f"${prices.second:g} a second", sources=(source,))
    given, made = prices.input or 0.0, prices.output or 0.0
    return Price(
        per_input=given / _MILLION,
        per_output=made / _MILLION,
        basis=f"${given:g} per 1M tokens of input, ${made:g} of output",
        sources=(source,),
    )


def _of_container(rates: Rates, gpu: str, rate: Quoted, factor: Quoted | None) -> Price:
    cores, memory = rates.cores or 0.0, rates.memory_gib or 0.0
    cpu, gib = rates.other["cpu"], rates.other["memory"]
    second = rate.value * count_of(gpu) + cpu.value * cores + gib.value * memory
    price = Price(
        per_second=second,
        basis=f"{gpu} with {cores:g} core{'' if cores == 1 else 's'} and {memory:g} GiB, ${second:.3g} a second",
        sources=tuple(dict.fromkeys((rate.source, cpu.source, gib.source))),
    )
    if factor is None:
        return price
    return replace(
        price,
        per_second=second * factor.value,
        basis=f"{price.basis}, × {factor.value:g} for the region",
        sources=tuple(dict.fromkeys((*price.sources, factor.source))),
    )
