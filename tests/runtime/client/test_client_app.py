from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from flwr.app import ArrayRecord

from nbfed.program import Argument, Fragment, Origin, Parameter, Stage
from nbfed.roles import Role
from tests.runtime import demo
from tests.runtime.loading import Client, importable

torch.set_num_threads(1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    demo.write_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    demo.write_packages(demo.program(), folder)
    with importable(folder / "client"):
        yield Client("demo_client", {"site": "cleveland", "DATA_FILE": "cleveland.csv"})


def values(arrays: ArrayRecord) -> dict[str, np.ndarray]:
    return {name: array.numpy() for name, array in arrays.items()}


def assert_same(first: ArrayRecord, second: ArrayRecord) -> None:
    left, right = values(first), values(second)
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


def test_query_tells_the_model_s_sizes_where_it_asks(folder: Path) -> None:
    usual = demo.program()
    sized = replace(
        usual,
        data=replace(
            usual.data,
            body=(*usual.data.body, Fragment(5, 9, "WIDTH = rows.shape[1] - 1")),
            results=(*usual.data.results, "WIDTH"),
        ),
        model=replace(
            usual.model,
            arguments=(Argument("WIDTH", Origin.DATA, "int"), *usual.model.arguments),
            body=(Fragment(6, 1, usual.model.body[0].text.replace("Linear(3,", "Linear(WIDTH,")),),
        ),
        params=(*usual.params, Parameter("WIDTH", "int", "0", 6, 1)),
    )
    demo.write_packages(sized, folder)
    with importable(folder / "client"):
        node = {"site": "cleveland", "DATA_FILE": "cleveland.csv"}
        client = Client("demo_client", node)
        assert set(client.ask("query").content) == {"site"}
        assert dict(client.ask("query", sizes=True).content["sizes"]) == {"WIDTH": 3}
        # Its model is of its own data's size, whatever the server says.
        weights = client.weights(WIDTH=3)
        assert not client.ask("train", weights, params={"WIDTH": 3}).has_error()
        reply = client.ask("train", client.weights(WIDTH=4), params={"WIDTH": 4})
        assert "do not fit" in reply.error.reason or "ExchangeError" in reply.error.reason
        tell = client.module("sizes").sizes_in
        refusal = client.module("failures").Refusal
        for wrong in (0, 2.5, "3"):
            with pytest.raises(refusal, match="`WIDTH`"):
                tell(SimpleNamespace(WIDTH=wrong), ["WIDTH"])
        # Outside of its hours a site does not look into its data, and says who it is all the same.
        now = datetime.now().astimezone()
        opens, closes = ((now + timedelta(hours=hours)).time() for hours in (2, 4))
        policy = client.module("policy")
        gate = client.module("gate").Gate(policy.Policy(hours=policy.Hours(opens, closes)))
        for asks in (False, True):
            message = client.letter("query", sizes=asks)
            answer = gate.answer(message, partial(client.ask, "query", sizes=asks))
            assert answer.has_error() is asks


def test_query_tells_who_this_is(client: Client) -> None:
    said = client.ask("query").content["site"]
    assert said["site"] == "cleveland"
    assert said["digest"] == client.module("digest").package_digest(
        Path(client.module("digest").__file__).parent
    )
    assert said["torch"] == torch.__version__


def test_one_trip_evaluates_what_came_and_trains_from_it(client: Client) -> None:
    weights = client.weights()
    reply = client.ask("train", weights).content
    alone = client.ask("evaluate", weights).content
    assert dict(reply["evaluation"]) == dict(alone["metrics"])
    assert reply["metrics"]["num-examples"] == 36
    assert reply["evaluation"]["num-examples"] == 12
    assert 0 <= reply["evaluation"]["accuracy"] <= 1
    assert set(reply["timing"]) == {"load-seconds", "evaluate-seconds", "train-seconds"}
    assert reply["arrays"].keys() == weights.keys()
    assert not np.array_equal(values(reply["arrays"])["0.weight"], values(weights)["0.weight"])


def test_a_round_does_not_depend_on_what_was_before_it(client: Client) -> None:
    weights = client.weights()
    first = client.ask("train", weights, server_round=2).content
    client.ask("train", first["arrays"], server_round=3)
    again = client.ask("train", weights, server_round=2).content
    assert_same(first["arrays"], again["arrays"])
    assert dict(first["metrics"]) == dict(again["metrics"])
    without = client.ask("train", weights, server_round=2, evaluate=False).content
    assert "evaluation" not in without
    assert_same(first["arrays"], without["arrays"])


def test_seed_and_round_change_the_batches(client: Client) -> None:
    weights = client.weights()
    losses = {
        client.ask("train", weights, **change).content["metrics"]["train_loss"]
        for change in ({}, {"server_round": 2}, {"seed": 8})
    }
    assert len(losses) == 3


def test_training_is_in_training_mode_though_evaluation_came_first(folder: Path) -> None:
    checking = f"assert model.training, 'left in evaluation mode'\n{demo.TRAIN}"
    demo.write_packages(demo.program(train=checking), folder)
    with importable(folder / "client"):
        client = Client("demo_client", {"site": "zurich", "DATA_FILE": "zurich.csv"})
        assert client.ask("train", client.weights()).has_content()


def test_layers_that_a_round_froze_are_trained_in_the_next(folder: Path) -> None:
    freezing = demo.TRAIN + "\nmodel.requires_grad_(False)"
    demo.write_packages(demo.program(train=freezing), folder)
    with importable(folder / "client"):
        client = Client("demo_client", {"site": "zurich", "DATA_FILE": "zurich.csv"})
        weights = client.weights()
        first = client.ask("train", weights).content
        again = client.ask("train", weights).content
        assert_same(first["arrays"], again["arrays"])


def test_gradients_that_evaluation_turns_off_are_on_in_training(folder: Path) -> None:
    without = f"torch.set_grad_enabled(False)\n{demo.EVALUATE}"
    demo.write_packages(demo.program(evaluate=without), folder)
    with importable(folder / "client"):
        client = Client("demo_client", {"site": "zurich", "DATA_FILE": "zurich.csv"})
        assert client.ask("train", client.weights(), evaluate=True).has_content()


def test_parameters_default_then_server_then_site(client: Client) -> None:
    given = client.module("given").Given
    assert given(client.node, {}).params.LR == 0.1
    assert given(client.node, {"LR": 0.2}).params.LR == 0.2
    assert given({**client.node, "param.LR": 0.3}, {"LR": 0.2, "EPOCHS": 4}).params.LR == 0.3
    with pytest.raises(client.module("overrides").OverrideError, match="did you mean EPOCHS"):
        assert given(client.node, {"EPOCH": 4}).params


def test_data_are_loaded_once_and_again_only_for_what_they_take(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = client.module("stages")
    loads = []
    load = stages.load_data

    def counting(**arguments: object) -> object:
        loads.append(arguments)
        return load(**arguments)

    monkeypatch.setattr(stages, "load_data", counting)
    weights = client.weights()
    for config in ({}, {"server_round": 2}, {"params": {"LR": 0.5}}):
        client.ask("train", weights, **config)
    assert loads == [{"DATA_FILE": "cleveland.csv", "BATCH": 8}]
    client.ask("train", weights, params={"BATCH": 4})
    assert loads[1:] == [{"DATA_FILE": "cleveland.csv", "BATCH": 4}]


def test_weights_go_back_in_the_form_in_which_they_came(client: Client) -> None:
    wire = client.module("wire")
    weights = client.weights()
    plain = client.ask("train", weights).content["arrays"]
    packed = client.ask("train", wire.pack(weights)).content["arrays"]
    assert wire.is_packed(packed)
    assert not wire.is_packed(plain)
    assert_same(wire.unpack(packed), plain)


def test_another_package_is_asked_for(client: Client) -> None:
    for kind in ("query", "train", "evaluate"):
        reply = client.ask(kind, client.weights(), digest="0" * 64)
        assert reply.error.code == client.module("failure_codes").Failure.OTHER_PACKAGE
        assert "the server asks for 000000000000" in str(reply.error.reason)


def test_weights_of_another_model_are_an_error_without_values(client: Client) -> None:
    reply = client.ask("train", client.weights(HIDDEN=5))
    assert reply.has_error()
    assert "ExchangeError" in str(reply.error.reason)


def test_a_metric_that_is_no_number_stays_here(folder: Path) -> None:
    leaking = demo.TRAIN + "\ntrain_loss = [row for row in train_loader.dataset]"
    demo.write_packages(demo.program(train=leaking), folder)
    with importable(folder / "client"):
        client = Client("demo_client", {"site": "zurich", "DATA_FILE": "zurich.csv"})
        reply = client.ask("train", client.weights())
    assert reply.error.reason == "metric 'train_loss' is a list, not a single number"


def test_without_evaluation_there_is_none(folder: Path) -> None:
    demo.write_packages(demo.without_evaluation(demo.program()), folder)
    with importable(folder / "client"):
        client = Client("demo_client", {"site": "zurich", "DATA_FILE": "zurich.csv"})
        reply = client.ask("train", client.weights()).content
        assert "evaluation" not in reply
        assert not client.module("stages").EVALUATES


def test_several_modules_go_to_the_stages_by_their_names(folder: Path) -> None:
    encoder, head = Argument("encoder", Origin.MODEL), Argument("head", Origin.MODEL)
    made = demo.program()
    both = [*made.train.arguments[1:]]
    program = replace(
        made,
        model=Stage(
            Role.MODEL,
            "build_model",
            (Argument("HIDDEN", Origin.PARAMS, "int"),),
            imports=demo.IMPORTS[1:3],
            body=(Fragment(6, 1, "encoder = nn.Linear(3, HIDDEN)\nhead = nn.Linear(HIDDEN, 1)"),),
            results=("encoder", "head"),
        ),
        train=replace(
            made.train,
            arguments=(encoder, head, *both),
            body=(
                Fragment(
                    7,
                    1,
                    "model = nn.Sequential(encoder, nn.ReLU(), head)\n" + demo.TRAIN,
                ),
            ),
        ),
        evaluate=replace(
            made.evaluate or made.train,
            arguments=(encoder, head, Argument("test_loader", Origin.DATA)),
            imports=demo.IMPORTS[1:3],
            body=(
                Fragment(8, 1, "model = nn.Sequential(encoder, nn.ReLU(), head)\n" + demo.EVALUATE),
            ),
        ),
    )
    demo.write_packages(program, folder)
    with importable(folder / "client"):
        client = Client("demo_client", {"site": "zurich", "DATA_FILE": "zurich.csv"})
        weights = client.weights()
        reply = client.ask("train", weights).content
    assert set(reply["arrays"]) == {"encoder.weight", "encoder.bias", "head.weight", "head.bias"}
    assert "accuracy" in reply["evaluation"]
    assert not np.array_equal(
        values(reply["arrays"])["encoder.weight"], values(weights)["encoder.weight"]
    )
