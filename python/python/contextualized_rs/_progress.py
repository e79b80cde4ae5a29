"""Progress of fits: a bar by tqdm, where that is installed and somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress() -> Iterator[Callable[[int, int], None] | None]:
    """A function to be told how many fits are done, and of how many; None unless errors go to a terminal or notebook.

    It is first called when a fit has taken a while, and only then is tqdm imported.
    """
    if not (sys.stderr.isatty() or "ipykernel" in sys.modules):
        yield None
        return
    bar: Any = None

    def tell(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            bar = tqdm(total=total, unit="fit", leave=False)
        bar.total = total
        bar.update(done - bar.n)

    try:
        yield tell
    finally:
        if bar is not None:
            bar.close()
