"""Everything a training run is made of: one frozen value, the command line's options and a few more."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from equipoise.targets import Target, find_target
from equipoise.training.datasets import Recipe
from hw_profiles.errors import InputError
from substrates.devices import PRECISIONS

__all__ = ["TrainConfig", "parse_layers"]

#: chip parameters that make a reading differ from the activity by more than the chip's mismatch
_NOISE = ("readout_noise", "read_noise", "read_noise_proportional", "state_noise", "adc_bits")


def parse_layers(text: str) -> tuple[int, ...]:
    """``784-256-256-10`` to (784, 256, 256, 10).

    Raises:
        InputError: not whole numbers above zero joined by hyphens, or fewer than two.
    """
    parts = text.split("-")
    if len(parts) < 2 or not all(p.isascii() and p.isdigit() and int(p) > 0 for p in parts):
        raise InputError(f"layers {text!r}; expected sizes joined by hyphens, input first, such as 784-256-256-10")
    return tuple(int(p) for p in parts)


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Args:
        dataset, data_dir: what to learn and where its files are.
        layers: sizes, input first; empty takes the data set's usual ones.
        activation: of all populations.
        target: machine to train on, or ``auto``.
        chip: keyword arguments of the machine (chip parameters for ``analog``, settings for ``loihi2-sim``);
            empty takes the target's defaults.
        estimator, points, nudge, correction: the learning rule. ``adaptive`` lets the nudge follow its own error.
        nudge_force: following, held or normalised (`learning_rules.stencil.StencilRule`); empty takes the target's.
        angle: between forward and transposed backward weights at the start, degrees; ``tied`` ties them.
        feedback_scale: size of the backward weights relative to the forward ones', at the start and as the goal of
            homeostasis; below 1 the network settles faster and is less bistable.
        homeostasis: coefficient; ``homeostasis_end`` reaches another one at the end of the run.
        homeostasis_method: closed-form, jacobian-vector, noise-correlation or weight-decay.
        combination: sum, decoupled (outside the optimizer; the coefficient is then 0 to 0.5) or conflict-free.
        free_steps, nudge_steps: most steps per phase; ``tolerance`` stops both earlier (0 runs all).
        unsettled: drop, down-weight or keep samples whose free residual is above ``residual_limit``.
        optimizer, lr, momentum, weight_decay, cosine: the torch optimizer; lr 0 takes its usual one.
        patience: stop after this many epochs without a better test accuracy; 0 never.
        train_samples, test_samples: use only the first so many.
        seed: of weights, batches, draws and the chip instance.
        device: of torch: cpu, cuda, cuda:1 or auto, for the targets that compute in torch (ideal, analog); empty takes
            the network's.
        precision: of products on a CUDA device: float32 or tf32.
        profile: hardware profile for energy and latency; empty takes the target's.
        out: record to write; ``checkpoint`` (default: beside it) keeps what a resume needs.
        resume: go on from the checkpoint if there is one.
        force: begin afresh and replace a record and a checkpoint that are there.
        probe_samples: size of the batch on which the gradient's cosine with the adjoint is measured per epoch.
    """

    dataset: str = "digits"
    data_dir: Path | None = None
    layers: tuple[int, ...] = ()
    activation: str = "logistic"
    target: str = "ideal"
    chip: dict[str, Any] = field(default_factory=dict)
    estimator: str = "centered"
    points: int = 2
    nudge: float = 0.0
    adaptive: bool = False
    nudge_force: str = ""
    angle: float = 90.0
    feedback_scale: float = 1.0
    tied: bool = False
    homeostasis: float = 0.0
    homeostasis_end: float | None = None
    homeostasis_method: str = "closed-form"
    combination: str = "sum"
    correction: str = "none"
    free_steps: int = 100
    nudge_steps: int = 40
    tolerance: float = 1e-4
    unsettled: str = "drop"
    residual_limit: float = 1e-2
    epochs: int = 0
    batch_size: int = 0
    optimizer: str = "adamw"
    lr: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    cosine: bool = True
    patience: int = 0
    train_samples: int | None = None
    test_samples: int | None = None
    seed: int = 0
    device: str = ""
    precision: str = "float32"
    profile: str = ""
    out: Path | None = None
    checkpoint: Path | None = None
    resume: bool = False
    force: bool = False
    augment: bool = False
    probe_samples: int = 100

    def __post_init__(self) -> None:
        for name, low in (
            ("points", 1), ("nudge", 0), ("homeostasis", 0), ("free_steps", 0), ("nudge_steps", 0), ("tolerance", 0),
            ("epochs", 0), ("batch_size", 0), ("lr", 0), ("momentum", 0), ("weight_decay", 0), ("patience", 0),
            ("probe_samples", 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value < float("inf"):
                raise InputError(f"{name.replace('_', '-')}: got {value}, expected a finite number of {low} or more")
        if not 0 <= self.angle <= 180:
            raise InputError(f"angle: got {self.angle}, expected degrees from 0 to 180")
        if not 0 < self.feedback_scale < float("inf"):
            raise InputError(f"feedback-scale: got {self.feedback_scale}, expected a finite number above 0")
        if self.homeostasis_method == "weight-decay" and self.feedback_scale != 1:
            raise InputError("weight-decay pulls no backward weight to a forward one; leave --feedback-scale at 1")
        if self.tied and self.feedback_scale != 1:
            raise InputError("tied weights have one size; leave --feedback-scale at 1")
        if self.optimizer not in ("sgd", "adamw"):
            raise InputError(f"no optimizer {self.optimizer!r}; there are sgd, adamw")
        if self.homeostasis_end is not None and not 0 <= self.homeostasis_end < float("inf"):
            raise InputError(f"homeostasis-end: got {self.homeostasis_end}, expected zero or more")
        if self.tied and self.homeostasis > 0:
            raise InputError("tied weights are symmetric already; leave homeostasis at 0 or use --angle 0 untied")
        if self.nudge_force not in ("", "following", "held", "normalised"):
            raise InputError(f"no nudge force {self.nudge_force!r}; there are following, held, normalised")
        if self.precision not in PRECISIONS:
            raise InputError(f"no precision {self.precision!r}; there are {', '.join(PRECISIONS)}")
        if self.seed < 0:
            raise InputError(f"seed: got {self.seed}, expected zero or more")
        if self.resume and self.force:
            raise InputError("resume goes on with what is there, force replaces it; give one of them")
        if self.resume and self.checkpoint is None and self.out is None:
            raise InputError("resume needs the record (--out) or the checkpoint of the run to go on with")

    def resolved(
        self, target: str | Target, input_size: int, classes: int, recipe: Recipe | None = None
    ) -> TrainConfig:
        """Fill in what was left to the data set and to the target.

        Raises:
            InputError: layers that do not fit the data.
        """
        recipe = recipe or Recipe()
        layers = self.layers or (input_size, *recipe.hidden, classes)
        if layers[0] != input_size or layers[-1] != classes:
            raise InputError(
                f"layers {'-'.join(map(str, layers))} for {self.dataset}, whose samples have {input_size} values and "
                f"{classes} classes; expected {input_size}-...-{classes}"
            )
        usual = find_target(target)
        return replace(
            self,
            layers=layers,
            nudge=self.nudge or usual.nudge,
            nudge_force=self.nudge_force or self._usual_force(usual),
            epochs=self.epochs or recipe.epochs,
            batch_size=self.batch_size or recipe.batch_size,
            lr=self.lr or recipe.lr[self.optimizer],
        )

    def _usual_force(self, target: Target) -> str:
        """Normalised where readings are noisy and the estimator compares nudged states with the free one."""
        from learning_rules import RULES, StencilRule

        noisy = any((self.chip or target.options).get(name) for name in _NOISE)
        finite = issubclass(RULES.find(self.estimator), StencilRule)
        return "normalised" if noisy and finite and self.correction != "dyadic" else "following"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for records."""
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
        return {**plain, "layers": list(self.layers)}

    @property
    def checkpoint_path(self) -> Path | None:
        """Where the checkpoint is kept; None keeps none."""
        if self.checkpoint is not None:
            return self.checkpoint
        return None if self.out is None else self.out.with_name(self.out.name + ".checkpoint")
