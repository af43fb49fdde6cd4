"""`beacon verify endpoints` as a program: what it prints, its exit codes, its one JSON document."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator

import pytest

from beacon_cli.local.foreground import BASE_PORT
from modal_deployment.registry import BUILT_IN_MODELS, registry_sha256
from tests.acceptance.conftest import Beacon
from tests.support.deployed_regions import CREDENTIALS, Deployed, deployed, modal_404
from tests.support.ports import free_port
from tests.support.raw_server import http
from tests.support.warm_start import Running


@pytest.fixture
def regions(beacon: Beacon) -> Iterator[Deployed]:
    """Three deployed regions, and a `beacon` that is configured for them."""
    with deployed() as running:
        beacon.environment.update(running.environment())
        yield running


def test_regions_that_are_as_they_should_be(beacon: Beacon, regions: Deployed) -> None:
    done = beacon("verify", "endpoints", "--probe")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("US", "EU", "ASIA"))]
    assert [(row[0], row[1], row[2], row[-1]) for row in rows] == [
        ("US", "yes", "2/2", "2/2"),
        ("EU", "yes", "2/2", "2/2"),
        ("ASIA", "yes", "2/2", "2/2"),
    ]
    assert "ok: 3 regions serve exactly the registry (2 models) and answer" in done.stdout
    assert done.stdout.rstrip().endswith("next:   beacon run JOB_FILE")
    assert "\x1b" not in done.stdout


def test_the_json_document_of_a_probed_region_with_findings(beacon: Beacon, regions: Deployed) -> None:
    regions.eu.models["models_available"] = ["llama3.2-1b", "mistral-7b"]
    code, document = beacon.json("verify", "endpoints", "--region", "europe-west", "--probe")
    region = document["data"]["regions"]["eu"]
    probe = region["probes"]["llama3.2-1b"]
    assert code == 1
    assert 0 <= region.pop("latency_seconds") < 60
    assert 0 <= probe.pop("latency_seconds") < 60
    elsewhere = (
        "Beacon deployed nothing there: check what the endpoint serves; if it speaks OpenAI's API, set"
        ' api = "openai" in regions.eu of beacon.toml'
    )
    assert document == {
        "schema_version": 1,
        "command": "verify endpoints",
        "ok": False,
        "data": {
            "target": "modal",
            "regions": {
                "eu": {
                    "reachable": True,
                    "source": "models",
                    "models_served": ["llama3.2-1b", "mistral-7b"],
                    "missing": ["qwen2.5-1.5b"],
                    "extra": ["mistral-7b"],
                    "renamed": {},
                    "registry_sha256": registry_sha256(BUILT_IN_MODELS),
                    "hash_matches": True,
                    "lock_sha256": None,
                    "expected": ["llama3.2-1b", "qwen2.5-1.5b"],
                    "api": "beacon",
                    "says_region": "eu",
                    "version": "0.1.0",
                    "container_id": "ta-eu",
                    "cold_start_seconds": None,
                    "hops": 0,
                    "probes": {
                        "llama3.2-1b": {
                            "ok": True,
                            "region": "eu",
                            "container_id": "local-eu-1-llama3.2-1b",
                            "container_region": "local-eu",
                            "hops": 0,
                            "error": None,
                            "model_revision": None,
                        }
                    },
                    "findings": [
                        {
                            "severity": "fail",
                            "code": "missing_model",
                            "message": "in the registry and not served: qwen2.5-1.5b",
                            "hint": elsewhere,
                        },
                        {
                            "severity": "fail",
                            "code": "extra_model",
                            "message": "served and not in the registry: mistral-7b",
                            "hint": elsewhere,
                        },
                    ],
                }
            },
        },
        "errors": [
            {"code": "missing_model", "message": "EU: in the registry and not served: qwen2.5-1.5b", "hint": elsewhere},
            {"code": "extra_model", "message": "EU: served and not in the registry: mistral-7b", "hint": elsewhere},
        ],
    }


def test_each_deviation_is_shown_with_what_to_do_and_hostile_text_is_made_visible(
    beacon: Beacon, regions: Deployed
) -> None:
    regions.us.always = dict.fromkeys(("models", "health"), modal_404("app for invoked web endpoint is stopped"))
    regions.eu.models["models_available"] = ["\x1b[31mred", "[bold]", "llama3.2-1b"]
    regions.apac.health["region"] = "us"
    beacon.environment["COLUMNS"] = "80"
    done = beacon("verify", "endpoints")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    text = " ".join(done.stdout.split())
    assert "fail US app_stopped" in text
    assert "do: the app was stopped: beacon deploy modal starts it again" in text
    assert "served and not in the registry: \\x1b[31mred, [bold]" in text
    assert "asked ASIA, but health reports that it is us" in text
    assert "not ok: 4 failures; check US, EU, ASIA" in text
    table = done.stdout.partition("\n\n")[0]
    assert max(map(len, table.splitlines())) <= 80


def test_no_region_reachable_is_exit_3_with_one_document(beacon: Beacon) -> None:
    port = free_port()
    for region in ("US", "EU", "APAC"):
        beacon.environment[f"BEACON_REGIONS__{region}__BASE_URL"] = f"http://127.0.0.1:{port}/{region}"
    code, document = beacon.json("verify", "endpoints")
    assert (code, document["ok"]) == (3, False)
    assert [error["code"] for error in document["errors"]] == ["environment"]
    assert {region["reachable"] for region in document["data"]["regions"].values()} == {False}


def test_refused_credentials_are_exit_4_and_never_shown(beacon: Beacon, regions: Deployed) -> None:
    regions.eu.wants_credentials = True
    secret = "ws-another-canary"
    beacon.environment |= {"BEACON_PROXY_KEY": CREDENTIALS["modal-key"], "BEACON_PROXY_SECRET": secret}
    done = beacon("verify", "endpoints", "--region", "eu")
    assert done.returncode == 4
    assert "error: the credentials are missing or refused in EU" in done.stderr
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--region", "moon"], "unknown region 'moon'"),
        (["--timeout", "0"], "--timeout"),
        ([], "no endpoint is configured for region US"),
    ],
)
def test_what_cannot_be_verified_is_wrong_usage(beacon: Beacon, arguments: list[str], said: str) -> None:
    done = beacon("verify", "endpoints", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_wait_is_talked_about_on_stderr_and_ended_by_sigint(beacon: Beacon, regions: Deployed) -> None:
    regions.apac.always = dict.fromkeys(("models", "health"), http(503))
    process, said = beacon.begin_until("waiting for", "verify", "endpoints")
    assert "ASIA models (HTTP 503, " in said
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


def ports_are_free() -> bool:
    try:
        for port in range(BASE_PORT, BASE_PORT + 3):
            socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def serving(beacon: Beacon, *arguments: str) -> Running:
    process, _ = beacon.begin_until("press Ctrl-C to stop", "serve", *arguments)
    return process


@pytest.mark.skipif(not ports_are_free(), reason=f"something else uses the ports from {BASE_PORT} on")
def test_the_servers_of_beacon_serve_are_verified_against_the_local_registry(scripted: Beacon) -> None:
    process = serving(scripted)
    try:
        code, document = scripted.json("verify", "endpoints", "--local", "--probe")
    finally:
        process.terminate()
        process.communicate(timeout=300)
    assert (code, document["data"]["target"]) == (0, "local")
    for region in document["data"]["regions"].values():
        assert (region["findings"], region["hash_matches"]) == ([], True)
        assert [probe["ok"] for probe in region["probes"].values()] == [True, True, True, True]


@pytest.mark.skipif(not ports_are_free(), reason=f"something else uses the ports from {BASE_PORT} on")
def test_without_servers_local_says_how_to_start_them(beacon: Beacon) -> None:
    done = beacon("verify", "endpoints", "--local", "--region", "us")
    assert done.returncode == 3
    assert "start it: beacon serve" in done.stdout
    assert "hint: start them: beacon serve" in done.stderr
