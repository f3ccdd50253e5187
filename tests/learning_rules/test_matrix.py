"""Every rule x homeostasis x correction x wiring x read-out x activation works or is refused before any work.

Networks are small and in double precision; the oracle is the dense Jacobian of their currents at the free equilibrium,
by automatic differentiation, and linear algebra. A tenth of the matrix runs with the suite, drawn anew by no one: the
cases are numbered and every tenth is taken. ``make matrix`` (``EQUIPOISE_MATRIX=all``) runs all of it.
"""

import itertools
import os

import pytest
import torch

from hw_profiles.errors import InputError
from learning_rules import (
    Adjoint,
    Cauchy,
    Centered,
    ClosedForm,
    Dyadic,
    FourPoint,
    JacobianVector,
    Learner,
    NoiseCorrelation,
    OneSided,
    Oscillation,
    Phases,
    RandomSign,
    RecurrentBackprop,
    RecurrentDecay,
    Tangent,
    TruncatedBPTT,
)
from learning_rules.homeostasis import jacobian_vector, noise_correlation
from substrates.analog import IdealMachine
from substrates.analog.solvers import Damped
from substrates.base import Stop
from substrates.network import Network, chain, conv, convolutional, hopfield, hopfield_resnet, layered, loop

B = 0.001  #: nudge: a rule of order p is within about B^p of the limit
RULES = {
    "one-sided": (OneSided(B), 0.1),
    "random-sign": (RandomSign(B), 0.1),
    "centered": (Centered(B), 1e-2),
    "centered-held": (Centered(B, force="held"), 1e-2),
    "centered-normalised": (Centered(B, force="normalised"), 0.2),
    "four-point": (FourPoint(B), 1e-4),
    "cauchy-4": (Cauchy(B, count=4), 1e-4),
    "oscillation": (Oscillation(B, count=2, periods=1), 0.1),
    "tangent": (Tangent(damping=0.5), 1e-6),
    "adjoint": (Adjoint(damping=0.5), 1e-6),
    "recurrent-backprop": (RecurrentBackprop(), 1e-6),
    "truncated-bptt": (TruncatedBPTT(), 1e-6),
    "dyadic": (Dyadic(damping=0.5), 1e-6),
    "one-sided+asymep": (OneSided(B, correction="asymep"), 0.1),
    "centered+asymep": (Centered(B, correction="asymep"), 1e-2),
    "held+asymep": (Centered(B, correction="asymep", force="held"), 1e-2),
    "four-point+asymep": (FourPoint(B, correction="asymep"), 1e-4),
    "cauchy-4+asymep": (Cauchy(B, count=4, correction="asymep"), 1e-4),
}
HOMEOSTASES = {
    "none": None,
    "closed-form": ClosedForm(1.0),
    "closed-form-scaled": ClosedForm(1.0, feedback_scale=0.5),
    "jacobian-vector": JacobianVector(1.0, draws=1),
    "jacobian-vector-scaled": JacobianVector(1.0, draws=1, feedback_scale=0.5),
    "noise-correlation": NoiseCorrelation(1.0),
    "weight-decay": RecurrentDecay(1.0),
}
ACTIVATIONS = ("logistic", "tanh", "dsilu", "relu", "hard-sigmoid", "mixed")
READOUTS = ("output", "hidden")


def of_chain(*layers, **settings):
    """A maker of chains: the read-out and the activation come with the case."""

    def make(readout, activation):
        mixed = ("logistic", "tanh", "dsilu")
        pooling = settings.get("pooling")
        named = [
            conv(layer, pooling=pooling, activation=mixed[i % 3]) if pooling else layer
            for i, layer in enumerate(layers)
        ]
        net = chain(
            settings.get("inputs", 6),
            *named,
            classes=3,
            readout=readout,
            angle=70,
            seed=2,
            skips=settings.get("skips", ()),
            feedback=settings.get("feedback", "independent"),
            feedback_scale=settings.get("scale", 0.4),
            activation="logistic" if activation == "mixed" else activation,
        )
        if settings.get("pooling") and activation != "mixed":
            return with_activations(net, [activation] * len(net.populations))
        return with_activations(net, mixed) if activation == "mixed" else net

    return make


