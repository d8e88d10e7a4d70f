from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.runtime import demo
from tests.runtime.loading import Client, importable


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("site-file")
    demo.write_packages(demo.program(), folder)
    with importable(folder / "client"):
        yield Client("demo_client", {"site": "a"})


@pytest.fixture
def site_file(client: Client) -> ModuleType:
    return client.module("site_file")


def test_all_that_it_may_hold(site_file: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "site: cleveland\nserver: host:9092\nca: pki/ca.pem\nthreads: 2\ndevice: cuda:1\n"
        "params:\n  DATA_FILE: a.csv\n  COLUMNS: [age, sex]\noverrides:\n  LR: 0.1\n"
    )
    file = site_file.read_site_file(path)
    assert file.ca == tmp_path / "pki/ca.pem"
    assert (file.site, file.server, file.threads) == ("cleveland", "host:9092", 2)
    assert file.device == "cuda:1"
    assert site_file.node_config(file.site, file.params, file.overrides) == {
        "site": "cleveland",
        "DATA_FILE": "a.csv",
        "COLUMNS": '["age", "sex"]',
        "param.LR": 0.1,
    }


def test_an_empty_file_is_filled_by_options(site_file: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("")
    assert site_file.read_site_file(tmp_path / "site.yaml") == site_file.SiteFile()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("site: [", "is not YAML at line 1: correct it there"),
        ("- a\n", "should hold `key: value` lines"),
        (
            "sites: a\n",
            "unknown key 'sites'; there are site, server, ca, threads, device, params, overrides, "
            "policy",
        ),
        ("threads: many\n", "threads should be a whole number above 0, not 'many'"),
        ("threads: true\n", "threads should be a whole number above 0, not True"),
        ("device: gpu\n", "device should be auto, cpu, cuda or cuda:1, not 'gpu'"),
        ("params: a.csv\n", "params should hold `NAME: value` lines"),
        ("params:\n  DATA_FILE:\n", "params: DATA_FILE has no value: fill it in"),
    ],
)
def test_what_is_wrong_is_named(
    client: Client, site_file: ModuleType, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    with pytest.raises(client.module("exits").SiteError) as caught:
        site_file.read_site_file(path)
    assert str(caught.value) in (f"{path} {message}", f"{path}: {message}")
