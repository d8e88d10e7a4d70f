"""Start a SuperLink beside this process, on this machine alone, and end it in every case."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import secrets
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .addresses import StartError, join_address, parse_address, taken_port
from .certificates import Certificates, ensure_certificates

_STOP_SECONDS = 5.0
_LOG_LINES = 3


@dataclass(frozen=True)
class SuperLinkProcess:
    """A SuperLink that was started: its address, and what it takes to talk to it."""

    address: str
    certificates: Certificates
    secret: bytes
    log: Path
    child: subprocess.Popen[bytes]

    def alive(self) -> bool:
        """Say whether the process runs."""
        return self.child.poll() is None

    def last_words(self) -> str:
        """Return the end of the process's log in one line."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines()]
        return " / ".join([line for line in lines if line][-_LOG_LINES:])


@contextmanager
def superlink_process(
    address: str, state_dir: Path, *, hosts: Collection[str] = ()
) -> Iterator[SuperLinkProcess]:
    """Run a SuperLink on ``address`` (HOST:PORT, port 0 for any) with its keys in ``state_dir``.

    It speaks TLS only, runs no code but its own, and its Runtime API takes a secret that is new
    each time and that nobody but this process knows. Sites cannot register themselves. ``hosts``
    are the names by which sites know this machine, for the certificate. Raises StartError.
    """
    host, port = parse_address(address)
    _check_loopback(host)
    state = _state_folder(state_dir)
    with _locked(state), contextlib.ExitStack() as stack:
        with taken_port(host, port) as free:
            port = free.getsockname()[1]
        certificates = ensure_certificates(state / "pki", hosts)
        secret = _new_secret(state / "superexec.secret")
        log = state / "superlink.log"
        child = _start(host, port, state, certificates, log)
        stack.callback(_stop, child)
        yield SuperLinkProcess(join_address(host, port), certificates, secret, log, child)


def flower_environment(state: Path) -> dict[str, str]:
    """Return the variables that keep Flower from reporting home and from a user's ~/.flwr."""
    return {
        "FLWR_HOME": str(state / "flwr"),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_LOG_LEVEL": "WARNING",
    }


def _start(
    host: str, port: int, state: Path, certificates: Certificates, log: Path
) -> subprocess.Popen[bytes]:
    # -P: the script's own folder, this package, must not hide installed modules.
    command = [sys.executable, "-P", str(Path(__file__).with_name("superlink_child.py"))]
    command += ["--host", host, "--port", str(port)]
    command += ["--ssl-ca-certfile", str(certificates.ca)]
    command += ["--ssl-certfile", str(certificates.server)]
    command += ["--ssl-keyfile", str(certificates.key)]
    command += ["--isolation", "process", "--disable-runtime-dependency-installation"]
    command += ["--superexec-auth-secret-file", str(state / "superexec.secret")]
    command += ["--enable-supernode-auth"]
    # No --database: a run does not survive its SuperLink with one either, and so nothing that a
    # site sends ever lies on this machine's disk.
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **flower_environment(state)},
            # A session of its own: Ctrl-C in the terminal is for this process to handle.
            start_new_session=True,
        )


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.stdin:
        # The child takes the end of its input for our end, and ends too.
        child.stdin.close()
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_STOP_SECONDS)
    finally:
        # Too slow, or somebody pressed Ctrl-C once more.
        if child.poll() is None:
            child.kill()
            child.wait()


def _check_loopback(host: str) -> None:
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        # Whoever reaches a SuperLink's port may start runs on it.
        raise StartError(f"{host} is not an address of this machine alone")


def _state_folder(state_dir: Path) -> Path:
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartError(f"{state_dir} cannot be made: {error.strerror}") from error
    return state_dir.resolve()


@contextmanager
def _locked(state: Path) -> Iterator[None]:
    """Keep a second server out of the same state; the system frees the lock of a dead one."""
    with (state / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(
                f"another server is using {state}: stop it, or name another folder with --state"
            ) from error
        yield


def _new_secret(path: Path) -> bytes:
    secret = secrets.token_hex(32).encode()
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
    return secret
