"""Readers of published core-collapse waveforms, one per file format, behind one dict.

Each takes a path and options and gives moments: times with bounce at 0, q_a in cm (see `quadrupole`). All
text formats are one reader over the column maps of `ccsn_files.yaml`; two HDF5 formats have their own.
The time of bounce is the user's word (or the format's), never guessed. A file that cannot be believed, in
its layout or in its amplitude, raises GwsimError; one with a trace is warned of: it may have lost a column.
"""

import functools
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import h5py
import numpy as np
import yaml
from jaxtyping import Float, Int
from scipy.interpolate import CubicSpline

from gwsim.conventions import (
    C_CGS,
    G_OVER_C4_CGS,
    GM_SUN_CGS,
    GM_SUN_OVER_C4_CGS,
    KPC_CM,
    TENSOR_ORDER,
)
from gwsim.errors import GwsimError
from gwsim.files import write_atomic
from gwsim.shapes import Quadrupole, Series, Tensor6
from gwsim.waveforms.quadrupole import from_axis, to_basis

# cm; beyond these a unit is wrong. Simulations give 0.5 (weak, non-rotating) to a few 100 (rotating bounce).
PLAUSIBLE = (0.05, 1000.0)
PLAUSIBLE_SPAN = (0.005, 60.0)
TRACE_TOLERANCE = 1e-3

# Restarted simulations write some times twice, apart by rounding or by a sliver of a step; a spline through
# both swings wildly. Of two samples nearer than this fraction of the median step the first one stays.
_DUPLICATE = 0.01

_QUANTITIES = {"Qdd": 0, "Qdot": 1, "Q": 2, "strain": 0}  # times to differentiate
_TIME_UNITS = {"s": 1.0, "ms": 1e-3, "geom": GM_SUN_CGS / C_CGS**3}
_UNITS = ("cm", "cgs", "msun_cgs", "geom", "strain")
_LEAST_LINES = 8
_MIRROR = {"yx": "xy", "zx": "xz", "zy": "yz"}
_KINDS = ({"plus", "cross"}, {"equator"}, set(TENSOR_ORDER), set(TENSOR_ORDER) | set(_MIRROR))


@dataclass(frozen=True)
class Moments:
    """What a source radiates; with a fixed direction, only as seen from one side, set at theta = phi = 0."""

    time: Series  # s, bounce at 0, ascending
    basis: Quadrupole  # cm
    fixed_direction: bool


@functools.cache
def _formats() -> Mapping:
    return yaml.safe_load((resources.files(__package__) / "ccsn_files.yaml").read_text())


def read(path: str | os.PathLike, format: str, **options) -> Moments:
    """Return the moments that a file of this format holds.

    Raises GwsimError for an unknown format or option, and a file that is missing, unreadable or implausible.
    """
    if format not in READERS:
        raise GwsimError(f"{path}: unknown format {format!r}, expected one of {', '.join(sorted(READERS))}")
    path = Path(path)
    if not path.is_file():
        what = "a folder, expected a file" if path.is_dir() else "no such file"
        raise GwsimError(f"{path}: {what}; hint: paths are relative to the working directory")
    return _checked(path, READERS[format](path, options))


def bounce_guess(time: Series, basis: Quadrupole) -> float:
    """Return when the signal first exceeds 5 % of its greatest amplitude: a hint to print, never to use."""
    size = np.abs(basis).max(axis=0)
    return float(time[np.argmax(size > 0.05 * size.max())])


def write_native(
    path: str | os.PathLike, time: Series, tensor: Tensor6, attrs: Mapping | None = None
) -> None:
    """Write A_ij in cm, rows in conventions.TENSOR_ORDER, as a file of the format `native`.

    Of the attributes, t_bounce says where bounce is in `time` and is needed by readers; name, source, doi and
    convention are for people. The file appears whole or not at all.

    Raises GwsimError where time and tensor do not match.
    """
    if np.shape(tensor) != (6, len(time)):
        raise GwsimError(
            f"{path}: tensor of shape {np.shape(tensor)}, expected (6, {len(time)}) as time has it"
        )
    with h5py.File("native", "w", driver="core", backing_store=False) as file:
        file["time"] = np.asarray(time, float)
        file["qdd_cm"] = np.asarray(tensor, float).T
        file.attrs.update({"order": " ".join(TENSOR_ORDER), **(attrs or {})})
        file.flush()
        content = file.id.get_file_image()
    write_atomic(Path(path), content)


