"""The answers of one subject, side by side by region (or model), with the words marked that only one of them has."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.distance import MEASURES, distances
from beacon_cli.comparison.nearly_alike import Kind, NearlyAlikeGroups, between_groups
from beacon_cli.comparison.refusal import RefusalRule
from beacon_cli.comparison.verdicts import Judged, Verdict
from beacon_cli.comparison.words import words
from beacon_cli.html.colours import colour_number
from beacon_cli.report.answer_sets import Answer, AnswerSet, Key, key_of
from beacon_cli.report.differences import Piece, Shared, pieces, shared_words

_TOLD_APART: frozenset[Verdict] = frozenset({"different", "deterministic_different", "untestable"})
_MOST_TWINS = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer in pieces. `refusal` has the words because of which it counts as a refusal."""

    answer: Answer
    pieces: tuple[Piece, ...]
    words: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A group's answers: the one that is closest to all, and the others.

    `share` is the share of words in common with the reference, which itself has None. `colour` is the number of the
    group.
    """

    group: str
    colour: int
    share: float | None
    chosen: Shown
    others: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Apart:
    """One of the two answers of different groups that are furthest apart, with the words that only it has marked."""

    group: str
    colour: int
    shown: Shown


@dataclass(frozen=True, slots=True)
class Twins:
    """Two sentences of two groups that are nearly alike, with what tells them apart marked."""

    groups: tuple[str, str]
    kinds: tuple[Kind, ...]
    one: tuple[Piece, ...]
    other: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """What the page shows of one subject. `reference` is the group whose answer the others are compared with.

    `furthest` are two answers that carry the difference, if there is one; `twins` the sentences of these and of the
    typical answers that are nearly alike.
    """

    anchor: str
    question_id: str
    inside: str
    prompt: str
    result: Judged
    columns: tuple[Column, ...]
    furthest: tuple[Apart, ...]
    twins: tuple[Twins, ...]
    reference: str
    left_out: int


def groups(
    comparison: Comparison, shown: Mapping[Key, AnswerSet], names: Sequence[str], rule: RefusalRule
) -> Iterator[Group]:
    """Yield what is shown, in the order of the job's questions; each is built only when needed.

    `names` are those of the groups that are compared, in their usual order.
    """
    anchors = anchors_of(comparison)
    for result in comparison.results:
        key = key_of(result.subject)
        if found := shown.get(key):
            columns = tuple(_columns(found, names, rule, comparison.measure))
            reference = next((column.group for column in columns if column.chosen.answer.status == "completed"), "")
            furthest = _furthest(found, result, names, rule, comparison.measure)
            yield Group(
                anchor=anchors[key],
                question_id=result.subject.question_id,
                inside=result.subject.inside,
                prompt=found.prompt,
                result=result,
                columns=columns,
                furthest=furthest,
                twins=_twins(columns, furthest) if result.verdict in _TOLD_APART else (),
                reference=reference,
                left_out=found.repeats_left_out,
            )


def anchors_of(comparison: Comparison) -> dict[Key, str]:
    """Return the id in the page of each subject's answers."""
    return {key_of(result.subject): f"answers-{number}" for number, result in enumerate(comparison.results, 1)}


def _columns(found: AnswerSet, names: Sequence[str], rule: RefusalRule, measure: str) -> Iterator[Column]:
    by_group: dict[str, list[Answer]] = {}
    for answer in found.answers:
        by_group.setdefault(answer.group, []).append(answer)
    ordered = sorted(by_group, key=lambda group: _place(group, names))
    chosen = {group: _representative(by_group[group], measure) for group in ordered}
    reference = next((group for group in ordered if chosen[group].status == "completed"), None)
    common = {
        group: shared_words(chosen[reference].text, answer.text)
        for group, answer in chosen.items()
        if reference not in (None, group) and answer.status == "completed"
    }
    for group in ordered:
        others = tuple(_shown(answer, (), rule) for answer in by_group[group] if answer is not chosen[group])
        marked = _marked(chosen[group].text, common, None if group == reference else group)
        share = common[group].share if group in common else None
        yield Column(group, colour_number(_place(group, names)), share, _shown(chosen[group], marked, rule), others)


def _furthest(
    found: AnswerSet, result: Judged, names: Sequence[str], rule: RefusalRule, measure: str
) -> tuple[Apart, ...]:
    """Return the two answers of different groups that are furthest apart, where the verdict is `different`.

    One of them is from a group that stands apart, if any does.
    """
    answered = [answer for answer in found.answers if answer.status == "completed"]
    special = set(result.apart or (result.most_apart,))
    pairs = [
        (one, other)
        for one, other in itertools.combinations(range(len(answered)), 2)
        if answered[one].group != answered[other].group and special & {answered[one].group, answered[other].group}
    ]
    if result.verdict != "different" or not pairs:
        return ()
    matrix = distances([answer.text for answer in answered], MEASURES[measure])
    chosen = [answered[place] for place in max(pairs, key=lambda pair: matrix[pair])]
    shared = shared_words(chosen[0].text, chosen[1].text)
    marks = (pieces(chosen[0].text, shared.reference), pieces(chosen[1].text, shared.text))
    return tuple(
        Apart(answer.group, colour_number(_place(answer.group, names)), _shown(answer, marked, rule))
        for answer, marked in zip(chosen, marks, strict=True)
    )


def _twins(columns: Sequence[Column], furthest: Sequence[Apart]) -> tuple[Twins, ...]:
    """Return the sentences that are nearly alike, of the typical answers and of those that are furthest apart."""
    typical = {each.group: each.chosen.answer for each in columns}
    answers = [typical, {each.group: each.shown.answer for each in furthest}]
    found = dict.fromkeys(
        each
        for some in answers
        for each in between_groups({name: answer.text for name, answer in some.items() if answer.status == "completed"})
    )
    return tuple(_twin(each) for each in itertools.islice(found, _MOST_TWINS))


def _twin(found: NearlyAlikeGroups) -> Twins:
    one, other = found.found.one, found.found.other
    shared = shared_words(one, other)
    return Twins(found.groups, found.found.kinds, pieces(one, shared.reference), pieces(other, shared.text))


def _marked(text: str, common: Mapping[str, Shared], group: str | None) -> tuple[Piece, ...]:
    """Return the answer in pieces; the reference's own words are those that no other group has."""
    if group is not None:
        return pieces(text, common[group].text) if group in common else ()
    return pieces(text, frozenset().union(*(shared.reference for shared in common.values()))) if common else ()


def _representative(answers: Sequence[Answer], measure: str) -> Answer:
    """Return the answer that is closest to the others of its group; without any text, the first execution."""
    answered = [answer for answer in answers if answer.status == "completed"]
    if len(answered) < 3:  # of two answers, neither is closer
        return answered[0] if answered else answers[0]
    sums = distances([answer.text for answer in answered], MEASURES[measure]).sum(axis=1)
    return answered[int(sums.argmin())]


def _shown(answer: Answer, marked: tuple[Piece, ...], rule: RefusalRule) -> Shown:
    refusal = rule.hit(answer.text) if answer.status == "completed" else None
    return Shown(answer, marked or (Piece(answer.text, own=False),), len(words(answer.text)), refusal)


def _place(group: str, names: Sequence[str]) -> int:
    return names.index(group) if group in names else len(names)
