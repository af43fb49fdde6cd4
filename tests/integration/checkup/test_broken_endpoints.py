"""`beacon doctor` on endpoints that work, and on the ways there that do not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from tests.integration.checkup.conftest import Doctor
from tests.support.deployed_regions import CREDENTIALS, Deployed, deployed
from tests.support.hostile_endpoints import endpoints
from tests.support.openai_region import OpenAiRegion, openai_region
from tests.support.ports import free_port
from tests.support.raw_server import http


@pytest.fixture
def regions() -> Iterator[Deployed]:
    with deployed() as served:
        yield served


def test_good_endpoints_are_described(doctor: Doctor, regions: Deployed) -> None:
    key, secret = CREDENTIALS["modal-key"], CREDENTIALS["modal-secret"]
    doctor.set(**regions.environment(), BEACON_PROXY_KEY=key, BEACON_PROXY_SECRET=secret)
    for region in (regions.us, regions.eu, regions.apac):
        region.wants_credentials = True
    code, lines = doctor()
    assert code == 0
    status, what, _ = lines["endpoint.eu"]
    assert status == "ok"
    assert what.startswith(f"{regions.url}/eu/models answers in 0.")
    assert what.endswith("; the credentials are accepted")
    assert {request.method for request in regions.eu.requests} == {"GET"}


def test_an_endpoint_that_is_down_and_one_that_refuses_the_credentials(doctor: Doctor, regions: Deployed) -> None:
    doctor.set(**{**regions.environment(), "BEACON_REGIONS__US__BASE_URL": f"http://127.0.0.1:{free_port()}"})
    regions.eu.wants_credentials = True
    code, lines = doctor()
    assert code == 1
    assert lines["endpoint.us"][0] == "failed"
    assert "the connection failed: connection refused" in lines["endpoint.us"][1]
    assert lines["endpoint.us"][2].startswith("check this region's URLs in beacon.toml")
    assert lines["endpoint.eu"][0] == "failed"
    assert "HTTP 401" in lines["endpoint.eu"][1]
    assert lines["endpoint.eu"][2] == "set BEACON_PROXY_KEY and BEACON_PROXY_SECRET to a live proxy token"
    assert lines["endpoint.apac"][0] == "ok"


def test_a_key_that_is_not_set_and_one_that_is_refused(doctor: Doctor) -> None:
    with openai_region(OpenAiRegion(key="sk-right-0123456789")) as served:
        (doctor.folder / "beacon.toml").write_text(
            f'[regions.br]\napi = "openai"\nbase_url = "{served.url}"\nkey_env = "BR_KEY"\n'
        )
        _, lines = doctor()
        assert lines["endpoint.br"][0] == "failed"
        assert lines["endpoint.br"][1] == "region BR needs the key in BR_KEY, and this variable is not set"
        assert lines["endpoint.br"][2].startswith("export BR_KEY")
        doctor.set(BR_KEY="sk-wrong-0123456789")
        _, lines = doctor()
        assert lines["endpoint.br"][0] == "failed"
        assert lines["endpoint.br"][2] == "set BR_KEY to a valid key"
        assert served.asked == []


@pytest.mark.parametrize(
    ("kind", "why"), [("expired", "certificate has expired"), ("self-signed", "self-signed certificate")]
)
def test_a_certificate_that_is_not_to_be_trusted(doctor: Doctor, tmp_path: Path, kind: str, why: str) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    if kind == "expired":
        authority.issue_cert("127.0.0.1", not_before=yesterday - timedelta(days=9), not_after=yesterday).configure_cert(
            context
        )
    else:
        (tmp_path / "own.pem").write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
        context.load_cert_chain(tmp_path / "own.pem")
        authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    with endpoints(tls=context) as served:
        doctor.set(SSL_CERT_FILE=str(tmp_path / "authority.pem"), BEACON_REGIONS__EU__BASE_URL=f"{served.url}/eu")
        _, lines = doctor()
    status, what, to_do = lines["endpoint.eu"]
    assert status == "failed"
    assert "the certificate was refused" in what
    assert why in what
    assert to_do.startswith("check the certificate, and the host name in beacon.toml")
    assert lines["certificates"][:2] == ("ok", f"trusted: {tmp_path}/authority.pem (SSL_CERT_FILE)")


def test_roots_that_cannot_be_read(doctor: Doctor) -> None:
    doctor.set(SSL_CERT_FILE="/nowhere/roots.pem")
    code, lines = doctor()
    assert code == 1
    assert lines["certificates"][0] == "failed"
    assert lines["certificates"][2].startswith("set SSL_CERT_FILE to a file or folder with certificates")


def test_a_dead_proxy(doctor: Doctor, regions: Deployed) -> None:
    dead = f"http://user:s3cret-word@127.0.0.1:{free_port()}"
    doctor.set(BEACON_REGIONS__EU__BASE_URL=f"{regions.url}/eu", BEACON_REGIONS__EU__PROXY_ENV="WAY", WAY=dead)
    code, lines = doctor()
    assert code == 1
    status, what, to_do = lines["proxy"]
    assert status == "failed"
    assert what == f"{dead.replace('user:s3cret-word@', '')} (WAY) cannot be reached: connection refused"
    assert to_do.startswith("start it, or correct or unset WAY")
    assert lines["endpoint.eu"][0] == "failed"
    assert "through the proxy" in lines["endpoint.eu"][1]
    (doctor.folder / "beacon.toml").write_text(f'[regions.us]\nproxy = "http://127.0.0.1:{free_port()}"\n')
    doctor.set(BEACON_REGIONS__EU__PROXY_ENV="", BEACON_REGIONS__US__BASE_URL=f"{regions.url}/us")
    assert doctor()[1]["proxy"][2].startswith("start it, or correct or remove proxy in beacon.toml; NO_PROXY")
    doctor.set(HTTPS_PROXY="http://nonsense:0")
    assert doctor()[1]["proxy"][:2] == ("failed", "HTTPS_PROXY does not name a usable proxy")


def test_a_clock_that_is_off_by_the_endpoints_date(doctor: Doctor, regions: Deployed) -> None:
    tomorrow = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    regions.eu.always["models"] = http(200, regions.eu.models, Date=tomorrow)
    regions.us.always["models"] = http(200, regions.us.models, Date=tomorrow, Age="7200")
    doctor.set(**regions.environment())
    code, lines = doctor()
    assert code == 0
    status, what, to_do = lines["endpoint.eu"]
    assert status == "warning"
    assert "this machine's clock is 2h 00m behind this endpoint's" in what or "1h 59m behind" in what
    assert to_do.startswith("set the clock of the machine that is wrong")


def test_two_regions_that_ask_the_same_endpoint(doctor: Doctor, regions: Deployed) -> None:
    doctor.set(**{**regions.environment(), "BEACON_REGIONS__EU__BASE_URL": f"{regions.url}/us"})
    _, lines = doctor()
    assert lines["endpoints"][0] == "failed"
    assert "have the same inference URL" in lines["endpoints"][1]


def test_an_endpoint_that_never_answers_is_told_so_and_stops_nothing(
    doctor: Doctor, regions: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon_cli.checkup.regions.ANSWER_SECONDS", 0.5)
    regions.us.wait = 2.0
    doctor.set(**regions.environment())
    _, lines = doctor()
    assert lines["endpoint.us"][0] == "warning"
    assert "no answer in 0.5 s" in lines["endpoint.us"][1]
    assert lines["endpoint.us"][2] == "a cold region takes longer: beacon verify endpoints waits for it"
    assert lines["endpoint.eu"][0] == "ok"
