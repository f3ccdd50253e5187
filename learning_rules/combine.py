"""How the task's gradient and the homeostasis' come together: their sum, apart, or a direction that hurts neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch

if TYPE_CHECKING:
    from torch import nn

__all__ = ["COMBINATIONS", "Combination", "combine_conflict_free", "move_decoupled"]

Combination = Literal["sum", "decoupled", "conflict-free"]
COMBINATIONS: tuple[str, ...] = get_args(Combination)


@torch.no_grad()
def move_decoupled(parameters: list[nn.Parameter], task: list[torch.Tensor | None]) -> None:
    """Subtract ``.grad`` (holding the homeostasis' gradient) from the parameters and put the task's gradient back.

    The optimizer then sees the task alone. In the sum, an optimizer that divides by the gradient's size (Adam) lets
    the larger of the two gradients set the step of both: homeostasis either drowns the task or is drowned. The same
    is known of weight decay (Loshchilov & Hutter, arXiv 1711.05101).
    """
    for parameter, gradient in zip(parameters, task):
        if parameter.grad is not None:
            parameter.sub_(parameter.grad)
        parameter.grad = gradient


@torch.no_grad()
def combine_conflict_free(parameters: list[nn.Parameter], task: list[torch.Tensor | None]) -> None:
    """Replace ``.grad`` (holding the homeostasis' gradient) by the ConFIG direction of task and homeostasis.

    With g, h the two gradients over all parameters that both touch: (|g| + |h|) / 2 (g / |g| + h / |h|). Its inner
    products with both are positive and of one size for each unit of length, unless they are exactly opposed: then
    it is zero. Parameters that only one of them touches keep that one's gradient unchanged.

    Source: Liu, Chu & Thuerey, arXiv 2408.11104, equations 2 and 3, worked out for two gradients.
    """
    shared: list[tuple[nn.Parameter, torch.Tensor, torch.Tensor]] = []
    for parameter, gradient in zip(parameters, task):
        if gradient is None:
            continue
        other = parameter.grad
        if other is None or not bool(other.any()) or not bool(gradient.any()):
            parameter.grad = gradient if other is None else gradient + other
        else:
            shared.append((parameter, gradient, other))
    if not shared:
        return
    ours = _length([gradient for _, gradient, _ in shared])
    theirs = _length([other for _, _, other in shared])
    for parameter, gradient, other in shared:
        parameter.grad = gradient * (0.5 + 0.5 * theirs / ours) + other * (0.5 + 0.5 * ours / theirs)


def _length(gradients: list[torch.Tensor]) -> float:
    """Of all of them as one vector, summed in float64: single precision loses digits over millions of weights."""
    return float(torch.stack([torch.linalg.vector_norm(g, dtype=torch.float64) for g in gradients]).norm())
