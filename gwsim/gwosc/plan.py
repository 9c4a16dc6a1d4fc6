"""The plan: which of GWOSC's files are needed, and why, before anything is downloaded.

Takes what is asked (ifos, splits, flags, events, runs); asks the site for timelines, files and events, and
finds segments and PSD blocks in the timelines as the stage `segments` does later in the files' masks. Only
files whose GPS block holds a PSD block are planned. A lock is a plan whose files carry bytes and sha256.

field | unit | meaning
asked | | the settings it was made from
events | GPS s | name -> time of the events in the splits, which are cut out
segments | GPS s | list of {split, start, end}
blocks | | number of PSD blocks
removed | s | name of the cause -> seconds of the splits that it alone or with others took away
files | | list of {ifo, start, duration, path, run, seconds}: `path` without the host, `seconds` with DATA
notes | | what its reader must know: data without a file, events that the site did not tell
"""

import json
import re
from pathlib import Path

from gwsim import segments
from gwsim.errors import GwsimError
from gwsim.gwosc import catalogue, site, timelines
from gwsim.intervals import difference, intersection, length, union

FIELDS = {"asked": dict, "events": dict, "segments": list, "blocks": int, "removed": dict, "files": list}
OF_A_FILE = {"ifo": str, "start": int, "duration": int, "path": str, "run": str}
# O1, O2, O3a, O4b; not O3GK, nor the runs before them.
OBSERVING_RUN = re.compile(r"O\d+[a-z]?")
# For how long (s) the site is asked one thing again and again.
PATIENCE = 120.0


def make(settings: dict, host: str) -> dict:
    """Ask the site at a host and return the plan.

    Raises GwsimError where the site does not answer or knows no such run, ifo or flag, where files do not fit
    into GPS blocks, and where a range of a split has no PSD block: then with the nearest data of all ifos.
    """
    at, block, splits = site.connect(host, PATIENCE), settings["block"], settings["splits"]
    everything = union([interval for ranges in splits.values() for interval in ranges])
    runs = _runs(at, settings)
    spans = _spans(runs, everything, block)
    _check_ifos(settings, runs, spans)
    files = [file for ifo in settings["ifos"] for file in _files(at, settings, ifo, spans)]
    _check_borders(files, block)
    flags = timelines.ask(at, settings, spans)
    records = {ifo: [_record(ifo, files, its, settings)] for ifo, its in flags.items()}
    events, notes = _events(at, settings, everything)
    found = _find(at, settings | {"events": events}, runs, records)
    needed = {found_block["gps_block"] for found_block in found["blocks"]}
    return {
        "asked": settings,
        "events": catalogue.within(events, everything, settings["event_margin"]),
        "segments": found["segments"],
        "blocks": len(found["blocks"]),
        "removed": found["removed"],
        "files": [
            file | {"seconds": length(intersection(flags[file["ifo"]]["DATA"], [_span(file)]))}
            for file in files
            if file["start"] // block * block in needed
        ],
        "notes": notes + _without_file(records, everything, block),
    }


def load(path: str | Path) -> dict:
    """Read a plan or lock; raises GwsimError for what is none."""
    try:
        plan = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        hint = "Hint: paths start at the folder that the workflow runs in"
        raise GwsimError(f"{path}: no plan of files ({error}). {hint}") from error
    wrong = _wrong("", plan, FIELDS)
    for i, file in enumerate([] if wrong else plan["files"]):
        wrong += _wrong(f"files.{i}.", file, OF_A_FILE)
    if wrong:
        raise GwsimError(
            f"{path}: no plan of files: {'; '.join(wrong[:5])}. Hint: a run leaves one, and a lock, under "
            "results/strain"
        )
    return plan


def check(plan: dict, settings: dict) -> None:
    """Raise GwsimError with everything in which the plan was made for other settings than these."""
    asked, now = plan["asked"], json.loads(json.dumps(settings))
    faults = [
        f"{name}: made for {json.dumps(asked.get(name))}, now {json.dumps(now.get(name))}"
        for name in sorted({*asked, *now})
        if asked.get(name) != now.get(name)
    ]
    if faults:
        listed = "\n  ".join(faults)
        raise GwsimError(
            f"the plan was made for other settings:\n  {listed}\n"
            "Hint: take these settings back, or leave strain.gwosc.plan out and let a new plan be made."
        )


def file_rate(settings: dict) -> int:
    """Return the sample rate (Hz) of the files that serve the one asked for: there are files of two."""
    return 4096 if settings["sample_rate"] <= 4096 else 16384


def _wrong(place, given, expected) -> list[str]:
    if not isinstance(given, dict):
        return [f"{place.rstrip('.') or 'it'} is no mapping"]
    return [f"no {place}{name}" for name, kind in expected.items() if not isinstance(given.get(name), kind)]


