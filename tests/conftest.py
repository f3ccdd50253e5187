"""What holds for every test: those marked ``lava`` are skipped, with the reason, where Lava cannot be had."""

from __future__ import annotations

import pytest

from substrates.loihi2.lava.loader import why_unavailable


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = why_unavailable()
    if reason:
        for item in items:
            if item.get_closest_marker("lava"):
                item.add_marker(pytest.mark.skip(reason=reason))
