"""What a site tries and reads before it takes part: review, check, dry-run, local."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from safetensors.numpy import load_file

from .conftest import Installed

pytestmark = pytest.mark.usefixtures("own_environment")


@pytest.fixture
def config(installed: Installed) -> Path:
    path = installed.folder / "zurich.yaml"
    content = {
        "site": "zurich",
        "server": "127.0.0.1:1",
        "ca": "none.pem",
        "params": {"DATA_FILE": "zurich.csv"},
    }
    path.write_text(json.dumps(content))
    return path


def run(installed: Installed, config: Path, *arguments: str) -> int:
    options = ("--config", str(config), "--state", str(config.parent / "state"))
    code: int = installed.client.module("console").main([*arguments, *options])
    return code


@pytest.fixture
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)


@pytest.mark.usefixtures("no_connections")
def test_a_dry_run_shows_all_that_would_leave(
    installed: Installed, config: Path, capsys: Any
) -> None:
    assert run(installed, config, "dry-run", "--json", "--seed", "7") == 0
    left = json.loads(capsys.readouterr().out)["left"]
    # The server's first message would bring the weights of this seed.
    client = installed.client
    client.module("randomness").seed_everything(7, "model")
    reply = client.ask("train", client.weights()).content
    assert set(left["numbers"]) == {"metrics", "evaluation", "timing"}
    for record in ("metrics", "evaluation"):
        assert left["numbers"][record] == dict(reply.metric_records[record])
    arrays = reply.array_records["arrays"]
    assert [each["name"] for each in left["arrays"]] == list(arrays)
    assert run(installed, config, "dry-run") == 0
    said = capsys.readouterr().out
    assert "arrays  0.weight               float32 (4, 3)" in said
    assert "Nothing was sent" in said
    # Nor is anything approved, or logged as if it had left.
    assert not (config.parent / "state/audit.jsonl").exists()


@pytest.mark.usefixtures("no_connections")
def test_the_model_of_this_site_alone(
    installed: Installed, config: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "alone.safetensors"
    assert run(installed, config, "local", "--rounds", "2", "--out", str(out), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    first, second = told["rounds"]
    assert second["train_loss"] < first["train_loss"]
    assert set(told["evaluation"]) == {"num-examples", "accuracy"}
    assert int(load_file(out)["1.num_batches_tracked"]) == 12


def test_a_dry_run_of_bad_data_says_where_to_look(
    installed: Installed, config: Path, capsys: Any
) -> None:
    content = json.loads(config.read_text())
    bad = config.parent / "bad.csv"
    bad.write_text("a,b,c,label\n1,2,Mustermann,0\n")
    config.write_text(json.dumps({**content, "site": "bad", "params": {"DATA_FILE": "bad.csv"}}))
    assert run(installed, config, "dry-run") == 1
    assert "the whole trace is in site.log" in capsys.readouterr().err


def test_check_finds_all_that_is_wrong_at_once(
    installed: Installed, config: Path, capsys: Any
) -> None:
    assert run(installed, config, "check", "--json") == 1
    checks = {each["check"]: each for each in json.loads(capsys.readouterr().out)["checks"]}
    wrong = {name for name, each in checks.items() if each["state"] == "FAILED"}
    assert wrong == {"approval", "key", "server"}
    assert all(checks[name]["fix"] for name in ("approval", "key"))
    assert checks["data"]["state"] == "ok"
    assert run(installed, config, "check") == 1
    said = capsys.readouterr().out
    assert "to do: demo-client review, then demo-client approve" in said
    assert said.splitlines()[-1].startswith("3 of ")


def test_check_tells_that_the_key_was_changed(
    installed: Installed, config: Path, capsys: Any
) -> None:
    assert run(installed, config, "enroll", "--out", str(config.parent / "request.json")) == 0
    key = config.parent / "state" / "site.key"
    key.unlink()
    installed.client.module("identity").ensure_identity(key.parent)
    capsys.readouterr()
    assert run(installed, config, "check", "--json") == 1
    checks = {each["check"]: each for each in json.loads(capsys.readouterr().out)["checks"]}
    assert "is not the key that was enrolled here" in checks["key"]["result"]


def test_review_is_made_without_running_the_notebook(
    installed: Installed, config: Path, capsys: Any
) -> None:
    train = installed.package / "train.py"
    before = train.read_text()
    train.write_text(before + 'import requests\nrequests.get("https://weights.example/net.pt")\n')
    try:
        assert run(installed, config, "review") == 0
    finally:
        train.write_text(before)
    said = capsys.readouterr().out
    assert "data.py         loads this site's data: demo.ipynb:cell 5" in said
    assert "numbers of evaluation: accuracy" in said
    assert "127.0.0.1:1, by TLS" in said
    assert "https://weights.example/net.pt" in said and "import requests" in said
    assert "not approved here yet" in said


@pytest.fixture
def sightings(installed: Installed) -> ModuleType:
    return installed.client.module("sightings")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("net = resnet18(weights='DEFAULT')", "resnet18(weights='DEFAULT')"),
        ("net = resnet18(pretrained=True)", "resnet18(pretrained=True)"),
        ("net = torch.hub.load('a/b', 'c')", "torch.hub.load(...)"),
        ("net = AutoModel.from_pretrained(name)", "AutoModel.from_pretrained(...)"),
        (
            "path = huggingface_hub.hf_hub_download('a', 'b')",
            "huggingface_hub.hf_hub_download(...)",
        ),
        ("from urllib.request import urlopen", "from urllib.request import"),
        ("data = MNIST('.', download=True)", "MNIST(download=True)"),
        ("import os\nos.system('curl x')", "os.system(...)"),
        ("import subprocess as s", "import subprocess"),
    ],
)
def test_signs_of_downloads(sightings: ModuleType, source: str, text: str) -> None:
    assert text in [each.text for each in sightings.sightings(source)]


@pytest.mark.parametrize(
    "source",
    [
        "net = resnet18(weights=None)",
        "data = MNIST('.', download=False)",
        "x = torch.load(path)",
        "note = 'see https'",
    ],
)
def test_no_signs_of_downloads(sightings: ModuleType, source: str) -> None:
    assert sightings.sightings(source) == []


def test_help_shows_the_order_and_the_exit_codes(installed: Installed, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        installed.client.module("console").main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    verbs = ("verify", "review", "approve", "enroll", "check", "dry-run", "start")
    places = [said.index(f"demo-client {verb} ") for verb in verbs]
    assert places == sorted(places)
    assert "exit codes: 0 done, 1 something is wrong here" in said
