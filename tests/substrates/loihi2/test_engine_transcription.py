"""The engine against plain NumPy transcriptions of lava-nc 0.10's fixed-point rules, integer by integer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse as sp
from scipy.signal import convolve2d

from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.neurons import LIF, Delta, GradedReLU, LIFRefractory, Sigma, SigmaDelta
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse

STEPS = 40


class PlainLIF:
    def __init__(self, n, du, dv, vth, bias, period=None):
        self.u, self.v, self.end = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.du, self.dv, self.vth, self.bias, self.period, self.t = du, dv, vth, bias, period, 0

    def step(self, a):
        self.t += 1
        top = 2**23
        u = self.u * (4096 - (self.du + 1))
        u = np.sign(u) * (np.abs(u) >> 12) + (a << 6)
        self.u = np.where(u > top, u - 2 * top, np.where(u <= -top, u + 2 * top, u))
        v = self.v * (4096 - self.dv)
        v = np.clip(np.sign(v) * (np.abs(v) >> 12) + self.u + self.bias, -top + 1, top - 1)
        self.v = v if self.period is None else np.where(self.end < self.t, v, self.v)
        s = self.v > (self.vth << 6)
        self.v = np.where(s, 0, self.v)
        self.end = np.where(s, self.t + (self.period or 0), self.end)
        return s.astype(np.int64)


class PlainDelta:
    def __init__(self, n, vth, cum, spike_exp, state_exp, bias=None, relu=False):
        self.sigma, self.act, self.res, self.err = (np.zeros(n, np.int64) for _ in range(4))
        self.vth, self.cum, self.up, self.down = vth << (spike_exp + state_exp), cum, spike_exp + state_exp, state_exp
        self.bias, self.relu = (None if bias is None else bias << self.up), relu

    def step(self, a):
        if self.bias is None:
            act = a << self.up
        else:
            self.sigma = self.sigma + a
            act = self.sigma + self.bias
            act = np.maximum(act, 0) if self.relu else act
        delta = act - self.act + self.res
        if self.cum:
            self.err = self.err + delta
            s = np.where(np.abs(self.err) >= self.vth, delta, 0)
            self.err = self.err * (1 - (np.abs(s) > 0))
        else:
            s = np.where(np.abs(delta) >= self.vth, delta, 0)
        self.res, self.act = delta - s, act
        return s >> self.down


class PlainSynapses:
    """DelayDense's rule, of which Dense is the case without delays."""

    def __init__(self, weights, exponent, graded, delays=0):
        self.w, self.e, self.graded = weights.astype(np.int64), exponent, graded
        self.d = np.broadcast_to(delays, weights.shape)
        self.buffer = [np.zeros(weights.shape[0], np.int64) for _ in range(int(self.d.max()) + 1)]

    def send(self):
        return self.buffer[0]

    def take(self, s):
        s = s if self.graded else (s != 0).astype(np.int64)
        self.buffer = [*self.buffer[1:], np.zeros(self.w.shape[0], np.int64)]
        for k in range(len(self.buffer)):
            total = np.where(self.d == k, self.w, 0) @ s
            self.buffer[k] = self.buffer[k] + (total << self.e if self.e > 0 else total >> -self.e)


def truncated(weights, bits):
    low, high = weights.min(), weights.max()
    sign, mixed = (-1 if high <= 0 < -low else 1), int(low < 0 < high)
    drop = 8 - bits + mixed
    return sign * (((sign * weights) >> drop) << drop)


def raster(rng, n, graded, density=0.3):
    values = rng.integers(-200, 200, (STEPS, n)) if graded else np.ones((STEPS, n), int)
    return values * (rng.random((STEPS, n)) < density)


WEIGHTS = {
    "mixed": lambda rng, shape: rng.integers(-256, 256, shape),
    "excitatory": lambda rng, shape: rng.integers(0, 256, shape),
    "inhibitory": lambda rng, shape: rng.integers(-255, 1, shape),
}


