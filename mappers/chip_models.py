"""Which neurons have a model for the chip and which would need microcode: said before running, not after failing.

Intel's neurocore models live in a closed extension of Lava; what is listed here is what public code imports from it.
Nothing of ours was run on a chip yet, so "closed extension" means "the name exists there", no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ChipModel", "chip_models", "needs_microcode"]


@dataclass(frozen=True)
class ChipModel:
    """How one neuron model gets onto the chip. ``source`` names the public evidence."""

    model: str
    on_chip: bool
    process: str
    source: str


_LIF = "Lava process with a model in Intel's closed extension (lava-nc's run configurations prefer it)"
_OPT = "imported by lava-optimization 0.5.0 from the closed module ncmodels"
_OWN = "our specification; needs microcode of its own"
_MODELS = {
    "lif": ChipModel("lif", True, "lava.proc.lif.process.LIF", _LIF),
    "sigma-delta": ChipModel("sigma-delta", True, "lava.proc.sdn.process.SigmaDelta", _LIF),
    "sigma": ChipModel("sigma", True, "lava.proc.sdn.process.Sigma", _LIF),
    "delta": ChipModel("delta", True, "lava.proc.sdn.process.Delta", _LIF),
    "graded-relu": ChipModel("graded-relu", True, "lava.proc.graded.process.GradedReluVec", _LIF),
    "annealing-refractory": ChipModel("annealing-refractory", True, "SimulatedAnnealingLocal", _OPT),
    "annealing-two-phase": ChipModel("annealing-two-phase", True, "SimulatedAnnealing", _OPT),
    "temperature": ChipModel("temperature", True, "Annealing", _OPT),
    "cost-integrator": ChipModel("cost-integrator", True, "CostIntegrator", _OPT),
    "lif-refractory": ChipModel("lif-refractory", False, "", _OWN),
    "relaxation": ChipModel("relaxation", False, "", _OWN),
    "phased-relaxation": ChipModel("phased-relaxation", False, "", _OWN),
}


def chip_models(models: Iterable[str]) -> tuple[ChipModel, ...]:
    """The chip's side of every neuron model in ``models``, in order, each once; unknown ones need microcode."""
    return tuple(_MODELS.get(name, ChipModel(name, False, "", _OWN)) for name in dict.fromkeys(models))


def needs_microcode(models: Iterable[str]) -> tuple[str, ...]:
    """Names of the neuron models that cannot run on the chip as things are."""
    return tuple(entry.model for entry in chip_models(models) if not entry.on_chip)
