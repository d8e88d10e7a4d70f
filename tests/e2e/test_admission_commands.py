"""``nbfed admit`` and ``nbfed revoke``, and a site of this machine that is let in by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import nbfed
from tests.e2e.study import write_study


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the commands run in; the study is built."""
    folder = tmp_path_factory.mktemp("admission")
    write_study(folder / "study")
    assert nbfed("build", "study/study.ipynb", cwd=folder).code == 0
    return folder


def enroll(folder: Path, site: str) -> str:
    """Write request.json as the site does; return the fingerprint."""
    client = folder / "dist" / "study" / "client"
    command = [sys.executable, "-m", "study_client.console", "enroll", "--site", site]
    (folder / "site.yaml").write_text("")
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(client)},
        capture_output=True,
        text=True,
        check=True,
    )
    fingerprint: str = json.loads((folder / "request.json").read_text())["fingerprint"]
    assert f"fingerprint of this site's key: {fingerprint}" in done.stdout
    return fingerprint


def test_a_site_is_let_in_and_shut_out(built: Path) -> None:
    fingerprint = enroll(built, "west")
    done = nbfed("admit", "request.json", cwd=built)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"west is admitted with the key {fingerprint}\n")
    # The same name on the server's own machine is another site's now.
    done = nbfed("run-client", "--site", "west", "--patience", "0", cwd=built)
    assert done.code == 4 and "there is no certificate" in done.err
    (built / ".nbfed" / "study" / "pki").mkdir()
    (built / ".nbfed" / "study" / "pki" / "ca.pem").write_text("")
    done = nbfed("run-client", "--site", "west", "--patience", "0", cwd=built)
    assert done.code == 1
    assert done.err == (
        f"error: west is admitted with another key, {fingerprint}: if that one is to go, revoke "
        "the site first\n"
    )
    done = nbfed("revoke", "west", cwd=built)
    assert done.out == f"west is shut out; its key {fingerprint} does not come back\n"
    done = nbfed("admit", "request.json", cwd=built)
    assert done.code == 1 and "was revoked and does not come back" in done.err


def test_a_site_that_federation_yaml_does_not_name_is_noted(built: Path) -> None:
    enroll(built, "elsewhere")
    done = nbfed("admit", "request.json", cwd=built)
    assert done.code == 0
    assert "federation.yaml does not name elsewhere yet" in done.err


def test_what_is_no_request(built: Path) -> None:
    done = nbfed("admit", "site.yaml", cwd=built)
    assert done.code == 1
    assert done.err.startswith("error: site.yaml is not the file that a site's `enroll` writes")
