"""Files: round trips through every format, known files by hand, and bad files that end in one clear line."""

from __future__ import annotations

import gzip
import itertools
import time
from pathlib import Path

import dimod
import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise.qubo import FORMATS, Problem, read, write
from equipoise.qubo.generators import maxcut
from hw_profiles.errors import InputError

#: formats that hold any problem, to the last bit (dimod's own files keep coefficients as float64)
EXACT = sorted(n for n, known in FORMATS.usable().items() if known.write is not None and n not in ("maxcut", "bqm"))
HANDMADE = {
    "bqp": ("3 3\n1 1 5\n1 2 -3\n2 3 4\n", lambda x: -(5 * x[0] - 6 * x[0] * x[1] + 8 * x[1] * x[2])),
    "qubo": ("c hi\np qubo 0 3 1 2\n0 0 5\n0 1 -3\n1 2 4\n", lambda x: 5 * x[0] - 3 * x[0] * x[1] + 4 * x[1] * x[2]),
    "coo": ("# vartype=BINARY\n0 0 5\n0 1 -3\n2 1 4\n", lambda x: 5 * x[0] - 3 * x[0] * x[1] + 4 * x[1] * x[2]),
    "triplet": ("3\n0 0 5\n0 1 -3\n2 1 4\n", lambda x: 5 * x[0] - 3 * x[0] * x[1] + 4 * x[1] * x[2]),
    "maxcut": ("3 2\n1 2\n2 3\n", lambda x: -((x[0] != x[1]) + (x[1] != x[2]))),
}


@pytest.mark.parametrize("name", HANDMADE)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_written_by_hand_means_what_its_format_says(name: str, packed: bool, tmp_path: Path) -> None:
    text, cost = HANDMADE[name]
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    problem = read(path)
    assert problem.sense == ("maximise" if name in ("bqp", "maxcut") else "minimise")
    for x in itertools.product((0, 1), repeat=3):
        assert problem.cost(x) == cost(x)


def test_dimod_reads_our_coo_and_we_read_theirs(tmp_path: Path) -> None:
    from dimod.serialization import coo

    bqm = dimod.BinaryQuadraticModel({0: 1, 1: -2, 5: 0.5}, {(0, 1): 3, (1, 5): -1}, 0, "SPIN")
    path = tmp_path / "theirs.coo"
    path.write_text(coo.dumps(bqm, vartype_header=True))
    assert read(path).labels == (0, 1, 5)
    assert read(path).cost([1, 0, 1]) == bqm.energy({0: 1, 1: -1, 5: 1})
    problem = Problem.of(np.triu(np.arange(1, 10).reshape(3, 3)))
    write(problem, tmp_path / "ours.coo")
    theirs = coo.loads((tmp_path / "ours.coo").read_text())
    assert theirs.energy({0: 1, 1: 0, 2: 1}) == problem.cost([1, 0, 1])


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(EXACT), real=st.booleans())
def test_round_trip(data: st.DataObject, name: str, real: bool, tmp_path: Path) -> None:
    n = data.draw(st.integers(1, 6))
    value = st.floats(-1e6, 1e6, allow_subnormal=False) if real else st.integers(-(2**55), 2**55)
    q = [[data.draw(value) if i <= j else 0 for j in range(n)] for i in range(n)]
    if name == "bqp":  # it counts every pair twice
        q = [[2 * v if i != j else v for j, v in enumerate(row)] for i, row in enumerate(q)]
    problem = Problem.of(np.array(q))
    path = write(problem, tmp_path / "file", name, overwrite=True)
    again = read(path, name)
    for x in itertools.product((0, 1), repeat=n):
        assert again.cost(x) == problem.cost(x)


def test_round_trip_of_a_cut_and_of_names(tmp_path: Path) -> None:
    problem = maxcut(9, 0.5, 3, signed=True).problem
    again = read(write(problem, tmp_path / "g.rud.gz"))
    np.testing.assert_array_equal(again.to_dense(), problem.to_dense())
    named = Problem.build([1, 2], [0], [1], [0.5], offset=2.5, labels=["b", "a"], sense="maximise")
    back = read(write(named, tmp_path / "n.npz"))
    assert (back.labels, back.offset, back.sense) == (("b", "a"), 2.5, "maximise")


def test_scipy_and_plain_npz(tmp_path: Path) -> None:
    q = np.array([[1, 2], [4, 8]])
    scipy.sparse.save_npz(tmp_path / "s.npz", scipy.sparse.csr_matrix(q))
    np.savez(tmp_path / "p.npz", Q=q, other=np.zeros(3))
    for name in ("s.npz", "p.npz"):
        problem = read(tmp_path / name)
        assert problem.cost([1, 1]) == 15
        assert "asymmetric" in problem.convention


