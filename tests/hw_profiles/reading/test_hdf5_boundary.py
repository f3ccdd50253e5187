"""What an HDF5 file from a stranger may not do: read other files, run filters, promise sizes, hang, crash."""

from __future__ import annotations

import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from hw_profiles.errors import InputError
from hw_profiles.reading import open_hdf5, probe
from hw_profiles.record import Record


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "r.h5"
    with Record.create(path, kind="train", config={"a": 1}, seeds={"run": 0}, target={"resolved": "ideal"}) as kept:
        kept.append("epochs", {"epoch": 1, "loss": 0.5, "name": "x"})
        kept.result("weights", np.arange(12.0).reshape(3, 4))
    return path


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Record.open(path)


def test_a_sound_record_opens_the_same_with_and_without_a_fork(record: Path) -> None:
    assert Record.open(record).results["weights"].tolist() == np.arange(12.0).reshape(3, 4).tolist()
    probe("hw_profiles.reading.hdf5:inspect", record, fork=False)


def test_an_external_link_is_refused(record: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = 1
    with h5py.File(record, "a") as file:
        file["results/leak"] = h5py.ExternalLink(str(other), "/secret")
    refused(record, "link to another file")


def test_external_storage_is_refused(record: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"topsecret")
    with h5py.File(record, "a") as file:
        file["results"].create_dataset("leak", (9,), "u1", external=[(str(secret), 0, 9)])
    refused(record, "lie in another file")


def test_a_virtual_data_set_is_refused(record: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = np.arange(9)
    with h5py.File(record, "a") as file:
        layout = h5py.VirtualLayout((9,), "i8")
        layout[:] = h5py.VirtualSource(other, "secret", (9,))
        file["results"].create_virtual_dataset("leak", layout)
    refused(record, "view of other data sets")


def test_links_that_lead_round_are_refused(record: Path) -> None:
    with h5py.File(record, "a") as file:
        file["results/again"] = file["/"]
    refused(record, "listed twice")


def test_soft_links_are_refused(record: Path) -> None:
    with h5py.File(record, "a") as file:
        file["results/soft"] = h5py.SoftLink("/results/weights")
    refused(record, "soft link")


def test_a_size_that_is_only_declared_is_refused_before_it_is_allocated(record: Path) -> None:
    with h5py.File(record, "a") as file:
        file["results"].create_dataset("huge", (300_000_000,), "f8")  # never written: 11 kB on disk, 2.4 GB in memory
    assert record.stat().st_size < 40_000
    refused(record, "declares 2400000000 bytes")


def test_a_packed_size_beyond_the_limit_is_refused(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(record, "a") as file:
        file["results"].create_dataset("zeros", data=np.zeros(4_000_000), compression="gzip", chunks=(100_000,))
    Record.open(record)
    monkeypatch.setenv("EQUIPOISE_READ_LIMIT", "16M")
    refused(record, "EQUIPOISE_READ_LIMIT")


def test_many_texts_that_share_one_place_do_not_multiply(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(record, "a") as file:
        texts = file["results"].create_dataset("texts", (1000,), h5py.string_dtype())
        texts[:] = ["y" * 200_000] + [""] * 999
        offset = texts.id.get_offset()
    content = bytearray(record.read_bytes())
    for k in range(1, 1000):
        content[offset + 16 * k : offset + 16 * (k + 1)] = content[offset : offset + 16]
    record.write_bytes(bytes(content))
    monkeypatch.setenv("EQUIPOISE_READ_LIMIT", "64M")
    refused(record, "limit")


@pytest.mark.parametrize("value", [[1], [1, 2], "1", 1j])
def test_a_schema_that_is_not_one_number_is_refused(record: Path, value: object) -> None:
    with h5py.File(record, "a") as file:
        file.attrs["schema"] = value
    refused(record, "schema of '/' is .*; expected one number")


@pytest.mark.parametrize("content", [b"", b"\x89HDF", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + b"\xff" * 500])
def test_what_is_no_hdf5(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    refused(path, "x.h5")


def test_what_is_no_file(tmp_path: Path) -> None:
    refused(tmp_path, "folder")
    refused(tmp_path / "none.h5", "no file")
    refused(Path("a\0b"), "NUL")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "device or pipe")


def hang(path: Path) -> None:
    """Work of a probe that never ends; the name is looked up in this module."""
    while True:
        pass


def crash(path: Path) -> None:
    os.abort()


def flood(path: Path) -> None:
    bytearray(8 << 30)


@pytest.mark.parametrize(("work", "words"), [("hang", "come to an end"), ("crash", "signal 6"), ("flood", "memory")])
def test_a_probe_ends_what_would_end_the_process(
    work: str, words: str, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "work_of_a_probe", sys.modules[__name__])
    monkeypatch.setattr("hw_profiles.reading.probing.CPU_SECONDS", 0.2)
    monkeypatch.setenv("EQUIPOISE_READ_LIMIT", "1G")
    began = time.monotonic()
    with pytest.raises(InputError, match=words):
        probe(f"work_of_a_probe:{work}", record)
    assert time.monotonic() - began < 30


def test_an_unchanged_file_is_looked_through_once(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Record.open(record)
    calls: list[str] = []
    monkeypatch.setattr("hw_profiles.reading.probing._forked", lambda work, *rest: calls.append(work) or "")
    Record.open(record)
    assert calls == []
    record.write_bytes(record.read_bytes())  # the same content, another time
    Record.open(record)
    assert len(calls) == 1


def test_the_file_is_not_open_afterwards(record: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        record.write_bytes(record.read_bytes())
        with open_hdf5(record, "record"):
            pass
    assert len(os.listdir("/proc/self/fd")) == before
