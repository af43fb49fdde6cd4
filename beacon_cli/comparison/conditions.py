"""What has to be equal so that a difference can come only from the region: weights, hardware, prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from beacon_cli.comparison.assumptions import ASSUMPTIONS
from beacon_cli.comparison.verdicts import Subject
from beacon_cli.console.excerpts import differing_excerpts
from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.records.stored_answer import StoredExecution
from modal_deployment.regions import Regions
from modal_deployment.registry import Model

_VALUES_SHOWN = 3
_REGION = "region"
_MODEL = "model"
_OF_THE_MODEL = frozenset({_MODEL, "model_revision"})


@dataclass(frozen=True, slots=True)
class Incomparable:
    """A condition that differs, or an assumption that does not hold; `accepted` if that is intended."""

    name: str
    detail: str
    accepted: bool = False

    @property
    def title(self) -> str:
        """What is wrong, in short."""
        return self.name if self.name in ASSUMPTIONS else f"{self.name} differs"


def _model(execution: StoredExecution) -> str | None:
    """Return the model that answered: the one that was meant if an endpoint repeats the name that was sent.

    Another name from such an endpoint may be a version of the same model, so it is unknown.
    """
    if execution.sent_model is None:
        return execution.effective_model
    return execution.model_id if execution.effective_model == execution.sent_model else None


def _sampling(execution: StoredExecution) -> str | None:
    """Return how the answer was generated: every parameter that was sent, where no receipt says otherwise."""
    if execution.sent is None and execution.temperature is None and execution.max_tokens is None:
        return None
    return _parameters(execution.sent or "{}", execution.temperature, execution.max_tokens)


@lru_cache(maxsize=64)
def _parameters(sent: str, temperature: str | None, max_tokens: str | None) -> str:
    """Return parameters as one text; those of a receipt come before those that were sent."""
    rest = json.loads(sent)
    tokens = rest.pop("max_completion_tokens", rest.pop("max_tokens", None))
    heat = rest.pop("temperature", None)
    usual = f"temperature {_number(temperature or heat)}, max_tokens {_number(max_tokens or tokens)}"
    return ", ".join([usual, *(f"{name} {json.dumps(rest[name], ensure_ascii=False)}" for name in sorted(rest))])


def _number(value: object) -> str:
    """Return a number in its shortest form, so that 0 is 0.0; anything else as it is."""
    try:
        return f"{float(str(value)):g}"
    except ValueError:
        return str(value)


CONDITIONS: Mapping[str, Callable[[StoredExecution], str | None]] = {
    _MODEL: _model,
    "model_revision": lambda execution: execution.model_revision,
    "gpu": lambda execution: execution.gpu,
    "precision": lambda execution: execution.precision,
    "libraries": lambda execution: execution.libraries,
    "generator": lambda execution: execution.architecture,
    "registry": lambda execution: execution.model_registry,
    "system_prompt": lambda execution: execution.used_system_prompt,
    "sampling": _sampling,
}
"""What is compared between groups, model by model: what the endpoint says that it did, else what was asked of it.

