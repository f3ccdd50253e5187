"""``equipoise sweep``: a study, run or continued."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.command()
@click.argument("study", required=False)
@click.option("--list", "list_", is_flag=True, help="List the studies that ship.")
@click.option("--out", type=click.Path(path_type=Path), help="The study's file; it is continued if it is there.")
@click.option("--workers", type=int, default=1, show_default=True, help="Local processes, one thread each.")
@click.option("--scheduler", help="Address of a running Dask scheduler, instead of local processes.")
@click.option("--retries", type=int, default=1, show_default=True, help="Times a failed run is tried again.")
@click.option("--allow-tasks", is_flag=True, help="Run tasks outside Equipoise: the study then runs code of others.")
@click.option(
    "--report", type=click.Path(path_type=Path), help="Also write a page about it; an earlier one is replaced."
)
@click.option("--force", is_flag=True, help="Replace whatever is there under the name of the page.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(
    study: str | None,
    list_: bool,
    out: Path | None,
    workers: int,
    scheduler: str | None,
    retries: int,
    allow_tasks: bool,
    report: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Run STUDY (a name or a .toml file): every combination of its parameters, or a search, in one file.

    Kill it whenever you like: what was done is kept, and the same command goes on. Failures are kept with their error
    and tried again; the exit code is then 1. Results do not depend on the number of workers. When the study has
    changed, runs that it no longer asks for stay in the file.
    """
    from equipoise.cli._common import claim, console, emit_json, note, progress
    from equipoise.study import conclude_search, list_studies, load_study, run_search, run_study
    from equipoise.study.findings import conclude
    from equipoise.study.spec import runs_of
    from equipoise.study.store import journal_of
    from hw_profiles.errors import InputError

    if list_:
        studies = [load_study(name) for name in list_studies()]
        if as_json:
            emit_json({"studies": [{"name": s.name, "title": s.title, "runs": runs_of(s.text)} for s in studies]})
            return 0
        for s in studies:
            console().print(f"{s.name}  {s.title} ({runs_of(s.text)} runs)", markup=False)
        return 0
    if study is None or out is None:
        raise InputError("give a study and --out FILE.h5, or --list")
    loaded = load_study(study, allow_tasks=allow_tasks)
    claim(
        {"--out": out, "its journal": journal_of(out), "--report": report},
        inputs={"STUDY": study},
        force=force,
        goes_on=("--out", "its journal", "--report"),
    )
    page = None
    if report is not None:
        from equipoise.report.study_page import study_page_output

        page = study_page_output(loaded, report, overwrite=force)
    with progress() as display:
        bar = display.add_task(loaded.name, total=runs_of(loaded.text))

        def show(done: int, total: int, failures: int) -> None:
            text = f"{loaded.name}, {failures} failed" if failures else loaded.name
            display.update(bar, completed=done, total=total, description=text)

        how: dict[str, Any] = {
            "workers": workers, "scheduler": scheduler, "retries": retries, "progress": show, "tell": note,
        }  # fmt: skip
        if loaded.search is not None:
            data, proposals = run_search(loaded, out, **how)
            sentences = conclude_search(loaded, proposals)
        else:
            data = run_study(loaded, out, **how)
            sentences = conclude(data, loaded.finding)
    if page is not None:
        from equipoise.report.study_page import write_study_report

        report = write_study_report(loaded, data, page)
    failed = [entry for entry in data.entries if entry.status != "complete"]
    if as_json:
        emit_json({"study": loaded.name, "runs": len(data.entries), "complete": len(data.complete),
                   "failed": [entry.key for entry in failed], "outside": len(data.outside), "digest": data.digest(),
                   "findings": sentences, "file": out, "report": report})  # fmt: skip
    else:
        for sentence in sentences:
            console().print(f"- {sentence}", highlight=False, markup=False)
    if failed:
        first = failed[0].error.splitlines()[0] if failed[0].error else "no reason was kept"
        note(f"{len(failed)} of {len(data.entries)} runs failed, the first with {first}; the same command tries again")
    return 1 if failed else 0
