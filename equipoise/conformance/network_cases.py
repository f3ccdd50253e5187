"""Random networks of the engine's neurons and synapses. Each function draws one: values at the edges included.

Feed-forward where messages carry values, so that nothing grows without bound; loops where messages are spikes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.conformance.case import Case, Outcome, compare
from hw_profiles.errors import InputError
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.engine.learning_probes import SYNAPSES
from substrates.loihi2.lava.border import extend_sign
from substrates.loihi2.lava.chip_program import begin_later
from substrates.loihi2.lava.delay import known_delay
from substrates.loihi2.lava.plan import public_variables
from substrates.loihi2.lava.run import LavaTarget, run_program
from substrates.loihi2.lava.watchdog import LavaSession
from substrates.loihi2.learning import LearningDense, LearningRule, LearningSparse, SpikeUse
from substrates.loihi2.neurons import LIF, Delta, GradedReLU, LIFRefractory, Neuron, Relaxation, Sigma, SigmaDelta
from substrates.loihi2.neurons.inverse_root import InverseRoot
from substrates.loihi2.neurons.norm_vector import NormVector
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse
from substrates.loihi2.weights import SignMode

__all__ = [
    "NetworkCase", "conv", "delays", "delta", "dense", "graded_messages", "graded_relu", "learning", "lif",
    "lif_refractory", "mixed", "normalisation", "of_neuron", "relaxation", "sigma", "sigma_delta", "sparse",
]  # fmt: skip

Rng = np.random.Generator


@dataclass
class NetworkCase(Case):
    """A program; ``raw_weights`` are weights before our truncation, for Lava to truncate by itself."""

    program: Program
    steps: int
    raw_weights: Mapping[str, Any] = field(default_factory=dict)

    def run(self, session: LavaSession, target: LavaTarget, timeout_s: float) -> Outcome:
        program, steps = self.program, self.steps
        if target == "loihi2":  # adapters need a head start, and neurons with a bias wait for nothing
            lead = session.call(known_delay, timeout_s=timeout_s).into + 1
            program, steps = begin_later(program, steps, lead), steps + lead
        probes = [
            Probe(name, variable)
            for name, population in program.populations.items()
            for variable in ("messages", *population.neuron.variables)
        ]
        probes += [
            Probe(connection.name, variable)
            for connection in program.connections if connection.hears
            for variable in SYNAPSES
        ]  # fmt: skip
        engine = Engine(program)
        ours = engine.run(steps, probes).probes
        theirs = run_program(
            program, steps, target=target, raw_weights=self.raw_weights, timeout_s=timeout_s, session=session
        )
        outcome = Outcome(steps)
        for connection in program.connections:
            if connection.hears and connection.name in theirs.synapses:
                before = connection.synapses
                for variable, values in theirs.synapses[connection.name].items():  # as each step uses them
                    mine = np.concatenate([_at_first(before, variable)[None], ours[connection.name, variable][:-1]])
                    compare(outcome, f"{connection.name}.{variable}", mine, values)
        for name, population in program.populations.items():
            messages = ours[name, "messages"]
            if target == "loihi2":  # a message has 24 bits there; Lava's CPU models send all 32
                messages = extend_sign(messages)
            compare(outcome, f"{name}.messages", messages, theirs.messages[name])
            for variable in public_variables(population.neuron):
                mine = ours[name, variable]
                if name in theirs.states:
                    compare(outcome, f"{name}.{variable}", mine, theirs.states[name][variable])
                else:
                    compare(outcome, f"{name}.{variable} (final)", mine[-1:], theirs.final[name][variable][None])
        return outcome


def _at_first(synapses: Any, variable: str) -> np.ndarray[Any, Any]:
    return np.asarray(synapses.matrix(synapses.values)[SYNAPSES.index(variable)])


def _size(rng: Rng, low: int = 2, high: int = 20) -> int:
    return int(rng.integers(low, high + 1))


def _spikes(rng: Rng, steps: int, n: int) -> np.ndarray[Any, Any]:
    return (rng.random((steps, n)) < rng.uniform(0.05, 0.6)).astype(np.int64)


def _values(rng: Rng, steps: int, n: int, bits: int = 12) -> np.ndarray[Any, Any]:
    return _spikes(rng, steps, n) * rng.integers(-(2**bits), 2**bits, (steps, n))


def _weights(rng: Rng, shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    """All three sign modes, odd and extreme values among them."""
    low, high = ((-256, 256), (0, 256), (-255, 1))[rng.integers(3)]
    scale = rng.choice([1.0, 0.3, 0.05])
    return np.clip(rng.integers(low, high, shape) * scale, low, high - 1).astype(np.int64)


def _format(rng: Rng, low: int = -8, high: int = 7) -> dict[str, Any]:
    return {"bits": int(rng.integers(2, 9)), "exponent": int(rng.integers(low, high + 1))}


def _lif(rng: Rng, n: int) -> dict[str, Any]:
    return {
        "du": int(rng.choice([-1, 0, 4095, rng.integers(0, 4096)])),
        "dv": int(rng.choice([0, 4096, rng.integers(0, 4097)])),
        "vth": int(rng.choice([1, 30, 3000, 131071], p=[0.35, 0.3, 0.25, 0.1])),
        "bias_mant": rng.integers(-2048, 4096, n) if rng.random() < 0.7 else int(rng.integers(-10, 51)),
        "bias_exp": int(rng.integers(-4, 8)),
    }


def _fed(
    rng: Rng, program: Program, name: str, n: int, *, graded: bool = False, steps: int, port: str | None = None
) -> dict[str, Any]:
    """Feed population ``name`` through weights from a source; returns the raw weights."""
    m, into = _size(rng), name if port is None else f"{port} of {name}"
    program.source(
        f"to {into}", _values(rng, steps, m) if graded else _spikes(rng, steps, m), repeat=bool(rng.integers(2))
    )
    weights = _weights(rng, (n, m))
    program.connect(
        f"to {into}", name, Dense(weights, **_format(rng, -8, 2), graded=graded), name=f"feed {into}", target_port=port
    )
    return {f"feed {into}": weights}


def of_neuron(neuron: type[Neuron], rng: Rng, steps: int) -> NetworkCase:
    """Any neuron with an `Neuron.example`, every input fed through weights.

    Raises:
        InputError: it has no example.
    """
    program, n = Program(), _size(rng)
    model = neuron.example(rng, n)
    if model is None:
        raise InputError(f"the neuron {neuron.name!r} has no example; a case can be drawn of one")
    program.population("a", n, model)
    ports = neuron.inputs if len(neuron.inputs) > 1 else (None,)
    raw: dict[str, Any] = {}
    for port in ports:
        raw |= _fed(rng, program, "a", n, graded=neuron.graded, steps=steps, port=port)
    return NetworkCase(program, steps, raw)


def lif(rng: Rng, steps: int) -> NetworkCase:
    """Current and voltage decay, bias, wrapping and saturation, in a loop with itself."""
    program, n = Program(), _size(rng)
    program.population(
        "a", n, LIF(**_lif(rng, n)), u=rng.integers(-(2**22), 2**22, n), v=rng.integers(-(2**13), 2**13, n)
    )
    raw = _fed(rng, program, "a", n, steps=steps)
    loop = _weights(rng, (n, n))
    program.connect("a", "a", Dense(loop, **_format(rng, -4, 4)), name="loop")
    return NetworkCase(program, steps, {**raw, "loop": loop})


def lif_refractory(rng: Rng, steps: int) -> NetworkCase:
    """The integer LIF with a rest after a spike."""
    program, n = Program(), _size(rng)
    program.population("a", n, LIFRefractory(**_lif(rng, n), refractory_period=int(rng.integers(1, 64))))
    raw = _fed(rng, program, "a", n, steps=steps)
    return NetworkCase(program, steps, raw)


def sigma(rng: Rng, steps: int) -> NetworkCase:
    """A running sum, fed directly and through weights."""
    program, n = Program(), _size(rng)
    program.population("a", n, Sigma())
    program.source("values", _values(rng, steps, n))
    program.connect("values", "a", Direct(n))
    return NetworkCase(program, steps, _fed(rng, program, "a", n, graded=True, steps=steps))


def _encoder(rng: Rng) -> dict[str, Any]:
    return {
        "vth": int(rng.choice([0, 1, rng.integers(0, 500)])),
        "cum_error": bool(rng.integers(2)),
        "spike_exp": int(rng.integers(0, 4)),
        "state_exp": int(rng.integers(0, 4)),
    }


def delta(rng: Rng, steps: int) -> NetworkCase:
    """Changes of a signal, with and without cumulative error."""
    program, n = Program(), _size(rng)
    program.population("a", n, Delta(**_encoder(rng)))
    program.source("values", np.cumsum(_values(rng, steps, n, 6), axis=0))
    program.connect("values", "a", Direct(n))
    return NetworkCase(program, steps)


def _sigma_delta(rng: Rng, n: int) -> SigmaDelta:
    return SigmaDelta(
        **_encoder(rng), bias=rng.integers(-(2**10), 2**10, n), activation=("relu", "unit")[int(rng.integers(2))]
    )


def sigma_delta(rng: Rng, steps: int) -> NetworkCase:
    """Two layers of sigma-delta neurons with graded messages."""
    program, n, m = Program(), _size(rng), _size(rng)
    program.population("a", n, _sigma_delta(rng, n))
    program.population("b", m, _sigma_delta(rng, m))
    raw = _fed(rng, program, "a", n, graded=True, steps=steps)
    weights = _weights(rng, (m, n))
    program.connect("a", "b", Dense(weights, **_format(rng, -8, -4), graded=True), name="a to b")
    return NetworkCase(program, steps, {**raw, "a to b": weights})


def graded_relu(rng: Rng, steps: int) -> NetworkCase:
    """Graded ReLU, which keeps nothing."""
    program, n = Program(), _size(rng)
    program.population("a", n, GradedReLU(vth=int(rng.integers(-100, 2000))))
    return NetworkCase(program, steps, _fed(rng, program, "a", n, graded=True, steps=steps))


def relaxation(rng: Rng, steps: int) -> NetworkCase:
    """Two populations of relaxation neurons, forward and backward weights independent."""
    program, n, m = Program(), _size(rng), _size(rng)
    guard = int(rng.integers(0, 5))
    for name, size in (("a", n), ("b", m)):
        shift = int(rng.integers(0, 5))
        neuron = Relaxation(
            activation=str(rng.choice(["logistic", "tanh", "logistic-pieces", "hard-sigmoid", "relu"])),
            bias=rng.integers(-(2**16), 2**16, size),
            damping=int(rng.integers(0, 4)),
            threshold=int(rng.integers(1 << shift, 1 << (shift + 6))),
            message_shift=shift,
            guard_bits=guard,
        )
        program.population(name, size, neuron, u=rng.integers(-(2**17), 2**17, size))
    raw = {}
    for source, target, shape in (("a", "b", (m, n)), ("b", "a", (n, m))):
        weights = rng.integers(-60, 61, shape)
        raw[f"{source} to {target}"] = weights
        synapses = Dense(weights, exponent=guard - 8, graded=True)
        program.connect(source, target, synapses, name=f"{source} to {target}")
    return NetworkCase(program, steps, raw)


def dense(rng: Rng, steps: int) -> NetworkCase:
    """Dense synapses in every number format, onto LIF."""
    program, n, m, k = Program(), _size(rng), _size(rng), _size(rng)
    program.population("a", n, LIF(vth=1, bias_mant=rng.integers(0, 200, n)))
    program.population("b", m, LIF(du=int(rng.integers(0, 4096)), dv=int(rng.integers(0, 4097)), vth=100))
    program.source("spikes", _spikes(rng, steps, k))
    raw = {}
    for source, target, shape in (("spikes", "a", (n, k)), ("a", "b", (m, n)), ("spikes", "b", (m, k))):
        name = f"{source} to {target}"
        raw[name] = _weights(rng, shape)
        program.connect(source, target, Dense(raw[name], **_format(rng)), name=name)
    return NetworkCase(program, steps, raw)


def _sparse(rng: Rng, shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    weights = _weights(rng, shape) * (rng.random(shape) < rng.uniform(0.05, 0.6))
    weights[rng.integers(shape[0]), rng.integers(shape[1])] = 64  # never empty
    return weights


def sparse(rng: Rng, steps: int) -> NetworkCase:
    """Sparse synapses in every number format, in a loop."""
    program, n, k = Program(), _size(rng, 3, 40), _size(rng)
    program.population("a", n, LIF(du=int(rng.integers(0, 4096)), vth=int(rng.integers(1, 500))))
    program.source("spikes", _spikes(rng, steps, k))
    raw = {"feed": _sparse(rng, (n, k)), "loop": _sparse(rng, (n, n))}
    program.connect("spikes", "a", Sparse(raw["feed"], **_format(rng)), name="feed")
    program.connect("a", "a", Sparse(raw["loop"], **_format(rng, -8, 3)), name="loop")
    return NetworkCase(program, steps, raw)


def conv(rng: Rng, steps: int) -> NetworkCase:
    """Convolutions with stride, padding, dilation and groups; binary and graded."""
    program = Program()
    groups = int(rng.integers(1, 3))
    shape = (_size(rng, 4, 7), _size(rng, 4, 7), groups * int(rng.integers(1, 3)))
    graded = bool(rng.integers(2))
    kernel = rng.integers(-256, 256, (groups * int(rng.integers(1, 3)), 2, 3, shape[2] // groups))
    synapses = Conv(
        kernel, shape, stride=tuple(rng.integers(1, 3, 2).tolist()), padding=tuple(rng.integers(0, 3, 2).tolist()),
        dilation=1, groups=groups, graded=graded,
    )  # fmt: skip
    n, m = synapses.shape
    program.population("a", n, LIF(du=int(rng.integers(0, 4096)), vth=500) if not graded else Sigma())
    program.source("image", _values(rng, steps, m, 6) if graded else _spikes(rng, steps, m))
    program.connect("image", "a", synapses)
    return NetworkCase(program, steps)


def delays(rng: Rng, steps: int) -> NetworkCase:
    """Dense and sparse synapses with a delay of their own each, up to 63 steps."""
    program, n, k = Program(), _size(rng), _size(rng)
    program.population("a", n, LIF(du=int(rng.integers(0, 4096)), vth=int(rng.integers(1, 300))))
    program.source("spikes", _spikes(rng, steps, k))
    longest = int(rng.choice([1, 7, 63]))
    feed, loop = _weights(rng, (n, k)), _sparse(rng, (n, n))
    program.connect("spikes", "a", Dense(feed, **_format(rng), delays=rng.integers(0, longest + 1, (n, k))))
    program.connect("a", "a", Sparse(loop, **_format(rng, -8, 3), delays=rng.integers(0, longest + 1, (n, n))))
    return NetworkCase(program, steps)


def graded_messages(rng: Rng, steps: int) -> NetworkCase:
    """Values through dense and sparse synapses, delayed and not, into neurons that keep every bit."""
    program, n, k = Program(), _size(rng), _size(rng)
    program.population("sum", n, Sigma())
    program.population("change", n, Delta(vth=int(rng.integers(0, 50))))
    program.source("values", _values(rng, steps, k, 10))
    raw = {"dense": _weights(rng, (n, k)), "sparse": _sparse(rng, (n, k))}
    program.connect("values", "sum", Dense(raw["dense"], **_format(rng, -8, 0), graded=True), name="dense")
    program.connect("values", "change", Sparse(raw["sparse"], **_format(rng, -8, 0), graded=True), name="sparse")
    late = rng.integers(0, 10, (n, k))
    program.connect("values", "sum", Dense(_weights(rng, (n, k)), exponent=-3, graded=True, delays=late))
    return NetworkCase(program, steps, raw)


def mixed(rng: Rng, steps: int) -> NetworkCase:
    """Several models in one chain: spikes to values and back."""
    program, n, m, k = Program(), _size(rng), _size(rng), _size(rng)
    program.population("spiking", n, LIF(**_lif(rng, n)))
    program.population("coding", m, _sigma_delta(rng, m))
    program.population("rectified", k, GradedReLU(vth=int(rng.integers(0, 100))))
    program.population("changes", k, Delta(**_encoder(rng)))
    raw = _fed(rng, program, "spiking", n, steps=steps)
    chain = (
        ("spiking", "spiking", Sparse(_sparse(rng, (n, n)), exponent=-2)),
        ("spiking", "coding", Dense(_weights(rng, (m, n)))),
        ("coding", "rectified", Sparse(_sparse(rng, (k, m)), graded=True, exponent=-6)),
        ("rectified", "changes", Dense(_weights(rng, (k, k)), graded=True, exponent=-7)),
        ("coding", "spiking", Dense(_weights(rng, (n, m)), exponent=-3)),
    )
    for source, target, synapses in chain:
        program.connect(source, target, synapses)
    return NetworkCase(program, steps, raw)


def normalisation(rng: Rng, steps: int) -> NetworkCase:
    """A vector divided by its length: squares out, an inverse root, and the factor back."""
    program, n = Program(), _size(rng)
    program.population("vector", n, NormVector(vth=int(rng.integers(0, 3))))
    program.population("root", 1, InverseRoot())
    program.source("values", _values(rng, steps, n, 7), repeat=True)
    program.connect("values", "vector", Direct(n))
    program.connect("vector", "root", Dense(np.full((1, n), 2), graded=True), source_port="square")
    program.connect("root", "vector", Dense(np.full((n, 1), 2), graded=True), target_port="second")
    return NetworkCase(program, steps)


_TRACE_TERMS = (
    "x1 * y0", "x1 * x0", "x2 * y0", "y1 * x0", "y1 * y0", "y2 * x0", "y3 * y0", "x1 * y1 * u{k}", "(y1 - 4) * x0",
    "(x1 + 3) * y0", "x0 * y0", "u{k}", "x1 * y1 * y2 * x0", "(3 - y2) * x0",
)  # fmt: skip
_SYNAPSE_TERMS = (
    "w * u{k}", "d * x0", "t * y0", "sgn(w) * x0", "sgn(t - 2) * y0", "w * x0 * y1", "(w - 12) * y0", "x0 * (t + 1)",
)  # fmt: skip


def _rule(rng: Rng, terms_of: tuple[str, ...]) -> LearningRule:
    """Rules with every kind of term, impulses with a part behind the point, short and absent traces."""
    k, third = int(rng.integers(0, 3)), bool(rng.random() < 0.3)
    texts: dict[str, str] = {}
    for target, likely in (("dw", 0.9), ("dd", 0.4), ("dt", 0.5)):
        if rng.random() < likely or (target == "dt" and not texts):
            terms = rng.choice(len(terms_of), int(rng.integers(1, 4)), replace=False)
            texts[target] = " ".join(
                f"{rng.choice(['+', '-'])} {rng.integers(1, 8)} * 2^{rng.integers(-5, 3)} * {terms_of[t].format(k=k)}"
                for t in terms
            )
    numbers: dict[str, float] = {}
    for name in ("x1", "x2") if third else ("x1", "x2", "y1", "y2", "y3"):
        numbers[f"{name}_impulse"] = float(rng.choice([0, 16, 127, rng.integers(0, 40) + rng.random()]))
        numbers[f"{name}_tau"] = float(rng.choice([0, 1, rng.integers(1, 30), rng.uniform(1, 20)]))
    epoch, seed = int(rng.integers(1, 7)), int(rng.integers(0, 1000))
    return LearningRule(**texts, **numbers, epoch=epoch, seed=seed, third_factor=third)  # type: ignore[arg-type]


def learning(rng: Rng, steps: int) -> NetworkCase:
    """Dense and sparse synapses that learn: two- and three-factor rules, every sign mode and use of spikes."""
    program, n, k = Program(), _size(rng, 2, 8), _size(rng, 2, 8)
    sparse_ones, graded = bool(rng.integers(2)), bool(rng.random() < 0.4)
    # Lava's sparse model fails on rules with a synaptic variable as a factor, and on weights of one sign: NumPy's clip
    # and maximum take none of SciPy's matrices
    rule = _rule(rng, _TRACE_TERMS if sparse_ones else _TRACE_TERMS + _SYNAPSE_TERMS)
    values = rng.integers(1, 300, (steps, k)) if graded else 1
    program.source("pre", _spikes(rng, steps, k) * values)
    program.population("post", n, LIF(du=int(rng.integers(0, 4096)), dv=int(rng.integers(0, 4097)), vth=3))
    program.source("drive", _spikes(rng, steps, n))
    program.connect("drive", "post", Dense(np.eye(n, dtype=int) * 64))
    hears = {}
    if rule.third_factor:
        for factor in ("y1", "y2", "y3")[: int(rng.integers(0, 4))]:
            program.source(factor, rng.integers(-20, 128, (steps, n)))
            hears[factor] = factor
    mode = SignMode.MIXED if sparse_ones else SignMode(int(rng.integers(1, 4)))
    low, high = {SignMode.MIXED: (-256, 256), SignMode.EXCITATORY: (0, 256), SignMode.INHIBITORY: (-255, 1)}[mode]
    shape = (n, k)
    weights = rng.integers(low, high, shape) // int(rng.choice([1, 8]))
    more: dict[str, Any] = {"delays": rng.integers(0, 256, shape), "tags": rng.integers(-257, 256, shape)}
    kind: type[LearningDense] | type[LearningSparse] = LearningDense
    if sparse_ones:
        # Lava's sparse matrices lose a synapse whose weight, delay or tag begins at 0: none does
        kept = (rng.random(shape) < 0.6) | (np.arange(n * k).reshape(shape) == 0)
        weights = np.where(abs(weights) < 2, -2, weights) * kept
        more = {
            "delays": np.maximum(more["delays"], 1) * kept,
            "tags": np.where(more["tags"] == 0, 1, more["tags"]) * kept,
        }
        kind = LearningSparse
    synapses = kind(
        weights, rule, exponent=int(rng.integers(-2, 3)), sign_mode=mode, graded=graded,
        spikes=SpikeUse(int(rng.integers(0, 4))) if graded else SpikeUse.IMPULSE, **more,
    )  # fmt: skip
    program.connect("pre", "post", synapses, name="learning", hears=hears)
    return NetworkCase(program, steps, {} if sparse_ones else {"learning": weights})
