"""The plan of GWOSC's files against masks of seconds: of O3a's real segments, and of small tables."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import yaml
from gwosc.api import v2
from gwosc_server import Server

from gwsim import command, configuration
from gwsim.errors import GwsimError
from gwsim.gwosc import catalogue, plan, site, summary

ROOT = Path(__file__).parents[1]
O3A, O3B = [1238166018, 1253977218], [1256655618, 1269363618]
BLOCK = 4096
FIRST = 1238163456 + 4 * BLOCK
FLAGS, INJECTIONS = ["DATA", "CBC_CAT1"], ["NO_CBC_HW_INJ"]
PAPER = {
    "train": [[1238236470, 1238252308]],
    "validation": [[1238265720, 1238354855]],
    "test": [[1238404064, 1238457121]],
}


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Answers are asked for anew in each test, and nobody waits for long."""
    v2.JSON_CACHE.clear()
    monkeypatch.setattr(plan, "PATIENCE", 0.1)


@pytest.fixture
def server():
    """A site with six blocks of O3a for H1 and L1: H1 lacks [100, 300) and L1's CBC_CAT1 [5000, 5050)."""
    with Server() as server:
        for name, (start, end) in {"O3a": O3A, "O3b": O3B}.items():
            server.runs[name] = {"gps_start": start, "gps_end": end, "detectors": ["H1", "L1"]}
        server.runs["O3GK"] = {"gps_start": O3A[0], "gps_end": O3B[1], "detectors": ["G1", "K1"]}
        end = FIRST + 6 * BLOCK
        fill(server, "O3a", FIRST, 6)
        server.flags["H1_DATA"] = [[FIRST, FIRST + 100], [FIRST + 300, end]]
        server.flags["L1_CBC_CAT1"] = [[FIRST, FIRST + 5000], [FIRST + 5050, end]]
        yield server


def fill(server, run, start, blocks, khz="4"):
    for ifo in ("H1", "L1"):
        for gps in range(start, start + blocks * BLOCK, BLOCK):
            server.add(f"{ifo[0]}-{ifo}_GWOSC_{run}_{khz}KHZ_R1-{gps}-{BLOCK}.hdf5", run=run)
        for flag in (*FLAGS, *INJECTIONS):
            server.flags.setdefault(f"{ifo}_{flag}", []).append([start, start + blocks * BLOCK])


def settings(server, **changes):
    given = {
        "ifos": ["H1", "L1"],
        "sample_rate": 4096,
        "block": BLOCK,
        "stretch": 256,
        "stretch_min": 128,
        "splits": {"train": [[FIRST + 50, FIRST + 6000]], "test": [[FIRST + 4 * BLOCK, FIRST + 5 * BLOCK]]},
        "guard": 4,
        "flags": FLAGS,
        "injections": INJECTIONS,
        "events": {},
        "event_margin": 16,
        "runs": [],
    }
    return given | changes


