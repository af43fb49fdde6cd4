"""What a container asks its device, with torch's own functions at the device's edge replaced."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch: pip install '.[torch]'")
pytest.importorskip("transformers", reason="needs transformers: pip install '.[torch]'")

import torch

from modal_deployment.device import Device, NoGpu, failure_of, find_gpu

VERSIONS = {package: version(package) for package in ("torch", "transformers", "tokenizers")}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Device]:
    """A device that answers as it is told; its driver is asked through a program that is found first."""

    def found(name: str, *, bf16: bool, nvidia_smi: str) -> Device:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{nvidia_smi}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        monkeypatch.setattr(torch.cuda, "init", lambda: None)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: name)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation or bf16)
        return find_gpu("T4")

    return found


@pytest.mark.parametrize(("name", "bf16", "dtype"), [("Tesla T4", False, "float16"), ("NVIDIA L4", True, "bfloat16")])
def test_the_device_says_its_name_and_decides_the_precision(
    gpu: Callable[..., Device], name: str, bf16: bool, dtype: str
) -> None:
    device = gpu(name, bf16=bf16, nvidia_smi="echo 580.95.05")
    assert device == Device("cuda", name, dtype, "580.95.05", VERSIONS)
    assert device.as_data() == {"name": name, "dtype": dtype, "driver": "580.95.05", **VERSIONS}


@pytest.mark.parametrize("nvidia_smi", ["exit 9", "true"])
def test_a_driver_that_cannot_be_asked_is_unknown(gpu: Callable[..., Device], nvidia_smi: str) -> None:
    assert gpu("Tesla T4", bf16=False, nvidia_smi=nvidia_smi).driver is None


@pytest.mark.parametrize(
    "error",
    [
        AssertionError("Torch not compiled with CUDA enabled"),
        RuntimeError("Found no NVIDIA driver on your system.\nPlease check that you have an NVIDIA GPU"),
    ],
)
def test_without_a_gpu_the_error_says_why(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def init() -> None:
        raise error

    monkeypatch.setattr(torch.cuda, "init", init)
    with pytest.raises(NoGpu) as raised:
        find_gpu("L4")
    reason = str(error).partition("\n")[0]
    assert str(raised.value) == f"a container of a function on L4 has no GPU that can be used: {reason}"


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (torch.AcceleratorError("CUDA error: launch failure\nadvice"), "CUDA error: launch failure"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"), "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), None),
        (RuntimeError("shape '[1, 2]' is invalid for input of size 3"), None),
    ],
)
def test_only_failures_of_the_gpu_end_a_container(error: Any, failed: str | None) -> None:
    failure = failure_of(error)
    assert (failure and str(failure)) == failed
