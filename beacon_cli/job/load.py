"""Loads a job file: reads it, checks it, and resolves every name in it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from beacon_cli.console.input_file import STDIN, reason, require_stdin_once
from beacon_cli.console.printable import excerpt
from beacon_cli.console.suggestions import suggestion
from beacon_cli.errors import UsageError
from beacon_cli.job.bank import BANK
from beacon_cli.job.document import Document, Node
from beacon_cli.job.files import read_document
from beacon_cli.job.lanes import Question
from beacon_cli.job.model import DEFAULT_PROMPT, PLACE, Job, JobModel
from beacon_cli.job.old_prompt import read_old_prompt
from beacon_cli.job.questions import QuestionList, QuestionSource, id_problem
from beacon_cli.job.validation import validated
from beacon_cli.job.version1 import converted, is_version1
from modal_deployment.regions import Region, Regions, UnknownRegionError


def load_job(path: Path, *, regions: Regions, known_models: Collection[str], old_prompt: Path | None = None) -> Job:
    """Return the job in a file, or in stdin for `-`: YAML or JSON, in this or the old system's format.

    A job may name `regions` and `known_models` (their ids). `old_prompt` is a file with the system prompt for a job of
    the old system.
    Raises `JobFileError` for the first problem: `file:line:column: key.path: problem` and a hint; `UsageError` for
    `old_prompt` with a job of today's format.
    """
    require_stdin_once(path, old_prompt)
    document = read_document(path)
    warnings: list[str] = []
    if is_version1(document):
        prompt = None if old_prompt is None else read_old_prompt(old_prompt)
        document, warnings = converted(document, old_prompt=prompt)
    elif old_prompt is not None:
        raise UsageError(
            f"--old-prompt is for job files of the old system, and {document.source} is not one",
            hint="write system_prompt into the job file",
        )
    written = validated(document)
    members = document.root.members
    questions = _questions(document, members["questions"], path.parent, warnings)
    default = _regions(document, members.get("regions"), regions)
    job = Job(
        id=written.id,
        name=written.name or ("stdin" if path == STDIN else _readable(path.stem)),
        version=written.version,
        questions=questions,
        models=_models(document, members["models"], default, regions, known_models),
        repeats=written.repeats,
        controls=tuple(region.id for region in _regions(document, members.get("controls"), regions)),
        generation=written.generation,
        system_prompt=written.system_prompt,
        system_prompts=_system_prompts(document, members, regions),
        limits=written.limits,
        analysis=written.analysis,
        metadata=written.metadata,
    )
    _require_places(document, job)
    _require_asked_controls(document, job)
    return replace(job, warnings=(*warnings, *_prompt_warnings(job)))


def _require_places(document: Document, job: Job) -> None:
    """Raise `JobFileError` if a system prompt names the place of a region whose place is not known."""
    members = document.root.members
    for region in dict.fromkeys(lane.region for lane in job.lanes()):
        if region.place is None and PLACE in (job.prompt_system(region) or ""):
            raise document.error(
                members.get("system_prompt") or members["system_prompts"],
                f"{{place}} has no text for {region.label}: its place is not known",
                f"set regions.{region.id}.place in beacon.toml",
            )


def _require_asked_controls(document: Document, job: Job) -> None:
    """Raise `JobFileError` for a control in a region where the job asks nothing."""
    asked = {lane.region.id: lane.region.label for lane in job.lanes()}
    for place, region_id in enumerate(job.controls):
        if region_id not in asked:
            node = document.root.members["controls"].items[place]
            hint = f"a control is one of the job's regions: {', '.join(asked.values())}"
            raise document.error(node, f"the job does not ask in {excerpt(str(node.value), 40)}", hint)


def _readable(file_name: str) -> str:
    """Return a file's name as UTF-8 text, regardless of the locale: it is stored, and shown elsewhere."""
    return os.fsencode(file_name).decode("utf-8", "replace")


def _questions(document: Document, node: Node, folder: Path, warnings: list[str]) -> QuestionSource:
    if file := node.members.get("file"):
        return _question_file(document, file, folder, warnings)
    questions = [_question(document, item, warnings) for item in node.items]
    _refuse_repeats(document, node.items, (question.id for question in questions), "the question")
    return QuestionList(tuple(questions))


def _question_file(document: Document, node: Node, folder: Path, warnings: list[str]) -> QuestionSource:
    from beacon_cli.job.question_file import open_question_file

    path = folder / str(node.value)
    try:
        return open_question_file(path, warnings.append)
    except OSError as error:
        hint = "give the path of a file of questions (.jsonl, .csv or .txt), relative to the job file"
        raise document.error(node, f"{path}: {reason(error)}", hint) from error


