"""Two networks that differ by more than the numbering of their units: the best numbering, and the loss between them.

Hidden units can be renumbered without changing what a network does. With the numbers of all other populations given,
those of population p that bring the weights nearest are an assignment problem: maximise, over orders, the inner product
of everything that touches p (rows that reach it, columns that leave it, biases, the read-out). Populations take turns
until nothing changes, a local optimum. After Ainsworth, Hayase & Srinivasa, "Git Re-Basin", arXiv 2209.04836, where
weights run one way; here those of both directions count.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from hw_profiles.errors import InputError
from substrates.analog import IdealMachine
from substrates.analog.solvers import AlternatingBlocks
from substrates.base import Stop
from substrates.network import Network, SoftmaxReadout

__all__ = ["align", "barrier", "renumbered"]

Orders = list[npt.NDArray[np.int64]]
MOST_TURNS = 100


def align(reference: Network, other: Network) -> Orders:
    """For every population the units of ``other`` in the order that brings its weights nearest to ``reference``'s.

    Raises:
        InputError: networks of different shapes, couplings that are not dense, or of a population with itself.
    """
    _check(reference)
    _check(other)
    sizes = [p.size for p in reference.populations]
    if sizes != [p.size for p in other.populations] or len(reference.couplings) != len(other.couplings):
        raise InputError(f"populations of {[p.size for p in other.populations]} cannot be numbered like {sizes}")
    orders: Orders = [np.arange(n) for n in sizes]
    for _ in range(MOST_TURNS):
        before = [order.copy() for order in orders]
        for p in range(len(sizes)):
            orders[p] = linear_sum_assignment(_likeness(reference, other, orders, p), maximize=True)[1].astype(np.int64)
        if all(np.array_equal(a, b) for a, b in zip(before, orders)):
            break
    return orders


def _likeness(reference: Network, other: Network, orders: Orders, p: int) -> npt.NDArray[np.float64]:
    """(n, n) inner products of what touches unit i of the reference and unit j of the other."""
    n = reference.populations[p].size
    found = np.zeros((n, n))
    for mine, theirs in zip(reference.couplings, other.couplings):
        a, b = _array(mine.matrix), _array(theirs.matrix)
        if mine.target == p:
            found += a @ (b if mine.source < 0 else b[:, orders[mine.source]]).T
            if mine.bias is not None:
                found += np.outer(_array(mine.bias), _array(theirs.bias))
        elif mine.source == p:
            found += a.T @ b[orders[mine.target]]
    if p == len(reference.populations) - 1 and isinstance(reference.cost, SoftmaxReadout):
        assert isinstance(other.cost, SoftmaxReadout)
        found += _array(reference.cost.readout.weight).T @ _array(other.cost.readout.weight)
    return found


def renumbered(network: Network, orders: Orders) -> Network:
    """The same network with the units of every population in the order given: it does the same."""
    _check(network)
    found = copy.deepcopy(network)
    with torch.no_grad():
        for coupling in found.couplings:
            target = torch.from_numpy(orders[coupling.target])
            if coupling.weight is not None:  # a tied coupling's weights are another's
                weight = coupling.weight[target]
                coupling.weight.copy_(
                    weight if coupling.source < 0 else weight[:, torch.from_numpy(orders[coupling.source])]
                )
            if coupling.bias is not None:
                coupling.bias.copy_(coupling.bias[target])
        if isinstance(found.cost, SoftmaxReadout):
            found.cost.readout.weight.copy_(found.cost.readout.weight[:, torch.from_numpy(orders[-1])])
    return found


def barrier(first: Network, second: Network, inputs: Tensor, targets: Tensor, points: int = 11) -> float:
    """How far the loss rises between two networks: max over t of L((1-t) a + t b) - (1-t) L(a) - t L(b).

    Args:
        inputs, targets: samples whose mean loss is L, at the free equilibrium of an ideal machine.
        points: values of t, both ends among them.
    """
    ends = [first.state_dict(), second.state_dict()]
    middle = copy.deepcopy(first)
    losses, shares = [], np.linspace(0.0, 1.0, points)
    for t in shares.tolist():
        middle.load_state_dict({name: torch.lerp(ends[0][name], ends[1][name], t) for name in ends[0]})
        machine = IdealMachine(middle, solver=AlternatingBlocks(step_size=1.0, fallback=0.7))
        rest = machine.relax(machine.drive(inputs), Stop(200, 1e-4)).activities[-1]
        with torch.no_grad():
            losses.append(float(middle.cost.loss(rest, targets).mean()))
    return float((np.array(losses) - (1 - shares) * losses[0] - shares * losses[-1]).max())


def _check(network: Network) -> None:
    if any(not c.dense or c.source == c.target for c in network.couplings):
        raise InputError("units of networks with dense couplings between different populations can be numbered anew")


def _array(values: Any) -> npt.NDArray[np.float64]:
    return np.asarray(values.detach().cpu().double().numpy())
