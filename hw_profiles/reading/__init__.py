"""The one boundary for everything that is read: any bytes give a value or an `InputError`.

`read_bytes`, `gunzip` are bounded; `parse_npz` and `open_hdf5` check declared sizes first; `reading` translates what
goes wrong; `probe` tries in a process of its own what can hang or crash a C library, `one_worker` many
files in one. Limits: `limits.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from hw_profiles.reading.arrays import parse_npy, parse_npz
    from hw_profiles.reading.files import check_file, gunzip, read_bytes, reading
    from hw_profiles.reading.hdf5 import number_attribute, open_hdf5, wrote_hdf5
    from hw_profiles.reading.limits import check_size, human, read_limit, study_runs
    from hw_profiles.reading.probing import probe, probe_bytes, sound
    from hw_profiles.reading.settings import parse_json, parse_toml, read_json, read_text, read_toml
    from hw_profiles.reading.worker import one_worker

__all__ = [
    "check_file",
    "check_size",
    "gunzip",
    "human",
    "number_attribute",
    "one_worker",
    "open_hdf5",
    "parse_json",
    "parse_npy",
    "parse_npz",
    "parse_toml",
    "probe",
    "probe_bytes",
    "read_bytes",
    "read_json",
    "read_limit",
    "read_text",
    "read_toml",
    "reading",
    "sound",
    "study_runs",
    "wrote_hdf5",
]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "hw_profiles.reading.arrays": ("parse_npy", "parse_npz"),
        "hw_profiles.reading.files": ("check_file", "gunzip", "read_bytes", "reading"),
        "hw_profiles.reading.hdf5": ("number_attribute", "open_hdf5", "wrote_hdf5"),
        "hw_profiles.reading.limits": ("check_size", "human", "read_limit", "study_runs"),
        "hw_profiles.reading.probing": ("probe", "probe_bytes", "sound"),
        "hw_profiles.reading.worker": ("one_worker",),
        "hw_profiles.reading.settings": ("parse_json", "parse_toml", "read_json", "read_text", "read_toml"),
    },
)
