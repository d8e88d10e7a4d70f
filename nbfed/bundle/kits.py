"""What the kits of a federation hold: values in, kits out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nbfed.bundle.coordinator import Authority, Signer
from nbfed.bundle.kit import PRIVATE, Content, Kit
from nbfed.bundle.manifest import Package, signed
from nbfed.bundle.sbom import sbom
from nbfed.bundle.target import Target
from nbfed.bundle.texts import Facts, site_yaml, texts
from nbfed.bundle.wheels import Wheel

SERVER = "server"


@dataclass(frozen=True)
class Program:
    """One generated package: its wheel, the digest of its code, and wheels of what it needs.

    ``wheels`` is empty where a site takes them from an index of its own.
    """

    wheel: Wheel
    digest: str
    wheels: tuple[Wheel, ...]

    @property
    def members(self) -> dict[str, Content]:
        """The wheels by their paths in a kit."""
        return {f"wheels/{each.file}": each.content for each in (self.wheel, *self.wheels)}

    @property
    def package(self) -> Package:
        """How manifests name it."""
        return Package(self.wheel.name, self.wheel.version, self.digest)


@dataclass(frozen=True)
class Plan:
    """What all kits of a federation have in common.

    ``address`` is HOST:PORT as sites reach the server, ``hosts`` are its names beyond this
    machine's own, ``generated`` is the note that stands in every generated file.
    """

    federation: str
    generated: str
    target: Target
    offline: bool
    deploy: bool
    address: str
    hosts: tuple[str, ...]
    signer: Signer
    authority: Authority

    def facts(self, kit: str, program: Program, admitted: Iterable[str] = ()) -> Facts:
        """What the texts of this kit say."""
        return Facts(
            federation=self.federation,
            kit=kit,
            command=program.wheel.name,
            version=program.wheel.version,
            wheel=program.wheel.file,
            target=self.target,
            offline=self.offline,
            deploy=self.deploy,
            generated=self.generated,
            address=self.address,
            hosts=self.hosts,
            admitted=tuple(sorted(admitted)),
        )

    def kit(self, name: str, program: Program, members: Mapping[str, Content]) -> Kit:
        """The kit of these members, signed."""
        every = {
            **program.members,
            "ca.pem": Content(self.authority.ca),
            "coordinator.pub": Content(self.signer.public),
            "sbom.cdx.json": Content(sbom(program.wheel, program.wheels, self.target)),
            **members,
        }
        signer = self.signer
        files = signed(
            self.federation, name, program.package, signer.fingerprint, every, signer.sign
        )
        return Kit(self.federation, name, files)


def site_kit(
    plan: Plan,
    site: str,
    program: Program,
    *,
    example: bytes,
    page: bytes,
    contract: bytes | None = None,
) -> Kit:
    """A site's kit; no secret is in it.

    ``example`` is the package's site.example.yaml, ``page`` the notebook as HTML, ``contract``
    what a site's data must look like.
    """
    settings = Content(site_yaml(example, site, plan.address))
    members = {
        **_contents(texts(plan.facts(site, program), "site")),
        # The site fills in one of them; the other stays as it came.
        "site.yaml": settings,
        "site.example.yaml": settings,
        "notebook.html": Content(page),
    }
    if contract is not None:
        members["contract.json"] = Content(contract)
    return plan.kit(site, program, members)


def server_kit(plan: Plan, program: Program, *, keys: bytes | None, admitted: Iterable[str]) -> Kit:
    """The server's kit, which holds its private key; ``keys`` is the content of keys.json."""
    members = {
        **_contents(texts(plan.facts(SERVER, program, admitted), "server")),
        "state/pki/ca.pem": Content(plan.authority.ca),
        "state/pki/server.pem": Content(plan.authority.server),
        "state/pki/server.key": Content(plan.authority.server_key, PRIVATE),
    }
    if keys is not None:
        members["state/keys.json"] = Content(keys, PRIVATE)
    return plan.kit(SERVER, program, members)


def _contents(files: Mapping[str, bytes]) -> dict[str, Content]:
    return {path: Content(data) for path, data in files.items()}
