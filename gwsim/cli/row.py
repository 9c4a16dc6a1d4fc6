"""One example made again, the part of `gwsim render` that a person asks for: nothing else rests on it."""

import sys
from pathlib import Path

FORMATS = (".npz", ".h5", ".hdf5")


def show(args):
    """Make the example again, write it as asked, and hold it against the stored one."""
    import json
    import tempfile

    import pandas as pd
    import torch

    from gwsim import origin, row

    torch.set_num_threads(1)
    path = _table_of(args.table)
    _check_names(args)
    told = origin.of_table(path)
    if (kind := origin.whitened_on(told)) not in ("block", "self", "none"):
        _refuse_read(told, "given pictures" if kind == "given" else "examples that others made")
    settings, table = origin.settings(told), pd.read_parquet(path)
    one = _the_row(table, args.row, path)
    noise = _noise(one, told, settings, args.strain)
    _say("the signal")
    with tempfile.TemporaryDirectory() as folder:
        system = row.system(one, settings["draw"])
        arrays, columns = row.remade(table, args.row, settings, noise, system, Path(folder))
    about = _about(one, told)
    print(f"{about['title']}, row {args.row}: {about['words']}")
    axes = row.coordinates(settings)
    if args.output:
        row.write(args.output, axes | arrays, one, columns, json.dumps(told))
        print(args.output)
    if args.figure:
        _draw(args.figure, arrays, axes, settings["render"], about)
    stored = path.parent / "data.zarr"
    what = "the stored example" if stored.is_dir() else "its row of the table"
    found = row.held(arrays, columns, table.loc[[args.row]], stored)
    _tell(found, f"row {args.row} of {path.parent}", what)


def _table_of(path):
    """Return the table that is meant by itself, its store's folder, data.zarr or manifest."""
    from gwsim import manifest, store
    from gwsim.errors import GwsimError

    if path.is_file() and path.suffix == ".parquet":
        return path
    folder = manifest.folder_of(path)
    if not (folder / store.TABLE).is_file():
        raise GwsimError(f"{path}: expected a dataset's {store.TABLE}, or the folder that has it")
    return folder / store.TABLE


def _check_names(args):
    from gwsim.errors import GwsimError

    if args.output and args.output.suffix not in FORMATS:
        raise GwsimError(f"--output {args.output}: expected a name that ends in {', '.join(FORMATS)}")
    if args.figure and args.figure.suffix != ".png":
        raise GwsimError(f"--figure {args.figure}: a PNG is drawn, expected a name that ends in .png")
    for path in filter(None, (args.output, args.figure)):
        if path.exists() or path.is_symlink():
            raise GwsimError(f"{path} is there already, and nothing is overwritten: name another")


def _refuse_read(told, what):
    from gwsim import origin
    from gwsim.errors import GwsimError

    experiment, dataset = origin.named(told)
    its = origin.configuration(told)["experiments"][experiment]
    place = its["waveforms"].get("path") or its["datasets"][dataset].get("store", "a folder")
    raise GwsimError(
        f"{experiment} {dataset} has {what}, read from {place}: they were not rendered, and cannot "
        "be made again from any source; its data.zarr has them"
    )


def _the_row(table, number, path):
    from gwsim.errors import GwsimError

    if not 0 <= number < len(table):
        raise GwsimError(f"--row {number}: {path} has rows 0 to {len(table) - 1}")
    return table.loc[number]


def _noise(one, told, settings, folder):
    """Return the noise of the row's PSD block from its source; none for toys."""
    from gwsim import row
    from gwsim.errors import GwsimError

    if "noise" not in settings:
        return None
    if not told.get("blocks"):
        raise GwsimError(
            "the table does not tell its PSD blocks: it was made by an older gwsim; make it again"
        )
    start, end = row.block_of(one, told["blocks"], settings["noise"]["sample_rate"])
    folder = folder or Path("results/strain") / settings["noise"]["run"]

    def read(ifo, start, end):
        _say(f"strain of {ifo} in GPS {start} to {end}")
        return row.strain(settings["strain"], ifo, start, end, folder)

    return row.block(settings["noise"], start, end, read)


def _say(what):
    print(f"row: {what}", file=sys.stderr, flush=True)


def _about(one, told):
    """Return what is said of the example: its dataset, and class, SNR and time."""
    import math

    words = [told["classes"][int(one["label"])]]
    if not math.isnan(one.get("snr", math.nan)):
        words.append(f"SNR {one['snr']:.1f}")
    if not math.isnan(one.get("distance_kpc", math.nan)):
        words.append(f"at {one['distance_kpc']:.4g} kpc")
    if "gps_second" in one:
        words.append(f"window from GPS {int(one['gps_second'])}.{int(one['gps_nanosecond']):09d}")
    event = one.get("event_time", math.nan) if one["system"] >= 0 else math.nan
    return {"title": told["title"], "words": ", ".join(words), "event": event}


def _draw(path, arrays, axes, settings, about):
    from gwsim import files
    from gwsim.figures import example, style

    title = f"{about['title']}: {about['words']}"
    with style.look():
        drawn = example.drawn(arrays, axes, settings, about["event"], title)
        files.write_atomic(path, style.png(drawn))
    print(path)


def _tell(found, where, what):
    """Say whether the example is the stored one; raise GwsimError that names what is not."""
    from gwsim.errors import GwsimError
    from gwsim.row import COLUMN

    beyond = [f"{name}: {one.words()}" for name, one in found.items() if one.beyond]
    if beyond:
        raise GwsimError(f"{where} is not what was made again:\n  " + "\n  ".join(beyond))
    unlike = [f"  {name}: {one.words()}" for name, one in found.items() if not one.same]
    if unlike:
        print(f"It is {what} within one step of the stored rounding:", *unlike, sep="\n")
        return
    names = [name for name in found if not name.startswith(COLUMN)]
    print(f"It is {what}, bit for bit ({', '.join([*names, f'{len(found) - len(names)} columns'])}).")
