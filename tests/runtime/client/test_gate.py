from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict

from .conftest import Installed


@pytest.fixture
def gate(installed: Installed) -> ModuleType:
    return installed.client.module("gate")


class Asked:
    """A gate with a log, and what it answers when the app, or something in its place, works."""

    def __init__(self, installed: Installed, state: Path, rounds: int = 0, **rules: Any) -> None:
        self._client = installed.client
        self._state = state
        policy = self._client.module("policy").Policy(**rules)
        log = self._client.module("audit").AuditLog(state)
        self.gate = self._client.module("gate").Gate(policy, log, rounds)

    def ask(
        self, kind: str = "train", change: Any = None, control: ArrayRecord | None = None
    ) -> Message:
        client = self._client
        weights = None if kind == "query" else client.weights()
        message = client.letter(kind, weights)
        if control is not None:
            message.content["control"] = control
            message.content.config_records["config"]["local-term"] = "scaffold"
        context = Context(
            run_id=1, node_id=2, node_config=client.node, state=RecordDict(), run_config={}
        )

        def work() -> Message:
            reply: Message = client.app(message, context)
            if change:
                change(reply.content)
            return reply

        answer: Message = self.gate.answer(message, work)
        return answer

    @property
    def logged(self) -> list[dict[str, Any]]:
        return list(self._client.module("audit").read_chain(self._state).entries)


def test_what_leaves_is_logged_by_name_and_digest(installed: Installed, tmp_path: Path) -> None:
    asked = Asked(installed, tmp_path)
    assert not asked.ask("query").has_error()
    reply = asked.ask()
    query, train = asked.logged
    assert query["left"]["words"]["site"] == "zurich"
    arrays = reply.content.array_records["arrays"]
    assert [(each["name"], each["shape"]) for each in train["left"]["arrays"]] == [
        (name, list(array.shape)) for name, array in arrays.items()
    ]
    assert train["left"]["numbers"]["metrics"] == dict(reply.content.metric_records["metrics"])
    assert train["bytes_out"] == sum(len(array.data) for array in arrays.values())


def test_what_is_no_number_is_null_in_the_log(installed: Installed, tmp_path: Path) -> None:
    asked = Asked(installed, tmp_path)

    def breaks(content: RecordDict) -> None:
        content.metric_records["metrics"]["train_loss"] = float("nan")

    assert not asked.ask(change=breaks).has_error()
    (entry,) = asked.logged
    assert entry["left"]["numbers"]["metrics"]["train_loss"] is None
    report = installed.client.module("audit_report").report
    chain = installed.client.module("audit").read_chain(tmp_path)
    assert report(chain, expect="", as_json=False) == 0


def test_control_variates_leave_only_where_the_server_sent_some(
    installed: Installed, tmp_path: Path
) -> None:
    weights = installed.client.weights()
    control = ArrayRecord(
        {
            name: Array(np.zeros(array.shape, np.float32))
            for name, array in weights.items()
            if array.dtype == "float32"
        }
    )
    asked = Asked(installed, tmp_path)
    assert not asked.ask(control=control).has_error()
    records = [each["record"] for each in asked.logged[0]["left"]["arrays"]]
    assert (records.count("arrays"), records.count("control")) == (len(weights), len(control))

    def adds(content: RecordDict) -> None:
        content["control"] = control

    assert asked.ask(change=adds).error.reason == "the reply's control is not what it should be"


def _array(content: RecordDict) -> None:
    content.array_records["arrays"]["patients"] = Array(np.zeros(9, np.float32))


def _wider(content: RecordDict) -> None:
    content.array_records["arrays"]["0.bias"] = Array(np.zeros(900, np.float32))


def _double(content: RecordDict) -> None:
    value = content.array_records["arrays"]["0.bias"].numpy().astype(np.float64)
    content.array_records["arrays"]["0.bias"] = Array(value)


def _number(content: RecordDict) -> None:
    content.metric_records["metrics"]["age of patient 7"] = 61.0


def _list(content: RecordDict) -> None:
    content.metric_records["evaluation"]["accuracy"] = [61.0, 62.0]


