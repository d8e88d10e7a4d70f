from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from nbfed.engine.simulate import simulate
from nbfed.errors import FederationFailed, NbfedError
from nbfed.outcome.results import MODELS, Results
from tests.runtime import demo
from tests.runtime.processes import is_alive, wait_for

torch.set_num_threads(1)


def run(folder: Path, name: str, made: Any = None, **options: Any) -> Results:
    build = demo.write_packages(made or demo.program(), folder)
    demo.write_data(folder)
    federation = demo.FEDERATION.model_copy(update=options.pop("federation", {}))
    run_dir = folder / name
    run_dir.mkdir()
    return simulate(build, federation, run_dir=run_dir, **{"seed": 7, **options})


def events(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]


def test_one_worker_or_two_give_the_same_bytes(tmp_path: Path) -> None:
    one = run(tmp_path, "one", workers=1)
    torch.manual_seed(1)
    two = run(tmp_path, "two", workers=2)
    models = [
        path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.safetensors")
    ]
    # The federation, three sites alone, and all pooled: two rounds and the final model each.
    assert len(models) == 5 * 3
    for path in models:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), (
            path
        )
    assert one.sites == two.sites
    assert one.means == two.means


def test_results_hold_every_model_s_figures(tmp_path: Path) -> None:
    results = run(tmp_path, "run")
    assert Results.read(tmp_path / "run") == results
    assert results.metric_names == ("accuracy",)
    assert (results.rounds, results.seed) == (2, 7)
    assert not results.missing
    assert {site: (r.train_examples, r.test_examples) for site, r in results.sites.items()} == {
        "budapest": (30, 10),
        "cleveland": (36, 12),
        "zurich": (42, 14),
    }
    assert set(results.seconds) == {"federated", "baselines", "evaluation"}
    for model in MODELS:
        values = [site.metrics(model)["accuracy"] for site in results.sites.values()]
        assert results.means["unweighted"][model]["accuracy"] == pytest.approx(sum(values) / 3)
        weighted = (10 * values[0] + 12 * values[1] + 14 * values[2]) / 36
        assert results.means["weighted"][model]["accuracy"] == pytest.approx(weighted)
    # Each site's own model is tried on everybody's data.
    assert {at: set(tried) for at, tried in results.cross.items()} == {
        site: set(demo.SITES) for site in demo.SITES
    }
    for site in demo.SITES:
        assert results.cross[site][site] == results.sites[site].own
    final = [event for event in events(tmp_path / "run") if event["event"] == "evaluated"][-1]
    assert {site: r.federated for site, r in results.sites.items()} == {
        site: told["metrics"] for site, told in final["sites"].items()
    }


def test_baselines_are_runs_of_their_own(tmp_path: Path) -> None:
    results = run(tmp_path, "run", baselines=("local",))
    folders = sorted(path.name for path in (tmp_path / "run/baselines").iterdir())
    assert folders == ["local-budapest", "local-cleveland", "local-zurich"]
    for folder in folders:
        told = events(tmp_path / "run/baselines" / folder)
        assert told[0]["sites"] == [folder.removeprefix("local-")]
        assert told[-1]["outcome"] == "finished"
    assert results.models == ("own", "federated")
    none = run(tmp_path, "none", baselines=())
    assert none.models == ("federated",)
    assert none.sites["zurich"].federated == results.sites["zurich"].federated


def test_a_model_of_its_own_is_trained_on_that_site_s_data_alone(tmp_path: Path) -> None:
    first = run(tmp_path, "first", baselines=("local",))
    (tmp_path / "again").mkdir()
    data = (tmp_path / "zurich.csv").read_text()
    build = demo.write_packages(demo.program(), tmp_path)
    (tmp_path / "budapest.csv").write_text(data)
    simulate(build, demo.FEDERATION, run_dir=tmp_path / "again", baselines=("local",), seed=7)
    model = "baselines/local-{}/model.safetensors"
    for site, same in (("zurich", True), ("cleveland", True), ("budapest", False)):
        left, right = (tmp_path / name / model.format(site) for name in ("first", "again"))
        assert (left.read_bytes() == right.read_bytes()) is same, site
    assert first.sites["zurich"].own


def test_baselines_start_alike_though_they_start_at_one_time(tmp_path: Path) -> None:
    """torch has one generator for all threads: who draws slowly would get others' numbers."""
    slow = (
        "import time\nfirst = nn.Linear(3, HIDDEN)\ntime.sleep(0.05)\n"
        "model = nn.Sequential(first, nn.ReLU(), nn.Linear(HIDDEN, 1))"
    )
    made = demo.program(train="train_loss = 0.0")
    stage = replace(made.model, body=(replace(made.model.body[0], text=slow),))
    run(tmp_path, "run", replace(made, model=stage), workers=2)
    models = [
        path.read_bytes() for path in (tmp_path / "run").glob("baselines/*/model.safetensors")
    ]
    assert len(models) == 4
    assert len(set(models)) == 1, "nothing was trained: all are the weights of the beginning"


