"""A store that others made: held against the layout of docs/store.md, then taken in as a dataset of ours.

Its group says what its examples are: attributes `classes`, `ifos` (none for pictures), and of strain and
spectrograms `sample_rate`, `duration` and `spectrogram` (window, hop, f_max), of Q-scans `qscan` (size), of
pictures `picture` (rows, columns). All that is wrong with it is told at once, before anything is written.

array | dims | type
strain | sample, ifo, time | float32, duration and half a window of the spectrogram at each side
spectrogram | sample, ifo, frequency, frame | float32
qscan | sample, duration, frequency, time | uint8
picture | sample, row, column | float32
label | sample | whole numbers, with flag_values and flag_meanings
any name | sample | a column of the table
"""

import contextlib
import itertools
import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import files, finished, geometry, manifest, store
from gwsim.conventions import SCAN_DURATIONS
from gwsim.errors import GwsimError
from gwsim.finished import SAMPLE, Array

DIMS = {
    "strain": (SAMPLE, "ifo", "time"),
    "spectrogram": (SAMPLE, "ifo", "frequency", "frame"),
    "qscan": (SAMPLE, "duration", "frequency", "time"),
    "picture": (SAMPLE, "row", "column"),
}
DTYPES = {name: "uint8" if name == "qscan" else "float32" for name in DIMS}
# Array of examples -> attribute -> what it holds: a number, or the numbers of a mapping.
_TRANSFORM = {
    "sample_rate": int,
    "duration": float,
    "spectrogram": {"window": int, "hop": int, "f_max": float},
}
NEEDS = {
    "strain": _TRANSFORM,
    "spectrogram": _TRANSFORM,
    "qscan": {"qscan": {"size": int}},
    "picture": {"picture": {"rows": int, "columns": int}},
}
# Metadata of Zarr format 2.
OLDER = (".zgroup", ".zarray", ".zmetadata")
# What stands in a dataset's folder.
WRITTEN = ("data.zarr", store.TABLE, manifest.MANIFEST)
# A message names no more rows than this.
NAMED = 8


