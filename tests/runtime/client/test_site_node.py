"""The site's command, as a process of its own, alone and with the server's command."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.runtime import demo
from tests.runtime.processes import wait_for

TIMEOUT = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    demo.write_packages(demo.program(), tmp_path)
    demo.write_data(tmp_path)
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_site(folder: Path, site: str, **changes: object) -> Path:
    content = {
        "site": site,
        "server": "127.0.0.1:1",
        "ca": "state/pki/ca.pem",
        "threads": 1,
        "params": {"DATA_FILE": f"{site}.csv"},
        **changes,
    }
    path = folder / f"{site}.yaml"
    path.write_text(json.dumps(content))
    return path


def command(folder: Path, side: str, module: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"demo_{side}.{module}", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / side)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def admit(folder: Path, config: Path) -> None:
    """Do what a site and its coordinator do once; the site's package is approved as it is."""
    request = folder / "request.json"
    for side, module, *arguments in (
        ("client", "console", "enroll", "--config", config, "--out", request),
        ("client", "console", "approve", "--config", config),
        ("server", "server_node", "admit", request, "--state", "state"),
    ):
        process = command(folder, side, module, *arguments)
        said = output(process)
        assert process.returncode == 0, said


def site_command(folder: Path, config: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start the site of ``config``, which is admitted."""
    admit(folder, config)
    return command(folder, "client", "console", "start", "--config", config, *arguments)


@contextmanager
def server(folder: Path, port: int, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    process = command(
        folder,
        *("server", "server_node", "start", "--address", f"127.0.0.1:{port}"),
        *("--state", "state", "--run-dir", "run", *arguments),
    )
    try:
        wait_for((folder / "state/pki/ca.pem").exists)
        yield process
    finally:
        end([process])


def end(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def output(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=TIMEOUT)[0]


def events(folder: Path) -> list[dict[str, object]]:
    path = folder / "run/events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def audited(folder: Path, site: str) -> Any:
    process = command(folder, "client", "console", "audit", "--config", f"{site}.yaml", "--json")
    chain = json.loads(output(process))
    assert (process.returncode, chain["whole"]) == (0, True)
    return chain


def happened(folder: Path, name: str) -> bool:
    return any(event["event"] == name for event in events(folder))


def test_two_sites_and_a_server_finish_a_run(folder: Path) -> None:
    port = free_port()
    sites = []
    with server(folder, port, "--sites", "cleveland,zurich", "--rounds", 2) as serving:
        for site in ("cleveland", "zurich"):
            config = write_site(folder, site, server=f"127.0.0.1:{port}")
            sites.append(site_command(folder, config))
        try:
            said = [output(site) for site in sites]
            served = output(serving)
        finally:
            end(sites)
    assert [site.returncode for site in sites] == [0, 0], said
    assert serving.returncode == 0, served
    finished = events(folder)[-1]
    assert (finished["event"], finished["outcome"]) == ("run-finished", "finished")
    assert re.search(r"cleveland: round 1: trained on 36 examples in \d+\.\d s", said[0])
    assert "cleveland: the run has ended" in said[0]
    log = folder / ".demo-client/cleveland/site.log"
    assert log.stat().st_mode & 0o777 == 0o600
    chain = audited(folder, "cleveland")
    assert [entry["event"] for entry in chain["entries"]] == [
        *("enrolled", "approved", "started"),
        # The query, two rounds, the last evaluation, and the server's last word.
        *("answered", "answered", "answered", "answered", "answered"),
        "ended",
    ]
    # What the site says it sent is what the server says it got.
    sent = [each["left"]["numbers"] for each in chain["entries"] if each["event"] == "answered"]
    replied = [each for each in events(folder) if each["event"] == "site-replied"]
    assert [each["metrics"]["train_loss"] for each in sent[1:3]] == [
        each["train"]["train_loss"] for each in replied if each["site"] == "cleveland"
    ]


def test_a_run_whose_notebook_does_not_evaluate_ends_too(tmp_path: Path) -> None:
    demo.write_packages(demo.without_evaluation(demo.program()), tmp_path)
    demo.write_data(tmp_path)
    port = free_port()
    with server(tmp_path, port, "--sites", "zurich", "--rounds", 1) as serving:
        site = site_command(tmp_path, write_site(tmp_path, "zurich", server=f"127.0.0.1:{port}"))
        try:
            said = output(site)
            served = output(serving)
        finally:
            end([site])
    assert site.returncode == 0, said
    assert serving.returncode == 0, served


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_site_signs_off(folder: Path, number: signal.Signals) -> None:
    port = free_port()
    with server(folder, port, "--sites", "cleveland,zurich", "--join-timeout", 100):
        site = site_command(folder, write_site(folder, "zurich", server=f"127.0.0.1:{port}"))
        try:
            wait_for(lambda: happened(folder, "site-joined"))
            site.send_signal(number)
            said = output(site)
        finally:
            end([site])
    assert site.returncode == 130
    assert said.endswith("zurich: stopped\n")
    assert "Traceback" not in said


def test_data_that_cannot_be_read_end_the_site_and_stay_there(folder: Path) -> None:
    name = "Erika Mustermann"
    (folder / "zurich.csv").write_text(f"a,b,c,label\n1,2,{name},0\n")
    port = free_port()
    with server(folder, port, "--sites", "zurich", "--rounds", 1) as serving:
        site = site_command(folder, write_site(folder, "zurich", server=f"127.0.0.1:{port}"))
        try:
            said = output(site)
            served = output(serving)
        finally:
            end([site])
    assert site.returncode == 1
    assert said.splitlines()[-1].startswith("zurich: error: the data could not be loaded")
    assert serving.returncode == 4
    assert (
        "data not loaded: ValueError in data.py line" in (folder / "run/events.jsonl").read_text()
    )
    for path in [*(folder / "run").rglob("*"), *(folder / "state").rglob("*")]:
        assert not path.is_file() or name.encode() not in path.read_bytes(), path
    assert name not in served
    assert name in (folder / ".demo-client/zurich/site.log").read_text()


def test_another_package_is_turned_away(folder: Path) -> None:
    port = free_port()
    with server(folder, port, "--sites", "zurich", "--join-timeout", 100):
        train = folder / "client/demo_client/train.py"
        train.write_text(train.read_text() + "# edited\n")
        site = site_command(folder, write_site(folder, "zurich", server=f"127.0.0.1:{port}"))
        try:
            said = output(site)
        finally:
            end([site])
        wait_for(lambda: happened(folder, "site-refused"))
    assert site.returncode == 1
    assert re.fullmatch(
        r"zurich: error: this site runs package [0-9a-f]{12}, the server asks for [0-9a-f]{12}: "
        r"install the package that belongs to it, `review` and `approve` it, and start again",
        said.splitlines()[-1],
    )


def test_a_site_finds_a_server_that_was_killed_and_started_again(folder: Path) -> None:
    slow = demo.TRAIN + "\nimport time\ntime.sleep(1)"
    demo.write_packages(demo.program(train=slow), folder)
    port = free_port()
    config = write_site(folder, "zurich", server=f"127.0.0.1:{port}")
    sites = []
    try:
        with server(folder, port, "--sites", "zurich", "--rounds", 50) as first:
            sites.append(site_command(folder, config))
            wait_for(lambda: happened(folder, "round-finished"))
            first.kill()
        (folder / "run").rename(folder / "run-before")
        with server(folder, port, "--sites", "zurich", "--rounds", 1) as second:
            said, served = output(sites[0]), output(second)
    finally:
        end(sites)
    assert (sites[0].returncode, second.returncode) == (0, 0), said + served
    assert events(folder)[-1]["outcome"] == "finished"


def checked(folder: Path, config: Path) -> dict[str, dict[str, str]]:
    process = command(folder, "client", "console", "check", "--config", config, "--json")
    found = output(process)
    return {each["check"]: each for each in json.loads(found[found.index("{") :])["checks"]}


def test_a_site_that_is_revoked_is_cut_off(folder: Path) -> None:
    port = free_port()
    with server(folder, port, "--sites", "cleveland,zurich", "--join-timeout", 100):
        config = write_site(folder, "zurich", server=f"127.0.0.1:{port}")
        site = site_command(folder, config, "--patience", 1)
        try:
            wait_for(lambda: happened(folder, "site-joined"))
            assert checked(folder, config)["admitted"]["state"] == "ok"
            revoking = command(
                folder, "server", "server_node", "revoke", "zurich", "--state", "state"
            )
            assert "zurich is shut out" in output(revoking)
            said = output(site)
            checks = checked(folder, config)
        finally:
            end([site])
    assert site.returncode == 4
    last = said.splitlines()[-1]
    assert last.startswith(f"zurich: error: 127.0.0.1:{port} does not let this site in: ")
    assert "is not admitted there: give " in last
    assert checks["server"]["state"] == checks["clock"]["state"] == "ok"
    assert checks["admitted"]["state"] == "FAILED"


def failing(folder: Path, *arguments: object) -> str:
    """Run the command with ``arguments``; return its one line."""
    process = command(folder, "client", "console", *arguments)
    try:
        said = output(process)
    finally:
        end([process])
    assert process.returncode != 0
    lines = [line for line in said.splitlines() if "no answer from" not in line]
    assert len(lines) == 1, said
    assert "Traceback" not in said
    return f"{process.returncode} {lines[0]}"


def test_errors_are_one_line_that_says_what_to_do(folder: Path) -> None:
    ca = folder / "state/pki/ca.pem"
    config = write_site(folder, "zurich")
    start = ("start", "--config", config)
    assert failing(folder, "start", "--config", "none.yaml") == (
        "1 demo-client: error: none.yaml cannot be read (No such file or directory): name this "
        "site's file with --config"
    )
    assert failing(folder, *start) == (
        f"1 demo-client: error: there is no CA certificate {ca}: get ca.pem from the coordinator "
        f"and name it as `ca` in {config}, or with --ca"
    )
    assert failing(folder, *start, "--site", "nowhere") == (
        f"1 demo-client: error: {config} is the file of 'zurich', not of 'nowhere'"
    )
    from_server = folder / "server"
    sys.path.insert(0, str(from_server))
    try:
        from demo_server.certificates import ensure_certificates  # type: ignore[import-not-found]

        ensure_certificates(ca.parent)
    finally:
        sys.path.remove(str(from_server))
        for name in [name for name in sys.modules if name.startswith("demo_server")]:
            del sys.modules[name]
    assert failing(folder, *start, "--server", "here") == (
        "1 demo-client: error: 'here' is no address of a server: write `server: HOST:PORT` into "
        f"{config}, or give --server"
    )
    assert re.fullmatch(
        r"1 zurich: error: nobody has approved this package \(digest [0-9a-f]{12}\) here: read it "
        r"with `review`, then `approve` it",
        failing(folder, *start),
    )
    approving = command(folder, "client", "console", "approve", "--config", config)
    assert "approved by " in output(approving)
    unused = f"127.0.0.1:{free_port()}"
    assert re.fullmatch(
        rf"4 zurich: error: no server at {unused} within 0.5 s \(.*refused.*\): ask the "
        r"coordinator if it runs and if the address is right; --patience waits for longer",
        failing(folder, *start, "--server", unused, "--patience", "0.5"),
    )
    write_site(folder, "zurich", params={"DATA_FILE": "none/zurich.csv"})
    assert failing(folder, *start) == (
        f"1 zurich: error: DATA_FILE: there is no none/zurich.csv in {folder}: correct it in "
        "zurich.yaml"
    )
    write_site(folder, "zurich", params={})
    assert failing(folder, *start) == (
        "1 zurich: error: this site does not set DATA_FILE: correct zurich.yaml"
    )
    write_site(folder, "zurich", overrides={"LR": "fast"})
    assert failing(folder, *start) == (
        "1 zurich: error: this site sets LR to 'fast', which is not of type float: correct "
        "zurich.yaml"
    )
    write_site(folder, "zurich", params={"DATA_FILE": "zurich.csv", "SPEED": 1})
    assert failing(folder, *start) == (
        "1 zurich: error: zurich.yaml sets SPEED, which this package does not have"
    )


def test_help_has_an_example(folder: Path) -> None:
    process = command(folder, "client", "console", "start", "--help")
    said = output(process)
    assert process.returncode == 0
    assert "example: demo-client start --site cleveland --config site.yaml" in said
