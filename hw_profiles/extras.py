"""Which extra of the installation brings a package that is not here.

The core solves, prices, reports, and runs programs; what learns needs torch, which is large, so it is an extra.
"""

from __future__ import annotations

__all__ = ["needed"]

#: top-level name of a package -> (its name to people, the extra that brings it)
EXTRAS = {
    "torch": ("PyTorch", "train"),
    "sklearn": ("scikit-learn", "train"),
    "nir": ("nir", "nir"),
    "dask": ("Dask", "cluster"),
    "distributed": ("Dask", "cluster"),
    "pyarrow": ("PyArrow", "parquet"),
    "tensorboard": ("TensorBoard", "tensorboard"),
    "brian2": ("Brian2", "brian2"),
    "dwave": ("dwave-samplers", "bench"),
    "optuna": ("Optuna", "search"),
    "openjij": ("OpenJij", "bench"),
}


def needed(error: ModuleNotFoundError) -> str:
    """What to install, in a sentence; empty where no extra brings the module that was not found."""
    top = (error.name or "").partition(".")[0]
    if top not in EXTRAS:
        return ""
    title, extra = EXTRAS[top]
    return f"this needs {title}, which is not installed: pip install 'equipoise[{extra}]'"
