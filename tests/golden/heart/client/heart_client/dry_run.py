"""``dry-run``: one round on this site's own data; nothing is sent, and all of it is shown."""

from __future__ import annotations

import json
from time import perf_counter

from .leaving import Leaving
from .place import Place
from .rehearsal import Rehearsal
from .site_file import node_config
from .site_loop import check_settings


def dry_run(place: Place, *, seed: int, as_json: bool) -> None:
    """Play one round from fresh weights and print what it would have sent; raises SiteError."""
    file = place.file
    node = node_config(place.site, file.params, file.overrides)
    check_settings(node, place.config.name)
    rehearsal = Rehearsal(node, file.policy, seed=seed)
    start = perf_counter()
    _, leaving = rehearsal.train(rehearsal.initial(), 1)
    seconds = perf_counter() - start
    if as_json:
        print(json.dumps({"site": place.site, "seconds": seconds, "left": leaving.as_json()}))
        return
    print(f"a dry run at {place.site}, from fresh weights: it took {seconds:.1f} s")
    print(f"\nThis is all that the round would send to {file.server or 'the server'}:\n")
    print(as_page(leaving))
    print("\nNothing was sent, and the server was not asked for anything.")


def as_page(leaving: Leaving) -> str:
    """Return a line for each array and number of ``leaving``."""
    width = max((len(array.name) for array in leaving.arrays), default=0)
    lines = [
        f"  {array.record}  {array.name:<{width}}  {array.dtype} {array.shape}, "
        f"{array.bytes:,} bytes"
        for array in leaving.arrays
    ]
    lines.append(f"  {len(leaving.arrays)} arrays, {leaving.bytes:,} bytes")
    for record, numbers in leaving.numbers.items():
        lines += [f"  {record}  {name} = {value:g}" for name, value in numbers.items()]
    return "\n".join(lines)
