"""manifest.json and manifest.sig: what a kit holds, and that the coordinator says so."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from nbfed.bundle.kit import Content

FORMAT = 1
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"


@dataclass(frozen=True)
class Package:
    """The generated package of a kit; ``digest`` is that of its code, see ``digest.py``."""

    name: str
    version: str
    digest: str


def signed(
    federation: str,
    kit: str,
    package: Package,
    signer: str,
    members: Mapping[str, Content],
    sign: Callable[[bytes], bytes],
) -> dict[str, Content]:
    """The members of a kit with its manifest and the signature over the manifest's bytes.

    ``signer`` is the fingerprint of the key that ``sign`` signs with. The format is the one that
    the client package's ``verify`` reads (issue 5).
    """
    content = {
        "format": FORMAT,
        "federation": federation,
        "kit": kit,
        "package": asdict(package),
        "signer": signer,
        "files": {path: each.sha256 for path, each in members.items()},
    }
    manifest = (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
    signature = base64.b64encode(sign(manifest)) + b"\n"
    return {**members, MANIFEST: Content(manifest), SIGNATURE: Content(signature)}
