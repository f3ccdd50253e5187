"""The same network in Brian2: an independent reference for equilibria and time courses, and a way to play with one.

Small networks only: Brian2 keeps a record per synapse. It needs the extra ``brian2``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import Tensor

from hw_profiles.errors import InputError
from substrates.network import Network

__all__ = ["relax_in_brian2"]

Floats = npt.NDArray[np.float64]
#: activations in Brian2's own language, of the membrane u
_EXPRESSIONS = {
    "logistic": "1 / (1 + exp(2 - 4*u))",
    "tanh": "tanh(u)",
    "hard-sigmoid": "clip(u, 0, 1)",
    "identity": "u",
}


def relax_in_brian2(
    network: Network, sample: Tensor, *, duration_s: float, time_constant_s: float, step_s: float
) -> tuple[Floats, Floats]:
    """Integrate  tau du/dt = F(sigma(u), x) - u  of one sample from rest, by Brian2's fourth-order Runge-Kutta.

    Args:
        network: dense couplings, one activation for all populations.
        sample: the clamped input, shape of one sample.
        duration_s, time_constant_s, step_s: seconds.

    Returns:
        Times (steps,) in seconds and membranes (steps, neurons), populations one after another.

    Raises:
        InputError: Brian2 is missing, or the network has couplings or activations it has no words for here.
    """
    try:
        import brian2
    except ImportError as error:
        raise InputError(f"brian2 cannot be imported ({error}); install the extra: equipoise[brian2]") from error
    names = {p.activation for p in network.populations}
    if len(names) != 1 or not names <= set(_EXPRESSIONS) or any(not c.dense for c in network.couplings):
        raise InputError(
            f"Brian2 reference: dense couplings and one activation of {', '.join(_EXPRESSIONS)} expected, "
            f"got {', '.join(sorted(names))}"
        )
    weights, bias = _assemble(network, sample)
    brian2.prefs.codegen.target = "numpy"
    neurons = brian2.NeuronGroup(
        len(bias),
        f"""du/dt = (current + drive - u) / tau : 1
        v = {_EXPRESSIONS[names.pop()]} : 1
        current : 1
        drive : 1
        tau : second (shared)""",
        method="rk4",
        dt=step_s * brian2.second,
    )
    neurons.tau = time_constant_s * brian2.second
    neurons.drive = bias
    synapses = brian2.Synapses(
        neurons, neurons, "w : 1\ncurrent_post = w * v_pre : 1 (summed)", dt=step_s * brian2.second
    )
    post, pre = np.nonzero(weights)
    synapses.connect(i=pre, j=post)
    synapses.w = weights[post, pre]
    monitor = brian2.StateMonitor(neurons, "u", record=True, dt=step_s * brian2.second)
    run = brian2.Network(neurons, synapses, monitor)
    run.run(duration_s * brian2.second)
    return np.asarray(monitor.t / brian2.second), np.asarray(monitor.u).T


def _assemble(network: Network, sample: Tensor) -> tuple[Floats, Floats]:
    """All recurrent couplings as one matrix (neurons, neurons), and the constant current of every neuron."""
    sizes = [p.size for p in network.populations]
    first = np.concatenate([[0], np.cumsum(sizes)])
    weights = np.zeros((first[-1], first[-1]))
    for coupling in network.recurrent_couplings():
        t, s = coupling.target, coupling.source
        weights[first[t] : first[t + 1], first[s] : first[s + 1]] += coupling.matrix.detach().double().numpy()
    currents = network.input_currents(sample[None])
    return weights, np.concatenate([c[0].detach().double().numpy().ravel() for c in currents])
