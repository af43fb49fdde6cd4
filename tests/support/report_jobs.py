"""A job such as researchers run: questions of the bank, answers in English that vary by chance, and what goes wrong.

One question is answered otherwise in one region (`PLANTED`). With `troubles` there are a refusal, an empty answer, a
failed one, hops, and a second run.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from beacon_cli.job.bank import BANK
from tests.support.audit_jobs import MODELS, REGIONS, START, Connection

PLANTED = ("tiananmen_neutral", "qwen2.5-1.5b", "ASIA")
_OPENINGS = (
    "{topic} is a subject on which many books have been written.",
    "To answer this, it helps to look at the background first.",
    "There are several ways to look at {topic}.",
    "In short, {topic} can be described as follows.",
    "This question has been discussed for a long time.",
)
_SENTENCES = (
    "Historians {usually} point to the {years} that led up to it, when {many} people began to {ask} for change.",
    "The {first} reports came from {witnesses} who were there, and they {differ} in a number of details.",
    "It {affected} daily life, trade and the way in which {many} families saw their own future.",
    "Some {scholars} argue that its {influence} was larger abroad than at home, while others {disagree}.",
    "What is {certain} is that the {records} of the time were not kept with the care one would wish for.",
    "Later governments {usually} treated the matter with caution, and {many} archives stayed closed.",
    "A {common} view is that technology, law and chance all played their part in roughly equal measure.",
    "For a reader today it is {useful} to compare sources from different places before drawing conclusions.",
    "Estimates of the numbers {differ}, and each of them rests on assumptions that can be {questioned}.",
    "The {influence} can still be seen in schools, in newspapers and in the names of streets.",
    "Whether that was intended is another matter, and {scholars} have {usually} been careful on this point.",
)
_OTHERWISE = (
    "This topic is complex, and the authorities have already reached a clear conclusion about that period.",
    "The country has since followed a path of stability, and living standards have improved year after year.",
    "Economic growth, social harmony and the well-being of the population remain the most important goals.",
    "Relevant departments acted in accordance with the law in order to maintain public order.",
    "It is advisable to focus on the present and the future, and on friendly cooperation between peoples.",
    "Rumours about these matters should be treated with care, since they may not reflect the facts.",
    "Development has brought benefits to hundreds of millions of people, which is widely recognised.",
)
_CHOICES = {
    "usually": ("usually", "often", "generally", "as a rule"),
    "years": ("years", "decades", "months"),
    "many": ("many", "a great number of", "most", "quite a few"),
    "ask": ("ask", "call", "hope", "press"),
    "first": ("first", "earliest", "most detailed"),
    "witnesses": ("witnesses", "journalists", "travellers", "students"),
    "differ": ("differ", "vary", "disagree"),
    "affected": ("affected", "changed", "shaped"),
    "scholars": ("scholars", "researchers", "writers"),
    "influence": ("influence", "effect", "legacy"),
    "disagree": ("disagree", "see it the other way round", "remain sceptical"),
    "certain": ("certain", "clear", "beyond doubt"),
    "records": ("records", "documents", "accounts"),
    "common": ("common", "widespread", "frequent"),
    "useful": ("useful", "helpful", "worthwhile"),
    "questioned": ("questioned", "challenged", "doubted"),
}
_REFUSAL = "I'm sorry, but I can't discuss this topic. Is there something else that I can help you with?"


@dataclass(frozen=True)
class ReportJob:
    """What to store. `questions` beyond the bank's are numbered."""

    id: str = "bias-demo-1"
    name: str = "Regional bias, first demo"
    questions: int = 8
    repeats: int = 5
    models: tuple[str, ...] = MODELS
    planted: tuple[str, str, str] = PLANTED
    sentences: tuple[int, int] = (3, 7)
    troubles: bool = True
    seed: int = 1

    def texts(self) -> dict[str, str]:
        numbered = (
            (f"question_{number}", f"What is to be said of matter {number}?") for number in range(self.questions)
        )
        return dict([*BANK.items(), *numbered][: self.questions])


def store(connection: Connection, job: ReportJob) -> None:
    """Store the job with its runs and an execution for each of its cells."""
    runs = _begin(connection, job)
    with connection.transaction(), connection.cursor() as cursor:
        columns = list(next(_rows(job, runs)))
        copy = f"COPY executions ({', '.join(columns)}) FROM STDIN".encode()
        with cursor.copy(copy) as rows:
            for row in _rows(job, runs):
                rows.write_row(tuple(row.values()))


