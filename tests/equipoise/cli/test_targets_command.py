"""``equipoise targets``: one JSON object, every absence explained."""

from __future__ import annotations

import json

import pytest

from equipoise.cli.main import run
from equipoise.targets import TARGETS


def test_json_lists_every_target_with_the_missing_piece(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["targets", "--json"]) == 0
    out, _ = capsys.readouterr()
    found = {entry["name"]: entry for entry in json.loads(out)["targets"]}
    assert set(found) == set(TARGETS)
    assert found["loihi2-sim"]["available"]
    for entry in found.values():
        assert entry["available"] or entry["missing"]


def test_the_table_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["targets"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "loihi2-sim" in err
