"""``equipoise demo``: the whole of Equipoise once, in under three minutes."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-out"),
    show_default=True,
    help="Folder for the records and the page; made if it is not there.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seeds every random stream.")
@click.option("--quick", is_flag=True, help="Smaller problem and fewer epochs: half a minute instead of two.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(out: Path, seed: int, quick: bool, as_json: bool) -> None:
    """See it work: a QUBO solved, networks trained, one page with what it cost.

    (a) A maximum-independent-set problem (1000 nodes, 5 % density, NeuroBench's generator) on bit-accurate Loihi 2 and
    on the analog substrate. (b) A network with independent forward and backward weights learns scikit-learn's digits by
    equilibrium propagation with Jacobian homeostasis, on an imperfect analog chip and on bit-accurate Loihi 2, beside
    the exact gradient. (c) HDF5 records, one HTML page, and a table of energy and latency with grade and range.
    """
    from equipoise.cli._common import emit_json, progress
    from equipoise.demo import run_demo, show_table

    with progress() as display:
        result = run_demo(out, seed=seed, quick=quick, display=display)
    if as_json:
        emit_json(result.as_dict())
    else:
        show_table(result)
