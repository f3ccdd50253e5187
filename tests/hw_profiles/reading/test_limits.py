"""Bounded bytes, declared sizes, packed floods: refused before they take the memory."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from equipoise.qubo.formats import read
from equipoise.training.datasets.idx import read_idx
from equipoise.training.datasets.images32 import _batch
from hw_profiles.errors import InputError
from hw_profiles.reading import human, parse_json, parse_npz, read_bytes, read_limit, read_toml


def test_the_limit_is_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_limit() == 4 << 30
    for text, size in (("512M", 512 << 20), ("2 GiB", 2 << 30), ("77", 77)):
        monkeypatch.setenv("EQUIPOISE_READ_LIMIT", text)
        assert read_limit() == size
    for text in ("much", "-1", "0", "1.5G"):
        monkeypatch.setenv("EQUIPOISE_READ_LIMIT", text)
        with pytest.raises(InputError, match="EQUIPOISE_READ_LIMIT"):
            read_limit()
    assert human(1536) == "1.5 KiB"


def test_fifteen_bytes_do_not_take_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "huge.bqp"
    path.write_text("30000000 1\n1 1 1")
    with pytest.raises(InputError, match="promises 30000000 variables"):
        read(path)


@pytest.mark.parametrize("name", ["x.coo", "images.gz"])
def test_a_packed_flood_stops_at_the_limit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"0 1 1\n" * 4_000_000, 9))
    assert path.stat().st_size < 100_000
    monkeypatch.setenv("EQUIPOISE_READ_LIMIT", "8M")
    with pytest.raises(InputError, match="EQUIPOISE_READ_LIMIT"):
        read(path) if name == "x.coo" else read_idx(path)


def test_memory_stays_under_the_limit(tmp_path: Path) -> None:
    """The largest text that the limit lets through, in a process whose peak is looked at."""
    path = tmp_path / "big.coo"
    path.write_bytes(b"1 2 3\n" * 650_000)  # 3.9 MB
    script = (
        "import resource, sys\nfrom equipoise.qubo.formats import read\n"
        "import equipoise.qubo.kernels, numpy\n"
        "open('w.coo', 'w').write('0 1 1\\n'); read('w.coo')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nread(sys.argv[1])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "EQUIPOISE_READ_LIMIT": "64M", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    assert int(done.stdout) << 10 < 64 << 20


def test_an_npz_that_promises_more_than_it_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", Q=np.zeros((2, 2)))
    content = (tmp_path / "x.npz").read_bytes()
    with pytest.raises(InputError, match=r"promises|readable"):
        parse_npz(content.replace(b"'shape': (2, 2)", b"'shape': (2, 9)"), "x.npz")


def test_bad_indptr_is_refused_before_scipy_walks_over_it(tmp_path: Path) -> None:
    import scipy.sparse

    scipy.sparse.save_npz(tmp_path / "m.npz", scipy.sparse.csr_array(np.eye(4)))
    arrays = dict(np.load(tmp_path / "m.npz"))
    for bad in ([0, 2147483647, 6, 8, 9], [0, 3, 2, 3, 4], [0, 1, 2, 3, 5], [1, 1, 2, 3, 4], [0, 1]):
        np.savez(tmp_path / "bad.npz", **{**arrays, "indptr": np.array(bad, np.int32)})
        with pytest.raises(InputError, match="indptr"):
            read(tmp_path / "bad.npz")
    for bad in ([0, 1, 2, 4], [-1, 1, 2, 3]):
        np.savez(tmp_path / "bad.npz", **{**arrays, "indices": np.array(bad, np.int32)})
        with pytest.raises(InputError, match="outside"):
            read(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    "content",
    [
        {b"data": np.array([[None] * 3072], object), b"labels": [0]},
        {b"data": np.zeros((1, 3072), np.float32), b"labels": [0]},
        {b"data": np.zeros((1, 3072), np.uint8), b"labels": [[0]]},
        {b"data": np.zeros((1, 3072), np.uint8), b"labels": ["0"]},
        {b"data": os.system, b"labels": [0]},
        {1: 2},
        [1],
    ],
)
def test_pickles_that_are_no_images(content: object, tmp_path: Path) -> None:
    for protocol in (0, 2, 4):
        (tmp_path / "b").write_bytes(pickle.dumps(content, protocol))
        with pytest.raises(InputError):
            _batch(tmp_path / "b", "labels")


def test_pickles_of_images_are_read_in_every_protocol(tmp_path: Path) -> None:
    images = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072)
    for protocol in (2, 3, 4):
        for labels in ([3, 4], np.array([3, 4])):
            (tmp_path / "b").write_bytes(pickle.dumps({b"data": images, b"labels": labels}, protocol))
            found, targets = _batch(tmp_path / "b", "labels")
            assert (found == images).all()
            assert targets.tolist() == [3, 4]


def test_a_pipe_is_read_and_a_device_is_not(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"abc"))
    writer.start()
    for _ in range(50):
        if (got := read_bytes(path, "text", "write it")) == b"abc":
            break
    writer.join()
    assert got == b"abc"
    with pytest.raises(InputError, match="device"):
        read_bytes("/dev/zero", "text", "give a file")


def test_settings_that_are_nested_too_deeply(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("a = " + "[" * 100 + "]" * 100)
    with pytest.raises(InputError, match="inside each other"):
        read_toml(path, "profile", "see the docs")
    for depth in (100, 100_000):
        with pytest.raises(InputError):
            parse_json("[" * depth + "]" * depth, "x", "record", "write it again")
