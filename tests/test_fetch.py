"""The planned files of a block: random faults, mirrors, the cache, the lock, and both verbs."""

import collections
import contextlib
import functools
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import pytest
from gwosc_server import Server, write_strain

from gwsim import command
from gwsim.cli import progress
from gwsim.errors import GwsimError
from gwsim.gwosc import download as download_module
from gwsim.gwosc import fetch as module
from gwsim.gwosc import routes
from gwsim.gwosc.fetch import fetch, rows_of, verify
from gwsim.gwosc.lock import hold, lock

START, DURATION, RATE = 1238163456, 64, 1024
QUICK = {"wait": 0.002, "timeout": (1.0, 0.25)}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Never through a proxy, and hosts that ask for patience get little."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download_module, "sleep", lambda seconds: time.sleep(min(seconds, 0.01)))


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """H1's file and one that follows, and L1's, as the site has them."""
    folder = tmp_path_factory.mktemp("site")
    places = [("H1", START), ("H1", START + DURATION), ("L1", START)]
    return [write_strain(folder, ifo, start, DURATION, rate=RATE) for ifo, start in places]


@pytest.fixture
def server(originals):
    with Server() as server:
        server.places = [server.add(path) for path in originals]
        yield server


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def row_of(path, place, **proof):
    ifo, start = path.name[2:4], int(path.stem.split("-")[2])
    return {"ifo": ifo, "start": start, "duration": DURATION, "path": place, "run": "O3a", **proof}


@pytest.fixture
def row(originals, server):
    return row_of(originals[0], server.places[0])


@pytest.fixture
def locked(originals, row):
    return row | {"bytes": originals[0].stat().st_size, "sha256": sha256(originals[0])}


def get(server, rows, cache, *mirrors, patience=1000.0, **options):
    settings = {"host": server.url, "mirrors": [str(mirror) for mirror in mirrors]}
    rows = rows if isinstance(rows, list) else [rows]
    return fetch(rows, settings, Path(cache), patience, **QUICK | options)


def place_in(cache, row):
    return Path(cache) / row["path"].removeprefix("/archive/data/")


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(source, target))


def corrupt(path, at=None):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 0xFF
    path.write_bytes(content)
    return path


# Fetching


def test_fetched_files_are_the_originals_and_are_not_asked_for_again(server, originals, tmp_path):
    rows = [row_of(path, place) for path, place in zip(originals, server.places, strict=True)]
    found = get(server, rows, tmp_path)
    for entry, path, row in zip(found, originals, rows, strict=True):
        kept = {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}
        assert entry == kept | {"path": str(place_in(tmp_path, row))} and sha256(entry["path"]) == sha256(
            path
        )
    server.requests.clear()
    assert get(server, rows, tmp_path) == found and server.requests == []


def test_what_was_verified_is_not_read_again(server, row, tmp_path, monkeypatch):
    found = get(server, row, tmp_path)
    monkeypatch.setattr(module, "verify", None)
    assert get(server, row, tmp_path) == found
    # A lock that agrees with the note needs no reading either.
    assert get(server, row | {"sha256": found[0]["sha256"]}, tmp_path) == found
    os.utime(found[0]["path"], ns=(1, 1))
    with pytest.raises(TypeError):
        get(server, row, tmp_path)


def test_a_file_put_into_the_cache_is_verified_and_not_asked_for(server, row, originals, tmp_path):
    copy(originals[0], place_in(tmp_path, row))
    assert get(server, row, tmp_path)[0]["sha256"] == sha256(originals[0])
    assert server.requests == [] and Path(f"{place_in(tmp_path, row)}.json").is_file()


@pytest.mark.parametrize("note", [None, "{", "[]", "{}"])
def test_a_corrupt_file_in_the_cache_is_told_and_fetched_anew(server, row, originals, tmp_path, note):
    path = corrupt(copy(originals[0], place_in(tmp_path, row)))
    if note:
        Path(f"{path}.json").write_text(note)
    told = []
    assert get(server, row, tmp_path, tell=told.append)[0]["sha256"] == sha256(path) == sha256(originals[0])
    assert len(told) == 1 and f"fetched anew: {path}: corrupt" in told[0]


