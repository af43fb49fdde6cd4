"""The report of a job: one HTML file with verdicts, answers side by side, rates, plots and how it was run."""

from __future__ import annotations

from beacon_cli.extras import require

require("report", "jinja2", "matplotlib")
