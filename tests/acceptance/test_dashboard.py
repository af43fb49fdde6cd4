"""`beacon dashboard` as it is installed, in a real browser, beside a job that runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from beacon_cli.dashboard.addresses import job_address
from tests.acceptance.conftest import Beacon, Machine
from tests.support import hostile_job, report_jobs
from tests.support.browser import CONTRASTS, Reader, reading
from tests.support.in_process import PROGRAM
from tests.support.regions_server import Regions, regions_server
from tests.support.warm_start import Running

SILENT: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
NAME = "A job\u202e that runs <script>pwned(1)</script>"


@contextmanager
def dashboard(beacon: Beacon) -> Iterator[dict[str, Any]]:
    """Yield what it prints; at its end it was interrupted, ended with 0, and nothing listens at its port."""
    process = beacon.begin("dashboard", "--json")
    assert process.stdout is not None
    try:
        printed = json.loads(process.stdout.readline())
        yield printed["data"]
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=300)
    assert (process.returncode, rest) == (0, "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", printed["data"]["port"]))


@contextmanager
def ended(process: Running) -> Iterator[None]:
    """Leave no process behind, whatever goes wrong."""
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Reader]:
    with reading("") as reader:
        yield reader


@contextmanager
def let_in(browser: Reader, url: str, **options: Any) -> Iterator[Any]:
    """Yield a page that came in by the printed address, and has left it for one without the token."""
    parts = urlsplit(url)
    browser.base = f"{parts.scheme}://{parts.netloc}"
    with browser.reading(f"?{parts.query}", **options) as page:
        page.wait_for_url(f"{browser.base}/")
        yield page


def store(machine: Machine) -> None:
    with psycopg.connect(machine.url, autocommit=True) as connection:
        report_jobs.store(connection, report_jobs.ReportJob())
        hostile_job.store(connection)


def test_a_running_job_is_shown_without_reloading_until_it_is_over(beacon: Beacon, browser: Reader) -> None:
    job = {"id": "now", "name": NAME, "models": ["llama3.2-1b"], "regions": ["US", "EU", "ASIA"], "repeats": 1}
    job["questions"] = [{"id": f"q{number}", "text": f"Question {number}?"} for number in range(4)]
    with regions_server(Regions(hop_first=True, answers=6, models=["llama3.2-1b"])) as regions, dashboard(beacon) as at:
        for region in ("us", "eu", "apac"):
            beacon.environment[f"BEACON_REGIONS__{region.upper()}__BASE_URL"] = f"{regions.url}/{region}"
        run = beacon.begin("run", beacon.write("job.json", json.dumps(job)), **SILENT)
        with ended(run), let_in(browser, at["url"]) as page:
            page.set_default_timeout(300_000)
            row = page.get_by_role("link", name="now", exact=True)
            row.wait_for()
            row.click()
            page.get_by_text("6 of 12 answers are stored").wait_for()
            page.get_by_text("question 3 of 4: q2").wait_for()
            page.locator("[data-live='in_flight']", has_text="3").wait_for()
            assert page.inner_text("h2 .status") == "running"
            assert page.inner_text("[data-live='hops']") == "6"
            page.evaluate("window.same = true")
            regions.answers = 9
            page.get_by_text("9 of 12 answers are stored").wait_for()
            assert page.evaluate("window.same")
            assert page.inner_text("[data-live='lane.0.1']") == "3/4"
            regions.answers = None
            page.get_by_text("12 of 12 answers are stored").wait_for()
            page.locator("h2 .status.completed").wait_for()
            assert r"\u202e" in page.inner_text(".lead")
            assert page.evaluate("[acted, violations]") == [[], []]
            assert run.wait(300) == 0
        assert browser.complaints == []
        assert all(request.startswith(browser.base) for request in browser.requests if not request.startswith("data:"))


def test_the_pages_can_be_read_on_a_phone_in_the_dark_and_by_keyboard(
    machine: Machine, beacon: Beacon, browser: Reader
) -> None:
    store(machine)
    paths = ("/", "/fleet", "/jobs/bias-demo-1", job_address(hostile_job.JOB), "/jobs/none")
    with dashboard(beacon) as at:
        for scheme in ("light", "dark"):
            with let_in(browser, at["url"], width=390, color_scheme=scheme) as page:
                for path in paths:
                    page.goto(f"{browser.base}{path}")
                    assert page.evaluate("document.documentElement.scrollWidth") <= 390
                    assert page.evaluate(CONTRASTS) == []
                    assert page.evaluate("[acted, violations]") == [[], []]
                    assert page.evaluate("[...document.querySelectorAll('table')].every((table) => table.caption)")
                    assert page.evaluate("[...document.querySelectorAll('th')].every((head) => head.scope)")
                    assert page.evaluate("document.querySelectorAll('main, h1, nav[aria-label]').length") >= 3
        with let_in(browser, at["url"]) as page:
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
            page.keyboard.press("Enter")
            page.wait_for_url("**/#main")
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.id") == "text"
            page.keyboard.type("SCRIPT")
            page.keyboard.press("Enter")
            page.wait_for_url("**/?text=SCRIPT*")
            [link] = page.query_selector_all("tbody a")
            link.click()
            page.get_by_role("heading", level=1, name=hostile_job.JOB, exact=True).wait_for()
            page.wait_for_selector("progress")
            assert page.evaluate("[acted, violations]") == [[], []]
    assert [text for text in browser.complaints if "404" not in text] == []


def test_without_scripts_a_page_reloads_itself(machine: Machine, beacon: Beacon, browser: Reader) -> None:
    store(machine)
    with dashboard(beacon) as at, let_in(browser, at["url"], java_script_enabled=False) as page:
        page.goto(f"{browser.base}{job_address(hostile_job.JOB)}")
        assert page.locator("noscript meta[http-equiv='refresh']").count() == 1
        assert page.inner_text("h1") == hostile_job.JOB


@pytest.mark.parametrize("closed", [">&-", "| exit 0"])
def test_without_a_stdout_nobody_would_see_the_address_and_it_ends(beacon: Beacon, closed: str) -> None:
    line = f'"$0" -c "{PROGRAM}" dashboard {closed}; exit "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", line, sys.executable], env=beacon.variables(), timeout=300, check=False)
    assert done.returncode == 141


def test_the_browser_is_given_a_file_so_that_no_process_list_has_the_token_and_is_not_waited_for(
    beacon: Beacon,
) -> None:
    pid = beacon.folder / "pid"
    seen = beacon.folder / "seen"
    lines = (
        "#!/bin/sh",
        f'(echo "$*"; cat "${{1#file://}}") > {seen}.new',
        f"mv {seen}.new {seen}",
        f"echo $$ > {beacon.folder}/pid",
        "exec sleep 600",
    )
    script = Path(beacon.write("browser", "\n".join(lines)))
    script.chmod(0o755)
    beacon.environment["BROWSER"] = f"{script} %s"
    process = beacon.start("dashboard", "--open")
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    while not (seen.exists() and pid.exists() and pid.read_text().endswith("\n")):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(timeout=300) == 128 + signal.SIGTERM
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)
        process.communicate(timeout=300)
    arguments, content = seen.read_text().split("\n", 1)
    assert url.partition("=")[2] not in arguments
    assert url in content
