"""`verify_endpoints` against real HTTP: what each region's deviations are called, and the exit code of all together."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import CredentialsError, EnvironmentFault
from beacon_cli.settings import Settings
from beacon_cli.verification.report import RegionReport, VerifyReport
from beacon_cli.verification.verify import verify_endpoints
from modal_deployment.contents import gpu_functions
from modal_deployment.regions import BUILT_IN_REGIONS, Regions
from modal_deployment.registry import BUILT_IN_MODELS, Model
from tests.support.deployed_regions import CALL, CREDENTIALS, Deployed, Region, deployed, modal_404
from tests.support.ports import free_port
from tests.support.raw_server import http

FUNCTIONS = ("models", "health")
WITH_CREDENTIALS = Settings.model_validate(
    {"proxy_key": CREDENTIALS["modal-key"], "proxy_secret": CREDENTIALS["modal-secret"]}
)


@pytest.fixture
def regions() -> Iterator[Deployed]:
    with deployed() as running:
        yield running


def verify(regions: Deployed, *, settings: Settings | None = None, **options: Any) -> VerifyReport:
    options = {
        "expected": (settings or Settings()).vocabulary.registry,
        "probe": False,
        "timeout": 10.0,
        "notify": lambda _: None,
        **options,
    }
    endpoints = options.pop("endpoints", None) or regions.endpoints()
    return verify_endpoints(settings or Settings(), endpoints, **options)


def found(region: RegionReport) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in region.findings]


def test_regions_that_serve_exactly_the_registry_and_answer(regions: Deployed) -> None:
    report = verify(regions, probe=True)
    assert (report.ok, report.exit_code, report.error) == (True, 0, None)
    assert [found(region) for region in report.regions.values()] == [[], [], []]
    eu = report.regions["eu"]
    assert (eu.reachable, eu.source, eu.says_region, eu.hash_matches) == (True, "models", "eu", True)
    assert (eu.version, eu.container_id, eu.hops, eu.cold_start_seconds) == ("0.1.0", "ta-eu", 0, None)
    assert {model: probe.ok for model, probe in eu.probes.items()} == {"llama3.2-1b": True, "qwen2.5-1.5b": True}
    assert eu.probes["llama3.2-1b"].container_region == "local-eu"


def test_a_probe_is_one_tiny_question_to_one_model_after_the_other(regions: Deployed) -> None:
    verify(regions, probe=True)
    asked = [request.json for request in regions.us.requests if request.method == "POST"]
    tiny = {"prompt": "What is 2+2?", "max_tokens": 8, "temperature": 0}
    assert asked == [{"model": "llama3.2-1b", **tiny}, {"model": "qwen2.5-1.5b", **tiny}]


def test_regions_with_other_packages_than_the_first_are_told_and_what_is_not_said_is_a_doubt(regions: Deployed) -> None:
    regions.us.models["lock_sha256"] = "a" * 64
    regions.eu.models["lock_sha256"] = "b" * 64
    report = verify(regions)
    assert {name: found(region) for name, region in report.regions.items()} == {
        "us": [],
        "eu": [("fail", "different_image")],
        "apac": [("warn", "image_unknown")],
    }
    assert (report.regions["eu"].lock_sha256, report.exit_code) == ("b" * 64, 1)
    (finding,) = report.regions["eu"].findings
    assert finding.message == "its containers have other packages: lock bbbbbbbbbbb…; US's have lock aaaaaaaaaaa…"


def test_a_container_whose_gpu_failed_is_unhealthy_and_says_why(regions: Deployed) -> None:
    regions.us.health |= {"status": "unhealthy", "problem": "the GPU of this container failed: CUDA error"}
    (finding,) = verify(regions).regions["us"].findings
    told = "health reports that it is unhealthy: the GPU of this container failed: CUDA error"
    assert (finding.code, finding.message) == ("unhealthy", told)


def test_nothing_is_posted_without_probe(regions: Deployed) -> None:
    verify(regions)
    assert {request.method for request in regions.us.requests} == {"GET"}


def extra(region: Region) -> None:
    region.models["models_available"].append("mistral-7b")


def missing(region: Region) -> None:
    region.models["models_available"].remove("qwen2.5-1.5b")


def renamed(region: Region) -> None:
    registry = region.models["model_registry"]
    registry["llama3.2:1b"] = registry.pop("llama3.2-1b")
    region.models["models_available"] = ["llama3.2:1b", "qwen2.5-1.5b"]


def twice(region: Region) -> None:
    region.models["models_available"].append("llama3.2-1b")


def another_revision(region: Region) -> None:
    region.models["model_registry"]["llama3.2-1b"]["revision"] = "main"


def another_hash(region: Region) -> None:
    region.models["model_registry"]["llama3.2-1b"]["gpu"] = "A10G"
    region.models["registry_sha256"] = "0" * 64


def another_region(region: Region) -> None:
    region.models["region"] = region.health["region"] = "us-east"


def no_known_region(region: Region) -> None:
    region.health["region"] = "moon"


def sick(region: Region) -> None:
    region.health["status"] = "starting"


def page_of_html(region: Region) -> None:
    region.always["models"] = http(200, b"<html>login</html>", Content_Type="text/html")


def error_inside(region: Region) -> None:
    region.always["models"] = http(200, {"status": "error", "error": "boom"})


def redirect_to_a_login_page(region: Region) -> None:
    region.always["models"] = http(302, Location="https://login.example/")


def hop_to_another_origin(region: Region) -> None:
    region.always["models"] = http(303, Location="https://elsewhere.example/models")


@pytest.mark.parametrize(
    ("deviate", "code", "said"),
    [
        (extra, "extra_model", "served and not in the registry: mistral-7b"),
        (missing, "missing_model", "in the registry and not served: qwen2.5-1.5b"),
        (renamed, "renamed_model", "llama3.2-1b is served under another id, llama3.2:1b"),
        (twice, "listed_twice", "listed more than once: llama3.2-1b"),
        (another_revision, "different_revision", "llama3.2-1b is served with revision main"),
        (another_hash, "registry_differs", "llama3.2-1b: gpu A10G instead of T4"),
        (another_region, "region_mismatch", "asked EU, but models reports that it is us-east"),
        (no_known_region, "region_mismatch", "asked EU, but health reports that it is moon"),
        (sick, "unhealthy", "starting"),
        (page_of_html, "unusable_answer", "not JSON"),
        (error_inside, "endpoint_error", "boom"),
        (redirect_to_a_login_page, "unusable_answer", "HTTP 302"),
        (hop_to_another_origin, "unusable_answer", "elsewhere.example"),
    ],
)
def test_a_region_that_deviates_is_named_with_its_code_and_fails_alone(
    regions: Deployed, deviate: Callable[[Region], None], code: str, said: str
) -> None:
    deviate(regions.eu)
    report = verify(regions)
    eu = report.regions["eu"]
    assert report.exit_code == 1
    assert ("fail", code) in found(eu)
    assert said in " ".join(finding.message for finding in eu.findings)
    assert all(finding.hint for finding in eu.findings)
    assert not report.regions["us"].findings
    assert not report.regions["apac"].findings


def test_a_renamed_model_is_one_finding_though_it_is_missing_and_extra(regions: Deployed) -> None:
    renamed(regions.eu)
    eu = verify(regions).regions["eu"]
    assert (eu.missing, eu.extra, eu.renamed) == (
        ("llama3.2-1b",),
        ("llama3.2:1b",),
        {"llama3.2:1b": "llama3.2-1b"},
    )
    assert found(eu) == [("fail", "renamed_model")]


def test_an_endpoint_that_reports_no_hash_and_no_registry_is_no_finding(regions: Deployed) -> None:
    del regions.eu.models["registry_sha256"], regions.eu.models["model_registry"]
    report = verify(regions)
    assert report.exit_code == 0
    assert (report.regions["eu"].hash_matches, found(report.regions["eu"])) == (None, [])


def test_a_deployment_of_the_old_system_passes_with_warnings(regions: Deployed) -> None:
    """No `models`, `health` lists the models, `status: success`, and answers without container facts."""
    regions.eu.always["models"] = modal_404("invalid function call")
    regions.eu.health = {"status": "success", "models_available": ["llama3.2-1b", "qwen2.5-1.5b"], "region": "eu-west"}
    old = {"success": None, "status": "success", "container_id": None, "container_region": None}
    regions.eu.answer = old
    report = verify(regions, probe=True)
    eu = report.regions["eu"]
    assert (report.exit_code, eu.source, eu.reachable) == (0, "health", True)
    assert set(found(eu)) == {("warn", "old_deployment"), ("warn", "container_region_unknown")}
    assert all(probe.ok for probe in eu.probes.values())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("invalid function call", "never_deployed"),
        ("app for invoked web endpoint is stopped", "app_stopped"),
        ("workspace ac-1 is disabled", "app_paused"),
    ],
)
def test_modals_own_refusals_are_told_apart(regions: Deployed, text: str, code: str) -> None:
    regions.eu.always = dict.fromkeys(FUNCTIONS, modal_404(text))
    report = verify(regions, probe=True)
    eu = report.regions["eu"]
    assert (report.exit_code, found(eu), eu.reachable, eu.source) == (1, [("fail", code)], False, None)
    assert text in eu.findings[0].message
    assert eu.probes == {}


def test_a_dead_region_is_unreachable_at_once_and_the_others_are_verified(regions: Deployed) -> None:
    dead = Endpoint.at(Regions(BUILT_IN_REGIONS)["eu"], f"http://127.0.0.1:{free_port()}")
    report = verify(regions, endpoints={**regions.endpoints(), "eu": dead})
    assert (report.exit_code, found(report.regions["eu"])) == (1, [("fail", "unreachable")])
    assert report.regions["us"].ok


def test_no_region_reachable_is_the_environments_fault(regions: Deployed) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    report = verify(regions, endpoints={region.id: Endpoint.at(region, nowhere) for region in BUILT_IN_REGIONS})
    assert report.exit_code == 3
    assert isinstance(report.error, EnvironmentFault)


def test_a_cold_region_is_waited_for_through_503s_and_hops(regions: Deployed) -> None:
    regions.us.first["models"] = [http(503), http(502)]
    regions.eu.first["models"] = [http(303, Location=f"/eu/models?{CALL}")]
    report = verify(regions)
    us, eu = report.regions["us"], report.regions["eu"]
    assert report.exit_code == 0
    assert us.cold_start_seconds is not None
    assert us.latency_seconds is not None
    assert us.cold_start_seconds > us.latency_seconds
    assert (eu.hops, eu.cold_start_seconds is not None) == (1, True)


def test_a_region_that_stays_cold_is_given_up_after_the_timeout_and_talked_about(regions: Deployed) -> None:
    regions.eu.always = dict.fromkeys(FUNCTIONS, http(503))
    lines: list[str] = []
    report = verify(regions, timeout=2.6, notify=lines.append, notify_every=0.2)
    eu = report.regions["eu"]
    assert (report.exit_code, found(eu)) == (1, [("fail", "no_answer")])
    assert "HTTP 503" in eu.findings[0].message
    assert "EU models (HTTP 503, " in lines[0]
    assert "s left)" in lines[0]


def test_an_endpoint_that_is_open_though_credentials_are_configured_fails(regions: Deployed) -> None:
    for region in (regions.us, regions.apac):
        region.wants_credentials = True
    report = verify(regions, settings=WITH_CREDENTIALS, probe=True)
    assert report.exit_code == 1
    assert [found(region) for region in report.regions.values()] == [[], [("fail", "open_endpoint")], []]
    assert report.regions["eu"].findings[0].message.startswith("models, health, inference: ")


def test_the_check_for_strangers_sends_no_credentials_and_no_prompt(regions: Deployed) -> None:
    verify(regions, settings=WITH_CREDENTIALS, probe=True)
    strange = [request for request in regions.eu.requests if "modal-key" not in request.headers]
    assert sorted((request.method, request.path, request.body) for request in strange) == [
        ("GET", "/eu/health", b""),
        ("GET", "/eu/models", b""),
        ("POST", "/eu/inference", b"{}"),
    ]


@pytest.mark.parametrize(
    "settings", [None, Settings.model_validate({"proxy_key": "wk-test-2", "proxy_secret": "ws-test-2"})]
)
def test_refused_or_missing_credentials_are_exit_4(regions: Deployed, settings: Settings | None) -> None:
    regions.eu.wants_credentials = True
    report = verify(regions, settings=settings, probe=True)
    assert report.exit_code == 4
    assert isinstance(report.error, CredentialsError)
    assert "EU" in str(report.error)
    assert ("fail", "unauthorized") in found(report.regions["eu"])


@pytest.mark.parametrize(
    ("answer", "code", "error"),
    [
        ({"region": "us"}, "region_mismatch", "region_mismatch"),
        ({"container_region": "us-east-1"}, "region_mismatch", "region_mismatch"),
        ({"model": "mistral-7b"}, "probe_failed", "model_mismatch"),
        ({"success": False, "error": "out of memory"}, "probe_failed", "endpoint_error"),
        ({"success": False, "error": {"code": "content_filter"}}, "probe_failed", "content_filtered"),
    ],
)
def test_a_probe_that_fails_says_why(regions: Deployed, answer: dict[str, Any], code: str, error: str) -> None:
    regions.eu.answer = answer
    report = verify(regions, probe=True)
    eu = report.regions["eu"]
    assert report.exit_code == 1
    assert set(found(eu)) == {("fail", code)}
    assert {probe.error for probe in eu.probes.values()} >= {error}
    assert eu.probes["llama3.2-1b"].region == answer.get("region", "eu")


def test_a_model_that_computes_nan_is_to_be_deployed_on_another_gpu(regions: Deployed) -> None:
    regions.eu.always["inference"] = http(500, {"success": False, "error": {"code": "nan_logits", "message": "NaN"}})
    findings = verify(regions, probe=True).regions["eu"].findings
    assert {finding.code for finding in findings} == {"nan_logits"}
    assert all("a GPU that computes in bfloat16" in finding.hint for finding in findings)


def test_a_container_in_no_known_region_and_an_empty_answer_are_warnings(regions: Deployed) -> None:
    regions.eu.answer = {"container_region": "mars-1", "response": " "}
    report = verify(regions, probe=True)
    assert report.exit_code == 0
    codes = {("warn", "container_region_unknown"), ("warn", "empty_answer")}
    assert set(found(report.regions["eu"])) == codes


def test_a_probe_follows_hops_and_tries_again_where_that_is_safe(regions: Deployed) -> None:
    regions.eu.first["inference"] = [http(303, Location=f"/eu/inference?{CALL}"), http(503)]
    eu = verify(regions, probe=True).regions["eu"]
    assert [(probe.ok, probe.hops) for probe in eu.probes.values()] == [(True, 1), (True, 0)]


def test_a_model_that_is_not_served_is_not_asked(regions: Deployed) -> None:
    missing(regions.eu)
    assert list(verify(regions, probe=True).regions["eu"].probes) == ["llama3.2-1b"]


def test_credentials_that_an_endpoint_sends_back_are_not_shown(
    regions: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEACON_PROXY_SECRET", CREDENTIALS["modal-secret"])
    echo = http(404, f"you sent {CREDENTIALS}".encode(), Content_Type="text/plain")
    regions.eu.always = dict.fromkeys((*FUNCTIONS, "inference"), echo)
    report = verify(regions, settings=WITH_CREDENTIALS, probe=True)
    assert "you sent" in str(report.as_data())
    assert "canary" not in str(report.as_data())


def test_hostile_lists_are_survived(regions: Deployed) -> None:
    regions.us.models["models_available"] = [None, {}]
    regions.eu.models["models_available"] = ["\x1b[31mred", "[bold]", ""] + ["x"] * 1000
    regions.eu.models["model_registry"] = {"x": None, "[bold]": [], "llama3.2-1b": "text"}
    regions.apac.models["region"] = {"a": 1}
    report = verify(regions)
    assert report.exit_code == 1
    assert ("fail", "unusable_answer") in found(report.regions["us"])
    assert "\x1b" not in " ".join(finding.message for finding in report.regions["eu"].findings)
    assert ("fail", "region_mismatch") in found(report.regions["apac"])


def test_a_region_that_names_megabytes_is_shown_in_kilobytes(regions: Deployed) -> None:
    long = "x" * 100_000
    listing = {
        "models_available": [long, *(f"{long[:100]}{number}" for number in range(3000))],
        **dict.fromkeys(("region", "status", "version", "container_id", "registry_sha256"), long),
    }
    regions.us.models = regions.us.health = listing
    report = verify(regions)
    assert len(json.dumps(report.as_data())) < 400_000
    us = report.regions["us"]
    assert len(us.models_served) == 1000
    assert max(len(finding.message) for finding in us.findings) < 2000
    regions.us.models = {"models_available": ["x" * 7_000_000]}
    assert ("fail", "unusable_answer") in found(verify(regions).regions["us"])


def test_a_region_that_says_nothing_is_left_at_the_time_that_was_given(regions: Deployed) -> None:
    regions.us.wait = 60.0
    said: list[str] = []
    began = time.monotonic()
    report = verify(regions, timeout=3.0, notify=said.append)
    assert time.monotonic() - began < 30
    assert ("fail", "no_answer") in found(report.regions["us"])
    [line] = said
    assert re.fullmatch(r"waiting for US models \(\d s left\), US health \(\d s left\)", line)


def test_each_inference_function_is_asked_whether_strangers_have_access(regions: Deployed) -> None:
    urls = {name: f"{regions.url}/us/{name}" for name in ("inference", "inference-l4", "models", "health")}
    own = Model(
        id="own", source="acme/own", revision="0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", gpu="L4", context=2048
    )
    endpoint = Endpoint.of_urls(Regions(BUILT_IN_REGIONS)["us"], urls, gpu_functions((*BUILT_IN_MODELS, own)))
    regions.us.serves((*BUILT_IN_MODELS, own))
    expected = {model.id: model for model in (*BUILT_IN_MODELS, own)}
    report = verify(
        regions, settings=WITH_CREDENTIALS, endpoints={"us": endpoint}, expected=expected, probe=True
    ).regions["us"]
    assert [finding.code for finding in report.findings] == ["open_endpoint"]
    assert report.findings[0].message.startswith("models, health, inference, inference of own: ")
    strangers = [request for request in regions.us.requests if "modal-key" not in request.headers]
    assert {request.path for request in strangers} == {"/us/models", "/us/health", "/us/inference", "/us/inference-l4"}
    assert all(probe.ok for probe in report.probes.values())