def _runs(at, settings) -> dict:
    """Return the runs asked for, or every observing run."""
    known = site.runs(at)
    unknown = [name for name in settings["runs"] if name not in known]
    if unknown:
        names = ", ".join(known)
        raise GwsimError(f"strain.gwosc.runs: unknown {', '.join(unknown)} ({at.host} knows {names})")
    names = settings["runs"] or [name for name in known if OBSERVING_RUN.fullmatch(name)]
    if not names:
        raise GwsimError(
            f"{at.host} has no observing run, it knows {', '.join(known)}: name some of them "
            "(strain.gwosc.runs)"
        )
    return {name: known[name] for name in names}


def _spans(runs, everything, block) -> dict:
    """Return run -> [start, end] of the GPS blocks that the splits touch in it; other runs are left out."""
    spans = {}
    for name, run in runs.items():
        if inside := intersection(everything, [[run["start"], run["end"]]]):
            first, last = inside[0][0] // block * block, -(-inside[-1][1] // block) * block
            spans[name] = [max(first, run["start"]), min(last, run["end"])]
    return spans


def _check_ifos(settings, runs, spans):
    faults = [
        f"{name} has no {ifo} (it has {', '.join(runs[name]['ifos'])})"
        for name in spans
        for ifo in settings["ifos"]
        if ifo not in runs[name]["ifos"]
    ]
    if faults:
        raise GwsimError(f"ifos: {'; '.join(faults)}")


def _files(at, settings, ifo, spans) -> list[dict]:
    files = {}
    for run, (start, end) in sorted(spans.items(), key=lambda item: item[1]):
        for file in site.strain_files(at, run, ifo, start, end, file_rate(settings)):
            # Runs that touch may both have the file at their border.
            files.setdefault(file["start"], {"ifo": ifo, **file, "run": run})
    return list(files.values())


def _check_borders(files, block):
    over = [file for file in files if file["start"] // block != (_span(file)[1] - 1) // block]
    if over:
        file = over[0]
        raise GwsimError(
            f"strain.block: {len(over)} files reach over a border of the GPS blocks of {block} s, such as "
            f"{file['path']}. Hint: set it to a multiple of {file['duration']}."
        )


def _record(ifo, files, flags, settings) -> dict:
    """Return what a record of all files would say, if their masks agree with the timelines."""
    its = [file for file in files if file["ifo"] == ifo]
    finite = flags["DATA"]
    if settings["sample_rate"] != file_rate(settings):
        # Resampling reaches a few milliseconds beyond a file or into a gap: there a whole second is lost.
        parts = [part for file in its for part in intersection(finite, [_span(file)])]
        finite = [[start + 1, end - 1] for start, end in parts if end - start > 2]
    return {"ifo": ifo, "files": its, "finite": finite, "bits": flags}


def _events(at, settings, everything) -> tuple[dict, list]:
    """Return the events known, and a note where the site did not tell them."""
    if settings["events"] != "known":
        return settings["events"], []
    margin, last = settings["event_margin"], everything[-1][1]
    try:
        told = site.events(at, everything[0][0] - margin - 1, last + margin + 1)
    except GwsimError as error:
        if last > catalogue.UNTIL:
            shipped = f"the events that come with gwsim end at GPS {catalogue.UNTIL}"
            raise GwsimError(f"{error}\nEvents must be known: {shipped}.") from None
        why = str(error).splitlines()[0]
        note = f"events are those of GWTC-1 to GWTC-3 that come with gwsim, because {why}"
        return catalogue.known(), [note]
    return catalogue.united(catalogue.known(), told), []


def _find(at, settings, runs, records) -> dict:
    """Return what the stage `segments` finds in these records.

    Raises GwsimError where a range of a split has no PSD block.
    """
    faults = []
    for name, ranges in settings["splits"].items():
        for start, end in ranges:
            try:
                # Fractions of ranges may leave a sliver, of which nothing is wanted.
                if end - start >= settings["stretch_min"]:
                    segments.find(records, {name: [[start, end]]}, settings)
            except GwsimError as error:
                nearest = timelines.without_data(at, settings, runs, [start, end])
                faults.append(f"GPS {start} to {end}: {error}\n  split '{name}': {nearest}")
    if faults:
        raise GwsimError("\n".join(faults))
    return segments.find(records, settings["splits"], settings)


def _without_file(records, everything, block) -> list[str]:
    """Return notes of the GPS blocks that the timelines say have data, but of which there is no file."""
    notes = []
    for ifo, (record,) in records.items():
        covered = [_span(file) for file in record["files"]]
        lacking = difference(intersection(record["finite"], everything), covered)
        starts = sorted({gps for a, b in lacking for gps in range(a // block * block, b, block)})
        if starts:
            seconds, which = length(lacking), ", ".join(map(str, starts[:10]))
            more = f" and {len(starts) - 10} more" if len(starts) > 10 else ""
            notes.append(f"{ifo} has {seconds} s of data without a file, in GPS blocks {which}{more}")
    return notes


def _span(file) -> list[int]:
    return [file["start"], file["start"] + file["duration"]]
