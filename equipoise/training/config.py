"""Everything a training run is made of: one frozen value, the command line's options and a few more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from equipoise.targets import Target, find_target
from equipoise.training.options import Data, Descent, Keeping, Learning, Machine, Symmetry
from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from equipoise.training.datasets import Recipe

__all__ = ["TrainConfig", "nudge_for_noise", "parse_channels", "parse_layers", "readings_for_noise"]

#: chip parameters that make a reading differ from the activity by more than the chip's mismatch
_NOISE = ("readout_noise", "read_noise", "read_noise_proportional", "state_noise", "adc_bits")


#: read-out noise at which the usual nudge is 1.4 times that of a machine without
_NOISE_SCALE = 0.004
#: readings that a run averages by itself
_MOST_READINGS = 16


def readings_for_noise(readout_noise: float) -> int:
    """How often a machine with this noise of a reading is read, so that the mean's noise is at most 0.004.

    Responses to a nudge of 0.75 are of a few hundredths, and those of saturated neurons smaller: noise must be small
    against them, and a larger nudge instead leaves the linear range. At most 16 readings.
    """
    return max(1, min(_MOST_READINGS, math.ceil((readout_noise / _NOISE_SCALE) ** 2)))


def nudge_for_noise(nudge: float, readout_noise: float) -> float:
    """The nudge for a machine whose readings have this standard deviation, from that for exact readings.

    A response is read as the difference of two states over twice the nudge, so that noise s becomes s / (sqrt(2) b)
    in it. The nudge grows in proportion once s is no longer small against the responses of a saturated layer:
    b sqrt(1 + (s / s0)^2), 1.4 times b at the noise that is left of averaged readings.
    """
    return float(nudge * math.sqrt(1.0 + (readout_noise / _NOISE_SCALE) ** 2))


def parse_layers(text: str) -> tuple[int, ...]:
    """``784-256-256-10`` to (784, 256, 256, 10).

    Raises:
        InputError: not whole numbers above zero joined by hyphens, or fewer than two.
    """
    parts = text.split("-")
    if len(parts) < 2 or not all(p.isascii() and p.isdigit() and int(p) > 0 for p in parts):
        raise InputError(f"layers {text!r}; expected sizes joined by hyphens, input first, such as 784-256-256-10")
    return tuple(int(p) for p in parts)


def parse_channels(text: str) -> tuple[int, ...]:
    """``32,64`` to (32, 64).

    Raises:
        InputError: not whole numbers above zero joined by commas.
    """
    parts = text.split(",")
    if not all(p.strip().isascii() and p.strip().isdigit() and int(p) > 0 for p in parts):
        raise InputError(f"conv {text!r}; expected channels joined by commas, such as 32,64")
    return tuple(int(p) for p in parts)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Data, Symmetry, Machine, Learning, Descent, Keeping):
    """One training run: all options of its groups, by keyword.

    It is each of its groups, so what needs one of them says which: `make_optimizer` takes a `Descent`. See
    `equipoise.training.options` for what every option means, and `equipoise.training.run_file` for the file they are
    kept in.

    >>> TrainConfig(dataset="digits", target="analog", homeostasis=1.0, epochs=2).angle
    90.0
    """

    def resolved(
        self, target: str | Target, input_size: int, classes: int, recipe: Recipe | None = None
    ) -> TrainConfig:
        """Fill in what was left to the data set and to the target.

        Raises:
            InputError: layers that do not fit the data.
        """
        from equipoise.training.datasets.base import Recipe  # late: NumPy

        recipe = recipe or Recipe()
        layers = self._layers(input_size, classes, recipe)
        usual = find_target(target).learning
        learns = self._learns_by_itself()
        noise = float(self._options(target).get("readout_noise", 0.0))
        force = self.nudge_force or (usual.force if learns else self._usual_force(target))
        if learns:
            scale = usual.conv_feedback_scale if self.conv else usual.feedback_scale
            readings = self.readings or readings_for_noise(noise)
            nudge = nudge_for_noise(usual.usual_nudge, noise / math.sqrt(readings))
        else:
            scale, nudge, readings = 1.0, usual.nudge, self.readings or 1
        return replace(
            self,
            layers=layers,
            activation=self.activation or self._usual_activation(target, learns),
            homeostasis=(usual.homeostasis if learns else 0.0) if self.homeostasis is None else self.homeostasis,
            combination=self.combination or ("decoupled" if learns else "sum"),
            feedback_scale=self.feedback_scale or scale,
            nudge=self.nudge or nudge,
            readings=readings,
            nudge_force=force,
            epochs=self.epochs or recipe.epochs,
            batch_size=self.batch_size or recipe.batch_size,
            lr=self.lr or (recipe.lr_of_usual if learns and self.optimizer == "adamw" else recipe.lr[self.optimizer]),
        )

    def _layers(self, input_size: int, classes: int, recipe: Recipe) -> tuple[int, ...]:
        """Sizes from the input to the classes; empty for a convolutional network."""
        if self.conv:
            if self.layers:
                raise InputError("--conv makes the layers of the network; leave --layers out")
            return ()
        layers = self.layers or (input_size, *recipe.hidden, classes)
        if layers[0] != input_size or layers[-1] != classes:
            raise InputError(
                f"layers {'-'.join(map(str, layers))} for {self.dataset}, whose samples have {input_size} values and "
                f"{classes} classes; expected {input_size}-...-{classes}"
            )
        if self.readout == "hidden" and len(layers) < 3:
            raise InputError(
                f"layers {'-'.join(map(str, layers))} have no hidden layer to read from; use --readout output"
            )
        return layers

    def _learns_by_itself(self) -> bool:
        """Whether nothing was said about what makes the gradient right, and the target's usual way is taken."""
        from learning_rules import RULES, StencilRule  # late: torch

        silent = self.homeostasis is None and not self.combination and not self.homeostasis_end
        silent = silent and self.homeostasis_method == "closed-form" and self.correction == "none"
        finite = issubclass(RULES.find(self.estimator), StencilRule)
        return silent and finite and not self.tied and self.angle > 0 and not (self.conv and self.pooling == "softmax")

    def _usual_activation(self, target: str | Target, learns: bool) -> str:
        """Of convolutions ReLU, with homeostasis' weak feedback, where no phase needs complex states and no converter a
        range.
        """
        if not self.conv:
            return "logistic"
        from learning_rules import RULES  # late: torch

        rule = RULES.find(self.estimator).from_words(points=self.points, nudge=self.nudge or 0.1)
        bounded = rule.needs().get("complex_states") or self._options(target).get("adc_bits")
        return "relu" if learns and not bounded else "dsilu"

    def _options(self, target: str | Target) -> Mapping[str, Any]:
        return self.chip or find_target(target).options

    def _usual_force(self, target: str | Target) -> Literal["normalised", "following"]:
        """Normalised where readings are noisy and the estimator compares nudged states with the free one."""
        from learning_rules import RULES, StencilRule  # late: torch

        noisy = any(self._options(target).get(name) for name in _NOISE)
        finite = issubclass(RULES.find(self.estimator), StencilRule)
        return "normalised" if noisy and finite and self.correction != "dyadic" else "following"

    @property
    def biased(self) -> bool:
        """Whether (once resolved) the weights differ between directions and nothing corrects the gradient for it."""
        from learning_rules import RULES  # late: torch

        exact = RULES.find(self.estimator).from_words(nudge=self.nudge or 0.1).exact
        pulled = self.homeostasis or self.homeostasis_end
        return self.angle > 0 and not (self.tied or exact or pulled or self.correction != "none")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for records."""
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
        return {**plain, "layers": list(self.layers), "conv": list(self.conv)}

    @property
    def checkpoint_path(self) -> Path | None:
        """Where the checkpoint is kept; None keeps none."""
        if self.checkpoint is not None:
            return self.checkpoint
        return None if self.out is None else self.out.with_name(self.out.name + ".checkpoint")
