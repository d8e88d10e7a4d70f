from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbfed.federation.schema import Federation, FederationError


def read(text: str) -> Federation:
    return Federation.from_text(textwrap.dedent(text), "federation.yaml")


def problems(text: str) -> list[str]:
    with pytest.raises(FederationError) as caught:
        read(text)
    return [
        f"{problem.line}: {problem.message}" + (f" ({problem.hint})" if problem.hint else "")
        for problem in caught.value.problems
    ]


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "{}"])
def test_everything_has_a_default(text: str) -> None:
    federation = read(text)
    assert (federation.rounds, federation.min_sites, federation.strategy.name) == (3, 0, "fedavg")
    assert federation.seed is None
    assert federation.server.address == "127.0.0.1:9092"
    assert federation.server.tls


def test_a_whole_file() -> None:
    federation = read(
        """
        name: Heart Disease
        notebook: heart.ipynb
        rounds: 10
        seed: 42
        strategy: {name: FedProx, proximal_mu: 0.1}
        min_sites: 2
        params: {LR: 1e-3, LAYERS: [16, 8]}
        requires: ["scikit-learn>=1.5"]
        server: {address: "0.0.0.0:9092"}
        sites:
          cleveland:
            params: {DATA_FILE: data/cleveland.csv}
            overrides: {BATCH_SIZE: 8}
          va:
        """
    )
    assert federation.name == "heart-disease"
    assert federation.strategy.name == "fedprox"
    assert federation.strategy.options == {"proximal_mu": 0.1}
    assert federation.params == {"LR": 0.001, "LAYERS": [16, 8]}
    assert federation.sites["cleveland"].params == {"DATA_FILE": "data/cleveland.csv"}
    assert federation.sites["cleveland"].overrides == {"BATCH_SIZE": 8}
    assert federation.sites["va"].params == {}
    assert federation.line(("sites", "va")) == 15


def test_a_sites_values_become_its_node_configuration() -> None:
    site = "{params: {DATA_FILE: va.csv, COLUMNS: [age, sex]}, overrides: {LR: 0.1}}"
    assert read(f"sites: {{va: {site}}}").sites["va"].node_config() == {
        "DATA_FILE": "va.csv",
        "COLUMNS": '["age", "sex"]',
        "param.LR": 0.1,
    }
    assert read("sites: [va]").sites["va"].node_config() == {}


def test_a_sites_device() -> None:
    assert read("sites: {va: {device: 'cuda:1'}}").sites["va"].device == "cuda:1"
    assert read("sites: [va]").sites["va"].device == "auto"
    with pytest.raises(FederationError, match="is no device: `gpu`"):
        read("sites: {va: {device: gpu}}")


def test_weights_travel_in_full_precision_unless_asked_otherwise() -> None:
    assert read("").transport.precision == "full"
    assert read("transport: {precision: half}").transport.precision == "half"


def test_sites_can_be_a_list_of_names() -> None:
    assert list(read("sites: [cleveland, va]").sites) == ["cleveland", "va"]


def test_strategy_can_be_a_plain_name() -> None:
    assert read("strategy: fedavg").strategy.options == {}


