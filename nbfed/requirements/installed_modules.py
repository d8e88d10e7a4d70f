"""Which modules an installed distribution brings.

What ``importlib.metadata.packages_distributions`` finds, without an object for each of the tens
of thousands of files of an environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import Distribution

# A line of RECORD: the first part of the path, the rest, and what makes it a module. A path that
# holds a comma is in quotes.
_MODULE = re.compile(r'^"?([^/,\n]+?)(/[^\n]*|\.[^/,\n]*)?\.(?:py|so|pyd)"?,', re.MULTILINE)


def top_level_modules(distribution: Distribution) -> Iterable[str]:
    """Names that can be imported because this distribution is installed, sorted."""
    listed = distribution.read_text("top_level.txt")
    if listed:
        return sorted(listed.split())
    record = distribution.read_text("RECORD")
    if record is None:  # an egg; few are left
        record = "".join(f"{path.as_posix()},,\n" for path in distribution.files or ())
    return sorted({part for part, _ in _MODULE.findall(record) if part.isidentifier()})
