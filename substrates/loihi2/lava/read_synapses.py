"""Lava's synapse processes as synapses of ours, between whatever elements their ports hear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.lava.routes import Route
from substrates.loihi2.learning import LearningDense, LearningRule, LearningSparse, SpikeUse
from substrates.loihi2.synapses import Conv, Dense, Sparse, Synapses
from substrates.loihi2.weights import SignMode, clip, sign_mode_of
from substrates.loihi2.widths import DELAY_MAX, integer_array

__all__ = ["SYNAPSES", "Made"]

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Made:
    """What a synapse process computes.

    Attributes:
        whole: the synapses of all its elements, one after the other; several add up.
        chosen: makes them for some of its inputs and outputs; None where they cannot be taken apart.
    """

    whole: Sequence[Synapses]
    chosen: Callable[[Int64, Int64, tuple[int, int]], Sequence[Synapses]] | None = None

    def check_senders(self, name: str, coming: Sequence[Route]) -> None:
        """Refuse what several senders would change.

        Raises:
            InputError: their sums are not what Lava makes of them.
        """
        if len(coming) < 2:
            return
        heard = np.sum([route.heard >= 0 for route in coming], axis=0)
        graded = all(one.graded for one in self.whole)
        if (heard > 1).any() and not graded:
            raise InputError(
                f"several processes send binary spikes into the same elements of {name}, where Lava makes one spike of "
                "them; give each synapses of its own"
            )
        if any(one.exponent < 0 for one in self.whole):
            raise InputError(
                f"several processes lead into {name}, whose negative weight exponent rounds their sum; give each "
                "synapses of its own, or an exponent of 0"
            )

    def between(self, name: str, before: Route, after: Route) -> Iterator[Synapses]:
        """Synapses from the neurons of ``before`` to those of ``after``.

        Raises:
            InputError: the elements are chosen in a way that these synapses cannot follow.
        """
        sources, targets = int(np.prod(_port_shape(before))), after.heard.size
        if before.straight and after.straight and all(one.shape == (targets, sources) for one in self.whole):
            yield from self.whole
            return
        if self.chosen is None:
            raise InputError(f"{name} hears or feeds neurons in another order; only Dense and Sparse synapses can")
        kept = before.heard[before.heard >= 0]
        if np.unique(kept).size < kept.size:
            raise InputError(f"{name} hears a neuron twice; add its weights up")
        yield from self.chosen(before.heard, after.heard, (targets, sources))


def _port_shape(route: Route) -> tuple[int, ...]:
    return tuple(getattr(route.source, route.out).shape)


def _moved(matrix: Any, heard: Int64, fed: Int64, shape: tuple[int, int]) -> Any:
    """``matrix`` (outputs, inputs) as (target neurons, source neurons)."""
    from scipy.sparse import coo_array

    entries = coo_array(matrix)
    where = np.full(entries.shape[0], -1)
    rows = np.flatnonzero(fed >= 0)
    where[fed[rows]] = rows
    row, column = where[entries.coords[0]], heard[entries.coords[1]]
    kept = (row >= 0) & (column >= 0)
    return coo_array((entries.data[kept], (row[kept], column[kept])), shape=shape).tocsc()


def _format(process: Any, weights: npt.NDArray[Any], *, mixed: bool = False) -> dict[str, Any]:
    """Number format of a process; its signs are those of all its weights."""
    given = process.proc_params
    mode = given.get("sign_mode")
    signs = SignMode[mode.name] if mode is not None else (SignMode.MIXED if mixed else sign_mode_of(weights))
    return {
        "bits": int(given.get("num_weight_bits", 8)), "exponent": int(given.get("weight_exp", 0)), "sign_mode": signs,
        "graded": _number(process, "num_message_bits") > 0,
    }  # fmt: skip


def _number(process: Any, name: str) -> int:
    return int(np.asarray(getattr(process, name).init).reshape(-1)[0])


def _integers(process: Any, values: Any, name: str) -> Any:
    """Integers, an array or a SciPy matrix.

    Raises:
        InputError: they are none.
    """
    data = values.data if hasattr(values, "tocsr") else values
    if np.any(np.asarray(data) != np.floor(np.asarray(data))):
        raise InputError(f"{process.name} has {name} that are no integers; quantise them first (mantissas -256 to 255)")
    if hasattr(values, "tocsr"):
        return values.tocsr().astype(np.int64)
    return np.asarray(values).astype(np.int64)


def _clipped(matrix: Any, form: dict[str, Any]) -> Any:
    """As Lava clips weights that its mode cannot hold."""
    if not hasattr(matrix, "tocsr"):
        return clip(matrix, form["sign_mode"]).astype(np.int64)
    found = matrix.copy()
    found.data = clip(matrix.data, form["sign_mode"]).astype(np.int64)
    return found


def _dense(process: Any) -> Made:
    weights = _integers(process, process.weights.init, "weights")
    form = _format(process, weights)
    weights = _clipped(weights, form)
    delays = _integers(process, process.delays.init, "delays") if hasattr(process, "delays") else None
    late: dict[str, Any] = {} if delays is None else {"delays": np.broadcast_to(delays, weights.shape)}

    def chosen(heard: Int64, fed: Int64, shape: tuple[int, int]) -> list[Synapses]:
        moved = _moved(weights, heard, fed, shape)
        if delays is None or not np.any(delays):
            return [Sparse(moved, **form)]
        steps = _moved(np.broadcast_to(delays, weights.shape) + 1, heard, fed, shape)
        return [Sparse(moved, delays=np.maximum(steps.toarray() - 1, 0), **form)]

    return Made([Dense(weights, **late, **form)], chosen)


def _sparse(process: Any) -> Made:
    weights = _integers(process, process.weights.init, "weights")
    form = _format(process, weights.data)
    weights = _clipped(weights, form)
    delays = _integers(process, process.delays.init, "delays").toarray() if hasattr(process, "delays") else None
    late = {} if delays is None else {"delays": delays}

    def chosen(heard: Int64, fed: Int64, shape: tuple[int, int]) -> list[Synapses]:
        moved = _moved(weights, heard, fed, shape)
        more = {} if delays is None else {"delays": _moved(delays, heard, fed, shape).toarray()}
        return [Sparse(moved, **more, **form)]

    return Made([Sparse(weights, **late, **form)], chosen)


def _conv(process: Any) -> Made:
    kernel = _integers(process, process.weight.init, "weights")
    pairs: dict[str, Any] = {
        name: tuple(int(k) for k in np.broadcast_to(getattr(process, name).init, (2,)))
        for name in ("stride", "padding", "dilation")
    }
    width, height, channels = (int(k) for k in process.s_in.shape)
    graded = _number(process, "num_message_bits") > 0
    return Made([Conv(kernel, (width, height, channels), groups=_number(process, "groups"), graded=graded, **pairs)])


def _conv_in_time(process: Any) -> Made:
    """a(t + 1) = sum over j of W[K - 1 - j] m(t - j): a dense connection per j, delayed by j."""
    weights = _integers(process, process.weights.init, "weights")
    if len(weights) > DELAY_MAX + 1:
        raise InputError(f"{process.name} looks {len(weights)} steps back; delays go to {DELAY_MAX}")
    integer_array(f"the weights of {process.name}", weights, -256, 255)
    if np.any(weights % 2) and weights.min() < 0 < weights.max():
        raise InputError(f"{process.name} has odd weights of both signs, which the chip's eight bits cannot hold")
    graded = _number(process, "num_message_bits") > 0
    return Made([Dense(one, graded=graded, delays=j) for j, one in enumerate(weights[::-1])])


def _rule(process: Any) -> LearningRule:
    rule = process.proc_params.get("learning_rule")
    third = type(rule).__name__ == "Loihi3FLearningRule"
    numbers: dict[str, Any] = {
        f"{name}_{what}": float(getattr(rule, f"{name}_{what}"))
        for name in (("x1", "x2") if third else ("x1", "x2", "y1", "y2", "y3"))
        for what in ("impulse", "tau")
    }
    return LearningRule(
        dw=rule.dw_str or "", dd=rule.dd_str or "", dt=rule.dt_str or "", epoch=int(rule.t_epoch),
        seed=int(rule.rng_seed), third_factor=third, **numbers,
    )  # fmt: skip


def _learning(process: Any) -> Made:
    weights = _integers(process, process.weights.init, "weights")
    sparse_ones = hasattr(weights, "tocsr")
    form = _format(process, weights.data if sparse_ones else weights, mixed=True)
    more = {
        "delays": _integers(process, process.tag_2.init, "delays"),
        "tags": _integers(process, process.tag_1.init, "tags"),
        "spikes": SpikeUse(int(process.proc_params.get("graded_spike_cfg", 0))),
    }
    if sparse_ones:
        more |= {name: more[name].toarray() for name in ("delays", "tags")}
        return Made([LearningSparse(weights, _rule(process), **form, **more)])
    return Made([LearningDense(weights, _rule(process), **form, **more)])


SYNAPSES: dict[tuple[str, str], Callable[[Any], Made]] = {
    ("lava.proc.dense.process", "Dense"): _dense,
    ("lava.proc.dense.process", "DelayDense"): _dense,
    ("lava.proc.dense.process", "LearningDense"): _learning,
    ("lava.proc.sparse.process", "Sparse"): _sparse,
    ("lava.proc.sparse.process", "DelaySparse"): _sparse,
    ("lava.proc.sparse.process", "LearningSparse"): _learning,
    ("lava.proc.conv.process", "Conv"): _conv,
    ("lava.proc.conv_in_time.process", "ConvInTime"): _conv_in_time,
}
