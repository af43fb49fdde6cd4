"""The judgements of the checks: each takes the result of a query and returns a verdict, without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beacon_cli.audit.check import Check, with_examples
from beacon_cli.audit.coverage import CellGroup, Coverage
from beacon_cli.console.formatting import quantity
from beacon_cli.records.cut_off import cut_off_answers
from beacon_cli.records.expectation import Expectation

MAX_GAP_SECONDS = 2.0
CLOCK_TOLERANCE_SECONDS = 5.0
"""Maximum time that a row may be ahead of the database's clock: two machines that use NTP differ by less."""


def complete(expected: Expectation, coverage: Coverage) -> Check:
    """Check that every expected cell has exactly one answer."""
    source = f"expected: {expected.source}"
    if coverage.expected == 0:
        return Check("complete", "fail", f"no cell is expected and no row is stored ({source})")
    if not coverage.deviating:
        return Check("complete", "pass", f"{quantity(coverage.expected, 'cell')} answered exactly once ({source})")
    named = [group for group in coverage.groups if group.deviating][:5]
    unnamed = coverage.deviating - sum(group.deviating for group in named)
    text = incomplete(expected.source, coverage)
    return Check("complete", "fail", with_examples(text, map(_name, named), len(named) + unnamed))


def incomplete(source: str, coverage: Coverage) -> str:
    """Return what is wrong with the cells, in numbers, without names; `source` names the origin of the expectation."""
    faults = {
        "never ran": coverage.never_ran,
        "ran without an answer": coverage.unanswered,
        "answered more than once": coverage.answered_again,
    }
    wrong = ", ".join(f"{number} {fault}" for fault, number in faults.items() if number)
    return f"of {quantity(coverage.expected, 'cell')} {wrong} (expected: {source})"


def no_duplicates(_: Expectation, *, cells: int, executions: int, examples: Sequence[str]) -> Check:
    """Check that no cell has two rows."""
    if not cells:
        return Check("no_duplicates", "pass", "no cell has two rows")
    text = f"{quantity(cells, 'cell')} with {executions} rows"
    return Check("no_duplicates", "fail", with_examples(text, examples, cells))


def no_unexpected(expected: Expectation, *, executions: int, examples: Sequence[str]) -> Check:
    """Check that no row is outside the expected cells."""
    if not executions:
        return Check("no_unexpected", "pass", "no row lies outside the expected cells")
    text = f"{quantity(executions, 'row')} outside the expected cells ({expected.source})"
    return Check("no_unexpected", "fail", with_examples(text, examples, executions))


def question_id(_: Expectation, *, without_question: int, without_model: int) -> Check:
    """Check that every row names its question and its model."""
    if not without_question and not without_model:
        return Check("question_id", "pass", "every row has a question_id and a model_id")
    missing = {"question_id": without_question, "model_id": without_model}
    wrong = ", ".join(f"{quantity(number, 'row')} without {column}" for column, number in missing.items() if number)
    return Check("question_id", "fail", wrong)


def sequential(_: Expectation, *, batches: int, early: int, examples: Sequence[str]) -> Check:
    """Check that no execution starts before the previous question is done."""
    if not batches:
        return Check("sequential", "skip", "no row records when it was started")
    if not early:
        return Check("sequential", "pass", "each question started after the previous one was done")
    text = f"{quantity(early, 'question')} started before an earlier one was done"
    return Check("sequential", "fail", with_examples(text, examples, early))


def batch_gap(
    _: Expectation,
    *,
    queued: int,
    gaps: int,
    longest: float | None,
    long: int,
    examples: Sequence[str],
    explained: int = 0,
) -> Check:
    """Check that every gap between two questions is short, or that the rows explain it."""
    if not queued:
        return Check("batch_gap", "skip", "no row records when it was queued")
    if longest is None:
        return Check("batch_gap", "skip", "no run stored all rows of two questions")
    if explained and not long:
        text = f"{explained} of {quantity(gaps, 'gap')} not under {MAX_GAP_SECONDS:g} s, while the database was away,"
        text = f"{text} another run began, or a region did not answer"
        return Check("batch_gap", "warn", with_examples(text, examples, explained))
    if not long:
        judged = f"{quantity(gaps, 'gap')}, the longest {max(longest, 0.0):.3f} s"
        return Check("batch_gap", "pass", f"{judged} (limit {MAX_GAP_SECONDS:g} s)")
    text = f"{long} of {quantity(gaps, 'gap')} not under {MAX_GAP_SECONDS:g} s"
    return Check("batch_gap", "fail", with_examples(text, examples, long))


