"""A workload's record on a page, and as the task of a study."""

from __future__ import annotations

from pathlib import Path

import pytest

from equipoise.report import write_report
from equipoise.study.spec import list_studies, load_study
from equipoise.study.tasks import TASKS
from equipoise.workloads import WORKLOADS, run_workload

SIZES = {
    "membrane": "side=4,updates=20", "inversion": "starts=4,duration=20,steps=50",
    "chip-fleet": "samples=40,members=3,abroad=2,pupils=3,epochs=2,hidden=8:8",
    "polar-decoding": "frames=4,reads=2,steps=200,snr=1:2", "pareto-qubo": "variables=8,reads=5,steps=100",
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_a_page_has_the_picture_the_scores_and_the_controls(name: str, tmp_path: Path) -> None:
    found = run_workload(name, size=SIZES[name], out=tmp_path / "a.h5")
    page = write_report([tmp_path / "a.h5"], tmp_path / "a.html").read_text()
    assert 'id="workload-0-title"' in page
    for answered in found.answers:
        assert answered.replace("'", "&#39;") in page
    assert next(iter(found.machine.scores)).replace("'", "&#39;") in page


def test_the_task_gives_the_scores_of_the_run() -> None:
    one = TASKS.find("workload")(workload="polar-decoding", target="loihi2-sim", frames=4, reads=2, snr=[2.0], seed=1)
    found = run_workload("polar-decoding", "loihi2-sim", size="frames=4,reads=2,snr=2", seed=1)
    assert one.results["block error rate, 2 dB: machine"] == found.machine.scores["block error rate, 2 dB"].value
    assert one.ledger == found.ledger


def test_every_workload_has_its_study() -> None:
    known = {}
    for name in list_studies():
        if name.startswith("workload-"):
            items = load_study(name).items
            assert {item.task for item in items} == {"workload"}
            assert len({item.parameters["seed"] for item in items}) >= 5
            (known[name],) = {item.parameters["workload"] for item in items}
    assert sorted(known.values()) == sorted(WORKLOADS)
