"""Write the expected output anew: ``make golden``. Review the difference like code."""

from __future__ import annotations

import shutil

from tests.golden.examples import EXAMPLES, GOLDEN, generated


def main() -> None:
    for name in EXAMPLES:
        files = generated(name)
        shutil.rmtree(GOLDEN / name, ignore_errors=True)
        for path, data in files.items():
            target = GOLDEN / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        print(f"{name}: {len(files)} files")


if __name__ == "__main__":
    main()
