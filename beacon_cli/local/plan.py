"""What a regional server gets from its parent at the start: one line of JSON on its stdin.

Credentials travel this way too: neither the process list nor the environment shows them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modal_deployment.regions import Region
from modal_deployment.registry import Model


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """The models with their files, how many threads each may use, and how the gateway behaves.

    `regions` are the known ones, of which this server is one. `folder` is for passing files; the parent creates and
    removes it.
    """

    models: tuple[tuple[Model, Path], ...]
    regions: tuple[Region, ...]
    threads: int
    hop_after: float
    credentials: tuple[tuple[str, str], ...]
    folder: Path

    def to_line(self) -> bytes:
        """Return the plan as one line."""
        document = {
            "models": [{"model": asdict(model), "path": str(path)} for model, path in self.models],
            "regions": [_plain(region) for region in self.regions],
            "threads": self.threads,
            "hop_after": self.hop_after,
            "credentials": self.credentials,
            "folder": str(self.folder),
        }
        return json.dumps(document).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> ServerPlan:
        """Return the plan in a line of `to_line`."""
        document = json.loads(line)
        return cls(
            tuple((Model(**entry["model"]), Path(entry["path"])) for entry in document["models"]),
            tuple(_region(**entry) for entry in document["regions"]),
            document["threads"],
            document["hop_after"],
            tuple((key, secret) for key, secret in document["credentials"]),
            Path(document["folder"]),
        )


def _plain(region: Region) -> dict[str, Any]:
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(region).items()}


def _region(*, aliases: list[str], container_prefixes: list[str], **texts: Any) -> Region:
    return Region(aliases=frozenset(aliases), container_prefixes=frozenset(container_prefixes), **texts)
