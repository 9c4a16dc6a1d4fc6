"""Gravity Spy's tables: the training set's metadata, the classifications, and lists of times.

Takes CSV files, plain or packed, with columns in any order and more of them than are needed; gives one form.
Times are split as text into whole seconds and nanoseconds: a float would lose the microseconds.

column | unit | meaning
ifo | 1 | detector, as H1
gps_second, gps_nanosecond | s, ns | the event's time
label | 1 | class
id | 1 | Gravity Spy's name of the glitch
split | 1 | train, validation or test, as published
snr | 1 | Omicron's
peak_frequency, duration | Hz, s | Omicron's
confidence | 1 | of the label, by the network
"""

from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import seeds
from gwsim.errors import GwsimError
from gwsim.gravityspy.glitch import NAMED, SPLITS

NUMBERS = ("snr", "peak_frequency", "duration", "confidence")
GPS = ("gps_second", "gps_nanosecond")


def metadata(path: str | Path, faults: list[str] | None = None) -> pd.DataFrame:
    """Return the table of the training set; older files tell only id, label and split.

    faults: takes what is wrong with rows, which are then left out; without it they are an error.

    Raises GwsimError for a file that is not a table, and all needed columns that it lacks.
    """
    needed = {"id": ("gravityspy_id",), "label": ("label", "ml_label")}
    return _table(path, needed, faults, also=("ifo", "split", "time"))


def classifications(path: str | Path, faults: list[str] | None = None) -> pd.DataFrame:
    """Return a table of classified triggers, as the file of an ifo and observing run; see `metadata`."""
    needed = {"ifo": ("ifo",), "id": ("gravityspy_id",), "label": ("ml_label", "label")}
    return _table(path, needed, faults, also=("split",))


def times(path: str | Path, faults: list[str] | None = None) -> pd.DataFrame:
    """Return a list of times by class, which needs no more than ifo, label and time; see `metadata`."""
    return _table(path, {"ifo": ("ifo",), "label": ("ml_label", "label")}, faults, also=("id", "split"))


# What a column may be called; the first name that the file has counts.
NAMES = {
    "ifo": ("ifo",),
    "id": ("gravityspy_id",),
    "split": ("sample_type",),
    "time": ("event_time", "event_time_gps", "peak_time"),
    "nanosecond": ("peak_time_ns",),
    "snr": ("snr",),
    "peak_frequency": ("peak_frequency",),
    "duration": ("duration", "duration_s"),
    "confidence": ("ml_confidence", "confidence"),
}


def _table(path, needed, faults, also) -> pd.DataFrame:
    """Return the table in its one form; `also`: columns that may be missing besides the numbers."""
    text = _text(path)
    names = NAMES | needed
    here = {word: next((name for name in names[word] if name in text), None) for word in names}
    if here["time"] == "peak_time" and here["nanosecond"] is None:
        here["time"] = None
    optional = (*also, *NUMBERS, "nanosecond")
    lacking = [
        " or ".join(names[word]) for word, name in here.items() if name is None and word not in optional
    ]
    if lacking:
        raise GwsimError(
            f"{path}: no column {', no column '.join(lacking)}; it has {', '.join(text.columns)}"
        )
    wrong: dict[str, np.ndarray] = {}
    columns = {word: text[here[word]] for word in ("ifo", "id", "label", "split") if here[word]}
    if here["time"]:
        columns |= _gps(text[here["time"]], here["time"] == "peak_time" and text[here["nanosecond"]], wrong)
    for word in NUMBERS:
        if here[word]:
            columns[word] = pd.to_numeric(text[here[word]], errors="coerce")
            wrong[f"have a {here[word]} that is no number"] = columns[word].isna() & text[here[word]].ne("")
    _check_words(columns, wrong)
    return _sound(path, pd.DataFrame(columns), wrong, faults)


def _text(path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError, EOFError) as error:  # pandas' own errors are values'
        raise GwsimError(f"{path} cannot be read as a table of comma-separated values ({error})") from error


