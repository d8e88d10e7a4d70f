"""What stays at a site: FedBN, `exchange=`, `keep=` and control variates, and a restart."""

from __future__ import annotations

import copy
import os
import pickle
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flwr.app import Array, ArrayRecord, RecordDict
from safetensors.numpy import load_file, save_file
from torch import nn

from nbfed.program import Fragment
from tests.runtime.server.fake_grid import FakeGrid

from .sites import (
    EPOCHS,
    IMPORTS,
    ROWS,
    SITES,
    TRAIN,
    LocalFederation,
    federation,
    program,
    tables,
)

NORMED = "model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1))"
NORM = ("1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked")
ADAM = 'optimizer = keep("optimizer", torch.optim.Adam(model.parameters(), lr=0.1))'
KEPT = ADAM + "\n" + TRAIN.partition("\n")[2]

State = dict[str, torch.Tensor]


def average(states: list[State], names: list[str]) -> State:
    shares = [ROWS[site] / sum(ROWS.values()) for site in SITES]
    made = {}
    for name in names:
        total = sum(p * s[name].double() for p, s in zip(shares, states, strict=True))
        assert isinstance(total, torch.Tensor)
        kind = states[0][name].dtype
        made[name] = total.to(kind) if kind.is_floating_point else total.round().to(kind)
    return made


def plain(
    start: nn.Module,
    local: Callable[[str], bool],
    *,
    rounds: int,
    make: Callable[[nn.Module], torch.optim.Optimizer],
    keep: bool = False,
) -> tuple[State, dict[str, State]]:
    """Federated averaging as a loop: entries that are ``local`` stay at their sites."""
    models = {site: copy.deepcopy(start) for site in SITES}
    tools = {site: make(models[site]) for site in SITES}
    shared = [name for name in start.state_dict() if not local(name)]
    weights = {name: start.state_dict()[name] for name in shared}
    for _ in range(rounds):
        for site, table in tables().items():
            model = models[site]
            model.load_state_dict(weights, strict=False)
            model.train()
            optimizer = tools[site] if keep else make(model)
            rows = torch.tensor(table, dtype=torch.float32)
            for _ in range(EPOCHS[site]):
                optimizer.zero_grad()
                (model(rows[:, :3]) - rows[:, 3:]).square().mean().backward()
                optimizer.step()
        weights = average([models[site].state_dict() for site in SITES], shared)
    return weights, {site: dict(models[site].state_dict()) for site in SITES}


def initial(here: LocalFederation) -> nn.Module:
    here.server("randomness").seed_everything(7, "model")
    model: nn.Module = here.server("model").build_model()
    return model


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=0.1)


def assert_close(arrays: Any, state: State) -> None:
    assert set(arrays) == set(state)
    for name, value in state.items():
        found = arrays[name].numpy() if hasattr(arrays[name], "numpy") else arrays[name]
        np.testing.assert_allclose(found, value.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)


def kept_at(here: LocalFederation, site: int) -> dict[str, Any]:
    """What the site's newest file holds."""
    folder = Path(str(here.sites[site].node["state-dir"]))
    return load_file(max(folder.glob("*.safetensors"), key=lambda path: path.stem))


def restarting(here: LocalFederation, folder: Path) -> None:
    """Give each site a folder, and let it start again before every message."""
    for site in here.sites:
        site.node["state-dir"] = str(folder / site.name / "local")
        answer = site.answer

        def anew(message: Any, site: Any = site, answer: Any = answer) -> Any:
            site.restart()
            return answer(message)

        site.answer = anew  # type: ignore[method-assign]


