"""Lava processes of the engine's neurons, made when they are asked for. Importing this imports Lava.

Lava executes every file in this folder each time it looks for models; keep it free of anything else.
"""

from substrates.loihi2.lava.loader import load_lava

load_lava()

from substrates.loihi2.lava.processes.generated import process_of  # noqa: E402

__all__ = ["process_of"]
