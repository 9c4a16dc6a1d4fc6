"""What the site says, asked of a server on 127.0.0.1 through the gwosc client; and when it says nothing."""

import re
import socket
import time

import pytest
from gwosc.api import v2
from gwosc_server import Server

from gwsim.errors import GwsimError
from gwsim.gwosc import site

O3A, O3B = [1238166018, 1253977218], [1256655618, 1269363618]
BLOCK = 4096
FIRST = 1238163456


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Answers are asked for anew in each test, and the client's own repetitions do not wait."""
    v2.JSON_CACHE.clear()
    monkeypatch.setattr(v2, "RETRY_DEFAULT_WAIT_TIME", 0)


@pytest.fixture
def server():
    with Server() as server:
        for name, (start, end) in {"O3a": O3A, "O3b": O3B}.items():
            server.runs[name] = {"gps_start": start, "gps_end": end, "detectors": ["H1", "L1", "V1"]}
        for start in range(FIRST, FIRST + 7 * BLOCK, BLOCK):
            server.add(f"H-H1_GWOSC_O3a_4KHZ_R1-{start}-4096.hdf5")
        server.add(f"H-H1_GWOSC_O3a_16KHZ_R1-{FIRST}-4096.hdf5")
        server.add(f"L-L1_GWOSC_O3a_4KHZ_R1-{FIRST}-4096.hdf5")
        server.flags["H1_DATA"] = [[O3A[0] + 100 * i, O3A[0] + 100 * i + 60] for i in range(9)]
        server.flags["H1_DATA"] += [[O3A[1] - 50, O3A[1]], [O3B[0], O3B[0] + 70]]
        yield server


@pytest.fixture
def asked(server):
    return site.connect(server.url + "/", 0.1)


# What it says


def test_runs(server, asked):
    assert asked.host == server.url
    assert site.runs(asked) == {
        "O3a": {"start": O3A[0], "end": O3A[1], "ifos": ["H1", "L1", "V1"]},
        "O3b": {"start": O3B[0], "end": O3B[1], "ifos": ["H1", "L1", "V1"]},
    }


def test_strain_files_of_an_ifo_a_rate_and_a_stretch(server, asked):
    found = site.strain_files(asked, "O3a", "H1", FIRST + BLOCK, FIRST + 3 * BLOCK, 4096)
    folder = FIRST // 2**20 * 2**20
    assert found == [
        {
            "start": start,
            "duration": 4096,
            "path": f"/archive/data/O3a_4KHZ_R1/{folder}/H-H1_GWOSC_O3a_4KHZ_R1-{start}-4096.hdf5",
        }
        for start in (FIRST + BLOCK, FIRST + 2 * BLOCK)
    ]
    (other,) = site.strain_files(asked, "O3a", "H1", FIRST, FIRST + 9 * BLOCK, 16384)
    assert "16KHZ" in other["path"]
    assert site.strain_files(asked, "O3a", "V1", FIRST, FIRST + 9 * BLOCK, 4096) == []


def test_files_that_were_not_asked_for_are_left_out(asked, monkeypatch):
    def row(start, ifo="H1", khz=4.0):
        path = f"/{ifo[0]}-{ifo}_X-{start}-10.hdf5"
        return {"gps_start": start, "detector": ifo, "sample_rate_kHz": khz, "hdf5_url": f"http://x{path}"}

    rows = [row(0), row(10), row(20), row(30), row(20, ifo="L1"), row(10, khz=16.0)]
    monkeypatch.setattr(v2, "fetch_run_strain_files", lambda **_: rows)
    found = site.strain_files(asked, "O3a", "H1", 10, 30, 4096)
    assert [file["path"] for file in found] == ["/H-H1_X-10-10.hdf5", "/H-H1_X-20-10.hdf5"]


def test_of_a_file_released_twice_the_later_one_counts(server, asked, monkeypatch):
    rows = [
        {"gps_start": FIRST, "detector": "H1", "sample_rate_kHz": 4.0, "hdf5_url": f"http://x/{name}"}
        for name in (f"H-H1_X_R2-{FIRST}-4096.hdf5", f"H-H1_X_R1-{FIRST}-4096.hdf5")
    ]
    monkeypatch.setattr(v2, "fetch_run_strain_files", lambda **_: rows)
    (found,) = site.strain_files(asked, "O3a", "H1", FIRST, FIRST + 1, 4096)
    assert found["path"] == f"/H-H1_X_R2-{FIRST}-4096.hdf5"


def test_pages_are_put_together(server, asked, monkeypatch):
    span = {"O3a": O3A}
    whole = (
        site.strain_files(asked, "O3a", "H1", *O3A, 4096),
        site.segments(asked, ["H1_DATA"], span),
        site.runs(asked),
    )
    assert [len(whole[0]), len(whole[1]["H1_DATA"])] == [7, 10]
    monkeypatch.setattr(site, "PAGE", 2)
    before = len(server.requests)
    paged = (
        site.strain_files(asked, "O3a", "H1", *O3A, 4096),
        site.segments(asked, ["H1_DATA"], span),
        site.runs(asked),
    )
    assert paged == whole and len(server.requests) - before == 4 + 5 + 1


def test_segments_beyond_the_end_of_a_run(server, asked):
    across = list(v2.fetch_segments("H1_DATA", O3A[1] - 100, O3B[0] + 100, host=server.url))
    assert [row["stop"] for row in across] == [O3A[1]]  # the site's silence that we work around
    spans = {"O3a": [O3A[1] - 40, O3A[1]], "O3b": [O3B[0], O3B[0] + 100]}
    found = site.segments(asked, ["H1_DATA"], spans)
    assert found == {"H1_DATA": [[O3A[1] - 40, O3A[1]], [O3B[0], O3B[0] + 70]]}


