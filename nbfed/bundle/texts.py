"""The texts of a kit that are rendered: README, Dockerfile, compose.yaml and a systemd unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from nbfed.bundle.target import Target
from nbfed.emit.names import normalised
from nbfed.emit.templates import render

_DEPLOY = {
    "Dockerfile.jinja": "Dockerfile",
    "compose.yaml.jinja": "compose.yaml",
    "unit.service.jinja": "{folder}.service",
}
# Of the kit, the image sees the wheels alone, above all no key.
_IGNORED = b"*\n!wheels\n"


@dataclass(frozen=True)
class Facts:
    """What the texts say about a kit.

    ``command`` is the package's console script and distribution, ``wheel`` its file name,
    ``address`` where sites reach the server, ``hosts`` its names, and ``admitted`` the sites
    whose keys are in the server's kit.
    """

    federation: str
    kit: str
    command: str
    version: str
    wheel: str
    target: Target
    offline: bool
    deploy: bool
    generated: str
    address: str
    hosts: tuple[str, ...]
    admitted: tuple[str, ...] = ()

    @property
    def install(self) -> str:
        """The command that installs the package into a new environment.

        It names the wheel: by its name alone, pip might find another's package in an index.
        """
        python, options = ("python3", "")
        if self.offline:
            python, options = f"python{self.target.python}", "--no-index --find-links wheels "
        return (
            f"{python} -m venv --clear .venv && .venv/bin/pip install {options}wheels/{self.wheel}"
        )


def texts(facts: Facts, role: str) -> dict[str, bytes]:
    """The rendered files by path; ``role`` is the folder of templates, "site" or "server"."""
    return {path: text.encode() for path, text in _rendered(facts, role)}


def site_yaml(example: bytes, site: str, address: str) -> bytes:
    """The client package's site.example.yaml with the lines filled in that the kit knows."""
    known = {"site": site, "server": address}
    lines = example.decode().splitlines(keepends=True)
    for number, line in enumerate(lines):
        key = line.partition(":")[0]
        if key in known:
            lines[number] = f"{key}: {known[key]}\n"
    return "".join(line for line in lines if not line.startswith("# Copy to")).encode()


def _rendered(facts: Facts, role: str) -> Iterator[tuple[str, str]]:
    folder = f"{facts.federation}-{facts.kit}"
    context = {
        **{name: value for name, value in asdict(facts).items() if name != "target"},
        "target": facts.target,
        "install": facts.install,
        "site": facts.kit,
        "slug": normalised(facts.kit),
        "folder": folder,
        "port": facts.address.rpartition(":")[2],
        "names": "".join(f" --name {host}" for host in facts.hosts),
    }
    yield "README.md", render(f"kit/{role}/README.md.jinja", context)
    if facts.deploy:
        for template, name in _DEPLOY.items():
            text = render(f"kit/{role}/{template}", context)
            yield f"deploy/{name.format(folder=folder)}", text
        yield "deploy/Dockerfile.dockerignore", _IGNORED.decode()
