"""Explains the errors of Modal's SDK in one line each, with what to do about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beacon_cli.console.printable import excerpt
from beacon_cli.console.redaction import redacted
from beacon_cli.errors import BeaconError, CredentialsError, EnvironmentFault, ProblemsFound

if TYPE_CHECKING:
    from modal_deployment.regions import Region

TOKEN_HINT = "modal token new, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET"
NETWORK_HINT = "check the network and MODAL_SERVER_URL, and https://status.modal.com"
SECRET_HINT = "create it: modal secret create huggingface HF_TOKEN=…"
_KINDS: dict[str, type[BeaconError]] = {"credentials": CredentialsError, "environment": EnvironmentFault}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a region failed: a stable `code`, one line of `message`, and what to do next."""

    code: str
    message: str
    hint: str = ""

    def as_error(self, place: str = "") -> BeaconError:
        """Return the error to raise or print: `CredentialsError`, `EnvironmentFault` or `ProblemsFound`."""
        error = _KINDS.get(self.code, ProblemsFound)(
            f"{place}: {self.message}" if place else self.message, hint=self.hint
        )
        error.code = self.code
        return error


def errors_of(found: Iterable[tuple[Region, Failure | None]]) -> tuple[BeaconError, ...]:
    """Return one error per failure, with the regions that share it."""
    places: dict[Failure, list[str]] = {}
    for region, failure in found:
        if failure is not None:
            places.setdefault(failure, []).append(region.label)
    return tuple(failure.as_error(", ".join(labels)) for failure, labels in places.items())


def exit_code_of(failures: Iterable[Failure | None]) -> int:
    """Return the exit code of several regions' failures: their common one, 1 for a mixture, 0 for none."""
    codes = {0 if failure is None else failure.as_error().exit_code for failure in failures}
    return codes.pop() if len(codes) == 1 else 1


def weights_failure(problems: Mapping[str, str]) -> Failure:
    """Return why weights could not be fetched: `problems` has the reason by model id."""
    told = "; ".join(f"{model_id}: {excerpt(redacted(reason), 300)}" for model_id, reason in problems.items())
    hint = "correct source and revision in beacon.toml, or the secret huggingface (HF_TOKEN); then deploy again"
    return Failure("weights", f"weights could not be fetched, so nothing was published: {told}", hint)


def explain(error: BaseException) -> Failure:
    """Explain an error of the SDK (`modal.exception`, Modal 1.6). Everything that it quotes is redacted."""
    from modal import exception

    message = excerpt(redacted(str(error)), 300) or type(error).__name__
    match error:
        case exception.AuthError() | exception.PermissionDeniedError():
            return Failure("credentials", f"Modal refused the token: {message}", TOKEN_HINT)
        case exception.ConnectionError() | OSError():
            return Failure("environment", f"Modal cannot be reached: {message}", NETWORK_HINT)
        case exception.ServiceError() | exception.InternalError():
            return Failure("environment", f"Modal's control plane failed: {message}", NETWORK_HINT)
        case exception.NotFoundError() if "secret" in message.lower():
            return Failure("secret_missing", f"a Modal secret is missing: {message}", SECRET_HINT)
        case exception.NotFoundError():
            return Failure("not_found", f"Modal did not find it: {message}", "check --environment")
        case exception.ImageBuildError():
            return Failure("image_build", f"the image build failed: {message}", "")
        case exception.ConflictError():
            return Failure("conflict", f"another change was made at the same time: {message}", "deploy again")
        case exception.InvalidError():
            return Failure(
                "invalid",
                f"Modal refused the definition: {message}",
                "check the gpu of the models and the modal_region of the regions in beacon.toml",
            )
        case exception.ResourceExhaustedError():
            hint = "stop other apps (modal app list) or raise the workspace's limits, then deploy again"
            return Failure("resource_exhausted", f"a limit of the Modal workspace was reached: {message}", hint)
        case exception.Error():
            return Failure("modal", f"Modal failed: {type(error).__name__}: {message}", "deploy again")
    return Failure("internal", f"unexpected {type(error).__name__}: {message}", "this is a fault of beacon: report it")
