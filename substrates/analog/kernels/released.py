"""The compiled loop outside the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numba

from substrates.analog.kernels.relax import relax_rows

__all__ = ["relax_released"]


@numba.njit(cache=True, nogil=True)
def relax_released(arguments: Any) -> Any:
    """`relax_rows` with its arguments as one tuple; other Python threads run meanwhile."""
    return relax_rows(*arguments)
