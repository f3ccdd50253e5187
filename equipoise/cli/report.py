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
    """Make one self-contained HTML page out of RECORDS (a folder stands for the records in it), or of one study's file.

    Results, learning and search curves, energy by component and phase, every profile with range and grade, quality
    against energy, what was counted and what not, and every source. It opens with no network.
    """
    from equipoise.cli._common import claim, console, emit_json
    from equipoise.report import write_report
    from equipoise.study.store import is_study
    from hw_profiles.errors import InputError
    from hw_profiles.reading import one_worker

    paths = [path for given in records for path in (sorted(given.glob("*.h5")) if given.is_dir() else [given])]
    claim({"--out": out}, force=force, inputs={str(path): path for path in paths})
    with one_worker():
        studies = [path for path in paths if is_study(path)]
    if studies:
        if len(paths) > 1 or profiles or title or figures:
            raise InputError(
                "a study has a page of its own: give its file alone, without --profile, --title or --figures"
            )
        page = _study_page(paths[0], out, force)
        if as_json:
            emit_json({"page": page, "study": str(paths[0])})
        else:
            console().print(f"{page}: the study {paths[0]}", markup=False, highlight=False)
        return
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


def _study_page(path: Path, out: Path, force: bool) -> Path:
    from equipoise.cli._common import note
    from equipoise.report.study_page import write_study_report
    from equipoise.study.spec import study_of
    from equipoise.study.store import read_study

    data = read_study(path)
    for text in data.dropped:
        note(text)
    return write_study_report(study_of(data.name, data.text), data, out, overwrite=force)
