"""Certificates that must not be trusted, and a way out of TLS that must not be taken."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from tests.acceptance.conftest import Beacon
from tests.support.hostile_endpoints import always, endpoints, met, run_arguments, write_job
from tests.support.invariant import assert_invariant
from tests.support.raw_server import http


def context_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def self_signed(beacon: Beacon) -> ssl.SSLContext:
    own = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(beacon.write("own.pem", own.private_key_pem.bytes() + own.cert_pem.bytes()))
    return context


@pytest.mark.fault(39, "303 from https to http")
@pytest.mark.fault(40, "an expired, a self-signed and a wrong host's certificate, and one of an unknown authority")
def test_a_bad_certificate_is_refused_and_nothing_is_sent_another_way(hurt: Beacon) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    hurt.environment["SSL_CERT_FILE"] = hurt.write("authority.pem", authority.cert_pem.bytes())
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificates = {
        "us": authority.issue_cert("127.0.0.1"),
        "eu": authority.issue_cert("127.0.0.1", not_before=yesterday - timedelta(days=9), not_after=yesterday),
        "apac": authority.issue_cert("elsewhere.example.test"),
    }
    downgrade = "a way out of https"
    with ExitStack() as stack:
        served = {
            region: stack.enter_context(endpoints(tls=context_of(certificate)))
            for region, certificate in certificates.items()
        }
        served["us"].faults = {downgrade: always(http(303, Location=served["us"].url.replace("https", "http") + "/x"))}
        for region, one in served.items():
            hurt.environment |= one.environment(region)
        job = write_job(hurt, ["What is 2+2?", downgrade], regions="[US, EU, ASIA]", attempts=3)
        found = met(hurt, hurt(*run_arguments(hurt, job)))
        assert found.done.returncode == 1
        assert found.outcome("What is 2+2?") == ("completed", None, 1), "a good certificate is trusted"
        assert found.outcome(downgrade) == ("failed", "redirect_refused", 1)
        assert served["us"].asked(downgrade) == (1, 0)
        for label, reason in (("EU", "expired"), ("ASIA", "IP address mismatch")):
            assert found.outcome("What is 2+2?", label) == ("failed", "tls_failed", 1)
            assert reason in found.row("What is 2+2?", label)["error_message"]
        assert not served["eu"].requests + served["apac"].requests
        untrusted = {
            "eu": stack.enter_context(endpoints(tls=context_of(stranger.issue_cert("127.0.0.1")))),
            "apac": stack.enter_context(endpoints(tls=self_signed(hurt))),
        }
        for region, one in untrusted.items():
            hurt.environment |= one.environment(region)
        verified = hurt("verify", "endpoints", "--region", "eu", "--region", "apac")
        assert verified.returncode == 1
        for label in ("EU", "ASIA"):
            assert f"fail  {label}" in verified.stdout
        assert verified.stdout.count("tls_failed") >= 2
        assert "self-signed certificate" in " ".join(verified.stdout.split())
        assert not untrusted["eu"].requests + untrusted["apac"].requests
        assert_invariant(found.aftermath(verified))
