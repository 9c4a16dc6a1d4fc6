"""Progress of long work: a bar in a terminal, a line now and then in a log."""

import sys
import time

SECONDS_BETWEEN_LINES = 10.0


def progress(items, name: str, total: int | None = None):
    """Yield the items, showing how many are done."""
    total = len(items) if total is None else total
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, desc=name, total=total)
        return
    last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{name}: {done} of {total}", file=sys.stderr, flush=True)
