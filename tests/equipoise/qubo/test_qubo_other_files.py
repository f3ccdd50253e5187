"""Files as other programs write them: each is made by that program's own library here, then read."""

import json

import dimod
import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from equipoise.cli.main import run
from equipoise.qubo import ConstrainedProblem, Problem, read, read_model, write
from equipoise.qubo.generators import IndependentSet
from hw_profiles.errors import InputError


@pytest.fixture
def matrix():
    rng = np.random.default_rng(0)
    return rng.integers(-9, 10, (7, 7)) * (rng.random((7, 7)) < 0.6)


def check_costs_agree(problem, energy, labels=None, seed=0):
    """The problem's cost of random states equals ``energy`` of the same states, by label."""
    order = list(labels if labels is not None else range(problem.num_variables))
    place = [problem.labels.index(label) for label in order]
    for x in np.random.default_rng(seed).integers(0, 2, (20, len(order))):
        state = np.zeros(problem.num_variables, np.uint8)
        state[place] = x
        assert problem.cost(state) == pytest.approx(energy(x))


def quadratic(matrix):
    return lambda x: float(x @ matrix @ x)


def test_numpy(tmp_path, matrix):
    np.save(tmp_path / "q.npy", matrix)
    check_costs_agree(read(tmp_path / "q.npy"), quadratic(matrix))


@pytest.mark.parametrize("symmetry", ["general", "symmetric"])
@pytest.mark.parametrize("dense", [False, True])
def test_matrix_market(tmp_path, matrix, symmetry, dense):
    matrix = matrix + matrix.T if symmetry == "symmetric" else matrix
    scipy.io.mmwrite(tmp_path / "q.mtx", matrix if dense else scipy.sparse.coo_array(matrix), symmetry=symmetry)
    check_costs_agree(read(tmp_path / "q.mtx"), quadratic(matrix))


@pytest.mark.parametrize("vartype", ["BINARY", "SPIN"])
def test_dimod_bqm(tmp_path, vartype):
    bqm = dimod.generators.gnp_random_bqm(8, 0.6, vartype, random_state=1)
    (tmp_path / "a.bqm").write_bytes(bqm.to_file().read())
    problem = read(tmp_path / "a.bqm")
    low = 0 if vartype == "BINARY" else -1
    check_costs_agree(problem, lambda x: bqm.energy({v: (1 - low) * int(b) + low for v, b in zip(range(8), x)}))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_that_is_a_matrix(tmp_path, matrix, mark):
    np.savetxt(tmp_path / "q.csv", matrix, fmt="%d", delimiter=mark)
    check_costs_agree(read(tmp_path / "q.csv"), quadratic(matrix))


def test_a_table_with_names_as_pandas_writes_it(tmp_path):
    (tmp_path / "q.csv").write_text(",a,b,c\na,1,2,0\nb,0,-3,4\nc,0,0,5\n")
    problem = read(tmp_path / "q.csv")
    assert problem.labels == ("a", "b", "c")
    assert problem.cost([1, 1, 1]) == 9


def test_a_table_that_is_a_list(tmp_path):
    (tmp_path / "q.csv").write_text("i,j,q\na,a,-1\na,b,2.5\nb,c,-4\nc,c,1\n")
    problem = read(tmp_path / "q.csv")
    assert problem.cost([problem.labels.index(v) >= 0 for v in "abc"]) == pytest.approx(-1.5)
    (tmp_path / "twice.csv").write_text("i,j,q\na,b,1\nb,a,1\n")
    with pytest.raises(InputError, match="row 3 names the pair b, a a second time"):
        read(tmp_path / "twice.csv")


GRAPHS = {
    "graphml": nx.write_graphml,
    "gml": nx.write_gml,
    "edgelist": lambda g, path: nx.write_edgelist(g, path, data=False),
    "adjlist": nx.write_adjlist,
}


@pytest.mark.parametrize("suffix", GRAPHS)
def test_a_graph_and_what_is_asked_of_it(tmp_path, suffix):
    graph = nx.relabel_nodes(nx.petersen_graph(), str)
    path = tmp_path / f"g.{suffix}"
    GRAPHS[suffix](graph, path)
    problem = read(path, kind="mis")
    want = IndependentSet(graph).problem
    check_costs_agree(problem, want.cost, want.labels)
    with pytest.raises(InputError, match="without weights: say what is asked of it, --as mis"):
        read(path)
    with pytest.raises(InputError, match="no problem 'maxcutt' on graphs; did you mean 'maxcut'"):
        read(path, kind="maxcutt")


@pytest.mark.parametrize("suffix", ["graphml", "gml", "edgelist"])
def test_a_graph_with_weights_is_a_problem(tmp_path, suffix):
    graph = nx.relabel_nodes(nx.cycle_graph(5), str)
    for k, (u, v) in enumerate(graph.edges):
        graph[u][v]["weight"] = k - 2.5
    path = tmp_path / f"g.{suffix}"
    writers = {**GRAPHS, "edgelist": nx.write_weighted_edgelist}
    writers[suffix](graph, path)
    check_costs_agree(read(path), Problem.of(graph).cost, Problem.of(graph).labels)


