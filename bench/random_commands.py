"""Random command lines made from the help: exit code 0 or 2, one line of at most 300 characters, nothing changed.

    python bench/random_commands.py --lines 1000 [--seed 0]

Commands and options are those that click knows, so that the list follows the program. Values are sensible or hostile by
turns. Every line runs in this process, in a folder with a problem, a record, a study file and a text; after each line
every file that was there before must have its bytes. Commands that take long by nature get small sizes or are refused.
Prints one JSON object; exit code 1 on any failure.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

#: values that no option should choke on
HOSTILE = ("", "0", "-1", "nan", "inf", "1e400", "x" * 2000, "[/x]", "\u202egnp", "$\\frac{", "../..", ".",
           "/dev/null", "-", "--", "%s", "a\nb", "99999999999999999999999", "absent/file", "p.qubo", "r.h5", "t.txt",
           "h.h5")  # fmt: skip
#: options whose value decides how long a run takes, and one that keeps it short
SHORT = {"--steps": "20", "--epochs": "1", "--train-samples": "40", "--test-samples": "20", "--free-steps": "5",
         "--nudge-steps": "5", "--layers": "64-6-10", "--timeout": "0.1", "--reads": "2", "--nodes": "12",
         "--cities": "4", "--count": "6", "--workers": "1", "--density": "0.3",
         "--seconds": "0.01", "--cases": "1"}  # fmt: skip
#: runs that take minutes whatever the options
LEFT_OUT = {("demo",), ("bench", "engine"), ("bench", "qubo"), ("bench", "ep"), ("conform",)}


def commands(group: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command below ``group`` with its path."""
    if not isinstance(group, click.Group):
        return [(path, group)]
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            found += commands(command, (*path, name))
    return [(place, command) for place, command in found if place not in LEFT_OUT]


def line(path: tuple[str, ...], command: click.Command, draw: random.Random) -> list[str]:
    """One random command line."""
    words = list(path)
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            some = range(draw.randint(0, 2) or 1)
            words += [draw.choice(("p.qubo", "r.h5", "h.h5", "t.txt", *HOSTILE)) for _ in some]
            continue
        name = parameter.opts[0]
        flag = getattr(parameter, "is_flag", False)
        if not (parameter.required or name in SHORT or draw.random() < 0.15):
            continue
        if flag:
            words.append(name)
        elif name in SHORT and draw.random() < 0.85:
            words += [name, SHORT[name]]
        elif isinstance(parameter.type, click.Choice) and draw.random() < 0.7:
            words += [name, draw.choice([str(choice) for choice in parameter.type.choices])]
        elif name in ("--out", "--report", "--checkpoint") and draw.random() < 0.6:
            words += [name, f"new-{draw.randrange(10**9)}{draw.choice(('.h5', '.html', '.qubo', '', '.csv'))}"]
        elif name in SHORT or name in ("--patience", "--batch-size", "--train-samples"):
            words += [name, draw.choice(("0", "-1", "nan", "x"))]
        else:
            words += [name, draw.choice(HOSTILE)]
    return [word for word in words if word != "--force"]


def fixtures() -> None:
    """Files that must not change."""
    from equipoise.cli.main import run
    from hw_profiles.record import Record

    run(["qubo", "generate", "mis", "--nodes", "10", "--density", "0.3", "--out", "p.qubo"])
    with Record.create("r.h5", kind="t", config={}, seeds={}, target={"resolved": "loihi2-sim"}) as record:
        record.append("epochs", {"epoch": 1, "test_accuracy": 0.5})
    Path("t.txt").write_text("precious")
    Path("h.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))


def digests() -> dict[str, str]:
    """Content of every file here."""
    files = [path for path in Path(".").rglob("*") if path.is_file()]
    return {str(path): hashlib.blake2b(path.read_bytes()).hexdigest() for path in files}


def attempt(words: list[str]) -> tuple[int, str]:
    """(exit code, standard error) of one line."""
    from equipoise.cli.main import run

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run(words)
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException as error:  # what must not happen is counted, not raised
            return 99, f"{type(error).__name__}: {error}"
    return code, err.getvalue()


def campaign(lines: int, seed: int) -> dict[str, Any]:
    """Run ``lines`` random lines in the present folder."""
    from equipoise.cli.main import app

    draw = random.Random(seed)
    known = commands(app)
    fixtures()
    failures: list[dict[str, Any]] = []
    codes: dict[int, int] = {}
    for _ in range(lines):
        words = line(*draw.choice(known), draw)
        before = digests()
        code, error = attempt(words)
        codes[code] = codes.get(code, 0) + 1
        after = digests()
        last = [text for text in error.splitlines() if not text.startswith("equipoise: note: ")]
        changed = [name for name, digest in before.items() if after.get(name) != digest]
        wrong = (
            "exit code" if code not in (0, 2) else "files changed" if changed else "Traceback" if "Traceback" in error
            else "more than one line" if code == 2 and len(last) != 1
            else "a long line" if code == 2 and len(last[0]) > 300 else ""
        )  # fmt: skip
        if wrong:
            failures.append({"wrong": wrong, "line": [w[:60] for w in words], "code": code, "error": error[-400:],
                             "changed": changed})  # fmt: skip
        for name in after.keys() - before.keys():
            Path(name).unlink()
    return {"lines": lines, "seed": seed, "exit_codes": codes, "failures": failures}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            result = campaign(options.lines, options.seed)
        finally:
            os.chdir(home)
    print(json.dumps(result, indent=1))
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
