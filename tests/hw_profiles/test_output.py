"""Outputs: created exclusively, replaced only by their own run, whole or not at all, nothing left behind."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hw_profiles.errors import InputError
from hw_profiles.output import Output, check_outputs, remove_leftover, write_output


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_run_replaces_its_own_file_and_nothing_else(tmp_path: Path) -> None:
    output = Output(tmp_path / "a")
    assert names(tmp_path) == set()
    output.put(b"one")
    output.put(b"two", durable=True)
    assert (tmp_path / "a").read_bytes() == b"two"
    assert names(tmp_path) == {"a"}
    with pytest.raises(InputError, match="exists already and nothing is overwritten"):
        Output(tmp_path / "a")
    write_output(tmp_path / "a", b"three", force=True)
    assert (tmp_path / "a").read_bytes() == b"three"


def test_a_name_that_is_taken_after_the_check_stays(tmp_path: Path) -> None:
    output = Output(tmp_path / "a")
    (tmp_path / "a").write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        output.put(b"ours")
    assert (tmp_path / "a").read_text() == "precious"
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize("how", ["replaced", "written into", "replaced by one of the same size"])
def test_what_took_our_place_stays_and_we_go_on_beside_it(tmp_path: Path, how: str) -> None:
    output = Output(tmp_path / "a.h5")
    output.put(b"ours")
    if how == "written into":
        with open(tmp_path / "a.h5", "ab") as file:
            file.write(b", theirs")
    else:
        (tmp_path / "b").write_bytes(b"theirs" if how == "replaced" else b"thei")
        os.replace(tmp_path / "b", tmp_path / "a.h5")
    theirs = (tmp_path / "a.h5").read_bytes()
    with pytest.warns(UserWarning, match=r"goes on in .*a-2\.h5"):
        assert output.put(b"more") == tmp_path / "a-2.h5"
    output.put(b"and more")
    assert (tmp_path / "a.h5").read_bytes() == theirs
    assert (tmp_path / "a-2.h5").read_bytes() == b"and more"


def test_a_file_that_was_removed_meanwhile_comes_again(tmp_path: Path) -> None:
    output = Output(tmp_path / "a")
    output.put(b"one")
    (tmp_path / "a").unlink()
    output.put(b"two")
    assert (tmp_path / "a").read_bytes() == b"two"


def test_a_stopped_run_recognises_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("run 7")
    with pytest.raises(InputError, match="exists already"):
        Output(tmp_path / "a", mine=lambda path: path.read_text() == "run 8")
    Output(tmp_path / "a", mine=lambda path: path.read_text() == "run 7").put(b"run 7, more")
    assert (tmp_path / "a").read_text() == "run 7, more"


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "a").symlink_to("disk/a")
    output = Output(tmp_path / "a")
    output.put(b"one")
    output.put(b"two")
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "disk" / "a").read_bytes() == b"two"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent/a", "the folder .* does not exist"),
        (".", "it is a folder"),
        ("nul\0byte", "NUL byte"),
        ("n" * 300, "choose a shorter one"),
        ("/".join(["d" * 200] * 30), "does not exist|too long"),
        ("fifo", "no ordinary file"),
        ("plain/a", "does not exist|not a directory"),
        ("loop", "symbolic links|exists already"),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_names_that_cannot_be_used(tmp_path: Path, name: str, words: str, force: bool) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "plain").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=words) as caught:
        Output(f"{tmp_path}/{name}", force=force)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == {"fifo", "plain", "loop"}


def test_two_outputs_of_one_command_are_two_files(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    (tmp_path / "c").symlink_to(tmp_path / "a")
    assert check_outputs({"--out": a, "--report": b, "--figures": None}) == []
    for other in (a, tmp_path / "." / "x" / ".." / "a", tmp_path / "c"):
        with pytest.raises(InputError, match="--out and --report are both"):
            check_outputs({"--out": a, "--report": other}, force=True)
    a.write_text("input")
    with pytest.raises(InputError, match="FILE and --out are both"):
        check_outputs({"--out": a}, force=True, inputs={"FILE": a})
    with pytest.raises(InputError, match="exists already"):
        check_outputs({"--out": a})
    assert check_outputs({"--out": a}, force=True) == [a]
    assert check_outputs({"--out": a}, goes_on=("--out",)) == []


KILLED = """
import os, sys
from hw_profiles.output import Output
output = Output(sys.argv[1])
output.put(b"one")
write = os.write
def stop(*arguments):
    write(*arguments)
    os.kill(os.getpid(), 9)
os.write = stop
output.put(b"two")
"""


def test_what_a_killed_writer_leaves_goes_with_the_next_open(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a")], check=False).returncode == -9
    assert (tmp_path / "a").read_bytes() == b"one"
    assert names(tmp_path) == {"a", ".a.equipoise-tmp"}
    Output(tmp_path / "a", mine=lambda _: True)
    assert names(tmp_path) == {"a"}


def test_a_writer_that_is_alive_keeps_what_it_writes(tmp_path: Path) -> None:
    part = tmp_path / ".a.equipoise-tmp"
    with open(part, "wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert not remove_leftover(tmp_path / "a")
        with pytest.raises(InputError, match="another program is writing"):
            Output(tmp_path / "a").put(b"ours")
    assert part.exists()
    assert remove_leftover(tmp_path / "a")
    assert not part.exists()


def test_where_links_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*arguments: object, **more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    output = Output(tmp_path / "a")
    output.put(b"one")
    assert (tmp_path / "a").read_bytes() == b"one"
    other = Output(tmp_path / "b")
    (tmp_path / "b").write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        other.put(b"ours")
    assert (tmp_path / "b").read_text() == "precious"
