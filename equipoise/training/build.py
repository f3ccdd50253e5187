"""From a configuration to its parts: network, learner, optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equipoise.training.config import TrainConfig
from equipoise.training.options import Descent
from hw_profiles.errors import InputError
from learning_rules import AdaptiveNudge, CoefficientSchedule, Homeostasis, Learner, Phases, SamplePolicy, make_rule
from learning_rules.homeostasis import METHODS
from substrates.base import RelaxationSubstrate, Stop
from substrates.network import layered

if TYPE_CHECKING:
    from substrates.network import Network

__all__ = ["make_learner", "make_network", "make_optimizer"]


def make_network(config: TrainConfig) -> Network:
    """The layered network of a resolved configuration."""
    return layered(
        config.layers,
        activation=config.activation,
        feedback="tied" if config.tied else "independent",
        angle=config.angle,
        feedback_scale=config.feedback_scale,
        seed=config.seed,
    )


def make_learner(config: TrainConfig, machine: RelaxationSubstrate) -> Learner:
    """The learner of a resolved configuration.

    Raises:
        InputError: an estimator, correction or method that does not exist, or cannot be combined.
    """
    rule = make_rule(
        config.estimator,
        nudge=config.nudge,
        points=config.points,
        correction=config.correction,
        force=config.nudge_force or "following",
        seed=config.seed,
    )
    return Learner(
        rule,
        phases=Phases(Stop(config.free_steps, config.tolerance), Stop(config.nudge_steps, config.tolerance)),
        homeostasis=_homeostasis(config),
        policy=SamplePolicy(config.unsettled, config.residual_limit),
        adaptive=AdaptiveNudge() if config.adaptive else None,
        combination=config.combination,
    )


def _homeostasis(config: TrainConfig) -> Homeostasis | None:
    if config.homeostasis_method not in METHODS:
        raise InputError(f"no homeostasis {config.homeostasis_method!r}; there are {', '.join(METHODS)}")
    end = config.homeostasis_end
    if config.homeostasis == 0 and not end:
        if config.feedback_scale == 1:
            return None
        return METHODS["closed-form"](0.0, feedback_scale=config.feedback_scale)  # brings errors to the adjoint's size
    coefficient: float | CoefficientSchedule = config.homeostasis
    if end is not None:
        coefficient = CoefficientSchedule(config.homeostasis, end)
    settings: dict[str, Any] = {"coefficient": coefficient, "feedback_scale": config.feedback_scale}
    if config.homeostasis_method in ("jacobian-vector", "noise-correlation"):
        settings["seed"] = config.seed
    return METHODS[config.homeostasis_method](**settings)


def make_optimizer(config: Descent, network: Network, steps: int) -> tuple[Any, Any]:
    """A torch optimizer and, with ``cosine``, its learning-rate schedule over all ``steps``."""
    import torch

    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer: Any
    if config.optimizer == "adamw":
        optimizer = torch.optim.AdamW(parameters, lr=config.lr, weight_decay=config.weight_decay)
    else:
        optimizer = torch.optim.SGD(
            parameters, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps)) if config.cosine else None
    return optimizer, scheduler
