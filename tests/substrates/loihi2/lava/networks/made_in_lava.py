"""Networks as users of Lava write them, with Lava's own classes only; `run` runs them on Lava's own runtime."""

from __future__ import annotations

from typing import Any

import numpy as np

from substrates.loihi2.lava.loader import load_lava

load_lava()  # makes Lava importable on Python 3.11

from lava.magma.core.decorator import implements  # noqa: E402
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule  # noqa: E402
from lava.magma.core.model.sub.model import AbstractSubProcessModel  # noqa: E402
from lava.magma.core.process.ports.ports import InPort, OutPort  # noqa: E402
from lava.magma.core.process.process import AbstractProcess  # noqa: E402
from lava.magma.core.run_conditions import RunSteps  # noqa: E402
from lava.magma.core.run_configs import Loihi2SimCfg  # noqa: E402
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol  # noqa: E402
from lava.proc.conv.process import Conv  # noqa: E402
from lava.proc.conv_in_time.process import ConvInTime  # noqa: E402
from lava.proc.dense.process import DelayDense, Dense, LearningDense  # noqa: E402
from lava.proc.io.reset import Reset  # noqa: E402
from lava.proc.io.sink import RingBuffer as Sink  # noqa: E402
from lava.proc.io.source import RingBuffer as Source  # noqa: E402
from lava.proc.lif.process import LIF, LearningLIF  # noqa: E402
from lava.proc.sdn.process import Delta, Sigma, SigmaDelta  # noqa: E402
from lava.proc.sparse.process import Sparse  # noqa: E402

STEPS = 40


def spikes(seed: int, shape: tuple[int, ...], share: float = 0.3, high: int = 2) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    return (rng.random((*shape, STEPS)) < share).astype(int) * rng.integers(1, high, (*shape, STEPS))


def weights(seed: int, shape: tuple[int, ...], most: int = 60) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(-most, most, shape)


def transposed() -> Any:
    """An image whose axes are turned and flattened before a dense layer, and spread over two axes behind it."""
    image = Source(data=spikes(1, (3, 4, 2)))
    conv = Conv(weight=weights(2, (3, 2, 2, 2)), input_shape=(3, 4, 2), padding=(1, 0))
    first = LIF(shape=conv.a_out.shape, vth=40, du=300, dv=200)
    dense = Dense(weights=weights(3, (6, int(np.prod(first.s_out.shape)))))
    second = LIF(shape=(2, 3), vth=60, du=100, dv=50, name="last")
    image.s_out.connect(conv.s_in)
    conv.a_out.connect(first.a_in)
    first.s_out.transpose([2, 1, 0]).flatten().connect(dense.s_in)
    dense.a_out.reshape((3, 2)).transpose([1, 0]).connect(second.a_in)
    return second


def concatenated() -> Any:
    """Two populations and a source side by side into one layer; graded messages."""
    values = Source(data=spikes(4, (3,), 0.6, 200))
    left, right = SigmaDelta(shape=(4,), vth=3, spike_exp=1, state_exp=2), Delta(shape=(5,), vth=2, cum_error=True)
    for seed, neuron, n in ((5, left, 4), (6, right, 5)):
        feed = Dense(weights=weights(seed, (n, 3)), num_message_bits=16, weight_exp=-3)
        values.s_out.connect(feed.s_in)
        feed.a_out.connect(neuron.a_in)
    join = Dense(weights=weights(7, (6, 12)), num_message_bits=16, weight_exp=1)
    left.s_out.concat_with([right.s_out, values.s_out], axis=0).connect(join.s_in)
    end = Sigma(shape=(6,))
    end.name = "last"
    join.a_out.connect(end.a_in)
    return end


def halves() -> Any:
    """Two layers that each feed one half of a population."""
    source = Source(data=spikes(8, (6,), 0.5))
    upper, lower = Dense(weights=weights(9, (3, 6)), weight_exp=-1), Sparse(weights=_sparse(10, (4, 6)), weight_exp=-2)
    end = LIF(shape=(7,), vth=20, du=500, dv=300, bias_mant=np.arange(7), bias_exp=2, name="last")
    source.s_out.connect(upper.s_in)
    source.s_out.connect(lower.s_in)
    upper.a_out.concat_with([lower.a_out], axis=0).connect(end.a_in)
    return end


def apart() -> Any:
    """`concatenated` as Lava can run it: a dense layer for each part."""
    values = Source(data=spikes(4, (3,), 0.6, 200))
    left, right = SigmaDelta(shape=(4,), vth=3, spike_exp=1, state_exp=2), Delta(shape=(5,), vth=2, cum_error=True)
    for seed, neuron, n in ((5, left, 4), (6, right, 5)):
        feed = Dense(weights=weights(seed, (n, 3)), num_message_bits=16, weight_exp=-3)
        values.s_out.connect(feed.s_in)
        feed.a_out.connect(neuron.a_in)
    end, whole = Sigma(shape=(6,)), weights(7, (6, 12))
    for port, columns in ((left.s_out, slice(0, 4)), (right.s_out, slice(4, 9)), (values.s_out, slice(9, 12))):
        part = Dense(weights=whole[:, columns], num_message_bits=16, weight_exp=1)
        port.connect(part.s_in)
        part.a_out.connect(end.a_in)
    return end