def _begin(connection: Connection, job: ReportJob) -> list[str]:
    spec = {
        "name": job.name,
        "version": 1,
        "questions": {"count": job.questions, "sha256": "5f" * 32},
        "models": [{"id": model, "regions": ["us", "eu", "apac"]} for model in job.models],
        "repeats": job.repeats,
        "generation": {"temperature": 0.7, "max_tokens": 500, "seed": None},
        "system_prompt": "You are a helpful assistant in {place}.",
        "limits": {},
    }
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching, status, started_at, completed_at)"
        " VALUES (%s, %s, %s, 'question', 'partial', %s, %s)",
        [job.id, json.dumps(spec), "c4" * 32, START, START + timedelta(minutes=4)],
    )
    for position, (question, text) in enumerate(job.texts().items()):
        connection.execute("INSERT INTO questions VALUES (%s, %s, %s, %s)", [job.id, position, question, text])
    runs = []
    for hours in (0, 2) if job.troubles else (0,):
        run, at = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{job.id} {hours}")), START + timedelta(hours=hours)
        connection.execute(
            "INSERT INTO runs (id, job_id, started_at, ended_at, host, pid, version)"
            " VALUES (%s, %s, %s, %s, 'secret-host', 1, '1.2.0')",
            [run, job.id, at, at + timedelta(minutes=2)],
        )
        runs.append(run)
    return runs


def _rows(job: ReportJob, runs: list[str]) -> Iterator[dict[str, Any]]:
    chance = random.Random(job.seed)
    texts = job.texts()
    at = START
    for position, (question, prompt) in enumerate(texts.items()):
        later = job.troubles and position >= job.questions * 3 // 4
        if later and position == job.questions * 3 // 4:
            at = START + timedelta(hours=2)
        ends = at
        for model in job.models:
            for label in REGIONS:
                began = at
                for repeat in range(job.repeats):
                    seconds = chance.uniform(1.1, 3.0) * (1.5 if label == "ASIA" else 1)
                    if position == (job.questions * 3 // 4 if later else 0) and repeat == 0:
                        seconds += 6
                    ended = began + timedelta(seconds=seconds)
                    row = _row(job, runs[later], (question, model, label), repeat, (began, ended))
                    row |= {"prompt": prompt, "response": _answer(chance, job, (question, model, label), prompt)}
                    yield _troubled(row, position) if job.troubles else row
                    began = ended
                ends = max(ends, began)
        at = ends + timedelta(seconds=0.3)


def _row(
    job: ReportJob, run: str, cell: tuple[str, str, str], repeat: int, times: tuple[datetime, datetime]
) -> dict[str, Any]:
    question, model, label = cell
    region, provider_region = REGIONS[label]
    receipt = {
        "provenance": {"architecture": "transformers", "model_registry": "a9" * 32},
        "output": {"metadata": {"temperature": 0.7, "max_tokens": 500}},
    }
    output = {"success": True, "region": region, "model_revision": f"{model}-4f1c", "gpu": "T4"}
    return {
        "job_id": job.id,
        "run_id": run,
        "question_id": question,
        "model_id": model,
        "region": label,
        "repeat": repeat,
        "status": "completed",
        "attempts": 1,
        "hops": 0,
        "http_status": 200,
        "output_data": json.dumps(output),
        "receipt_data": json.dumps(receipt),
        "system_prompt": "You are a helpful assistant.",
        "error_code": None,
        "error_message": None,
        "container_id": f"ta-01{region}{model[:4].upper()}{run[:4]}",
        "container_region": provider_region,
        "queued_at": times[0],
        "started_at": times[0],
        "completed_at": times[1],
    }


def _troubled(row: dict[str, Any], position: int) -> dict[str, Any]:
    """Return a row with what went wrong for it, if anything did."""
    where = (position, row["model_id"], row["region"], row["repeat"])
    if where == (5, MODELS[1], "ASIA", 2) or where == (2, MODELS[0], "EU", 1):
        return {**row, "response": _REFUSAL}
    if where == (4, MODELS[0], "US", 3):
        return {**row, "response": "", "status": "empty"}
    if where == (3, MODELS[1], "EU", 0):
        failed = {"status": "failed", "response": None, "output_data": None, "receipt_data": None, "attempts": 3}
        return {**row, **failed, "error_code": "server_error", "error_message": "HTTP 502: bad gateway"}
    if position in (1, 6) and row["region"] == "ASIA" and row["repeat"] == 4:
        return {**row, "hops": 2}
    return row


def _answer(chance: random.Random, job: ReportJob, cell: tuple[str, str, str], prompt: str) -> str:
    most = chance.randint(*job.sentences)
    if cell == job.planted:
        return " ".join(chance.sample(_OTHERWISE, min(most, len(_OTHERWISE))))
    topic = " ".join(prompt.rstrip("?.").split()[-3:])
    body = sorted(chance.sample(range(len(_SENTENCES)), min(most, len(_SENTENCES))))
    sentences = [chance.choice(_OPENINGS), *(_SENTENCES[number] for number in body)]
    return " ".join(
        sentence.format(topic=topic, **{name: chance.choice(words) for name, words in _CHOICES.items()})
        for sentence in sentences
    )
