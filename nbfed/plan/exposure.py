"""What a program shows of the author's machine, and what it reaches outside of the site."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbfed.analyse.facts import Facts
from nbfed.analyse.origins import reads_environment
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note
from nbfed.plan.slice import Slice
from nbfed.roles import Role

_ABSOLUTE = re.compile(r"(/[\w.-]+(/[\w .-]+)+/?|[A-Za-z]:[\\/].*|~/.*|/content.*|/kaggle.*)")
_SECRET_NAME = re.compile(
    r"(.*_)?(password|passwd|secret|token|api_?key|access_?key|auth)(_.*)?", re.I
)
_SECRET = re.compile(r"(hf_|ghp_|sk-|AKIA|xox[bp]-)\w{12,}.*")
_DOWNLOADS = re.compile(
    r".*(download_url|download_and_extract|urlretrieve|load_state_dict_from_url|snapshot_download|"
    r"hf_hub_download|\.from_pretrained|hub\.load|gdown\.download|wget\.download|load_dataset|"
    r"fetch_openml|download_file)"
)
_NETWORK = re.compile(
    r"(requests|httpx|urllib\.request|boto3|ftplib|socket|wandb|mlflow|neptune)\..*"
)
_KEPT_OPEN = re.compile(
    r"open|io\.open|gzip\.open|tarfile\.open|zipfile\.ZipFile|h5py\.File|tables\.open_file|"
    r"lmdb\.open|netCDF4\.Dataset|openslide\.(OpenSlide|open_slide)|sqlite3\.connect|"
    r"psycopg2\.connect|sqlalchemy\.create_engine|socket\.\w+|threading\.(Thread|Lock|RLock)|"
    r"multiprocessing\.(Pool|Process|Queue|Manager)|concurrent\.futures\.\w+Executor"
)
_READS = re.compile(
    r"open|pandas\.read_\w+|numpy\.(load|loadtxt|genfromtxt)|json\.load|torch\.load|"
    r"PIL\.Image\.open|h5py\.File|scipy\.io\.loadmat|nibabel\.load|cv2\.imread"
)


def literals(facts: Facts, found: Slice) -> Iterator[Diagnostic]:
    """Paths of one machine, and what looks like a secret."""
    for statement in found.ordered:
        if statement.role is Role.SITE or statement.is_import:
            continue
        for node in statement.nodes:
            yield from _literals_of(facts, statement, node)


def parameters(facts: Facts) -> Iterator[Diagnostic]:
    """Paths of one machine that would travel as the default of a parameter."""
    for statement in facts.of_role(Role.PARAMS):
        if not statement.text:
            for node in statement.nodes:
                yield from _literals_of(facts, statement, node)


def environment(facts: Facts, found: Slice) -> Iterator[Diagnostic]:
    """Values that come from the environment of the machine."""
    for statement in found.ordered:
        if statement.role is Role.SITE or statement.is_definition:
            continue
        if "os" in statement.names.reads and reads_environment(statement):
            yield note(
                facts,
                "NBF303",
                statement,
                "this value comes from the environment, which each site sets for itself",
                "give it the role `site`, and it becomes a key of site.yaml",
            )


def kept_open(facts: Facts, found: Slice) -> Iterator[Diagnostic]:
    """Open files, connections and threads in names of the notebook."""
    for statement in found.ordered:
        for node in statement.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name), *_], value=ast.Call() as call):
                    dotted = facts.vocabulary.dotted(call.func) or ""
                    if _KEPT_OPEN.fullmatch(dotted):
                        yield note(
                            facts,
                            "NBF306",
                            statement,
                            f"`{name}` is kept open: each process opens its own, and it cannot be "
                            "sent to a loader's workers or stored",
                            "read it in a `with` block, or open it where it is used",
                            call,
                        )


def _literals_of(facts: Facts, statement: Statement, node: ast.stmt) -> Iterator[Diagnostic]:
    documentation = {
        id(part.value)
        for part in ast.walk(node)
        if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
    }
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            if id(part) not in documentation and _ABSOLUTE.fullmatch(part.value):
                yield note(
                    facts,
                    "NBF303",
                    statement,
                    "this path is one machine's; another hospital has its own",
                    "assign it to a name in a cell of its own with the role `site`",
                    part,
                )
            if _SECRET.fullmatch(part.value):
                yield _secret(facts, statement, part)
        match part:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if _SECRET_NAME.fullmatch(name) and _long_text(value):
                    yield _secret(facts, statement, value)


def _long_text(node: ast.expr) -> bool:
    """A text without blanks that holds digits and is too long for a word."""
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"(?=.*\d)[\w+/=.-]{12,}", node.value) is not None
    )


def _secret(facts: Facts, statement: Statement, node: ast.AST) -> Diagnostic:
    return note(
        facts,
        "NBF304",
        statement,
        "this looks like a secret, and it would travel to every site",
        "give it the role `site`, or read it from the environment at the site",
        node,
    )


def outside_world(facts: Facts, found: Slice) -> Iterator[Diagnostic]:
    """Downloads, calls of other machines, and files that are read."""
    for statement in found.ordered:
        for node in statement.nodes:
            for part in ast.walk(node):
                if isinstance(part, ast.Call):
                    yield from _call(facts, statement, part)


def _call(facts: Facts, statement: Statement, call: ast.Call) -> Iterator[Diagnostic]:
    dotted = facts.vocabulary.dotted(call.func) or ""
    if _DOWNLOADS.fullmatch(dotted) or _asks_for_download(facts, dotted, call):
        yield note(
            facts,
            "NBF305",
            statement,
            f"`{dotted.rpartition('.')[2] or 'this call'}` downloads, at every site",
            "put the files beside the site's data, and give their path the role `site`",
            call,
        )
    elif _NETWORK.fullmatch(dotted) and not statement.is_definition:
        yield note(
            facts,
            "NBF307",
            statement,
            f"`{dotted}` talks to another machine, from every site",
            "remove it from the roles, or have each site's network allow it",
            call,
        )
    elif _READS.fullmatch(dotted) and _relative_text(call):
        yield note(
            facts,
            "NBF315",
            statement,
            f"reads {ast.unparse(call.args[0])}, of which each site needs its own copy",
            "",
            call,
        )


def _asks_for_download(facts: Facts, dotted: str, call: ast.Call) -> bool:
    is_model = re.match(r"(torchvision\.models|timm|segmentation_models_pytorch|monai)\.", dotted)
    for keyword in call.keywords:
        value = keyword.value
        is_true = isinstance(value, ast.Constant) and value.value is True
        if keyword.arg in ("download", "pretrained") and is_true:
            return True
        if keyword.arg in ("weights", "encoder_weights") and is_model:
            return not (isinstance(value, ast.Constant) and value.value is None)
    first = call.args[0] if call.args else None
    return bool(is_model) and isinstance(first, ast.Constant) and first.value is True


def _relative_text(call: ast.Call) -> bool:
    first = call.args[0] if call.args else None
    return (
        isinstance(first, ast.Constant)
        and isinstance(first.value, str)
        and not _ABSOLUTE.fullmatch(first.value)
        and not first.value.startswith(("http:", "https:"))
    )
