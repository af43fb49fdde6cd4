"""What two workers, one after the other, send of one job and of the fleet."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from beacon_cli.executor.events import CallEnded, Event, EventHook, ExecutionFinished
from beacon_cli.fleet.gauges import observe_fleet
from beacon_cli.fleet.worker import Worker
from beacon_cli.region_settings import RegionSettings
from beacon_cli.settings import Settings
from beacon_cli.signals import Held
from beacon_cli.telemetry.opened import open_telemetry
from tests.integration.fleet.conftest import Submit
from tests.support.collector import Collector, attributes, collector, tree
from tests.support.fleet import CountingRegions
from tests.support.regions_server import regions_server


def work(settings: Settings, url: str, regions: CountingRegions, receiver: Collector) -> list[Event]:
    """Run a worker until its calls are answered, or are in flight and it has sent that; return its events."""
    seen: list[Event] = []

    async def main(hook: EventHook) -> None:
        signals = Held()
        working = asyncio.create_task(Worker(settings, url, 4, 0.2, hook, telemetry).run(signals))
        while not is_working(regions, receiver):  # noqa: ASYNC110 - they are in other threads
            await asyncio.sleep(0.05)
        signals.receive(signal.SIGTERM)
        await asyncio.wait_for(working, 300)

    with open_telemetry() as telemetry:
        assert telemetry is not None
        observe_fleet(telemetry, url)
        asyncio.run(main(telemetry.tee(seen.append)))
    return seen


def is_working(regions: CountingRegions, receiver: Collector) -> bool:
    seen = sum(regions.in_flight.values()) == 6 and "beacon.fleet.calls" in receiver.metrics()
    return seen or sum(regions.answered.values()) == 6


def test_a_job_that_another_worker_goes_on_with_is_a_second_trace_with_a_link(
    queue_url: str, submit: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit("one")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    first, second = Collector(), Collector()
    with regions_server(CountingRegions(latency=600)) as regions:
        urls = {region: RegionSettings(base_url=f"{regions.url}/{region}") for region in ("us", "eu", "apac")}
        settings = Settings(data_dir=tmp_path, regions=urls)
        for receiver in (first, second):
            with collector(receiver):
                monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
                seen = work(settings, queue_url, regions, receiver)
            ended = [event.cell for event in seen if isinstance(event, CallEnded)]
            assert len(ended) == 6
            assert set(ended) == {event.execution.cell for event in seen if isinstance(event, ExecutionFinished)}
            regions.latency = 0
    handed_back, job = first.spans()[0], second.spans()[0]
    assert [link.trace_id for link in job.links] == [handed_back.trace_id]
    assert attributes(handed_back.attributes)["beacon.status"] == "cancelled"
    assert attributes(job.attributes)["beacon.status"] == "completed"
    assert tree(first.spans(), "error.type").count("      attempt type=handed_back") == 6
    gauges = first.metrics()
    assert {name for name in gauges if name.startswith("beacon.fleet")} == {
        "beacon.fleet.jobs",
        "beacon.fleet.calls",
        "beacon.fleet.workers",
    }
    assert gauges["beacon.fleet.workers"].gauge.data_points[0].as_int == 1


def test_a_fleet_whose_database_is_away_has_no_numbers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with collector(Collector()) as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{receiver.url}/v1/metrics")
        with open_telemetry() as telemetry:
            assert telemetry is not None
            observe_fleet(telemetry, "postgresql://127.0.0.1:9/nowhere")
    assert receiver.requests == []
    assert caplog.records == []
