"""What is installed in the containers."""

from __future__ import annotations

from pathlib import Path

import pytest

import modal_deployment
from modal_deployment.images import MODEL_PACKAGES, WEB_PACKAGES

ROOT = Path(modal_deployment.__file__).parent.parent


@pytest.mark.parametrize("package", [*WEB_PACKAGES, *MODEL_PACKAGES])
def test_containers_run_the_versions_that_these_tests_run_with(package: str) -> None:
    assert any(package in path.read_text().split() for path in ROOT.glob("constraints*.txt"))


def test_the_light_image_has_no_torch() -> None:
    assert not any(package.startswith(("torch", "transformers")) for package in WEB_PACKAGES)