def test_a_dense_thousand_is_read_in_well_under_a_second(tmp_path: Path) -> None:
    i, j = np.triu_indices(1000)
    v = np.random.default_rng(0).integers(-100, 101, len(i))
    body = "\n".join(f"{a} {b} {c}" for a, b, c in zip((i + 1).tolist(), (j + 1).tolist(), v.tolist()))
    path = tmp_path / "dense.txt"
    path.write_text(f"1000 {len(i)}\n{body}\n")
    began = time.process_time()
    problem = read(path)
    assert time.process_time() - began < 1.0
    assert problem.num_variables == 1000


BAD = [
    ("empty", b"", "is empty"),
    ("blank", b"\n \n", "is empty"),
    ("words", b"hello world again friend\n", "no known format"),
    ("ambiguous", b"3 2\n1 2 1\n2 3 1\n", "could be bqp .* or maxcut"),
    ("not a number", b"3\n0 1 x\n", "line 2.*'x'"),
    ("nan", b"3\n0 1 nan\n", "line 2"),
    ("infinite", b"3\n0 1 1\n0 2 inf\n", "line 3"),
    ("two fields", b"3\n0 1 1\n0 2\n", "line 3.*three fields"),
    ("fraction index", b"3\n0 1.5 1\n", "whole-number indices"),
    ("out of range", b"3\n0 3 1\n", "expected 0 to 2"),
    ("negative", b"3\n-1 2 1\n", "expected 0 to 2"),
    ("huge index", b"3\n0 99999999999999999999 1\n", "out of range"),
    ("zero variables", b"0\n", "zero variables"),
    ("too many variables", b"99999999999\n0 0 1\n", "more than any target holds"),
    ("twice", b"3\n0 1 1\n1 0 1\n", "listed twice"),
    ("cut off", b"3 5\n1 1 5\n1 2 3\n", "promises 5 entries"),
    ("too many", b"3 1\n1 1 5\n1 2 3\n", "promises 1 entries"),
    ("from zero", b"3 2\n1 1 5\n0 2 3\n", "counts from 1"),
    ("collection", b"10\n50 111\n1 1 1\n", "one problem per file"),
    ("qubo header", b"p qubo 0 3\n", "expected 'p qubo"),
    ("qubo counts", b"p qubo 0 3 2 0\n0 0 1\n0 1 1\n", "promises 2 nodes"),
    ("binary", b"\0\1\2\3", "binary file"),
    ("latin", b"3\n0 1 \xff\n", "not a text file"),
    ("gzip", b"\x1f\x8b\x08garbage", "gzip"),
    ("zip", b"PK\x03\x04garbage", "not a readable .npz"),
    ("vartype", b"# vartype=QUARK\n0 1 1\n", "QUARK"),
    ("offset", b"# offset=many\n0 1 1\n", "offset"),
    ("beyond", b"2\n0 0 1\n0 1 99999999999999999999999\n", "scale them down"),
    ("beyond float", b"2\n0 0 1e308\n0 1 1e308\n", "add up beyond|finite"),
]


@pytest.mark.parametrize(("content", "text"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_files_end_in_one_clear_line(content: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=text) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_missing_files_folders_and_formats(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read(tmp_path / "none")
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(InputError, match="no format 'xml'"):
        read(tmp_path / "none", "xml")


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", Q=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError):
        read(tmp_path / "p.npz")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.text("0123456789 -.e\n#cpqubo", max_size=60).map(str.encode),
        st.sampled_from([t for t, _ in HANDMADE.values()]).flatmap(
            lambda t: st.integers(0, len(t)).map(lambda k: (t[:k] + t[k + 2 :]).encode())
        ),
    ),
    name=st.sampled_from(["auto", *FORMATS]),
)
def test_any_content_is_read_or_refused(content: bytes, name: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    try:
        problem = read(path, name)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert problem.num_variables > 0


def test_nothing_is_overwritten_or_left_half_written(tmp_path: Path) -> None:
    problem = Problem.of(np.array([[1, 1], [0, 1]]))
    path = tmp_path / "a.qubo"
    write(problem, path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="nothing is overwritten"):
        write(problem, path)
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="odd"):
        write(problem, tmp_path / "a.bqp")
    with pytest.raises(InputError, match="not a Max-Cut"):
        write(problem, tmp_path / "a.mc")
    with pytest.raises(InputError, match="no format for the suffix"):
        write(problem, tmp_path / "a.xyz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.qubo"]
