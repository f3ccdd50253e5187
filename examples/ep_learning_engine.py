"""Equilibrium propagation inside the chip's learning engine: no host between the phases.

One layer y = max(0, W x), taught by nudging: in a free epoch it settles, in the next it is pulled towards its target
with strength 1/2, and settles again. EP's rule for a weight is local, the difference of the products of its two ends:

    dW ~ x (y_nudged - y_free)

Tags hold the difference: at the end of a free epoch -x y is put into them, at the end of the nudged one x y is added,
and at the end of the next free one they go into the weights and begin anew. A population of product neurons brings the
sign of the phase. The engine counts its epochs: u1 is every second one, the free ones, so a first epoch passes in
silence. What it loses (three bits of every product, rounding at random) is part of the result.

    dt = 2^-2 x1 y1 x0 - t u1        x1: half of x;  y1: -y after a free epoch, y after a nudged one
    dw = 2^-3 t u1
"""

from __future__ import annotations

import numpy as np

from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.learning import LearningDense, LearningRule, SpikeUse
from substrates.loihi2.neurons import GradedReLU, Product
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense

INPUTS, OUTPUTS, EPOCH = 8, 4, 12  #: time steps of a phase


def program_of(x: np.ndarray, targets: np.ndarray, *, learns: bool = True, seed: int = 0) -> Program:
    """The network, its teacher, and its learning rule: a silent epoch, then a free and a nudged one for every sample.

    Args:
        x: (samples, INPUTS) integers from 1 to 100.
        targets: (samples, OUTPUTS) integers from 0 to 100.
        learns: else no phase is told, and no weight changes.
        seed: of the learning engine's rounding.
    """
    samples, identity = len(x), np.eye(OUTPUTS, dtype=int)
    shape = (samples, 2, EPOCH)
    nudged = np.zeros((*shape, OUTPUTS), int)
    nudged[:, 1] = 1
    phase = np.zeros((*shape, OUTPUTS), int)
    phase[:, 0, -2], phase[:, 1, -2] = -learns, learns  # a step for its synapses, then it is the epoch's end
    program = Program()
    for name, raster in (
        ("x", np.repeat(x, 2 * EPOCH, axis=0)), ("target", nudged * targets[:, None, None, :]), ("nudged", nudged),
        ("phase", phase),
    ):  # fmt: skip
        flat = raster.reshape(2 * EPOCH * samples, -1)
        program.source(name, np.concatenate([np.zeros((EPOCH, flat.shape[1]), int), flat]))
    program.source("nobody", np.zeros((1, OUTPUTS), int))
    program.population("y", OUTPUTS, GradedReLU(vth=0))
    program.population("signed", OUTPUTS, Product(vth=0))
    program.population("pull", OUTPUTS, Product(vth=0))
    one = {"exponent": -1, "graded": True}  # weights of one: mixed signs hold even numbers, so 2 / 2
    for name, other in (("signed", "phase"), ("pull", "nudged")):
        program.connect("y", name, Dense(2 * identity, **one), target_port="first")
        program.connect(other, name, Dense(2 * identity, **one), target_port="second")
    program.connect("target", "y", Dense(64 * identity, exponent=-7, graded=True))
    program.connect("pull", "y", Dense(-64 * identity, exponent=-7, graded=True))
    rule = LearningRule(
        dt="2^-2 * x1 * y1 * x0 - t * u1", dw="2^-3 * t * u1", x1_tau=1e6, third_factor=True, epoch=EPOCH, seed=seed
    )
    weights = LearningDense(np.full((OUTPUTS, INPUTS), 16), rule, exponent=-7, graded=True, spikes=SpikeUse.OVERWRITE)
    program.connect("x", "y", weights, name="weights", hears={"spikes": "nobody", "y1": "signed"})
    return program


def main(samples: int = 400) -> dict[str, float]:
    """Mean distance of y from its target: over the last tenth of the samples, untaught and taught."""
    rng = np.random.default_rng(0)
    hidden = rng.uniform(0, 1, (OUTPUTS, INPUTS)) ** 4  # a few inputs decide
    hidden /= hidden.sum(axis=1, keepdims=True)
    x = rng.integers(1, 101, (samples, INPUTS))
    targets = np.rint(x @ hidden.T).astype(int)

    def distance(learns: bool) -> float:
        run = Engine(program_of(x, targets, learns=learns)).run((2 * samples + 1) * EPOCH, [Probe("y")])
        free = run.probes["y", "messages"][2 * EPOCH - 1 :: 2 * EPOCH]  # at the end of every free epoch
        return float(np.abs(free - targets)[-samples // 10 :].mean())

    return {"untaught": distance(False), "taught": distance(True)}


if __name__ == "__main__":
    for name, value in main().items():
        print(f"{name}: mean distance from the target {value:.2f} of 100")
