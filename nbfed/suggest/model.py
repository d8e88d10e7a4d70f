"""Where a notebook makes the model that it trains."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from nbfed.roles import Role
from nbfed.suggest.code import (
    BACKWARD,
    Code,
    Statement,
    calls_any,
    constructor,
    dotted,
    last_part,
    some,
)
from nbfed.suggest.data import makes_loader, read_by
from nbfed.suggest.suggestion import Confidence, Suggestion

_MODEL_BASES = re.compile(r"(?:.*\.)?\w*Module|(?:.*\.)?PreTrainedModel")
_KNOWN_MODELS = re.compile(
    r"(?:torchvision\.)?models\.(?:\w+\.)*\w+|timm\.create_model|smp\.\w+|(?:.*\.)?from_pretrained"
    r"|(?:torch\.)?hub\.load|(?:torch\.)?(?:nn\.)?Sequential|EfficientNet\.\w+"
    r"|(?:\w+\.)*(?:\w*U[Nn]et\w*|U?NETR|SwinUNETR|SegResNet\w*|VNet|DynUNet|DenseNet\w*|ResNet\w*"
    r"|resnet\d+\w*|densenet\d+\w*|efficientnet\w*|vgg\d+\w*|Vi[Tt]\w*)"
)
_MODEL_NAME = re.compile(
    r"(?:\w+_)?(?:model|net|network|classifier|encoder|decoder|generator|discriminator|backbone|unet"
    r"|resnet|cnn|mlp|autoencoder|vae|gan)\w*",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"(?:.*\.)?(?:optim\.\w+|Adam\w*|SGD|RMSprop|\w*Loss|device|\w*Scheduler\w*"
    r"|\w*(?:Checkpoint|Callback|Config|Dataset|Loader|Transform\w*|Path|DataFrame))"
)


def find_model(code: Code, train: list[Suggestion]) -> list[Suggestion]:
    """The class or statement that makes the model which training reads."""
    classes = _module_classes(code)
    made = [each for each in code.statements if _makes_model(code, each, classes)]
    wanted = read_by(code, train)
    read = [each for each in made if each.binds & wanted] or made
    last = {name: each for each in read for name in each.binds}
    if last:
        anchors = {_definition(code, each, classes).position: each for each in last.values()}
        if len(anchors) == 1:
            how = Confidence.CERTAIN
        else:
            how = Confidence.LIKELY if _together(code, train, last) else Confidence.UNCERTAIN
        found = [
            Suggestion(code.statements[at], Role.MODEL, how, _why_model(code, at, each))
            for at, each in anchors.items()
        ]
        places = {each.statement.place for each in found} | {each.statement.place for each in train}
        for each in last.values():  # `model = Net()` in a cell of its own
            if each.place not in places:
                places.add(each.place)
                names = some(sorted(each.binds))
                found.append(Suggestion(each, Role.MODEL, Confidence.LIKELY, f"makes {names}"))
        return found
    used = {name for each in classes.values() for name in each.reads}
    outer = [each for name, each in classes.items() if name not in used]
    how = Confidence.LIKELY if len(outer) == 1 else Confidence.UNCERTAIN
    return [Suggestion(each, Role.MODEL, how, "defines a module") for each in outer]


def _together(code: Code, train: list[Suggestion], names: Iterable[str]) -> bool:
    """Whether one statement trains all of these models: else they are alternatives."""
    starts = [each.statement for each in train]
    calls = [call for each in starts for name in each.binds for call in code.callers(name)]
    return any(set(names) <= each.reads for each in (*starts, *calls))


def _module_classes(code: Code) -> dict[str, Statement]:
    found: dict[str, Statement] = {}
    for name, each in code.classes.items():
        bases = _bases(each)
        if any(_MODEL_BASES.fullmatch(base) or base in found for base in bases):
            found[name] = each
    return found


def _bases(each: Statement) -> list[str]:
    if not isinstance(each.node, ast.ClassDef):
        return []
    names = (dotted(base) for base in each.node.bases)
    return [name for name in names if not name.endswith("DataModule")]


def _makes_model(code: Code, each: Statement, classes: dict[str, Statement]) -> bool:
    if not isinstance(each.node, ast.Assign | ast.AnnAssign):
        return False
    name = constructor(each.node.value)
    if not name or _NO_MODEL.fullmatch(name):
        return False
    if last_part(name) in classes or _KNOWN_MODELS.fullmatch(name):
        return True
    named = any(_MODEL_NAME.fullmatch(target) for target in each.binds)
    function = code.functions.get(name)
    if function:
        makes = function.reads & set(classes) or calls_any([function], _KNOWN_MODELS)
        trains = calls_any(code.reached(function), BACKWARD)
        return bool(named or makes) and not trains and not makes_loader(code, function)
    return named and last_part(name)[:1].isupper()


def _definition(code: Code, each: Statement, classes: dict[str, Statement]) -> Statement:
    """The class or function of the notebook behind ``model = Net()``; else the statement."""
    value = each.node.value if isinstance(each.node, ast.Assign | ast.AnnAssign) else None
    name = constructor(value)
    return classes.get(name) or code.functions.get(name) or each


def _why_model(code: Code, position: int, made: Statement) -> str:
    names = some(sorted(made.binds))
    defined = code.statements[position]
    if defined is made:
        return f"makes {names}"
    return f"defines {some(sorted(defined.binds))}, from which cell {made.cell} makes {names}"