@pytest.mark.parametrize("signs", WEIGHTS)
@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize(("exponent", "bits", "delay"), [(0, 8, 0), (3, 6, 0), (-2, 8, 0), (1, 8, 5), (-3, 4, 7)])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_synapses_follow_the_transcription(kind, signs, graded, exponent, bits, delay):
    rng = np.random.default_rng(len(signs) + 10 * abs(exponent) + bits)
    n, m = 9, 13
    weights = WEIGHTS[signs](rng, (m, n))
    if kind == "sparse":
        weights = weights * (rng.random((m, n)) < 0.4)
    delays = rng.integers(0, delay + 1, (m, n)) if delay else 0
    events = raster(rng, n, graded)
    program = Program()
    program.source("in", events)
    program.population("out", m, GradedReLU(vth=-(2**22)))
    make = Dense if kind == "dense" else Sparse
    given = weights if kind == "dense" else sp.csr_matrix(weights)
    program.connect("in", "out", make(given, bits=bits, exponent=exponent, graded=graded, delays=delays))
    record = Engine(program).run(STEPS, [Probe("out")]).probes["out", "messages"]
    plain = PlainSynapses(truncated(weights, bits), exponent, graded, delays)
    for t in range(STEPS):
        assert (record[t] == plain.send()).all(), t
        plain.take(events[t])
    assert record.any()


