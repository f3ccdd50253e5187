"""Everything a training run is made of: one frozen value, the command line's options and a few more."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from equipoise.targets import Target, find_target
from equipoise.training.options import Data, Descent, Keeping, Learning, Machine, Symmetry
from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from equipoise.training.datasets import Recipe

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

    def _usual_force(self, target: Target) -> Literal["normalised", "following"]:
        """Normalised where readings are noisy and the estimator compares nudged states with the free one."""
        from learning_rules import RULES, StencilRule  # late: torch

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