def containers(
    expected: Expectation,  # noqa: ARG001
    *,
    runs: int,
    at_first: int,
    late: int,
    bound: int,
    crowded: Sequence[Mapping[str, Any]],
    examples: Sequence[str],
) -> Check:
    """Check that no region had more containers at the same time than its cap; `bound` is the sum of these.

    More containers than that in the first batch, or further ones later, are only a doubt: containers are replaced.
    """
    if not runs:
        return Check("containers", "skip", "no row records its container")
    if crowded:
        faults = (f"{one['at_once']} in {one['region']} (cap {one['cap']})" for one in crowded)
        return Check("containers", "fail", with_examples("more containers at once than the cap", faults, len(crowded)))
    doubts = []
    if at_first > bound:
        doubts.append(f"{at_first} containers in the first batch, of which at most {bound} answered at once")
    if late:
        text = f"{quantity(late, 'container')} first used after the first batch, inside the cap of the region"
        doubts.append(with_examples(text, examples, late))
    if doubts:
        return Check("containers", "warn", "; ".join(doubts))
    inside = "" if runs == 1 else f" in each of {runs} runs"
    return Check(
        "containers",
        "pass",
        f"{quantity(at_first, 'container')} (limit {bound}{inside}), none added later",
    )


def no_hops(expected: Expectation, *, executions: int, hops: int, most: int, refused: int) -> Check:
    """Check that no execution needed a 303, which means a slow answer, not a wrong one.

    The old system did not follow them: its rows name a 303 in an error, or not at all.
    """
    if refused:
        text = f"{quantity(refused, 'row')} whose error names an HTTP 303, which the old system did not follow"
        return Check("no_hops", "warn", text)
    if "hops" in expected.unrecorded:
        return Check("no_hops", "skip", "these tables do not record hops")
    if not executions:
        return Check("no_hops", "pass", "no execution needed an HTTP 303")
    slow = f"{quantity(executions, 'execution')} slow: {quantity(hops, 'HTTP 303 hop')}, at most {most} for one"
    return Check("no_hops", "warn", slow)


def timestamps(_: Expectation, *, backwards: int, future: int, examples: Sequence[str]) -> Check:
    """Check that every row started before it was completed, and that none is in the future."""
    if not backwards and not future:
        return Check("timestamps", "pass", "every row started before it was completed, and none is in the future")
    faults = {"completed before it was started": backwards, "in the future of the database's clock": future}
    wrong = ", ".join(f"{quantity(number, 'row')} {fault}" for fault, number in faults.items() if number)
    return Check("timestamps", "fail", with_examples(wrong, examples, backwards + future))


def answers(
    expected: Expectation,
    *,
    empty: int,
    technical: int,
    texts: int,
    executions: int,
    examples: Sequence[str],
    regions: Sequence[Mapping[str, Any]] = (),
) -> Check:
    """Check that answers have text and come to their end, and that different questions have different answers."""
    ordered = sorted(regions, key=lambda row: expected.known.rank(row["region"]))
    blocked = {row["region"]: row["blocked"] for row in ordered if row["blocked"]}
    shares = {row["region"]: (row["cut_off"], row["with_an_end"]) for row in ordered if row["with_an_end"]}
    cut_off = shares if any(count for count, _ in shares.values()) else {}
    if not (empty or technical or texts or blocked or cut_off):
        return Check("answers", "pass", "every answer has text, and no two questions have the same answer")
    faults = [quantity(empty, "empty answer")] if empty else []
    if blocked:
        where = [f"{region} {count}" for region, count in blocked.items()]
        faults.append(with_examples(quantity(sum(blocked.values()), "blocked answer"), where[:5], len(where)))
    if technical:
        faults.append(f"{quantity(technical, 'answer')} that the old system itself called a technical failure")
    if cut_off:
        faults.append(cut_off_answers(cut_off))
    if texts:
        text = f"{quantity(texts, 'text')} given to different questions ({quantity(executions, 'row')})"
        faults.append(with_examples(text, examples, texts))
    return Check("answers", "warn", "; ".join(faults))


def _name(group: CellGroup) -> str:
    where = f"{group.question_id} · {group.model_id} · {group.region}"
    if group.stored == 0:
        return f"{where} (never ran)"
    if group.actual == 0:
        return f"{where} ({group.status})"
    return f"{where} ({group.actual} of {group.expected})"
