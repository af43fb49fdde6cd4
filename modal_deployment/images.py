"""What is installed in the containers: exact versions, the same in every region and after every rebuild."""

from __future__ import annotations

import modal

PYTHON_VERSION = "3.12"
WEB_PACKAGES = ("fastapi==0.165.0", "starlette==1.10.0", "pydantic==2.14.3")
MODEL_PACKAGES = ("torch==2.13.0", "transformers==5.23.0")


def web_image() -> modal.Image:
    """Return the image of `status`: no torch, so that a container starts in about a second."""
    return _image(WEB_PACKAGES)


def model_image() -> modal.Image:
    """Return the image of `inference`."""
    return _image((*WEB_PACKAGES, *MODEL_PACKAGES))


def _image(packages: tuple[str, ...]) -> modal.Image:
    """Return Debian with `packages`; our own code is mounted when a container starts and rebuilds nothing."""
    base = modal.Image.debian_slim(python_version=PYTHON_VERSION).pip_install(*packages)
    return base.add_local_python_source("modal_deployment")
