"""The picture of a solution, as `Solution.plot` returns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hw_profiles.notebook import BLUE, GREY, ORANGE, panels

if TYPE_CHECKING:
    from equipoise.qubo.solution import Solution

__all__ = ["solution_figure"]

MOST_DRAWN = 300  #: variables; a larger graph is no picture


def solution_figure(solution: Solution) -> Any:
    """Best cost against the step, one line for each read; and the solution on the graph of its pairs."""
    drawn = solution.problem.num_pairs > 0 and solution.problem.num_variables <= MOST_DRAWN
    figure, axes = panels(2 if drawn else 1)
    scale, offset = float(solution.quantisation.get("scale", 1.0)), float(solution.problem.offset)
    best = int(np.argmin(solution.costs))
    for read, trace in enumerate(solution.improvements):
        steps = np.append(np.maximum(trace[:, 0], 1), max(int(solution.steps[read]), 1))
        costs = np.append(trace[:, 1], trace[-1, 1]) / scale + offset
        front = read == best
        axes[0].step(steps, costs, where="post", color=BLUE if front else GREY, lw=1.8 if front else 0.8, zorder=front)
    axes[0].set(
        xscale="log", xlabel="step", ylabel="best cost", title=f"{solution.scheme}: cost {solution.best_cost:g}"
    )
    if drawn:
        _on_its_graph(axes[1], solution)
    return figure


def _on_its_graph(axes: Any, solution: Solution) -> None:
    import networkx as nx  # late: it is used here only

    problem = solution.problem
    graph = nx.Graph()
    graph.add_nodes_from(range(problem.num_variables))
    graph.add_edges_from(zip(problem.rows.tolist(), problem.cols.tolist()))
    place = nx.spring_layout(graph, seed=0)
    cut = solution.x[problem.rows] != solution.x[problem.cols]
    nx.draw_networkx_edges(graph, place, ax=axes, edge_color=GREY, width=0.5)
    size = max(4000 / (problem.num_variables + 20), 12)
    nx.draw_networkx_nodes(
        graph, place, ax=axes, node_size=size, linewidths=0.6, edgecolors=BLUE,
        node_color=[ORANGE if on else "white" for on in solution.x],
    )  # fmt: skip
    axes.set_axis_off()
    axes.set_title(f"{int(solution.x.sum())} of {problem.num_variables} on, {int(cut.sum())} pairs with one end on")
