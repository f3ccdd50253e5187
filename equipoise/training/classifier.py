"""A classifier with scikit-learn's interface: pipelines, grids and cross-validation take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from equipoise.training.build import make_phases
from equipoise.training.config import TrainConfig
from equipoise.training.datasets.base import Split
from equipoise.training.trainer import train

__all__ = ["EquilibriumClassifier"]

MOST_TESTED = 200  #: training samples on which an epoch's accuracy is looked at
BATCH = 500


class EquilibriumClassifier(ClassifierMixin, BaseEstimator):
    """A layered network trained by equilibrium propagation on a machine, as a scikit-learn estimator.

        from sklearn.datasets import load_digits
        from sklearn.model_selection import cross_val_score
        cross_val_score(EquilibriumClassifier(target="analog"), *load_digits(return_X_y=True), cv=3)

    Features are standardised first (mean 0, deviation 1), because machines take currents of order one.

    Args:
        hidden: sizes of the hidden layers.
        target: machine, as for `equipoise.train`.
        epochs, batch_size, lr: of the training; a smaller set is one batch. The rate is for
            the few steps of small tables.
        options: further options of `equipoise.TrainConfig`, by name.
        random_state: of weights, batches and the chip instance; an int gives the same bits again.

    Attributes:
        classes_: labels, sorted.
        network_, machine_: what was trained, and on what.
        history_: one row per epoch.
        per_sample_: what one ``training sample`` and one ``inference`` took and cost.
        n_features_in_, n_iter_: as scikit-learn has them.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (128,),
        target: str = "ideal",
        epochs: int = 30,
        batch_size: int = 32,
        lr: float = 0.01,
        options: dict[str, Any] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.hidden = hidden
        self.target = target
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.options = options
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> EquilibriumClassifier:
        """Train on samples X (samples, features) with labels y (samples,).

        Raises:
            ValueError: not numbers, no samples, or labels of one class only (an `InputError` is one too).
        """
        samples, given = validate_data(self, X, y)
        check_classification_targets(given)
        self.classes_, labels = np.unique(given, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("the classifier needs samples of at least 2 classes; the data has 1 class")
        values = samples.astype(np.float64)
        self.mean_, spread = values.mean(axis=0), values.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        inputs, targets = self._scaled(values), torch.from_numpy(labels.astype(np.int64))
        shown = slice(0, min(len(targets), MOST_TESTED))
        data = Split("given", inputs, targets, inputs[shown], targets[shown], len(self.classes_))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        config = TrainConfig(
            **{
                "target": self.target, "layers": (inputs.shape[1], *self.hidden, len(self.classes_)),
                "epochs": self.epochs, "batch_size": min(self.batch_size, len(targets)), "lr": self.lr,
                "seed": seed, **(self.options or {}),
            }
        )  # fmt: skip
        result = train(config, data=data)
        self.network_, self.machine_, self.history_ = result.network, result.machine, result.epochs
        self.per_sample_, self.n_iter_ = result.per_sample, len(result.epochs)
        self._stop = make_phases(config, result.machine).free
        return self

    def _scaled(self, X: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(((X - self.mean_) / self.scale_).astype(np.float32))

    def _outputs(self, X: npt.ArrayLike) -> list[torch.Tensor]:
        """Activities of the last layer at the free equilibrium, batch by batch."""
        check_is_fitted(self)
        inputs = self._scaled(validate_data(self, X, reset=False).astype(np.float64))
        machine = self.machine_
        return [machine.relax(machine.drive(part), self._stop).activities[-1] for part in inputs.split(BATCH)]

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """(samples,) labels."""
        found = [self.network_.cost.predict(output) for output in self._outputs(X)]
        return self.classes_[torch.cat(found).numpy()]

    def decision_function(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(samples, classes) scores before the softmax; of two classes (samples,), above zero for the second."""
        scores = torch.cat([self._scores(output) for output in self._outputs(X)]).numpy()
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(samples, classes) softmax of the scores."""
        scores = torch.cat([self._scores(output) for output in self._outputs(X)])
        return torch.softmax(scores, dim=1).numpy()

    def _scores(self, output: torch.Tensor) -> torch.Tensor:
        flat = output.flatten(1).double()
        readout = getattr(self.network_.cost, "readout", None)
        if readout is None:
            return flat
        with torch.no_grad():  # in double precision, so that scores do not depend on who else is in the batch
            return flat @ readout.weight.double().T + readout.bias.double()
