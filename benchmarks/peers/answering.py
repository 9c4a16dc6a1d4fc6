"""What the scripts of this folder share: they do the named work and say what it took."""

import json
import sys
import time


def answer(ways: dict) -> None:
    """Do each way that is asked for; ways: name -> work, which returns how many units it did."""
    for line in sys.stdin:
        work = ways[line.strip()]
        begun, used = time.perf_counter(), time.process_time()
        units = work()
        took = {"units": units, "seconds": time.perf_counter() - begun, "used": time.process_time() - used}
        print(json.dumps(took), flush=True)
