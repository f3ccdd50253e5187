"""CPU models for lava-optimization 0.5.0's public annealing processes, which ship without any.

`SimulatedAnnealing`, `SimulatedAnnealingLocal` and `Annealing` are published as processes; their models are closed.
With ours, a user's own solver network runs on a CPU, the package's own solver included:

    from substrates.loihi2.lava.lava_optimization import attach

    attach(seed=1)                                  # once, before running
    OptimizationSolver(problem).solve(SolverConfig(hyperparameters={"neuron_model": "sa", ...}))

lava-optimization is not a dependency of ours. The rules are our specification (`annealing_steps`); Intel's microcode
is not public.
"""

from __future__ import annotations

import importlib.metadata
import sys

from hw_profiles.errors import TargetUnavailableError
from substrates.loihi2.lava.loader import lava_module, load_lava

__all__ = ["attach"]

NEEDED = "0.5.0"
INSTALL = f"install it with pip install --no-deps --ignore-requires-python lava-optimization=={NEEDED}"
_NEBM = "lava.lib.optimization.solvers.generic.nebm.process"
_ANNEALING = "lava.lib.optimization.solvers.generic.annealing.process"


def attach(*, seed: int = 0, processes: tuple[type, type, type] | None = None) -> dict[type, type]:
    """Put our models where Lava looks for them, beside each process; a second call replaces the seed.

    Args:
        seed: of the random numbers (the public processes have no parameter for it).
        processes: the two-phase, refractory and temperature process; those of the installed lava-optimization when
            None. Others need the same ports and Vars.

    Returns:
        {process: model}.

    Raises:
        TargetUnavailableError: Lava, or lava-optimization, cannot be imported.
    """
    load_lava()
    from substrates.loihi2.lava import annealing_models as bodies

    two_phase, refractory, temperature = processes or _public()
    models = {
        two_phase: bodies.annealing_model(two_phase, bodies.TwoPhaseBody, seed=int(seed)),
        refractory: bodies.annealing_model(refractory, bodies.RefractoryBody, seed=int(seed)),
        temperature: bodies.annealing_model(temperature, bodies.TemperatureBody),
    }
    for process, model in models.items():
        setattr(sys.modules[process.__module__], model.__name__, model)
    return models


def _public() -> tuple[type, type, type]:
    try:
        nebm, annealing = lava_module(_NEBM), lava_module(_ANNEALING)
        return nebm.SimulatedAnnealing, nebm.SimulatedAnnealingLocal, annealing.Annealing
    except (ImportError, AttributeError) as error:
        raise TargetUnavailableError(f"{_problem(error)}; {INSTALL}") from error


def _problem(error: Exception) -> str:
    """What is wrong with the package: absent, another release, or damaged."""
    try:
        version = importlib.metadata.version("lava-optimization")
    except importlib.metadata.PackageNotFoundError:
        return f"lava-optimization cannot be imported ({error})"
    if version != NEEDED:
        return f"lava-optimization {version} is installed, {NEEDED} is needed: {error}"
    return f"lava-optimization {version} is installed but cannot be used ({error})"
