"""What is said about a program that compiles: surprises, and what would hurt."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.origins import reads_environment
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic, Location, diagnostic
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
_READS = re.compile(
    r"open|pandas\.read_\w+|numpy\.(load|loadtxt|genfromtxt)|json\.load|torch\.load|"
    r"PIL\.Image\.open|h5py\.File|scipy\.io\.loadmat|nibabel\.load|cv2\.imread"
)


def fresh_tools(facts: Facts, train: Slice, kept: Sequence[str]) -> Iterator[Diagnostic]:
    """Optimizers and schedulers that every round makes anew, but for the ``kept`` ones."""
    for statement in train.ordered:
        kinds = facts.fact(statement).kinds
        for name in sorted(statement.names.bound - set(kept)):
            kind = kinds.get(name)
            if kind in (Kind.OPTIMIZER, Kind.SCHEDULER) and statement.role is not Role.TRAIN:
                yield note(
                    facts,
                    "NBF208",
                    statement,
                    f"`{name}` is made afresh at the start of every round's training",
                )


def evaluation(facts: Facts, evaluate: Slice | None, file: str) -> Iterator[Diagnostic]:
    """No evaluation, or one that leaves the model in training mode."""
    if evaluate is None:
        yield diagnostic(
            "NBF313",
            Location(file),
            "no region has the role `evaluate`; only training's metrics are reported",
            "mark the code that computes the test metrics: `# nbfed: evaluate`",
        )
        return
    parts = (
        part
        for statement in evaluate.ordered
        for node in statement.nodes
        for part in ast.walk(node)
    )
    if not any(map(_leaves_training_mode, parts)):
        own = facts.of_role(Role.EVALUATE)
        model = next(iter(evaluate.models), "model")
        yield note(
            facts,
            "NBF311",
            own[0],
            "the evaluation does not call `eval()` on the model",
            f"put `{model}.eval()` before it",
        )


def _leaves_training_mode(node: ast.AST) -> bool:
    """``model.eval()``, ``model.train(False)``, or a framework's call that does it."""
    match node:
        case ast.Attribute(attr="eval" | "test" | "validate" | "predict"):
            return True
        case ast.Call(func=ast.Attribute(attr="train"), args=[ast.Constant(value=False)]):
            return True
        case ast.Call(func=ast.Attribute(attr="train"), keywords=[ast.keyword(arg="mode")]):
            return True
        case _:
            return False


def literals(facts: Facts, found: Slice) -> Iterator[Diagnostic]:
    """Paths of one machine, and what looks like a secret."""
    for statement in found.ordered:
        if statement.role is Role.SITE or statement.is_import:
            continue
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


def leaks(facts: Facts, data: Slice, examples: str) -> Iterator[Diagnostic]:
    """What is fitted before the data are split, and training on the test set."""
    fitted: tuple[Statement, ast.Call] | None = None
    for statement in data.ordered:
        for node in statement.nodes:
            for part in ast.walk(node):
                if not isinstance(part, ast.Call):
                    continue
                dotted = facts.vocabulary.dotted(part.func) or ""
                if isinstance(part.func, ast.Attribute) and part.func.attr in (
                    "fit",
                    "fit_transform",
                ):
                    shown = ast.unparse(part.args[0]) if part.args else ""
                    if "train" not in shown.lower() and fitted is None:
                        fitted = statement, part
                if re.search(r"(train_test_split|random_split|ShuffleSplit)$", dotted) and fitted:
                    yield note(
                        facts,
                        "NBF310",
                        fitted[0],
                        "this is fitted before the data are split, so it has seen the test rows",
                        "split first, then fit on the training part alone",
                        fitted[1],
                    )
                    return
    if re.search(r"test", examples, re.I) and not re.search("train", examples, re.I):
        yield diagnostic(
            "NBF310",
            Location(facts.notebook.file),
            f"training runs over `{examples}`, which seems to be the test set",
            "train on the training set",
        )


def competing(facts: Facts, slices: list[Slice]) -> Iterator[Diagnostic]:
    """A function's global that several cells define: which one counts."""
    told: set[str] = set()
    for found in slices:
        for statement in found.ordered:
            for name, node in statement.names.deferred.items():
                if name in told or name in found.arguments:
                    continue
                cells = _defining_cells(facts, found, name)
                if len(cells) > 1:
                    told.add(name)
                    listed = ", ".join(str(cell) for cell in cells)
                    yield note(
                        facts,
                        "NBF205",
                        statement,
                        f"`{name}` is defined in cells {listed}; cell {cells[-1]} counts here",
                        "give the others another name if that is not meant",
                        node,
                    )


def _defining_cells(facts: Facts, found: Slice, name: str) -> list[int]:
    cells = []
    for order in facts.touching.get(name, ()):
        statement = facts.statements[order]
        if order >= found.end or name not in statement.names.binds or statement.is_import:
            continue
        if name not in statement.names.reads:
            cells.append(statement.cell)
    return list(dict.fromkeys(cells))


def adopted(facts: Facts, slices: list[Slice]) -> Iterator[Diagnostic]:
    """Unmarked statements that became part of loading the data."""
    for found in slices:
        for statement in found.adopted.values():
            yield note(
                facts,
                "NBF316",
                statement,
                "this statement works on the site's data, so it is compiled as part of `data`",
            )
