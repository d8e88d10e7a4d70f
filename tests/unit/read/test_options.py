"""The grammar of options, and the table of which role knows which."""

from __future__ import annotations

import pytest

from nbfed.read.options import OPTIONS, parse_options
from nbfed.roles import Role

GOOD = [
    (Role.TRAIN, "", {}),
    (Role.TRAIN, " metrics=loss", {"metrics": "loss"}),
    (Role.TRAIN, "metrics=loss,acc name=fit", {"metrics": "loss,acc", "name": "fit"}),
    (Role.TRAIN, "metrics=loss, acc name=fit", {"metrics": "loss,acc", "name": "fit"}),
    (Role.TRAIN, "metrics = loss", {"metrics": "loss"}),
    (Role.TRAIN, 'metrics="loss, acc"', {"metrics": "loss,acc"}),
    (Role.TRAIN, 'call="fit(net, n=3)"', {"call": "fit(net, n=3)"}),
    (Role.TRAIN, "call='fit(\"a\")'", {"call": 'fit("a")'}),
    (Role.TRAIN, "call=fit(net,n=3)", {"call": "fit(net,n=3)"}),
    (Role.TRAIN, "examples=rows keep=opt,ema", {"examples": "rows", "keep": "opt,ema"}),
    (Role.DATA, "server", {"server": "true"}),
    (Role.DATA, "server name=load", {"server": "true", "name": "load"}),
    (Role.MODEL, "exchange=trainable", {"exchange": "trainable"}),
    (Role.MODEL, "exchange=head.*,!encoder", {"exchange": "head.*,!encoder"}),
    (Role.MODEL, "name=encoder,decoder", {"name": "encoder,decoder"}),
]


@pytest.mark.parametrize(("role", "text", "options"), GOOD)
def test_options_that_are_understood(role, text, options):
    assert parse_options(role, text) == (options, [])


BAD = [
    (Role.TRAIN, "metric=loss", 0, 11, "NBF116", "did you mean `metrics`"),
    (Role.TRAIN, "  loss", 2, 4, "NBF116", "`train` knows `name`"),
    (Role.SKIP, "plots only", 0, 5, "NBF116", "takes no options"),
    (Role.TRAIN, "metrics", 0, 7, "NBF116", "takes names"),
    (Role.TRAIN, "metrics=", 0, 8, "NBF116", "key=value"),
    (Role.TRAIN, 'metrics=""', 0, 10, "NBF116", "takes names"),
    (Role.TRAIN, "metrics=a,a", 0, 11, "NBF308", "name each once"),
    (Role.TRAIN, "keep=a,a", 0, 8, "NBF116", "name each once"),
    (Role.TRAIN, "metrics=a-b", 0, 11, "NBF116", "takes names"),
    (Role.TRAIN, "metrics=a, name=f", 0, 17, "NBF116", "takes names"),
    (Role.TRAIN, "name=lambda", 0, 11, "NBF116", "takes a name"),
    (Role.TRAIN, "examples=a.b", 0, 12, "NBF116", "takes a name"),
    (Role.TRAIN, "name=f name=g", 7, 6, "NBF116", "keep one"),
    (Role.TRAIN, 'call="fit"', 0, 10, "NBF116", "for example"),
    (Role.TRAIN, 'call="fit("', 0, 11, "NBF116", "for example"),
    (Role.TRAIN, 'call="a(); b()"', 0, 15, "NBF116", "for example"),
    (Role.TRAIN, "call=fit(a) + 1", 12, 3, "NBF116", "key=value"),
    (Role.TRAIN, 'name="f', 0, 7, "NBF116", "key=value"),
    (Role.DATA, "server=yes", 0, 10, "NBF116", "# nbfed: data server"),
    (Role.DATA, "metrics=a", 0, 9, "NBF116", "`data` knows"),
    (Role.MODEL, "exchange=a/b", 0, 12, "NBF116", "patterns of names"),
]


@pytest.mark.parametrize(("role", "text", "start", "length", "code", "hint"), BAD)
def test_options_that_are_not(role, text, start, length, code, hint):
    _, problems = parse_options(role, text)
    problem = problems[0]
    assert (problem.start, problem.length, problem.code) == (start, length, code)
    assert hint in problem.hint


def test_the_good_options_beside_a_bad_one_are_kept():
    options, problems = parse_options(Role.TRAIN, "name=fit nmae=x metrics=loss")
    assert options == {"name": "fit", "metrics": "loss"}
    assert len(problems) == 1


def test_every_role_is_in_the_table():
    assert set(OPTIONS) == set(Role)
