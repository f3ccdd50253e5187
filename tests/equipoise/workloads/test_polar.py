"""Polar and PAC decoding against enumeration: codes, decoders, the QUBO, and the published sets."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from equipoise.qubo.machines import Loihi2
from equipoise.workloads.polar.codes import Code, find_code, transform
from equipoise.workloads.polar.decoders import (
    best_words,
    exhaustive,
    list_decode,
    ordered_statistics,
    reliable,
)
from equipoise.workloads.polar.qubo import UNIT, factor_graph
from equipoise.workloads.polar.workload import PolarDecoding
from equipoise.workloads.scores import share
from hw_profiles.errors import InputError

SMALL = ("polar-8-4", "pac-8-4", "polar-8-3", "pac-16-5")


def all_words(code: Code) -> np.ndarray:
    messages = np.array(list(itertools.product((0, 1), repeat=code.bits)), np.uint8)
    return code.encode(messages)


def frames(code: Code, count: int, sigma: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sent = code.encode(rng.integers(0, 2, (count, code.bits)).astype(np.uint8))
    return sent, 1.0 - 2.0 * sent + sigma * rng.standard_normal(sent.shape)


def likeliest(code: Code, y: np.ndarray) -> np.ndarray:
    words = all_words(code)
    return words[((1.0 - 2.0 * words) @ y.T).argmax(axis=0)]


def test_the_transform_is_the_kronecker_power() -> None:
    kernel = np.array([[1, 0], [1, 1]])
    power = np.kron(kernel, np.kron(kernel, kernel))
    np.testing.assert_array_equal(transform(np.eye(8, dtype=np.uint8)), power)


def test_the_papers_set_of_length_32_is_the_reed_muller_code() -> None:
    """RM(2,5) is self-dual and has 1, 620, 13888, 36518, 13888, 620, 1 words of weight 0, 8, 12, 16, 20, 24, 32."""
    code = find_code("polar-32-16")
    g = code.generator.astype(int)
    assert not (g @ g.T % 2).any()
    weights, counts = np.unique(all_words(code).sum(axis=1, dtype=int), return_counts=True)
    assert dict(zip(weights.tolist(), counts.tolist())) == {
        0: 1, 8: 620, 12: 13888, 16: 36518, 20: 13888, 24: 620, 32: 1,
    }  # fmt: skip


def test_a_pac_code_is_a_convolution_before_the_transform() -> None:
    code = find_code("pac-32-16")
    rng = np.random.default_rng(5)
    message = rng.integers(0, 2, code.bits).astype(np.uint8)
    v = np.zeros(32, np.uint8)
    v[list(code.information)] = message
    u = np.convolve(v, [1, 0, 1, 1, 0, 1, 1])[:32] % 2
    np.testing.assert_array_equal(code.encode(message), transform(u.astype(np.uint8)))


@pytest.mark.parametrize("name", SMALL)
def test_exhaustive_decoding_is_the_enumerated_best(name: str) -> None:
    code = find_code(name)
    _, y = frames(code, 50, 1.0)
    np.testing.assert_array_equal(exhaustive(code, y), likeliest(code, y))


@pytest.mark.parametrize("name", SMALL)
def test_a_list_of_all_paths_is_maximum_likelihood(name: str) -> None:
    code = find_code(name)
    _, y = frames(code, 50, 1.0, seed=1)
    np.testing.assert_array_equal(list_decode(code, y, 1.0, 2**code.bits), likeliest(code, y))


def test_one_path_decides_by_the_bits_own_posterior() -> None:
    """Successive cancellation: u_i from p(u_i | y, u_0 .. u_(i-1)), everything after it free."""
    code, sigma = find_code("polar-8-4"), 0.9
    _, y = frames(code, 30, sigma, seed=2)
    inputs = np.array(list(itertools.product((0, 1), repeat=8)), np.uint8)
    likelihood = np.exp(((1.0 - 2.0 * transform(inputs)) @ y.T) / sigma**2)
    for b in range(len(y)):
        u = np.zeros(8, np.uint8)
        for i in range(8):
            if i in code.information:
                past = (inputs[:, :i] == u[:i]).all(axis=1)
                weight = [likelihood[past & (inputs[:, i] == bit), b].sum() for bit in (0, 1)]
                u[i] = int(weight[1] > weight[0])
        np.testing.assert_array_equal(list_decode(code, y[b : b + 1], sigma)[0], transform(u))


def test_reliable_positions_are_the_greedy_information_set() -> None:
    code = find_code("pac-16-5")
    _, y = frames(code, 20, 1.0, seed=3)
    positions, generators = reliable(code, y)
    for b in range(len(y)):
        chosen: list[int] = []
        for i in np.argsort(-np.abs(y[b]), kind="stable"):
            columns = code.generator[:, [*chosen, i]]
            if len(
                np.unique(np.array(list(itertools.product((0, 1), repeat=code.bits))) @ columns % 2, axis=0)
            ) == 2 ** (len(chosen) + 1):
                chosen.append(int(i))
        assert positions[b].tolist() == chosen
        np.testing.assert_array_equal(generators[b][:, positions[b]], np.eye(code.bits))
        assert not (~np.isin(generators[b] @ (1 << np.arange(16)), all_words(code) @ (1 << np.arange(16)))).any()


def test_all_flips_of_ordered_statistics_come_to_the_best_word() -> None:
    code = find_code("polar-8-3")
    _, y = frames(code, 40, 1.2, seed=4)
    words = all_words(code)
    best = ((1.0 - 2.0 * likeliest(code, y)) * y).sum(axis=1)
    found = ((1.0 - 2.0 * ordered_statistics(code, y, 2)) * y).sum(axis=1)
    none = ((1.0 - 2.0 * ordered_statistics(code, y, 0)) * y).sum(axis=1)
    assert (none <= found).all()
    assert (found <= best + 1e-12).all()
    assert (found == best).mean() > 0.9
    # Reads that are the best word already are kept, whatever else is read.
    reads = np.stack([likeliest(code, y), np.broadcast_to(words[3], y.shape)], axis=1)
    np.testing.assert_array_equal(best_words(code, y, reads, 0), likeliest(code, y))


@pytest.mark.parametrize("name", ["polar-8-4", "pac-8-4", "polar-8-3"])
def test_the_lowest_cost_is_the_most_likely_word(name: str) -> None:
    """Every state of the QUBO: without a penalty it is a code word, every word has such a state, with one no bit of a
    code word is left out, and the lowest cost under strong penalties is that of the best word.
    """
    code = find_code(name)
    factor = factor_graph(code)
    n = factor.base.num_variables
    assert n <= 20
    states = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.uint8)
    penalty = np.einsum("si,ij,sj->s", states, factor.base.to_dense(), states, optimize=True)
    assert penalty.min() == 0
    words = factor.words(states)
    free = np.unique(words[penalty == 0], axis=0)
    np.testing.assert_array_equal(free, np.unique(all_words(code), axis=0))
    assert penalty[penalty > 0].min() == UNIT
    _, y = frames(code, 20, 0.8, seed=6)
    linear = factor.fields(y) - factor.base.linear
    for b in range(len(y)):
        cost = 100 * penalty + states @ linear[b]
        best = words[cost.argmin()]
        exact = np.rint(UNIT * y[b])
        assert exact @ best == (all_words(code) @ exact).min()


@pytest.mark.parametrize(("name", "variables", "pairs"), [("polar-32-16", 130, 342), ("polar-64-22", 218, 588)])
def test_the_factor_graph_has_the_size_it_was_designed_with(name: str, variables: int, pairs: int) -> None:
    base = factor_graph(find_code(name)).base
    assert (base.num_variables, base.num_pairs) == (variables, pairs)


def test_block_error_rates_are_those_published_for_the_set() -> None:
    """Exhaustive decoding of (32,16): 0.162 and 0.057 at 1 and 2 dB over 4000 other frames."""
    code = find_code("polar-32-16")
    for snr, known in ((1.0, 0.162), (2.0, 0.057)):
        sent, y = frames(code, 2000, 10 ** (-snr / 20), seed=7)
        _, low, high = share(int((exhaustive(code, y) != sent).any(axis=1).sum()), len(sent))
        assert low - 0.012 < known < high + 0.012


def test_other_biases_are_the_same_program_and_exact() -> None:
    code = find_code("polar-8-4")
    factor = factor_graph(code)
    _, y = frames(code, 3, 1.0)
    linear = factor.fields(y)
    first = Loihi2(replace(factor.base, linear=linear[0]), "refractory")
    for one in linear:
        machine = first.with_linear(one)
        assert machine.quantisation["scale"] == first.quantisation["scale"]
        found = machine.anneal(machine.schedule(200.0, 5.0, 500), [1, 2], steps=500)
        problem = replace(factor.base, linear=one)
        costs = [problem.cost(state) for state in found.states]
        np.testing.assert_array_equal(found.costs, np.array(costs) * first.quantisation["scale"])
    again = first.with_linear(linear[0])
    schedule = first.schedule(200.0, 5.0, 500)
    np.testing.assert_array_equal(
        again.anneal(schedule, [3], steps=500).states, first.anneal(schedule, [3], steps=500).states
    )
    with pytest.raises(InputError, match="multiples"):
        first.with_linear(linear[0] + 0.01)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("polar-32-0", "rate"), ("polar-32-33", "rate"), ("polar-33-16", "power of two"), ("turbo-32-16", "polar-N-K"),
        ("polar-4096-16", "power of two"), ("polar-32", "polar-N-K"),
    ],
)  # fmt: skip
def test_impossible_codes_are_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        PolarDecoding().instance(0, code=name)


@pytest.mark.parametrize(
    "wrong",
    [{"frames": 0}, {"reads": 0}, {"steps": 0}, {"order": 3}, {"snr": ()}, {"snr": (1.0, 1.0)}, {"snr": (99.0,)}],
)
def test_impossible_sizes_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        PolarDecoding().instance(0, **wrong)  # type: ignore[arg-type]


def test_a_point_has_the_same_frames_whichever_others_are_asked_for() -> None:
    one = PolarDecoding().instance(4, snr=(2.0,), frames=5)
    three = PolarDecoding().instance(4, snr=(1.0, 2.0, 3.0), frames=5)
    np.testing.assert_array_equal(one.y, three.y[5:10])


def test_beyond_enumeration_there_is_a_bound_and_it_says_so() -> None:
    workload = PolarDecoding()
    instance = workload.instance(0, code="polar-64-40", snr=(3.0,), frames=20)
    truth = workload.truth(instance)
    assert not truth.exact
    bound = (instance.y * (1.0 - 2.0 * truth.answer)).sum(axis=1)
    sent = (instance.y * (1.0 - 2.0 * instance.sent)).sum(axis=1)
    assert (bound >= sent - 1e-12).all()


def test_scores_count_by_hand() -> None:
    workload = PolarDecoding()
    instance = workload.instance(0, snr=(2.0,), frames=10)
    truth = workload.truth(instance)
    wrong = instance.sent.copy()
    wrong[:3] ^= instance.code.generator[0]
    scores = workload.score(instance, truth, wrong)
    assert scores["block error rate, 2 dB"].value == 0.3
    agreed = (wrong == truth.answer).all(axis=1).mean()
    assert scores["as likely as the truth, 2 dB"].value == agreed
    assert workload.score(instance, truth, truth.answer)["as likely as the truth, 2 dB"].value == 1.0
