"""`beacon schema job` prints the schema, and is light until it is run."""

from __future__ import annotations

import json
import subprocess
import sys

from typer.testing import CliRunner

from beacon_cli.commands.schema import app
from beacon_cli.context import AppContext
from beacon_cli.job.schema import job_schema
from beacon_cli.local.bundled import BUNDLED
from tests.support.vocabulary import REGIONS, REGISTRY


def test_the_schema_is_the_one_document_on_stdout() -> None:
    result = CliRunner().invoke(app, ["job"], obj=AppContext())
    assert result.exit_code == 0
    assert json.loads(result.stdout) == job_schema(known_models=[*REGISTRY, *BUNDLED], regions=REGIONS)
    assert result.stdout.isascii()


def test_importing_the_command_loads_neither_pydantic_nor_yaml() -> None:
    script = (
        "import sys, beacon_cli.commands.schema; print({'pydantic', 'ruamel', 'beacon_cli.job.model'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "set()"
