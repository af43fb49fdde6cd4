"""What `beacon init` writes: read by the real loaders, whole and line by line; never over a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from beacon_cli.config import load_settings
from beacon_cli.errors import EnvironmentFault, UsageError
from beacon_cli.job.load import load_job
from beacon_cli.job.model import JobFile
from beacon_cli.main import program
from beacon_cli.runs.request import known_models
from beacon_cli.settings import Settings
from beacon_cli.starter.starter import start_in, text_of

CONFIGURATION, JOB = text_of("configuration.toml"), text_of("job.yaml")
SETTING = re.compile(r"^( *)#(?=\[|[a-z_]+( =|:) )", re.MULTILINE)
# Only for deployments and servers that have no base_url.
NOT_SHOWN = {"inference_url", "models_url", "health_url", "proxy_env", "script"}
SECRETS = {"database_url", "proxy_key", "proxy_secret", "proxy_key_old", "proxy_secret_old"}


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Yield the name of every key, at any depth."""
    for name, field in model.model_fields.items():
        yield name
        kinds = [field.annotation, *get_args(field.annotation)]
        for kind in kinds:
            if isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, BaseModel):
                yield from keys(kind)


def test_the_configuration_is_usable_as_it_is_and_with_every_comment_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = start_in(tmp_path).files[0]
    assert load_settings(path) == Settings()
    path.write_text(SETTING.sub("", CONFIGURATION))
    settings = load_settings(path)
    assert settings.regions["br"].models["qwen2.5-1.5b"].name == "qwen-plus"
    assert settings.limits == Settings().limits.model_copy(update={"per_endpoint": 2, "max_cost": 25.0})
    assert settings.fleet == Settings().fleet
    assert (settings.modal.containers, settings.modal.snapshot) == ("region", True)
    assert settings.prices.models["deepseek-v3"].output == 1.1
    assert settings.prices.regions["br"].multiplier == 1.5
    assert settings.vocabulary.models["mistral-7b"].gpu == "L4"
    assert settings.data_dir == tmp_path / "data"


def test_the_configuration_shows_every_key_with_its_meaning() -> None:
    for key in {*keys(Settings)} - NOT_SHOWN - SECRETS:
        assert re.search(rf"^#\[?\[?{key}\b|^#{key} = ", CONFIGURATION, re.MULTILINE), key


def test_the_job_is_usable_as_it_is_and_with_each_comment_taken_away(tmp_path: Path) -> None:
    path = start_in(tmp_path).files[1]
    settings = load_settings(tmp_path / "beacon.toml")
    load = partial(load_job, path, regions=settings.vocabulary.regions, known_models=known_models(settings))
    job = load()
    assert (job.expected, job.warnings) == (3 * 1 * 3 * 5, ())
    commented = list(SETTING.finditer(JOB))
    assert len(commented) >= 8
    for each in commented:
        path.write_text(f"{JOB[: each.start()]}{each[1]}{JOB[each.end() :]}")
        assert load() != job, JOB[each.start() :].partition("\n")[0]


def test_the_job_shows_every_key() -> None:
    for key in JobFile.model_fields:
        assert re.search(rf"^#?{key}: ?", JOB, re.MULTILINE), key


@pytest.mark.parametrize("name", ["beacon.toml", "job.yaml"])
def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=rf"{name} is there already, and is not overwritten; nothing was written"):
        start_in(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"job\.yaml is there already"):
        start_in(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is not a folder"):
        start_in(tmp_path / "file")
    with pytest.raises(EnvironmentFault, match="cannot be written: Not a directory; nothing was written"):
        start_in(tmp_path / "file" / "below")


def test_the_command_says_what_to_type_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my study"
    assert program(["init", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["data"] == {
        "folder": str(folder),
        "files": [f"{folder}/beacon.toml", f"{folder}/job.yaml"],
        "next": [f"cd '{folder}'", "beacon doctor", "beacon run job.yaml --local"],
    }
    assert program(["init", str(folder)]) == 2
    assert "is there already" in capsys.readouterr().err