def test_a_matrix_is_not_a_graph(tmp_path, matrix):
    np.save(tmp_path / "q.npy", matrix)
    with pytest.raises(InputError, match="read as npy, which is a problem already"):
        read(tmp_path / "q.npy", kind="mis")


def model():
    x, y = dimod.Binaries(["x", "y"])
    i = dimod.Integer("i", upper_bound=5)
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.set_objective(2 * x - 3 * y * x - i)
    cqm.add_constraint(x + i <= 4, label="room")
    return cqm


@pytest.mark.parametrize("kind", ["cqm", "lp"])
def test_a_model_with_constraints(tmp_path, kind):
    cqm, path = model(), tmp_path / f"m.{kind}"
    if kind == "cqm":
        path.write_bytes(cqm.to_file().read())
    else:
        path.write_text(dimod.lp.dumps(cqm))
    found = read_model(path)
    assert isinstance(found, ConstrainedProblem)
    for state in np.random.default_rng(0).integers(0, 2, (20, found.num_variables)):
        sample = found.decode(state)
        assert found.cost(state) == pytest.approx(cqm.objective.energy(sample))
        assert found.feasible(state) == cqm.check_feasible(sample)
    with pytest.raises(InputError, match=r"has 1 constraints; read it with equipoise.qubo.read_model"):
        read(path)


def test_a_model_without_constraints_is_a_problem(tmp_path):
    x, y = dimod.Binaries(["x", "y"])
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.set_objective(x - 2 * x * y)
    (tmp_path / "m.cqm").write_bytes(cqm.to_file().read())
    assert read(tmp_path / "m.cqm").cost([1, 1]) == -1


@pytest.mark.parametrize("suffix", [".npy", ".mtx", ".csv", ".bqm"])
@pytest.mark.parametrize("real", [False, True])
def test_round_trips(tmp_path, matrix, suffix, real):
    problem = Problem.of(matrix + 0.125 if real else matrix)
    again = read(write(problem, tmp_path / f"q{suffix}"))
    check_costs_agree(again, problem.cost)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.mtx",
            "%%MatrixMarket matrix coordinate real general\n999999999 999999999 999999999\n1 1 1\n",
            "announces",
        ),
        ("a.mtx", "%%MatrixMarket matrix coordinate complex general\n2 2 1\n1 1 1 0\n", "complex general"),
        ("a.mtx", "%%MatrixMarket matrix coordinate real general\n2 3 1\n1 1 1\n", "square, got 2 x 3"),
        ("a.csv", "1,2\n3\n", "row 2 has 1 cells"),
        ("a.csv", "1,2,3\n4,5,6\n", "2 rows and 3 columns"),
        ("a.csv", "1,2\n3,x\n", "row 2: 'x' is no number"),
        ("a.bqm", "DIMODBQMnonsense", "a.bqm (is not a readable|cannot be read)"),
        ("a.graphml", "<!DOCTYPE x [<!ENTITY a 'b'>]><graphml/>", "entities"),
        ("a.graphml", "<graphml><broken", "a.graphml is not a readable problem file"),
        ("a.gml", "graph [ node [", "a.gml is not a readable problem file"),
        ("a.lp", "Minimize\n obj: @@@\n", "a.lp"),
    ],
)
def test_damaged_files(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read(tmp_path / name)


LP = """Minimize
 obj: y0 + y1 + y2
Subject To
 a0: z00 + z01 + z02 = 1
 a1: z10 + z11 + z12 = 1
 a2: z20 + z21 + z22 = 1
 b0: 40 z00 + 50 z10 + 45 z20 - 100 y0 <= 0
 b1: 40 z01 + 50 z11 + 45 z21 - 100 y1 <= 0
 b2: 40 z02 + 50 z12 + 45 z22 - 100 y2 <= 0
Binary
 y0 y1 y2 z00 z01 z02 z10 z11 z12 z20 z21 z22
End
"""


@pytest.mark.parametrize("options", [["--method", "auto"], ["--target", "loihi2-sim"]])
def test_a_model_on_the_command_line(tmp_path, capsys, options):
    (tmp_path / "bins.lp").write_text(LP)
    assert run(["qubo", "solve", str(tmp_path / "bins.lp"), "--steps", "80000", "--json", *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["feasible"]
    assert answer["objective"] == 2
    assert run(["qubo", "solve", str(tmp_path / "bins.lp"), "--steps", "80000", *options]) == 0
    assert "all hold" in capsys.readouterr().out


def test_a_graph_on_the_command_line(tmp_path, capsys):
    nx.write_graphml(nx.relabel_nodes(nx.petersen_graph(), str), tmp_path / "g.graphml")
    solve = ["qubo", "solve", str(tmp_path / "g.graphml"), "--steps", "20000", "--target", "loihi2-sim", "--json"]
    assert run([*solve, "--as", "mis"]) == 0
    assert json.loads(capsys.readouterr().out)["best_cost"] == -4
    assert run(solve) == 2
    assert "--as mis" in capsys.readouterr().err
