"""Every error of the SDK is one line with what to do, and a code of its own."""

from __future__ import annotations

import re

import pytest
from modal import exception

from beacon_cli.deployment.failures import (
    Failure,
    containers_not_stopped,
    errors_of,
    exit_code_of,
    explain,
    publishing_lost,
)
from modal_deployment.regions import BUILT_IN_REGIONS

# What Modal's servers say.
TOO_OLD = "Input plane is not supported for client_version='1.1.0'. Please upgrade to 1.1.3 or later."
LIMIT = (
    "Deployment failed: reached limit of 5 web endpoints (# already deployed => 4, # in this app => 2)."
    " Please upgrade your workspace plan and re-deploy."
)
NO_SECRET = "Secret 'huggingface' not found in environment 'staging'"


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (exception.AuthError("no"), "credentials", 4),
        (exception.PermissionDeniedError("no"), "credentials", 4),
        (exception.ConnectionError("no"), "environment", 3),
        (exception.ServiceError("no"), "environment", 3),
        (OSError("no"), "environment", 3),
        (exception.NotFoundError("Secret 'huggingface' not found"), "secret_missing", 1),
        (exception.NotFoundError("App 'x' not found in environment 'main'"), "not_found", 1),
        (exception.NotFoundError("Environment 'x' not found"), "unknown_environment", 1),
        (exception.ConflictError(TOO_OLD), "client_too_old", 1),
        (exception.ConflictError(LIMIT), "endpoint_limit", 1),
        (exception.InvalidError(LIMIT), "endpoint_limit", 1),
        (exception.ImageBuildError("no", "im-1"), "image_build", 1),
        (exception.ConflictError("no"), "conflict", 1),
        (exception.InvalidError("no"), "invalid", 1),
        (exception.ResourceExhaustedError("no"), "resource_exhausted", 1),
        (exception.RemoteError("no"), "modal", 1),
        (RuntimeError("no"), "internal", 1),
    ],
)
def test_each_error_has_its_code_and_its_exit_code(error: Exception, code: str, exit_code: int) -> None:
    failure = explain(error)
    assert (failure.code, failure.as_error().exit_code, failure.as_error().code) == (code, exit_code, code)


def test_an_endpoint_limit_is_told_with_its_numbers() -> None:
    failure = explain(exception.ConflictError(LIMIT))
    assert "allows 5 web endpoints: 4 are deployed, and this app needs 2" in failure.message
    assert "modal app list" in failure.hint


def test_a_client_that_is_too_old_is_told_which_package_to_install() -> None:
    failure = explain(exception.ConflictError(TOO_OLD))
    assert TOO_OLD in failure.message
    assert re.search(r"install.* 'modal>1\.6\.\d+,<1\.7'", failure.hint)


@pytest.mark.parametrize(("environment", "where"), [("", ""), ("staging", " --env staging")])
def test_a_missing_secret_is_created_where_it_is_missing(environment: str, where: str) -> None:
    hint = explain(exception.NotFoundError(NO_SECRET), environment).hint
    assert hint == f"create it: modal secret create huggingface HF_TOKEN=-{where}"


def test_an_environment_that_does_not_exist_can_be_created() -> None:
    hint = explain(exception.NotFoundError("Environment 'eu prod' not found"), "eu prod").hint
    assert hint == "modal environment list shows those that there are; create it: modal environment create 'eu prod'"


def test_a_lost_answer_to_publishing_says_how_to_find_out() -> None:
    failure = publishing_lost(explain(exception.ServiceError("lost")), "project-beacon-hf-eu", "staging")
    assert failure.code == "environment"
    assert "it may be serving" in failure.message
    assert failure.hint.startswith("modal app history project-beacon-hf-eu --env staging shows whether")


@pytest.mark.parametrize(
    "failure",
    [
        *map(explain, (exception.ConflictError(LIMIT), exception.ConflictError(TOO_OLD), exception.AuthError("no"))),
        *map(explain, (exception.NotFoundError(NO_SECRET), exception.NotFoundError("Environment 'x' not found"))),
        *map(explain, (exception.ResourceExhaustedError("no"), exception.ImageBuildError("no", "im-1"))),
        containers_not_stopped("project-beacon-hf-eu", "", "old ones run"),
        publishing_lost(explain(OSError("no")), "project-beacon-hf-eu", ""),
    ],
    ids=lambda failure: failure.code,
)
def test_no_hint_has_a_word_to_fill_in(failure: Failure) -> None:
    assert not re.search(r"<\w+>|…|\b(?:REGION|NAME|ID)\b|modal (?:app|container) stop\b(?! project)", failure.hint)


def test_what_an_error_quotes_is_redacted_printable_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-canary-0123")
    said = explain(exception.AuthError("as-canary-0123\n\x1b[31mis not valid" + "x" * 1000)).message
    assert "canary" not in said
    assert said.isprintable()
    assert len(said) < 400


def test_regions_that_share_a_failure_share_its_error() -> None:
    one, other = Failure("invalid", "one"), Failure("modal", "other")
    found = list(zip(BUILT_IN_REGIONS, (one, other, one), strict=True))
    assert [error.message for error in errors_of(found)] == ["US, ASIA: one", "EU: other"]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([None, None], 0),
        (["credentials", "credentials"], 4),
        (["environment", "environment"], 3),
        (["credentials", "environment"], 1),
        (["credentials", None], 1),
        (["image_build"], 1),
    ],
)
def test_only_a_failure_common_to_all_regions_has_its_own_exit_code(codes: list[str | None], expected: int) -> None:
    assert exit_code_of(code and Failure(code, "it failed") for code in codes) == expected  # type: ignore[misc]
