"""A Lava run that hangs, dies or raises becomes our own error, and nothing of it is left running."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from hw_profiles.errors import InputError
from substrates.loihi2.lava import watchdog
from substrates.loihi2.lava.watchdog import LavaSession, LavaWorkerError, call

#: functions that the worker imports by name
JOBS = """
import os, signal, time
import numpy as np
from hw_profiles.errors import InputError
from substrates.loihi2.lava.loader import load_lava

def add(a, b): return a + b
def refuse(): raise InputError("no such thing")
def fail(): raise RuntimeError("broken on purpose")
def hang(): time.sleep(600)
def die(): os.kill(os.getpid(), signal.SIGKILL)
def group(): return os.getpgid(0)

def lif(steps, sabotage=""):
    load_lava()
    import multiprocessing
    import threading
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.dense.process import Dense
    from lava.proc.lif.process import LIF
    neurons = LIF(shape=(3,), bias_mant=10, vth=1000, du=0, dv=0)
    if sabotage == "raise":   # a shape that does not fit makes a worker raise in the first step
        import lava.proc.lif.models as models
        def broken(self): raise ZeroDivisionError("broken model")
        models.PyLifModelBitAcc.run_spk = broken
    config = Loihi2SimCfg(select_tag="fixed_pt")
    neurons.run(condition=RunSteps(1), run_cfg=config)
    if sabotage == "kill":
        def later():
            time.sleep(0.3)
            for actor in neurons.runtime._messaging_infrastructure.actors:
                os.kill(actor.pid, signal.SIGKILL)
        threading.Thread(target=later, daemon=True).start()
        neurons.run(condition=RunSteps(10_000_000), run_cfg=config)
    neurons.run(condition=RunSteps(steps - 1), run_cfg=config)
    voltage = neurons.v.get()
    neurons.stop()
    return voltage
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "watchdog_jobs.py").write_text(JOBS)
    monkeypatch.syspath_prepend(str(tmp_path))
    import watchdog_jobs

    return watchdog_jobs


def gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    # what is left may only be ended and not yet reaped by init
    states = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            states.append(fields[0])
    return all(state == "Z" for state in states)


def test_a_session_computes_in_another_process_and_survives_refusals(jobs) -> None:
    with LavaSession() as session:
        assert session.call(jobs.add, 2, b=3) == 5
        group = session.call(jobs.group)
        assert group != os.getpgid(0)
        with pytest.raises(InputError, match="no such thing"):
            session.call(jobs.refuse)
        assert session.call(jobs.group) == group
    assert gone(group)


def test_an_exception_of_the_run_is_reported(jobs) -> None:
    with pytest.raises(LavaWorkerError, match="broken on purpose"):
        call(jobs.fail)


def test_a_hung_run_is_ended_in_time(jobs) -> None:
    with LavaSession() as session:
        group = session.call(jobs.group)
        start = time.monotonic()
        with pytest.raises(LavaWorkerError, match=r"no answer in 0\.3 s"):
            session.call(jobs.hang, timeout_s=0.3)
        assert time.monotonic() - start < 15
        assert gone(group)
        assert session.call(jobs.add, 1, 1) == 2  # a new worker takes over


def test_a_dead_worker_is_reported_at_once(jobs) -> None:
    start = time.monotonic()
    with pytest.raises(LavaWorkerError, match="worker died"):
        call(jobs.die, timeout_s=60)
    assert time.monotonic() - start < 30


def test_bad_time_limits_are_refused(jobs) -> None:
    with pytest.raises(InputError, match="above zero"):
        call(jobs.add, 1, 1, timeout_s=0)


@pytest.mark.lava
def test_lava_runs_and_failures_inside_it_are_named(jobs) -> None:
    with LavaSession() as session:
        np.testing.assert_array_equal(session.call(jobs.lif, 5, timeout_s=60), [50, 50, 50])
        group = session.call(jobs.group)
        start = time.monotonic()
        with pytest.raises(LavaWorkerError, match="died"):
            session.call(jobs.lif, 5, "kill", timeout_s=60)
        assert gone(group)
        with pytest.raises(LavaWorkerError, match="broken model"):
            session.call(jobs.lif, 5, "raise", timeout_s=60)
        assert time.monotonic() - start < 50


def test_two_readers_of_one_outcome_both_get_it() -> None:
    """Lava's join and the warden may both see the one message of a process; the slower must not wait for ever."""
    from multiprocessing import Pipe

    from substrates.loihi2.lava._worker import _Outcome

    ours, theirs = Pipe()
    outcome = _Outcome(ours)
    assert outcome.recv() is None
    theirs.send(("reason", "trace"))
    assert outcome.poll()
    found = []
    readers = [threading.Thread(target=lambda: found.append(outcome.recv()), daemon=True) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(5)
    assert found == [("reason", "trace")] * 2
    outcome.close()
    with pytest.raises(OSError, match="closed"):
        outcome.poll()


def test_a_group_of_which_only_the_dead_are_left_has_ended() -> None:
    """In a container nobody may ever collect them; `close` waited two seconds for that."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        assert watchdog._group_runs(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and not collected
        os.killpg(process.pid, 0)  # the system still knows the group
        assert not watchdog._group_runs(process.pid)
        process.wait()
        assert not watchdog._group_runs(process.pid)
