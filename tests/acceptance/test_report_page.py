"""The page of `beacon report` in a real browser: what is read, what works by keyboard, and that nothing in it acts."""

from __future__ import annotations

import functools
import http.server
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.comparison.options import Options
from beacon_cli.records.find_job import find_job
from beacon_cli.report.report import write_report
from tests.acceptance.conftest import Machine
from tests.support import hostile_job, report_jobs
from tests.support.browser import CONTRASTS, Reader, reading
from tests.support.in_process import beacon
from tests.support.vocabulary import REGIONS, REGISTRY


@pytest.fixture(scope="module")
def reports(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two reports: `demo.html`, written by `beacon report`, and `hostile.html`."""
    folder = tmp_path_factory.mktemp("reports")
    machine.like_new()
    with psycopg.connect(machine.url, autocommit=True) as connection:
        report_jobs.store(connection, report_jobs.ReportJob())
        hostile_job.store(connection)
        write_report(
            connection,
            find_job(connection, hostile_job.JOB, regions=REGIONS),
            Options(),
            folder / "hostile.html",
            models=REGISTRY,
        )
    done = beacon("report", "bias-demo-1", "--output", str(folder / "demo.html"), url=machine.url)
    assert (done.code, done.err) == (0, "")
    return folder


@pytest.fixture(scope="module")
def reader(reports: Path) -> Iterator[Reader]:
    with reading(reports.as_uri()) as reader:
        yield reader


def visible(page: Any, selector: str) -> int:
    return int(page.locator(selector).filter(visible=True).count())


def test_a_reader_finds_the_findings_then_the_verdicts_then_the_answers(reader: Reader) -> None:
    with reader.reading("demo.html") as page:
        text = page.inner_text("body")
        first = ("✗ incomplete", "1 answer of 240 missing", "Over the whole job", "What became of the answers")
        then = ("≠ different", "Map of effects", "Answers side by side", "Latency by", "Timeline of", "Checks of")
        places = [text.index(part) for part in (*first, *then)]
        assert page.inner_text("h1") == "Regional bias, first demo"
        assert page.text_content("#map").count("not shown") == 15 + 1
        assert page.inner_text("#questions tbody tr").split()[:2] == ["tiananmen_neutral", "qwen2.5-1.5b"]
    assert places == sorted(places)


def test_nothing_is_asked_for_and_nothing_is_complained_of(reader: Reader) -> None:
    for name in ("demo.html", "hostile.html"):
        with reader.reading(name) as page:
            page.wait_for_load_state("networkidle")
            assert page.evaluate("violations") == []
            assert reader.requests == [reader.address(name)]
            assert reader.complaints == []


@pytest.mark.fault(51, "answers, ids, names and errors that are scripts, markup, styles and templates, in a browser")
def test_no_text_of_a_job_acts_in_the_page(reader: Reader) -> None:
    with reader.reading("hostile.html") as page:
        page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
        page.locator("article").first.scroll_into_view_if_needed()  # what is far away is not laid out
        expect = pytest.importorskip("playwright.sync_api").expect
        expect(page.locator("article").first).to_contain_text("<script>pwned(4)</script>", use_inner_text=True)
        shown = page.inner_text("body")
        for part in ("<script>pwned(4)</script>", "{{7*7}}", "</style><style>", "javascript:pwned(6)", r"\x1b[31mred"):
            assert part in shown
        for node in page.query_selector_all(".text, bdi, summary")[:60]:
            node.hover(force=True)
        assert page.evaluate("acted") == []
        assert page.query_selector_all("main img, iframe, form, base, meta[http-equiv=refresh], foreignObject") == []
        assert page.evaluate("document.scripts.length") == 1
        assert page.evaluate("document.styleSheets.length") == 1
        assert page.evaluate("[...document.links].filter((link) => link.protocol !== 'file:').length") == 0
        assert page.evaluate("document.querySelectorAll('[style], [onclick], [onerror], [onload]').length") == 0
        assert "\u202e" not in page.content()
        assert "49 " not in page.inner_text("#answers")
    assert reader.complaints == []


@pytest.mark.fault(51, "markup that acts is put into the page itself, as if escaping had failed")
def test_the_policy_holds_even_if_markup_got_through(reader: Reader) -> None:
    with reader.reading("demo.html") as page:
        page.evaluate(
            """() => document.body.insertAdjacentHTML("beforeend",
            '<img src="https://evil.example/x.png" onerror="pwned(1)"><a id=a href="javascript:pwned(2)">x</a>'
            + '<iframe src="https://evil.example"></iframe><p style="color: red">x</p>')"""
        )
        page.evaluate("document.getElementById('a').click()")
        page.wait_for_timeout(300)
        assert page.evaluate("acted") == []
        refused = set(page.evaluate("violations"))
        assert {"img-src", "frame-src", "style-src-attr"} <= refused
        assert [url for url in reader.requests if "evil" in url and not url.startswith("https://evil.example")] == []


def test_the_filter_works_from_the_keyboard(reader: Reader) -> None:
    with reader.reading("demo.html") as page:
        assert visible(page, "article.group") == 16
        page.focus("#filter-text")
        page.keyboard.type("tiananmen")
        assert visible(page, "article.group") == 2
        assert visible(page, "#map tbody tr") == 1
        assert page.inner_text("#filter-told") == "2 of 16 sets of answers shown"
        page.keyboard.press("Tab")
        page.keyboard.type("different")
        assert visible(page, "article.group") == 1
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type("ASIA")
        assert visible(page, "article.group .column") == 2  # the typical answer, and the furthest one
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert visible(page, "article.group") == 16
        assert page.evaluate("document.activeElement.id") == "filter-text"


def test_a_link_of_the_map_shows_answers_that_the_filter_had_hidden(reader: Reader) -> None:
    with reader.reading("demo.html") as page:
        page.select_option("#filter-inside", "llama3.2-1b")
        page.click("#questions tbody a")
        page.wait_for_selector("article.group.different", state="visible")


def test_the_first_stop_of_the_keyboard_is_the_way_to_the_findings(reader: Reader) -> None:
    with reader.reading("demo.html") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
        assert page.locator(".skip-link").bounding_box()["y"] >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#status"


@pytest.mark.parametrize("name", ["demo.html", "hostile.html"])
def test_a_phone_scrolls_only_down(reader: Reader, name: str) -> None:
    with reader.reading(name, width=390) as page:
        page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(reader: Reader, scheme: str) -> None:
    with reader.reading("demo.html", color_scheme=scheme) as page:
        page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
        page.evaluate(
            "for (const group of document.querySelectorAll('.group')) group.style.contentVisibility = 'visible'"
        )
        assert page.evaluate("document.querySelectorAll('.other .text')[150].getClientRects().length") == 1
        assert page.evaluate(CONTRASTS) == []
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(22, 24, 27)") == (scheme == "dark")


def test_on_paper_every_repeat_is_there_and_the_filter_is_not(reader: Reader) -> None:
    with reader.reading("demo.html") as page:
        assert visible(page, "article.group:first-of-type .other .text") == 0
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert visible(page, "article.group:first-of-type .other .text") == 12
        assert not page.is_visible("#filter")
        page.emulate_media(media="screen")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert visible(page, "article.group:first-of-type .other .text") == 0
        assert page.pdf().startswith(b"%PDF")


def test_without_scripts_everything_is_there_but_the_filter(reader: Reader) -> None:
    with reader.reading("demo.html", java_script_enabled=False) as page:
        assert visible(page, "article.group") == 16
        assert not page.is_visible("#filter")


def test_tables_and_plots_say_what_they_are(reader: Reader) -> None:
    with reader.reading("demo.html") as page:
        assert page.evaluate("[...document.querySelectorAll('table')].every((table) => table.caption)")
        assert page.evaluate("[...document.querySelectorAll('th')].every((head) => head.scope)")
        assert page.evaluate("[...document.querySelectorAll('svg')].every((plot) => plot.querySelector('desc'))")
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
        links = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].map((link) => link.hash.slice(1))")
        levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((head) => +head.tagName[1])")
    assert len(ids) == len(set(ids))
    assert set(links) <= set(ids)
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_served_from_somewhere_it_asks_for_nothing_else(reader: Reader, reports: Path) -> None:
    handler = functools.partial(_Quiet, directory=str(reports))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/demo.html"
        with reader.reading("demo.html") as page:
            reader.requests.clear()
            page.goto(address)
            page.wait_for_load_state("networkidle")
            assert reader.requests == [address]
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
