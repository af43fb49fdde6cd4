"""`beacon warm` against regions that start slowly, fail, refuse, or are not Beacon's own."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.config import load_settings
from beacon_cli.console.terminal import console_on
from beacon_cli.endpoints.configured import configured_endpoints
from beacon_cli.job.lanes import Lane
from beacon_cli.main import program
from beacon_cli.signals import ENDING, raise_on_signals
from beacon_cli.waiting import Waiting
from beacon_cli.warming.report import WarmReport
from beacon_cli.warming.table import show_warm
from beacon_cli.warming.warm import warmed
from tests.support.deployed_regions import Deployed, deployed, modal_404
from tests.support.openai_region import openai_region
from tests.support.raw_server import http

STARTING = http(503, {"detail": "starting"})
STARTING_FOR_LONG = http(503, {"detail": "starting"}, Retry_After="30")
OFTEN = 1.0  # seconds between two questions to a lane; an answer may take as long, also on a busy machine
JOB = "questions: [math_basic]\nmodels: [llama3.2-1b, qwen2.5-1.5b]\nregions: [US, EU, ASIA]\n"


@pytest.fixture
def regions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Deployed]:
    for name in list(os.environ):
        if name.startswith("BEACON_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    with deployed() as served:
        for name, value in served.environment().items():
            monkeypatch.setenv(name, value)
        yield served


def warm(*options: str) -> tuple[int, dict[str, Any], str]:
    """Run the command, and return its exit code, its document, and what it said meanwhile."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = program(["warm", "job.yaml", *options, "--json"])
    return code, json.loads(out.getvalue()), err.getvalue()


def states(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(lane["region"], lane["model_id"]): lane["state"] for lane in document["data"]["lanes"]}


def test_each_lane_is_waited_for_until_it_answers(regions: Deployed) -> None:
    regions.eu.first["inference"] = [STARTING, STARTING]
    regions.us.first["inference"] = [http(303, Location="/us/inference?__modal_function_call_id=fc-1")]
    code, document, said = warm()
    assert code == 0, document
    assert set(states(document).values()) == {"warm"}
    assert len(document["data"]["lanes"]) == 6
    assert sum(lane["hops"] for lane in document["data"]["lanes"]) == 1
    assert all(lane["seconds"] >= 0 for lane in document["data"]["lanes"])
    assert sum(lane["calls"] for lane in document["data"]["lanes"]) == 6 + 2, "each question sent is a call"
    assert max(lane["seconds"] for lane in document["data"]["lanes"] if lane["region"] == "EU") >= 0.5
    assert said.count(": warm after ") == 6
    assert {key: document["data"][key] for key in ("kept_seconds", "idle_seconds", "containers_that_cost")} == {
        "kept_seconds": 0.0,
        "idle_seconds": 120,
        "containers_that_cost": 0,
    }
    assert document["data"]["lanes"][0].keys() == {
        *("region", "model_id", "state", "seconds", "calls", "hops", "container_id", "error")
    }


def test_a_part_of_a_job_is_warmed_alone(regions: Deployed) -> None:
    code, document, _ = warm("--region", "eu", "--model", "llama3.2-1b")
    assert (code, states(document)) == (0, {("EU", "llama3.2-1b"): "warm"})
    assert regions.us.requests == regions.apac.requests == []


def test_what_does_not_answer_is_a_problem_and_the_rest_is_warm(regions: Deployed) -> None:
    regions.eu.always["inference"] = modal_404("app for invoked web endpoint is stopped")
    code, document, said = warm()
    assert code == 1
    assert {region for (region, _), state in states(document).items() if state == "failed"} == {"EU"}
    assert [error["message"].split(":")[0] for error in document["errors"]] == [
        "EU llama3.2-1b does not answer",
        "EU qwen2.5-1.5b does not answer",
    ]
    assert "EU llama3.2-1b: failed after " in said


def test_a_start_that_takes_too_long_is_given_up(regions: Deployed) -> None:
    regions.us.first["inference"] = [STARTING]
    regions.us.always["inference"] = STARTING_FOR_LONG
    code, document, _ = warm("--region", "us", "--model", "llama3.2-1b", "--timeout", "2")
    assert code == 1
    [lane] = document["data"]["lanes"]
    assert lane["error"]["message"] == "no answer in 2 s, in 2 calls: HTTP 503: starting"