def test_all_files_that_cannot_be_had_are_named_and_the_others_are_there(server, originals, tmp_path):
    rows = [row_of(path, place) for path, place in zip(originals, server.places, strict=True)]
    for path in (originals[0], originals[2]):
        server.fault(path.name, "status", times=None, code=404)
    said = rf"(?s)2 of 3 files.*{originals[0].name}.*404.*{originals[2].name}.*{server.places[2]}.*404.*Hint"
    with pytest.raises(GwsimError, match=said):
        get(server, rows, tmp_path)
    assert sha256(place_in(tmp_path, rows[1])) == sha256(originals[1])


def test_a_cache_that_is_only_read_serves_what_it_holds(server, row, originals):
    if os.getuid() != 0:
        pytest.skip("root alone can become nobody and come back")
    cache = Path(tempfile.mkdtemp())
    copy(originals[0], place_in(cache, row))
    for folder in (cache, *cache.rglob("*")):
        folder.chmod(0o755)
    missing = row_of(originals[1], server.places[1])
    os.seteuid(65534)
    try:
        assert get(server, row, cache)[0]["sha256"]
        with pytest.raises(GwsimError, match=rf"{originals[1].name}: cannot write in .*Hint: name a cache"):
            get(server, missing, cache)
    finally:
        os.seteuid(0)
        shutil.rmtree(cache)
    assert server.requests == []


def test_a_path_that_leads_out_of_the_cache_is_refused(server, row, tmp_path):
    for path in ("/archive/data/../../etc/x-1-2.hdf5", "/archive/data/"):
        with pytest.raises(GwsimError, match="does not stay below"):
            get(server, row | {"path": path}, tmp_path)


# Random faults


def strain_byte(path, rng):
    """A byte of the strain's own chunks, which HDF5's checksums cover."""
    with h5py.File(path) as file:
        strain = file["strain/Strain"].id
        chunk = strain.get_chunk_info(rng.randrange(strain.get_num_chunks()))
    return chunk.byte_offset + rng.randrange(chunk.size)


def passing(rng, size):
    """Faults that leave what comes later as it is."""
    at = {"at": rng.randrange(size)}
    return [
        ("status", {"code": rng.choice([408, 425, 429, 500, 502, 503, 504])}),
        ("status", {"code": 429, "retry_after": rng.choice([1, 600, "date"])}),
        ("cut", at),
        ("reset", rng.choice([{}, at])),
        ("stall", {"seconds": 0.4, **rng.choice([{}, at])}),
        ("cut_lengthless", at),
        ("wrong_length", {"by": rng.choice([-1, 1]) * rng.randrange(1, size)}),
        ("html", {}),
        ("login", {}),
        ("empty", {}),
        ("new_etag", {}),
    ]


def spoiling(rng, size, originals):
    return [
        ("garbage", {}),
        ("flip", {"at": rng.randrange(size)}),
        ("other", {"path": str(rng.choice(originals[1:]))}),
    ]


def sequence(rng, originals, locked):
    """One to four faults. Without a lock, bytes are spoiled only where HDF5 can tell: in the first answer."""
    size = originals[0].stat().st_size
    faults = [rng.choice(passing(rng, size)) for _ in range(rng.randint(1, 4))]
    if locked:
        faults = [rng.choice([fault, rng.choice(spoiling(rng, size, originals))]) for fault in faults]
    elif rng.random() < 0.4:
        spoilt = spoiling(rng, size, originals)
        faults[0] = rng.choice([spoilt[0], ("flip", {"at": strain_byte(originals[0], rng)}), spoilt[2]])
    return faults


def after(server, rng, faults):
    server.lengths, server.validators = rng.choice([True, True, False, "chunked"]), rng.random() < 0.7
    server.ranges = rng.random() < 0.8
    server.requests.clear()
    server._faults.clear()
    for kind, options in faults:
        server.fault(server.places[0], kind, **options)


@pytest.mark.parametrize("with_lock", [True, False])
def test_random_faults_end_in_the_file_or_an_error_that_names_it(
    server, originals, row, locked, tmp_path, with_lock
):
    whole, rng = 0, random.Random(4 + with_lock)
    for i in range(100):
        faults = sequence(rng, originals, with_lock)
        after(server, rng, faults)
        path = place_in(tmp_path / str(i), row)
        try:
            found = get(server, locked if with_lock else row, tmp_path / str(i))
        except GwsimError as error:
            assert re.search(
                rf"(?s){path.name}.*not obtained from {server.url}.*asked 3 times", str(error)
            ), faults
            assert not path.exists() and not Path(f"{path}.json").exists(), faults
            continue
        assert sha256(path) == found[0]["sha256"] == sha256(originals[0]), faults
        assert {each.name for each in path.parent.iterdir()} == {path.name, f"{path.name}.json"}, faults
        whole += 1
    # An error takes three spoilt contents of four.
    assert 75 < whole <= 100