@pytest.mark.parametrize("names", [("start", "stop"), ("stop", "start"), ("a", "b")])
def test_segments_are_read_by_name_and_else_in_order(asked, monkeypatch, names):
    ends = {"start": 3, "stop": 8, "a": 3, "b": 8}
    monkeypatch.setattr(v2, "fetch_segments", lambda *_, **__: [{name: ends[name] for name in names}])
    assert site.segments(asked, ["X"], {"O1": [0, 6]}) == {"X": [[3, 6]]}


def test_events_are_those_of_the_newest_version(server, asked):
    given = [("A", 1, 10.0), ("A", 2, 12.5), ("B", 1, 30.0), ("C", 1, 99.0)]
    for name, version, gps in given:
        event = {"name": name, "version": version, "gps": gps, "catalog": "X", "detectors": ["H1"]}
        server.events.append(event | {"run": "O3a"})
    assert site.events(asked, 5, 50) == {"A": 12.5, "B": 30.0}


# What it does not know


def test_an_unknown_run(asked):
    with pytest.raises(GwsimError, match=r"has no run 'O9' \(strain.gwosc.runs\)"):
        site.strain_files(asked, "O9", "H1", 0, 10, 4096)


def test_every_unknown_flag_is_named(asked):
    with pytest.raises(GwsimError, match="knows no flag H1_CAT9 in O3a, X1_DATA in O3a: see ifos"):
        site.segments(asked, ["H1_CAT9", "H1_DATA", "X1_DATA"], {"O3a": O3A})


def test_a_host_that_is_no_gwosc(server, asked):
    server.fault("/runs", "status", code=404)
    with pytest.raises(GwsimError, match="has no runs, so it is no GWOSC"):
        site.runs(asked)
    server.fault("event-versions", "status", code=404)
    with pytest.raises(GwsimError, match="has no events"):
        site.events(asked, 0, 10)


# When it does not answer


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("status", {"code": 503}),
        ("reset", {}),
        ("cut", {}),
        ("cut_lengthless", {}),
        ("html", {}),
        ("empty", {}),
    ],
)
def test_passing_trouble_passes(server, capsys, kind, options):
    server.fault("/runs", kind, **options)
    assert list(site.runs(site.connect(server.url, 20))) == ["O3a", "O3b"]
    assert len(server.requests) == 2
    assert "asked again in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (
            "login",
            {},
            r"does not say the runs: an HTML page instead of an answer, perhaps a proxy's login page",
        ),
        ("html", {}, "an HTML page instead of an answer"),
        ("garbage", {}, "no JSON instead of an answer"),
        ("status", {"code": 503}, "does not say the runs: the answer is 503"),
        ("status", {"code": 403}, "refuses to say the runs: 403"),
        ("redirect", {"to": "/api/v2/runs/O3a"}, r"is not what GWOSC's API v2 gives: KeyError 'num_pages'"),
        ("redirect", {"to": "/api/v2/runs"}, "cannot ask .* for the runs: Exceeded 30 redirects"),
    ],
)
def test_lasting_trouble_is_told(server, asked, kind, options, message):
    server.fault(
        "/runs", kind, times=None if options.get("to", "/api/v2/runs") == "/api/v2/runs" else 1, **options
    )
    with pytest.raises(GwsimError, match=message):
        site.runs(asked)


@pytest.mark.parametrize("row", [{"name": "A", "gps": 1.0}, {"name": "A", "gps": None, "version": 1}, None])
def test_an_answer_without_its_keys(asked, monkeypatch, row):
    monkeypatch.setattr(v2, "fetch_event_versions", lambda **_: [row])
    with pytest.raises(
        GwsimError, match=r"about the events is not what GWOSC's API v2 gives: (Key|Type)Error"
    ):
        site.events(asked, 0, 10)


def test_a_file_that_is_not_when_its_name_says(asked, monkeypatch):
    row = {"gps_start": 5, "detector": "H1", "sample_rate_kHz": 4, "hdf5_url": "http://x/H-H1_X-6-4.hdf5"}
    monkeypatch.setattr(v2, "fetch_run_strain_files", lambda **_: [row])
    with pytest.raises(GwsimError, match=re.escape("/H-H1_X-6-4.hdf5 said to start at 5")):
        site.strain_files(asked, "O3a", "H1", 0, 10, 4096)


def test_a_host_that_refuses():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(
        GwsimError, match=rf"(?s){host} does not say the runs: .*refused.*Hint: check the network"
    ):
        site.runs(site.connect(host, 0.1))


def test_a_host_that_stays_silent(server, asked, monkeypatch):
    monkeypatch.setattr(v2, "TIMEOUT", 0.05)
    server.fault("/runs", "stall", times=None, seconds=30)
    with pytest.raises(GwsimError, match=r"does not say the runs: .*timed out"):
        site.runs(asked)
    assert 1 <= len(server.requests) < v2.MAX_RETRIES


@pytest.mark.parametrize(("asked_for", "waits"), [(1, True), (600, False)])
def test_retry_after_is_obeyed_within_our_patience(server, asked_for, waits):
    server.fault("/runs", "status", code=429, retry_after=asked_for)
    begun = time.monotonic()
    at = site.connect(server.url, 20)
    if waits:
        assert site.runs(at) and time.monotonic() - begun >= 1
    else:
        with pytest.raises(GwsimError, match="the answer is 429"):
            site.runs(at)
        assert time.monotonic() - begun < 1