# ---------------------------------------------------------------- text


def _read_columns(format: str, path: Path, options: Mapping) -> Moments:
    layout = _formats()[format]
    choices = _choose(format, path, options)
    columns = layout.get("columns") or _named_columns(path, choices)
    table = _parse(path, columns, layout)
    time, first = _ascending(table[:, columns["time"]] * _TIME_UNITS[choices["t_unit"]])
    values = {name: table[first, column] for name, column in columns.items() if name != "time"}
    factor = _factor(path, choices)
    derivatives = _QUANTITIES[choices["quantity"]]
    values = {name: factor * _differentiate(time, value, derivatives) for name, value in values.items()}
    if "plus" in values:
        basis = from_axis(values["plus"], values["cross"])
    elif "equator" in values:
        basis = _axisymmetric(values["equator"])
    else:
        basis = _trace_free(path, _symmetrise(values))
    return Moments(time - choices["t_bounce"], basis, fixed_direction="plus" in values)


def _choose(format: str, path: Path, options: Mapping) -> dict:
    """Return the options with the format's defaults, each one known and of a known value."""
    known = {"distance_kpc": None, **_formats()[format]["defaults"]}
    if format == "columns":
        known |= {"columns": None, "order": None}
    _refuse_unknown(path, format, options, known)
    choices = known | dict(options)
    missing = [name for name in ("unit", "quantity", "t_unit", "t_bounce") if choices[name] is None]
    if choices["unit"] == "strain" and choices["distance_kpc"] is None:
        missing.append("distance_kpc")
    if missing:
        raise GwsimError(
            f"{path}: format {format} needs the option {', '.join(missing)}, which nothing in it tells"
        )
    for name, values in (("unit", _UNITS), ("quantity", _QUANTITIES), ("t_unit", _TIME_UNITS)):
        if choices[name] not in values:
            raise GwsimError(f"{path}: {name} {choices[name]!r}, expected one of {', '.join(values)}")
    for name in ("t_bounce", "distance_kpc"):
        if choices[name] is not None:
            choices[name] = _number(path, name, choices[name])
    return choices


def _refuse_unknown(path: Path, format: str, options: Mapping, known: Mapping) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise GwsimError(
            f"{path}: format {format} has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}"
        )


