from __future__ import annotations

import pytest

from .conftest import SITES, Package


def test_the_builds_defaults_are_federation_yamls(server: Package) -> None:
    settings = server.settings.Settings.from_run_config()
    assert (settings.rounds, settings.seed, settings.strategy) == (2, 7, "fedavg")
    assert settings.sites == SITES and settings.needed == 3
    assert settings.params == {} and settings.strategy_options == {}


def test_settings_survive_the_run_config_and_back(server: Package) -> None:
    made = server.settings.Settings.from_run_config
    settings = made(
        {
            "rounds": 4,
            "params": '{"LR": 0.5}',
            "sites": '["b", "a"]',
            "min-sites": 1,
            "strategy-options": '{"fraction_train": 0.5}',
            "join-timeout": 3,
        }
    )
    assert settings.sites == ("a", "b") and settings.needed == 1
    assert settings.join_timeout == 3.0 and settings.params == {"LR": 0.5}
    assert made(settings.to_run_config()) == settings


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        (
            "round",
            3,
            "unknown setting 'round'; there are: best-metric, best-mode, data-dir, engine",
        ),
        ("rounds", 0, "at least 1"),
        ("rounds", 2.5, "whole number"),
        ("rounds", "3", "should be a int"),
        ("rounds", True, "should be a int"),
        ("join-timeout", 0, "above 0"),
        ("join-timeout", float("inf"), "number"),
        ("strategy", 3, "should be a str"),
        ("params", "[1]", "JSON for an object"),
        ("params", "{", "is not JSON"),
        ("sites", "{}", "JSON for a list"),
        ("sites", '["a", "a"]', "different names"),
        ("sites", "[1]", "different names"),
        ("resume", 1, "should be a bool"),
        ("best-mode", "up", "max or min"),
        ("transport-precision", "quarter", "should be full or half"),
        ("stop-patience", 2, "needs best-metric"),
        ("stop-when", "accuracy = 1", "stop-when: 'accuracy = 1' is not METRIC"),
        ("stop-when", "__import__('os')", "is not METRIC"),
        ("stop-when", "accuracy > nan", "is not METRIC"),
        ("min-sites", 4, "only 3 sites are expected"),
    ],
)
def test_a_wrong_value_is_named(server: Package, key: str, value: object, text: str) -> None:
    with pytest.raises(server.settings.SettingsError) as caught:
        server.settings.Settings.from_run_config({key: value})
    assert text in str(caught.value) and "\n" not in str(caught.value)