def _gps(time: pd.Series, nanosecond, wrong: dict) -> dict:
    """Return whole seconds and nanoseconds of times written as decimals, beyond nanoseconds cut off."""
    parts = time.str.extract(r"^(\d{9,10})(?:\.(\d*))?$")
    rest = parts[1].fillna("").str[:9].str.ljust(9, "0")
    if nanosecond is not False:
        rest = nanosecond.str.extract(r"^(\d{1,9})(?:\.0*)?$")[0]
    wrong["have a time that is no GPS time"] = bad = parts[0].isna() | rest.isna()
    whole = [part.where(~bad, "0").astype("int64") for part in (parts[0], rest)]
    return dict(zip(GPS, whole, strict=True))


def _check_words(columns: dict, wrong: dict) -> None:
    if "ifo" in columns:
        wrong["have an ifo that is none"] = ~columns["ifo"].str.fullmatch(r"[A-Z]\d")
    if "split" in columns:
        wrong["have a sample_type that is none"] = ~columns["split"].isin(SPLITS)
    if "id" in columns:
        wrong["have the id of an earlier row"] = columns["id"].duplicated()
    for word in ("id", "label"):
        if word in columns:
            wrong[f"have no {word}"] = columns[word].eq("")


def _sound(path, table: pd.DataFrame, wrong: dict, faults: list[str] | None) -> pd.DataFrame:
    """Return the rows with nothing wrong; tell of the others by line, or raise."""
    told, bad = [], np.zeros(len(table), dtype=bool)
    for what, rows in wrong.items():
        bad |= rows.to_numpy()
        if count := int(rows.sum()):
            lines = ", ".join(str(line) for line in np.flatnonzero(rows)[:NAMED] + 2)
            told.append(f"{count} rows {what} (line {lines}{' and more' if count > NAMED else ''})")
    if told and faults is None:
        raise GwsimError(f"{path}: {'; '.join(told)}")
    if told:
        faults += [f"{path}: {one}" for one in told]
    return table[~bad].reset_index(drop=True)


def text(table: pd.DataFrame) -> str:
    """Return a table as the text of a CSV file that `times` reads again, every digit of the times kept."""
    gps = [f"{a}.{b:09d}" for a, b in zip(*(table[part] for part in GPS), strict=True)]
    kept = table.drop(columns=[*GPS, "split"], errors="ignore").assign(event_time=gps)
    names = {ours: names[0] for ours, names in NAMES.items() if ours in kept} | {"label": "ml_label"}
    return kept.rename(columns=names).to_csv(index=False)


def select(
    table: pd.DataFrame,
    classes=None,
    ifo: str | None = None,
    confidence: float | None = None,
    snr: tuple[float, float] | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the rows of classes, ifo, at least a confidence and an SNR in [low, high), in order of time.

    limit: of each class no more than these, chosen by (seed, ifo, time) alone: a higher limit keeps them.

    Raises GwsimError for columns that the table lacks, and for classes that it does not have.
    """
    asked = {"ifo": ifo, "confidence": confidence, "snr": snr}
    lacking = [name for name, value in asked.items() if value is not None and name not in table]
    if lacking:
        raise GwsimError(f"cannot select by {', '.join(lacking)}: the table has {', '.join(table.columns)}")
    if strange := sorted(set(classes or ()) - set(table["label"])):
        known = ", ".join(sorted(set(table["label"])))
        raise GwsimError(f"no row of the classes {', '.join(strange)}: the table has {known}")
    wanted = np.ones(len(table), dtype=bool)
    wanted &= True if classes is None else table["label"].isin(classes).to_numpy()
    wanted &= True if ifo is None else table["ifo"].eq(ifo).to_numpy()
    wanted &= True if confidence is None else table["confidence"].ge(confidence).to_numpy()
    wanted &= True if snr is None else (table["snr"].ge(snr[0]) & table["snr"].lt(snr[1])).to_numpy()
    rows = table[wanted].sort_values([*GPS, "ifo"], kind="stable")
    if limit is not None:
        turn = [seeds.key(seed, *row) for row in zip(rows["ifo"], *(rows[part] for part in GPS), strict=True)]
        order = rows.assign(turn=turn).sort_values("turn", kind="stable")
        rows = rows.loc[sorted(order.groupby("label").head(limit).index, key=rows.index.get_loc)]
    return rows.reset_index(drop=True)