def padded() -> Any:
    """`halves` as Lava can run it: weights of zero to the other half."""
    source = Source(data=spikes(8, (6,), 0.5))
    above, below = np.zeros((7, 6), int), np.zeros((7, 6), int)
    above[:3], below[3:] = weights(9, (3, 6)), _sparse(10, (4, 6)).toarray()
    end = LIF(shape=(7,), vth=20, du=500, dv=300, bias_mant=np.arange(7), bias_exp=2)
    for synapses in (Dense(weights=above, weight_exp=-1), Dense(weights=below, weight_exp=-2)):
        source.s_out.connect(synapses.s_in)
        synapses.a_out.connect(end.a_in)
    return end


def _sparse(seed: int, shape: tuple[int, int]) -> Any:
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(seed)
    return csr_matrix(weights(seed, shape) * (rng.random(shape) < 0.5))


class Block(AbstractProcess):
    """A layer as a process that holds others."""

    def __init__(self, *, matrix: np.ndarray[Any, Any], vth: int) -> None:
        super().__init__(matrix=matrix, vth=vth)
        self.s_in, self.s_out = InPort(shape=(matrix.shape[1],)), OutPort(shape=(matrix.shape[0],))


@implements(proc=Block, protocol=LoihiProtocol)
class BlockModel(AbstractSubProcessModel):
    """What it holds."""

    def __init__(self, proc: Any) -> None:
        matrix = proc.proc_params["matrix"]
        self.dense = Dense(weights=matrix)
        self.lif = LIF(shape=(matrix.shape[0],), vth=proc.proc_params["vth"], du=100, dv=50)
        proc.in_ports.s_in.connect(self.dense.s_in)
        self.dense.a_out.connect(self.lif.a_in)
        self.lif.s_out.connect(proc.out_ports.s_out)


def nested() -> Any:
    """Blocks of blocks."""
    source = Source(data=spikes(11, (5,), 0.5))
    first, second = Block(matrix=weights(12, (8, 5), 90), vth=20), Block(matrix=weights(13, (4, 8), 90), vth=20)
    last = LIF(shape=(4,), vth=10, du=200, dv=100, name="last")
    end = Dense(weights=weights(14, (4, 4), 90))
    source.s_out.connect(first.s_in)
    first.s_out.connect(second.s_in)
    second.s_out.connect(end.s_in)
    end.a_out.connect(last.a_in)
    return last


def in_time() -> Any:
    """A convolution over time, and delays."""
    source = Source(data=spikes(15, (4,), 0.4, 30))
    kernel = ConvInTime(weights=2 * weights(16, (5, 3, 4), 60), num_message_bits=8)
    delays = np.random.default_rng(18).integers(0, 7, (3, 4))
    late = DelayDense(weights=weights(17, (3, 4)), delays=delays, num_message_bits=8)
    end = Sigma(shape=(3,))
    end.name = "last"
    for synapses in (kernel, late):
        source.s_out.connect(synapses.s_in)
        synapses.a_out.connect(end.a_in)
    return end


def reset() -> Any:
    """A running sum that is set back every seventh step."""
    source = Source(data=spikes(19, (3,), 0.6, 50))
    dense = Dense(weights=weights(20, (4, 3)), num_message_bits=8)
    end = Sigma(shape=(4,))
    end.name = "last"
    back = Reset(reset_value=5, interval=7, offset=3)
    back.connect_var(end.sigma)
    source.s_out.connect(dense.s_in)
    dense.a_out.connect(end.a_in)
    return end


def learning() -> Any:
    """Spike-timing dependent plasticity, as in Lava's tutorial."""
    rule = Loihi2FLearningRule(
        dw="2^-2 * x1 * y0 - 2^-2 * y1 * x0", x1_impulse=16, x1_tau=10, y1_impulse=16, y1_tau=10, t_epoch=2, rng_seed=5
    )
    source = Source(data=spikes(21, (5,), 0.4))
    plastic = LearningDense(weights=np.abs(weights(22, (4, 5), 90)), learning_rule=rule, name="plastic")
    end = LearningLIF(shape=(4,), vth=10, du=2000, dv=300, learning_rule=rule, name="last")
    source.s_out.connect(plastic.s_in)
    plastic.a_out.connect(end.a_in)
    end.s_out.connect(plastic.s_in_bap)
    return end


def rewarded() -> Any:
    """Three factors: a reward from outside."""
    rule = Loihi3FLearningRule(dw="2^-3 * x1 * y1 * y0", x1_impulse=20, x1_tau=8, rng_seed=9)
    source, reward = Source(data=spikes(23, (5,), 0.4)), Source(data=spikes(24, (4,), 0.3, 100))
    plastic = LearningDense(weights=np.abs(weights(25, (4, 5), 90)), learning_rule=rule, weight_exp=1)
    end = LIF(shape=(4,), vth=10, du=2000, dv=300, name="last")
    source.s_out.connect(plastic.s_in)
    plastic.a_out.connect(end.a_in)
    end.s_out.connect(plastic.s_in_bap)
    reward.s_out.connect(plastic.s_in_y1)
    return end


NETWORKS = {
    make.__name__: make for make in (transposed, concatenated, halves, nested, in_time, reset, learning, rewarded)
}


#: Lava's runtime has no concatenated ports: what it runs in their place
IN_PLACE = {"concatenated": apart, "halves": padded}


def run(name: str) -> np.ndarray[Any, Any]:
    """Messages (steps, n) of the process called last, as Lava says; in this process."""
    end = IN_PLACE.get(name, NETWORKS[name])()
    sink = Sink(shape=end.s_out.shape, buffer=STEPS)
    end.s_out.connect(sink.a_in)
    sink.run(condition=RunSteps(num_steps=STEPS), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        return np.rint(np.moveaxis(sink.data.get(), -1, 0)).astype(np.int64).reshape(STEPS, -1)
    finally:
        sink.stop()
