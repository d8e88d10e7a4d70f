"""The machine that a kit is for: its platform and its Python."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbfed.errors import UsageError

_MANYLINUX = re.compile(r"manylinux_2_(\d+)_(\w+)")
_LINUX = re.compile(r"(?:manylinux(?:_2_\d+|1|20\d\d)|linux)_(\w+)")
# The names that PEP 600 gave older platforms first, by glibc's minor version.
_FORMER = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST = {"x86_64": 5, "i686": 5}
_OLDEST_ELSEWHERE = 17


@dataclass(frozen=True)
class Target:
    """Where wheels are to run: a platform tag (``manylinux_2_28_x86_64``), and "3.11"."""

    platform: str
    python: str

    @classmethod
    def of(cls, platform: str, python: str) -> Target:
        """Check and take a platform tag and a version of Python; raises UsageError."""
        if not re.fullmatch(r"[a-z]\w+", platform):
            raise UsageError(
                f"{platform!r} is no platform tag", hint="for example manylinux_2_28_x86_64"
            )
        if not re.fullmatch(r"3\.(1[1-9]|[2-9]\d)", python):
            raise UsageError(f"{python!r} is no Python from 3.11 on", hint="for example 3.11")
        return cls(platform, python)

    @property
    def platforms(self) -> tuple[str, ...]:
        """Every tag whose wheels run there, the newest first.

        A machine with glibc 2.28 runs what was built for an older one (PEP 600).
        """
        match = _MANYLINUX.fullmatch(self.platform)
        if match is None:
            return (self.platform,)
        newest, machine = int(match[1]), match[2]
        tags = []
        for minor in range(newest, _OLDEST.get(machine, _OLDEST_ELSEWHERE) - 1, -1):
            tags.append(f"manylinux_2_{minor}_{machine}")
            if minor in _FORMER:
                tags.append(f"{_FORMER[minor]}_{machine}")
        return (*tags, f"linux_{machine}")

    @property
    def markers(self) -> dict[str, str]:
        """The environment that a requirement's marker is decided by, as far as the tag tells."""
        known = {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        if match := _LINUX.fullmatch(self.platform):
            linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
            known |= {"platform_machine": match[1], **linux}
        return known
