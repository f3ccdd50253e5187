"""kill -9 at random moments of sweeps, trainings and record writes: is what is left readable, and does it end alike?

    python bench/kill.py sweep --kills 300                   a study on two spawned workers
    python bench/kill.py train --target analog --kills 100   a training with record and checkpoint
    python bench/kill.py record --kills 300                  a record flushed again and again

The process that is killed is forked from this one, with everything loaded, so that the kills fall on work and not on
imports; a sweep's workers are real ones. After every kill the files are read: nothing may be unreadable, nothing that
was reported done may be missing. The work goes on in the same files until it is finished, and its digest must be that
of undisturbed work. After the next open no temporary file may be left. Prints one JSON object; exit code 1 on failure.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Report = Callable[[int], None]

STUDY = """
name = "kill"
task = "calibrate"
[fixed]
milliseconds = 15
[grid]
seed = [{}]
"""


@contextmanager
def child(work: Callable[[Report], None]) -> Iterator[tuple[int, int]]:
    """(process, pipe of its reports) of a fork that does ``work``; killed and waited for when the block ends."""
    reader, writer = os.pipe()
    number = os.fork()
    if number == 0:
        code = 1
        try:
            os.close(reader)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            work(lambda done: os.write(writer, done.to_bytes(4, "big")) and None)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    try:
        yield number, reader
    finally:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
        os.close(reader)


def shoot(work: Callable[[Report], None], moments: random.Random, longest: float, warm: float) -> int:
    """Kill ``work`` at a random moment; the last thing it reported done (-1: none).

    Three of four kills fall up to ``longest`` seconds after its first report, others up to ``warm`` after its start.
    """
    with child(work) as (number, reader):
        if moments.random() < 0.75:
            select.select([reader], [], [], 60)
            time.sleep(moments.uniform(0, longest))
        else:
            time.sleep(moments.uniform(0, warm))
        os.kill(number, signal.SIGKILL)
        reports = b""
        while part := os.read(reader, 65536):  # ends when nobody holds the other end any more
            reports += part
        return int.from_bytes(reports[-4:], "big") if reports else -1


def leftovers(folder: Path) -> list[str]:
    """Temporary files in ``folder``."""
    return [path.name for path in folder.rglob("*") if path.name.endswith((".equipoise-tmp", ".tmp", ".part"))]


class Campaign:
    """What a campaign has seen."""

    def __init__(self, what: str, kills: int, seed: int) -> None:
        self.what, self.kills, self.moments = what, kills, random.Random(seed)
        self.done = self.finished = self.left = self.lost = 0
        self.failures: list[str] = []
        self.began = time.perf_counter()

    def count(self, left: bool) -> None:
        """One more kill."""
        self.done += 1
        self.left += left
        if self.done % 10 == 0:
            print(f"{self.done} of {self.kills} kills, {len(self.failures)} failures", file=sys.stderr, flush=True)

    def check(self, good: bool, text: str) -> None:
        if not good:
            self.failures.append(f"kill {self.done}: {text}")

    def as_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "kills": self.done,
            "finished_alike": self.finished,
            "kills_that_left_a_temporary_file": self.left,
            "failures": self.failures,
            "seconds": round(time.perf_counter() - self.began, 1),
        }


def sweeps(kills: int, folder: Path, seed: int = 0, runs: int = 40) -> dict[str, Any]:
    """Kills of a study on two workers."""
    from equipoise.study import load_study, read_study, run_study

    (folder / "kill.toml").write_text(STUDY.format(", ".join(map(str, range(runs)))))
    study = load_study(folder / "kill.toml")
    alike = run_study(study, folder / "undisturbed.h5", workers=2).digest()
    campaign, out = Campaign("sweep", kills, seed), folder / "s.h5"
    seen = 0
    while campaign.done < kills:

        def work(report: Report) -> None:
            run_study(study, out, workers=2, progress=lambda done, total, failed: report(done))
            signal.pause()

        told = shoot(work, campaign.moments, 0.4, 1.5)
        campaign.count(bool(leftovers(folder)))
        if not out.exists() and not out.with_name("s.h5.journal").exists():
            campaign.check(told <= 0, f"{told} runs were reported and no file is there")
            continue
        data = read_study(out)
        campaign.check(
            not data.dropped or (len(data.dropped) == 1 and "unfinished" in data.dropped[0]), str(data.dropped)
        )
        campaign.check(
            len(data.complete) >= max(told, seen), f"{max(told, seen)} runs were kept, {len(data.complete)} are"
        )
        seen = len(data.complete)
        if seen == runs or campaign.done == kills:
            campaign.check(run_study(study, out, workers=2).digest() == alike, "another digest")
            campaign.check(not leftovers(folder), f"left: {leftovers(folder)}")
            campaign.finished += 1
            seen = 0
            out.unlink()
    return campaign.as_dict()


def digest_of(record: Any) -> str:
    """A fingerprint of all that is repeatable in a training's record."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in record.tables["epochs"]]
    text = hashlib.blake2b(json.dumps(rows, default=str).encode(), digest_size=16)
    for name, value in sorted(record.results.items()):
        if name.startswith("weights.") or "accuracy" in name:
            text.update(name.encode() + (value.tobytes() if hasattr(value, "tobytes") else repr(value).encode()))
    return text.hexdigest()