def _question(document: Document, node: Node, warnings: list[str]) -> Question:
    id_node, text_node = node.members.get("id", node), node.members.get("text")
    question_id = str(id_node.value)
    tags = tuple(str(item.value) for item in node.members["tags"].items) if "tags" in node.members else ()
    if text_node is None or text_node.value is None:
        if question_id in BANK:
            return Question(question_id, BANK[question_id], tags)
        problem = id_problem(question_id) or f'the question bank has no "{excerpt(question_id, 40)}"'
        raise document.error(
            id_node,
            problem,
            f'{suggestion(question_id, BANK)}your own question needs a text: {{id: …, text: "…"}}; '
            f"the bank has {', '.join(BANK)}",
        )
    text = str(text_node.value)
    if BANK.get(question_id, text) != text:
        warnings.append(f"{text_node.path}: {question_id} is asked with this text, not the one in the question bank")
    if PLACE in text:
        warnings.append(f"{text_node.path}: {PLACE} is asked as it stands; it is replaced in system prompts only")
    return Question(question_id, text, tags)


def _models(
    document: Document, node: Node, default: tuple[Region, ...], regions: Regions, known: Collection[str]
) -> tuple[JobModel, ...]:
    models = [_model(document, item, default, regions, known) for item in node.items]
    _refuse_repeats(document, node.items, (model.id for model in models), "the model")
    return tuple(models)


def _model(
    document: Document, node: Node, default: tuple[Region, ...], regions: Regions, known: Collection[str]
) -> JobModel:
    id_node = node.members.get("id", node)
    model_id = str(id_node.value)
    if model_id not in known:
        hint = f"{suggestion(model_id, known)}known models: {', '.join(sorted(set(known)))}"
        raise document.error(id_node, f'unknown model "{excerpt(model_id, 40)}"', hint)
    asked = _regions(document, node.members.get("regions"), regions) or default
    if not asked:
        hint = "write regions: [US, EU, ASIA] at the top level, or give the model its own regions"
        raise document.error(node, f"{model_id} is not asked anywhere: neither the model nor the job has regions", hint)
    return JobModel(model_id, asked)


def _regions(document: Document, node: Node | None, known: Regions) -> tuple[Region, ...]:
    items = node.items if node is not None else []
    regions = [_region(document, item, known) for item in items]
    _refuse_repeats(document, items, (region.label for region in regions), "the region")
    return tuple(regions)


def _region(document: Document, node: Node, regions: Regions) -> Region:
    name = str(node.value)
    try:
        return regions.named(name)
    except UnknownRegionError as error:
        names = itertools.chain.from_iterable((r.label, r.id, *sorted(r.aliases)) for r in regions.values())
        known = ", ".join(f"{region.label} ({region.id})" for region in regions.values())
        hint = f"{suggestion(name, names)}known regions: {known}"
        raise document.error(node, f'unknown region "{excerpt(name, 40)}"', hint) from error


def _system_prompts(document: Document, members: Mapping[str, Node], regions: Regions) -> dict[str, str]:
    """Return the system prompts by region id and `default`. Raises `JobFileError` beside one for all regions."""
    node = members.get("system_prompts")
    if node is None or node.value is None:
        return {}
    if (single := members.get("system_prompt")) is not None and single.value is not None:
        hint = f"write the one for all regions into it: system_prompts: {{{DEFAULT_PROMPT}: …}}"
        raise document.error(node, "system_prompt is there, too", hint, at_key=True)
    keys = [_key_of(prompt, name) for name, prompt in node.members.items()]
    names = [DEFAULT_PROMPT if key.value == DEFAULT_PROMPT else _region(document, key, regions).id for key in keys]
    _refuse_repeats(document, keys, names, "the region")
    return {name: str(prompt.value) for name, prompt in zip(names, node.members.values(), strict=True)}


def _key_of(node: Node, key: str) -> Node:
    """Return the key of a mapping's value as a value, at its own position."""
    line, column = node.key_at or (node.line, node.column)
    return replace(node, value=key, line=line, column=column)


def _prompt_warnings(job: Job) -> Iterable[str]:
    """Yield what may surprise in the system prompts of the regions."""
    if not job.system_prompts:
        return
    asked = {lane.region.id: lane.region for lane in job.lanes()}
    if bare := [region.label for region in asked.values() if job.prompt_system(region) is None]:
        yield f"system_prompts: {', '.join(bare)} get none, because there is no {DEFAULT_PROMPT}"
    if unused := [name for name in job.system_prompts if name not in asked and name != DEFAULT_PROMPT]:
        yield f"system_prompts: not used: {', '.join(unused)}; the job does not ask there"


def _refuse_repeats(document: Document, nodes: list[Node], keys: Iterable[str], what: str) -> None:
    first: dict[Hashable, Node] = {}
    for node, key in zip(nodes, keys, strict=True):
        if (before := first.setdefault(key, node)) is not node:
            raise document.error(
                node,
                f"{what} {key} is repeated: {before.path} on line {before.line} is the same",
                "remove one of the two",
            )
