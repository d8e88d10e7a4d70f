"""What a site's process has around it: its log, its folder, flwr's settings, a polite end."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from .device import AUTO, choose_device
from .exits import SiteError
from .terminable import terminable

_log = logging.getLogger(__package__)


@contextlib.contextmanager
def at_site(site: str, state: Path, folder: Path, device: str = AUTO) -> Iterator[None]:
    """Work as ``site`` in ``folder``, and see ``device`` alone; ``state`` is made if need be.

    Raises SiteError.

    flwr must not be imported before: it reads the environment as it is imported.
    """
    with _logging(site, state), terminable(), contextlib.chdir(folder):
        os.environ["FLWR_HOME"] = str(state / "flwr")
        os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
        os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
        choose_device(device)
        yield


class _OwnLog(logging.FileHandler):
    """The site's own log. That it cannot be written is said once, and stops nothing."""

    def __init__(self, site: str, file: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self._site = site
        self._told = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Called within the handling of an error."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._told:
            self._told = True
            with contextlib.suppress(OSError):
                print(
                    f"{self._site}: {self.baseFilename} cannot be written ({error.strerror}): make "
                    "room; the work goes on, but what fails meanwhile leaves no trace there",
                    file=sys.stderr,
                    flush=True,
                )

    def close(self) -> None:
        """Close it, whether or not there is room for its last lines."""
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def _logging(site: str, state: Path) -> Iterator[None]:
    """Short lines on the screen; everything, whole traces too, in the site's own log."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = state / "site.log"
        # Traces may hold data of patients: nobody else may read them.
        os.close(os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        log_file = _OwnLog(site, file)
    except OSError as error:
        raise SiteError(f"{state} cannot be written: {error.strerror}") from error
    log_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.INFO)
    screen.setFormatter(logging.Formatter(f"{site}: %(message)s"))
    _log.setLevel(logging.DEBUG)
    logging.getLogger("flwr").setLevel(logging.WARNING)
    handlers = (log_file, screen)
    for handler in handlers:
        _log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            _log.removeHandler(handler)
            handler.close()
