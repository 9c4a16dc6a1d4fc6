"""The local GWOSC: clients gwosc and gwpy are content with it, ranges follow RFC 9110, faults are faults."""

import contextlib
import http.client
import itertools
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path

import gwosc.api.v2
import h5py
import numpy as np
import pytest
import requests
import urllib3
from gwosc import datasets, locate, timeline
from gwosc_api import utc
from gwosc_server import FAULTS, Server, write_strain

O3A = {"gps_start": 1238166018, "gps_end": 1253977218, "detectors": ["H1", "L1", "V1"]}
O3B = {"gps_start": 1256655618, "gps_end": 1269363618, "detectors": ["H1", "L1", "V1"]}
A, B = 1238170000, 1256660000  # starts of files in O3a and O3b
SECONDS = 64
GOOD = [[A - 10, A + 5], [A + 7, A + 40], [A + 41, A + 42], [A + 50, A + 200], [B, B + 100]]
GPS = 1238303737.2


@pytest.fixture(autouse=True)
def fresh_answers():
    """The client keeps answers by URL for the life of the process, and ports come back."""
    gwosc.api.v2.JSON_CACHE.clear()


@pytest.fixture(scope="module")
def strain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strain")
    h1 = [write_strain(folder, "H1", A + k * SECONDS, SECONDS, gaps=[(A + 70, A + 72)]) for k in range(3)]
    return {
        "H1": h1,
        "L1": [write_strain(folder, "L1", A, SECONDS)],
        "O3b": [write_strain(folder, "H1", B, SECONDS, run="O3b")],
    }


def fill(server, strain):
    server.runs |= {"O3a": O3A, "O3b": O3B}
    server.flags |= {"H1_DATA": GOOD, "V1_DATA": []}
    event = {"name": "GW190403_051519", "gps": GPS, "run": "O3a", "detectors": ["H1", "L1"]}
    server.events += [
        event | {"version": 1, "catalog": "GWTC-2.1-confident", "p_astro": 0.6},
        event | {"version": 2, "gps": GPS + 0.1, "catalog": "GWTC-3-marginal", "p_astro": 0.4},
        event | {"name": "GW190425", "gps": A + 100.5, "version": 3, "catalog": "GWTC-2.1-confident"},
    ]
    places = [server.add(path) for path in strain["H1"] + strain["L1"]]
    return [*places, server.add(strain["O3b"][0], run="O3b")]


@pytest.fixture
def site(strain):
    with Server() as server:
        fill(server, strain)
        yield server


@pytest.fixture
def blob(tmp_path):
    """A server, the path of its one file, and the file's bytes, which need no strain in them."""
    path = tmp_path / "H-H1_GWOSC_O3a_4KHZ_R1-1238167552-4096.hdf5"
    path.write_bytes(random.Random(1).randbytes(100_000))
    with Server() as server:
        yield server, server.add(path), path.read_bytes()


class Reply:
    """All that a bare socket gets for one request, and whether the connection ended by a reset."""

    def __init__(self, server, place, method="GET", **headers):
        headers = {"Host": server.url[7:], "Connection": "close"} | headers
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.reset, received = False, b""
        with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":")[-1])), timeout=20) as link:
            link.sendall(f"{method} {place} HTTP/1.1\r\n{lines}\r\n".encode())
            try:
                while piece := link.recv(2**16):
                    received += piece
            except ConnectionResetError:
                self.reset = True
        head, _, self.body = received.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1]) if first else None
        self.headers = dict(line.split(": ", 1) for line in rest)


def covered(spans, start, stop):
    """Every second of [start, stop) that lies in a span."""
    return [t for t in range(start, stop) if any(a <= t < b for a, b in spans)]


# The client gwosc


def test_runs(site):
    assert gwosc.api.v2.fetch_run("O3b", host=site.url)["gps_start"] == O3B["gps_start"]
    assert datasets.find_datasets(type="run", host=site.url) == ["O3a", "O3b"]
    assert datasets.run_at_gps(A, host=site.url) == "O3a"
    assert datasets.run_at_gps(O3B["gps_end"] - 1, host=site.url) == "O3b"
    for outside in (O3A["gps_start"] - 1, O3A["gps_end"], O3B["gps_end"]):
        with pytest.raises(ValueError, match="no run dataset"):
            datasets.run_at_gps(outside, host=site.url)


