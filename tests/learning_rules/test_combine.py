"""Conflict-free combination against its definition, worked out in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from learning_rules.combine import combine_conflict_free

pytest.importorskip("conflictfree")


def defined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Liu, Chu & Thuerey, arXiv 2408.11104, equations 2 and 3: along the unit vector whose products with both unit
    gradients are alike, as long as the projections of both upon it together.
    """
    units = np.stack([g / np.linalg.norm(g) for g in (first, second)])
    direction = np.linalg.pinv(units) @ np.ones(2)
    direction /= np.linalg.norm(direction)
    return (first @ direction + second @ direction) * direction


@pytest.mark.parametrize("seed", range(20))
def test_the_direction_is_the_papers(seed: int) -> None:
    """The authors' code computes in float32, and its own two forms differ by 1.3e-6."""
    rng = torch.Generator().manual_seed(seed)
    shapes = [(4, 3), (5,), (2, 6)]
    scales = 10.0 ** torch.empty(2).uniform_(-2, 2, generator=rng)
    task, other = ([s * torch.randn(shape, generator=rng) for shape in shapes] for s in scales)
    parameters = [nn.Parameter(torch.zeros(shape)) for shape in shapes]
    for parameter, gradient in zip(parameters, other):
        parameter.grad = gradient.clone()
    combine_conflict_free(parameters, list(task))
    found = np.concatenate([p.grad.double().numpy().ravel() for p in parameters if p.grad is not None])
    a, b = (np.concatenate([g.double().numpy().ravel() for g in part]) for part in (task, other))
    wanted = defined(a, b)
    assert np.linalg.norm(found - wanted) <= 3e-6 * np.linalg.norm(wanted)
    assert min(found @ a, found @ b) > 0
    assert found @ a / np.linalg.norm(a) == pytest.approx(found @ b / np.linalg.norm(b), rel=1e-4)


def test_what_one_alone_touches_is_kept() -> None:
    parameters = [nn.Parameter(torch.zeros(3)) for _ in range(3)]
    parameters[0].grad = torch.tensor([1.0, 2.0, 3.0])
    parameters[1].grad = torch.zeros(3)
    parameters[2].grad = torch.tensor([1.0, 0.0, 0.0])
    task = [None, torch.tensor([4.0, 5.0, 6.0]), torch.tensor([0.0, 1.0, 0.0])]
    combine_conflict_free(parameters, task)
    assert parameters[0].grad.tolist() == [1.0, 2.0, 3.0]
    assert parameters[1].grad.tolist() == [4.0, 5.0, 6.0]
    assert parameters[2].grad.tolist() == pytest.approx([1.0, 1.0, 0.0], abs=1e-6)
