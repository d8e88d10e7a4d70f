from __future__ import annotations

from dataclasses import replace

import pytest

from nbfed.federation.agreement import require_agreement
from nbfed.federation.schema import Federation, FederationError
from nbfed.program import Parameter, Program, ServerEvaluation, SiteKey, Stage
from nbfed.roles import Role

PROGRAM = Program(
    notebook="heart.ipynb",
    params=(
        Parameter("LR", "float", "0.01", cell=3, line=1),
        Parameter("EPOCHS", "int", "2", cell=3, line=2),
        Parameter("SHUFFLE", "bool", "True", cell=3, line=3),
        Parameter("LAYERS", "list[int]", "[16]", cell=3, line=4),
    ),
    site=(SiteKey("DATA_FILE", "str", cell=4, line=1),),
    data=Stage(Role.DATA, "load_data"),
    model=Stage(Role.MODEL, "build_model"),
    train=Stage(Role.TRAIN, "train"),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "params: {LR: 0.1, EPOCHS: 3, SHUFFLE: false, LAYERS: [8]}",
        "params: {LR: 1}",
        "sites: {va: {params: {DATA_FILE: va.csv}, overrides: {LR: 0.1}}}",
        "sites: [va]",
    ],
)
def test_agreement(text: str) -> None:
    require_agreement(Federation.from_text(text), PROGRAM, "federation.yaml")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "params: {LRR: 0.1}",
            "heart.ipynb has no parameter `LRR`",
            "did you mean `LR`?",
        ),
        (
            "params: {DATA_FILE: va.csv}",
            "`DATA_FILE` belongs to the sites: the server cannot set it",
            "give it to each site, under `sites:`, NAME, `params:`",
        ),
        ("params: {EPOCHS: 1.5}", "`params.EPOCHS` must be int, as in the notebook, not float", ""),
        ("params: {EPOCHS: true}", "`params.EPOCHS` must be int, as in the notebook, not bool", ""),
        ("params: {SHUFFLE: 1}", "`params.SHUFFLE` must be bool, as in the notebook, not int", ""),
        (
            "sites: {va: {params: {LR: 0.1}}}",
            "`LR` is a parameter of the notebook, not a value of its site cells",
            "put it under `overrides:` of va",
        ),
        (
            "sites: {va: {params: {DATA_FIEL: va.csv}}}",
            "heart.ipynb has no site cell that sets `DATA_FIEL`",
            "did you mean `DATA_FILE`?",
        ),
        (
            "sites: {va: {overrides: {epochs: 1}}}",
            "heart.ipynb has no parameter `epochs`",
            "did you mean `EPOCHS`?",
        ),
    ],
)
def test_disagreement(text: str, message: str, hint: str) -> None:
    with pytest.raises(FederationError) as caught:
        require_agreement(Federation.from_text(text), PROGRAM, "federation.yaml")
    (problem,) = caught.value.problems
    assert (problem.line, problem.message, problem.hint) == (1, message, hint)


def test_a_simulation_needs_every_sites_values() -> None:
    federation = Federation.from_text("sites:\n  va:\n    params: {DATA_FILE: va.csv}\n  hun:\n")
    with pytest.raises(FederationError) as caught:
        require_agreement(federation, PROGRAM, "federation.yaml", complete=True)
    (problem,) = caught.value.problems
    assert problem.line == 4
    assert problem.message == "site hun has no value for `DATA_FILE`"
    assert problem.hint == "give it under `sites:`, hun, `params:`"


EVALUATION = Stage(Role.EVALUATE, "evaluate", results=("accuracy",))
AT_SERVER = ServerEvaluation(
    Stage(Role.DATA, "load_data"), EVALUATION, (SiteKey("PUBLIC", "str", cell=4, line=2),)
)


def test_the_servers_own_values() -> None:
    program = replace(PROGRAM, server=AT_SERVER)
    text = "server: {params: {PUBLIC: public.csv}}\nbest: {metric: accuracy}\n"
    require_agreement(Federation.from_text(text), program, "federation.yaml", complete=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server: {params: {PUBLIK: a}}", "heart.ipynb has no site cell that sets `PUBLIK` for"),
        ("server: {params: {PUBLIC: 3}}", "`server.params.PUBLIC` must be str"),
        ("rounds: 2", "the server has no value for `PUBLIC`"),
        ("strategy: fedbn", "fedbn keeps a part of the model at the sites"),
        ("server: {params: {PUBLIC: a}}\nbest: {metric: f1}", "heart.ipynb has no metric `f1`"),
    ],
)
def test_what_the_server_cannot_evaluate_with(text: str, message: str) -> None:
    program = replace(PROGRAM, server=AT_SERVER)
    with pytest.raises(FederationError) as caught:
        require_agreement(Federation.from_text(text), program, "federation.yaml", complete=True)
    assert message in str(caught.value)


def test_without_data_of_its_own_the_server_takes_no_values() -> None:
    with pytest.raises(FederationError, match="has no site cell that sets `PUBLIC`"):
        federation = Federation.from_text("server: {params: {PUBLIC: a}}")
        require_agreement(federation, PROGRAM, "federation.yaml")
