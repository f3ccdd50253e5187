"""The learner's parts: adapting nudge, samples that did not settle, combination, diagnostics, bad input."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from equipoise.testing.rules import make_bench
from hw_profiles.errors import InputError
from learning_rules import (
    AdaptiveNudge,
    Cauchy,
    Centered,
    ClosedForm,
    Estimate,
    Homeostasis,
    JacobianVector,
    Learner,
    NoiseCorrelation,
    NudgeState,
    RandomSign,
    SamplePolicy,
    Tangent,
    diagnose_nudge,
    imaginary_leakage,
    make_rule,
)
from learning_rules.rule import require
from substrates.base import Capabilities


def test_the_nudge_shrinks_while_it_is_too_large_and_then_stays() -> None:
    bench = make_bench(batch=20)
    learner = Learner(Centered(1.0), bench.phases, adaptive=AdaptiveNudge(agreement=0.9999, every=1))
    state = learner.init()
    sizes = []
    for _ in range(12):
        report, state = learner.step(bench.machine, bench.inputs, bench.target, state)
        sizes.append(report.nudge)
    assert sizes[0] == 1.0
    assert sizes[-1] < 0.6
    assert state.nudge is not None
    assert state.nudge.agreement > 0.999
    again = learner.step(bench.machine, bench.inputs, bench.target, learner.init())[1]
    assert again.nudge is not None
    assert again.nudge.nudge == sizes[1]


def test_the_nudge_grows_back_where_shrinking_made_it_worse() -> None:
    adaptive = AdaptiveNudge(agreement=0.99)
    worse = NudgeState(0.01, agreement=0.9, moved=0.5)
    assert adaptive._move(0.8, worse) == 2.0
    assert adaptive._move(0.95, worse) == 0.5
    assert adaptive._move(0.9999, worse) > 1.0
    assert adaptive._move(0.992, worse) == 1.0


def test_unsettled_samples_weigh_what_the_policy_says() -> None:
    errors = (torch.ones(4, 2),)
    residual = torch.tensor([1e-4, 1e-1, float("nan"), 1e-3])
    converged = torch.zeros(4, dtype=torch.bool)
    estimate = Estimate(errors, errors, residual, converged, 1)
    assert SamplePolicy("drop").weights(residual, converged, estimate).tolist() == pytest.approx([0.5, 0, 0, 0.5])
    down = SamplePolicy("down-weight").weights(residual, converged, estimate)
    assert down.tolist() == pytest.approx([1 / 2.1, 0.1 / 2.1, 0, 1 / 2.1])
    assert SamplePolicy("keep").weights(residual, converged, estimate)[1] > 0
    broken = replace(estimate, errors=(torch.tensor([[1.0, 1], [1, 1], [1, 1], [1, float("inf")]]),))
    assert SamplePolicy("keep").weights(torch.zeros(4), converged, broken)[3] == 0
    none = SamplePolicy("drop").weights(torch.ones(4), converged, estimate)
    assert none.tolist() == [0, 0, 0, 0]
    assert SamplePolicy("drop").weights(torch.ones(4), ~converged, estimate).sum() == pytest.approx(1.0)


def test_the_sum_adds_up_and_conflict_free_hurts_neither() -> None:
    bench = make_bench()

    def gradient(**settings: object) -> torch.Tensor:
        bench.network.zero_grad(set_to_none=True)
        learner = Learner(Tangent(), bench.phases, **settings)  # type: ignore[arg-type]
        learner.step(bench.machine, bench.inputs, bench.target, learner.init())
        return torch.cat([p.grad.flatten() for p in bench.network.parameters() if p.grad is not None])

    task, both = gradient(), gradient(homeostasis=ClosedForm(1.0))
    homeostasis = both - task
    free = gradient(homeostasis=ClosedForm(1.0), combination="conflict-free")
    shared = homeostasis != 0
    assert torch.allclose(free[~shared], task[~shared])
    assert float(free[shared] @ task[shared]) > 0
    assert float(free[shared] @ homeostasis[shared]) > 0
    assert not torch.allclose(free, both)


def test_decoupled_homeostasis_moves_the_weights_and_leaves_the_task_its_gradient() -> None:
    alone, both = make_bench(), make_bench()
    learner = Learner(Tangent(), alone.phases)
    learner.step(alone.machine, alone.inputs, alone.target, learner.init())
    before = [p.detach().clone() for p in both.network.parameters()]
    learner = Learner(Tangent(), both.phases, homeostasis=ClosedForm(0.1), combination="decoupled")
    learner.step(both.machine, both.inputs, both.target, learner.init())
    for p, q, old in zip(alone.network.parameters(), both.network.parameters(), before):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None and q.grad is not None:
            assert torch.equal(p.grad, q.grad)
        assert torch.equal(p, old)
    moved = {id(p): old for p, old in zip(both.network.parameters(), before)}
    for i, j in both.network.reciprocal:
        w, b = both.network.couplings[i].weight, both.network.couplings[j].weight
        assert w is not None
        assert b is not None
        gap = moved[id(w)] - moved[id(b)].t()
        assert torch.allclose(w, moved[id(w)] - 0.1 * gap, atol=1e-12)
        assert torch.allclose(b, moved[id(b)] + 0.1 * gap.t(), atol=1e-12)
    with pytest.raises(InputError, match=r"expected 0 to 0\.5"):
        Learner(Tangent(), homeostasis=ClosedForm(1.0), combination="decoupled")
    with pytest.raises(InputError, match=r"0 to 0\.1 for noise-correlation"):
        Learner(Tangent(), homeostasis=NoiseCorrelation(0.2), combination="decoupled")


@pytest.mark.parametrize("method", [JacobianVector, NoiseCorrelation])
def test_sampled_homeostasis_at_its_decoupled_limit_does_not_grow(method: type[Homeostasis]) -> None:
    bench = make_bench((9, 30, 20, 4), batch=4)
    learner = Learner(Tangent(), bench.phases, homeostasis=method(0.1), combination="decoupled")
    state = learner.init()
    largest = max(float(p.detach().abs().max()) for p in bench.network.parameters())
    for _ in range(40):
        _, state = learner.step(bench.machine, bench.inputs, bench.target, state)
        bench.machine.program()
    assert max(float(p.detach().abs().max()) for p in bench.network.parameters()) < 2 * largest


def test_diagnosis_knows_a_nudge_out_of_reach() -> None:
    bench = make_bench((9, 12, 8, 4), batch=6, seed=2)
    args = (bench.machine, bench.drive, bench.target, bench.phases, bench.free)
    good = diagnose_nudge(Cauchy(0.02, "none", 4), *args)
    assert good.trusted
    assert good.leakage == pytest.approx(0.0, abs=1e-9)
    bad = diagnose_nudge(Centered(8.0), *args)
    assert not bad.trusted
    assert "take a smaller one" in bad.text
    assert imaginary_leakage(Cauchy(0.1, "none", 4), *args) < 1e-9
    with pytest.raises(InputError, match="no nudge"):
        diagnose_nudge(Tangent(), *args)


def test_random_signs_follow_the_step() -> None:
    signs = [RandomSign(0.1, seed=1).at_step(step).points()[0].beta > 0 for step in range(64)]
    assert signs == [RandomSign(0.1, seed=1).at_step(step).points()[0].beta > 0 for step in range(64)]
    assert 16 < sum(signs) < 48


def test_what_cannot_be_is_refused() -> None:
    bench = make_bench()
    learner = Learner(Centered(0.1), bench.phases)
    with pytest.raises(InputError, match="one target per input"):
        learner.step(bench.machine, bench.inputs, bench.target[:1], learner.init())
    with pytest.raises(InputError, match="batch > 0"):
        learner.step(bench.machine, bench.inputs[:0], bench.target[:0], learner.init())
    with pytest.raises(InputError, match="activities in both places"):
        require(Capabilities("m", reports="membrane"), {})
    for nudge in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="above zero"):
            Centered(nudge)
    with pytest.raises(InputError, match="at least one point"):
        Cauchy(0.1, "none", 0)
    with pytest.raises(InputError, match="at least two nudges"):
        make_rule("oscillation", points=1)
    with pytest.raises(InputError, match="no combination"):
        Learner(Centered(), combination="none")  # type: ignore[arg-type]
    clipped = make_bench(activation="hard-sigmoid", scale=0.5)
    with pytest.raises(InputError):
        Cauchy(0.1, "none", 4).check(clipped.machine)
