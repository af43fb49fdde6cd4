"""Writes a configuration and a job to begin with: both or none, and never over a file that is there."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from beacon_cli.config import FILE_NAME
from beacon_cli.errors import EnvironmentFault, UsageError

JOB_NAME = "job.yaml"
# By the name under which each is written, the name of its template.
_TEMPLATES = {FILE_NAME: "configuration.toml", JOB_NAME: JOB_NAME}


@dataclass(frozen=True, slots=True)
class Started:
    """What was written, and where."""

    folder: Path
    files: tuple[Path, ...]

    def as_data(self) -> dict[str, object]:
        """Return the `data` of the JSON document."""
        return {"folder": str(self.folder), "files": [str(path) for path in self.files]}


def start_in(folder: Path) -> Started:
    """Write both files into a folder, which is created if it is missing.

    Raises `UsageError` for a file that is there already, and `EnvironmentFault` if one cannot be written; nothing is
    left of the other one then.
    """
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, template in _TEMPLATES.items():
            _write(folder / name, text_of(template), written)
    except BaseException as error:
        for path in written:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _explained(folder, error) from error
        raise
    return Started(folder, tuple(written))


def text_of(template: str) -> str:
    """Return the text of a template."""
    return resources.files("beacon_cli.starter").joinpath("templates", template).read_text(encoding="utf-8")


def _write(path: Path, text: str, written: list[Path]) -> None:
    with path.open("x", encoding="utf-8") as file:
        written.append(path)
        file.write(text)


def _explained(folder: Path, error: OSError) -> UsageError | EnvironmentFault:
    place = str(error.filename or folder)
    if isinstance(error, FileExistsError) and Path(place) == folder:
        return UsageError(f"{place} is not a folder", hint="name another folder")
    if isinstance(error, FileExistsError):
        return UsageError(
            f"{place} is there already, and is not overwritten; nothing was written",
            hint="name another folder, or move that file away",
        )
    return EnvironmentFault(
        f"{place} cannot be written: {error.strerror}; nothing was written", hint="name a folder that you can write to"
    )