def trainings(kills: int, folder: Path, target: str, seed: int = 0, epochs: int = 6) -> dict[str, Any]:
    """Kills of a training."""
    from equipoise.training import TrainConfig, train
    from hw_profiles.record import Record

    def config(name: str) -> TrainConfig:
        return TrainConfig(
            layers=(64, 20, 10), target=target, epochs=epochs, train_samples=160, test_samples=80, free_steps=40,
            nudge_steps=20, homeostasis=0.5, out=folder / name, resume=True, seed=seed,
        )  # fmt: skip

    train(config("warm.h5"))
    began = time.perf_counter()
    train(config("undisturbed.h5"))
    whole = time.perf_counter() - began
    alike = digest_of(Record.open(folder / "undisturbed.h5"))
    campaign, out = Campaign(f"train {target}", kills, seed), folder / "t.h5"
    checkpoint = folder / "t.h5.checkpoint"

    def work(report: Report) -> None:
        train(config("t.h5"), lambda news: report(news["epoch"]) if news.get("done") else None)
        signal.pause()

    seen = 0
    while campaign.done < kills:
        told = shoot(work, campaign.moments, whole / 2, whole / 2)
        campaign.count(bool(leftovers(folder)))
        if not out.exists():
            campaign.check(told < 0, f"epoch {told} was reported and no record is there")
            continue
        record = Record.open(out)
        rows = len(record.tables.get("epochs", []))
        campaign.check(rows >= told, f"epoch {told} was reported, the record has {rows}")
        campaign.check(rows == 0 or checkpoint.exists(), "a record with epochs and no checkpoint")
        seen = max(seen, told)
        if record.status == "complete" or campaign.done == kills:
            train(config("t.h5"))
            record = Record.open(out)
            campaign.check(record.status == "complete" and digest_of(record) == alike, "another digest")
            campaign.check(not leftovers(folder), f"left: {leftovers(folder)}")
            campaign.finished += 1
            out.unlink()
            checkpoint.unlink()
    return campaign.as_dict()


def records(kills: int, folder: Path, seed: int = 0) -> dict[str, Any]:
    """Kills of a process that writes one record again and again."""
    import numpy as np

    from hw_profiles.record import Record

    campaign = Campaign("record", kills, seed)

    def work(report: Report) -> None:
        with Record.create(out, kind="kill", config={}, seeds={}, target={}) as record:
            for number in range(100_000):
                record.append("rows", {"row": number})
                record.result("array", np.arange(3000) + number)
                record.flush()
                report(number)

    while campaign.done < kills:
        out = folder / f"r{campaign.done}.h5"
        told = shoot(work, campaign.moments, 0.05, 0.02)
        campaign.count(bool(leftovers(folder)))
        if not out.exists():
            campaign.check(told < 0, "a row was reported and no record is there")
            continue
        record = Record.open(out)
        rows = record.tables.get("rows", [])
        campaign.check(len(rows) > told, f"row {told} was reported, {len(rows)} are there")
        campaign.check([row["row"] for row in rows] == list(range(len(rows))), "rows in disorder")
        campaign.check(not rows or record.results["array"][0] == len(rows) - 1, "rows and array of two states")
        campaign.check(not leftovers(folder), f"left: {leftovers(folder)}")
        campaign.finished += 1
        out.unlink()
    return campaign.as_dict()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("sweep", "train", "record"))
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--target", default="ideal")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process with threads cannot be forked safely
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.what == "sweep":
            result = sweeps(options.kills, folder, options.seed)
        elif options.what == "train":
            result = trainings(options.kills, folder, options.target, options.seed)
        else:
            result = records(options.kills, folder, options.seed)
    print(json.dumps(result))
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
