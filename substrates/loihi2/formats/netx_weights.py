"""Dense weights of a netx file as synapses of ours, integer for integer where eight bits hold them.

lava-dl's netx looks for the mantissa bits and the exponent with which Lava's weight format holds a matrix, and loses
some: [-128, -128] becomes 0 there, [-16, 0] becomes -8. Here the file's integers are kept:

    no sign change, -255 to 255, or even:    as they are, exponent 0
    mixed, odd, -128 to 127:                 doubled, exponent -1 (the sum is exact before it is halved)
    mixed, odd, beyond:                      the lowest bit is lost, and said
    mixed, beyond -256 to 254:               clipped as netx does, and said
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.loihi2.synapses import Dense
from substrates.loihi2.weights import SignMode, sign_mode_of
from substrates.loihi2.widths import WEIGHT_MAX, WEIGHT_MIN

__all__ = ["dense_synapses"]

Int64 = npt.NDArray[np.int64]
_MIXED_MAX = WEIGHT_MAX - 1


def dense_synapses(
    matrices: list[Int64], place: str, notes: list[str], *, graded: bool, delays: npt.NDArray[np.int64] | int = 0
) -> list[Dense]:
    """Synapses of matrices (targets, sources) that share one format; what is lost goes into ``notes``.

    Raises:
        InputError: weights of one sign beyond eight bits.
    """
    every = np.concatenate([matrix.reshape(-1) for matrix in matrices])
    mode = sign_mode_of(every)
    if mode == SignMode.INHIBITORY and every.min() == WEIGHT_MIN:
        mode = SignMode.MIXED  # holds -256, which inhibitory weights do not
    if mode != SignMode.MIXED and (np.abs(every) > WEIGHT_MAX).any():
        worst = int(every[np.abs(every).argmax()])
        raise InputError(f"{place}/weight holds {worst}; eight bits hold -255 to 255, or -256 to 254 with both signs")
    if mode == SignMode.MIXED:
        clipped = (every > _MIXED_MAX) | (every < WEIGHT_MIN)
        if clipped.any():
            lost = int(np.abs(every - np.clip(every, WEIGHT_MIN, _MIXED_MAX)).max())
            notes.append(f"{place}/weight: {int(clipped.sum())} weights clipped to -256 to 254, by up to {lost}")
            matrices = [np.clip(matrix, WEIGHT_MIN, _MIXED_MAX) for matrix in matrices]
            every = np.clip(every, WEIGHT_MIN, _MIXED_MAX)
    odd, exponent = int((every & 1).sum()), 0
    if mode == SignMode.MIXED and odd:
        if every.min() >= WEIGHT_MIN // 2 and every.max() <= WEIGHT_MAX // 2:
            matrices, exponent = [2 * matrix for matrix in matrices], -1
        else:
            notes.append(f"{place}/weight: {odd} odd weights of both signs lose their lowest bit")
    return [Dense(m, exponent=exponent, sign_mode=mode, graded=graded, delays=delays) for m in matrices]
