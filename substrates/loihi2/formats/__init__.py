"""Networks of other tools as programs of ours: `read_netx` reads lava-dl's HDF5 without Lava."""

from substrates.loihi2.formats.network import ImportedNetwork, Layer
from substrates.loihi2.formats.netx import read_netx

__all__ = ["ImportedNetwork", "Layer", "read_netx"]
