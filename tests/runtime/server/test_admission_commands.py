"""The coordinator's commands that let sites in and out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from .conftest import Package


class Commands:
    """Runs `hub-server` in a folder of its own."""

    def __init__(self, server: Package, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", f"{self.server.name}.server_node", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.server.project)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def write_request(self, site: str) -> str:
        keys = self.server.site_keys
        key = ec.generate_private_key(ec.SECP384R1())
        content = {
            "site": site,
            "public_key": keys.openssh_line(key.public_key()),
            "fingerprint": keys.fingerprint_of(key.public_key()),
            "signature": keys.sign_request(site, key),
        }
        (self.folder / "request.json").write_text(json.dumps(content))
        return content["fingerprint"]


@pytest.fixture
def commands(server: Package, tmp_path: Path) -> Commands:
    return Commands(server, tmp_path)


def test_in_listed_and_out(commands: Commands) -> None:
    fingerprint = commands.write_request("north")
    code, said, _ = commands.run("admit", "request.json")
    assert code == 0
    assert said == (
        f"north is admitted with the key {fingerprint}\n"
        "compare this fingerprint with the one that the site sees, over another line\n"
        "servers that are started with --state server-state let it in from now on\n"
    )
    code, said, _ = commands.run("sites")
    assert code == 0 and said.startswith(f"north  {fingerprint}  since 20")
    code, said, _ = commands.run("revoke", "north")
    assert (code, said) == (
        0,
        f"north is shut out; its key {fingerprint} does not come back\n",
    )
    assert commands.run("sites") == (0, "", "no site is let in by server-state/keys.json\n")
    assert (commands.folder / "server-state" / "keys.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("admit", "none.json"), "none.json cannot be read: No such file or directory"),
        (("revoke", "south"), "no site 'south' was ever admitted; there are: none"),
    ],
)
def test_an_error_is_one_line(commands: Commands, arguments: tuple[str, str], said: str) -> None:
    assert commands.run(*arguments) == (1, "", f"hub-server: {said}\n")


def test_damaged_keys_stop_the_server(commands: Commands) -> None:
    state = commands.folder / "server-state"
    state.mkdir()
    (state / "keys.json").write_text("{")
    code, _, said = commands.run("start", "--address", "127.0.0.1:0")
    assert code == 4 and said.count("\n") == 1
    assert "keys.json is not a file of keys that this server wrote: put a good copy there" in said