def with_activations(net, names):
    from dataclasses import replace

    populations = [replace(p, activation=names[i % len(names)]) for i, p in enumerate(net.populations)]
    return Network(net.input_shape, populations, list(net.couplings), net.cost, net.reciprocal)


def fixed(make):
    """A maker without a choice of read-out."""

    def made(readout, activation):
        if readout == "hidden":
            return None
        net = make("logistic" if activation == "mixed" else activation)
        return with_activations(net, ("logistic", "tanh", "dsilu")) if activation == "mixed" else net

    return made


WIRINGS = {
    "layered": of_chain(5, 4),
    "tied": of_chain(5, 4, feedback="tied", scale=1.0),
    "residual": of_chain(5, 4, 4, skips=[("l1", "l3")]),
    "feed-forward": of_chain(5, 4, feedback="none"),
    "loop": fixed(lambda a: loop([6, 5, 4, 3], seed=2, activation=a)),
    "hopfield": fixed(lambda a: hopfield(6, 5, 3, symmetric=False, activation=a, readout=True)),
    "layered-preset": fixed(lambda a: layered([6, 5, 4, 3], seed=2, activation=a, readout=False)),
    "conv-average": of_chain(2, 3, inputs=(1, 8, 8), pooling="average"),
    "conv-softmax": of_chain(2, 3, inputs=(1, 8, 8), pooling="softmax"),
    "conv-none": of_chain(2, 2, inputs=(1, 4, 4), pooling="none"),
    "conv-residual": fixed(
        lambda a: hopfield_resnet(
            (1, 4, 4),
            (1, 2),
            classes=3,
            readout="output",
            activation=a,
            feedback="independent",
            angle=70,
            gain=1.5,
            seed=2,
        )
    ),
    "conv-preset": fixed(lambda a: convolutional((1, 10, 10), (2, 3), classes=3, activation=a, angle=70, seed=2)),
}
CASES = [
    (w, r, a)
    for w, r, a in itertools.product(WIRINGS, READOUTS, ACTIVATIONS)
    if WIRINGS[w](r, a) is not None and not (w == "tied" and r == "x")
]
WHOLE = os.environ.get("EQUIPOISE_MATRIX") == "all"


