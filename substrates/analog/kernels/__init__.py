"""Compiled relaxation of dense logistic networks in float32: one fused loop, the same bits whatever the batch."""

from substrates.analog.kernels.dense import DenseRelaxation

__all__ = ["DenseRelaxation"]