class Foreign:
    """What the metadata of a store say; nothing of its arrays is read yet."""

    def __init__(self, path: Path):
        self.path = locate(path)
        try:
            group = json.loads((self.path / "zarr.json").read_bytes())
            self.attributes = dict(group.get("attributes", {}))
            self.arrays = {
                one.parent.name: finished.described(one) for one in sorted(self.path.glob("*/zarr.json"))
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise GwsimError(f"{self.path}: its metadata cannot be read: {error!r}") from None
        self.examples = [name for name in DIMS if name in self.arrays]
        first = self.arrays[self.examples[0]] if self.examples else None
        self.size = first.shape[0] if first and first.shape else 0

    def faults(self) -> list[str]:
        """Return what is wrong with the layout."""
        if not self.examples:
            there = ", ".join(self.arrays) or "none"
            return [f"no array of examples: expected one of {', '.join(DIMS)} (its arrays: {there})"]
        found = self._attribute_faults()
        found += [fault for name in self.examples for fault in self._array_faults(name, not found)]
        return found + self._label_faults() + self._column_faults()

    def _attribute_faults(self) -> list[str]:
        its, found = self.attributes, []
        classes = its.get("classes")
        if not _names(classes) or len(classes) < 2 or any(" " in one for one in classes):
            found.append(
                f"attribute classes: got {_short(classes)}, expected two names or more, without spaces"
            )
        ifos = its.get("ifos")
        if not _names(ifos) and ifos != []:
            found.append(f"attribute ifos: got {_short(ifos)}, expected a list of names")
        wanted = {key: kind for name in self.examples for key, kind in NEEDS[name].items()}
        for key, kind in wanted.items():
            if isinstance(kind, dict):
                inner = its.get(key) if isinstance(its.get(key), dict) else {}
                found += [
                    f"attribute {key}.{part}: got {_short(inner.get(part))}, expected {_kind(one)}"
                    for part, one in kind.items()
                    if not _is(inner.get(part), one)
                ]
            elif not _is(its.get(key), kind):
                found.append(f"attribute {key}: got {_short(its.get(key))}, expected {_kind(kind)}")
        return found

    def _array_faults(self, name: str, sound: bool) -> list[str]:
        """Return what is wrong with an array of examples; its sizes follow from sound attributes."""
        array, found = self.arrays[name], []
        if array.dims != DIMS[name]:
            return [f"{name}: got dimension_names {_listed(array.dims)}, expected {_listed(DIMS[name])}"]
        if array.dtype != DTYPES[name]:
            found.append(f"{name}: got {array.dtype}, expected {DTYPES[name]}")
        if array.shape[0] != self.size or not self.size:
            found.append(f"{name}: got {array.shape[0]} samples, expected as many as others have, and some")
        if sound and array.shape[1:] != (shape := self._shape(name)):
            found.append(
                f"{name}: got {_listed(array.shape[1:])} of {_listed(array.dims[1:])}, expected "
                f"{_listed(shape)} by the attributes"
            )
        return found

    def _shape(self, name: str) -> tuple[int, ...]:
        its = self.attributes
        if name == "qscan":
            return (len(SCAN_DURATIONS), *[its["qscan"]["size"]] * 2)
        if name == "picture":
            return its["picture"]["rows"], its["picture"]["columns"]
        samples, transform = round(its["duration"] * its["sample_rate"]), its["spectrogram"]
        if name == "strain":
            return len(its["ifos"]), samples + transform["window"]
        return len(its["ifos"]), geometry.frequency_bins(its), samples // transform["hop"] + 1

    def _label_faults(self) -> list[str]:
        label, classes = self.arrays.get("label"), self.attributes.get("classes")
        if label is None:
            return ["no array label: expected the class of each sample, its place in the attribute classes"]
        if label.dims != (SAMPLE,) or np.dtype(label.dtype).kind not in "iu":
            got = f"{label.dtype} of {_listed(label.dims)}"
            return [f"label: got {got}, expected whole numbers of ({SAMPLE})"]
        flags = label.attributes.get("flag_values"), label.attributes.get("flag_meanings")
        if _names(classes) and flags != (list(range(len(classes))), " ".join(classes)):
            wanted = f"0 to {len(classes) - 1} and '{' '.join(classes)}'"
            return [f"label: got flag_values and flag_meanings {_short(flags)}, expected {wanted}"]
        return []

    def _column_faults(self) -> list[str]:
        found = []
        for array in self.columns():
            if array.shape[0] != self.size:
                found.append(f"{array.name}: got {array.shape[0]} samples, expected {self.size}")
            if array.dtype != "bool" and not array.dtype.startswith(("int", "uint", "float")):
                found.append(f"{array.name}: got {array.dtype}, expected numbers")
        return found

    @property
    def whole(self) -> Path:
        """Where all of the store stands: the folder of its manifest, where it has one, or else its group."""
        has = self.path.name == "data.zarr" and (self.path.parent / manifest.MANIFEST).is_file()
        return self.path.parent if has else self.path

    def columns(self) -> list[Array]:
        """Return the arrays of one value a sample."""
        return [one for one in self.arrays.values() if one.dims == (SAMPLE,)]

    def value_faults(self, seen) -> list[str]:
        """Return what is wrong with labels and examples; all are read, and seen shows how far that is."""
        found = []
        labels, count = self._read("label", None, None), len(self.attributes["classes"])
        if len(bad := np.flatnonzero((labels < 0) | (labels >= count))):
            which = f"{sorted(set(labels[bad].tolist()))[:NAMED]} in {_rows(bad)}"
            found.append(f"label: got {which}, expected 0 to {count - 1}, places in classes")
        found += [fault for name in self.examples for fault in self._unwritten(name)]
        broken = {name: [] for name in self.examples}
        for name, first, last in seen(self._pieces()):
            values = self._read(name, first, last)
            finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
            broken[name] += (first + np.flatnonzero(~finite)).tolist()
        return found + [
            f"{name}: NaN or infinite in {_rows(bad)}, expected finite numbers"
            for name, bad in broken.items()
            if bad
        ]

    def _pieces(self) -> list[tuple[str, int, int]]:
        return [
            (name, first, last)
            for name in self.examples
            for first, last in finished.spans(self.size, self.arrays[name].rows)
        ]

    def _unwritten(self, name: str) -> list[str]:
        """Return which examples lack a file: they would read as the fill value."""
        # Metadata that no reader takes are told here.
        self._read(name, 0, 0)
        lost: dict[tuple[int, int], list[str]] = {}
        for span, key in self.chunks(name):
            if not (self.path / name / key).is_file():
                lost.setdefault(span, []).append(key)
        return [f"{name}: no file of rows {a} to {b - 1}, {_some(keys)}" for (a, b), keys in lost.items()]

    def chunks(self, name: str):
        """Yield the rows [first, last) and the file's name of every chunk that an array must have."""
        metadata = json.loads((self.path / name / "zarr.json").read_bytes())
        shape, sizes = metadata["shape"], metadata["chunk_grid"]["configuration"]["chunk_shape"]
        keys = metadata.get("chunk_key_encoding", {"name": "default"})
        default = keys["name"] == "default"
        between = keys.get("configuration", {}).get("separator", "/" if default else ".")
        counts = [range(math.ceil(length / size)) for length, size in zip(shape, sizes, strict=True)]
        for place in itertools.product(*counts):
            first = place[0] * sizes[0]
            key = between.join(map(str, place))
            yield (first, min(first + sizes[0], shape[0])), f"c{between}{key}" if default else key

    def _read(self, name: str, first, last) -> np.ndarray:
        try:
            return np.asarray(store.open_array(self.path / name)[first:last].read().result())
        except (ValueError, OSError, NotImplementedError) as error:
            raise GwsimError(f"{self.path / name} cannot be read: {str(error)[:200]}") from None

    def table(self) -> pd.DataFrame:
        """Return the table of its columns, label first."""
        names = ["label", *(one.name for one in self.columns() if one.name != "label")]
        return pd.DataFrame({name: self._read(name, None, None) for name in names})


def locate(path: Path) -> Path:
    """Return where the Zarr group of a store stands: the path itself, or the data.zarr in it."""
    for one in (path, path / "data.zarr"):
        if any((one / name).exists() for name in OLDER):
            raise GwsimError(
                f"{one} is Zarr format 2, expected 3; hint: open it with zarr-python 3 and write each array "
                "with zarr.create_array(..., zarr_format=3)"
            )
        if (one / "zarr.json").is_file():
            return one
    what = "no store: it has no zarr.json" if path.exists() else "not there"
    raise GwsimError(f"{path} is {what} (expected a Zarr 3 group, or a folder with its data.zarr)")


def settings(its: Foreign) -> dict:
    """Return what a view needs of a store, from its attributes alone."""
    return {"sample_rate": None, **its.attributes}


def expect_layout(its: Foreign, classes: list[str] | None) -> None:
    """Raise GwsimError with all that is wrong with what the metadata of a store say.

    classes: those that the configuration wants, in order; any, where it is none.
    """
    faults, got = its.faults(), its.attributes.get("classes")
    if classes is not None and got != classes:
        faults.append(f"attribute classes: got {_short(got)}, the configuration has {', '.join(classes)}")
    _refuse(its, faults)


def expect(its: Foreign, classes: list[str] | None, seen) -> None:
    """Raise GwsimError with all that is wrong with a store, its values included."""
    expect_layout(its, classes)
    _refuse(its, its.value_faults(seen))


def _refuse(its: Foreign, faults: list[str]) -> None:
    if faults:
        listed = "\n  ".join(faults)
        raise GwsimError(f"{its.path} is not laid out as docs/store.md says:\n  {listed}")


def expect_room(its: Foreign, folder: Path) -> None:
    """Raise GwsimError where a dataset made in a folder would touch the store, or what stands there."""
    source, target = its.whole.resolve(), folder.resolve()
    if source.is_relative_to(target) or target.is_relative_to(source):
        raise GwsimError(
            f"{folder} and the store {its.whole} stand in one another: expected a folder apart from it"
        )
    there = [name for name in WRITTEN if os.path.lexists(folder / name)]
    if there:
        raise GwsimError(
            f"{folder} has {', '.join(there)} already, and nothing is overwritten: name another folder, or "
            "remove them first"
        )


def adopt(its: Foreign, folder: Path) -> dict:
    """Make a dataset's folder of a store that was found sound; return its manifest.

    The store stays as it is: its chunks are linked, its metadata copied.
    """
    expect_room(its, folder)
    if its.whole != its.path:
        manifest.verify(its.whole)
    sources = list(_files(its.path))
    with files.whole_folder(folder / "data.zarr") as part:
        for path in sources:
            _link(path, part / path.relative_to(its.path))
        table = its.table()
    store.write_table(folder / store.TABLE, table)
    content = manifest.listing(folder, _records(its, folder), beside=(store.TABLE,))
    manifest.write(folder, content)
    return content


def _files(folder: Path, above: tuple[Path, ...] = ()):
    """Yield all files below a folder; folders that are links, to other disks say, are entered too."""
    real = folder.resolve()
    if real in above:
        raise GwsimError(f"{folder} is a link back to {real}, in which it stands: expected none")
    for one in sorted(folder.iterdir()):
        if one.is_dir():
            yield from _files(one, (*above, real))
        elif not one.exists():
            raise GwsimError(f"{one} is a link to nothing: expected a file or a folder there")
        elif one.name != ".snakemake_timestamp":
            yield one


def _link(source: Path, target: Path) -> None:
    """Link a file; copy it where the file system has no links, and metadata, which people edit in place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix != ".json":
        with contextlib.suppress(OSError):
            os.link(source.resolve(), target)
            return
    shutil.copyfile(source, target)


def _records(its: Foreign, folder: Path) -> list[dict]:
    """Return which rows each file of the examples and columns has, the last rows last."""
    rows: dict[tuple[int, int], dict] = {(0, its.size): {}}
    for array in its.arrays.values():
        if array.dims[:1] != (SAMPLE,):
            continue
        for span, key in its.chunks(array.name):
            name = f"{array.name}/{key}"
            # Zarr leaves out chunks of columns that are all fill value.
            if (path := folder / "data.zarr" / name).is_file():
                rows.setdefault(span, {})[name] = files.fingerprint(path)
    return [{"rows": list(span), "files": those} for span, those in sorted(rows.items(), key=_end)]


def _end(item) -> tuple[int, int]:
    (first, last), _ = item
    return last, first


def _names(value) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and len(set(map(str, value))) == len(value)
        and all(isinstance(one, str) and one for one in value)
    )


def _is(value, kind: type) -> bool:
    """Return whether a value is a number above zero of a kind; whole numbers are of both."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    return number and (kind is float or value == int(value))


def _kind(kind: type) -> str:
    return "a whole number above zero" if kind is int else "a number above zero"


def _listed(values) -> str:
    return f"({', '.join(map(str, values))})"


def _short(value) -> str:
    if value is None:
        return "nothing"
    return text if len(text := repr(value)) < 80 else f"{text[:76]}..."


def _rows(bad) -> str:
    return f"row{'s' if len(bad) > 1 else ''} {_some(bad)}"


def _some(values) -> str:
    more = f" and {len(values) - NAMED} more" if len(values) > NAMED else ""
    return f"{', '.join(map(str, list(values)[:NAMED]))}{more}"
