"""What is installed in the containers: the same everywhere and after every rebuild, down to the bytes of each package.

The locks are made by `scripts/image_locks.py`. They name each package with the hashes of its files, and nothing else is
installed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import modal

PYTHON_VERSION = "3.12"
# By its digest, which no new build of the tag can move. Modal's own base image has the newest compilers, pip and uv.
BASE_IMAGE = "python:3.12.12-slim-bookworm@sha256:593bd06efe90efa80dc4eee3948be7c0fde4134606dd40d8dd8dbcade98e669c"
UV_VERSION = "0.13.9"
WEB_LOCK = Path(__file__).with_name("image-web.txt")
MODEL_LOCK = Path(__file__).with_name("image-model.txt")


def web_image() -> modal.Image:
    """Return the image of `status`: no torch, so that a container starts in about a second."""
    return _image(WEB_LOCK)


def model_image() -> modal.Image:
    """Return the image of the functions on GPUs, and of the one that fetches their weights."""
    return _image(MODEL_LOCK)


def lock_sha256() -> str:
    """Return the SHA-256 over all that decides what is installed: equal for two deployments with the same images."""
    parts = (BASE_IMAGE, UV_VERSION, WEB_LOCK.read_text(encoding="utf-8"), MODEL_LOCK.read_text(encoding="utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _image(lock: Path) -> modal.Image:
    """Return an image with the packages of a lock; our own code is mounted when a container starts."""
    base = modal.Image.from_registry(BASE_IMAGE).uv_pip_install(
        requirements=[str(lock)], extra_options="--require-hashes --no-deps", uv_version=UV_VERSION
    )
    return base.add_local_python_source("modal_deployment")