class Case:
    """One network at its free equilibrium, and its dense Jacobian."""

    def __init__(self, wiring, readout, activation):
        net = WIRINGS[wiring](readout, activation)
        for coupling in net.recurrent_couplings():  # small loop gain: every iteration contracts, every fold is far away
            if coupling.weight is not None:
                coupling.weight.data *= 0.5
        for coupling in net.input_couplings():
            if coupling.bias is not None:
                coupling.bias.data += 0.3
        self.network = net = net.double()
        self.machine = IdealMachine(net, solver=Damped(0.8))
        self.phases, self.target = Phases(Stop(400, 1e-13, 5), Stop(400, 1e-13, 5)), torch.tensor([0, 2])
        for trial in range(100):
            generator = torch.Generator().manual_seed(trial)
            self.inputs = torch.rand(2, *net.input_shape, dtype=torch.float64, generator=generator)
            self.drive = self.machine.drive(self.inputs)
            self.free = self.machine.relax(self.drive, self.phases.free)
            if self._smooth():
                break
        else:
            pytest.fail("no inputs found that keep the membranes away from kinks")
        assert bool(self.free.converged.all())
        self.sizes = [p.size for p in net.populations]

    def _smooth(self):
        """Whether no membrane is so near a kink of its activation that a nudge could carry it over."""
        folded = [u for u, a in zip(self.free.membranes, self.network.activations) if not a.holomorphic]
        return all(bool(((u - kink).abs() > 1.5 * B).all()) for u in folded for kink in (0.0, 1.0))

    def currents(self, flat):
        parts = [p.reshape(1, *q.shape) for p, q in zip(flat.split(self.sizes), self.network.populations)]
        return torch.cat([c.flatten() for c in self.network.recurrent_currents(tuple(parts))])

    def jacobian(self, sample, create_graph=False):
        flat = torch.cat([v[sample].flatten() for v in self.free.activities])
        return torch.autograd.functional.jacobian(self.currents, flat, create_graph=create_graph)

    def limits(self):
        """(response, adjoint) per sample, flat."""
        found = []
        gradient = self.network.cost.gradient(self.free.activities[-1], self.target)
        for k in range(2):
            jacobian = self.jacobian(k)
            pairs = zip(self.network.activations, self.free.membranes)
            d = torch.diag(torch.cat([a.derivative(u[k]).flatten() for a, u in pairs]))
            c = torch.zeros(len(d), dtype=d.dtype)
            c[-gradient[k].numel() :] = gradient[k].flatten()
            one = torch.eye(len(d), dtype=d.dtype)
            found.append([torch.linalg.solve(one - d @ m, d @ c) for m in (jacobian, jacobian.T)])
        return [torch.stack(x) for x in zip(*found)]

    def homeostasis_loss(self, scale):
        """(1/n) (tr J'^T J' - tr J'^2), the mean over the samples, with a graph to the weights; times the speed."""
        n = sum(self.sizes)
        units = torch.cat([torch.full((s,), scale ** (-i / 2), dtype=torch.float64) for i, s in enumerate(self.sizes)])
        total = 0.0
        for k in range(2):
            jacobian = self.jacobian(k, create_graph=True) * units[None, :] / units[:, None]
            total = total + ((jacobian**2).sum() - (jacobian * jacobian.T).sum()) / n / 2
        return total * 2.0 / (scale + 1.0 / scale)


def sampled(cases):
    return [c for i, c in enumerate(cases) if WHOLE or i % 10 == 3]


def name_of(case):
    return "-".join(case)


@pytest.mark.parametrize("case", sampled(CASES), ids=name_of)
def test_every_rule_finds_the_dense_limit_or_is_refused(case):
    at = Case(*case)
    response, adjoint = at.limits()
    for name, (rule, tolerance) in RULES.items():
        if rule.needs().get("complex_states") and not at.network.holomorphic:
            with pytest.raises(InputError, match=r"holomorphic|complex"):
                rule.check(at.machine)
            continue
        rule.check(at.machine)
        found = rule.estimate(at.machine, at.drive, at.target, at.phases, None if rule.phase_free else at.free)
        flat = torch.cat([e.flatten(1) for e in found.errors], 1)
        wanted = adjoint if rule.exact else response
        error = float((flat - wanted).norm() / wanted.norm())
        assert error < tolerance, f"{name}: {error:.2e} from the {'adjoint' if rule.exact else 'response'}"


def orthogonal_draws(at, distribution, seed, step, draw):
    """Directions over which every mean of products is exact: the batch is the basis, scaled."""
    flat = torch.eye(len(at[0]), dtype=at[0].dtype) * len(at[0]) ** 0.5
    parts = flat.split([v[0].numel() for v in at], 1)
    return tuple(p.reshape(v.shape) for p, v in zip(parts, at))


