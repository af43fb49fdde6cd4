"""`beacon plan` and `run --dry-run`: what a run would ask and could find; nothing is asked, stored or started."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.console.result import CommandResult
from beacon_cli.design.design import POWER, Prospects, design_of, prospects
from beacon_cli.endpoints.configured import Endpoint, checked_lanes
from beacon_cli.errors import NoEndpoint, UsageError
from beacon_cli.executor.caps import containers_at_most, endpoint_caps
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from beacon_cli.runs.asked_endpoints import asked_endpoints
from beacon_cli.runs.cost_limit import require_cost_limit
from beacon_cli.runs.estimated_cost import estimated_cost
from beacon_cli.runs.local_models import require_local_models
from beacon_cli.runs.request import RunRequest
from beacon_cli.runs.stored_looks import stored_looks
from beacon_cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.costs.estimate import Estimate

_PROMPTS_LISTED = 1000
_PROMPTS_SHOWN = 20
_CAPS_NAMED = 4  # as many regions fit a line


def plan_job(
    request: RunRequest, settings: Settings, job: Job, *, as_json: bool, command: str = "run", power: float = POWER
) -> CommandResult:
    """Return the plan of a run, by a command. Raises `UsageError`, and `ConfigError`.

    `power` is how likely a difference should be found, for the number of repeats that this takes. A job may be
    planned before its endpoints are configured: the plan then ends with what is missing.
    """
    request.given_or_new_id(job)
    limits = request.limits(job, settings)
    lanes = job.lanes_in(request.part)
    regions = {lane.region.id: lane.region for lane in lanes}
    questions = job.questions_in(request.part)
    expected = {lane: questions * job.cells_in(lane) for lane in lanes}
    endpoints: Mapping[str, Endpoint] = {}
    missing: UsageError | None = None
    try:
        if request.local:
            require_local_models(settings, lanes)
        else:
            endpoints = asked_endpoints(settings, job, lanes)
    except NoEndpoint as error:
        missing = error
    estimate = estimated_cost(request, settings, job, endpoints) if missing is None or request.local else None
    try:
        require_cost_limit(settings, lanes if endpoints else (), endpoints, limits)
    except UsageError as error:
        missing = error
    looks, unread = stored_looks(request, settings, job)
    design = design_of(job, request.part, looks=looks)
    found = prospects(design, power=power) if design else None
    shared = None if request.local else settings.models_in_one_container()
    data = {
        "job_id": request.job_id or job.id,
        "name": job.name,
        "batching": request.batching or "question",
        "target": "local" if request.local else "modal",
        "expected": sum(expected.values()),
        "batches": questions,
        "repeats": job.repeats,
        "controls": list(job.controls_in(request.part)),
        "by_region": {
            region.label: {"expected": sum(expected[lane] for lane in lanes if lane.region == region)}
            for region in regions.values()
        },
        "lanes": [
            {
                "model_id": lane.model_id,
                "region": lane.region.label,
                "expected": expected[lane],
                "url": endpoints[lane.region.id].of(lane.model_id).inference_url if endpoints else None,
            }
            for lane in lanes
        ],
        "containers_at_most": containers_at_most(lanes, limits, shared),
        "per_endpoint": {regions[key].label: cap for key, cap in endpoint_caps(lanes, limits).items()},
        "limits": limits.model_dump(),
        "generation": job.generation.model_dump(),
        "system_prompts": {region.label: job.prompt_system(region) for region in regions.values()},
        "endpoints": {
            regions[key].label: endpoint.inference_url or next(iter(endpoint.all)).inference_url
            for key, endpoint in endpoints.items()
        },
        "prompts": [
            {"question_id": question.id, "text": question.text, "tags": list(question.tags)}
            for question in itertools.islice(
                (question for question in job.questions if request.part.has_question(question.id)), _PROMPTS_LISTED
            )
        ],
        "warnings": [*job.warnings, *((*found.warnings, *unread) if found else ())],
        "again": list(request.again),
        "without": list(request.part.without),
        "part": request.part.chosen(),
        "check_calls": len(checked_lanes(endpoints, lanes)) if request.check and endpoints else 0,
        "cost": estimate and estimate.as_data(),
        "cannot_run": missing and f"{missing.message}: {missing.hint}",
        "analysis": job.analysis and {**job.analysis.spec(), "sha256": job.analysis.sha256},
        "design": found and found.as_data(),
    }
    show = partial(_show, request, job, limits, data, estimate, found)
    return CommandResult(command, data, as_json=as_json, show=show)


def _caps(by_region: Mapping[str, int]) -> str:
    """Return how many calls each region gets at once, as one number if it is the same in many of them."""
    if len(by_region) > _CAPS_NAMED and len({*by_region.values()}) == 1:
        return f"{next(iter(by_region.values()))} in each region"
    return "  ".join(f"{region} {cap}" for region, cap in by_region.items())


def _addresses(data: dict[str, Any]) -> Iterator[str]:
    """Yield where each region is asked, model by model where they are asked at different places."""
    for region in data["endpoints"]:
        urls = {lane["model_id"]: lane["url"] for lane in data["lanes"] if lane["region"] == region}
        if len(set(urls.values())) == 1:
            yield f"{region}: {next(iter(urls.values()))}"
        else:
            yield from (f"{region}, {excerpt(model_id, 60)}: {url}" for model_id, url in urls.items())


def _show(
    request: RunRequest,
    job: Job,
    limits: Limits,
    data: dict[str, Any],
    estimate: Estimate | None,
    found: Prospects | None,
    out: Console,
) -> None:
    """Print what is asked, what it costs, and what can be found."""
    from rich.text import Text

    from beacon_cli.costs.texts import estimate_lines, print_lines

    _show_size(request, job, limits, data, out)
    print_lines(estimate_lines(estimate, limits.max_cost) if estimate else (), out)
    _show_calls(job, data, out)
    if found is not None:
        _show_design(job, found, out)
    for warning in data["warnings"]:
        out.print(Text(f"warning: {excerpt(warning, 300)}", "yellow"))
    if data["cannot_run"]:
        out.print(Text(f"this job cannot run yet: {data['cannot_run']}", "yellow"))


def _show_design(job: Job, found: Prospects, out: Console) -> None:
    from rich.text import Text

    from beacon_cli.design.table import print_prospects

    out.print()
    print_prospects(found, out)
    if job.analysis is not None:
        out.print(Text(f"analysis planned: {job.analysis} (sha256 {job.analysis.sha256[:12]})"))


def _show_size(request: RunRequest, job: Job, limits: Limits, data: dict[str, Any], out: Console) -> None:
    from rich.text import Text

    from beacon_cli.console.tables import Column, print_table

    models = list(dict.fromkeys(lane["model_id"] for lane in data["lanes"]))
    cells = {(lane["model_id"], lane["region"]): lane["expected"] for lane in data["lanes"]}
    size = f"{quantity(data['expected'], 'execution')} in {quantity(data['batches'], 'batch', 'batches')}"
    out.print(Text(f"{excerpt(job.name)}: {size}; nothing is asked"))
    if not request.part.whole:
        chosen = excerpt(shlex.join(request.part.options()), 1000)
        out.print(Text(f"only a part of the job ({chosen}): as a whole it has {quantity(job.expected, 'execution')}"))
    print_table(
        out,
        [Column("model"), *(Column(region, right=True) for region in data["by_region"])],
        [(model, *(str(cells.get((model, region), "-")) for region in data["by_region"])) for model in models],
        title="executions per model and region",
    )
    if data["controls"]:
        out.print(Text(f"control: {', '.join(data['controls'])} is asked everything twice, with other seeds"))
    out.print(
        Text(
            f"at most {quantity(data['containers_at_most'], 'container')} at the same time"
            f" (max_in_flight {limits.max_in_flight}; {_caps(data['per_endpoint'])})"
        )
    )


def _show_calls(job: Job, data: dict[str, Any], out: Console) -> None:
    from rich.text import Text

    for region, prompt in data["system_prompts"].items():
        if prompt is not None or job.system_prompts:
            out.print(Text(f"system prompt in {region}: {'none' if prompt is None else excerpt(prompt, 160)}"))
    if given := {key: value for key, value in job.generation.spec().items() if value is not None}:
        out.print(Text(f"generation: {excerpt(json.dumps(given, ensure_ascii=False), 400)}"))
    for line in _addresses(data):
        out.print(Text(line), soft_wrap=True)
    if data["check_calls"]:
        out.print(Text(f"before the first question: {quantity(data['check_calls'], 'check call')} (--no-check: none)"))
    out.print(Text("prompts, in order:"))
    for number, prompt in enumerate(data["prompts"][:_PROMPTS_SHOWN], 1):
        tags = f" [{' '.join(prompt['tags'])}]" if prompt["tags"] else ""
        out.print(Text(f"  {number}. {prompt['question_id']}{tags}: {excerpt(prompt['text'], 160)}"))
    if (more := data["batches"] - _PROMPTS_SHOWN) > 0:
        out.print(Text(f"  … and {more} more"))
    if data["again"]:
        out.print(Text(f"answers that are {' or '.join(data['again'])} would be asked again"))