def starts(made, ifo):
    return [(file["start"] - FIRST) // BLOCK for file in made["files"] if file["ifo"] == ifo]


# An independent calculation: one boolean a second


class Masks:
    """What a plan must hold, from masks over [start, end), both borders of blocks."""

    def __init__(self, start, end):
        self.start, self.end = start, end

    def mask(self, intervals):
        mask = np.zeros(self.end - self.start, bool)
        for a, b in intervals:
            mask[max(a - self.start, 0) : max(b - self.start, 0)] = True
        return mask

    def runs(self, mask, start=None):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
        return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) + (self.start if start is None else start)]

    def blocks(self, mask, least=128, usual=256):
        """How many PSD blocks each GPS block holds."""
        found = {}
        for gps, inside in zip(range(self.start, self.end, BLOCK), mask.reshape(-1, BLOCK), strict=True):
            lengths = [b - a for a, b in self.runs(inside, gps) if b - a >= least]
            if lengths:
                found[gps] = sum(max(1, length // usual) for length in lengths)
        return found


@pytest.fixture(scope="module")
def real(shared_data):
    """DATA of H1 and L1 in O3a, as GWOSC gives them."""
    names = {"H1": "O3a_Hanford_segments.json", "L1": "O3a_Livingston_segments.json"}
    return {
        ifo: json.loads((shared_data / "strain" / name).read_text())["segments"]
        for ifo, name in names.items()
    }


@pytest.fixture
def o3a(server, real):
    server.files.clear()
    server.flags.clear()
    for ifo, segments in real.items():
        server.flags |= {f"{ifo}_{flag}": segments for flag in (*FLAGS, *INJECTIONS)}
        for gps in sorted({g for a, b in segments for g in range(a // BLOCK * BLOCK, b, BLOCK)}):
            server.add(f"{ifo[0]}-{ifo}_GWOSC_O3a_4KHZ_R1-{gps}-{BLOCK}.hdf5")
    return server


def test_the_papers_ranges_against_masks(o3a, real):
    made = plan.make(settings(o3a, splits=PAPER, events="known"), o3a.url)
    masks = Masks(PAPER["train"][0][0] // BLOCK * BLOCK, -(-PAPER["test"][0][1] // BLOCK) * BLOCK)
    data = {ifo: masks.mask(segments) for ifo, segments in real.items()}
    files = {ifo: np.repeat(mask.reshape(-1, BLOCK).any(1), BLOCK) for ifo, mask in data.items()}
    event = masks.mask([[1238303737 - 16, 1238303737 + 17]])
    split = {name: masks.mask(ranges) for name, ranges in PAPER.items()}
    asked = np.any(list(split.values()), axis=0)
    good = data["H1"] & data["L1"] & ~event

    counted = {name: masks.blocks(good & mask) for name, mask in split.items()}
    needed = sorted(set().union(*counted.values()))
    assert made["events"] == {"GW190403_051519": 1238303737.2}
    assert made["blocks"] == sum(sum(found.values()) for found in counted.values()) == 299
    assert [(f["ifo"], f["start"]) for f in made["files"]] == [(ifo, g) for ifo in real for g in needed]
    assert [(s["start"], s["end"], s["split"]) for s in made["segments"]] == [
        (a, b, name) for name, mask in split.items() for a, b in masks.runs(good & mask)
    ]
    for file in made["files"]:
        at = file["start"] - masks.start
        assert file["seconds"] == data[file["ifo"]][at : at + BLOCK].sum() > 0
        folder = file["start"] // 2**20 * 2**20
        name = f"{file['ifo'][0]}-{file['ifo']}_GWOSC_O3a_4KHZ_R1-{file['start']}-4096.hdf5"
        assert file["path"] == f"/archive/data/O3a_4KHZ_R1/{folder}/{name}"
        assert (file["duration"], file["run"]) == (BLOCK, "O3a")
    removed = {"events": event & asked}
    for ifo in real:
        removed |= {f"{ifo} no file": asked & ~files[ifo], f"{ifo} NaN": asked & files[ifo] & ~data[ifo]}
        removed |= {f"{ifo} {flag}": removed[f"{ifo} NaN"] for flag in (*FLAGS, *INJECTIONS)}
    assert made["removed"] == {cause: int(mask.sum()) for cause, mask in removed.items()}

    told = summary.text(made, settings(o3a, splits=PAPER))
    for ifo, mask in data.items():
        inside = sum(int(mask[g - masks.start : g - masks.start + BLOCK].sum()) for g in needed)
        gigabytes = inside * 4096 * 7.1 / 1e9
        row = rf"{ifo} +{len(needed)}  about {gigabytes:.2f} GB +{inside / 3600:.2f}\n"
        assert re.search(row, told), row
    for name, mask in split.items():
        row = rf"{name} +{(good & mask).sum() / 3600:.2f} +{sum(counted[name].values())}\n"
        assert re.search(row, told), row
        (a, b), bars = PAPER[name][0], re.search(rf"{name} +\d+  (\S+)  \d+\n", told)[1]
        cells = np.split(
            (good & mask)[a - masks.start : b - masks.start], [(b - a) * i // 60 for i in range(1, 60)]
        )
        assert bars == "".join("·▁▂▃▄▅▆▇█"[-(-8 * cell.sum() // len(cell))] for cell in cells)
    assert re.search(rf"H1 NaN +{removed['H1 NaN'].sum()} s\n", told)
    assert "Events cut out: GW190403_051519 (1238303737.2)" in told


@pytest.mark.parametrize(
    "gap", [[1238260000, 1238265000], [1238166018, 1238166500], [1253975000, 1253977000]]
)
def test_the_nearest_data_against_masks(o3a, real, gap):
    masks = Masks(1238163456, -(-O3A[1] // BLOCK) * BLOCK)
    data = {ifo: masks.mask(segments) for ifo, segments in real.items()}
    # A gap is made where there is none, by an event that takes it whole.
    events = {"X": (gap[0] + gap[1]) // 2}
    margin = gap[1] - gap[0]
    cut_out = masks.mask([[int(events["X"]) - margin, int(events["X"]) + 1 + margin]])
    with pytest.raises(GwsimError) as error:
        plan.make(settings(o3a, splits={"train": [gap]}, events=events, event_margin=margin), o3a.url)
    inside = masks.mask([gap])
    amounts = [int((data[ifo] & inside).sum()) for ifo in ("H1", "L1")]
    both = data["H1"] & data["L1"]
    said = f"H1 {amounts[0]} s, L1 {amounts[1]} s, all together {(both & inside).sum()} s"
    free = both & ~cut_out & ~inside
    holding = masks.mask([[gps, gps + BLOCK] for gps in masks.blocks(free)]) & free
    able = [(a, b) for a, b in masks.runs(free) if holding[a - masks.start : b - masks.start].any()]
    ways = [max(a - gap[1], gap[0] - b) for a, b in able]
    way = min(ways)
    a, b = able[ways.index(way)]
    side = "after" if a >= gap[1] else "before"
    assert "no PSD block of 128 s is left in split train" in str(error.value)
    line = f"split 'train': of good data there are {said}; the nearest that all have is GPS {a} to {b}, "
    assert line + f"{way} s {side} it" in str(error.value)


# What is planned


def test_only_files_with_a_psd_block_are_planned_in_order(server):
    made = plan.make(settings(server), server.url)
    assert starts(made, "H1") == starts(made, "L1") == [0, 1, 4]
    assert [file["ifo"] for file in made["files"]] == ["H1"] * 3 + ["L1"] * 3
    assert [f["seconds"] for f in made["files"]] == [BLOCK - 200] + [BLOCK] * 5
    assert made["notes"] == []
    assert re.findall(r"^(\w+) \|", plan.__doc__, re.M) == ["field", *made]
    assert set(made["files"][0]) == {*plan.OF_A_FILE, "seconds"}
    assert made["removed"]["H1 NaN"] == 200 and made["removed"]["L1 CBC_CAT1"] == 50
    # 2 x 100 s: none of the pieces is long enough.
    little = settings(server, splits={"train": [[FIRST, FIRST + 120], [FIRST + BLOCK, FIRST + 2 * BLOCK]]})
    assert starts(plan.make(little, server.url), "H1") == [1]


def test_the_plan_says_what_it_was_asked(server):
    asked = settings(server)
    assert plan.make(asked, server.url)["asked"] == asked


def test_splits_over_two_runs(server):
    fill(server, "O3b", O3B[0] // BLOCK * BLOCK + BLOCK, 2)
    later = O3B[0] // BLOCK * BLOCK + BLOCK
    splits = {"train": [[FIRST + BLOCK, FIRST + 2 * BLOCK]], "test": [[later, later + BLOCK]]}
    made = plan.make(settings(server, splits=splits), server.url)
    assert [(f["start"], f["run"]) for f in made["files"]] == [(FIRST + BLOCK, "O3a"), (later, "O3b")] * 2
    assert made["blocks"] == 15 + 16
    queries = [parse_qs(urlsplit(path).query) for path, _ in server.requests if "start=" in path]
    asked = {(int(query["start"][0]), int(query["stop"][0])) for query in queries}
    assert asked == {(FIRST + BLOCK, FIRST + 2 * BLOCK), (later, later + BLOCK)}
    alone = plan.make(settings(server, splits={"train": splits["train"]}, runs=["O3a", "O3b"]), server.url)
    assert {file["run"] for file in alone["files"]} == {"O3a"}


@pytest.mark.parametrize(("rate", "khz"), [(1024, "4"), (4096, "4"), (16384, "16")])
def test_files_of_the_rate_that_serves(server, rate, khz):
    fill(server, "O3a", FIRST, 6, khz="16")
    made = plan.make(settings(server, sample_rate=rate), server.url)
    assert {file["path"].split("/")[3] for file in made["files"]} == {f"O3a_{khz}KHZ_R1"}
    megabytes = sum(file["seconds"] for file in made["files"]) * 1024 * int(khz) * 7.1 / 1e6
    size = f"{megabytes:.1f} MB" if khz == "4" else f"{megabytes / 1e3:.2f} GB"
    assert re.search(rf"all +6  about {size} ", told(made))


def test_what_resampling_loses_is_not_planned(server):
    """The filter reaches over a file's ends and into gaps: there a second is lost, as records will say."""
    kept, lost = (plan.make(settings(server, sample_rate=rate), server.url) for rate in (4096, 2048))
    spans = [[(one["start"], one["end"]) for one in made["segments"]] for made in (kept, lost)]
    assert spans[0][:1] == [(FIRST + 50, FIRST + 100)] and spans[1][:1] == [(FIRST + 50, FIRST + 99)]
    assert spans[0][1][0] == FIRST + 300 and spans[1][1][0] == FIRST + 301
    assert FIRST + BLOCK + 1 in {start for start, _ in spans[1]} - {start for start, _ in spans[0]}
    assert spans[0][-1] == (FIRST + 4 * BLOCK, FIRST + 5 * BLOCK)
    assert spans[1][-1] == (FIRST + 4 * BLOCK + 1, FIRST + 5 * BLOCK - 1)
    # A whole block that is just long enough before, and too short afterwards.
    whole = {"a": [[FIRST + 4 * BLOCK, FIRST + 5 * BLOCK]]}
    tight = settings(server, stretch=BLOCK, stretch_min=BLOCK, splits=whole)
    assert plan.make(tight, server.url)["blocks"] == 1
    with pytest.raises(GwsimError, match=r"no PSD block of 4096 s .*'H1 NaN': 2"):
        plan.make(tight | {"sample_rate": 2048}, server.url)


def test_no_question_reaches_over_the_end_of_a_run(server):
    fill(server, "O3b", FIRST + 4 * BLOCK, 1)
    server.runs["O3b"]["gps_start"] = server.runs["O3a"]["gps_end"] = FIRST + 5000
    made = plan.make(settings(server), server.url)
    assert {tuple(re.findall(r"=(\d{10})", path)) for path, _ in server.requests if "timelines" in path} == {
        (str(FIRST), str(FIRST + 5000)),
        (str(FIRST + 5000), str(FIRST + 5 * BLOCK)),
    }
    # What the site does not tell of in one go is there.
    assert [(s["start"] - FIRST, s["end"] - FIRST) for s in made["segments"]] == [
        (50, 100),
        (300, 5000),
        (5050, 6000),
        (4 * BLOCK, 5 * BLOCK),
    ]


def test_data_count_whether_or_not_they_are_a_flag(server):
    made = plan.make(settings(server, flags=["CBC_CAT1"]), server.url)
    assert made["removed"]["H1 NaN"] == 200 and "H1 DATA" not in made["removed"]


def told(made):
    return summary.text(made, made["asked"])


# Events


def event(name, gps, version=1):
    return {"name": name, "gps": gps, "version": version, "catalog": "X", "run": "O3a", "detectors": ["H1"]}


def test_events_of_the_site_and_of_the_table_are_cut_out_once(server):
    splits = {"train": [[1238303737 - 1000, 1238303737 + 1000]]}
    fill(server, "O3a", 1238303737 // BLOCK * BLOCK - BLOCK, 3)
    server.flags["H1_DATA"].sort()
    near = 1238303737 + 1000 + 15.5
    server.events += [event("ALIAS", 1238303737.9), event("NEW", near, 2), event("NEW", 1238303800.0)]
    server.events += [event("FAR", near + 2)]
    made = plan.make(settings(server, splits=splits, events="known"), server.url)
    assert made["events"] == {"GW190403_051519": 1238303737.2, "NEW": near}
    assert made["removed"]["events"] == 33 + 1 and made["notes"] == []


@pytest.mark.parametrize("code", [404, 503])
def test_where_the_site_does_not_tell_its_events_the_table_counts(server, code):
    fill(server, "O3a", 1238303737 // BLOCK * BLOCK - BLOCK, 3)
    server.events.append(event("NEW", 1238303800.0))
    server.fault("event-versions", "status", times=None, code=code)
    made = plan.make(settings(server, splits={"t": [[1238303000, 1238304000]]}, events="known"), server.url)
    assert made["events"] == {"GW190403_051519": 1238303737.2}
    (note,) = made["notes"]
    assert note.startswith(
        "events are those of GWTC-1 to GWTC-3 that come with gwsim, because http://127.0.0.1"
    )
    assert f"Note: {note}" in told(made)


def test_beyond_the_table_the_site_must_tell_its_events(server):
    start = -(-catalogue.UNTIL // BLOCK) * BLOCK
    server.runs["O4a"] = {"gps_start": start, "gps_end": start + 10 * BLOCK, "detectors": ["H1", "L1"]}
    fill(server, "O4a", start, 2)
    asked = settings(server, splits={"t": [[start, start + BLOCK]]}, events="known")
    assert plan.make(asked, server.url)["events"] == {}
    v2.JSON_CACHE.clear()
    server.fault("event-versions", "status", times=None, code=403)
    with pytest.raises(GwsimError, match=r"(?s)refuses to say the events.*with gwsim end at GPS 1269363618"):
        plan.make(asked, server.url)


def test_events_of_the_configuration_are_not_asked_for(server):
    made = plan.make(settings(server, events={"X": FIRST + 1000.5, "Y": 5.0}), server.url)
    assert made["events"] == {"X": FIRST + 1000.5} and made["removed"]["events"] == 33
    assert not [path for path, _ in server.requests if "event" in path]


# What is refused


def refused(server, message, **changes):
    with pytest.raises(GwsimError, match=message) as error:
        plan.make(settings(server, **changes), server.url)
    return str(error.value)


def test_an_unknown_run_names_the_known(server):
    known = r"\(http://127.0.0.1:\d+ knows O3a, O3b, O3GK\)"
    refused(server, f"strain.gwosc.runs: unknown O9, S5 {known}", runs=["O9", "O3a", "S5"])
    for name in ("O3a", "O3b"):
        del server.runs[name]
    v2.JSON_CACHE.clear()
    refused(server, r"has no observing run, it knows O3GK: name some")


def test_an_ifo_that_a_run_has_not(server):
    refused(server, r"ifos: O3a has no V1 \(it has H1, L1\); O3a has no X1", ifos=["H1", "V1", "X1"])


def test_unknown_flags_are_named_at_once(server):
    message = "knows no flag H1_CAT8 in O3a, H1_NO_INJ in O3a, L1_CAT8 in O3a, L1_NO_INJ in O3a"
    refused(server, message, flags=["CAT8"], injections=["NO_INJ"])


def test_splits_in_no_run(server):
    text = refused(
        server, "no PSD block", splits={"a": [[O3A[0] - 9000, O3A[0] - 1000]], "b": [[FIRST, FIRST + 4096]]}
    )
    # b is in order and not told of.
    assert "split 'a': it lies in no run asked for (O3a, O3b); of good data there are H1 0 s, L1 0 s" in text
    assert f"the nearest that all have is GPS {FIRST + 300} to {FIRST + 5000}, " in text
    assert f"{FIRST + 300 - (O3A[0] - 1000)} s after it" in text and "split 'b'" not in text


def test_no_data_anywhere(server):
    server.flags["L1_DATA"] = []
    refused(server, "L1 0 s, all together 0 s; no 128 s that all have lie elsewhere in O3a")


def test_the_nearest_data_are_not_those_that_no_file_holds(server):
    for place in [place for place in server.files if f"-{FIRST + 4 * BLOCK}-" in place]:
        del server.files[place]
    text = refused(server, "no PSD block of 128 s is left in split test")
    assert f"nearest that all have is GPS {FIRST + 5050} to {FIRST + 4 * BLOCK}, next to it" in text


def test_files_that_reach_over_borders_of_blocks(server):
    refused(
        server,
        r"strain.block: 10 files reach over a border of the GPS blocks of 512 s, such as /archive/.*hdf5\. "
        "Hint: set it to a multiple of 4096",
        block=512,
    )
    assert len(plan.make(settings(server, block=2 * BLOCK), server.url)["files"]) == 8


def test_a_missing_file_in_the_middle_is_told(server):
    place = next(place for place in server.files if f"L-L1_GWOSC_O3a_4KHZ_R1-{FIRST + BLOCK}" in place)
    del server.files[place]
    made = plan.make(settings(server), server.url)
    seconds = 6000 - BLOCK
    assert made["notes"] == [f"L1 has {seconds} s of data without a file, in GPS blocks {FIRST + BLOCK}"]
    assert f"Note: {made['notes'][0]}" in told(made)
    assert starts(made, "L1") == starts(made, "H1") == [0, 4] and made["removed"]["L1 no file"] == seconds


# Plans on the disk


def test_a_plan_comes_back_and_is_for_its_settings(server, tmp_path):
    made = plan.make(settings(server), server.url)
    (tmp_path / "plan.json").write_text(json.dumps(made))
    again = plan.load(tmp_path / "plan.json")
    assert again == made
    plan.check(again, settings(server))


def test_a_plan_for_other_settings_names_each(server):
    made = plan.make(settings(server), server.url)
    with pytest.raises(GwsimError) as error:
        plan.check(made, settings(server, ifos=["H1"], event_margin=8, more=1))
    assert str(error.value).splitlines()[1:4] == [
        "  event_margin: made for 16, now 8",
        '  ifos: made for ["H1", "L1"], now ["H1"]',
        "  more: made for null, now 1",
    ]
    assert "guard" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no plan of files .*No such file.* Hint: paths start at"),
        ("{", "no plan of files"),
        ("[]", "it is no mapping"),
        ('{"asked": {}}', "no events; no segments; no blocks; no removed; no files"),
        (
            {"files": [{"ifo": "H1", "start": 1, "duration": 2.5}, 3]},
            "no files.0.duration; no files.0.path; no files.0.run; files.1 is",
        ),
    ],
)
def test_what_is_no_plan(tmp_path, content, message):
    path = tmp_path / "plan.json"
    if isinstance(content, dict):
        content = {"asked": {}, "events": {}, "segments": [], "blocks": 0, "removed": {}} | content
        content = json.dumps(content)
    if content is not None:
        path.write_text(content)
    with pytest.raises(GwsimError, match=message):
        plan.load(path)


def test_the_sizes_of_a_lock_are_exact(server):
    made = plan.make(settings(server), server.url)
    for i, file in enumerate(made["files"]):
        assert re.search("all +6 +about ", told(made))
        file |= {"bytes": 100_000_000 + i, "sha256": "0" * 64}
    text = told(made)
    assert "about" not in text and re.search(r"all +6 +600.0 MB", text)
    assert "To download: 1.0 min at 10 MB/s, 6 s at 100 MB/s" in text


# The command


def gwsim(capsys, *arguments):
    """Run a verb here; return its exit status and what it printed."""
    status = 0
    try:
        command.main([str(argument) for argument in arguments])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def configured(server, tmp_path):
    """config.yaml and an overlay that asks our server."""
    changes = {
        "ifos": ["H1", "L1"],
        "strain": {"source": "gwosc", "block": BLOCK, "gwosc": {"host": server.url, "runs": ["O3a"]}},
        "segments": {
            "splits": settings(server)["splits"] | {"validation": [[FIRST + 7000, FIRST + 9000]]},
            "flags": FLAGS,
            "injections": INJECTIONS,
            "events": "known",
        },
        # Of strain at another rate there is a plan as well: the server has files of 4 kHz alone.
        "experiments": {"glitch": None, "chirp_blip": None},
    }
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(changes))
    return ROOT / "config.yaml", overlay


def test_gwsim_plan_writes_the_plan_and_tells(server, tmp_path, capsys):
    (tmp_path / "settings.json").write_text(json.dumps(settings(server)))
    (tmp_path / "site.json").write_text(json.dumps({"host": server.url, "mirrors": [], "plan": None}))
    path = tmp_path / "new" / "plan.json"
    inputs = ("--settings", tmp_path / "settings.json", "--site", tmp_path / "site.json")
    status, out, _ = gwsim(capsys, "fetch_plan", *inputs, "--output", path)
    assert status == 0 and plan.load(path) == plan.make(settings(server), server.url)
    assert out.strip() == told(plan.load(path))


def test_gwsim_strain_plan_of_a_configuration(server, configured, capsys):
    status, out, err = gwsim(capsys, "strain", "--plan", *configured)
    assert status == 0, err
    assert re.search(r"H1 +4  about ", out) and re.search(r"validation +0.56 +7\n", out)
    assert not [path for path, _ in server.requests if "/archive/" in path]


def test_gwsim_strain_plan_of_a_committed_plan_asks_nobody(server, configured, capsys, tmp_path):
    from gwsim import stages

    config = configuration.load(list(configured))
    made = plan.make(stages.settings(config)["plan/demo"], server.url)
    (tmp_path / "lock.json").write_text(json.dumps(made))
    committed = tmp_path / "committed.yaml"
    committed.write_text(yaml.safe_dump({"strain": {"gwosc": {"plan": str(tmp_path / "lock.json")}}}))
    server.requests.clear()
    status, out, err = gwsim(capsys, "strain", "--plan", *configured, committed)
    assert status == 0, err
    assert re.search(r"H1 +4  about ", out) and server.requests == []
    committed.write_text(committed.read_text() + "segments: {event_margin: 3}\n")
    status, _, err = gwsim(capsys, "strain", "--plan", *configured, committed)
    assert status == 2 and "event_margin: made for 16, now 3" in err


def test_gwsim_strain_plan_of_another_source(capsys):
    status, _, err = gwsim(capsys, "strain", "--plan", ROOT / "config.yaml")
    assert status == 2
    assert err == "ERROR: strain.source: got 'simulated', expected 'gwosc': nothing else is downloaded\n"


def test_gwsim_strain_plan_of_a_bad_configuration(configured, capsys):
    status, _, err = gwsim(capsys, "strain", "--plan", configured[1])
    assert status == 2 and "Hint: is" in err and "an overlay?" in err


def test_gwsim_strain_plan_of_a_host_that_refuses(server, configured, capsys):
    server.__exit__()
    status, _, err = gwsim(capsys, "strain", "--plan", *configured)
    assert status == 2 and "does not say the runs" in err and site.HINT in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --settings, --ifo, --gps, --record"),
        (["--ifo", "H1", "--gps", "1"], "the following arguments are required: --settings, --record"),
        (["--ifo", "H1", "--plan", "c.yaml"], "argument --plan: not allowed with the options of one block"),
        (["--gps", "x"], "argument --gps: invalid int value: 'x'"),
    ],
)
def test_options_of_the_two_modes(capsys, arguments, message):
    status, _, err = gwsim(capsys, "strain", *arguments)
    assert status == 2 and "usage: gwsim strain" in err and message in err