def test_a_fetch_that_gives_up_again_and_again_goes_on_where_it_was(server, originals, row, tmp_path):
    """Each try ends at its first fault, as if the workflow were started again and again."""
    rng, size, tries = random.Random(6), originals[0].stat().st_size, 0
    while not place_in(tmp_path, row).exists():
        at = {"at": rng.randrange(1, size // 4)}
        faults = [("cut", at), ("reset", at), ("stall", {"seconds": 0.4, **at}), ("status", {"code": 503})]
        kind, options = rng.choice(faults)
        server.fault(server.places[0], kind, **options)
        tries += 1
        with contextlib.suppress(GwsimError):
            get(server, row, tmp_path, patience=0.0)
        assert tries < 100
    assert sha256(place_in(tmp_path, row)) == sha256(originals[0]) and tries > 4
    starts = [int(re.findall(r"\d+", headers.get("Range", "0"))[0]) for _, headers in server.requests]
    assert starts == sorted(starts) and starts[-1] > 0


# Verification


def verdict(path, row, same):
    """Verify in a process of its own, as HDF5 may crash on bad bytes; what is taken must be the `same`."""
    if not (child := os.fork()):
        try:
            verify(path, row, RATE)
            os._exit(0 if same(path) else 1)
        except GwsimError as error:
            os._exit(2 if path.name in str(error) else 3)
        finally:
            os._exit(4)
    _, status = os.waitpid(child, 0)
    return ["whole", "wrong", "refused"][os.WEXITSTATUS(status)] if os.WIFEXITED(status) else "crashed"


def contents(path):
    with h5py.File(path) as file:
        names = ("strain/Strain", "quality/simple/DQmask", "quality/injections/Injmask")
        return [file[name][:].tobytes() for name in names]


def test_a_flip_of_any_byte_is_found_or_leaves_strain_and_masks_as_they_are(originals, row, locked, tmp_path):
    rng, size, before = random.Random(2), originals[0].stat().st_size, contents(originals[0])
    said = collections.Counter()
    # Half of them in the first bytes, where HDF5 keeps what has no checksum.
    for at in [rng.randrange(4000 if i % 2 else size) for i in range(120)]:
        path = corrupt(copy(originals[0], tmp_path / originals[0].name), at)
        assert verdict(path, locked, lambda path: True) in ("refused", "crashed")
        said[verdict(path, row, lambda path: contents(path) == before)] += 1
    assert said["wrong"] == 0 and said["refused"] > 60 and said["crashed"] < 5, said
    assert verdict(originals[0], row, lambda path: contents(path) == before) == "whole"
    assert verdict(originals[0], row, lambda path: contents(path) == []) == "wrong"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ifo": "L1"}, "ifo H1, expected L1"),
        ({"start": START + 64}, f"start {START}, expected {START + 64}"),
        ({"duration": 4096}, "duration 64, expected 4096"),
    ],
)
def test_another_file_than_the_one_planned_is_refused(originals, row, change, said):
    with pytest.raises(GwsimError, match=f"{originals[0].name}: another file than the one planned: {said}"):
        verify(originals[0], row | change, RATE)
    assert verify(originals[0], row)["sha256"] == sha256(originals[0])


def test_a_file_of_another_rate_than_its_name_tells_is_refused(server, row, tmp_path):
    assert routes.sample_rate(row) == RATE
    assert [routes.sample_rate({"path": f"/H-H1_{name}-1-2.hdf5"}) for name in (
        "GWOSC_O3a_4KHZ_R1", "GWOSC_O3b_16KHZ_R1", "LOSC_4_V1", "LOSC_16_V2", "MINE",
    )] == [4096, 16384, 4096, 16384, None]  # fmt: skip
    slow = write_strain(tmp_path, "H1", START, DURATION, rate=256)
    server.fault(server.places[0], "other", times=None, path=str(slow))
    with pytest.raises(GwsimError, match="sample_rate 256, expected 1024"):
        get(server, row, tmp_path / "cache")


