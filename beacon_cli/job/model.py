"""A job: as it is written in a file (`JobFile`, the source of the JSON Schema) and as it is meant (`Job`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from beacon_cli.job.analysis import Analysis
from beacon_cli.job.bank import BANK
from beacon_cli.job.generation import Generation
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from beacon_cli.job.part import WHOLE, Part
from beacon_cli.job.questions import MAX_ID, QuestionSource, id_problem, tags_problem, text_problem
from beacon_cli.job.stored_regions import described
from modal_deployment.limits import MAX_SYSTEM_PROMPT_CHARACTERS
from modal_deployment.regions import BUILT_IN_REGIONS, Region

DEFAULT_PROMPT = "default"
"""The key of `system_prompts` for the regions that have none of their own."""
PLACE = "{place}"
"""What becomes a region's place in a system prompt."""
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


def _tags(tags: list[str]) -> list[str]:
    if problem := tags_problem(tags):
        raise ValueError(problem)
    return tags


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
SystemPrompt = Annotated[FilledText, Field(max_length=MAX_SYSTEM_PROMPT_CHARACTERS)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class WrittenQuestion(_Written):
    """A question with its text."""

    id: QuestionId = Field(description="The id of the question in results and in the database.")
    text: Annotated[str, AfterValidator(_text)] | None = Field(
        default=None,
        description="The text that is sent to the model. Only a question of the bank can omit it.",
    )
    tags: Annotated[list[str], AfterValidator(_tags)] | None = Field(
        default=None, description="Words by which questions are grouped, such as control; stored and exported with it."
    )


class WrittenQuestionFile(_Written):
    """Questions in a separate file."""

    file: FilledText = Field(
        description="A file of questions, relative to the job file: JSON lines with {id, text, tags}; a .csv file"
        " with the columns id, text and tags; or a .txt file with one text per line."
    )


class WrittenModel(_Written):
    """A model with its own regions."""

    id: ModelId = Field(description="The model's id, exactly as in the registry.")
    regions: list[RegionName] | None = Field(
        default=None, min_length=1, description="Where this model is asked. Default: the `regions` of the job."
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
        description="The questions, in order: ids of the bank or {id, text, tags}; or {file: questions.jsonl}."
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
        description="How often each model is asked each question in each region: shows how much answers vary. May grow:"
        " the job is then asked what is missing, under the same id.",
    )
    controls: list[RegionName] | None = Field(
        default=None,
        min_length=1,
        description="Regions of the job that are asked everything a second time, with other seeds: what differs between"
        " the two shows what chance, load and time do alone.",
    )
    generation: Generation = Field(default=Generation(), description="How answers are generated.")
    system_prompt: SystemPrompt | None = Field(
        default=None,
        description="Sent before every question; {place} becomes the region's place, such as the US, Europe or Asia.",
    )
    system_prompts: dict[RegionName, SystemPrompt] | None = Field(
        default=None,
        min_length=1,
        description="Instead of system_prompt: one per region, and `default` for the others.",
    )
    limits: Limits = Field(
        default=Limits(),
        description="Limits on calls in flight, attempts and time. Flags override them.",
    )
    analysis: Analysis | None = Field(
        default=None,
        description="How the answers will be judged, planned before the first one. Default: not planned.",
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

    `system_prompts` has, by region id, what is sent there instead of `system_prompt`, and under `default` what is sent
    in the other regions; it is empty if the job has one for all. `limits` has only what the file sets, to override the
    configured limits; `warnings` explain to the user what was read in an unexpected way. `controls` are the ids of the
    regions that are asked in two arms.
    """

    id: str | None
    name: str
    version: int
    questions: QuestionSource
    models: tuple[JobModel, ...]
    repeats: int = 1
    controls: tuple[str, ...] = ()
    generation: Generation = field(default_factory=Generation)
    system_prompt: str | None = None
    system_prompts: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    analysis: Analysis | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def lanes(self) -> tuple[Lane, ...]:
        """Return each model in each of its regions; neighbours differ in region, which spreads calls."""
        return tuple(Lane(model.id, region) for model in self.models for region in model.regions)

    def lanes_in(self, part: Part) -> tuple[Lane, ...]:
        """Return the lanes of a part of the job."""
        return tuple(filter(part.has_lane, self.lanes()))

    def questions_in(self, part: Part) -> int:
        """Return the number of questions of a part of the job."""
        return len(part.questions) or self.questions.count

    def arms(self, region: Region) -> int:
        """Return in how many arms a region is asked: two if it is a control."""
        return 2 if region.id in self.controls else 1

    def cells_in(self, lane: Lane) -> int:
        """Return how many cells a question has in a lane: repeats × arms of its region."""
        return self.repeats * self.arms(lane.region)

    def expected_in(self, part: Part) -> int:
        """Return how many cells a part of the job has."""
        return self.questions_in(part) * sum(map(self.cells_in, self.lanes_in(part)))

    @property
    def expected(self) -> int:
        """How many cells the job has: questions × cells of each lane."""
        return self.expected_in(WHOLE)

    def controls_in(self, part: Part) -> tuple[str, ...]:
        """Return the labels of the regions of a part of the job that are asked in two arms."""
        regions = dict.fromkeys(lane.region for lane in self.lanes_in(part))
        return tuple(region.label for region in regions if self.arms(region) > 1)

    def prompt_system(self, region: Region) -> str | None:
        """Return the system prompt for a region: `{place}` is replaced, other braces are sent as they are."""
        prompt = self.system_prompts.get(region.id, self.system_prompts.get(DEFAULT_PROMPT, self.system_prompt))
        return prompt and prompt.replace(PLACE, region.place or PLACE)

    @property
    def names_place(self) -> bool:
        """Whether the place of a region is a part of its system prompt."""
        return any(PLACE in (prompt or "") for prompt in (self.system_prompt, *self.system_prompts.values()))

    def spec(self) -> dict[str, Any]:
        """Return the job as JSON values, as stored in `jobs.spec`, with the questions as count and digest."""
        return {
            "name": self.name,
            "version": self.version,
            "questions": {"count": self.questions.count, "sha256": self.questions.sha256},
            "models": [{"id": model.id, "regions": [region.id for region in model.regions]} for model in self.models],
            "regions": described(self._regions()),
            "repeats": self.repeats,
            "generation": self.generation.spec(),
            "system_prompt": self.system_prompt,
            "limits": self.limits.model_dump(exclude_unset=True),
            "metadata": self.metadata,
            **({"controls": list(self.controls)} if self.controls else {}),
            **({"system_prompts": dict(self.system_prompts)} if self.system_prompts else {}),
            **self._analysis_spec(),
        }

    def answer_spec(self) -> dict[str, Any]:
        """Return the part of `spec` that changes answers, or says how they will be judged; the order of models and
        regions does not.

        Of the regions it has what differs from the built-in ones: labels, and places if the system prompt names them.
        """
        spec = self.spec()
        models = [{"id": model["id"], "regions": sorted(model["regions"])} for model in spec["models"]]
        kept = ("questions", "repeats", "generation", "system_prompt", "system_prompts", "analysis")
        regions = {region.id: told for region in self._regions() if (told := self._beyond_built_in(region))}
        return {
            **{key: spec[key] for key in kept if key in spec},
            "models": sorted(models, key=lambda model: model["id"]),
            **({"controls": sorted(self.controls)} if self.controls else {}),
            **({"regions": regions} if regions else {}),
        }

    def _analysis_spec(self) -> dict[str, Any]:
        if self.analysis is None:
            return {}
        return {"analysis": self.analysis.spec(), "analysis_sha256": self.analysis.sha256}

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
