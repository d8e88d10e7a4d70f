"""The server asks a site for the model's sizes before it makes the first weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Error, Message, MetricRecord, RecordDict

from nbfed.program import Argument, Origin, Parameter

from .conftest import SITES, Package, federation, imported, program
from .fake_grid import FakeGrid, FakeSite


class Measured(FakeSite):
    """A site that knows the size, or says why it does not."""

    told: Any = 3

    def who(self, message: Message) -> RecordDict | Error:
        reply = super().who(message)
        if isinstance(reply, RecordDict) and message.content["config"].get("sizes"):
            if isinstance(self.told, str):
                return Error(code=101, reason=self.told)
            reply["sizes"] = MetricRecord({"WIDTH": self.told})
        return reply


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Package]:
    usual = program()
    (part,) = usual.model.body
    model = replace(
        usual.model,
        arguments=(Argument("WIDTH", Origin.DATA, "int"), *usual.model.arguments),
        body=(replace(part, text=part.text.replace("Linear(2,", "Linear(WIDTH,")),),
    )
    params = (*usual.params, Parameter("WIDTH", "int", "0", 2, 3))
    made = program(model=model, params=params)
    yield from imported(tmp_path_factory.mktemp("sized"), "sized", made, federation(name="sized"))


def settings(package: Package, folder: Path, **config: Any) -> Any:
    values = {"run-dir": str(folder / "run"), "poll-seconds": 0.01, **config}
    return package.settings.Settings.from_run_config(values)


def grid(package: Package, **told: Any) -> FakeGrid:
    sites = [Measured(name, package.settings.CLIENT_DIGEST) for name in SITES]
    for site in sites:
        site.told = told.get(site.name, 3)
    return FakeGrid(sites)


def test_the_first_weights_have_the_size_that_a_site_tells(sized: Package, tmp_path: Path) -> None:
    sites = grid(sized)
    outcome = sized.server_app.run(sites, settings(sized, tmp_path))
    assert outcome.good
    assert outcome.arrays["0.weight"].shape == (4, 3)
    asked = [
        (site.name, json.loads(str(message.content["config"]["params"])))
        for site in sites.sites.values()
        for message in site.got
        if message.content["config"].get("sizes")
    ]
    assert asked == [("alpha", {})]
    # From then on it is a parameter as all others are, and export makes the same model.
    build = json.loads((tmp_path / "run/build.json").read_text())
    assert json.loads(build["run_config"]["params"]) == {"WIDTH": 3}


def test_what_is_given_is_not_asked_for(sized: Package, tmp_path: Path) -> None:
    sites = grid(sized, alpha="not to be asked")
    given = settings(sized, tmp_path, params='{"WIDTH": 5}')
    outcome = sized.server_app.run(sites, given)
    assert outcome.arrays["0.weight"].shape == (4, 5)


def test_the_next_site_is_asked_where_one_cannot_tell(sized: Package, tmp_path: Path) -> None:
    sites = grid(sized, alpha="the data could not be loaded", beta=0.5, gamma=7)
    found = sized.sizes.with_sizes(sites, settings(sized, tmp_path))
    assert found.params == {"WIDTH": 7}


def test_where_none_can_tell_the_reasons_are_said(sized: Package, tmp_path: Path) -> None:
    sites = grid(sized, alpha="no file", beta=0, gamma=-1)
    with pytest.raises(sized.settings.SettingsError, match=r"\(WIDTH\): alpha: no file; beta: it"):
        sized.sizes.with_sizes(sites, settings(sized, tmp_path))


def test_without_sites_it_says_so(sized: Package, tmp_path: Path) -> None:
    nobody = settings(sized, tmp_path, **{"join-timeout": 0.05})
    with pytest.raises(sized.settings.SettingsError, match="0 of the 3 sites needed"):
        sized.sizes.with_sizes(FakeGrid([]), nobody)
