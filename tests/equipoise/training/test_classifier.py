"""The scikit-learn estimator: scikit-learn's own checks, and what it learns on each machine."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from equipoise import EquilibriumClassifier, InputError

SMALL: dict[str, Any] = {"hidden": (16,), "epochs": 12}


@pytest.mark.slow
@parametrize_with_checks([EquilibriumClassifier(**SMALL)])
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.fixture(scope="module")
def digits() -> Any:
    return train_test_split(*load_digits(return_X_y=True), train_size=500, test_size=200, random_state=0)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ideal", "analog", "loihi2-sim"])
def test_it_learns_digits_and_says_what_they_cost(digits: Any, target: str) -> None:
    x, held, y, wanted = digits
    fitted = EquilibriumClassifier(hidden=(64,), target=target, epochs=8).fit(x, y)
    assert fitted.score(held, wanted) > 0.85
    assert fitted.per_sample_["inference"].energy.value > 0
    assert len(fitted.history_) == fitted.n_iter_ == 8


def test_pipelines_text_labels_and_the_same_bits(digits: Any) -> None:
    x, held, y, _ = digits
    names = np.array(["zero", "one", "two"])
    few = y < 3
    model = make_pipeline(MinMaxScaler(), EquilibriumClassifier(**SMALL))
    scores = cross_val_score(model, x[few], names[y[few]], cv=3)
    assert scores.mean() > 0.8
    first, again = (model.fit(x[few], names[y[few]]).predict_proba(held) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert set(model.predict(held)) <= set(names)
    other = make_pipeline(MinMaxScaler(), EquilibriumClassifier(**SMALL, random_state=1)).fit(x[few], names[y[few]])
    assert (other.predict_proba(held) != first).any()


def test_what_makes_no_sense_is_said(digits: Any) -> None:
    x, _, y, _ = digits
    with pytest.raises(ValueError, match="2 classes"):
        EquilibriumClassifier().fit(x, np.zeros(len(x)))
    with pytest.raises(InputError, match="target"):
        EquilibriumClassifier(target="nowhere").fit(x, y)
    with pytest.raises(InputError, match="epochs"):
        EquilibriumClassifier(epochs=-1).fit(x, y)