def test_what_is_unknown_is_404(site):
    with pytest.raises(ValueError, match="not found"):
        gwosc.api.v2.fetch_run("O3a_4KHZ_R1", host=site.url)
    for ask in (
        lambda: timeline.get_segments("H1_NONSENSE", A, A + 10, host=site.url),
        lambda: datasets.event_gps("GW150914", host=site.url),
        lambda: datasets.event_gps("GW190403_051519", version=9, host=site.url),
        lambda: locate.get_event_urls("GW150914", host=site.url),
        lambda: locate.get_run_urls("O9", "H1", A, A + 10, host=site.url),
    ):
        with pytest.raises(requests.HTTPError, match="404"):
            ask()
    for place in ("/", "/api/v2/nonsense", "/api/v2/runs?page=2", "/archive/data/O3a_4KHZ_R1/x.hdf5"):
        assert Reply(site, place).status == 404
    assert Reply(site, "/api/v2/timelines/H1_DATA/segments?start=now&stop=1").status == 400


def test_events(site):
    name = "GW190403_051519"
    for asked, gps in (
        ({}, GPS + 0.1),
        ({"version": 1}, GPS),
        ({"catalog": "GWTC-2.1-confident"}, GPS),
        ({"catalog": "GWTC-3-marginal"}, GPS + 0.1),
    ):
        assert datasets.event_gps(name, host=site.url, **asked) == gps
    assert datasets.event_gps(f"{name}-v1", host=site.url) == GPS
    assert datasets.event_detectors(name, host=site.url) == {"H1", "L1"}
    assert gwosc.api.v2.fetch_event_version(name, host=site.url)["run"] == "O3a"

    def versions(**asked):
        return [event["shortName"] for event in gwosc.api.v2.fetch_event_versions(host=site.url, **asked)]

    both = [f"{name}-v1", f"{name}-v2"]
    assert versions() == [*both, "GW190425-v3"]
    assert versions(segment=(GPS - 1, GPS + 1)) == both
    assert versions(segment=(GPS + 0.05, GPS + 1)) == both[1:]
    assert versions(catalogs=["GWTC-3-marginal", "other"]) == both[1:]
    assert versions(name="0425", pagesize=1) == ["GW190425-v3"]
    assert datasets.query_events(["p-astro >= 0.5"], host=site.url) == both[:1]
    assert datasets.find_datasets(type="catalog", host=site.url) == ["GWTC-2.1-confident", "GWTC-3-marginal"]


