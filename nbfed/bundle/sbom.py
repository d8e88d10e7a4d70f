"""The software bill of materials of a kit, as CycloneDX 1.6 in JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nbfed.bundle.target import Target
from nbfed.bundle.wheels import Wheel

# Names of properties of ours, with the prefix that CycloneDX asks for.
_REQUIREMENT, _FILE = "nbfed:requirement", "nbfed:wheel"
_NAMESPACE = uuid.UUID("2b1a9a0e-6a5c-5d0d-9d0e-0f4f6b8f6d5a")


def sbom(package: Wheel, wheels: Sequence[Wheel], target: Target) -> bytes:
    """The bill of the generated package and what it needs.

    ``wheels`` are those that lie in the kit; without any, what the package requires is listed
    with the range of versions that it takes, as nobody knows yet what a site will install. The
    serial number follows from the package's wheel and the others', and there is no date: the
    same kit has the same bill.
    """
    root = _component(package, ComponentType.APPLICATION)
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, "\n".join(_digests([package, *wheels]))))
    bom.metadata.component = root
    if not wheels:
        needed = [_required(requirement) for requirement in package.requires]
        bom.components.update(needed)
        bom.register_dependency(root, needed)
    by_name = {wheel.key: _component(wheel, ComponentType.LIBRARY) for wheel in wheels}
    bom.components.update(by_name.values())
    for wheel in (package, *wheels) if wheels else ():
        needs = [by_name[name] for name in _needs(wheel, target) if name in by_name]
        bom.register_dependency(root if wheel is package else by_name[wheel.key], needs)
    # The library stamps each bill with the time.
    content: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    del content["metadata"]["timestamp"]
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def _digests(wheels: Iterable[Wheel]) -> list[str]:
    return sorted(f"{wheel.file} {wheel.content.sha256}" for wheel in wheels)


def _component(wheel: Wheel, kind: ComponentType) -> Component:
    url = PackageURL("pypi", name=wheel.key, version=wheel.version)
    # A package of ours lies in no index.
    published = kind is ComponentType.LIBRARY
    return Component(
        type=kind,
        name=wheel.name,
        version=wheel.version,
        bom_ref=f"{wheel.key}=={wheel.version}",
        purl=url if published else None,
        licenses=[LicenseExpression(wheel.licence)] if wheel.licence else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.content.sha256)],
        properties=[Property(name=_FILE, value=f"wheels/{wheel.file}")],
    )


def _required(requirement: Requirement) -> Component:
    name = canonicalize_name(requirement.name)
    return Component(
        name=requirement.name,
        bom_ref=name,
        purl=PackageURL("pypi", name=name),
        properties=[Property(name=_REQUIREMENT, value=str(requirement))],
    )


def _needs(wheel: Wheel, target: Target) -> Iterator[str]:
    """Names of what a wheel needs on that machine, extras aside."""
    environment: dict[str, str] = {"extra": "", **target.markers}
    for requirement in wheel.requires:
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield canonicalize_name(requirement.name)
