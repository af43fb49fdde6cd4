"""A job: as it is written in a file (`JobFile`, the source of the JSON Schema) and as it is meant (`Job`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from beacon_cli.job.bank import BANK
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from beacon_cli.job.questions import MAX_ID, QuestionSource, id_problem, text_problem
from beacon_cli.job.stored_regions import described
from modal_deployment.limits import MAX_SYSTEM_PROMPT_CHARACTERS, MAX_TOKENS
from modal_deployment.regions import BUILT_IN_REGIONS, Region

MAX_SEED = 2**31 - 1
_PLACE = "{place}"
REGION_NAME, MODEL_ID = "the name of a region", "the id of a model"
"""Stand in the JSON Schema for what the settings know."""


def _text(text: str) -> str:
    if problem := text_problem(text):
        raise ValueError(problem)
    return text


def _question_id(question_id: str) -> str:
    if problem := id_problem(question_id):
        raise ValueError(problem)
    return question_id


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty: leave the key out instead")
    return text


QuestionId = Annotated[str, Field(min_length=1, max_length=MAX_ID), AfterValidator(_question_id)]
BankId = Annotated[str, WithJsonSchema({"type": "string", "enum": list(BANK), "title": "Question of the bank"})]
# `job_schema` puts names in place of these: which are known depends on the settings.
RegionName = Annotated[str, WithJsonSchema({"$comment": REGION_NAME})]
ModelId = Annotated[str, WithJsonSchema({"$comment": MODEL_ID})]
FilledText = Annotated[str, AfterValidator(_not_blank)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class WrittenQuestion(_Written):
    """A question with its text."""

    id: QuestionId = Field(description="The id of the question in results and in the database.")
    text: Annotated[str, AfterValidator(_text)] | None = Field(
        default=None,
        description="The text that is sent to the model. Only a question of the bank can omit it.",
    )


class WrittenQuestionFile(_Written):
    """Questions in a separate file."""

    file: FilledText = Field(
        description='A file of JSON lines, one {"id", "text"} per line; its path is relative to the job file.'
    )


class WrittenModel(_Written):
    """A model with its own regions."""

    id: ModelId = Field(description="The model's id, exactly as in the registry.")
    regions: list[RegionName] | None = Field(
        default=None, min_length=1, description="Where this model is asked. Default: the `regions` of the job."
    )


class Generation(_Written):
    """How answers are generated: sent with every call."""

    temperature: float = Field(
        default=0.1,
        ge=0,
        le=2,
        description="How random an answer is; 0 always takes the most likely token.",
    )
    max_tokens: int = Field(default=500, ge=1, le=MAX_TOKENS, description="The maximum length of an answer, in tokens.")
    seed: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SEED,
        description="Makes random answers reproducible: repeat n is asked with seed + n. Default: the endpoint's own.",
    )


# The alternatives are distinguished by their shape, so that an error refers to the intended one.
def _entry_shape(value: object) -> str:
    return "<mapping>" if isinstance(value, (dict, BaseModel)) else "<text>"


def _questions_shape(value: object) -> str:
    return "<mapping>" if isinstance(value, (dict, BaseModel)) else "<list>"


QuestionEntry = Annotated[
    Annotated[BankId, Tag("<text>")] | Annotated[WrittenQuestion, Tag("<mapping>")],
    Discriminator(_entry_shape),
]
ModelEntry = Annotated[
    Annotated[ModelId, Tag("<text>")] | Annotated[WrittenModel, Tag("<mapping>")], Discriminator(_entry_shape)
]
Questions = Annotated[
    Annotated[list[QuestionEntry], Field(min_length=1), Tag("<list>")]
    | Annotated[WrittenQuestionFile, Tag("<mapping>")],
    Discriminator(_questions_shape),
]


class JobFile(_Written):
    """A Beacon job: which questions are asked of which models in which regions."""

    id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]+$",
        max_length=MAX_ID,
        description="The id of the job; running it again resumes the job. Default: a generated id, printed first.",
    )
    name: FilledText | None = Field(default=None, description="A title for people. Default: the name of the file.")
    version: Literal[1] = Field(default=1, description="The version of this format.")
    questions: Questions = Field(
        description="The questions, in order: ids of the bank or {id, text}; or {file: questions.jsonl}."
    )
    models: list[ModelEntry] = Field(min_length=1, description="The models to ask: ids, or {id, regions}.")
    regions: list[RegionName] | None = Field(
        default=None,
        min_length=1,
        description="The regions of models that have no regions of their own.",
    )
    repeats: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="How often each model is asked each question in each region: shows how much answers vary.",
    )
    generation: Generation = Field(default=Generation(), description="How answers are generated.")
    system_prompt: FilledText | None = Field(
        default=None,
        max_length=MAX_SYSTEM_PROMPT_CHARACTERS,
        description="Sent before every question; {place} becomes the region's place, such as the US, Europe or Asia.",
    )
    limits: Limits = Field(
        default=Limits(),
        description="Limits on calls in flight, attempts and time. Flags override them.",
    )
    metadata: dict[str, Any] = Field(default={}, description="Your own data; stored with the job, not interpreted.")


@dataclass(frozen=True, slots=True)
class JobModel:
    """A model of a job and the regions where it is asked."""

    id: str
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """What a job file means: everything resolved, nothing left to look up.

    `limits` has only what the file sets, to override the configured limits; `warnings` explain to the user what
    was read in an unexpected way.
    """

    id: str | None
    name: str
    version: int
    questions: QuestionSource
    models: tuple[JobModel, ...]
    repeats: int = 1
    generation: Generation = field(default_factory=Generation)
    system_prompt: str | None = None
    limits: Limits = field(default_factory=Limits)
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def lanes(self) -> tuple[Lane, ...]:
        """Return each model in each of its regions; neighbours differ in region, which spreads calls."""
        return tuple(Lane(model.id, region) for model in self.models for region in model.regions)

    def lanes_without(self, region_ids: Collection[str]) -> tuple[Lane, ...]:
        """Return the lanes that are not in these regions."""
        return tuple(lane for lane in self.lanes() if lane.region.id not in region_ids)

    @property
    def expected(self) -> int:
        """How many cells the job has: questions × lanes × repeats."""
        return self.questions.count * len(self.lanes()) * self.repeats

    def prompt_system(self, region: Region) -> str | None:
        """Return the system prompt for a region: `{place}` is replaced, other braces are sent as they are."""
        return self.system_prompt and self.system_prompt.replace(_PLACE, region.place or _PLACE)

    @property
    def names_place(self) -> bool:
        """Whether the place of a region is a part of its system prompt."""
        return _PLACE in (self.system_prompt or "")

    def spec(self) -> dict[str, Any]:
        """Return the job as JSON values, as stored in `jobs.spec`, with the questions as count and digest."""
        return {
            "name": self.name,
            "version": self.version,
            "questions": {"count": self.questions.count, "sha256": self.questions.sha256},
            "models": [{"id": model.id, "regions": [region.id for region in model.regions]} for model in self.models],
            "regions": described(self._regions()),
            "repeats": self.repeats,
            "generation": self.generation.model_dump(),
            "system_prompt": self.system_prompt,
            "limits": self.limits.model_dump(exclude_unset=True),
            "metadata": self.metadata,
        }

    def answer_spec(self) -> dict[str, Any]:
        """Return the part of `spec` that changes answers; the order of models and regions does not.

        Of the regions it has what differs from the built-in ones: labels, and places if the system prompt names them.
        """
        spec = self.spec()
        models = [{"id": model["id"], "regions": sorted(model["regions"])} for model in spec["models"]]
        kept = ("questions", "repeats", "generation", "system_prompt")
        regions = {region.id: told for region in self._regions() if (told := self._beyond_built_in(region))}
        return {
            **{key: spec[key] for key in kept},
            "models": sorted(models, key=lambda model: model["id"]),
            **({"regions": regions} if regions else {}),
        }

    def _regions(self) -> tuple[Region, ...]:
        return tuple(dict.fromkeys(lane.region for lane in self.lanes()))

    def _beyond_built_in(self, region: Region) -> dict[str, str | None]:
        built_in = described(BUILT_IN_REGIONS).get(region.id, {})
        told = described([region])[region.id]
        names = ("label", "place") if self.names_place else ("label",)
        return {name: told[name] for name in names if told[name] != built_in.get(name)}

    @property
    def spec_sha256(self) -> str:
        """The SHA-256 of `answer_spec` as canonical JSON: a stored job can be resumed if it is the same."""
        canonical = json.dumps(self.answer_spec(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()
