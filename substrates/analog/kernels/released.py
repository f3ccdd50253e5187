"""The compiled loops outside the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numba

from substrates.analog.kernels.product import accumulate
from substrates.analog.kernels.relax import relax_rows

__all__ = ["accumulate_released", "relax_released"]


@numba.njit(cache=True, nogil=True)
def relax_released(arguments: Any) -> Any:
    """`relax_rows` with its arguments as one tuple; other Python threads run meanwhile."""
    return relax_rows(*arguments)


@numba.njit(cache=True, nogil=True)
def accumulate_released(arguments: Any) -> None:
    """`accumulate` likewise."""
    accumulate(*arguments)
