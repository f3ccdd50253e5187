"""CPU models for lava-optimization 0.5.0's public annealing processes, which ship without any.

`SimulatedAnnealing`, `SimulatedAnnealingLocal` and `Annealing` are published as processes; their models are closed.
With ours, a user's own solver network runs on a CPU:

    from substrates.loihi2.lava.lava_optimization import attach
    attach(seed=1)                                  # once, before running
    OptimizationSolver(problem).solve(SolverConfig(hyperparameters={"neuron_model": "sa", ...}))

or, without touching the package, ``Loihi2SimCfg(exception_proc_model_map=models())``. lava-optimization is not a
dependency of ours. The rules are our specification; Intel's microcode is not public.
"""

from __future__ import annotations

import sys
from typing import Any

from hw_profiles.errors import TargetUnavailableError
from substrates.loihi2.lava.loader import lava_module, load_lava

__all__ = ["attach", "models", "models_for"]

_NEBM = "lava.lib.optimization.solvers.generic.nebm.process"
_ANNEALING = "lava.lib.optimization.solvers.generic.annealing.process"


def models_for(two_phase: type, refractory: type, temperature: type, *, seed: int = 0) -> dict[type, type]:
    """{process: model} for three process classes with the ports and Vars of lava-optimization's."""
    load_lava()
    from substrates.loihi2.lava import annealing_models as bodies

    return {
        two_phase: bodies.annealing_model(two_phase, bodies.TwoPhaseBody, seed=int(seed)),
        refractory: bodies.annealing_model(refractory, bodies.RefractoryBody, seed=int(seed)),
        temperature: bodies.annealing_model(temperature, bodies.TemperatureBody),
    }


def models(*, seed: int = 0) -> dict[type, type]:
    """{process: model} of the installed lava-optimization, for a run configuration's ``exception_proc_model_map``.

    Args:
        seed: of the random numbers (the public processes have no parameter for it).

    Raises:
        TargetUnavailableError: lava-optimization, or Lava, cannot be imported.
    """
    try:
        nebm, annealing = lava_module(_NEBM), lava_module(_ANNEALING)
    except ImportError as error:
        raise TargetUnavailableError(
            f"lava-optimization cannot be imported ({error}); install it with "
            "pip install --no-deps --ignore-requires-python lava-optimization==0.5.0"
        ) from error
    return models_for(nebm.SimulatedAnnealing, nebm.SimulatedAnnealingLocal, annealing.Annealing, seed=seed)


def attach(*, seed: int = 0) -> dict[type, type]:
    """Put our models where Lava looks for them, beside each process; a second call replaces the seed.

    Returns the models, as `models` does.
    """
    found: dict[type, Any] = models(seed=seed)
    for process, model in found.items():
        setattr(sys.modules[process.__module__], model.__name__, model)
    return found
