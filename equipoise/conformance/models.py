"""What is compared, and with what: one entry per neuron and synapse type.

``with Lava`` means Lava's public fixed-point model computes the other side on its own. ``own`` means that Lava has no
integer model: our Lava process calls the same arithmetic as the engine (so what is compared is order, delays, synapses
and message passing), or, for the annealers, our plain transcription of the specification.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from equipoise.conformance import annealer_cases, network_cases, phase_cases
from equipoise.conformance.case import Case
from hw_profiles.errors import InputError
from hw_profiles.registry import is_reference, nearest
from substrates.loihi2.neurons import Neuron
from substrates.loihi2.neurons.registry import NEURONS

__all__ = ["MODELS", "Model", "find_model"]


@dataclass(frozen=True)
class Model:
    """One thing to compare: a generator of random cases (rng -> case), and whose rule the other side follows."""

    name: str
    make: Callable[..., Case]
    against: str
    chip: tuple[str, ...]  #: neuron models that the chip would need
    inside: bool = False  #: compared from inside the CPU models, which a chip does not allow


LAVA = "Lava's public fixed-point model"
OWN = "our written specification"

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("lif", network_cases.lif, LAVA, ("lif",)),
        Model("lif-refractory", network_cases.lif_refractory, OWN, ("lif-refractory",)),
        *(
            Model(name, partial(network_cases.of_neuron, NEURONS.find(name)), LAVA, (name,))
            for name in (
                "lif-reset",
                "lif-ternary",
                "graded-vector",
                "product",
                "rf",
                "rf-iz",
                "rf-zero",
                "lif-adaptive",
                "norm-vector",
                "delta-encoder",
            )
        ),
        Model("sigma", network_cases.sigma, LAVA, ("sigma",)),
        Model("delta", network_cases.delta, LAVA, ("delta",)),
        Model("sigma-delta", network_cases.sigma_delta, LAVA, ("sigma-delta",)),
        Model("graded-relu", network_cases.graded_relu, LAVA, ("graded-relu",)),
        Model("relaxation", network_cases.relaxation, OWN, ("relaxation",)),
        Model("relaxation-phases", phase_cases.relaxation_phases, OWN, ("relaxation", "phased-relaxation")),
        Model("sigma-delta-phases", phase_cases.sigma_delta_phases, LAVA, ("sigma-delta",)),
        Model("normalisation", network_cases.normalisation, LAVA, ("norm-vector", "inverse-root")),
        Model("learning", network_cases.learning, LAVA, ("lif",)),
        Model("dense", network_cases.dense, LAVA, ("lif",)),
        Model("sparse", network_cases.sparse, LAVA, ("lif",)),
        Model("conv", network_cases.conv, LAVA, ("lif",)),
        Model("delays", network_cases.delays, LAVA, ("lif",)),
        Model("graded-messages", network_cases.graded_messages, LAVA, ("sigma-delta", "delta")),
        Model("mixed-network", network_cases.mixed, LAVA, ("lif", "sigma-delta", "delta", "graded-relu")),
        Model(
            "annealing-two-phase", annealer_cases.two_phase, OWN, ("annealing-two-phase", "temperature"), inside=True
        ),
        Model("annealing-eviction", annealer_cases.eviction, OWN, ("annealing-eviction", "temperature"), inside=True),
        Model("annealing-nebm", annealer_cases.nebm, OWN, ("annealing-nebm", "temperature"), inside=True),
        Model(
            "annealing-refractory", annealer_cases.refractory, OWN, ("annealing-refractory", "temperature"), inside=True
        ),
    )
}


def find_model(name: str) -> Model:
    """The model called ``name``, or random cases of a neuron by its name or ``path.py:Name``.

    Raises:
        InputError: no such model or neuron.
    """
    if name in MODELS:
        return MODELS[name]
    if name not in NEURONS and not is_reference(name):
        known = (*MODELS, *NEURONS)
        raise InputError(f"no model {name!r}; {nearest(name, known)}here are {', '.join(MODELS)}, or give path.py:Name")
    neuron = NEURONS.find(name)
    public = neuron.lava is not Neuron.lava
    return Model(name, partial(network_cases.of_neuron, neuron), LAVA if public else OWN, (neuron.name,))
