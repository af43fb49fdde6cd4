"""Every error of the SDK is one line with what to do, and a code of its own."""

from __future__ import annotations

import pytest
from modal import exception

from beacon_cli.deployment.failures import Failure, errors_of, exit_code_of, explain
from modal_deployment.regions import BUILT_IN_REGIONS


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (exception.AuthError("no"), "credentials", 4),
        (exception.PermissionDeniedError("no"), "credentials", 4),
        (exception.ConnectionError("no"), "environment", 3),
        (exception.ServiceError("no"), "environment", 3),
        (OSError("no"), "environment", 3),
        (exception.NotFoundError("Secret 'huggingface' not found"), "secret_missing", 1),
        (exception.NotFoundError("Environment 'x' not found"), "not_found", 1),
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
