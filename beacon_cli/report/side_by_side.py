"""The answers to one question by one model, side by side by region, with each region's own words marked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.distance import MEASURES, distances
from beacon_cli.comparison.refusal import RefusalRule
from beacon_cli.comparison.verdicts import Judged
from beacon_cli.comparison.words import words
from beacon_cli.report.answer_sets import Answer, AnswerSet, Key
from beacon_cli.report.differences import Piece, Shared, pieces, shared_words


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer in pieces. `refusal` has the words because of which it counts as a refusal."""

    answer: Answer
    pieces: tuple[Piece, ...]
    words: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A region's answers: the one that is closest to all, and the others.

    `share` is the share of words in common with the reference, which itself has None. `colour` is the number of the
    region.
    """

    region: str
    colour: int
    share: float | None
    chosen: Shown
    others: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Apart:
    """One of the two answers of different regions that are furthest apart, with the words that only it has marked."""

    region: str
    colour: int
    shown: Shown


@dataclass(frozen=True, slots=True)
class Group:
    """What the page shows of one subject. `reference` is the region whose answer the others are compared with.

    `furthest` are two answers that carry the difference, if there is one.
    """

    anchor: str
    question_id: str
    model_id: str
    prompt: str
    result: Judged
    columns: tuple[Column, ...]
    furthest: tuple[Apart, ...]
    reference: str
    left_out: int


def groups(
    comparison: Comparison, shown: Mapping[Key, AnswerSet], regions: Sequence[str], rule: RefusalRule
) -> Iterator[Group]:
    """Yield what is shown, in the order of the job's questions; each group is built only when needed."""
    anchors = anchors_of(comparison)
    for result in comparison.results:
        key = (result.subject.question_id, result.subject.model_id)
        if found := shown.get(key):
            columns = tuple(_columns(found, regions, rule, comparison.measure))
            reference = next((column.region for column in columns if column.chosen.answer.status == "completed"), "")
            furthest = _furthest(found, result, regions, rule, comparison.measure)
            yield Group(anchors[key], *key, found.prompt, result, columns, furthest, reference, found.repeats_left_out)


def anchors_of(comparison: Comparison) -> dict[Key, str]:
    """Return the id in the page of each subject's answers."""
    return {
        (result.subject.question_id, result.subject.model_id): f"answers-{number}"
        for number, result in enumerate(comparison.results, 1)
    }


def _columns(found: AnswerSet, regions: Sequence[str], rule: RefusalRule, measure: str) -> Iterator[Column]:
    by_region: dict[str, list[Answer]] = {}
    for answer in found.answers:
        by_region.setdefault(answer.region, []).append(answer)
    ordered = sorted(by_region, key=lambda region: regions.index(region) if region in regions else len(regions))
    chosen = {region: _representative(by_region[region], measure) for region in ordered}
    reference = next((region for region in ordered if chosen[region].status == "completed"), None)
    common = {
        region: shared_words(chosen[reference].text, answer.text)
        for region, answer in chosen.items()
        if reference not in (None, region) and answer.status == "completed"
    }
    for region in ordered:
        others = tuple(_shown(answer, (), rule) for answer in by_region[region] if answer is not chosen[region])
        marked = _marked(chosen[region].text, common, None if region == reference else region)
        share = common[region].share if region in common else None
        yield Column(region, min(_place(region, regions), 4), share, _shown(chosen[region], marked, rule), others)


def _furthest(
    found: AnswerSet, result: Judged, regions: Sequence[str], rule: RefusalRule, measure: str
) -> tuple[Apart, ...]:
    """Return the two answers of different regions that are furthest apart, where the verdict is `different`.

    One of them is from a region that stands apart, if any does.
    """
    answered = [answer for answer in found.answers if answer.status == "completed"]
    special = set(result.apart or (result.most_apart,))
    pairs = [
        (one, other)
        for one, other in itertools.combinations(range(len(answered)), 2)
        if answered[one].region != answered[other].region and special & {answered[one].region, answered[other].region}
    ]
    if result.verdict != "different" or not pairs:
        return ()
    matrix = distances([answer.text for answer in answered], MEASURES[measure])
    chosen = [answered[place] for place in max(pairs, key=lambda pair: matrix[pair])]
    shared = shared_words(chosen[0].text, chosen[1].text)
    marks = (pieces(chosen[0].text, shared.reference), pieces(chosen[1].text, shared.text))
    return tuple(
        Apart(answer.region, min(_place(answer.region, regions), 4), _shown(answer, marked, rule))
        for answer, marked in zip(chosen, marks, strict=True)
    )


def _marked(text: str, common: Mapping[str, Shared], region: str | None) -> tuple[Piece, ...]:
    """Return the answer in pieces; the reference's own words are those that no other region has."""
    if region is not None:
        return pieces(text, common[region].text) if region in common else ()
    return pieces(text, frozenset().union(*(shared.reference for shared in common.values()))) if common else ()


def _representative(answers: Sequence[Answer], measure: str) -> Answer:
    """Return the answer that is closest to the others of its region; without any text, the first execution."""
    answered = [answer for answer in answers if answer.status == "completed"]
    if len(answered) < 3:  # of two answers, neither is closer
        return answered[0] if answered else answers[0]
    sums = distances([answer.text for answer in answered], MEASURES[measure]).sum(axis=1)
    return answered[int(sums.argmin())]


def _shown(answer: Answer, marked: tuple[Piece, ...], rule: RefusalRule) -> Shown:
    refusal = rule.hit(answer.text) if answer.status == "completed" else None
    return Shown(answer, marked or (Piece(answer.text, own=False),), len(words(answer.text)), refusal)


def _place(region: str, regions: Sequence[str]) -> int:
    return regions.index(region) if region in regions else len(regions)