@pytest.mark.parametrize("restarts", [False, True])
def test_fedbn_keeps_normalisation_at_the_sites(tmp_path: Path, restarts: bool) -> None:
    """Li et al. 2021, arXiv:2102.07623, Algorithm 1: all layers but the BN layers are averaged."""
    with federation(program(model=NORMED), tmp_path) as here:
        start = initial(here)
        if restarts:
            restarting(here, tmp_path)
        outcome = here.run("fedbn")
        weights, own = plain(start, lambda name: name in NORM, rounds=3, make=sgd)
        assert_close(outcome.arrays, weights)
        evaluated = [e for e in here.events(outcome) if e["event"] == "evaluated"][-1]
        for site, table in tables().items():
            model = copy.deepcopy(start)
            model.load_state_dict(own[site])
            model.load_state_dict(weights, strict=False)
            rows = torch.tensor(table, dtype=torch.float32)
            mse = (model.eval()(rows[:, :3]) - rows[:, 3:]).square().mean().item()
            assert evaluated["sites"][site]["metrics"]["mse"] == pytest.approx(mse, rel=1e-4)
        for site in here.sites:
            assert not any(set(NORM) & set(content["arrays"]) for content in site.sent[1:-1])
        if restarts:
            held = kept_at(here, 0)
            assert {f"model:{name}" for name in NORM} == set(held)


@pytest.mark.parametrize("restarts", [False, True])
def test_a_kept_optimizer_goes_on(tmp_path: Path, restarts: bool) -> None:
    made = kept_program(KEPT)
    with federation(made, tmp_path) as here:
        start = initial(here)
        if restarts:
            restarting(here, tmp_path)
        outcome = here.run()
        kept, _ = plain(start, lambda _: False, rounds=3, make=adam, keep=True)
        fresh, _ = plain(start, lambda _: False, rounds=3, make=adam)
    assert_close(outcome.arrays, kept)
    assert not np.allclose(outcome.arrays["weight"].numpy(), fresh["weight"].numpy(), atol=1e-3)


def kept_program(train: str) -> Any:
    made = program(train=train, keep=("optimizer",))
    imports = (*IMPORTS[1:3], Fragment(5, 1, "from .keeping import keep"))
    stage = made.train.__class__(
        **{**vars(made.train), "imports": imports, "body": (Fragment(5, 1, train),)}
    )
    return program(train=train, keep=("optimizer",)).__class__(**{**vars(made), "train": stage})


SCHEDULED = (
    ADAM
    + '\nscheduler = keep("scheduler", torch.optim.lr_scheduler.LambdaLR(optimizer, '
    + "lambda n: 0.5**n))\n"
    + TRAIN.partition("\n")[2].replace("train_loss = ", "scheduler.step()\ntrain_loss = 0 * ")
    + "\ntrain_loss = scheduler.get_last_lr()[0] + optimizer.param_groups[0]['lr']"
)


def test_a_kept_scheduler_goes_on_with_its_optimizers_rate(tmp_path: Path) -> None:
    first_rate = SCHEDULED.replace("for _ in", "rate = optimizer.param_groups[0]['lr']\nfor _ in")
    first_rate += "\ntrain_loss = rate"
    with federation(kept_program(first_rate), tmp_path) as here:
        outcome = here.run()
        rates = [
            event["train"]["train_loss"]
            for event in here.events(outcome)
            if event["event"] == "site-replied" and event["site"] == "alpha"
        ]
    assert rates == pytest.approx([0.1, 0.05, 0.025])


def test_only_tensors_and_plain_values_are_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "made"),)

    with federation(kept_program(KEPT), tmp_path) as here:
        keeping = here.client("keeping")
        with pytest.raises(pickle.UnpicklingError), keeping.keeping(pickle.dumps(Evil())):
            pass
    assert not (tmp_path / "made").exists()


