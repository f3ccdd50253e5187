"""From a configuration to its parts: network, learner, optimizer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from equipoise.training.config import TrainConfig
from equipoise.training.options import Descent
from hw_profiles.arithmetic import portable
from hw_profiles.errors import InputError
from learning_rules import AdaptiveNudge, CoefficientSchedule, Homeostasis, Learner, Phases, SamplePolicy, make_rule
from learning_rules.homeostasis import METHODS, ScaleOnly
from substrates.base import RelaxationSubstrate, Stop
from substrates.network import chain, conv, layered

if TYPE_CHECKING:
    from substrates.network import Network

__all__ = ["make_learner", "make_network", "make_optimizer", "make_phases"]

#: of kernels at the start: averages of a slope-one activation shrink from layer to layer otherwise
_KERNEL_GAIN = 2.0


def make_network(config: TrainConfig, input_shape: tuple[int, ...] = (), classes: int = 0) -> Network:
    """The network of a resolved configuration: layers, or convolutions on images of ``input_shape``.

    Raises:
        InputError: a configuration that still leaves something to the data set and the target.
    """
    if not config.activation:
        raise InputError(
            "settings that leave the activation to the target make no network; use config.resolved(target, inputs, "
            "classes)"
        )
    classes = classes or config.layers[-1]
    scale, feedback = config.feedback_scale or 1.0, "tied" if config.tied else "independent"
    if config.conv:
        layers = [conv(channels, pooling=config.pooling, gain=_KERNEL_GAIN) for channels in config.conv]
        if config.valid_last:
            layers[-1] = replace(layers[-1], padding=0)
        return chain(
            input_shape,
            *layers,
            classes=classes,
            readout=config.readout,
            activation=config.activation,
            feedback=feedback,
            angle=config.angle,
            feedback_scale=scale,
            seed=config.seed,
        )
    hidden = config.readout == "hidden"
    return layered(
        config.layers[:-1] if hidden else config.layers,
        activation=config.activation,
        feedback=feedback,
        angle=config.angle,
        feedback_scale=scale,
        classes=classes if hidden else 0,
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
        phases=make_phases(config, machine),
        homeostasis=_homeostasis(config, machine.network),
        policy=SamplePolicy(config.unsettled, config.residual_limit),
        adaptive=AdaptiveNudge() if config.adaptive else None,
        combination=config.combination or "sum",
    )


def make_phases(config: TrainConfig, machine: RelaxationSubstrate) -> Phases:
    """How long the phases of a resolved configuration last, and how often ``machine`` looks whether they are over."""
    free, nudged = (
        Stop(steps, config.tolerance, machine.looks_every) for steps in (config.free_steps, config.nudge_steps)
    )
    return Phases(free, nudged)


def _homeostasis(config: TrainConfig, network: Network) -> Homeostasis | None:
    if config.homeostasis_method not in METHODS:
        raise InputError(f"no homeostasis {config.homeostasis_method!r}; there are {', '.join(METHODS)}")
    begin, end, scale = config.homeostasis or 0.0, config.homeostasis_end, config.feedback_scale or 1.0
    if begin == 0 and not end:
        if scale == 1:
            return None
        # brings errors to the adjoint's size
        return (
            ScaleOnly(0.0, feedback_scale=scale)
            if network.state_dependent
            else METHODS["closed-form"](0.0, feedback_scale=scale)
        )
    coefficient: float | CoefficientSchedule = begin
    if end is not None:
        coefficient = CoefficientSchedule(begin, end)
    settings: dict[str, Any] = {"coefficient": coefficient, "feedback_scale": scale}
    if config.homeostasis_method in ("jacobian-vector", "noise-correlation"):
        settings["seed"] = config.seed
    return METHODS[config.homeostasis_method](**settings)


def make_optimizer(config: Descent, network: Network, steps: int) -> tuple[Any, Any]:
    """A torch optimizer and, with ``cosine``, its learning-rate schedule over all ``steps``."""
    import torch

    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer: Any
    if config.optimizer == "adamw":
        optimizer = torch.optim.AdamW(
            parameters, lr=config.lr, weight_decay=config.weight_decay, fused=_fuses(parameters)
        )  # torch.sqrt is MKL's, whose last bit depends on the processor; the fused step rounds its root exactly
    else:
        optimizer = torch.optim.SGD(
            parameters, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps)) if config.cosine else None
    return optimizer, scheduler


def _fuses(parameters: list[Any]) -> bool:
    """Whether AdamW has one kernel for all of a step; a quarter of the time, and in the portable mode a must."""
    return portable() or all(p.device.type in ("cpu", "cuda") for p in parameters)