def test_refused_credentials_and_no_network_have_their_own_exit_codes(
    regions: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    regions.us.wants_credentials = True
    code, document, _ = warm()
    assert (code, document["errors"][0]["code"]) == (4, "credentials")
    assert document["errors"][0]["hint"] == "set BEACON_PROXY_KEY and BEACON_PROXY_SECRET to a live proxy token"
    monkeypatch.setenv("BEACON_REGIONS__US__BASE_URL", "http://127.0.0.1:1")
    code, document, _ = warm("--region", "us")
    assert (code, document["errors"][0]["code"]) == (3, "environment")


@pytest.mark.parametrize("given", ["soon", "-5m", "5 minutes"])
def test_a_time_that_is_none_is_refused(regions: Deployed, given: str) -> None:
    code, document, _ = warm(f"--for={given}")
    assert (code, document["errors"][0]["code"]) == (2, "usage")
    assert document["errors"][0]["message"] == f"--for {given}: write a duration such as 600s, 10m, 2h or 1h30m"
    assert regions.us.requests == []


def test_nobody_keeps_gpus_for_years_by_mistake(regions: Deployed) -> None:
    code, document, _ = warm("--for", "25h")
    assert (code, document["errors"][0]["code"]) == (2, "usage")
    assert document["errors"][0]["message"] == "--for 25h: every second of it costs GPUs; 24 h is the most"
    assert regions.us.requests == []


def test_endpoints_of_others_are_not_asked(regions: Deployed, tmp_path: Path) -> None:
    with openai_region() as other:
        (tmp_path / "beacon.toml").write_text(f'[regions.br]\napi = "openai"\nbase_url = "{other.url}"\n')
        (tmp_path / "job.yaml").write_text(JOB.replace("US, EU, ASIA", "BR, EU"))
        code, document, _ = warm()
        assert other.paths == []
    assert code == 0
    assert states(document)["BR", "llama3.2-1b"] == "not_ours"
    assert states(document)["EU", "llama3.2-1b"] == "warm"


def kept(
    *, seconds: float = 600.0, every: float = 600.0, until: Callable[[WarmReport], bool] = lambda _: False
) -> tuple[WarmReport, list[str]]:
    """Warm two regions and keep them warm for so many seconds, or until that holds; return the report and the talk."""
    settings = load_settings()
    known = settings.vocabulary.regions
    endpoints = configured_endpoints(settings, [known["us"], known["eu"]])
    lanes = [
        Lane(model_id, known[region_id]) for region_id in ("us", "eu") for model_id in ("llama3.2-1b", "qwen2.5-1.5b")
    ]
    said: list[str] = []
    report = WarmReport.begun(lanes, endpoints)

    async def main() -> None:
        warming = asyncio.ensure_future(
            warmed(
                settings,
                endpoints,
                report,
                timeout=600.0,
                keep_seconds=seconds,
                every=every,
                waiting=Waiting(said.append, 60),
                say=said.append,
            )
        )
        while not (warming.done() or until(report)):  # noqa: ASYNC110 - a report is no event
            await asyncio.sleep(0.01)
        warming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await warming

    asyncio.run(asyncio.wait_for(main(), 300))
    return report, said


def calls(report: WarmReport, region_id: str) -> list[int]:
    """Return how often each lane of a region was asked."""
    return [lane.calls for lane in report.lanes if lane.lane.region.id == region_id]


def test_what_is_kept_warm_is_asked_again_and_again(regions: Deployed) -> None:
    began = time.monotonic()
    report, _ = kept(every=OFTEN, until=lambda report: all(lane.calls >= 3 for lane in report.lanes))
    assert time.monotonic() - began >= 2 * OFTEN, "not more often than that"
    assert report.exit_code == 0


def test_what_is_kept_warm_for_a_time_is_left_afterwards(regions: Deployed) -> None:
    report, _ = kept(seconds=0.5)
    assert {lane.calls for lane in report.lanes} == {1}
    assert report.kept_seconds >= 0.5


@pytest.mark.parametrize("slow", ["fails", "hangs"])
def test_what_answered_is_kept_warm_while_others_still_start(regions: Deployed, slow: str) -> None:
    if slow == "fails":
        regions.eu.always["inference"] = STARTING_FOR_LONG
    else:
        regions.eu.wait = 600.0
    report, said = kept(every=OFTEN, until=lambda report: min(calls(report, "us")) >= 3)
    assert calls(report, "eu") == [1, 1]
    assert {lane.state for lane in report.lanes if lane.lane.region.id == "eu"} == {"starting"}
    assert sum(": warm after " in line for line in said) == 2


def test_what_fails_each_time_is_named_by_its_last_error(regions: Deployed) -> None:
    error = {"success": False, "error": {"code": "inference_error", "message": "x"}}
    regions.us.first["inference"] = [STARTING]
    regions.us.always["inference"] = http(500, error, Retry_After="30")
    code, document, _ = warm("--region", "us", "--model", "llama3.2-1b", "--timeout", "2")
    lane = document["data"]["lanes"][0]
    assert code == 1
    assert (lane["calls"], lane["error"]["message"]) == (2, "no answer in 2 s, in 2 calls: HTTP 500: x")
    assert lane["error"]["code"] != "answer_timeout"
    assert lane["calls"] == len(regions.us.requests)


def test_a_lane_that_fails_meanwhile_is_told_and_asked_again(regions: Deployed) -> None:
    refused = http(400, {"success": False, "error": {"code": "invalid", "message": "not now"}})
    regions.eu.first["inference"] = [refused, refused]
    report, said = kept(every=OFTEN, until=lambda report: all(lane.state == "warm" for lane in report.lanes))
    assert report.exit_code == 0
    assert sum(": failed after " in line for line in said) == 2
    assert sum(": warm after " in line for line in said) == 4


@pytest.fixture
def _handlers() -> Iterator[None]:
    before = {signum: signal.getsignal(signum) for signum in ENDING}
    raise_on_signals()
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.usefixtures("_handlers")
def test_ctrl_c_ends_it_with_130(regions: Deployed) -> None:
    threading.Thread(target=_interrupt_once_asked, args=[regions], daemon=True).start()
    code, document, _ = warm("--for", "30m")
    assert (code, document["errors"][0]["code"]) == (130, "interrupted")
    assert document["errors"][0]["hint"].startswith("nothing is asked any more; containers on Modal end 120 s after")
    assert {lane["state"] for lane in document["data"]["lanes"]} <= {"starting", "warm"}
    assert [lane["calls"] for lane in document["data"]["lanes"]] == [1] * 6


def _interrupt_once_asked(regions: Deployed) -> None:
    while not all(len(region.requests) >= 2 for region in (regions.us, regions.eu, regions.apac)):
        threading.Event().wait(0.02)
    os.kill(os.getpid(), signal.SIGINT)


def test_people_see_what_it_costs_in_words(regions: Deployed) -> None:
    report, _ = kept(seconds=0.0)
    for lane in report.lanes[:3]:
        lane.endpoint = replace(lane.endpoint, inference_url="https://w--project-beacon-hf-us-inference.modal.run")
    out = io.StringIO()
    show_warm(report, Path("my job.yaml"))(console_on(out))
    shown = " ".join(out.getvalue().split())
    assert "3 containers wait on Modal. Each costs its GPU for every second, also while nothing is asked" in shown
    assert "beacon costs adds up what jobs cost" in shown
    assert shown.endswith("next: beacon run 'my job.yaml'")


def test_lanes_that_share_a_container_cost_one(regions: Deployed) -> None:
    regions.us.answer["containers"] = {"function": "inference", "at_most": 1}
    regions.eu.answer["containers"] = {"function": "inference", "at_most": 2}
    report, _ = kept(seconds=0.0)
    for lane in report.lanes:
        lane.endpoint = replace(lane.endpoint, inference_url="https://w--project-beacon-hf-us-inference.modal.run")
    assert report.as_data()["containers_that_cost"] == 1 + 2


def test_people_see_what_failed_and_what_to_do(regions: Deployed) -> None:
    regions.eu.always["inference"] = http(400, {"success": False, "error": {"code": "invalid", "message": "not now"}})
    report, _ = kept(seconds=0.0)
    out = io.StringIO()
    show_warm(report, Path("job.yaml"))(console_on(out))
    assert out.getvalue().splitlines()[-3:] == [
        "not ok: EU llama3.2-1b does not answer: HTTP 400: not now",
        "not ok: EU qwen2.5-1.5b does not answer: HTTP 400: not now",
        "do:     read the app's log on Modal; a slow start needs a longer --timeout",
    ]