@pytest.mark.parametrize(
    ("name", "stem", "expected"),
    [
        ("", "Chest X-ray (final)", "chest-x-ray-final"),
        ("heart", "other", "heart"),
        ("", "2024 study", "nb-2024-study"),
    ],
)
def test_a_federation_without_a_name_takes_the_notebooks(
    name: str, stem: str, expected: str
) -> None:
    assert read(f"name: '{name}'" if name else "").named(stem).name == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("round: 3", "1: unknown key `round` (did you mean `rounds`?)"),
        (
            "rounds: 3\nserver: {adress: 'a:1'}",
            "2: unknown key `server.adress` (did you mean `address`?)",
        ),
        (
            "sites:\n  va:\n    param: {}",
            "3: unknown key `sites.va.param` (did you mean `params`?)",
        ),
        (
            "sites:\n  va:\n    DATA_FILE: va.csv",
            "3: unknown key `sites.va.DATA_FILE`"
            " (values for the notebook's site cells go under `params:`)",
        ),
        (
            "rounds: 2\ntransport: {precision: quarter}",
            "2: `transport.precision` must be `full` or `half`, not `quarter`",
        ),
        ("rounds: three", "1: `rounds` must be a whole number, not `three`"),
        ("rounds: true", "1: `rounds` must be a whole number, not `true`"),
        ("rounds: 0", "1: `rounds` must be at least 1, not `0`"),
        ("seed: 9223372036854775808", "1: `seed` must be less than 9223372036854775808, not"),
        ("join_timeout: 0", "1: `join_timeout` must be more than 0, not `0`"),
        ("server: {tls: yes please}", "1: `server.tls` must be true or false, not `yes please`"),
        (
            "server: {address: somewhere}",
            "1: `server.address` must be HOST:PORT (for example 127.0.0.1:9092)",
        ),
        (
            "server: {address: 'host:99999'}",
            "1: `server.address` must be HOST:PORT (for example 127.0.0.1:9092)",
        ),
        ("strategy: fedagv", "1: `strategy.name` is no strategy known here: `fedagv`"),
        (
            "strategy:\n  name: fedadam\n  etta: 1",
            "3: unknown option 'etta' of fedadam (did you mean 'eta'?); there are: ",
        ),
        (
            "strategy:\n  name: fedprox\n  proximal-mu: big",
            "3: option 'proximal-mu' of fedprox is 'big', but should be a number of at least 0",
        ),
        ("rounds: 2\nstrategy: fedprox", "2: strategy fedprox needs the option 'proximal_mu'"),
        (
            "sites: [a, b, c]\nstrategy: {name: krum, num_malicious_nodes: 1}",
            "2: strategy krum with num_malicious_nodes 1 needs 5 sites a round, but 3 train",
        ),
        ("strategy: 4", "1: `strategy` must be a mapping of names to values, not `4`"),
        ("name: '!'", "1: `name` must have a letter or a digit in it"),
        (
            "notebook: /home/me/heart.ipynb",
            "1: `notebook` must be a path relative to this file's folder, with forward slashes",
        ),
        ("params: [LR]", "1: `params` must be a mapping of names to values, not a list"),
        (
            "params:\n  LR: {a: 1}",
            "2: `params.LR` must be a number, text, true or false, or a list of these",
        ),
        (
            "params:\n  DAY: 2024-01-31",
            "2: `params.DAY` must be a number, text, true or false, or a list of these"
            " (write a date in quotes)",
        ),
        ("params: {learning rate: 1}", "1: `params.learning rate` is no name that a notebook"),
        (
            "requires: [not a requirement]",
            "1: `requires.0` is no requirement: `not a requirement`"
            " (for example `scikit-learn>=1.5`)",
        ),
        ("sites: [a, b, a]", "1: `sites` has `a` twice"),
        (
            "sites:\n  no: {}",
            '2: YAML reads the key `no` as true or false (quote it: "no")',
        ),
        ("sites:\n  12: {}", '2: YAML reads the key `12` as a number (quote it: "12")'),
        (
            "sites:\n  a b: {}",
            "2: `sites.a b` cannot name a site (use letters, digits, `-`, `_`, `.`; at most 64)",
        ),
        ("sites:\n  pooled: {}", "2: `sites.pooled` names the baseline over all sites' data"),
        ("min_sites: 3\nsites: [a, b]", "1: `min_sites` is 3, but `sites` has 2"),
        ("rounds: 1\nrounds: 2", "2: `rounds` is given twice (first on line 1)"),
        ("- rounds", "1: must be a mapping of names to values"),
        ("rounds: 3\nsites: [a", "2: not valid YAML: expected ',' or ']'"),
        ("rounds: 3\nname: \x07", "2: not valid YAML: a character that cannot stand there"),
        ("a: 1\n---\nb: 2", "2: not valid YAML: but found another document"),
        ("rounds: !!python/name:os.system", "1: not valid YAML: could not determine a constructor"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, expected: str) -> None:
    (found,) = problems(text)
    assert found.startswith(expected)


def test_all_mistakes_come_at_once() -> None:
    assert problems("rounds: 0\nmin_sites: -1\nsitess: []") == [
        "1: `rounds` must be at least 1, not `0`",
        "2: `min_sites` must be at least 0, not `-1`",
        "3: unknown key `sitess` (did you mean `sites`?)",
    ]


def test_the_error_names_the_file_and_each_line() -> None:
    with pytest.raises(FederationError) as caught:
        Federation.from_text("rounds: 0\nseed: x\n", "study.yaml")
    assert caught.value.line == 1
    assert str(caught.value) == (
        "study.yaml:1: `rounds` must be at least 1, not `0`\n"
        "study.yaml:2: `seed` must be a whole number, not `x`"
    )


def test_a_value_that_contains_itself_is_an_error_not_a_hang() -> None:
    assert problems("params: &all\n  LR: *all")


@given(st.text(max_size=200))
def test_any_text_is_a_federation_or_a_federation_error(text: str) -> None:
    try:
        Federation.from_text(text, "federation.yaml")
    except FederationError as error:
        assert error.problems
