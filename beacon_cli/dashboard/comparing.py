"""The process that makes one comparison: a request on stdin, a part of a page on stdout."""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from beacon_cli.dashboard.comparisons import Request, ResultRow
from beacon_cli.errors import BeaconError

if TYPE_CHECKING:
    from beacon_cli.comparison.verdicts import Judged, Subject

_BUDGET = 150_000  # characters of answers in the page, whose links lead to all of them


def main() -> None:
    """Read a `Request`, and write a JSON object: `html` and `results`, or `message` and `hint`."""
    request: Request = pickle.load(sys.stdin.buffer)  # from the dashboard, which started this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        said = _compared(request)
    except BeaconError as error:
        said = {"message": error.message, "hint": error.hint or ""}
    sys.stdout.write(json.dumps(said))


def _end_with_parent() -> None:
    """End this process when stdin ends: the dashboard is gone, and nobody would see the comparison."""
    os.read(0, 1)
    os._exit(1)


def _compared(request: Request) -> dict[str, Any]:
    from beacon_cli.comparison.options import chosen_options
    from beacon_cli.dashboard.addresses import job_address
    from beacon_cli.records.find_job import find_job
    from beacon_cli.report.judgement import judgement_html
    from beacon_cli.report.report import collected_report
    from beacon_cli.store.connect import connect_readonly

    def answers_at(subject: Subject) -> str:
        return job_address(job.id, "answers", question=subject.question_id, model=subject.inside)

    options = chosen_options(None, None, None, (), None)
    vocabulary = request.vocabulary
    with connect_readonly(request.url) as connection:
        job = find_job(connection, request.job_id, regions=vocabulary.regions)
        report = collected_report(
            connection, job, options, models=vocabulary.models, budget=_BUDGET, made_at=datetime.now(UTC)
        )
    results = [_row(result) for result in report.comparison.results]
    return {"html": judgement_html(report, options.rule, answers_at=answers_at), "results": results}


def _row(result: Judged) -> ResultRow:
    """Return what the list of results shows of one."""
    return ResultRow(
        question_id=result.subject.question_id,
        inside=result.subject.inside,
        verdict=result.verdict,
        effect=result.difference.effect if result.difference else None,
        between=result.between,
        q_value=result.least_q_value,
        apart=", ".join(result.apart) or result.most_apart or "",
    )


if __name__ == "__main__":
    main()
