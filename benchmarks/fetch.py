"""How fast files are fetched and verified, beside plain curl from the same server.

Usage: python benchmarks/fetch.py [--rate 100] [--files 4] [--rounds 3]
The server of the tests serves files of 4096 s at 4 kHz on the loopback device, at most --rate MB/s to each
connection. curl and the download without a check take the same file; `fetch` takes it and verifies it, by
reading or by a lock, alone and as the jobs of a workflow do, several at a time. Rates are medians of rounds.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from gwsim.files import fingerprint
from gwsim.gwosc.download import download
from gwsim.gwosc.fetch import fetch, verify

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from gwosc_server import Server, write_strain

START, DURATION = 1238163456, 4096


def curl(url: str, path: Path):
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["curl", "-sf", "-o", path, url], check=True)


def one(row: dict, host: str, cache: Path):
    fetch([row], {"host": host, "mirrors": []}, cache, 60.0)


def seconds(action, *args) -> float:
    start = time.perf_counter()
    action(*args)
    return time.perf_counter() - start


def together(pool, action, jobs):
    for future in [pool.submit(action, *job) for job in jobs]:
        future.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=None, help="MB/s of each connection; none: unlimited")
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    times: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory() as scratch,
        Server() as server,
        ProcessPoolExecutor(args.files) as pool,
    ):
        folder, cache = Path(scratch), Path(scratch) / "cache"
        path = write_strain(folder, "H1", START, DURATION)
        size = path.stat().st_size
        server.rate = args.rate and args.rate * 1e6
        place = server.add(path)
        url = server.url + place
        row = {"ifo": "H1", "start": START, "duration": DURATION, "path": place, "run": "O3a"}
        many = [cache / str(i) for i in range(args.files)]
        actions = {
            "curl": (1, curl, url, cache / "curl"),
            "download, no check": (1, download, url, cache / "download", lambda path: None),
            "fetch, verified": (1, one, row, server.url, cache),
            "fetch, by a lock": (1, one, row | fingerprint(path), server.url, cache),
            f"curl, {args.files} at a time": (
                args.files, together, pool, curl, [(url, each / "curl") for each in many],
            ),
            f"fetch, {args.files} at a time": (
                args.files, together, pool, one, [(row, server.url, each) for each in many],
            ),
            "verification alone": (1, verify, path, row, 4096),
        }  # fmt: skip
        for _ in range(args.rounds):
            for name, (count, action, *rest) in actions.items():
                times.setdefault(name, []).append(seconds(action, *rest) / count)
                shutil.rmtree(cache, ignore_errors=True)
    rates = {name: size / 1e6 / statistics.median(each) for name, each in times.items()}
    print(f"files of {size / 1e6:.0f} MB, {args.rate or 'any number of'} MB/s to each connection")
    for name, rate in rates.items():
        base = rates["curl" if "at a time" not in name else f"curl, {args.files} at a time"]
        print(f"{name:22s} {rate:6.0f} MB/s  {rate / base:6.1%} of curl")


if __name__ == "__main__":
    main()