@pytest.mark.parametrize("page_size", [1, 2, 3, 20])
def test_segments_are_clipped_and_the_same_on_any_pages(site, page_size):
    site.page_size = page_size
    for start, stop in (
        (A - 20, A + 300),
        (A + 3, A + 41),
        (A + 5, A + 7),
        (A + 41, A + 42),
        (A + 199, A + 400),
    ):
        found = timeline.get_segments("H1_DATA", start, stop, host=site.url)
        assert covered(found, start - 50, stop + 50) == covered(GOOD, start, stop)
        assert all(a < b for a, b in found)
    asked = [path for path, _ in site.requests if f"start={A - 20}&" in path]
    assert len(asked) == -(-4 // page_size)
    assert timeline.get_segments("V1_DATA", A, A + 10, host=site.url) == []


def test_the_asker_may_choose_the_page_size(site):
    timeline.get_segments("H1_DATA", A - 20, A + 300, host=site.url, pagesize=3)
    assert [path.partition("stop")[2] for path, _ in site.requests] == [
        f"={A + 300}&pagesize=3",
        f"={A + 300}&pagesize=3&page=2",
    ]


def test_a_query_across_two_runs_stops_at_the_end_of_the_first(site):
    site.flags["H1_DATA"] = [[O3A["gps_end"] - 10, O3B["gps_start"] + 10]]
    end = O3A["gps_end"]
    across = timeline.get_segments("H1_DATA", end - 5, O3B["gps_start"] + 5, host=site.url)
    assert across == [(end - 5, end)]
    later = timeline.get_segments("H1_DATA", end, O3B["gps_start"] + 5, host=site.url)
    assert later == [(end, O3B["gps_start"] + 5)]
    del site.runs["O3b"], site.runs["O3a"]
    gwosc.api.v2.JSON_CACHE.clear()
    assert timeline.get_segments("H1_DATA", end - 5, end + 5, host=site.url) == [(end - 5, end + 5)]


@pytest.mark.parametrize("page_size", [1, 2, 20])
def test_strain_files_that_overlap_the_query(site, page_size):
    site.page_size = page_size
    first, second, third = (A + k * SECONDS for k in range(3))
    for start, stop, expected in (
        (A - 50, A, []),
        (A - 50, A + 1, [first]),
        (A, A, [first]),
        (second - 1, second, [first]),
        (second, second, [second]),
        (second - 1, second + 1, [first, second]),
        (A, third + 1, [first, second, third]),
        (third + SECONDS, third + 100, []),
    ):
        found = locate.get_run_urls("O3a", "H1", start, stop, host=site.url)
        assert [int(url.split("-")[-2]) for url in found] == expected, (start, stop)
        assert all(requests.head(url).status_code == 200 for url in found)
    assert len(locate.get_run_urls("O3a", None, A, A + 1, host=site.url)) == 2
    assert locate.get_run_urls("O3a", "L1", second, third, host=site.url) == []
    assert locate.get_run_urls("O3a", "H1", A, third, sample_rate=16384, host=site.url) == []
    assert len(locate.get_run_urls("O3b_4KHZ_R1", "H1", A, B + 1, host=site.url)) == 1


def test_get_urls_finds_files_with_and_without_events_near(site):
    far = locate.get_urls("H1", B + 1, B + 3, host=site.url)
    assert [Path(url).name for url in far] == [f"H-H1_GWOSC_O3b_4KHZ_R1-{B}-64.hdf5"]
    near = locate.get_urls("H1", A, A + 3 * SECONDS, host=site.url)
    assert len(near) == 3
    assert any("/event-versions/GW190425-v3/strain-files" in path for path, _ in site.requests)
    event = locate.get_event_urls("GW190425", detector="H1", host=site.url)
    assert [url.split("-")[-2] for url in event] == [str(A + SECONDS)]
    with pytest.raises(ValueError, match="Cannot find a GWOSC dataset"):
        locate.get_urls("H1", A, A + 1000, host=site.url)


def test_a_listed_file_may_be_missing_and_a_frame_stands_beside_hdf5(site, strain):
    place = site.add(f"H-H1_GWOSC_O3a_16KHZ_R1-{A}-4096.hdf5")
    assert place == f"/archive/data/O3a_16KHZ_R1/{1238368256 - 2**20}/H-H1_GWOSC_O3a_16KHZ_R1-{A}-4096.hdf5"
    found = [
        locate.get_run_urls("O3a", "H1", A, A + 1, sample_rate=16384, format=form, host=site.url)
        for form in ("hdf5", "gwf")
    ]
    assert found == [[site.url + place], [site.url + place[:-4] + "gwf"]]
    assert requests.get(site.url + place, timeout=20).status_code == 404
    frame = strain["H1"][0].with_name(f"L-L1_LOSC_4_V1-{A}-64.gwf")
    frame.write_bytes(b"IGWD")
    assert requests.get(site.url + site.add(frame)).content == b"IGWD"


def test_links_are_to_the_host_that_was_asked(site):
    place = "/api/v2/runs/O3a/strain-files?pagesize=1&detector=H1"
    page = json.loads(Reply(site, place, Host="mirror:81").body)
    assert page["next"] == f"http://mirror:81{place}&page=2"
    assert page["results"][0]["hdf5_url"].startswith("http://mirror:81/archive/")
    assert (page["num_pages"], page["results_count"], page["previous"]) == (3, 3, None)
    second = json.loads(Reply(site, place + "&page=2").body)
    assert (second["previous"], second["next"]) == (f"{site.url}{place}&page=1", f"{site.url}{place}&page=3")


def test_utc_is_that_of_lal():
    import lal

    for gps in (1126256640, 1167264016, 1167264018, A, B, 1400000000):
        assert utc(gps) == "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}".format(*lal.GPSToUTC(gps)[:6])


# Clients that hear only of the environment, in a process of their own

CLIENTS = """
import json, sys
import numpy as np
from gwosc import datasets
from gwpy.segments import DataQualityFlag
from gwpy.timeseries import StateVector, TimeSeries
start, end, gps, b = (float(word) for word in sys.argv[2:])
start, end, b = int(start), int(end), int(b)
said = {
    "run_segment": datasets.run_segment("O3b"),
    "event_at_gps": datasets.event_at_gps(gps),
    "run_at_gps": datasets.run_at_gps(start),
    "event_gps": datasets.event_gps("GW190403_051519"),
}
flag = DataQualityFlag.fetch_open_data("H1_DATA", start - 20, end)
said["active"] = [[int(a), int(b)] for a, b in flag.active]
strain = TimeSeries.fetch_open_data("H1", start, end)
later = TimeSeries.fetch_open_data("H1", b + 2, b + 5, cache=True)
again = TimeSeries.fetch_open_data("H1", b + 2, b + 5, cache=True)
assert (later.value == again.value).all()
mask = StateVector.fetch_open_data("H1", start, end)
np.savez(sys.argv[1], strain=strain.value, mask=mask.value, later=later.value)
said |= {"t0": float(strain.t0.value), "rate": float(strain.sample_rate.value)}
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def heard(strain, tmp_path_factory):
    """What the clients say, the arrays they read, and the requests they made."""
    folder = tmp_path_factory.mktemp("clients")
    with Server() as server:
        server.page_size = 2
        fill(server, strain)
        result = subprocess.run(
            [sys.executable, "-c", CLIENTS, folder / "a.npz", *map(str, (A, A + 130, GPS, B))],
            env=os.environ
            | {"GWOSC_SERVER_URL": server.url, "XDG_CACHE_HOME": str(folder), "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), np.load(folder / "a.npz"), server.requests


def test_clients_that_ignore_host(heard):
    said, _, _ = heard
    assert said["run_segment"] == [O3B["gps_start"], O3B["gps_end"]]
    assert (said["event_at_gps"], said["run_at_gps"]) == ("GW190403_051519", "O3a")
    assert said["event_gps"] == GPS + 0.1


def test_gwpy_reads_flags(heard):
    said, _, seen = heard
    assert covered(said["active"], A - 100, A + 300) == covered(GOOD, A - 20, A + 130)
    pages = [path for path, _ in seen if "/timelines/H1_DATA/" in path]
    assert len(pages) == 2 and pages[1].endswith("&page=2")


def test_gwpy_reads_the_strain_of_the_files(heard, strain):
    said, arrays, _ = heard
    pieces, masks = [], []
    for path in strain["H1"]:
        with h5py.File(path) as file:
            pieces.append(file["strain/Strain"][:])
            masks.append(file["quality/simple/DQmask"][:])
    expected = np.concatenate(pieces)[: 130 * 4096]
    np.testing.assert_array_equal(arrays["strain"], expected)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(expected).reshape(130, -1).all(axis=1)), [70, 71])
    np.testing.assert_array_equal(arrays["mask"], np.concatenate(masks)[:130])
    assert arrays["mask"].tolist() == [0 if second in (70, 71) else 127 for second in range(130)]
    assert (said["t0"], said["rate"]) == (A, 4096)
    with h5py.File(strain["O3b"][0]) as file:
        np.testing.assert_array_equal(arrays["later"], file["strain/Strain"][2 * 4096 : 5 * 4096])


def test_the_log_tells_what_was_asked_of_the_archive(heard):
    _, _, seen = heard
    asked = [path for path, headers in seen if path.startswith("/archive/") and headers["Host"]]
    counts = {
        gps: sum(f"-{gps}-64.hdf5" in path for path in asked) for gps in (A, A + 64, A + 128, A + 192, B)
    }
    assert counts == {A: 2, A + 64: 2, A + 128: 2, A + 192: 0, B: 1}  # the last from gwpy's cache


# Ranges and validators


def test_a_whole_file(blob):
    server, place, content = blob
    reply = Reply(server, place)
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, content, "100000")
    assert reply.headers["Accept-Ranges"] == "bytes" and reply.headers["ETag"].startswith('"')
    stamp = int(next(iter(server.files.values())).stat().st_mtime)
    assert parsedate_to_datetime(reply.headers["Last-Modified"]).timestamp() == stamp
    head = Reply(server, place, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert {k: v for k, v in head.headers.items() if k != "Date"} == {
        k: v for k, v in reply.headers.items() if k != "Date"
    }


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("0-0", 0, 1),
        ("0-", 0, 100_000),
        ("10-19", 10, 20),
        ("99999-", 99_999, 100_000),
        ("50000-200000", 50_000, 100_000),
        ("-7", 99_993, 100_000),
        ("-200000", 0, 100_000),
    ],
)
def test_a_range(blob, asked, first, end):
    server, place, content = blob
    reply = Reply(server, place, Range=f"bytes={asked}")
    assert (reply.status, reply.body) == (206, content[first:end])
    assert reply.headers["Content-Range"] == f"bytes {first}-{end - 1}/100000"
    assert reply.headers["Content-Length"] == str(end - first)


def test_a_range_beyond_the_end_is_416_and_nonsense_is_the_whole(blob):
    server, place, content = blob
    for asked in ("100000-", "100000-100001", "-0"):
        reply = Reply(server, place, Range=f"bytes={asked}")
        assert (reply.status, reply.headers["Content-Range"], reply.body) == (416, "bytes */100000", b"")
    for asked in ("bytes=-", "bytes=9-3", "bytes=1-2,4-5", "seconds=1-2", "bytes 1-2"):
        reply = Reply(server, place, Range=asked)
        assert (reply.status, reply.body) == (200, content)
        assert "Content-Range" not in reply.headers


def test_if_range(blob):
    server, place, content = blob
    seen = Reply(server, place).headers
    for mark in (seen["ETag"], seen["Last-Modified"]):
        assert Reply(server, place, Range="bytes=9-", If_Range=mark).body == content[9:]
    server.fault(place, "new_etag")
    fresh = Reply(server, place, Range="bytes=9-", If_Range=seen["ETag"])
    assert (fresh.status, fresh.body) == (200, content)
    for mark in ('"other"', seen["ETag"], seen["Last-Modified"]):
        assert Reply(server, place, Range="bytes=9-", If_Range=mark).status == 200
    assert fresh.headers["ETag"] != seen["ETag"]
    assert Reply(server, place, Range="bytes=9-", If_Range=fresh.headers["ETag"]).status == 206


def test_a_site_without_ranges_validators_or_lengths(blob):
    server, place, content = blob
    mark = Reply(server, place).headers["ETag"]
    server.validators = False
    bare = Reply(server, place, Range="bytes=9-")
    assert (bare.status, bare.body) == (206, content[9:])
    assert not {"ETag", "Last-Modified"} & set(bare.headers)
    assert Reply(server, place, Range="bytes=9-", If_Range=mark).status == 200
    server.ranges = False
    whole = Reply(server, place, Range="bytes=9-")
    assert (whole.status, whole.body) == (200, content) and "Accept-Ranges" not in whole.headers
    server.lengths = False
    endless = Reply(server, place)
    assert endless.body == content and "Content-Length" not in endless.headers
    assert endless.headers["Connection"] == "close"
    server.lengths = "chunked"
    server.ranges = True
    part = requests.get(server.url + place, headers={"Range": "bytes=500-"}, timeout=20)
    assert (part.status_code, part.content) == (206, content[500:])
    assert Reply(server, place).headers["Transfer-Encoding"] == "chunked"
    assert requests.get(server.url + place, timeout=20).content == content


def test_a_connection_serves_many_requests(blob):
    server, place, content = blob
    link = http.client.HTTPConnection(server.url[7:])
    link.connect()
    link.auto_open = 0  # a closed connection is an error
    for path, expected in ((place, content), ("/nothing", None), ("/api/v2/runs", None), (place, content)):
        link.request("GET", path)
        body = link.getresponse().read()
        assert expected is None or body == expected
    link.close()


# Faults


def test_status(blob):
    server, place, content = blob
    for code, after, said in ((429, 3, "3"), (503, None, None), (500, "soon", "soon"), (404, 0, "0")):
        server.fault(place, "status", code=code, retry_after=after)
        reply = Reply(server, place)
        assert (reply.status, reply.headers.get("Retry-After")) == (code, said)
    server.fault(place, "status", code=429, retry_after="date")
    date = parsedate_to_datetime(Reply(server, place).headers["Retry-After"])
    assert 0.5 < date.timestamp() - time.time() <= 2
    assert Reply(server, place).body == content


@pytest.mark.parametrize("at", [0, 1, 4096, 99_999, 100_000, None])
def test_a_body_is_cut(blob, at):
    server, place, content = blob
    sent = content[: 50_000 if at is None else min(at, 99_999)]
    server.fault(place, "cut", at=at)
    reply = Reply(server, place)
    assert (reply.status, reply.body, reply.reset) == (200, sent, False)
    assert reply.headers["Content-Length"] == "100000"
    server.fault(place, "cut_lengthless", at=at)
    reply = Reply(server, place)
    assert (reply.status, reply.body, reply.reset) == (200, sent, False)
    assert "Content-Length" not in reply.headers
    server.lengths = "chunked"
    server.fault(place, "cut", at=at)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(server.url + place, timeout=20)


def test_bytes_of_a_fault_count_from_the_start_of_the_range(blob):
    server, place, content = blob
    server.fault(place, "flip", at=10)
    body = Reply(server, place, Range="bytes=500-").body
    assert [k for k, value in enumerate(body) if value != content[500 + k]] == [10]
    server.fault(place, "cut", at=10)
    reply = Reply(server, place, Range="bytes=500-")
    assert (reply.status, reply.body) == (206, content[500:510])
    assert reply.headers["Content-Range"] == "bytes 500-99999/100000"


@pytest.mark.parametrize("at", [0, 1, 70_000, 100_000])
def test_a_connection_is_reset(blob, at):
    server, place, content = blob
    server.fault(place, "reset", at=at)
    reply = Reply(server, place)
    assert (reply.status, reply.body, reply.reset) == (200, content[:at], True)
    server.fault(place, "reset")
    reply = Reply(server, place)
    assert (reply.status, reply.body, reply.reset) == (None, b"", True)


@pytest.mark.parametrize("by", [-100_000, -7, 7])
def test_a_wrong_length(blob, by):
    server, place, content = blob
    server.fault(place, "wrong_length", by=by)
    reply = Reply(server, place)
    assert (reply.headers["Content-Length"], reply.body) == (str(100_000 + by), content)
    server.fault(place, "wrong_length", by=by)
    if by < 0:
        assert requests.get(server.url + place, timeout=20).content == content[:by]
    else:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.get(server.url + place, timeout=20)


def test_wrong_content(blob, tmp_path):
    server, place, content = blob

    def met(kind, **options):
        server.fault(place, kind, **options)
        return Reply(server, place)

    garbage = met("garbage")
    assert (garbage.status, len(garbage.body)) == (200, 100_000)
    assert sum(a == b for a, b in zip(garbage.body, content, strict=True)) < 1000
    for at in (0, 77, 99_999, None):
        body = met("flip", at=at).body
        assert [k for k in range(100_000) if body[k] != content[k]] == [50_000 if at is None else at]
    page = met("html")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    assert page.body.startswith(b"<!DOCTYPE html>")
    nothing = met("empty")
    assert (nothing.status, nothing.headers["Content-Length"], nothing.body) == (200, "0", b"")
    another = write_strain(tmp_path, "L1", A, 4)
    reply = met("other", path=another)
    assert (reply.status, reply.body) == (200, another.read_bytes())
    assert reply.headers["ETag"] != Reply(server, place).headers["ETag"]
    assert Reply(server, place).body == content


def test_a_stall(blob):
    server, place, content = blob
    for at, promptly in ((None, b""), (0, b""), (300, content[:300])):
        server.fault(place, "stall", seconds=0.5, at=at)
        with requests.get(server.url + place, stream=True, timeout=5) as reply:
            began = time.monotonic()
            early = reply.raw.read(len(promptly)) if promptly else b""
            assert time.monotonic() - began < 0.3
            assert early + reply.raw.read() == content
            waited = reply.elapsed.total_seconds() if at is None else time.monotonic() - began
            assert 0.4 < waited < 2
    server.fault(place, "stall", seconds=60, at=10)
    with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        requests.get(server.url + place, timeout=0.2)


def test_redirects_and_a_login_page(blob):
    server, place, content = blob
    server.fault(place, "redirect", to="/elsewhere")
    reply = Reply(server, place)
    assert (reply.status, reply.headers["Location"]) == (302, "/elsewhere")
    server.fault(place, "redirect", to=server.url + place, code=307)
    reply = requests.get(server.url + place, timeout=20)
    assert (reply.content, [r.status_code for r in reply.history]) == (content, [307])
    server.fault("H-H1", "login", times=None)
    for _ in range(2):
        reply = requests.get(server.url + place, timeout=20)
        assert [r.status_code for r in reply.history] == [302] and reply.status_code == 200
        assert "Sign in" in reply.text and reply.headers["Content-Type"].startswith("text/html")


def test_faults_come_in_turn_and_go(blob):
    server, place, _ = blob
    server.fault("H1_GWOSC", "status", code=500, times=2)
    server.fault("nowhere", "empty", times=None)
    server.fault("/archive", "status", code=429)
    assert [Reply(server, place).status for _ in range(5)] == [500, 500, 429, 200, 200]
    server.fault("?x", "status", code=503, times=None)
    assert [Reply(server, place + query).status for query in ("", "?x=1", "?x=1", "?y")] == [
        200,
        503,
        503,
        200,
    ]
    assert len(server.requests) == 9
    for wrong in ({"kind": "nonsense"}, {"kind": "cut", "seconds": 1}, {"kind": "status"}):
        with pytest.raises((KeyError, TypeError)):
            server.fault("", **wrong)


def test_many_at_once_meet_each_fault_exactly_once(blob):
    server, place, content = blob
    server.fault(place, "status", code=503, times=20)
    server.fault(place, "cut", at=5, times=10)
    server.fault(place, "stall", seconds=0.2, at=5, times=10)
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: Reply(server, place), range(80)))
    assert sum(reply.status == 503 for reply in replies) == 20
    assert sum(reply.body == content[:5] for reply in replies) == 10
    assert sum(reply.body == content for reply in replies) == 50
    assert len(server.requests) == 80


def test_faults_of_the_api(site):
    ask = "/api/v2/runs"

    def met(kind, **options):
        site.fault(ask, kind, **options)
        return Reply(site, ask)

    whole = Reply(site, ask).body
    assert met("status", code=503).status == 503
    assert met("html").headers["Content-Type"].startswith("text/html")
    assert met("cut", at=9).body == whole[:9]
    assert met("reset").reset
    assert met("login").headers["Location"] == "/login?next=%2Fapi%2Fv2%2Fruns"
    garbage = met("garbage").body
    assert len(garbage) == len(whole) != 0 and garbage != whole
    began = time.monotonic()
    assert met("stall", seconds=0.3).body == whole and time.monotonic() - began > 0.25
    # The client waits a second, or as long as it is told, and asks again.
    site.fault(ask, "status", code=429, retry_after=0)
    assert datasets.run_at_gps(A, host=site.url) == "O3a"


def test_no_sequence_of_faults_breaks_the_server(blob, capfd):
    """Every kind on every kind of request, whole, ranged, past the end, of the API and of nothing."""
    server, place, content = blob
    options = {"status": {"code": 502}, "stall": {"seconds": 0.01}, "wrong_length": {"by": 3}}
    options |= {"redirect": {"to": place}, "other": {"path": next(iter(server.files.values()))}}
    for kind, path, asked, lengths in itertools.product(
        FAULTS,
        (place, "/api/v2/runs", "/nothing"),
        ("", "bytes=9-", "bytes=100000-"),
        (True, False, "chunked"),
    ):
        server.lengths = lengths
        server.fault(path, kind, **options.get(kind, {}))
        reply = Reply(server, path, "GET", **({"Range": asked} if asked else {}))
        assert (reply.status is None) == (kind == "reset")
    server.lengths = True
    assert Reply(server, place).body == content
    assert capfd.readouterr().err == ""


def test_a_rate(blob):
    server, place, content = blob
    server.rate = 200_000
    began = time.monotonic()
    assert Reply(server, place).body == content
    assert 0.4 < time.monotonic() - began < 1.5


def test_the_end_is_quick_whatever_goes_on(strain):
    threads = threading.active_count()
    with Server() as server:
        place = fill(server, strain)[0]
        server.fault(place, "stall", seconds=60, at=10)
        address = "127.0.0.1", int(server.url.rsplit(":")[-1])
        idle = socket.create_connection(address, timeout=2)
        stalled = requests.get(server.url + place, stream=True, timeout=5)
        assert len(stalled.raw.read(10)) == 10
        began = time.monotonic()
    with pytest.raises(urllib3.exceptions.HTTPError):
        stalled.raw.read()
    with contextlib.suppress(ConnectionResetError):
        assert idle.recv(1) == b""
    idle.close()
    while threading.active_count() > threads:
        time.sleep(0.01)
        assert time.monotonic() - began < 2
    assert time.monotonic() - began < 2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


# Files


def test_files_are_packed_as_the_real_ones(strain, shared_data):
    def form(path):
        with h5py.File(path) as file:
            seen = {}
            file.visititems(
                lambda name, item: seen.update(
                    {
                        name: (
                            item.dtype.kind,
                            item.compression,
                            item.compression_opts,
                            item.fletcher32,
                            item.ndim,
                            *sorted(item.attrs),
                        )
                        if isinstance(item, h5py.Dataset)
                        else ()
                    }
                )
            )
            return seen, {name: file[name][:] for name in seen if re.search("names$", name)}

    real = sorted((shared_data / "strain" / "gwosc").glob("*.hdf5"))
    if not real:
        pytest.skip("no real files")
    (theirs, names), (ours, our_names) = form(real[0]), form(strain["H1"][0])
    # What O1's files lack: the names of channels and frames, and a description that clients do not read.
    added = {"strain/GWOSCmeta", "quality/simple/GWOSCmeta", "quality/injections/GWOSCmeta"}
    added |= {"meta/FrameType", "meta/StrainChannel"}
    assert set(ours) - set(theirs) == added
    assert set(theirs) - set(ours) == {"meta/DescriptionURL"}
    for name in ("strain/Strain", "quality/simple/DQmask", "quality/injections/Injmask"):
        assert [word for word in theirs[name] if word != "Description"] == list(ours[name])
    for name in names:
        np.testing.assert_array_equal(our_names[name], names[name])


def test_masks_gaps_and_seeds(tmp_path):
    dq, injections = np.arange(8) % 128, np.arange(8) % 32
    path = write_strain(
        tmp_path, "V1", A, 8, 16384, "O3b", 3, [(A - 5, A + 1), (A + 6, A + 90)], dq, injections
    )
    assert path.name == f"V-V1_GWOSC_O3b_16KHZ_R1-{A}-8.hdf5"
    with h5py.File(path) as file:
        samples = file["strain/Strain"]
        assert samples.shape == (8 * 16384,) and samples.attrs["Xspacing"] == 1 / 16384
        assert np.isnan(samples[:]).reshape(8, -1).all(axis=1).tolist() == [True, *[False] * 5, True, True]
        assert 0.9e-21 < np.nanstd(samples[:]) < 1.1e-21
        np.testing.assert_array_equal(file["quality/simple/DQmask"][:], dq)
        np.testing.assert_array_equal(file["quality/injections/Injmask"][:], injections)
        assert (file["meta/Detector"][()], file["meta/GPSstart"][()]) == (b"V1", A)

    def first(**asked):
        with h5py.File(write_strain(tmp_path, **{"ifo": "H1", "start": A, "duration": 1} | asked)) as file:
            return file["strain/Strain"][0]

    assert len({first(), first(seed=1), first(ifo="L1"), first(start=A + 1)}) == 4
    assert first() == first()
    with h5py.File(write_strain(tmp_path, "H1", A, 3)) as file:
        assert file["quality/injections/Injmask"][:].tolist() == [0b10111] * 3
