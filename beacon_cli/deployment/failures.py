"""Explains the errors of Modal's SDK in one line each, with what to do about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beacon_cli.console.printable import excerpt
from beacon_cli.console.redaction import redacted
from beacon_cli.deployment.hints import (
    apps_command,
    history_command,
    modal_command,
    replace_containers_command,
    secret_command,
)
from beacon_cli.errors import BeaconError, CredentialsError, EnvironmentFault, ProblemsFound
from beacon_cli.extras import how_to_add

if TYPE_CHECKING:
    from modal_deployment.regions import Region

TOKEN_HINT = "modal token new, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET"
NETWORK_HINT = "check the network and MODAL_SERVER_URL, and https://status.modal.com"
PLANS = "https://modal.com/settings/plans"
# From the text of the SDK when it could not stop the containers of the version before.
NOT_TERMINATED = "containers did not all terminate"
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


def explain(error: BaseException, environment: str = "") -> Failure:
    """Explain an error of the SDK (`modal.exception`, Modal 1.6). Everything that it quotes is redacted.

    An empty `environment` is the workspace's default one.
    """
    from modal import exception

    message = excerpt(redacted(str(error)), 300) or type(error).__name__
    if isinstance(error, exception.Error) and (told := explain_text(message, environment)) is not None:
        return told
    match error:
        case exception.AuthError() | exception.PermissionDeniedError():
            return Failure("credentials", f"Modal refused the token: {message}", TOKEN_HINT)
        case exception.ConnectionError() | OSError():
            return Failure("environment", f"Modal cannot be reached: {message}", NETWORK_HINT)
        case exception.ServiceError() | exception.InternalError():
            return Failure("environment", f"Modal's control plane failed: {message}", NETWORK_HINT)
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
            needless = f"stop what is not needed ({apps_command(environment)} shows it)"
            hint = f"{needless}, or raise the limit: {PLANS}; then deploy again"
            return Failure("resource_exhausted", f"a limit of the Modal workspace was reached: {message}", hint)
        case exception.Error():
            return Failure("modal", f"Modal failed: {type(error).__name__}: {message}", "deploy again")
    return Failure("internal", f"unexpected {type(error).__name__}: {message}", "this is a fault of beacon: report it")


def explain_text(message: str, environment: str) -> Failure | None:
    """Explain what Modal says in words alone: its errors of these kinds share a class with others, or have none.

    None if the words are of another kind. The texts are those of Modal's servers, seen in 2026.
    """
    for pattern, failure in _BY_TEXT:
        if (found := pattern.search(message)) is not None:
            return failure(found, message, environment)
    return None


def containers_not_stopped(app_name: str, environment: str, message: str) -> Failure:
    """Return the failure of a change that was made, while containers of the version before go on."""
    hint = f"{modal_command('modal container list', environment=environment)} shows them;"
    return Failure(
        "containers_not_stopped",
        message,
        f"{hint} {replace_containers_command(app_name, environment)} replaces all of them",
    )


def publishing_lost(failure: Failure, app_name: str, environment: str) -> Failure:
    """Return the failure of a deployment whose last step was sent, and whose answer was lost on the way."""
    history = history_command(app_name, environment)
    return Failure(
        failure.code,
        f"the connection was lost while the version was published, so it may be serving: {failure.message}",
        f"{history} shows whether there is a new version; if there is none, deploy again",
    )


def _endpoint_limit(found: re.Match[str], _message: str, environment: str) -> Failure:
    limit, there, needed = found.group("limit", "there", "needed")
    message = f"the plan of the Modal workspace allows {limit} web endpoints: {there} are deployed, and this app needs"
    shown = f"stop an app that is not needed ({apps_command(environment)} shows those of an environment)"
    hint = f"{shown}, deploy fewer regions, or change the plan: {PLANS}"
    return Failure("endpoint_limit", f"{message} {needed}", hint)


def _client_too_old(_found: re.Match[str], message: str, _environment: str) -> Failure:
    from modal import __version__ as installed

    major, minor, *_ = installed.split(".")
    newer = how_to_add(f"modal>{installed},<{major}.{int(minor) + 1}")
    hint = f"take a newer one, {newer}; if there is none, a newer Beacon is needed"
    return Failure("client_too_old", f"Modal no longer accepts modal {installed}, its SDK: {message}", hint)


def _secret_missing(_found: re.Match[str], message: str, environment: str) -> Failure:
    return Failure(
        "secret_missing", f"a Modal secret is missing: {message}", f"create it: {secret_command(environment)}"
    )


def _unknown_environment(_found: re.Match[str], message: str, environment: str) -> Failure:
    hint = "modal environment list shows those that there are"
    if environment:
        hint += f"; create it: {modal_command('modal environment create', environment)}"
    return Failure("unknown_environment", f"the Modal environment does not exist: {message}", hint)


_Explanation = Callable[[re.Match[str], str, str], Failure]
_BY_TEXT: tuple[tuple[re.Pattern[str], _Explanation], ...] = (
    (
        re.compile(
            r"reached limit of (?P<limit>\d+) web endpoints"
            r"(?:.*already deployed => (?P<there>\d+))(?:.*in this app => (?P<needed>\d+))",
            re.DOTALL,
        ),
        _endpoint_limit,
    ),
    (
        re.compile(
            r"client[ _]version.{0,80}(?:too old|upgrade|update|no longer)|install (?:-U|--upgrade) modal",
            re.DOTALL | re.IGNORECASE,
        ),
        _client_too_old,
    ),
    (re.compile(r"\bsecret\b.*(?:not found|missing)", re.DOTALL | re.IGNORECASE), _secret_missing),
    (re.compile(r"^\W*(?:no |unknown )?environment\b.*\bnot (?:found|exist)", re.IGNORECASE), _unknown_environment),
)
