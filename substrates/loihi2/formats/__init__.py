"""Networks of other tools as programs of ours: `read_netx` reads lava-dl's HDF5 without Lava, `from_nir` NIR graphs."""

from substrates.loihi2.formats.network import ImportedNetwork, Layer, Link
from substrates.loihi2.formats.netx import read_netx
from substrates.loihi2.formats.nir import from_nir
from substrates.loihi2.formats.nir_write import to_nir
from substrates.loihi2.formats.program_network import as_network, from_lava, network_of

__all__ = [
    "ImportedNetwork",
    "Layer",
    "Link",
    "as_network",
    "from_lava",
    "from_nir",
    "network_of",
    "read_netx",
    "to_nir",
]
