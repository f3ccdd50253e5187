"""``compare``: one QUBO, one training or one inference, run on every machine named."""

from __future__ import annotations

# Imports inside functions are late: a comparison loads only what its workload needs.
from collections.abc import Callable, Sequence
from typing import Any, Literal

from equipoise.comparison.machines import find_machine
from equipoise.comparison.result import Comparison
from hw_profiles.errors import InputError

__all__ = ["DEFAULT_MACHINES", "compare"]

DEFAULT_MACHINES = ("cpu", "loihi2", "crossbar", "gpu-h100")


def compare(
    work: Any = None,
    machines: Sequence[str] = DEFAULT_MACHINES,
    *,
    kind: Literal["", "qubo", "inference", "training"] = "",
    equal: Literal["quality", "time"] = "quality",
    quality: float | None = None,
    seconds: float = 1.0,
    reads: int = 5,
    steps: int | None = None,
    samples: int = 360,
    seed: int = 0,
    boundary: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Run one workload on each machine, with the program made for it.

    Args:
        work: a `Problem` or anything `Problem.of` takes, or a `TrainConfig`.
        machines: ``cpu`` (this processor, measured), profiles of Loihi-like chips, devices or chip files, named cards
            and processors (a roofline). The first is what the others are compared with.
        kind: ``inference`` or ``training`` of a `TrainConfig`; a problem is a ``qubo``.
        equal: ``quality``: energy and time to reach the same; ``time`` (QUBO): what is reached in ``seconds`` each.
        quality: the cost or the accuracy to reach. Default: within two percent of what the processor's search finds in
            ``seconds``, or within two points of the best accuracy.
        seconds: of the processor's search, or of every machine at equal time.
        reads, steps: attempts of a QUBO, and the most steps of one.
        samples: test samples of an inference.
        boundary: price everything here where a profile can; each at its own otherwise. The page says which.
        progress: told what happens now.

    Raises:
        InputError: no such machine, or a setting that makes no sense; nothing has been run.
    """
    from equipoise.training.config import TrainConfig

    if equal not in ("quality", "time"):
        raise InputError(f"equal {equal!r}; expected quality or time")
    if not seconds > 0 or reads < 1 or samples < 1:
        raise InputError("seconds must be above 0, reads and samples at least 1")
    if len(set(machines)) < 2 or len(set(machines)) != len(machines):
        raise InputError(f"a comparison needs at least two different machines, got {', '.join(machines) or 'none'}")
    found = [find_machine(name) for name in machines]
    say = progress or (lambda text: None)
    if isinstance(work, TrainConfig):
        from equipoise.comparison.network import compare_inference, compare_training

        if equal == "time":
            raise InputError("networks are compared at equal quality; equal time is for QUBOs")
        if kind in ("", "inference"):
            return compare_inference(work, found, quality=quality, samples=samples, boundary=boundary, say=say)
        if kind == "training":
            return compare_training(work, found, quality=quality, boundary=boundary, say=say)
        raise InputError(f"kind {kind!r} of a TrainConfig; expected inference or training")
    from equipoise.comparison.qubo import compare_qubo
    from equipoise.qubo.problem import Problem

    if kind not in ("", "qubo"):
        raise InputError(f"kind {kind!r} of a problem; a problem is a qubo")
    return compare_qubo(
        Problem.of(work), found, equal=equal, quality=quality, seconds=seconds, reads=reads, steps=steps, seed=seed,
        boundary=boundary, say=say,
    )  # fmt: skip
