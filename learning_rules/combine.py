"""How the task's gradient and the homeostasis' come together: their sum, apart, or a direction that hurts neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch

from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["COMBINATIONS", "Combination", "combine_conflict_free", "move_decoupled", "require_conflict_free"]

Combination = Literal["sum", "decoupled", "conflict-free"]
COMBINATIONS: tuple[str, ...] = get_args(Combination)


def require_conflict_free() -> None:
    """Raise unless the official ConFIG library is there.

    Raises:
        InputError: it is not; the text says how to install it.
    """
    try:
        import conflictfree  # noqa: F401
    except ImportError:
        raise InputError(
            "combining gradients free of conflict needs the package conflictfree; "
            "install it with: pip install 'equipoise[conflict-free]', or use the plain sum"
        ) from None


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


def combine_conflict_free(parameters: list[nn.Parameter], task: list[torch.Tensor | None]) -> None:
    """Replace ``.grad`` (holding the homeostasis' gradient) by the ConFIG direction of task and homeostasis.

    The direction has a positive inner product with both gradients. Parameters that only one of them touches keep
    that one's gradient unchanged.

    Source: Liu, Chu & Thuerey, arXiv 2408.11104, through its official library.
    """
    from conflictfree.grad_operator import ConFIG_update

    shared: list[tuple[nn.Parameter, torch.Tensor]] = []
    for parameter, gradient in zip(parameters, task):
        if gradient is None:
            continue
        other = parameter.grad
        if other is None or not bool(other.any()) or not bool(gradient.any()):
            parameter.grad = gradient if other is None else gradient + other
        else:
            shared.append((parameter, gradient))
    if not shared:
        return
    first = torch.cat([g.flatten() for _, g in shared])
    second = torch.cat([p.grad.flatten() for p, _ in shared if p.grad is not None])
    # The library computes in float32 whatever it is given.
    direction = ConFIG_update([first.float(), second.float()]).to(first.dtype)
    position = 0
    for parameter, gradient in shared:
        size = gradient.numel()
        parameter.grad = direction[position : position + size].reshape(gradient.shape).clone()
        position += size