def test_what_has_no_state_cannot_be_kept(tmp_path: Path) -> None:
    with federation(kept_program(KEPT), tmp_path) as here:
        keeping, refusal = here.client("keeping"), here.client("failures").Refusal
        with keeping.keeping(b"") as kept:
            with pytest.raises(refusal, match="a list has no state_dict"):
                keeping.keep("optimizer", [])
            layer = keeping.keep("norm", nn.BatchNorm1d(2))
            layer.running_mean += 3
            states = kept.dump()
        with keeping.keeping(states):
            assert keeping.keep("norm", nn.BatchNorm1d(2)).running_mean.tolist() == [3, 3]
            with pytest.raises(refusal, match="is not what the last round kept"):
                keeping.keep("norm", nn.BatchNorm1d(5))
        assert keeping.keep("norm", layer) is layer


FROZEN = NORMED + "\nfor p in model[0].parameters():\n    p.requires_grad = False"
EXCHANGES: dict[str, tuple[str, tuple[str, ...], set[str]]] = {
    "trainable": (FROZEN, ("trainable",), {"0.weight", "0.bias"}),
    "pattern": (NORMED, ("0.*", "3.bias"), {*NORM, "3.weight"}),
    "all": (NORMED, ("all",), set()),
}
FROZEN_TRAIN = TRAIN.replace(
    "model.parameters()", "[p for p in model.parameters() if p.requires_grad]"
)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("case", EXCHANGES)
def test_what_is_not_exchanged_survives_at_its_site(
    tmp_path: Path, case: str, restarts: bool
) -> None:
    model, exchange, local = EXCHANGES[case]
    made = program(model=model, train=FROZEN_TRAIN, exchange=exchange)
    with federation(made, tmp_path) as here:
        start = initial(here)
        if restarts:
            restarting(here, tmp_path)
        outcome = here.run()
    weights, _ = plain(start, lambda name: name in local, rounds=3, make=sgd)
    assert_close(outcome.arrays, weights)


def test_a_site_refuses_to_exchange_more_than_its_package_says(tmp_path: Path) -> None:
    made = program(model=NORMED, exchange=("0.*",))
    with federation(made, tmp_path) as here:
        here.run(rounds=1)
        message = next(m for m in here.sites[0].got if m.metadata.message_type == "train")
        message.content["arrays"] = here.client("exchange").arrays_from(initial(here))
        error = here.sites[0].answer(message)
        assert "not those that this package exchanges" in error.reason  # type: ignore[union-attr]
        here.sites[0].restart()
        here.sites[0].node["exchange-all"] = True
        assert isinstance(here.sites[0].answer(message), RecordDict)


def test_a_pattern_without_a_match_is_told_before_the_run(tmp_path: Path) -> None:
    with federation(program(exchange=("encoder.*",)), tmp_path) as here:
        error = here.server("settings").SettingsError
        with pytest.raises(error, match=r"do not match encoder\.\*"):
            here.run()


def test_scaffolds_variates_survive_a_restart(tmp_path: Path) -> None:
    with federation(program(), tmp_path) as here:
        steady = here.run("scaffold", run_dir=str(tmp_path / "steady"))
        restarting(here, tmp_path)
        broken = here.run("scaffold", run_dir=str(tmp_path / "broken"))
    for name, array in steady.arrays.items():
        np.testing.assert_array_equal(array.numpy(), broken.arrays[name].numpy())


def test_a_new_run_begins_without_the_last_ones_state(tmp_path: Path) -> None:
    with federation(program(), tmp_path) as here:
        for site in here.sites:
            site.node["state-dir"] = str(tmp_path / site.name)
        first = here.run("scaffold", run_dir=str(tmp_path / "first"))
        second = here.run("scaffold", run_dir=str(tmp_path / "second"))
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array.numpy(), second.arrays[name].numpy())


@pytest.mark.parametrize("folder", [False, True])
def test_a_round_asked_for_again_begins_as_it_did(tmp_path: Path, folder: bool) -> None:
    with federation(program(), tmp_path) as here:
        site = here.sites[0]
        if folder:
            site.node["state-dir"] = str(tmp_path / "state")
        here.run("scaffold")
        last = [m for m in site.got if m.metadata.message_type == "train"][-1]
        before = site.sent[-2]
        if folder:
            site.restart()
        again = site.answer(last)
        assert isinstance(again, RecordDict)
    for record in ("arrays", "control"):
        for name, array in before[record].items():
            np.testing.assert_array_equal(array.numpy(), again[record][name].numpy())