@pytest.mark.parametrize(
    ("du", "dv", "vth", "period", "scale"),
    [
        (0, 0, 10, None, 30),
        (4095, 4096, 1, None, 30),
        (400, 100, 300, None, 200),
        (300, 50, 40, 3, 60),
        (0, 0, 131071, None, 30000),
    ],
)
def test_lif_loop_follows_the_transcription(du, dv, vth, period, scale):
    """Two populations in a loop, one with random bias; the last case wraps currents and saturates voltages."""
    rng = np.random.default_rng(du + vth)
    n, m = 17, 11
    bias = rng.integers(-20 * scale, 40 * scale, n).clip(-4096, 4095)
    wide = scale > 10000
    forward, back = rng.integers(-128, 128, (m, n)), rng.integers(-128, 128, (n, m))
    kick = rng.integers(-scale, scale, (STEPS, n))
    program = Program()
    program.source("in", kick * 8 if wide else kick)
    make = (lambda **kw: LIF(**kw)) if period is None else (lambda **kw: LIFRefractory(refractory_period=period, **kw))
    program.population("a", n, make(du=du, dv=dv, vth=vth, bias_mant=bias, bias_exp=1))
    program.population("b", m, make(du=du, dv=dv, vth=vth // 2))
    program.connect("in", "a", Direct(n))
    program.connect("a", "b", Dense(forward, exponent=2))
    program.connect("b", "a", Dense(back, exponent=-1))
    variables = ["messages", "u", "v"]
    run = Engine(program).run(STEPS, [Probe(p, v) for p in "ab" for v in variables])
    a, b = PlainLIF(n, du, dv, vth, bias << 1, period), PlainLIF(m, du, dv, vth // 2, 0, period)
    ab, ba = PlainSynapses(truncated(forward, 8), 2, False), PlainSynapses(truncated(back, 8), -1, False)
    for t in range(STEPS):
        sa, sb = a.step((kick[t] * 8 if wide else kick[t]) + ba.send()), b.step(ab.send())
        ab.take(sa)
        ba.take(sb)
        for name, plain, sent in (("a", a, sa), ("b", b, sb)):
            for variable, expected in zip(variables, (sent, plain.u, plain.v), strict=True):
                assert (run.probes[name, variable][t] == expected).all(), (t, name, variable)
    assert wide == (run.overflows["a"] > 0)
    assert wide or run.probes["a", "messages"].any()


@pytest.mark.parametrize("cum", [False, True])
@pytest.mark.parametrize(("vth", "spike_exp", "state_exp"), [(0, 0, 0), (20, 0, 0), (7, 1, 2), (50, 3, 4)])
@pytest.mark.parametrize("activation", ["relu", "unit"])
def test_sigma_delta_chain_follows_the_transcription(cum, vth, spike_exp, state_exp, activation):
    rng = np.random.default_rng(vth)
    n, m = 8, 6
    inputs = rng.integers(-60, 60, (STEPS, n))
    weights = rng.integers(-20, 20, (m, n))
    bias = rng.integers(-30, 30, m)
    program = Program()
    program.source("in", inputs)
    program.population("delta", n, Delta(vth, cum, spike_exp, state_exp))
    program.population("hidden", m, SigmaDelta(vth, bias, activation, cum, spike_exp, state_exp))
    program.population("sum", m, Sigma())
    program.connect("in", "delta", Direct(n))
    program.connect("delta", "hidden", Sparse(weights, graded=True))
    program.connect("hidden", "sum", Dense(np.eye(m, dtype=int), graded=True))
    run = Engine(program).run(STEPS, [Probe("delta"), Probe("hidden"), Probe("sum"), Probe("hidden", "residue")])
    first = PlainDelta(n, vth, cum, spike_exp, state_exp)
    second = PlainDelta(m, vth, cum, spike_exp, state_exp, bias, activation == "relu")
    links = PlainSynapses(truncated(weights, 8), 0, True), PlainSynapses(np.eye(m, dtype=int), 0, True)
    total = np.zeros(m, np.int64)
    for t in range(STEPS):
        a, b = first.step(inputs[t]), second.step(links[0].send())
        total = total + links[1].send()
        links[0].take(a)
        links[1].take(b)
        assert (run.probes["delta", "messages"][t] == a).all()
        assert (run.probes["hidden", "messages"][t] == b).all()
        assert (run.probes["hidden", "residue"][t] == second.res).all()
        assert (run.probes["sum", "messages"][t] == total).all()


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((6, 5, 2), (3, 3, 2, 2), {}),
        ((7, 6, 4), (4, 3, 2, 2), {"stride": (2, 1), "padding": (1, 0), "groups": 2}),
        ((8, 9, 1), (2, 2, 3, 1), {"dilation": (2, 3), "padding": 2, "stride": 2}),
    ],
)
def test_conv_follows_scipy(shape, kernel, options, graded):
    """Lava's Conv is scipy's convolve2d per channel pair, subsampled, wrapped at 24 bits."""
    rng = np.random.default_rng(5)
    weights = rng.integers(-256, 256, kernel)
    conv = Conv(weights, shape, graded=graded, **options)
    events = raster(rng, int(np.prod(shape)), graded) * (60000 if graded else 1)
    program = Program()
    program.source("in", events.clip(-(2**23), 2**23 - 1))
    program.population("out", conv.shape[0], GradedReLU(vth=-(2**23) + 1))
    program.connect("in", "out", conv)
    record = Engine(program).run(STEPS, [Probe("out")]).probes["out", "messages"]
    groups, (dx, dy) = conv.groups, conv.dilation
    for t in range(STEPS - 1):
        image = events[t].clip(-(2**23), 2**23 - 1).reshape(shape)
        image = image if graded else (image != 0).astype(int)
        image = np.pad(image, ((conv.padding[0],) * 2, (conv.padding[1],) * 2, (0, 0)))
        expected = np.zeros(conv.output_shape, np.int64)
        for o in range(kernel[0]):
            g = o // (kernel[0] // groups)
            for i in range(kernel[3]):
                big = np.zeros((dx * (kernel[1] - 1) + 1, dy * (kernel[2] - 1) + 1), np.int64)
                big[::dx, ::dy] = weights[o, :, :, i]
                whole = convolve2d(image[:, :, i + g * kernel[3]], big, mode="valid")
                expected[:, :, o] += whole[:: conv.stride[0], :: conv.stride[1]]
        expected = (expected + 2**23) % 2**24 - 2**23
        passes = expected.reshape(-1) > -(2**23) + 1
        assert (record[t + 1][passes] == expected.reshape(-1)[passes]).all()
    assert record.any()


@pytest.mark.parametrize("weight", [-256, -255, 127, 128, 254, 255])
@pytest.mark.parametrize("active", [3, 252, 253, 600])
def test_extreme_dense_sums_are_exact(weight, active):
    """Rows are summed in 16 bits, 252 at a time: the largest weights in the largest numbers must not overflow."""
    n = 600
    weights = np.full((5, n), weight)
    if weight == -256:
        weights[1:] = 254  # mixed signs
    program = Program()
    program.source("in", (np.arange(n) < active).astype(int)[None, :])
    program.population("out", 5, GradedReLU(vth=-(2**22)))
    program.connect("in", "out", Dense(weights))
    record = Engine(program, strict=True).run(2, [Probe("out")]).probes["out", "messages"]
    assert record[1].tolist() == (truncated(weights, 8)[:, :active].sum(axis=1)).tolist()
