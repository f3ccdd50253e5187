"""The relaxation bench: its figures belong to the forms they name, and its output is one JSON object."""

from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner

from equipoise.bench import ep as bench
from equipoise.bench import ep_epoch


def _random_images(targets: int = 400) -> ep_epoch._Images:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(targets, 784, generator=generator), torch.randint(0, 10, (targets,), generator=generator)
    return ep_epoch._Images("random", x, y, x[:50], y[:50])


def test_epoch_forms_do_the_steps_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ep_epoch, "_images", _random_images)
    fixed, alternating, stopped = ep_epoch.epoch(3, 0, 100.0)
    assert (fixed["free_steps"], fixed["nudged_steps"]) == (150, 20)
    assert (alternating["free_steps"], alternating["nudged_steps"]) == (75, 10)
    assert stopped["free_steps"] < 75
    assert stopped["nudged_steps"] <= 10
    assert stopped["converged_share"] == 1
    for row in (fixed, alternating, stopped):
        assert row["images"] == "random"
        assert row["test_accuracy"] is None
        assert row["batches"] == 3
        assert row["share_of_peak"] > 0
        assert row["seconds_per_epoch"] > 0


def test_every_form_reaches_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes their accuracies comparable: same start, same images, same fixed points."""
    kept = []
    network = ep_epoch._network

    def remember(seed: int):
        kept.append(network(seed))
        return kept[-1]

    monkeypatch.setattr(ep_epoch, "_images", _random_images)
    monkeypatch.setattr(ep_epoch, "_network", remember)
    ep_epoch.epoch(3, 1, 100.0)
    start, (fixed, alternating, stopped) = network(1), kept
    moved = torch.cat([(a - b).flatten() for a, b in zip(fixed.parameters(), start.parameters())]).norm()
    for other, near in ((alternating, 1e-2), (stopped, 2e-2)):
        apart = torch.cat([(a - b).flatten() for a, b in zip(fixed.parameters(), other.parameters())]).norm()
        assert 0 < apart < near * moved


def test_one_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ep_epoch, "_images", _random_images)
    monkeypatch.setattr(bench, "_best", lambda run, seconds=1.0: (run(), 1e-3)[1])
    monkeypatch.setattr(bench, "NETWORKS", ([20, 12, 10],))
    found = CliRunner().invoke(bench.command, ["--json", "--batches", "1"], catch_exceptions=False)
    figures = json.loads(found.stdout)
    assert [row["batch"] for row in figures["relaxation"]] == [1, 128]
    assert figures["noise"][0]["times_noise_free"] == 1
    assert len(figures["epoch"]) == 3