def state(value: float) -> ArrayRecord:
    return ArrayRecord({"w": Array(np.full(2, value, np.float32))})


def test_the_last_rounds_and_runs_are_kept_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with federation(program(), tmp_path) as here:
        module = here.client("local_state")
        memory, folder = RecordDict(), tmp_path / "kept"
        for run in ("aa", "bb", "cc", "dd"):
            states = module.LocalStates(memory, folder, run)
            assert not states.before(1)
            for number in range(1, 5):
                states.store(number, module.LocalState(model=state(number)))
        wanted = {f"{run}.{number:06d}" for run in ("bb", "cc", "dd") for number in (3, 4)}
        assert set(memory) == wanted
        assert {path.stem for path in folder.iterdir()} == wanted
        assert all(path.stat().st_mode & 0o077 == 0 for path in [folder])
        for held in (memory, RecordDict()):
            states = module.LocalStates(held, folder, "cc")
            assert states.before(9).model["w"].numpy().tolist() == [4, 4]
            assert states.before(4).model["w"].numpy().tolist() == [3, 3]
            assert not states.before(3)
        # A damaged state does not keep a site out of all rounds to come.
        newest = folder / "cc.000004.safetensors"
        newest.write_bytes(newest.read_bytes()[:20])
        states = module.LocalStates(RecordDict(), folder, "cc")
        assert states.before(9).model["w"].numpy().tolist() == [3, 3]
        assert f"{newest}: not a whole safetensors file" in caplog.text
        states.store(4, module.LocalState(model=state(4)))
        whole = newest.read_bytes()
        newest.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        states = module.LocalStates(RecordDict(), folder, "cc")
        assert states.before(9).model["w"].numpy().tolist() == [3, 3]
        assert f"{newest}: damaged, its values are not those that were written" in caplog.text
        # What an older package kept has no checksum.
        save_file({"model:w": np.full(2, 5, np.float32)}, newest)
        states = module.LocalStates(RecordDict(), folder, "cc")
        with caplog.at_level("INFO"):
            assert states.before(9).model["w"].numpy().tolist() == [5, 5]
        assert f"{newest} has no checksum" in caplog.text


@pytest.mark.parametrize("restarted", [False, True])
def test_a_state_without_room_leaves_the_one_before(tmp_path: Path, restarted: bool) -> None:
    with federation(program(), tmp_path) as here:
        module, refusal = here.client("local_state"), here.client("failures").Refusal
        memory, folder = RecordDict(), tmp_path / "kept"
        states = module.LocalStates(memory, folder, "aa")
        states.store(1, module.LocalState(model=state(1)))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
        try:
            with pytest.raises(refusal) as caught:
                states.store(2, module.LocalState(model=state(2)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert str(caught.value) == (
            "what this site keeps between rounds cannot be written (File too large): make room for "
            "its state folder"
        )
        assert [path.name for path in folder.iterdir()] == ["aa.000001.safetensors"]
        states = module.LocalStates(RecordDict() if restarted else memory, folder, "aa")
        assert states.before(3).model["w"].numpy().tolist() == [1, 1]


def test_weights_that_are_not_finite_leave_no_state(tmp_path: Path) -> None:
    broken = TRAIN + "\nif EPOCHS == 2:\n    model.weight.data.fill_(float('nan'))"
    with federation(program(train=broken), tmp_path) as here:
        settings = here.settings("scaffold", {}, rounds=1, min_sites=2)
        here.server("server_app").run(FakeGrid(here.sites), settings)  # type: ignore[arg-type]
        assert [bool(site.state) for site in here.sites] == [False, True, True]
