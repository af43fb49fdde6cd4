"""What a model runs on, as the device itself says it: nothing here is taken from the registry.

The modules that it imports late are in the image of the functions on GPUs, and in no other.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

PACKAGES = ("torch", "transformers", "tokenizers")
"""The packages whose versions may change an answer."""

_DRIVER = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
_DRIVER_SECONDS = 20.0
_LONGEST_REASON = 300  # characters
# In the text of a `RuntimeError` of a library that runs on the GPU: those that are no `torch.AcceleratorError`.
_SIGNS = ("CUDA error", "cuDNN error", "cuDNN_STATUS", "CUBLAS_STATUS", "NVRM")


class NoGpu(RuntimeError):
    """A container that should have a GPU has none that can be used. It must not start."""


class GpuFailed(RuntimeError):
    """The GPU failed. Nothing can be computed by this process any more: it has to end."""


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU, and what computes on it.

    `place` is torch's word for where it is; `name` is its own name, such as `Tesla T4`; `dtype` is the precision in
    which weights are held; `driver` is the version of its driver, None if nobody says it; `versions` are those of
    `PACKAGES`.
    """

    place: str
    name: str
    dtype: str
    driver: str | None
    versions: Mapping[str, str]

    def as_data(self) -> dict[str, str | None]:
        """Return it as in receipts and in `health`."""
        return {"name": self.name, "dtype": self.dtype, "driver": self.driver, **self.versions}


def find_gpu(kind: str) -> Device:
    """Return this container's GPU, in which Modal was asked for a `kind`. Raises `NoGpu`.

    A GPU that only emulates bfloat16, as those before Ampere do, computes in float16.
    """
    import torch

    try:
        torch.cuda.init()
        name = torch.cuda.get_device_name()
    except (RuntimeError, AssertionError) as error:  # an AssertionError: torch was built without CUDA
        raise NoGpu(f"a container of a function on {kind} has no GPU that can be used: {_reason(error)}") from error
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return Device(
        place="cuda",
        name=name,
        dtype="bfloat16" if bf16 else "float16",
        driver=_driver(),
        versions={package: version(package) for package in PACKAGES},
    )


def failure_of(error: RuntimeError) -> GpuFailed | None:
    """Return an error as the failure of the GPU, None if it is another one, such as a lack of memory.

    After a failed kernel, CUDA refuses every further call of the process:
    https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html (cudaErrorIllegalAddress and others).
    """
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return None
    if isinstance(error, torch.AcceleratorError) or any(sign in str(error) for sign in _SIGNS):
        return GpuFailed(_reason(error))
    return None


def _driver() -> str | None:
    """Return the driver's version, asked of the driver: torch knows only that of the interface."""
    try:
        asked = subprocess.run(_DRIVER, capture_output=True, text=True, timeout=_DRIVER_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(asked.stdout.split()), None)


def _reason(error: BaseException) -> str:
    """Return the first line of an error's text: torch adds advice for programmers below it."""
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:_LONGEST_REASON]
