"""Libraries that do not go together with ours, in an environment of their own: benchmarks/peers.

A script there prepares what it needs, then reads names of ways, a line each, does each once, and answers with
a line of JSON: units, seconds, used (of processors). So they take their turns in the rounds like the others.
"""

import atexit
import contextlib
import json
import os
import subprocess
from pathlib import Path

from measuring import PEER, Spent, Way

SCRIPTS = Path(__file__).parent / "peers"
# The Python of that environment; without it the ways are left out.
PYTHON = "GWSIM_PEERS"


def there() -> bool:
    """Return whether the environment is there."""
    return PYTHON in os.environ


def ways(script: str, names: list[str], *arguments) -> list[Way]:
    """Return the ways of a script, which is told some arguments; none where its environment is not there."""
    if not there():
        return []
    command, started = [os.environ[PYTHON], str(SCRIPTS / f"{script}.py"), *map(str, arguments)], []

    def running() -> subprocess.Popen:
        # Not before it is asked for: where our own way alone is measured, none is.
        if not started:
            started.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            atexit.register(started[0].communicate)
        return started[0]

    def work(name: str) -> Spent:
        with contextlib.suppress(BrokenPipeError):
            running().stdin.write(f"{name}\n")
            running().stdin.flush()
        if not (answer := running().stdout.readline()):
            raise RuntimeError(f"{script}.py has ended without an answer; what it said stands above")
        return Spent(**json.loads(answer))

    return [Way(name, PEER, lambda name=name: work(name)) for name in names]
