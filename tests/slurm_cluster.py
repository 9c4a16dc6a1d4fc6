"""The SLURM of tests/slurm/up.sh: brought up, asked what it ran, and hurt on purpose.

It shares no code with gwsim. Jobs are those since a mark: a controller lives through many runs.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).parent / "slurm" / "up.sh"
# Exit status of a script that says why there can be no SLURM.
ABSENT = 77
UNITS = {"M": 1, "G": 1024}


class Absent(Exception):
    """There can be no SLURM here; says why."""


class Job(NamedTuple):
    id: int
    state: str
    # Of which rule or group; several rules where the engine groups them.
    comment: str
    memory_mb: float


class Cluster:
    """A SLURM of one node."""

    def __init__(self):
        self.folder = Path(os.environ.get("GWSIM_SLURM", "/var/tmp/gwsim-slurm"))
        self.path = str(self.folder / "bin")
        self.ours = self._script("status").returncode != 0

    def up(self):
        """Bring up what does not run of it."""
        run = self._script("up")
        if run.returncode == ABSENT:
            raise Absent(run.stderr.strip().splitlines()[-1])
        assert run.returncode == 0, run.stderr

    def down(self):
        """Take it down, unless it ran before."""
        if self.ours:
            self._script("down")

    def _script(self, action: str) -> subprocess.CompletedProcess:
        return subprocess.run([SCRIPT, action], capture_output=True, text=True)

    def ask(self, tool: str, *arguments: str) -> str:
        """Return what a command of SLURM says."""
        command = [f"{self.path}/{tool}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def jobs(self, after: int = 0) -> list[Job]:
        """Return all jobs since a mark, also those that have ended."""
        said = self.ask("squeue", "--states=all", "--noheader", "--format=%A|%T|%k|%m")
        rows = (line.split("|") for line in said.splitlines())
        jobs = [Job(int(id), state, comment, _mb(memory)) for id, state, comment, memory in rows]
        return sorted(job for job in jobs if job.id > after)

    def mark(self) -> int:
        """Return the number of the last job."""
        return max((job.id for job in self.jobs()), default=0)

    def ended(self, after: int = 0) -> list[tuple[int, str]]:
        """Return number and state of what ended by the controller's log; what ran twice is there twice."""
        path = self.folder / "log" / "ended"
        text = path.read_text() if path.exists() else ""
        found = re.findall(r"^JobId=(\d+) .*? JobState=(\w+)", text, re.M)
        return [(int(id), state) for id, state in found if int(id) > after]

    def cancel(self, job: Job):
        """Cancel a job, as a user or an administrator would."""
        self.ask("scancel", str(job.id))

    def hang(self, job: Job):
        """Stop a job in its tracks, as a file system does that answers no more; let its time be a minute."""
        self.signal(job, signal.SIGSTOP)
        self.ask("scontrol", "update", f"jobid={job.id}", "timelimit=1")

    def signal(self, job: Job, number: int):
        """Send a signal to each of a job's processes."""
        for process in self.processes(job):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def processes(self, job: Job) -> Iterator[int]:
        """Yield the processes of a job of this SLURM."""
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                told = (folder / "environ").read_bytes()
                if f"SLURM_JOB_ID={job.id}\0".encode() in told and self.path.encode() in told:
                    yield int(folder.name)

    def kill_node(self):
        """Kill slurmd and all that it started, as a loss of power does."""
        working = [job for job in self.jobs() if job.state == "RUNNING"]
        victims = {process for job in working for process in self.processes(job)}
        # Each job has a keeper of its own that outlives slurmd.
        keepers = {parent for one in victims if _name(parent := _parent(one)) == "slurmstepd"}
        self.kill("slurmd")
        for one in keepers | victims:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        # Until then the controller takes its jobs for running.
        until(lambda: "down" in self.ask("sinfo", "--noheader", "--format=%T"), 180, "the node is missed")

    def hurry(self):
        """Start what was lost now: SLURM lets two minutes pass, and holds what was just about to start."""
        for job in self.jobs():
            if job.state == "PENDING":
                self.ask("scontrol", "release", str(job.id))
                self.ask("scontrol", "update", f"jobid={job.id}", "starttime=now")

    def kill(self, daemon: str):
        """Kill a daemon without a word."""
        os.kill(int((self.folder / f"{daemon}.pid").read_text()), signal.SIGKILL)


def until(condition, seconds: float, what: str):
    """Return what a condition gives once it is true; complain when it is not for so long."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
    return found


def _mb(text: str) -> float:
    return float(text[:-1]) * UNITS[text[-1]]


def _parent(process: int) -> int:
    with suppress(OSError):
        return int(re.search(r"^PPid:\s*(\d+)", Path(f"/proc/{process}/status").read_text(), re.M)[1])
    return 0


def _name(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text().strip()
    return ""
