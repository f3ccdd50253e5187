"""Looking on: what is seen of files that runs are writing, that were killed, and that anybody may have made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.watch import WatchServer, look
from equipoise.watch.snapshot import QUIET_S, Cache
from equipoise.watch.terminal import spark, table_of
from hw_profiles.errors import InputError
from hw_profiles.record import Record
from tests.browser import browser

STUDY = """
name = "waiting"
task = "waiting_task:wait"
[grid]
seed = [0, 1, 2, 3, 4, 5]
"""
TASK = """
import time
from equipoise.study.tasks import Outcome

def wait(seed, **settings):
    time.sleep(0.7)
    if seed == 4:
        raise ValueError("<script>alert('seed four')</script> is no seed")
    return Outcome({"accuracy": 0.5 + seed / 10})
"""


def written(path: Path, epochs: int, *, close: str = "") -> Record:
    record = Record.create(path, kind="train", config={"epochs": 5}, seeds={"seed": 0}, target={"resolved": "ideal"})
    for epoch in range(1, epochs + 1):
        record.append("epochs", {"epoch": epoch, "test_accuracy": 0.5 + epoch / 20, "note": "x", "seconds": 1.0})
    record.flush()
    if close:
        record.close(close)
    return record


def test_a_record_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    record = written(path, 2)
    seen = look([path])[0]
    assert (seen.kind, seen.status, seen.done, seen.total) == ("train", "running", 2, 5)
    assert [(c.name, c.of, c.x, c.y) for c in seen.curves] == [("test_accuracy", "epoch", (1.0, 2.0), (0.55, 0.6))]
    record.append("epochs", {"epoch": 3, "test_accuracy": 0.65, "note": "x", "seconds": 1.0})
    record.close("complete")
    assert (look([path])[0].status, look([path])[0].done) == ("complete", 3)


def test_only_what_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cache, reads = tmp_path / "run.h5", Cache(), []
    record = written(path, 2)
    usual = Record.open
    monkeypatch.setattr(Record, "open", lambda where: reads.append(where) or usual(where))
    for _ in range(3):
        look([path], cache)
    assert len(reads) == 1
    record.append("epochs", {"epoch": 3, "test_accuracy": 0.65, "note": "x", "seconds": 1.0})
    record.close("complete")
    assert look([path], cache)[0].done == 3
    assert len(reads) == 2


def test_who_says_nothing_for_long_is_called_silent(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    written(path, 1)
    seen = look([path], now=path.stat().st_mtime + QUIET_S + 1)[0]
    assert seen.status == "silent"
    assert "killed" in seen.message


def test_files_of_anybody_and_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "junk.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    written(tmp_path / "good.h5", 1, close="complete")
    seen = {one.name: one for one in look([tmp_path, tmp_path / "later.h5"])}
    assert seen["junk.h5"].status == "unreadable"
    assert seen["junk.h5"].message
    assert seen["good.h5"].status == "complete"
    assert seen["later.h5"].status == "waiting"


def test_hidden_characters_are_shown(tmp_path: Path) -> None:
    record = Record.create(tmp_path / "x.h5", kind="qubo", config={}, seeds={}, target={})
    record.result("name", "a\u202eb\x1b[31m")
    record.close("complete")
    assert look([tmp_path])[0].plain()["facts"]["name"] == "a\\u202eb\\x1b[31m"


def test_long_curves_are_thinned_and_keep_their_end(tmp_path: Path) -> None:
    record = Record.create(tmp_path / "long.h5", kind="qubo", config={}, seeds={}, target={})
    for k in range(5000):
        record.append("trace", {"step": k, "cost": -k})
    record.close("complete")
    curve = look([tmp_path / "long.h5"])[0].curves[0]
    assert 100 < len(curve.x) <= 401
    assert (curve.x[-1], curve.y[-1]) == (4999.0, -4999.0)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[WatchServer, Path]]:
    server = WatchServer([tmp_path], every=0.1)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server, tmp_path
    server.close()
    thread.join(5)
    assert not thread.is_alive()


def asked(address: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


def test_the_page_is_for_this_machine_and_who_has_the_token(served: tuple[WatchServer, Path]) -> None:
    server, folder = served
    written(folder / "run.h5", 2)
    root = server.url.rsplit("/", 2)[0]
    status, page, headers = asked(server.url)
    assert status == 200
    assert "EventSource" in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert json.loads(asked(server.url + "now")[1])[0]["name"] == "run.h5"
    for address in (root + "/", root + "/now", root + "/wrong/now", server.url + "../run.h5", server.url + "run.h5"):
        assert asked(address)[0] == 404
    port = server.url.split(":")[2].split("/")[0]
    assert asked(server.url + "now", Host=f"evil.example:{port}")[0] == 404
    for method in ("POST", "PUT", "DELETE"):
        request = urllib.request.Request(server.url + "now", data=b"x", method=method)
        with pytest.raises(urllib.error.HTTPError, match="501"):
            urllib.request.urlopen(request, timeout=5)
    with pytest.raises(InputError, match="port"):
        WatchServer([folder], port=int(port))


def test_events_come_when_something_changes(served: tuple[WatchServer, Path]) -> None:
    server, folder = served
    with urllib.request.urlopen(server.url + "events", timeout=10) as stream:
        assert json.loads(_event(stream)) == []
        record = written(folder / "run.h5", 1)
        assert json.loads(_event(stream))[0]["done"] == 1
        record.close("failed")
        assert json.loads(_event(stream))[0]["status"] == "failed"


def _event(stream: object) -> str:
    for line in stream:  # type: ignore[attr-defined]
        if line.startswith(b"data: "):
            return str(line[6:].decode())
    raise AssertionError("the stream ended")


def sweep(folder: Path) -> subprocess.Popen[bytes]:
    (folder / "waiting.toml").write_text(STUDY)
    (folder / "waiting_task.py").write_text(TASK)
    command = [
        sys.executable,
        "-m",
        "equipoise",
        "sweep",
        "waiting.toml",
        "--out",
        "study.h5",
        "--allow-tasks",
        "--workers",
        "1",
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_a_browser_follows_a_study_that_is_killed_and_resumed(served: tuple[WatchServer, Path]) -> None:
    server, folder = served
    with browser() as page:
        page.size(390, 844)
        page.open(server.url)
        page.until("document.body.innerText.includes('Nothing is there yet')")
        first = sweep(folder)
        page.until("(document.querySelector('article progress') || {}).value >= 2", 60)
        assert page.run("document.querySelector('article progress').max") == 6
        first.send_signal(signal.SIGKILL)
        first.wait()
        # nothing was lost, and the page still says what there is
        before = page.run("document.querySelector('article progress').value")
        second = sweep(folder)
        page.until("document.querySelector('.status').textContent == 'failed'", 90)
        assert second.wait(30) == 1
        assert page.run("document.querySelector('article progress').value") == 6 > before
        # what an error says is text: no script of a file runs
        assert "<script>" in page.run("document.querySelector('.message').textContent")
        assert page.run("document.querySelectorAll('main script').length") == 0
        assert "seed=4" in page.run("document.querySelector('table').textContent")
        # a keyboard opens the list of runs, and news leave it open
        page.run("document.querySelector('summary').focus()")
        page.ask(
            "Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r"
        )
        page.until("document.querySelector('details').open")
        written(folder / "more.h5", 2, close="complete")
        page.until("document.querySelectorAll('article').length == 2")
        assert page.run("[...document.querySelectorAll('details')].some(d => d.open)")
        # nothing is wider than the phone
        assert page.run("document.documentElement.scrollWidth <= 390")
        page.size(1280, 900, dark=True)
        assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(16, 22, 28)"
        assert page.run("document.documentElement.scrollWidth <= 1280")
        assert not page.errors
        picture = os.environ.get("EQUIPOISE_PICTURES")
        if picture:
            (Path(picture) / "watch.png").write_bytes(page.picture())


def test_the_terminal_has_a_line_for_each_file(tmp_path: Path) -> None:
    written(tmp_path / "a.h5", 4)
    written(tmp_path / "b.h5", 5, close="complete")
    table = table_of(look([tmp_path]))
    assert table.row_count == 2
    assert spark([0, 1, 2, 3]) == "▁▃▆█"
    assert spark([1.0]) == "▁"


def test_the_command_looks_once_follows_and_ends(tmp_path: Path) -> None:
    written(tmp_path / "b.h5", 5, close="complete")
    command = [sys.executable, "-m", "equipoise", "watch", str(tmp_path)]
    once = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(once.stdout)["seen"][0]["done"] == 5
    ended = subprocess.run([*command, "--terminal"], capture_output=True, text=True, timeout=60, check=True)
    assert "b.h5" in ended.stderr
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert served.stdout is not None
    address = served.stdout.readline().strip()
    assert asked(address)[0] == 200
    served.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert served.wait(10) == 130
