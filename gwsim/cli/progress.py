"""Progress of long work: a bar in a terminal, a line now and then in a log."""

import sys
import time
from contextlib import contextmanager

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


@contextmanager
def transfers():
    """Yield a function that is told a file's name, its bytes so far and its length, and shows them."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(unit="B", unit_scale=True) as bar:

            def show(name, done, total):
                bar.set_description(name, refresh=False)
                bar.total = total
                # Also downwards: a file that is started over has fewer bytes.
                bar.update(done - bar.n)

            yield show
        return
    last = time.monotonic()

    def say(name, done, total):
        nonlocal last
        if time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            whole = f" of {total / 1e6:.0f}" if total else ""
            print(f"{name}: {done / 1e6:.0f}{whole} MB", file=sys.stderr, flush=True)

    yield say


@contextmanager
def steps(name: str):
    """Yield a function that is told how many of how many steps are done, and shows it."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(desc=name) as bar:

            def show(done, total):
                bar.total = total
                bar.update(done - bar.n)

            yield show
        return
    last = time.monotonic()

    def say(done, total):
        nonlocal last
        if time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{name}: {done} of {total} steps", file=sys.stderr, flush=True)

    yield say
