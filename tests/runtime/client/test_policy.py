from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import Installed

ALL_RULES = """\
site: zurich
policy:
  metrics: [accuracy]
  least_examples: 20
  most_rounds: 50
  hours: "20:00-06:30"
  downloads: true
  connections: ["db.hospital.example:5432"]
  data_root: data
"""


@pytest.fixture
def site_file(installed: Installed) -> ModuleType:
    return installed.client.module("site_file")


def write(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text)
    return path


def test_all_rules(site_file: ModuleType, tmp_path: Path) -> None:
    policy = site_file.read_site_file(write(tmp_path, ALL_RULES)).policy
    assert policy.described() == {
        "metrics": "accuracy",
        "least examples": "20",
        "most rounds": "50",
        "hours": "20:00-06:30",
        "downloads": "allowed",
        "connections": "db.hospital.example:5432",
        "data root": str(tmp_path / "data"),
    }


def test_no_rules(site_file: ModuleType, tmp_path: Path) -> None:
    policy = site_file.read_site_file(write(tmp_path, "site: zurich\n")).policy
    assert (policy.metrics, policy.hours, policy.downloads) == (None, None, False)


@pytest.mark.parametrize(
    ("rules", "line", "message"),
    [
        ("  metric: []", 3, "policy: unknown rule 'metric'; there are metrics, least_examples,"),
        ("  metrics: accuracy", 3, "policy: metrics should be a list of names, such as [accuracy"),
        ("  downloads: false\n  most_rounds: 0", 4, "policy: most_rounds should be a whole number"),
        ("  least_examples: true", 3, "policy: least_examples should be a whole number above 0"),
        ("  hours: 20-6", 3, 'policy: hours should be a span of the day in quotes, such as "20:00'),
        ('  hours: "25:00-06:00"', 3, "policy: hours should be a span of the day"),
        ('  hours: "08:00-8:00"', 3, "policy: hours should be a span of the day that has a begin"),
        ("  downloads: maybe", 3, "policy: downloads should be true or false, not 'maybe'"),
        ("  connections: [db]", 3, 'policy: connections should be a list of "HOST:PORT"'),
        ("  data_root: [a]", 3, "policy: data_root should be a folder"),
        ("  - metrics", 2, "policy should hold `rule: value` lines"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    installed: Installed,
    site_file: ModuleType,
    tmp_path: Path,
    rules: str,
    line: int,
    message: str,
) -> None:
    path = write(tmp_path, f"site: zurich\npolicy:\n{rules}\n")
    with pytest.raises(installed.client.module("exits").SiteError) as caught:
        site_file.read_site_file(path)
    assert str(caught.value).startswith(f"{path}:{line}: {message}")


@pytest.mark.parametrize(
    ("clock", "open_by_night", "open_by_day"),
    [
        ("05:59", True, False),
        ("06:00", False, True),
        ("12:00", False, True),
        ("20:00", True, False),
    ],
)
def test_hours(installed: Installed, clock: str, open_by_night: bool, open_by_day: bool) -> None:
    module = installed.client.module("policy")
    now = datetime.fromisoformat(f"2026-11-25T{clock}")

    def of(text: str) -> bool:
        policy = module.read_policy({"hours": text}, Path(), str)
        return policy.closed(now) == ""

    assert of("20:00-06:00") is open_by_night
    assert of("06:00-20:00") is open_by_day


def test_paths_out_of_the_data_root(installed: Installed, tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    (root / "link.csv").symlink_to(tmp_path / "secret.csv")
    policy = installed.client.module("policy").Policy(data_root=root)
    values = {
        "INSIDE": "data/a.csv",
        "ABSOLUTE": str(root / "b.csv"),
        "OUTSIDE": "/etc/passwd",
        "UP": "data/../secret.csv",
        "LINKED": "data/link.csv",
        "LISTED": f'["{root}/a.csv", "/srv/b.csv"]',
        "WORD": "fast",
        "ADDRESS": "postgresql://db/heart",
        "NUMBER": 3,
    }
    assert policy.outside(values, tmp_path) == ["OUTSIDE", "UP", "LINKED", "LISTED"]
    assert installed.client.module("policy").Policy().outside(values, tmp_path) == []