def _number(path: Path, name: str, value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise GwsimError(f"{path}: {name} {value!r}, expected a finite number")
    if name == "distance_kpc" and value <= 0:
        raise GwsimError(f"{path}: distance_kpc {value!r}, expected a number above 0")
    return float(value)


def _named_columns(path: Path, choices: Mapping) -> dict[str, int]:
    """Return the user's own map: `columns` names each one's place, `order` names them from the first on."""
    columns, order = choices["columns"], choices["order"]
    if (columns is None) == (order is None):
        raise GwsimError(
            f"{path}: format columns needs either columns or order, got {'both' if columns else 'none'}"
        )
    if columns is None:
        columns = {name: place for place, name in enumerate(order) if name != "-"}
    places = list(columns.values())
    if len(set(places)) < len(places) or not all(isinstance(place, int) and place >= 0 for place in places):
        raise GwsimError(f"{path}: columns {columns}: expected different integers, counted from 0")
    names = set(columns) - {"time"}
    if "time" not in columns or names not in _KINDS:
        raise GwsimError(
            f"{path}: columns {', '.join(columns)}: expected time and either {', '.join(TENSOR_ORDER)} "
            "(or all nine), or plus and cross, or equator; in order, - skips one"
        )
    return dict(columns)


def _parse(path: Path, columns: Mapping, layout: Mapping) -> np.ndarray:
    """Return the file's numbers, one row a line, without comments, blank lines and headings before them."""
    width, lines = layout.get("width"), _lines(path)
    least = width or layout.get("least") or 1 + max(columns.values())
    table = _regular(lines)
    if table is not None and (table.shape[1] == width if width else table.shape[1] >= least):
        return table
    return _looked_at(path, lines, width, least)


def _regular(lines: list[str]) -> np.ndarray | None:
    """Return the table of a file without fault, in a tenth of the time that looking at each word takes."""
    words = map(_words, lines)
    first = next((place for place, its in enumerate(words) if its and not _is_heading(its)), len(lines))
    if len(lines) - first < _LEAST_LINES:
        return None
    try:
        table = np.loadtxt(lines[first:], ndmin=2)
    except ValueError:
        return None
    return table if len(table) >= _LEAST_LINES and np.isfinite(table).all() else None


def _looked_at(path: Path, lines: list[str], width: int | None, least: int) -> np.ndarray:
    """Return a file's table, or say which word of it is none of its numbers."""
    rows = []
    for number, line in enumerate(lines, start=1):
        words = _words(line)
        if not words or (not rows and _is_heading(words)):
            continue
        wanted = width or (len(rows[0]) if rows else max(least, len(words)))
        if len(words) != wanted:
            what = f"exactly {wanted}" if width or rows else f"at least {least}"
            raise GwsimError(
                f"{path}: line {number} has {len(words)} columns, expected {what}; "
                "hint: a truncated file, or another format"
            )
        rows.append(_numbers(path, number, words))
    if len(rows) < _LEAST_LINES:
        raise GwsimError(f"{path}: {len(rows)} lines of numbers, expected at least {_LEAST_LINES}")
    return np.array(rows)


def _words(line: str) -> list[str]:
    return line.split("#")[0].split()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except UnicodeDecodeError as error:
        raise GwsimError(
            f"{path}: not a text file (byte {error.start}); hint: is it HDF5 or compressed?"
        ) from None
    except OSError as error:
        raise GwsimError(f"{path}: cannot be read: {error.strerror}") from None


def _number_or_none(word: str) -> float | None:
    try:
        return float(word.upper().replace("D", "E"))  # Fortran writes double precision as 1.0D-3
    except ValueError:
        return None


def _is_heading(words: list[str]) -> bool:
    return all(_number_or_none(word) is None for word in words)


def _numbers(path: Path, number: int, words: list[str]) -> list[float]:
    row = [_number_or_none(word) for word in words]
    text = " ".join(words)[:80]
    if None in row:
        hint = "hint: a truncated file, or another format"
        raise GwsimError(f"{path}: line {number} is not a row of numbers: {text}; {hint}")
    if not np.isfinite(row).all():
        raise GwsimError(f"{path}: line {number} holds a value that is not finite: {text}")
    return row


# ---------------------------------------------------------------- arithmetic


def _ascending(time: Series) -> tuple[Float[np.ndarray, " kept"], Int[np.ndarray, " kept"]]:
    """Return the times sorted and without duplicates, and which samples they are."""
    first = np.argsort(time, kind="stable")
    steps = np.diff(time[first])
    near = _DUPLICATE * np.median(steps[steps > 0]) if (steps > 0).any() else 0.0
    first = first[np.concatenate([[True], steps > near])]
    return time[first], first


def _factor(path: Path, choices: Mapping) -> float:
    """Return what turns the file's numbers, once differentiated in seconds, into cm."""
    unit, quantity = choices["unit"], choices["quantity"]
    if (unit == "strain") and quantity not in ("strain", "Qdd"):
        raise GwsimError(f"{path}: unit strain with quantity {quantity}, expected strain or Qdd")
    if unit == "geom":
        length, second = GM_SUN_CGS / C_CGS**2, GM_SUN_CGS / C_CGS**3
        return length * second ** _QUANTITIES[quantity]
    if unit == "strain":
        return choices["distance_kpc"] * KPC_CM
    return {"cm": 1.0, "cgs": G_OVER_C4_CGS, "msun_cgs": GM_SUN_OVER_C4_CGS}[unit]


def _differentiate(time: Series, values: Series, times: int) -> Series:
    return CubicSpline(time, values)(time, times) if times else values


def _symmetrise(values: Mapping) -> Tensor6:
    mirrors = {upper: values.get(lower, values[upper]) for lower, upper in _MIRROR.items()}
    return np.stack([0.5 * (values[name] + mirrors.get(name, values[name])) for name in TENSOR_ORDER])


def _trace_free(path: Path, tensor: Tensor6) -> Quadrupole:
    trace, size = np.abs(tensor[:3].sum(axis=0)).max(), np.abs(tensor).max()
    if trace > TRACE_TOLERANCE * size:
        warnings.warn(
            f"{path}: the tensor has a trace of up to {trace:.3g} cm against components of {size:.3g} cm; it "
            "radiates nothing and is removed, but a reduced moment has none: is the order of columns right?",
            stacklevel=2,
        )
    return to_basis(tensor)


def _axisymmetric(equator: Series) -> Quadrupole:
    """Return E0 alone: A_zz = 2/3 D h+ of the equator, A_xx = A_yy = -1/3."""
    return np.concatenate([[np.sqrt(6) / 3 * equator], np.zeros((4, len(equator)))])


def _checked(path: Path, moments: Moments) -> Moments:
    greatest = np.abs(moments.basis).max()
    low, high = PLAUSIBLE
    if not low <= greatest <= high:
        raise GwsimError(
            f"{path}: the greatest amplitude is {greatest:.3g} cm, expected {low:g} to {high:g} cm; hint: is "
            "the unit (or the quantity, or distance_kpc) right?"
        )
    span = moments.time[-1] - moments.time[0]
    shortest, longest = PLAUSIBLE_SPAN
    if not shortest <= span <= longest:
        raise GwsimError(
            f"{path}: the times span {span:.3g} s, expected {shortest:g} to {longest:g} s; "
            "hint: is t_unit right?"
        )
    return moments


# ---------------------------------------------------------------- HDF5


def _read_hdf5(read_open: Callable, known: Mapping, format: str, path: Path, options: Mapping) -> Moments:
    """Open the file and read it; what h5py says of a corrupt or foreign file becomes one message."""
    _refuse_unknown(path, format, options, known)
    try:
        with h5py.File(path, "r") as file:
            time, values = read_open(path, file, {**known, **options})
    except KeyError as error:  # h5py's own words name what is missing
        hint = "another format, or other names in it? see docs/waveforms.md"
        raise GwsimError(f"{path}: not a whole {format} file: {error.args[0]}; hint: {hint}") from None
    except (OSError, RuntimeError) as error:
        raise GwsimError(f"{path}: not a whole {format} file: {error}; hint: fetch it again") from None
    if not (np.isfinite(time).all() and np.isfinite(values).all()):
        raise GwsimError(f"{path}: holds values that are not finite")
    if len(time) < 8:
        raise GwsimError(f"{path}: {len(time)} samples, expected at least 8")
    time, first = _ascending(time)
    return Moments(time, values[:, first], fixed_direction=False)


def _open_richers(path: Path, file: h5py.File, options: Mapping) -> tuple[Series, Quadrupole]:
    names, name = list(file["waveforms"]), options["name"]
    if name not in names:
        raise GwsimError(
            f"{path}: no waveform {name!r}, expected the option name, one of {len(names)}: "
            f"{', '.join(names[:5])} ..."
        )
    group = file["waveforms"][name]
    time, equator = _matching(path, group["t-tb(s)"][...], group["strain*dist(cm)"][...], 1)
    return time, _axisymmetric(equator)


def _open_native(path: Path, file: h5py.File, options: Mapping) -> tuple[Series, Quadrupole]:
    bounce = options["t_bounce"] if options["t_bounce"] is not None else file.attrs.get("t_bounce")
    if bounce is None:
        raise GwsimError(
            f"{path}: no attribute t_bounce and no option t_bounce; expected the time of bounce in it"
        )
    values = file["qdd_cm"][...]
    if values.ndim == 3 and values.shape[1:] == (3, 3):
        axes = ["xyz".index(axis) for name in TENSOR_ORDER for axis in name]
        values = 0.5 * (values + values.swapaxes(1, 2))[:, axes[::2], axes[1::2]]
    else:
        values = values[:, _native_order(path, file)] if values.ndim == 2 and values.shape[1] == 6 else values
    time, values = _matching(path, file["time"][...], values, 2)
    return time - _number(path, "t_bounce", float(bounce)), _trace_free(path, values.T)


def _native_order(path: Path, file: h5py.File) -> list[int]:
    order = str(file.attrs.get("order", " ".join(TENSOR_ORDER))).split()
    if sorted(order) != sorted(TENSOR_ORDER):
        raise GwsimError(
            f"{path}: attribute order {' '.join(order)!r}, expected some order of {' '.join(TENSOR_ORDER)}"
        )
    return [order.index(name) for name in TENSOR_ORDER]


def _matching(path: Path, time: np.ndarray, values: np.ndarray, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    expected = (len(time),) if ndim == 1 else (len(time), 6)
    if values.shape != expected:
        raise GwsimError(
            f"{path}: values of shape {values.shape} against {len(time)} times, expected {expected}"
        )
    return time.astype(float), values.astype(float)


READERS: dict[str, Callable[[Path, Mapping], Moments]] = {
    **{format: functools.partial(_read_columns, format) for format in _formats()},
    "richers_h5": functools.partial(_read_hdf5, _open_richers, {"name": None}, "richers_h5"),
    "native": functools.partial(_read_hdf5, _open_native, {"t_bounce": None}, "native"),
}
