from __future__ import annotations

import json
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .conftest import Installed

Lines = list[bytes]


@pytest.fixture
def audit(installed: Installed) -> ModuleType:
    return installed.client.module("audit")


@pytest.fixture
def log(audit: ModuleType, tmp_path: Path) -> Any:
    log = audit.AuditLog(tmp_path)
    for number in range(4):
        log.record("answered", round=number)
    return log


def test_each_entry_follows_the_one_before(audit: ModuleType, log: Any, tmp_path: Path) -> None:
    chain = audit.read_chain(tmp_path)
    assert (chain.broken, chain.cut_off) == (0, ())
    assert [entry["round"] for entry in chain.entries] == [0, 1, 2, 3]
    assert chain.entries[0]["before"] == audit.START
    assert [entry["before"] for entry in chain.entries] == list(chain.hashes[:-1])
    for name in (audit.AUDIT_FILE, audit.HEAD_FILE):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_there_is_no_log_yet(audit: ModuleType, tmp_path: Path) -> None:
    chain = audit.read_chain(tmp_path)
    assert (chain.entries, chain.broken, chain.head) == ((), 0, audit.START)


def _changed(number: int) -> Callable[[Lines], Lines]:
    def change(lines: Lines) -> Lines:
        lines[number] = lines[number].replace(b"answered", b"accepted")
        return lines

    return change


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (_changed(0), 1),
        (_changed(2), 3),
        (_changed(3), 4),
        (lambda lines: lines[1:], 1),
        (lambda lines: lines[:1] + lines[2:], 1),
        (lambda lines: lines[:3], 3),
        (lambda lines: [], 1),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 1),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], 2),
        (lambda lines: [*lines[:2], b"no JSON\n", *lines[2:]], 3),
        (lambda lines: [*lines, b"no JSON\n"], 5),
        (lambda lines: [*lines, lines[3]], 4),
        # As if a crash had done it.
        (lambda lines: [*lines[:2], lines[2][:20]], 3),
    ],
)
def test_the_first_line_that_is_not_as_it_was_is_named(
    audit: ModuleType,
    log: Any,
    tmp_path: Path,
    change: Callable[[Lines], Lines],
    broken: int,
) -> None:
    log.path.write_bytes(b"".join(change(log.path.read_bytes().splitlines(keepends=True))))
    chain = audit.read_chain(tmp_path)
    assert chain.broken == broken
    assert chain.reason


def test_every_flipped_byte_is_noticed(audit: ModuleType, log: Any, tmp_path: Path) -> None:
    data = log.path.read_bytes()
    lengths = [len(line) for line in data.splitlines(keepends=True)]
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1
        log.path.write_bytes(flipped)
        chain = audit.read_chain(tmp_path)
        line = next(n for n in range(1, 5) if position < sum(lengths[:n]))
        # A hash that was changed does not tell from which of the two lines it differs.
        assert chain.broken in (line - 1, line) or chain.cut_off, position
        assert chain.broken or len(chain.entries) < 4, position


def test_a_line_that_a_crash_cut_off(audit: ModuleType, log: Any, tmp_path: Path) -> None:
    with log.path.open("ab") as file:
        file.write(b'{"time": "2026-')
    chain = audit.read_chain(tmp_path)
    assert (chain.broken, chain.cut_off, len(chain.entries)) == (0, (5,), 4)
    log.record("started")
    chain = audit.read_chain(tmp_path)
    assert (chain.broken, chain.cut_off) == (0, (5,))
    assert [entry["event"] for entry in chain.entries[4:]] == [audit.CUT_OFF, "started"]
    log.path.write_bytes(log.path.read_bytes().replace(b'{"time": "2026-\n', b'{"time": "1999-\n'))
    assert audit.read_chain(tmp_path).broken == 5


def test_a_crash_within_the_first_line(audit: ModuleType, tmp_path: Path) -> None:
    (tmp_path / audit.AUDIT_FILE).write_bytes(b'{"time": "2026-')
    chain = audit.read_chain(tmp_path)
    assert (chain.broken, chain.cut_off, chain.entries) == (0, (1,), ())
    audit.AuditLog(tmp_path).record("started")
    assert audit.read_chain(tmp_path).broken == 0


