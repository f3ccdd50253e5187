"""``equipoise report``: records in, one page out."""

from __future__ import annotations

from pathlib import Path

import click

from equipoise.cli._common import force_option

__all__ = ["command"]


@click.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The page.")
@click.option("--profile", "profiles", multiple=True, help="Price on these profiles only (repeat it). Default: all.")
@click.option("--title", help="Heading of the page.")
@click.option("--figures", type=click.Path(path_type=Path, file_okay=False), help="Also one file per figure, here.")
@click.option("--figure-format", type=click.Choice(["pdf", "png", "svg"]), default="pdf", show_default=True)
@force_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(
    records: tuple[Path, ...],
    out: Path,
    profiles: tuple[str, ...],
    title: str | None,
    figures: Path | None,
    figure_format: str,
    force: bool,
    as_json: bool,
) -> None:
    """Make one self-contained HTML page out of RECORDS (a folder stands for the records in it).

    Results, learning and search curves, energy by component and phase, every profile with range and grade, quality
    against energy, what was counted and what not, and every source. It opens with no network.
    """
    from equipoise.cli._common import claim, console, emit_json
    from equipoise.report import write_report

    paths = [path for given in records for path in (sorted(given.glob("*.h5")) if given.is_dir() else [given])]
    claim({"--out": out}, force=force, inputs={str(path): path for path in paths})
    page = write_report(
        paths,
        out,
        profiles=profiles or None,
        title=title,
        figures=figures,
        figure_format=figure_format,
        overwrite=force,
    )
    if as_json:
        emit_json({"page": page, "records": [str(path) for path in paths]})
    else:
        console().print(f"{page}: {len(paths)} record{'s' * (len(paths) != 1)}", markup=False, highlight=False)
