"""``equipoise watch``: follow records and studies while runs go on."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--terminal", is_flag=True, help="Here in the terminal instead of on a page; ends when all runs have.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the page. [default: a free one]")
@click.option("--every", type=click.FloatRange(0.05, 3600), default=1.0, help="Seconds between looks. [default: 1]")
@click.option("--json", "as_json", is_flag=True, help="Look once and print one JSON object on standard output.")
def command(paths: tuple[Path, ...], terminal: bool, port: int, every: float, as_json: bool) -> None:
    """Follow PATHS (records, studies, folders of them) while runs go on: progress, curves, failures.

    Prints the address of a page that only this machine can open and only who has its token; Ctrl-C ends it. Files are
    read and never written, so runs do not notice.

        equipoise sweep study.toml --out study.h5 & equipoise watch study.h5
    """
    from equipoise.cli._common import console, emit_json
    from equipoise.watch import WatchServer, look

    if as_json:
        emit_json({"seen": [seen.plain() for seen in look(paths)]})
        return
    if terminal:
        from equipoise.watch.terminal import follow

        follow(console(), paths, every)
        return
    server = WatchServer(paths, port=port, every=every)
    click.echo(server.url)
    click.echo("Open this address in a browser on this machine; Ctrl-C ends it.", err=True)
    try:
        server.serve()
    finally:
        server.close()
