"""Loss and gradients as CUDA graphs: in small networks, starting a step's thousands of kernels is what takes time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .stage import Stage

WARM_UP = 3  # steps before a graph is recorded, in which libraries choose their kernels


@dataclass
class _Recorded:
    graph: torch.cuda.CUDAGraph
    inputs: dict[str, Any]
    losses: dict[str, Tensor]


class Replay:
    """A stage's `loss` with its gradients, recorded once for each shape of batch and replayed afterwards.

    What in a batch is not a tensor is part of the recording, so a new value makes a new one.

    Args:
        stage: Its `loss` must neither wait for the GPU nor depend on numbers in tensors. Its parameters must have
            gradients, which stay where they are; after a step they are those of the batch.
        generator: The generator of the stage's noise; seeded before a step as without recordings.
    """

    def __init__(self, stage: Stage, generator: torch.Generator) -> None:
        self.stage, self.generator = stage, generator
        self.recorded: dict[Any, _Recorded] = {}

    def __call__(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Losses of a batch on the GPU."""
        key = tuple((k, tuple(v.shape) if isinstance(v, Tensor) else v) for k, v in sorted(batch.items()))
        found = self.recorded.get(key)
        if found is None:
            seed = self.generator.initial_seed()
            found = self.recorded[key] = self._record(batch)
            self.generator.manual_seed(seed)  # recording drew from it
        for name, value in batch.items():
            if isinstance(value, Tensor):
                found.inputs[name].copy_(value, non_blocking=True)
        found.graph.replay()
        return found.losses

    def _record(self, batch: dict[str, Any]) -> _Recorded:
        inputs = {k: v.clone() if isinstance(v, Tensor) else v for k, v in batch.items()}
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._step(inputs)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.generator)
        # Other threads go on with what a recording may not contain, such as pinning memory for the next batch.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            losses = self._step(inputs)
        return _Recorded(graph, inputs, losses)

    def _step(self, inputs: dict[str, Any]) -> dict[str, Tensor]:
        self.stage.trained().zero_grad(set_to_none=False)
        losses = self.stage.loss(inputs, self.generator)
        losses["loss"].backward()
        return {name: value.detach() for name, value in losses.items()}