@pytest.mark.parametrize("case", sampled([c for c in CASES if c[2] in ("logistic", "relu")]), ids=name_of)
def test_every_homeostasis_has_the_gradient_of_the_dense_loss_or_is_refused(case, monkeypatch):
    at = Case(*case)
    n = sum(at.sizes)
    for module in (jacobian_vector, noise_correlation):
        monkeypatch.setattr(module, "draw_like", orthogonal_draws)
    for name, homeostasis in HOMEOSTASES.items():
        if homeostasis is None or name == "weight-decay":
            continue
        learner = Learner(Centered(B), at.phases, homeostasis)
        if at.network.state_dependent and not isinstance(homeostasis, JacobianVector):
            with pytest.raises(InputError, match="jacobian-vector"):
                learner.check(at.machine)
            continue
        learner.check(at.machine)
        parameters = [p for c in at.network.recurrent_couplings() for p in c.parameters() if p is not c.bias]
        loss = at.homeostasis_loss(homeostasis.feedback_scale)
        wanted = torch.autograd.grad(loss, parameters, allow_unused=True)
        at.network.zero_grad(set_to_none=True)
        found = 0.0
        for k in range(2):  # every sample with a whole basis of directions
            one = tuple(v[k : k + 1].expand(n, *v.shape[1:]).contiguous() for v in at.free.activities)
            found += homeostasis.accumulate(at.network, one, 0.5, 0) / 2
        assert found == pytest.approx(float(loss.detach()), rel=1e-9, abs=1e-12), name
        for p, w in zip(parameters, wanted):
            mine = torch.zeros_like(p) if p.grad is None else p.grad
            torch.testing.assert_close(mine, torch.zeros_like(p) if w is None else w, rtol=1e-8, atol=1e-12, msg=name)


PAIRS = [(*c, r, h) for c in CASES for r in RULES for h in HOMEOSTASES]


@pytest.mark.parametrize("number", range(0, len(PAIRS), 1 if WHOLE else 139), ids=lambda i: "-".join(PAIRS[i]))
def test_a_step_of_learning_is_the_sum_of_rule_and_homeostasis_or_is_refused(number):
    wiring, readout, activation, rule, homeostasis = PAIRS[number]
    at = Case(wiring, readout, activation)
    short = Phases(Stop(20), Stop(10))
    both = Learner(RULES[rule][0], short, HOMEOSTASES[homeostasis])
    relaxed = []
    original = at.machine.relax
    at.machine.relax = lambda *a, **k: relaxed.append(1) or original(*a, **k)
    try:
        report, _ = both.step(at.machine, at.inputs, at.target, both.init())
    except InputError:
        assert not relaxed, "refused, but only after work was done"
        return
    assert torch.isfinite(report.loss).all()
    together = [None if p.grad is None else p.grad.clone() for p in at.network.parameters()]
    assert all(g is None or bool(torch.isfinite(g).all()) for g in together)
    if HOMEOSTASES[homeostasis] is None or HOMEOSTASES[homeostasis].feedback_scale != 1.0:
        return  # a feedback scale also scales the errors
    at.network.zero_grad(set_to_none=True)
    alone = Learner(RULES[rule][0], short)
    report, _ = alone.step(at.machine, at.inputs, at.target, alone.init())
    HOMEOSTASES[homeostasis].accumulate(at.network, report.estimate.activities, 1.0, 0)
    for p, g in zip(at.network.parameters(), together):
        if g is not None:
            torch.testing.assert_close(p.grad, g, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("wiring", ["layered", "residual", "loop", "hopfield", "conv-average", "conv-softmax"])
@pytest.mark.parametrize("method", ["closed-form", "jacobian-vector", "noise-correlation"])
def test_decoupled_homeostasis_pulls_the_jacobian_to_symmetry(wiring, method):
    at = Case(wiring, "output", "logistic")
    homeostasis = {
        "closed-form": ClosedForm(0.3),
        "jacobian-vector": JacobianVector(0.05),
        "noise-correlation": NoiseCorrelation(0.05),
    }[method]
    learner = Learner(Centered(B), Phases(Stop(20), Stop(10)), homeostasis, combination="decoupled")
    try:
        learner.check(at.machine)
    except InputError:
        assert wiring == "conv-softmax"
        return
    before = float(at.homeostasis_loss(1.0).detach())
    state = learner.init()
    for _ in range(60):
        _, state = learner.step(at.machine, at.inputs, at.target, state)
    at.free = at.machine.relax(at.machine.drive(at.inputs), Stop(200, 1e-12))
    assert float(at.homeostasis_loss(1.0).detach()) < 0.3 * before
