"""Bind a function's parameters to what the notebook and the roles provide, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nbfed.analyse.bodies import module_parameters
from nbfed.analyse.kinds import Kind
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.plan.offers import Offer
from nbfed.roles import Role


@dataclass(frozen=True)
class Binding:
    """The arguments of a call as source text; what is missing or tied, with its candidates.

    ``found`` maps parameters to their arguments; ``epochs`` is the parameter, if any, that
    wants a number of epochs which the notebook does not give; ``places`` are those that say
    where a site's data lie and that no region gives.
    """

    arguments: tuple[str, ...] = ()
    found: Mapping[str, str] = field(default_factory=dict)
    epochs: str = ""
    places: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    ties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_EPOCHS = re.compile(
    r"(n|num|nb|max|no_of|number_of|local)?_?epochs?(_num|_count)?|n_?iters?|num_iterations", re.I
)
_PLACE = re.compile(
    r"(?!(save|log|out|output|cache|ckpt|checkpoint|model|weights?)_)"
    r"(.*_)?(path|dir|directory|folder|root|file|filename|file_?path|csv|data_?dir)(_.*)?s?",
    re.I,
)
_SYNONYMS = (
    _EPOCHS,
    *(
        re.compile(pattern, re.I)
        for pattern in (
            r"lr|learning_?rate|step_size",
            r"(batch|train_batch|mini_?batch)_?size|bs",
            r"(weight_?decay|wd)",
            r"momentum",
            r"(num|n|nb)_?(classes|class|labels|outputs?)|out_?(dim|features|channels|size)",
            r"(seed|random_?(seed|state))",
            r"(device|dev)",
            r"(data|root|image|img|train|base)?_?(dir|path|root|folder|file)(ectory)?s?(_name)?",
        )
    ),
)
_BY_KIND = (
    (
        re.compile(r"(.*_)?(crit(erion)?|loss(_?f(n|unc|unction))?|objective)(_.*)?", re.I),
        Kind.LOSS,
    ),
    (re.compile(r"(.*_)?opt(im(izer)?)?(_.*)?", re.I), Kind.OPTIMIZER),
    (re.compile(r"(.*_)?(sched(uler)?|lr_?scheduler)(_.*)?", re.I), Kind.SCHEDULER),
    (re.compile(r"(.*_)?(dev|device)", re.I), Kind.DEVICE),
    (re.compile(r"(.*_)?(metric|metric_fn)s?", re.I), Kind.METRIC),
    (re.compile(r"(.*_)?transforms?(_.*)?", re.I), Kind.TRANSFORM),
)
_LOADER = re.compile(
    r"(.*_?)?(loaders?|dl|dataloaders?|data|dataset|ds|iter(ator)?|generator|batches|set)(_.*)?",
    re.I,
)
_MODEL = re.compile(r"(.*_)?(model|net|network|module|classifier|cnn|unet|mlp)\d*", re.I)
_EPOCH = re.compile(r"(cur(rent)?_)?(epoch|ep|e|epoch_?(idx|i|num|number)?|round|rnd)", re.I)
_PARTS = (
    ("train", re.compile(r"train|trn|tr_", re.I)),
    ("validation", re.compile(r"val|valid|dev", re.I)),
    ("test", re.compile(r"test|tst|te_|holdout|eval", re.I)),
)


def bind(
    function: FunctionDef,
    role: Role,
    offers: Sequence[Offer],
    models: Sequence[str],
) -> Binding:
    """Find an argument for every parameter: equal names first, then synonyms, then defaults."""
    modules = module_parameters(function)
    arguments: list[str] = []
    given: dict[str, str] = {}
    missing: list[str] = []
    ties: dict[str, tuple[str, ...]] = {}
    epochs = ""
    places: list[str] = []
    by_keyword = False
    for name, has_default, keyword_only in _signature(function):
        found = _candidates(name, role, offers, models, name in modules)
        if has_default:
            found = [item for item in found if _worth_passing(item, offers, name)]
        if not found and not has_default:
            if _EPOCH.fullmatch(name):
                found = ["0"]
            elif _EPOCHS.fullmatch(name):
                epochs, found = name, [name]
        if not found and role is Role.DATA and _PLACE.fullmatch(name):
            places.append(name)
            found = [name]
        if len(found) > 1:
            ties[name] = tuple(found)
        elif found:
            by_keyword = by_keyword or keyword_only
            given[name] = found[0]
            arguments.append(f"{name}={found[0]}" if by_keyword else found[0])
        elif has_default:
            by_keyword = True
        else:
            missing.append(name)
    return Binding(tuple(arguments), given, epochs, tuple(places), tuple(missing), ties)


def _signature(function: FunctionDef) -> list[tuple[str, bool, bool]]:
    """Name, whether it has a default, whether it must be passed by name."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    first_default = len(plain) - len(arguments.defaults)
    rows = [(arg.arg, place >= first_default, False) for place, arg in enumerate(plain)]
    rows.extend(
        (arg.arg, default is not None, True)
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    )
    return rows


def _worth_passing(found: str, offers: Sequence[Offer], name: str) -> bool:
    """A default gives way to a parameter or a site's key, and to a value of the same name."""
    return any(
        offer.text == found and (offer.role in (Role.PARAMS, Role.SITE) or offer.text == name)
        for offer in offers
    )


def _candidates(
    name: str, role: Role, offers: Sequence[Offer], models: Sequence[str], is_module: bool
) -> list[str]:
    if is_module or (_MODEL.fullmatch(name) and models):
        if name in models:
            return [name]
        if models and (is_module or len(models) == 1):
            return list(models)
    exact = [offer.text for offer in offers if offer.name == name]
    if exact:
        return exact[:1]
    folded = [offer.text for offer in offers if offer.name.lower() == name.lower()]
    if folded:
        return folded[:1]
    for pattern, kind in _BY_KIND:
        if pattern.fullmatch(name):
            return [offer.text for offer in offers if offer.kind is kind]
    for pattern in _SYNONYMS:
        if pattern.fullmatch(name):
            found = [offer for offer in offers if pattern.fullmatch(offer.name)]
            settings = [offer for offer in found if offer.role in (Role.PARAMS, Role.SITE)]
            return [offer.text for offer in settings or found]
    if _LOADER.fullmatch(name):
        return _loaders(name, role, offers)
    return []


def _loaders(name: str, role: Role, offers: Sequence[Offer]) -> list[str]:
    """Data of the part that a parameter, or else its role, speaks of; loaders before datasets."""
    data = [offer for offer in offers if offer.role is Role.DATA]
    for part in (_part(name),) if _part(name) else _PARTS_OF_ROLE[role]:
        found = [offer for offer in data if _part(offer.name) == part]
        loaders = [
            offer
            for offer in found
            if offer.kind is Kind.LOADER or re.search("load|dl$", offer.name, re.I)
        ]
        if found:
            return [offer.text for offer in loaders or found]
    return [data[0].text] if len(data) == 1 else []


_PARTS_OF_ROLE: Mapping[Role, tuple[str, ...]] = {
    Role.TRAIN: ("train",),
    Role.EVALUATE: ("test", "validation"),
    Role.DATA: (),
    Role.MODEL: (),
}


def _part(name: str) -> str:
    """Which part of the data a name speaks of, "" if it does not say."""
    for part, pattern in _PARTS:
        if pattern.search(name):
            return part
    return ""
