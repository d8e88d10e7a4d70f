"""Merging of import statements."""

from __future__ import annotations

import pytest

from nbfed.emit.imports import merged_imports


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        pytest.param([], "", id="none"),
        pytest.param(
            ["import torch", "import os, torch"], "import os\n\nimport torch", id="merged"
        ),
        pytest.param(
            ["import numpy as np", "import numpy as np", "import numpy"],
            "import numpy\nimport numpy as np",
            id="aliases",
        ),
        pytest.param(
            [
                "from torch import nn",
                "from torch.optim import SGD, Adam",
                "from torch import Tensor",
            ],
            "from torch import Tensor, nn\nfrom torch.optim import SGD, Adam",
            id="members",
        ),
        pytest.param(
            ["from .model import Net", "from typing import Any", "import torch.nn as nn"],
            "from typing import Any\n\nimport torch.nn as nn\n\nfrom .model import Net",
            id="sections",
        ),
        pytest.param(
            ["from m import " + ", ".join(f"name_number_{i}" for i in range(8))],
            "from m import (\n" + "".join(f"    name_number_{i},\n" for i in range(8)) + ")",
            id="long",
        ),
    ],
)
def test_merged_imports(statements: list[str], expected: str) -> None:
    assert merged_imports(statements) == expected
