from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.runtime import demo
from tests.runtime.loading import Client, importable

torch.set_num_threads(1)

NAME = "Erika Mustermann"


@contextmanager
def client_of(folder: Path, **code: str) -> Iterator[Client]:
    demo.write_packages(demo.program(**code), folder)
    with importable(folder / "client"):
        yield Client("demo_client", {"site": "cleveland", "DATA_FILE": "cleveland.csv"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    demo.write_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_text_of_an_exception_stays_at_the_site(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    raising = f"table = {{}}\nfor row in ['{NAME}']:\n    table[row]"
    with client_of(folder, train=raising) as client, caplog.at_level(logging.DEBUG):
        reply = client.ask("train", client.weights())
    line = (folder / "client/demo_client/train.py").read_text().splitlines().index(
        "        table[row]"
    ) + 1
    assert reply.error.reason == f"KeyError in train.py line {line} (demo.ipynb cell 7 line 4)"
    assert NAME not in str(reply)
    assert NAME in caplog.text


def test_the_innermost_line_of_the_notebook_is_named(folder: Path) -> None:
    inside_torch = "torch.zeros(2, 3) @ torch.zeros(2, 3)"
    with client_of(folder, train=f"x = 1\n{inside_torch}") as client:
        reason = str(client.ask("train", client.weights()).error.reason)
    assert reason.startswith("RuntimeError in train.py line ")
    assert reason.endswith("(demo.ipynb cell 7 line 3)")


@pytest.mark.parametrize(
    "kind",
    [
        "type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})",
        "type('Odd', (BaseException,), {})",
    ],
)
def test_an_odd_exception_is_answered_as_any_other(folder: Path, kind: str) -> None:
    with client_of(folder, train=f"raise {kind}('{NAME}')") as client:
        reply = client.ask("train", client.weights())
    assert reply.error.reason.startswith("Odd in train.py line ")


def test_a_model_that_a_failed_round_left_with_other_types_is_made_anew(folder: Path) -> None:
    once = """\
import os
if not os.path.exists('failed'):
    open('failed', 'w').close()
    model.double()
    raise ValueError
"""
    with client_of(folder, train=once + demo.TRAIN) as client:
        weights = client.weights()
        assert client.ask("train", weights).has_error()
        assert not client.ask("train", client.weights(), evaluate=True).has_error()


def test_a_stage_may_not_end_the_process(folder: Path) -> None:
    with client_of(folder, train=f"raise SystemExit('no data of {NAME}')") as client:
        reply = client.ask("train", client.weights())
    assert "SystemExit in train.py" in str(reply.error.reason)
    assert NAME not in str(reply)


def test_an_interrupt_is_no_failure(folder: Path) -> None:
    with (
        client_of(folder, train="raise KeyboardInterrupt") as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.ask("train", client.weights())


def test_data_that_cannot_be_loaded_are_told_apart(folder: Path) -> None:
    (folder / "cleveland.csv").write_text(f"a,b,c,label\n1,2,{NAME},0\n")
    with client_of(folder) as client:
        reply = client.ask("train", client.weights())
        assert reply.error.code == client.module("failure_codes").Failure.DATA_NOT_LOADED
        # Another process has to read it, which does not have this package.
        assert type(reply.error.code) is int
    assert str(reply.error.reason).startswith("data not loaded: ValueError in data.py line ")
    assert "(demo.ipynb cell 5 line 1)" in str(reply.error.reason)
    assert NAME not in str(reply)


def test_a_site_value_of_the_wrong_kind_is_not_repeated(folder: Path) -> None:
    with client_of(folder) as client:
        client.node["param.LR"] = NAME
        reply = client.ask("train", client.weights())
    assert "OverrideError" in str(reply.error.reason)
    assert NAME not in str(reply)