def test_what_does_not_pool_is_missing_with_its_reason(tmp_path: Path) -> None:
    load = demo.LOAD + "\ntest_loader = {'rows': test_loader}"
    evaluate = demo.EVALUATE.replace("in test_loader", "in test_loader['rows']")
    results = run(tmp_path, "run", demo.program(load=load, evaluate=evaluate))
    assert "cannot put `test_loader` (type dict) together" in results.missing["pooled"]
    assert results.models == ("own", "federated")


def test_without_evaluation_there_are_no_figures(tmp_path: Path) -> None:
    results = run(tmp_path, "run", demo.without_evaluation(demo.program()))
    assert results.models == ()
    assert set(results.missing.values()) == {"the sites evaluate nothing"}
    assert results.sites["zurich"].train_examples == 42


def test_overrides_of_a_site_hold_for_it_alone(tmp_path: Path) -> None:
    sites = {
        site: demo.FEDERATION.sites[site].model_copy(
            update={"overrides": {"LR": 0.0} if site == "zurich" else {}}
        )
        for site in demo.SITES
    }
    run(tmp_path, "run", federation={"sites": sites}, baselines=("local",))
    folder = tmp_path / "run/baselines"
    rounds = ("checkpoints/round-001.safetensors", "checkpoints/round-002.safetensors")

    def weights(site: str, file: str) -> torch.Tensor:
        from safetensors.torch import load_file

        return load_file(folder / f"local-{site}" / file)["0.weight"]

    assert torch.equal(weights("zurich", rounds[0]), weights("zurich", rounds[1]))
    assert not torch.equal(weights("cleveland", rounds[0]), weights("cleveland", rounds[1]))


def test_failing_sites_end_the_run_with_a_reason(tmp_path: Path) -> None:
    match = r"the run ended early: round 1.*\(\w+: ValueError in train.py line"
    with pytest.raises(FederationFailed, match=match) as caught:
        run(tmp_path, "run", demo.program(train="raise ValueError('Erika Mustermann')"))
    assert "site-logs" in caught.value.hint
    assert "Mustermann" not in (tmp_path / "run/events.jsonl").read_text()
    assert "Mustermann" in "".join(
        path.read_text() for path in (tmp_path / "run/site-logs").iterdir()
    )


def test_a_parameter_that_is_not_there(tmp_path: Path) -> None:
    build = demo.write_packages(
        demo.program(),
        tmp_path,
        federation=demo.FEDERATION.model_copy(update={"params": {"EPOCH": 3}}),
    )
    (tmp_path / "run").mkdir()
    with pytest.raises(NbfedError, match="did you mean EPOCHS"):
        simulate(build, demo.FEDERATION, run_dir=tmp_path / "run", seed=7)


SIMULATE = """
import sys
from pathlib import Path
from nbfed.engine.simulate import simulate
from tests.runtime import demo
folder = Path(sys.argv[1])
workers = "num_workers=1, batch_size=BATCH"
slow = "import os, pathlib, time\\npathlib.Path('busy').write_text(str(os.getpid()))\\n"
slow += "batches = iter(train_loader)\\nnext(batches)\\n"
slow += "pathlib.Path('loading').write_text(str(batches._workers[0].pid))\\ntime.sleep(100)\\n"
load = demo.LOAD.replace("batch_size=BATCH", workers)
build = demo.write_packages(demo.program(train=slow + demo.TRAIN, load=load), folder)
(folder / "run").mkdir()
try:
    simulate(build, demo.FEDERATION, run_dir=folder / "run", workers=1, seed=7)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_ends_the_sites_and_their_loaders(
    tmp_path: Path, number: signal.Signals
) -> None:
    demo.write_data(tmp_path)
    root = str(Path(__file__).parents[3])
    simulation = subprocess.Popen(
        [sys.executable, "-c", SIMULATE, str(tmp_path)], env={**os.environ, "PYTHONPATH": root}
    )
    try:
        wait_for((tmp_path / "loading").exists)
        children = [int((tmp_path / name).read_text()) for name in ("busy", "loading")]
        assert all(map(is_alive, children))
        simulation.send_signal(number)
        simulation.wait(60)
        wait_for(lambda: not any(map(is_alive, children)))
    finally:
        simulation.kill()
        simulation.wait()
    if number == signal.SIGINT:
        assert simulation.returncode == 130
        last = events(tmp_path / "run")[-1]
        assert (last["event"], last["outcome"]) == ("run-finished", "stopped")
