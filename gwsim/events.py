"""Metrics as TensorBoard reads them: one event file, written row by row."""

import time
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter

# TensorBoard looks for this word in a file's name; hosts and dates it does not need.
NAME = "events.out.tfevents.gwsim"


class Events:
    """An event file of a folder, begun anew."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / NAME
        path.unlink(missing_ok=True)
        self._writer = RecordWriter(str(path))
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, row: dict) -> None:
        """Write every number of one epoch's row."""
        numbers = {name: value for name, value in row.items() if name != "epoch"}
        values = [Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
        self._write(Event(wall_time=time.time(), step=row["epoch"], summary=Summary(value=values)))

    def _write(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())
        self._writer.flush()
