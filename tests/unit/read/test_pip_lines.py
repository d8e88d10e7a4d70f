"""Requirements out of shell commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbfed.read.pip_lines import parse_pip, parse_requirement


@pytest.mark.parametrize(
    ("command", "requirements", "others"),
    [
        ("pip install a b", ("a", "b"), ()),
        ("pip3 install --quiet -U 'a>=1,<2'", ("a<2,>=1",), ()),
        ("pip install a==1.2  # why", ("a==1.2",), ()),
        ("pip install a>=1.2", ("a>=1.2",), ()),
        ("python -m pip install -q a", ("a",), ()),
        ("{sys.executable} -m pip install a", ("a",), ()),
        ("sudo /usr/bin/pip install a", ("a",), ()),
        ("uv pip install a", ("a",), ()),
        ("PIP_NO_CACHE=1 pip install a", ("a",), ()),
        ("pip --no-cache-dir install a", ("a",), ()),
        ("pip install -r requirements.txt a", ("a",), ()),
        ("pip install -qr requirements.txt", (), ()),
        ("pip install --index-url https://x.org/simple a", ("a",), ()),
        ("pip install --index-url=https://x.org/simple a", ("a",), ()),
        ("pip install -f https://x.org/whl.html torch==1.9.0+cu111", ("torch==1.9.0+cu111",), ()),
        ("pip install -e .", (), ()),
        ("pip install git+https://x.org/a#egg=a", (), ("git+https://x.org/a#egg=a",)),
        ("pip install . ./b", (), (".", "./b")),
        ("pip install a > /dev/null 2>&1", ("a",), ()),
        ("pip install a 2>/dev/null", ("a",), ()),
        ("pip install a; pip install b && pip install c", ("a", "b", "c"), ()),
        ('python -c "import monai" || pip install -q "monai[nibabel, tqdm]"',
         ("monai[nibabel,tqdm]",), ()),
        ("pip install 'a", (), ("'a",)),
        ("pip install {name}", (), ("{name}",)),
        ("pip list", (), ()),
        ("pip download install", (), ()),
        ("pip uninstall -y a", (), ()),
        ("echo pip install a", (), ()),
        ("conda install a", (), ()),
        ("", (), ()),
    ],
)  # fmt: skip
def test_every_argument_of_every_install(command, requirements, others):
    found = parse_pip(command)
    assert (found.requirements, found.others) == (requirements, others)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("scikit-image >= 0.22", "scikit-image>=0.22"),
        (" a ", "a"),
        ("a @ https://x.org/a.whl", None),
        ("./a", None),
        ("", None),
    ],
)
def test_requirement(text, expected):
    assert parse_requirement(text) == expected


@given(st.text(max_size=60), st.sampled_from(["pip install ", "python -m pip ", ""]))
def test_any_text_can_be_asked(text, lead):
    assert parse_pip(lead + text) is not None
