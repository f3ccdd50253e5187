"""What may listen to a training: anything that takes a dictionary; TensorBoard and metric loggers ready-made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from hw_profiles.errors import InputError

__all__ = ["Callback", "EpochMetrics", "TensorBoard", "listeners"]


class Callback(Protocol):
    """Called with ``{"epoch", "epochs", "batch", "batches"}`` every tenth batch, and with the epoch's row, ``"epochs"``
    and ``"done": True`` after every epoch. An exception that it raises ends the training; epochs done are kept."""

    def __call__(self, news: dict[str, Any], /) -> None: ...


class EpochMetrics:
    """Hands every epoch's numbers to ``log(metrics, step=epoch)``, the signature of MLflow's ``log_metrics`` and of
    ``wandb.log``.

    >>> train(config, EpochMetrics(mlflow.log_metrics))     # doctest: +SKIP

    A quantity with several values (one for each layer) becomes ``name/0``, ``name/1``; what is not known is left out.
    """

    def __init__(self, log: Callable[..., Any], *, prefix: str = "") -> None:
        self.log, self.prefix = log, prefix

    def __call__(self, news: dict[str, Any], /) -> None:
        if news.get("done"):
            flat = ((self.prefix + name, value) for name, value in _numbers(news))
            self.log(dict(flat), step=news["epoch"])


class TensorBoard:
    """Writes every epoch's numbers where ``tensorboard --logdir`` looks, by torch's own writer.

    Args:
        directory: made if need be. Each training adds a file; nothing there is replaced.

    Raises:
        InputError: the package tensorboard is not installed.
    """

    def __init__(self, directory: str | Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise InputError("TensorBoard's files need the package tensorboard: pip install tensorboard") from None
        try:
            self._writer = SummaryWriter(str(directory))
        except OSError as error:
            raise InputError(f"cannot write TensorBoard's files into {directory}: {error.strerror or error}") from None

    def __call__(self, news: dict[str, Any], /) -> None:
        if news.get("done"):
            for name, value in _numbers(news):
                self._writer.add_scalar(name, value, news["epoch"])
            self._writer.flush()  # a killed run has shown what it did


def listeners(progress: Callback | Iterable[Callback] | None) -> Callback:
    """One callback that calls each in turn."""
    each = () if progress is None else (progress,) if callable(progress) else tuple(progress)
    for one in each:
        if not callable(one):
            raise InputError(f"progress takes callbacks, got a {type(one).__name__}; expected something to call")

    def tell(news: dict[str, Any], /) -> None:
        for one in each:
            one(news)

    return tell


def _numbers(row: dict[str, Any]) -> Iterable[tuple[str, float]]:
    for name, value in row.items():
        if name in ("epoch", "epochs", "done") or value is None or isinstance(value, str):
            continue
        if isinstance(value, (list, tuple)):
            yield from ((f"{name}/{i}", float(one)) for i, one in enumerate(value))
        else:
            yield name, float(value)
