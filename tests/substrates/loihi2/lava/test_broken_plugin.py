"""A plug-in's file that was broken after it was loaded harms no run of Lava that does not need it."""

from pathlib import Path

import pytest

from hw_profiles.errors import InputError
from hw_profiles.registry import load_reference
from substrates.loihi2.lava.watchdog import LavaSession


@pytest.mark.lava
def test_a_file_broken_since(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("Thing = int\n")
    assert load_reference(f"{file}:Thing") is int
    file.write_text("def (\n")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_reference(f"{file}:Thing")
    with LavaSession() as session:
        assert session.call(max, (3, 4)) == 4