def test_a_file_at_16_khz_is_never_whole_in_memory(tmp_path):
    path = write_strain(tmp_path, "H1", START, 2048, rate=4096)
    code = (
        "import json, resource, sys; from pathlib import Path; from gwsim.gwosc.fetch import verify\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "verify(Path(sys.argv[1]), json.loads(sys.argv[2]), 4096)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    row = row_of(path, "/x") | {"duration": 2048}
    ran = subprocess.run([sys.executable, "-c", code, path, json.dumps(row)], capture_output=True, text=True)
    # kB: the strain is 67 MB, a piece of it 8 MB
    assert int(ran.stdout) < 40_000, ran.stderr


# Locks


def test_a_lock_holds_every_file_to_its_bytes(server, originals, row, locked, tmp_path):
    assert get(server, locked, tmp_path / "a")[0]["sha256"] == locked["sha256"]
    for change in ({"sha256": "0" * 64}, {"bytes": 1}, {"bytes": 1, "sha256": "0" * 64}):
        said = rf"(?s){originals[0].name}.*whole, but not what the lock says: .*{locked['sha256']}.*Hint"
        with pytest.raises(GwsimError, match=said):
            get(server, locked | change, tmp_path / "b")
        assert not place_in(tmp_path / "b", row).exists()
        # Nor is a file accepted that was verified without the lock.
        with pytest.raises(GwsimError, match=said):
            get(server, locked | change, tmp_path / "a")


def plan_of(*rows):
    head = {"asked": {"block": 128}, "events": {}, "segments": [], "blocks": 1, "removed": {}}
    return head | {"files": list(rows)}


def test_a_lock_is_the_plan_with_what_was_fetched(server, originals, tmp_path):
    rows = [row_of(path, place) for path, place in zip(originals, server.places, strict=True)]
    plan = plan_of(*rows)
    receipts = [
        {"ifo": row["ifo"], "start": row["start"], "files": get(server, row, tmp_path)} for row in rows
    ]
    made = lock(plan, receipts)
    for row, path, held in zip(rows, originals, made["files"], strict=True):
        assert held == row | {"bytes": path.stat().st_size, "sha256": sha256(path)}
    assert plan == plan_of(*rows) and {**made, "files": rows} == plan and lock(made, receipts) == made
    with pytest.raises(
        GwsimError, match=rf"no receipt holds 2 of the plan's 3 files: {originals[1].name}, .*fetch"
    ):
        lock(plan, receipts[:1])


def test_a_run_is_held_against_the_lock_that_is_named(server, originals):
    rows = [row_of(path, place) for path, place in zip(originals, server.places, strict=True)]
    proofs = [{"name": path.name, "bytes": 1, "sha256": "0" * 64} for path in originals]
    mine = lock(plan_of(*rows), [{"files": proofs}])
    hold(mine, mine, "its own")
    hold(mine, plan_of(*rows), "a plan, which locks nothing")
    other = json.loads(json.dumps(mine)) | {"events": {"GW1": 1.0}}
    other["files"][1]["sha256"] = "1" * 64
    left = other["files"].pop(0)
    with pytest.raises(GwsimError) as error:
        hold(mine, other, "theirs.json")
    told = str(error.value)
    assert "is not that of theirs.json (strain.gwosc.plan)" in told
    assert f"files that it has not: {routes.name(left)}\n" in told and "only it" not in told
    assert f"other bytes: {originals[1].name}\n" in told and "events: GW1\n" in told


def test_rows_are_those_of_the_ifo_that_reach_into_the_block(originals, server):
    rows = [row_of(path, place) for path, place in zip(originals, server.places, strict=True)]
    plan = plan_of(*rows)
    assert rows_of(plan, "H1", START, 64) == [rows[0]] and rows_of(plan, "H1", START, 65) == rows[:2]
    assert rows_of(plan, "H1", START + 63, 1) == [rows[0]] and rows_of(plan, "L1", START + 64, 64) == []


# Mirrors


def archive(row):
    return row["path"].removeprefix("/archive/data/")


def flat(row):
    return row["path"].split("/")[-1]


def osdf(row):
    return f"O3a/strain.1k/hdf.v1/H1/{START // 2**20 * 2**20}/{flat(row)}"


@pytest.mark.parametrize("layout", [archive, flat, osdf])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_mirrors_folder_is_used_in_place(server, row, locked, originals, tmp_path, layout, scheme):
    path = copy(originals[0], tmp_path / "mirror of files" / layout(row))
    mirror = f"{scheme}{tmp_path}/mirror of files".replace(" ", "%20" if scheme else " ")
    found = get(server, locked, tmp_path / "cache", mirror)
    assert Path(found[0]["path"]) == path and found[0]["sha256"] == sha256(path)
    assert server.requests == [] and not (tmp_path / "cache").exists()


def test_osdf_is_laid_out_as_its_addresses_are():
    """The address is one that gwpy's own tests use."""
    row = {"ifo": "H1", "run": "O3b", "start": 1269358592, "duration": 4096}
    row["path"] = "/archive/data/O3b_4KHZ_R1/1268776960/H-H1_GWOSC_O3b_4KHZ_R1-1269358592-4096.hdf5"
    (root, places), _ = routes.of(row, {"host": "https://gwosc.org/", "mirrors": ["osdf:///gwdata"]})
    assert root == f"{routes.OSDF_DIRECTOR}/gwdata" and places[2] == (
        "O3b/strain.4k/hdf.v1/H1/1268776960/H-H1_GWOSC_O3b_4KHZ_R1-1269358592-4096.hdf5"
    )
    assert routes.of(row, {"host": "https://gwosc.org/", "mirrors": []}) == [
        ("https://gwosc.org", [row["path"].lstrip("/")])
    ]


def test_a_corrupt_mirror_is_told_and_the_next_route_taken(server, row, originals, tmp_path):
    bad = corrupt(copy(originals[0], tmp_path / "bad" / flat(row)))
    wrong = copy(originals[1], tmp_path / "wrong" / flat(row))
    told = []
    mirrors = (tmp_path / "absent", bad.parent, wrong.parent)
    found = get(server, row, tmp_path / "cache", *mirrors, tell=told.append)
    assert found[0]["path"] == str(place_in(tmp_path / "cache", row)) and len(server.requests) == 1
    expected = (f"{tmp_path / 'absent'}: no such folder", str(bad), str(wrong))
    assert [words in said for words, said in zip(expected, told, strict=True)] == [True] * 3


@pytest.mark.parametrize("layout", [archive, flat, osdf])
def test_a_mirrors_address_is_asked_before_the_host(server, row, originals, tmp_path, layout):
    with Server() as mirror:
        mirror.files[f"/pub/{layout(row)}"] = originals[0]
        found = get(server, row, tmp_path, f"{mirror.url}/pub/")
        assert found[0]["sha256"] == sha256(originals[0]) and server.requests == []
        assert len(mirror.requests) == [archive, flat, osdf].index(layout) + 1


@pytest.mark.parametrize("fault", ["garbage", "html", "other"])
def test_a_mirror_with_wrong_content_gives_way_to_the_host(server, row, originals, tmp_path, fault):
    with Server() as mirror:
        mirror.files[f"/{archive(row)}"] = originals[0]
        options = {"path": str(originals[1])} if fault == "other" else {}
        mirror.fault(flat(row), fault, times=None, **options)
        assert get(server, row, tmp_path, mirror.url)[0]["sha256"] == sha256(originals[0])
        # A page may mean that the host has the file in another place; other content is the file.
        assert len(mirror.requests) == (9 if fault == "html" else 3) and len(server.requests) == 1


def test_a_mirror_that_answers_with_a_page_has_the_file_elsewhere(server, row, originals, tmp_path):
    with Server() as mirror:
        mirror.files[f"/{flat(row)}"] = originals[0]
        mirror.fault(archive(row), "html", times=None)
        assert get(server, row, tmp_path, mirror.url)[0]["sha256"] == sha256(originals[0])
        assert server.requests == []


def test_an_address_that_answers_nothing_gives_way_and_is_asked_once(server, row, originals, tmp_path):
    found = get(server, row, tmp_path, "http://127.0.0.1:9", patience=0.05)
    assert found[0]["sha256"] == sha256(originals[0])


def test_all_routes_are_named_when_none_has_the_file(server, row, originals, tmp_path):
    bad = corrupt(copy(originals[0], tmp_path / "bad" / flat(row)))
    server.fault("/archive", "status", times=None, code=404)
    mirrors = ("/nowhere", bad.parent, "http://127.0.0.1:9")
    said = (
        rf"(?s){flat(row)}:.*/nowhere: no such file.*{bad}: corrupt.*127.0.0.1:9/.*refused.*{server.url}.*404"
    )
    with pytest.raises(GwsimError, match=said):
        get(server, row, tmp_path / "cache", *mirrors, patience=0.05)


# The verbs


@pytest.fixture
def run(server, originals, tmp_path, monkeypatch, capfd):
    """Run a verb in a folder with settings and a plan; return its exit status and what it said."""
    monkeypatch.chdir(tmp_path)
    rows = [row_of(path, place) for path, place in zip(originals, server.places, strict=True)]
    Path("site.json").write_text(json.dumps({"host": server.url, "mirrors": [], "plan": None}))
    Path("plan.json").write_text(json.dumps(plan_of(*rows)))

    def run(*argv):
        try:
            command.main(argv[0].split() + list(argv[1:]))
        except SystemExit as left:
            return left.code, capfd.readouterr().err
        return 0, capfd.readouterr().err

    return run


FETCH = "fetch --site site.json --plan {} --ifo {} --gps {} --cache gwosc --patience 1 --receipt {}"
BLOCK = START // 128 * 128


def test_the_verbs_fetch_and_lock(run, server, originals):
    for ifo, gps in (("H1", BLOCK), ("L1", BLOCK), ("L1", BLOCK + 128), ("H1", BLOCK + 128)):
        assert run(FETCH.format("plan.json", ifo, gps, f"got/{ifo}-{gps}.json")) == (0, "")
    receipt = json.loads(Path(f"got/H1-{BLOCK}.json").read_text())
    names = sorted({path.name for path in originals[:2]} if START == BLOCK else {originals[0].name})
    assert (receipt["ifo"], receipt["start"]) == ("H1", BLOCK)
    assert [file["name"] for file in receipt["files"]] == names
    assert all(sha256(file["path"]) == file["sha256"] for file in receipt["files"])
    assert json.loads(Path(f"got/L1-{BLOCK + 128}.json").read_text())["files"] == []
    receipts = sorted(str(path) for path in Path("got").iterdir())
    assert run("lock --plan plan.json --output lock.json", *receipts) == (0, "")
    server.requests.clear()
    assert run(FETCH.format("lock.json", "H1", BLOCK, "again.json")) == (0, "")
    assert json.loads(Path("again.json").read_text()) == receipt and server.requests == []
    code, said = run("lock --plan plan.json --output other.json", receipts[0])
    assert code == 2 and "no receipt holds" in said and not Path("other.json").exists()


def test_the_verb_fails_with_the_cause_and_without_a_receipt(run, server, originals):
    server.fault(originals[2].name, "login", times=None)
    code, said = run(FETCH.format("plan.json", "L1", BLOCK, "got.json"))
    assert code == 2 and not Path("got.json").exists()
    assert re.search(
        rf"(?s)ERROR: 1 of 1 files.*{originals[2].name}.*'Sign in', perhaps a proxy's login", said
    )
    code, said = run(FETCH.format("nothing.json", "L1", BLOCK, "got.json"))
    assert code == 2 and "no plan of files" in said


def test_the_verb_says_what_was_corrupt(run, server, originals):
    row = json.loads(Path("plan.json").read_text())["files"][2]
    path = corrupt(copy(originals[2], place_in("gwosc", row)))
    code, said = run(FETCH.format("plan.json", "L1", BLOCK, "got.json"))
    assert code == 0 and re.search(rf"^fetch: in the cache and not used.*{path}", said)


def test_a_log_gets_a_line_now_and_then(server, row, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.2)
    server.rate = 1e6
    with progress.transfers() as advance:
        get(server, row, tmp_path, advance=advance)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 3 and all(re.fullmatch(rf"{flat(row)}: \d of \d MB", line) for line in lines)


def test_a_terminal_gets_a_bar_that_follows_also_downwards(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.transfers() as advance:
        for done in (10, 500_000, 0, 2_000_000):
            functools.partial(advance, "x.hdf5")(done, 2_000_000)
    assert "x.hdf5: 100%" in capsys.readouterr().err