def _text(content: RecordDict) -> None:
    content["notes"] = ConfigRecord({"patient": "Erika Mustermann"})


def _timing(content: RecordDict) -> None:
    content["timing"] = MetricRecord({"age of patient 7": 61.0})


def _disguised(content: RecordDict) -> None:
    content["metrics"] = ArrayRecord({"a": Array(np.zeros(9, np.float32))})


@pytest.mark.parametrize(
    "change", [_array, _wider, _double, _number, _list, _text, _timing, _disguised]
)
def test_all_else_is_an_error_at_the_site(
    installed: Installed, tmp_path: Path, change: Any
) -> None:
    asked = Asked(installed, tmp_path)
    reply = asked.ask(change=change)
    assert reply.has_error()
    (entry,) = asked.logged
    assert entry["event"] == "not-sent"
    for text in (reply.error.reason, str(entry)):
        assert "patient 7" not in text and "Mustermann" not in text


def test_only_allowed_metrics_leave(installed: Installed, tmp_path: Path) -> None:
    asked = Asked(installed, tmp_path, metrics=("accuracy",))
    content = asked.ask().content
    assert list(content.metric_records["metrics"]) == ["num-examples"]
    assert sorted(content.metric_records["evaluation"]) == ["accuracy", "num-examples"]
    none = Asked(installed, tmp_path, metrics=())
    assert list(none.ask("evaluate").content.metric_records["metrics"]) == ["num-examples"]


def test_too_few_examples(installed: Installed, tmp_path: Path) -> None:
    # 42 to train on, and 14 to test on.
    assert not Asked(installed, tmp_path, least_examples=14).ask().has_error()
    refused = Asked(installed, tmp_path, least_examples=15)
    assert refused.ask().error.reason == "the policy of this site: too few examples"
    assert refused.ask("evaluate").has_error()
    assert not refused.ask("query").has_error()


def test_no_more_rounds_than_one_approval_is_good_for(
    installed: Installed, gate: ModuleType, tmp_path: Path
) -> None:
    approve = installed.client.module("approval").approve
    approve(tmp_path, by="Dr. Meier")
    asked = Asked(installed, tmp_path, most_rounds=2)
    assert [asked.ask().has_error() for _ in range(3)] == [False, False, True]
    assert asked.logged[-1]["reason"] == "the policy of this site: no more rounds"
    assert not asked.ask("evaluate").has_error()
    # A server that begins anew does not begin to count anew.
    assert gate.rounds_so_far(tmp_path) == 2
    assert Asked(installed, tmp_path, gate.rounds_so_far(tmp_path), most_rounds=2).ask().has_error()
    approve(tmp_path, by="Dr. Meier")
    assert gate.rounds_so_far(tmp_path) == 0
    log = tmp_path / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b"answered", b"accepted"))
    with pytest.raises(installed.client.module("exits").SiteError, match="not to be trusted"):
        gate.rounds_so_far(tmp_path)


def test_outside_of_the_hours_nothing_is_done(installed: Installed, tmp_path: Path) -> None:
    now = datetime.now().astimezone()
    opens, closes = ((now + timedelta(hours=hours)).time() for hours in (2, 4))
    hours = installed.client.module("policy").Hours(opens, closes)
    asked = Asked(installed, tmp_path, hours=hours)

    def never(_: RecordDict) -> None:
        raise AssertionError("worked all the same")

    assert asked.ask(change=never).error.reason == (
        "the policy of this site: not at this time of day"
    )
    assert asked.logged[0]["event"] == "policy"
    always = installed.client.module("policy").Hours(time(0), time(23, 59, 59, 999999))
    assert not Asked(installed, tmp_path, hours=always).ask().has_error()


def test_a_failure_is_logged_as_the_server_hears_of_it(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: object) -> None:
        raise ValueError("Erika Mustermann")

    monkeypatch.setattr(installed.client.module("stages"), "train", fails)
    asked = Asked(installed, tmp_path)
    assert asked.ask().has_error()
    (entry,) = asked.logged
    assert entry["event"] == "failed" and entry["reason"].startswith("ValueError")
    assert "Mustermann" not in str(entry)
