"""A large file of questions costs little memory, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = """
import resource, sys
from pathlib import Path
from functools import partial
from beacon_cli.job.load import load_job
from beacon_cli.settings import Settings

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

vocabulary = Settings().vocabulary
load = partial(load_job, regions=vocabulary.regions, known_models=vocabulary.models)
load(Path("small.yaml"))
before = peak()
job = load(Path("large.yaml"))
last = None
for last in job.questions:
    pass
print(job.questions.count, last.id, peak() - before)
"""


@pytest.mark.parametrize(
    ("suffix", "header", "line"),
    [
        ("jsonl", "", '{{"id": "question-{number}", "text": "{text}"}}\n'),
        ("csv", "id,text\n", 'question-{number},"{text}"\n'),
    ],
)
def test_a_hundred_thousand_questions_take_less_than_30_mb(tmp_path: Path, suffix: str, header: str, line: str) -> None:
    for name, count in (("small", 1), ("large", 100_000)):
        with (tmp_path / f"{name}.{suffix}").open("w") as file:
            file.write(header)
            file.writelines(
                line.format(number=number, text=f"What is {number} + {number}?" * 10) for number in range(count)
            )
        job = f"questions: {{file: {name}.{suffix}}}\nmodels: [llama3.2-1b]\nregions: [US]\n"
        (tmp_path / f"{name}.yaml").write_text(job)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True
    )
    asked, last, megabytes = done.stdout.split()
    assert (asked, last) == ("100000", "question-99999")
    assert float(megabytes) < 30
