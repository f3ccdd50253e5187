"""Conflict-free combination against its definition, worked out in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from learning_rules.combine import combine_conflict_free


def defined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Liu, Chu & Thuerey, arXiv 2408.11104, equations 2 and 3: along the unit vector whose products with both unit
    gradients are alike, as long as the projections of both upon it together.
    """
    units = np.stack([g / np.linalg.norm(g) for g in (first, second)])
    direction = np.linalg.pinv(units) @ np.ones(2)
    direction /= np.linalg.norm(direction)
    return (first @ direction + second @ direction) * direction


def combined(task: list[torch.Tensor], other: list[torch.Tensor]) -> np.ndarray:
    parameters = [nn.Parameter(torch.zeros_like(g)) for g in task]
    for parameter, gradient in zip(parameters, other):
        parameter.grad = gradient.clone()
    combine_conflict_free(parameters, list(task))
    return np.concatenate([p.grad.double().numpy().ravel() for p in parameters if p.grad is not None])


def whole(part: list[torch.Tensor]) -> np.ndarray:
    return np.concatenate([g.double().numpy().ravel() for g in part])


def pair(seed: int, dtype: torch.dtype = torch.float32) -> list[list[torch.Tensor]]:
    rng = torch.Generator().manual_seed(seed)
    scales = 10.0 ** torch.empty(2).uniform_(-2, 2, generator=rng)
    shapes = [(4, 3), (5,), (2, 6)]
    return [[s.to(dtype) * torch.randn(shape, generator=rng, dtype=dtype) for shape in shapes] for s in scales]


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 3e-7), (torch.float64, 1e-14)])
@pytest.mark.parametrize("seed", range(20))
def test_the_direction_is_the_papers(seed: int, dtype: torch.dtype, bound: float) -> None:
    task, other = pair(seed, dtype)
    found, a, b = combined(task, other), whole(task), whole(other)
    wanted = defined(a, b)
    assert np.linalg.norm(found - wanted) <= bound * np.linalg.norm(wanted)
    assert min(found @ a, found @ b) > 0
    assert found @ a / np.linalg.norm(a) == pytest.approx(found @ b / np.linalg.norm(b), rel=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_the_direction_is_its_authors(seed: int) -> None:
    """Their code computes in float32, and its own two forms differ by 1.3e-6."""
    operator = pytest.importorskip("conflictfree.grad_operator")
    task, other = pair(seed)
    a, b = (torch.cat([g.flatten() for g in part]) for part in (task, other))
    for theirs in (operator.ConFIG_update([a, b], use_least_square=False), operator.ConFIG_update_double(a, b)):
        assert np.linalg.norm(combined(task, other) - theirs.double().numpy()) <= 3e-6 * float(theirs.norm())


def test_what_was_in_memory_before_changes_nothing() -> None:
    task, other = pair(0)
    wanted = combined(task, other)
    for _ in range(300):
        left = [torch.full((size,), float("nan")) for size in (3, 9, 29, 64, 1000)]
        del left
        np.testing.assert_array_equal(combined(task, other), wanted)


def test_millions_of_weights_in_conflict_have_a_direction() -> None:
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(6_000_000, generator=rng)
    b = torch.randn(6_000_000, generator=rng) - 0.5 * a
    found = combined([a], [b])
    x, y = a.double().numpy(), b.double().numpy()
    assert x @ y < 0
    assert found @ x / np.linalg.norm(x) == pytest.approx(found @ y / np.linalg.norm(y), rel=1e-4)
    assert found @ x > 0


@pytest.mark.parametrize("factor", [3.0, -3.0])
def test_gradients_on_one_line(factor: float) -> None:
    """Alike: their sum. Opposed: there is no direction that hurts neither."""
    task, _ = pair(0)
    found = combined(task, [factor * g for g in task])
    np.testing.assert_allclose(found, (1 + factor if factor > 0 else 0) * whole(task), rtol=1e-6, atol=1e-5)


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
