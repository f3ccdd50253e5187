"""A problem as a program: variable neurons, temperature neuron, cost integrator, and the synapses between.

    variables --change--> Sparse Q (off-diagonal) --> variables          changes of the neighbours
    variables --suggest--> Sparse 1[Q != 0] --> variables (rivals)       two-phase and eviction only
    temperature --> Dense ones --> variables (temperature)               changes of the temperature
    variables --share--> Dense ones --> cost integrator                  cost shares
    cost integrator --> Dense ones --> variables (latch)                 "that was the best": they keep it

Engine and Lava run it; the event-driven kernel (`Loihi2Annealer`) is its accelerator: the same flips, the same ledger.
Weights beyond 8 bits are stored as digits: one connection each, with exponents. The scheme eviction has synapses that
hold the sender's weight -Q_jj where the others hold Q_ij.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.annealing.packing import couplings
from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.neurons.annealing_eviction import AnnealingEviction
from substrates.loihi2.neurons.annealing_nebm import AnnealingNebm
from substrates.loihi2.neurons.annealing_refractory import AnnealingRefractory
from substrates.loihi2.neurons.annealing_two_phase import AnnealingNeuron, AnnealingTwoPhase
from substrates.loihi2.neurons.cost_integrator import CostIntegrator
from substrates.loihi2.neurons.temperature import Temperature
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense, Pattern, Sparse, Synapses

__all__ = [
    "INTEGRATOR",
    "TAIL",
    "TEMPERATURE",
    "VARIABLES",
    "annealing_program",
    "digits",
    "pattern_program",
    "read_out",
    "stored_in_full",
    "time_steps",
]

VARIABLES, INTEGRATOR, TEMPERATURE = "variables", "cost integrator", "temperature"
TAIL = 3  #: time steps after the last flip: its cost goes out, into the integrator, and the latch comes back
I64 = npt.NDArray[np.int64]


def time_steps(settings: Settings, steps: int) -> int:
    """Time steps of the chip for ``steps`` steps of the algorithm, read-out included."""
    return settings.hardware_steps * steps + TAIL


def read_out(n: int, reads: int) -> dict[str, int]:
    """Values that the host reads: per read the state, 32 neurons to a word, and the integrator's cost and time step."""
    return {VARIABLES: reads * -(-n // 32), INTEGRATOR: 2 * reads}


def digits(weights: npt.NDArray[Any], *, check: bool = True) -> list[tuple[I64, int]]:
    """(mantissas, exponent) of eight-bit synapses whose sums are ``weights``: one pair, or several of rising exponent.

    Mixed signs hold even numbers only, so their mantissas are doubled. Where 8 bits are too few, the low ones go into a
    group of their own, 7 bits at a time: the chip's largest exponent is 7.

    Args:
        weights: integers.
        check: raise where the chip cannot store them; otherwise go on with exponents that it does not have.

    Raises:
        InputError: an exponent beyond the chip's 7.
    """
    values = np.asarray(weights, np.int64)
    if not values.size:
        return []
    mixed = int((values < 0).any() and (values > 0).any())
    size, sign = np.abs(values), np.sign(values)
    bits = int(np.bitwise_or.reduce(size))
    most, zeros = 8 - mixed, max((bits & -bits).bit_length() - 1, 0)
    exponent = zeros if bits >> zeros < 1 << most else min(zeros, mixed)
    size = size >> exponent
    found: list[tuple[I64, int]] = []
    while not found or size.any():
        whole = not (size >> most).any()  # the last group has all the bits there are
        part = size if whole else size & 127
        found.append(((part * sign) << mixed, exponent - mixed))
        size, exponent = (size >> most if whole else size >> 7), exponent + 7
    if check and found[-1][1] > 7:
        raise InputError(
            f"couplings from {values.min()} to {values.max()} do not fit eight-bit synapses with exponents up to 7; "
            "quantise the problem"
        )
    return found


def annealing_program(
    matrix: Any,
    diagonal: npt.ArrayLike,
    temperatures: npt.ArrayLike,
    seed: int,
    settings: Settings,
    start: npt.ArrayLike | None = None,
) -> Program:
    """One anneal, one step of the algorithm per temperature; it runs for `time_steps` steps of the chip.

    Args:
        matrix: (n, n) SciPy sparse off-diagonal of Q, symmetric, integer.
        diagonal: (n,) integers.
        temperatures: (steps,) integers; none runs no step.
        seed: of the random numbers.
        settings: scheme and the open choices of the specification.
        start: (n,) first assignment; zeros when None.

    Raises:
        InputError: weights that the chip cannot store.
    """
    from scipy.sparse import csr_matrix

    q = csr_matrix(matrix, dtype=np.int64)
    d = np.atleast_1d(np.asarray(diagonal, np.int64))
    n = d.size
    x = np.zeros(n, np.int64) if start is None else np.asarray(start, np.int64)
    evicting = settings.scheme == "eviction"
    if evicting:
        q = csr_matrix((couplings(q.indptr, d), q.indices, q.indptr), q.shape).T.tocsr()
    u = np.asarray(q @ x).ravel().astype(np.int64)
    first = x * (u == 0) if evicting else x  # what the first cost is that of
    cost = int((first * (d + u)).sum())
    series = np.asarray(temperatures, np.int64)
    neuron = _variable(settings, d, seed, series.size)
    series = series if series.size else np.zeros(1, np.int64)
    full = stored_in_full(n, q.nnz)

    def stored(mantissas: I64, **form: Any) -> Synapses:
        part = csr_matrix((mantissas, q.indices, q.indptr), q.shape)
        return Dense(part.toarray(), **form) if full else Sparse(part, **form)

    links = [stored(mantissas, exponent=exponent, graded=True) for mantissas, exponent in digits(q.data)]
    rivals = stored(np.ones_like(q.data)) if q.nnz else None
    ones = np.ones((n, 1), np.int64)
    fan: tuple[Synapses, ...] = (Dense(ones, graded=True), Dense(ones.T, graded=True), Dense(ones))
    hold = settings.hardware_steps
    initial = {"history": x, "u": u, "temperature": int(series[0]), "best": first if cost <= 0 else 0 * x}
    return _wired(n, neuron, CostIntegrator(min(cost, 0), hold), Temperature(series, hold), initial, links, rivals, fan)


def pattern_program(
    indptr: I64, indices: npt.NDArray[np.int32], weights: npt.NDArray[Any], n: int, settings: Settings
) -> Program:
    """The same program without weights: for counting and placing what the event-driven kernel runs.

    Args:
        indptr, indices, weights: the synapses between variables in CSR form, one row for each sender.
    """
    groups = digits(weights, check=False)
    whole = (indptr, indices)
    full = stored_in_full(n, len(weights))
    one = len(groups) == 1
    links: list[Synapses] = [
        Pattern((n, n), None if full else (whole if one else _kept(whole, part))) for part, _ in groups
    ]
    rivals = Pattern((n, n), None if full else whole) if len(weights) else None
    fan = (Pattern((n, 1)), Pattern((1, n)), Pattern((n, 1)))
    neuron = _variable(settings, 0, 0, 0)
    return _wired(n, neuron, CostIntegrator(), Temperature(), {}, links, rivals, fan)


def stored_in_full(n: int, synapses: int) -> bool:
    """Whether whole rows of 8-bit weights take less memory than 24 bits for every synapse that is there."""
    return 3 * synapses > n * n


def _kept(rows: tuple[I64, npt.NDArray[np.int32]], digit: I64) -> tuple[I64, npt.NDArray[np.int32]]:
    """The synapses whose digit is not zero: the others are not stored."""
    kept = digit != 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return before[rows[0]].astype(np.int64), rows[1][kept]


def _variable(settings: Settings, diagonal: Any, seed: int, steps: int) -> AnnealingNeuron:
    common: dict[str, Any] = {
        "diagonal": diagonal, "seed": int(seed), "random_bits": settings.random_bits, "strict": settings.strict,
        "exponent": settings.exponent or 0, "steps": steps,
    }  # fmt: skip
    if settings.scheme == "two-phase":
        return AnnealingTwoPhase(**common, switch_bits=settings.switch_bits)
    if settings.scheme == "eviction":
        return AnnealingEviction(**common, switch_bits=settings.switch_bits)
    if settings.scheme == "nebm":
        return AnnealingNebm(**common, refract=settings.refract)
    return AnnealingRefractory(**common, scaling=settings.refractory_scaling, initial_rest=settings.initial_rest)


def _wired(
    n: int,
    neuron: AnnealingNeuron,
    integrator: CostIntegrator,
    temperature: Temperature,
    initial: dict[str, Any],
    links: list[Synapses],
    rivals: Synapses | None,
    fan: tuple[Synapses, ...],
) -> Program:
    program = Program()
    program.population(VARIABLES, n, neuron, **initial)
    program.population(INTEGRATOR, 1, integrator)
    program.population(TEMPERATURE, 1, temperature)
    for number, link in enumerate(links):
        program.connect(VARIABLES, VARIABLES, link, f"couplings {number}" if number else "couplings")
    if rivals is not None and "suggest" in neuron.outputs:
        program.connect(VARIABLES, VARIABLES, rivals, "rivals", source_port="suggest", target_port="rivals")
    broadcast, shares, latch = fan
    program.connect(TEMPERATURE, VARIABLES, broadcast, "temperature", target_port="temperature")
    program.connect(VARIABLES, INTEGRATOR, shares, "cost shares", source_port="share")
    program.connect(INTEGRATOR, VARIABLES, latch, "latch", target_port="latch")
    return program