def test_a_crash_before_the_last_hash_was_noted(
    audit: ModuleType, log: Any, tmp_path: Path
) -> None:
    head = (tmp_path / audit.HEAD_FILE).read_text()
    log.record("started")
    (tmp_path / audit.HEAD_FILE).write_text(head)
    assert audit.read_chain(tmp_path).broken == 0


def test_lines_longer_than_a_block_and_many_writers(audit: ModuleType, tmp_path: Path) -> None:
    long = "x" * 100_000
    writers = [
        threading.Thread(
            target=lambda: [audit.AuditLog(tmp_path).record("w", text=long) for _ in range(5)]
        )
        for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    chain = audit.read_chain(tmp_path)
    assert (chain.broken, len(chain.entries)) == (0, 20)


def test_without_a_log_nothing_is_done(audit: ModuleType, tmp_path: Path) -> None:
    (tmp_path / audit.AUDIT_FILE).mkdir()
    with pytest.raises(audit.NotLogged, match="without a log nothing"):
        audit.AuditLog(tmp_path).record("started")


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process gets larger than ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("torn", [b"", b'{"time": "2026-'])
@pytest.mark.parametrize("room", [0, 1, 50])
def test_an_entry_without_room_leaves_the_log_as_it_was(
    audit: ModuleType, log: Any, tmp_path: Path, torn: bytes, room: int
) -> None:
    with log.path.open("ab") as file:
        file.write(torn)
    before = log.path.read_bytes()
    with room_for(len(before) + room), pytest.raises(audit.NotLogged) as caught:
        log.record("answered", round=4)
    assert str(caught.value) == (
        f"{log.path} cannot be written (File too large), and without a log nothing is done: make "
        "room, or whatever it lacks, and start again"
    )
    assert log.path.read_bytes() == before
    log.record("answered", round=4)
    chain = audit.read_chain(tmp_path)
    assert (chain.broken, chain.cut_off) == (0, (5,) if torn else ())
    assert chain.entries[-1]["round"] == 4


def test_an_entry_whose_hash_cannot_be_noted_is_none(
    audit: ModuleType, log: Any, tmp_path: Path
) -> None:
    before = log.path.read_bytes()
    (tmp_path / audit.HEAD_FILE).rename(tmp_path / "elsewhere")
    (tmp_path / audit.HEAD_FILE).mkdir()
    with pytest.raises(audit.NotLogged):
        log.record("answered", round=4)
    assert log.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        audit.HEAD_FILE,
        audit.AUDIT_FILE,
        "elsewhere",
    ]


def test_the_report(
    installed: Installed, audit: ModuleType, log: Any, tmp_path: Path, capsys: Any
) -> None:
    report = installed.client.module("audit_report").report
    log.path.unlink()
    (tmp_path / audit.HEAD_FILE).unlink()
    log.record("approved", digest="a" * 64, by="Dr. Meier", signer="SHA256:x")
    head = audit.read_chain(tmp_path).head
    log.record("enrolled", site=["nobody"])
    log.record("failed", message="train", round=2, reason="ValueError in train.py line 3")
    chain = audit.read_chain(tmp_path)
    assert report(chain, expect=head, as_json=False) == 0
    said = capsys.readouterr().out
    assert "approved   aaaaaaaaaaaa by Dr. Meier, signed by SHA256:x" in said
    assert "failed     train of round 2: ValueError in train.py line 3" in said
    assert "enrolled   an entry that demo-client does not write" in said
    assert said.splitlines()[-1].endswith(f"the last one's hash is {chain.head}")
    assert report(chain, expect="f" * 64, as_json=False) == 1
    assert "the log was written anew" in capsys.readouterr().out
    log.path.write_bytes(log.path.read_bytes().replace(b"Meier", b"Maier"))
    assert report(audit.read_chain(tmp_path), expect="", as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["whole"], told["broken_line"]) == (False, 1)
