"""Judges a region's `models` and `health` together. Pure; their contents are hostile input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from beacon_cli.console.printable import excerpt
from beacon_cli.door import bounded
from beacon_cli.executor.listing import Listing, read_listing
from beacon_cli.verification.fetch import Fetched
from beacon_cli.verification.report import Source
from modal_deployment.regions import Region, Regions

# The region itself did not answer: nothing did, or Modal's gateway did in its place.
_UNANSWERED = frozenset(
    {
        *("unreachable", "no_answer", "tls_failed", "proxy_refused"),
        *("never_deployed", "app_stopped", "app_paused"),
    }
)
# The status in `health` if all is well; the old deployment sends "success".
_HEALTHY = frozenset({"healthy", "ok", "success"})


@dataclass(frozen=True, slots=True)
class Reading:
    """Both GETs of a region, one of `regions`.

    Deployments of the old system have no `models`; their `health` lists the models.
    """

    region: Region
    regions: Regions
    models: Fetched
    health: Fetched

    @property
    def source(self) -> Source | None:
        """The function that the list of models is taken from."""
        if _listing(self.models) is not None:
            return "models"
        return "health" if _listing(self.health) is not None else None

    @property
    def listing(self) -> Listing | None:
        """The models in `source`."""
        return _listing(self.models) or _listing(self.health)

    @property
    def reachable(self) -> bool:
        """Whether one of the functions itself answered, even with a refusal."""
        return any(got.problem is None or got.problem.code not in _UNANSWERED for got in (self.models, self.health))

    @property
    def latency_seconds(self) -> float | None:
        """How long the function took that has the list, else the one that answered."""
        first, second = (self.health, self.models) if self.source == "health" else (self.models, self.health)
        return first.latency_seconds if first.latency_seconds is not None else second.latency_seconds

    @property
    def cold_start_seconds(self) -> float | None:
        """How long the region took to start, if it was cold."""
        return max(got.cold_start_seconds or 0 for got in (self.models, self.health)) or None

    @property
    def says_region(self) -> str | None:
        """The region that the endpoint reports."""
        return next((reported for _, reported in self._regions() if reported is not None), None)

    def health_text(self, key: str) -> str | None:
        """Return a text of the `health` answer."""
        value = (self.health.document or {}).get(key)
        return bounded(value) if isinstance(value, str) else None

    @property
    def lock_sha256(self) -> str | None:
        """The hash of what is installed in the region's containers, if it reports one."""
        value = (self.models.document or {}).get("lock_sha256")
        return bounded(value) if isinstance(value, str) else None

    def deviations(self) -> list[tuple[str, str]]:
        """Return the problems as pairs of a finding's code and message, each code of a failed GET once."""
        found: dict[str, str] = {}
        for code, message in (*self._unread(), *self._unhealthy()):
            found.setdefault(code, message)
        return [*found.items(), *self._displaced()]

    def _unread(self) -> Iterator[tuple[str, str]]:
        problem = self.models.problem
        if problem is not None and problem.code == "never_deployed" and self.source == "health":
            yield "old_deployment", "it has no models function; its health lists the models"
        elif problem is not None:
            yield problem.code, problem.message
        elif _listing(self.models) is None:
            yield "unusable_answer", "models answers without a usable list of models"
        if self.health.problem is not None:
            yield self.health.problem.code, self.health.problem.message

    def _unhealthy(self) -> Iterator[tuple[str, str]]:
        document = self.health.document
        if document is None:
            return
        status = document.get("status")
        if status is None and _listing(self.health) is None:
            yield "unusable_answer", "health answers without a status"
        elif status is not None and status not in _HEALTHY:
            why = f": {excerpt(problem)}" if (problem := self.health_text("problem")) else ""
            yield "unhealthy", f"health reports that it is {excerpt(str(status))}{why}"

    def _displaced(self) -> Iterator[tuple[str, str]]:
        said = list(self._regions())
        if said and all(name is None for _, name in said):
            yield "region_unreported", "it does not say which region it is"
        for function, name in said:
            if name is not None and self.regions.or_none(name) != self.region:
                yield (
                    "region_mismatch",
                    f"asked {self.region.label}, but {function} reports that it is {excerpt(name) or '(nothing)'}",
                )

    def _regions(self) -> Iterator[tuple[str, str | None]]:
        for function, got in (("models", self.models), ("health", self.health)):
            if got.document is not None:
                reported = got.document.get("region")
                yield function, reported if reported is None else bounded(str(reported))


def _listing(got: Fetched) -> Listing | None:
    return None if got.document is None else read_listing(got.document)
