"""A learning rule: what changes weights, delays and tags, and how traces grow and decay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.learning.products import Product, parse, table_of
from substrates.loihi2.widths import integer_in

__all__ = ["TRACE_MAX", "LearningRule"]

TRACE_MAX = 127  #: seven bits
FRACTION_BITS = 8  #: of a trace's impulse
#: three-factor rules take y1 to y3 from outside; in Lava such traces decay with this time constant within an epoch
THIRD_FACTOR_TAU = 65535


@dataclass(frozen=True)
class LearningRule:
    """How synapses change. Source: Lava's ``LoihiLearningRule`` and its fixed-point model.

    Traces: every spike adds an impulse, every step takes exp(-1/tau) of it; they are rounded at random to 0 to 127.
    The synapses change at the end of every epoch of ``epoch`` time steps.

    Args:
        dw, dd, dt: sums of products for weight, delay and tag, see `products`; empty: it does not change.
        x1_impulse, x1_tau, x2_impulse, x2_tau: traces of the source neurons.
        y1_impulse, y1_tau, y2_impulse, y2_tau, y3_impulse, y3_tau: traces of the target neurons.
        epoch: time steps between changes, 1 to 63.
        seed: of the random rounding; equal seeds round alike in every connection.
        third_factor: y1, y2, y3 are values that arrive from outside (a reward, an error), not traces.

    Raises:
        InputError: a rule cannot be read, or a number is out of range.
    """

    dw: str = ""
    dd: str = ""
    dt: str = ""
    x1_impulse: float = 0.0
    x1_tau: float = 0.0
    x2_impulse: float = 0.0
    x2_tau: float = 0.0
    y1_impulse: float = 0.0
    y1_tau: float = 0.0
    y2_impulse: float = 0.0
    y2_tau: float = 0.0
    y3_impulse: float = 0.0
    y3_tau: float = 0.0
    epoch: int = 1
    seed: int = 0
    third_factor: bool = False

    def __post_init__(self) -> None:
        if not (self.dw or self.dd or self.dt):
            raise InputError("a learning rule says what changes: give dw, dd or dt")
        integer_in("the epoch", self.epoch, 1, 63)
        integer_in("the seed", self.seed, 0, 2**31 - 5)
        for name in ("x1", "x2", "y1", "y2", "y3"):
            impulse, tau = float(getattr(self, f"{name}_impulse")), float(getattr(self, f"{name}_tau"))
            if not (0 <= impulse <= TRACE_MAX and 0 <= tau < math.inf):
                raise InputError(
                    f"{name}_impulse must be from 0 to {TRACE_MAX} and {name}_tau from 0, got {impulse:g} and {tau:g}"
                )
            if self.third_factor and name[0] == "y" and (impulse or tau):
                raise InputError(f"with a third factor {name} comes from outside; leave {name}_impulse and _tau out")
        if len({product.every for products in self.products for product in products if product.every}) > 1:
            raise InputError("all conditions u of a rule have the same digit")

    @property
    def products(self) -> tuple[tuple[Product, ...], ...]:
        """For w, d and t; empty where nothing changes."""
        return tuple(parse(text) if text else () for text in (self.dw, self.dd, self.dt))

    @property
    def every(self) -> int:
        """Epochs between those with the condition u; 0 where the rule has none."""
        return max((product.every for products in self.products for product in products), default=0)

    def table(self) -> npt.NDArray[np.int64]:
        """The products as integers, see `products`."""
        return table_of(self.products)

    def kept(self) -> npt.NDArray[np.float64]:
        """What a step leaves of x1, x2, y1, y2, y3; 0 where there is no trace."""
        x, y = (self.x1_tau, self.x2_tau), (self.y1_tau, self.y2_tau, self.y3_tau)
        taus = np.array((*x, *((THIRD_FACTOR_TAU,) * 3 if self.third_factor else y)), np.float64)
        found = np.zeros(5)
        found[taus != 0] = np.exp(-1 / taus[taus != 0])
        return found

    def impulses(self, regular: bool = True) -> npt.NDArray[np.int64]:
        """(5, 2): whole part and 256ths of the impulses; that of x1 is 0 where spikes bring their own value."""
        values = np.array([getattr(self, f"{name}_impulse") for name in ("x1", "x2", "y1", "y2", "y3")], np.float64)
        values[0] *= regular
        whole = np.floor(values)
        parts = np.round((values - whole) * 2**FRACTION_BITS)
        return np.stack([whole, parts], axis=1).astype(np.int64)
