"""Many damaged files through every reader: a value or an `InputError`, within time and memory, and no crash.

    make fuzz                                  all readers, about 320 000 inputs
    python bench/fuzz.py --readers npz --share 0.1

Every reader runs in processes of its own with ``EQUIPOISE_READ_LIMIT`` set to LIMIT. An input counts as failed when
anything but an `InputError` comes out, when it takes more than 5 s of processor time, when the process's memory grows
by more than the limit, or when the process ends. Some inputs also go through the command line, which must end with
exit code 0 or 2 and without a traceback. Failed inputs are kept in the folder given by --keep. Prints one JSON object;
exit code 1 when anything failed.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

LIMIT = 512 << 20
SECONDS = 5.0
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  #: files that live for a moment need no disk
#: inputs for each reader
INPUTS = {
    "qubo": 60_000, "npz": 30_000, "record": 12_000, "study": 12_000, "journal": 20_000, "studytoml": 40_000,
    "profile": 12_000, "chip": 12_000, "chiptoml": 40_000, "idx": 60_000, "cifar": 25_000, "imagenet": 12_000,
    "checkpoint": 10_000, "netx": 12_000, "nir": 12_000,
}  # fmt: skip
#: command lines that read such a file
COMMANDS: dict[str, list[list[str]]] = {
    "qubo": [["qubo", "convert", "FILE", "OUT.npz"]],
    "npz": [["qubo", "convert", "FILE", "OUT.coo"]],
    "record": [["records", "show", "FILE"], ["records", "ls", "FILE"], ["records", "export", "FILE"],
               ["price", "FILE", "--profile", "loihi2"], ["price", "FILE", "--profile", "cpu", "--json"]],
    "study": [["records", "ls", "FILE", "--json"], ["records", "export", "FILE"]],
    "journal": [["records", "ls", "FILE"]],
    "profile": [["profiles", "check", "FILE"], ["profiles", "show", "FILE"]],
    "chiptoml": [["train", "--target", "analog", "--chip", "FILE", "--dataset", "nothing"]],
    "studytoml": [["sweep", "FILE", "--out", "/nowhere/at/all.h5"]],
}  # fmt: skip


def work(reader: str, first: int, last: int, state: Path, share_of_commands: float) -> None:
    """Inputs ``first`` to ``last`` of one reader, in this process; failures are lines of JSON on standard output."""
    from equipoise.testing.mutation import mutate, seeds
    from equipoise.testing.readers import SUFFIXES, read_with

    folder = state.parent
    name = folder / f"input{SUFFIXES.get(reader, '')}"
    sound, odd = seeds(reader, folder)
    corpus = Path(__file__).parents[1] / "tests" / "corpus" / reader
    known = [path.read_bytes() for path in sorted(corpus.glob("*"))] if corpus.is_dir() else []
    for content in sound:
        name.write_bytes(content)
        if reader not in ("qubo", "npz", "checkpoint", "imagenet", "cifar", "journal") and read_with(reader, name):
            raise SystemExit(f"a seed of {reader} is refused: {read_with(reader, name)}")
    place = os.open(state, os.O_RDWR | os.O_CREAT)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, last):
        rng = random.Random(f"{reader} {number}")
        pool = sound if rng.random() < 0.9 or not known else known
        content = odd(rng) if odd is not None and rng.random() < 0.3 else mutate(rng.choice(pool), rng, sound)
        name.write_bytes(content)
        os.pwrite(place, b"%012d" % number, 0)
        faulthandler.dump_traceback_later(180, exit=True)
        began = time.process_time()
        failure, value = "", False
        try:
            value = read_with(reader, name) == ""
            if share_of_commands and rng.random() < share_of_commands and reader in COMMANDS:
                failure = _command(rng.choice(COMMANDS[reader]), name, folder)
        except BaseException:
            failure = traceback.format_exc(limit=-6)
        spent = time.process_time() - began
        faulthandler.cancel_dump_traceback_later()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) << 10
        if spent > SECONDS:
            failure = failure or f"took {spent:.1f} s"
        if grown > LIMIT:
            failure = failure or f"took {grown >> 20} MiB"
            base += grown >> 10
        print(json.dumps([number, value, round(spent, 4), grown, failure]), flush=bool(failure))


def _command(command: list[str], name: Path, folder: Path) -> str:
    from equipoise.cli.main import run

    out = folder / "OUT"
    arguments = [
        str(name) if a == "FILE" else a.replace("OUT", str(out)) if a.startswith("OUT") else a for a in command
    ]
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        code = run(arguments)
    for left in folder.glob("OUT*"):
        left.unlink()
    if code not in (0, 2) or "Traceback" in said.getvalue():
        return f"{' '.join(command)} ended with {code}: {said.getvalue()[-300:]}"
    return ""


def fuzz(reader: str, count: int, keep: Path | None, share_of_commands: float) -> dict[str, Any]:
    """Every input of one reader; a process that ends is started again behind the input that ended it."""
    result: dict[str, Any] = {"inputs": 0, "values": 0, "slowest_s": 0.0, "most_memory_mib": 0, "failures": []}
    environment = {**os.environ, "EQUIPOISE_READ_LIMIT": str(LIMIT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    number = 0
    began = time.time()
    while number < count:
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
            state = Path(folder) / "state"
            script = [sys.executable, __file__, "--work", reader, str(number), str(count), str(state)]
            script += ["--commands", str(share_of_commands)]
            done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
            reached = int(state.read_text()) if state.exists() else number
            for line in done.stdout.splitlines():
                _, value, spent, grown, failure = json.loads(line)
                result["inputs"] += 1
                result["values"] += value
                result["slowest_s"] = max(result["slowest_s"], spent)
                result["most_memory_mib"] = max(result["most_memory_mib"], grown >> 20)
                if failure:
                    result["failures"].append([_, failure])
            if done.returncode == 0:
                break
            if not state.exists():
                raise SystemExit(f"{reader}: {done.stderr[-2000:]}")
            result["inputs"] += 1
            result["failures"].append([reached, f"the process ended with {done.returncode}: {done.stderr[-300:]}"])
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                for path in Path(folder).glob("input*"):
                    (keep / f"{reader}-{reached}").write_bytes(path.read_bytes())
            number = reached + 1
    result["seconds"] = round(time.time() - began)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", nargs="*", default=list(INPUTS))
    parser.add_argument("--share", type=float, default=1.0, help="of the inputs")
    parser.add_argument("--keep", type=Path, help="folder for inputs that end a process")
    parser.add_argument("--commands", type=float, default=0.02, help="share of inputs that also go through a command")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        reader, first, last, state = given.work
        from hw_profiles.reading import one_worker

        with one_worker(after_refusal=True):  # a fork for each input would cost more than all the rest
            work(reader, int(first), int(last), Path(state), given.commands)
        return
    results = {}
    for reader in given.readers:
        results[reader] = fuzz(reader, max(1, round(INPUTS[reader] * given.share)), given.keep, given.commands)
        summary = {**results[reader], "failures": len(results[reader]["failures"])}
        print(reader, json.dumps(summary), file=sys.stderr, flush=True)
        for number, failure in results[reader]["failures"][:20]:
            print(f"  {number}: {failure}", file=sys.stderr, flush=True)
    total = {"inputs": sum(r["inputs"] for r in results.values()), "limit_mib": LIMIT >> 20}
    failures = sum(len(r["failures"]) for r in results.values())
    print(json.dumps({**total, "failures": failures, "readers": results}, indent=1))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
