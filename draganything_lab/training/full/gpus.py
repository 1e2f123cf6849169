"""What named GPUs can do, by their makers' data sheets; what they reach in a training is less."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import LabError


@dataclass(frozen=True)
class Gpu:
    """A GPU's data sheet.

    Attributes:
        name: As people call it.
        memory: Bytes; data sheets count a gigabyte as 10**9.
        half: Operations per second with 16-bit matrices, without sparsity.
        single: The same in float32, without TF32.
        bf16: Whether it computes in bfloat16.
    """

    name: str
    memory: int
    half: float
    single: float
    bf16: bool = True


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("T4", 16 * 10**9, 65e12, 8.1e12, bf16=False),  # nvidia.com: T4 Tensor Core GPU datasheet (2019)
        Gpu("L4", 24 * 10**9, 121e12, 30.3e12),  # nvidia.com: L4 datasheet (2023): 242 TFLOPS with sparsity
        Gpu("A100-40", 40 * 10**9, 312e12, 19.5e12),  # nvidia.com: A100 datasheet (2021)
        Gpu("A100-80", 80 * 10**9, 312e12, 19.5e12),  # the same
        Gpu("H100", 80 * 10**9, 989e12, 67e12),  # nvidia.com: H100 datasheet, SXM: 1,979 TFLOPS with sparsity
        Gpu("H200", 141 * 10**9, 989e12, 67e12),  # nvidia.com: H200 datasheet, SXM: 1,979 TFLOPS with sparsity
    )
}


def named_gpu(name: str) -> Gpu:
    """A GPU of the table, by its name in any case.

    Raises:
        LabError: It is not in the table.

    >>> named_gpu("a100-80").memory
    80000000000
    """
    for known, gpu in GPUS.items():
        if known.lower() == name.strip().lower():
            return gpu
    raise LabError(f'GPU "{name}" is not in the table', fix=f"use one of {', '.join(GPUS)}, or cpu or cuda")