None is unknown, and never counts as equal. An empty text is a value: none.
"""

NAMES = (*CONDITIONS, _REGION, "prompt", *ASSUMPTIONS)
"""Every condition and assumption that can be named and accepted."""


@dataclass(slots=True)
class Conditions:
    """Collects, execution by execution, the conditions under which the answers of each group were given.

    `regions` are those by which the rows are read, `models` the known ones. They are compared between the groups of
    each model; `by_model`, between the models of each region, except for what makes a model itself: that must be the
    same in all regions.
    """

    regions: Regions
    models: Mapping[str, Model]
    by_model: bool = False
    _values: dict[tuple[str, str], dict[str, set[str | None]]] = field(default_factory=dict)
    _elsewhere: dict[tuple[str, str], int] = field(default_factory=dict)
    _ways: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    _prompts: dict[str, dict[str, str | None]] = field(default_factory=dict)
    _nowhere: bool = False

    def add(self, execution: StoredExecution, group: str) -> None:
        """Record the conditions of one answer."""
        for name, value_of in CONDITIONS.items():
            inside, mine = execution.model_id, group
            if self.by_model:
                inside, mine = (inside, execution.region) if name in _OF_THE_MODEL else (execution.region, group)
            value = value_of(execution)
            known = self._id_of(value, execution.model_id) if name == _MODEL else value
            self._values.setdefault((name, inside), {}).setdefault(mine, set()).add(known)
        self._ways.setdefault((execution.job_id, execution.model_id, execution.region), set()).add(execution.way)
        places = execution.places(self.regions)
        self._nowhere = self._nowhere or not places
        for named in places - {execution.region}:
            key = (execution.region, named)
            self._elsewhere[key] = self._elsewhere.get(key, 0) + 1

    def add_prompt(self, subject: Subject, prompts: Mapping[str, str | None]) -> None:
        """Record the text of a question's id in each group."""
        if len(set(prompts.values())) > 1:
            self._prompts[subject.question_id] = dict(prompts)

    def incomparable(self, accepted: frozenset[str]) -> tuple[Incomparable, ...]:
        """Return what differs between groups, or inside one."""
        return tuple(
            Incomparable(name, detail, name in accepted)
            for name, detail in (
                *self._differing(),
                *self._asked_otherwise(),
                *self._answered_elsewhere(),
                *self._reworded(),
            )
        )

    def unrecorded(self) -> tuple[str, ...]:
        """Return the conditions that are not recorded for every answer."""
        names = [
            name for (name, _), groups in self._values.items() if any(None in values for values in groups.values())
        ]
        return tuple(dict.fromkeys([*names, _REGION] if self._nowhere else names))

    def _id_of(self, said: str | None, asked: str) -> str | None:
        """Return the id of the model that answered; endpoints name it by its id or by its source."""
        model = self.models.get(asked)
        return asked if model is not None and said == model.source else said

    def _differing(self) -> Iterator[tuple[str, str]]:
        found: dict[tuple[str, str], list[str]] = {}
        for (name, inside), groups in self._values.items():
            known = {group: {value for value in values if value is not None} for group, values in groups.items()}
            if len(set().union(*known.values())) > 1:
                found.setdefault((name, _by_group(known)), []).append(inside)
        for (name, detail), where in found.items():
            yield name, f"{detail} ({', '.join(excerpt(each, 40) for each in where)})"

    def _asked_otherwise(self) -> Iterator[tuple[str, str]]:
        for (_, model_id, region), ways in self._ways.items():
            if len(ways) > 1:
                shown = _listed([excerpt(way, 60) for way in ways])
                yield _MODEL, f"{excerpt(region, 40)} was asked in different ways: {shown} ({excerpt(model_id, 40)})"

    def _answered_elsewhere(self) -> Iterator[tuple[str, str]]:
        for (asked, named), count in self._elsewhere.items():
            yield _REGION, f"{quantity(count, 'answer')} of {excerpt(asked, 30)}, answered in {excerpt(named, 30)}"

    def _reworded(self) -> Iterator[tuple[str, str]]:
        if self._prompts:
            named = ", ".join(excerpt(name, 40) for name in list(self._prompts)[:_VALUES_SHOWN])
            yield "prompt", f"{quantity(len(self._prompts), 'question')} with different texts: {named}"


def _by_group(groups: Mapping[str, set[str]]) -> str:
    """Return `US: '5f1…'; EU: '77a…'`, where long values are cut so that they still differ."""
    values = sorted({value for values in groups.values() for value in values if value})
    shown = {"": "none"}
    shown |= {value: repr(text) for value, text in zip(values, differing_excerpts(values, 50), strict=True)}
    return "; ".join(
        f"{excerpt(group, 40)}: {_listed([shown[value] for value in found])}" for group, found in groups.items()
    )


def _listed(values: Iterable[str]) -> str:
    shown = sorted(values)
    more = f" and {len(shown) - _VALUES_SHOWN} more" if len(shown) > _VALUES_SHOWN else ""
    return " and ".join(shown[:_VALUES_SHOWN]) + more if shown else "not recorded"
