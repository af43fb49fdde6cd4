"""The plots: drawn by matplotlib, rebuilt from what is known to be harmless, the same every time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from beacon_cli.html.colours import colour_number
from beacon_cli.html.style import style
from beacon_cli.report.charts import latency_chart, plotting, timeline_chart
from beacon_cli.report.svg import Drawing, inline_svg
from beacon_cli.report.timeline import Timeline

REGIONS = ("US", "EU")
HOSTILE = '$x^2$ <script>alert(1)</script> "onload=\u202e&'
START = datetime(2026, 1, 2, tzinfo=UTC)


def execution(at: float, seconds: float = 1.0, **columns: Any) -> Any:
    values = {"region": "US", "model_id": "m", "container_id": "c1", "run_id": "r1", "question_id": "q1", "repeat": 0}
    values |= {"status": "completed", "hops": 0, "arm": 0}
    values |= {"started_at": START + timedelta(seconds=at), "completed_at": START + timedelta(seconds=at + seconds)}
    return SimpleNamespace(**{**values, **columns})


def timeline(*executions: Any, most: int = 100) -> Timeline:
    made = Timeline(most)
    for each in executions:
        made.add(each)
    return made


def drawn(*executions: Any) -> str:
    with plotting():
        return str(timeline_chart(timeline(*executions).runs()[0], 1, REGIONS))


def latency(**seconds: list[float]) -> str:
    with plotting():
        return str(latency_chart({(region, HOSTILE): values for region, values in seconds.items()}, REGIONS))


def test_a_plot_has_nothing_but_shapes_texts_and_markers() -> None:
    root = ElementTree.fromstring(latency(US=[1.0, 2.0], EU=[1.5]))
    assert {node.tag for node in root.iter()} <= {"svg", "title", "desc", "path", "text", "defs", "use"}
    attributes = {name for node in root.iter() for name in node.attrib}
    assert "style" not in attributes
    assert not [name for name in attributes if name.startswith("on")]


def test_colours_are_classes_so_that_they_follow_the_theme() -> None:
    plot = latency(US=[1.0, 2.0], EU=[1.5])
    assert "s-region-0" in plot
    assert "s-region-1" in plot
    assert not re.search(r"#[0-9a-f]{6}", plot)


def test_eight_regions_have_colours_of_their_own_and_the_page_knows_all() -> None:
    assert [colour_number(place) for place in (0, 7, 8, 20)] == [0, 7, 8, 8]
    for number in range(9):
        assert style().count(f"--region-{number}: #") == 2
        for name, what in (("dot.region", "color"), ("f-region", "fill"), ("s-region", "stroke")):
            assert f".{name}-{number} {{ {what}: var(--region-{number}); }}" in style()
    assert [number for number in range(9) if f".edge-{number} {{" not in style()] == [8]


def test_foreign_text_is_text_neither_a_formula_nor_markup() -> None:
    plot = latency(US=[1.0])
    assert "<script" not in plot
    assert "\u202e" not in plot
    assert "US · $x^2$ &lt;script&gt;" in plot


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert latency(US=[1.0, 2.0], EU=[1.5]) == latency(US=[1.0, 2.0], EU=[1.5])


def test_what_the_user_configured_of_matplotlib_does_not_matter(tmp_path: Path) -> None:
    import matplotlib as mpl

    plain = latency(US=[1.0])
    with mpl.rc_context({"text.usetex": True, "axes.facecolor": "black", "svg.fonttype": "path"}):
        assert latency(US=[1.0]) == plain


def test_a_plot_is_named_and_described() -> None:
    root = ElementTree.fromstring(latency(US=[1.0, 3.0]))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "latency-plot-title latency-plot-desc"
    assert [root[0].tag, root[1].tag] == ["title", "desc"]
    assert "median 2.00 s" in (root[1].text or "")


def test_a_thousand_answers_are_thinned_to_so_many_strokes() -> None:
    plot = latency(US=[number / 1000 for number in range(10_000)])
    assert plot.count("s-region-0") <= 2_000


@pytest.mark.parametrize("seconds", [[1.0, 2.0, 9.0], [1.0] * 20 + [300.0], [0.0, 1.0], [0.0], [-0.1, 0.0, 1.0, 80.0]])
def test_every_stroke_is_inside_the_plot(seconds: list[float]) -> None:
    root = ElementTree.fromstring(latency(US=seconds))
    width = float(root.get("viewBox", "").split()[2])
    strokes = [node.get("d", "").split() for node in root.iter("path") if node.get("class") == "s-region-0"]
    assert len(strokes) == len(seconds)
    assert all(0 < float(stroke[1]) < width for stroke in strokes if seconds[0] >= 0)


def test_a_timeline_has_a_titled_bar_for_each_execution() -> None:
    plot = drawn(execution(0), execution(1, hops=2), execution(2, status="failed", question_id=HOSTILE))
    titles = [node.text or "" for node in ElementTree.fromstring(plot).iter("title")][1:]
    assert titles[:2] == ["q1: 1.00 s, the container's first", "q1: 1.00 s, 2 hops"]
    assert titles[2].endswith("1.00 s, failed")
    assert "\u202e" not in titles[2]


def test_the_first_executions_by_time_are_kept_in_whatever_order_they_come() -> None:
    made = timeline(*(execution(at) for at in (5, 1, 4, 2, 3)), most=3)
    [run] = made.runs()
    assert [bar.started - START.timestamp() for bar in run.bars] == [1, 2, 3]
    assert made.timed == 5


def test_a_container_is_cold_once_in_each_run() -> None:
    made = timeline(execution(2), execution(0), execution(9, run_id="r2"), execution(1, container_id="c2"))
    cold = {
        (bar.run_id, bar.container): bar.started - START.timestamp()
        for run in made.runs()
        for bar in run.bars
        if bar.cold
    }
    assert cold == {("r1", "c1"): 0, ("r1", "c2"): 1, ("r2", "c1"): 9}
    assert made.containers == 2


def test_what_names_no_container_or_no_time_is_not_drawn() -> None:
    assert timeline(execution(0, container_id=None), execution(0, started_at=None)).runs() == []


@pytest.mark.parametrize("inside", ["<script>alert(1)</script>", "<image href='x'/>", "<foreignObject/>", "<style/>"])
def test_elements_that_a_plot_does_not_need_are_dropped(inside: str) -> None:
    plot = f'<svg viewBox="0 0 1 1"><g>{inside}<path d="M 0 0.123456" onclick="x" style="fill: #010101"/></g></svg>'
    made = str(inline_svg(plot, Drawing("p", "title", "text")))
    assert made.endswith('<path d="M 0 0.1" class="f-ink"/></svg>')
    assert "alert" not in made
