"""One URL to one file: every fault of a host, of the disk and of the process, and what is left behind."""

import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest
import requests
from gwosc_server import Server
from requests.structures import CaseInsensitiveDict

from gwsim.errors import GwsimError
from gwsim.gwosc import answers, part
from gwsim.gwosc import download as module
from gwsim.gwosc.answers import NotThere, Unobtainable
from gwsim.gwosc.download import download

SIZE = 300_000
CONTENT = random.Random(0).randbytes(SIZE)
QUICK = {"wait": 0.002, "timeout": (1.0, 0.25), "patience": 10.0}


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server(tmp_path):
    """A server of CONTENT at /x.hdf5 and of as many other bytes at /y.hdf5."""
    with Server() as server:
        for name, content in (("x", CONTENT), ("y", CONTENT[::-1])):
            server.files[f"/{name}.hdf5"] = tmp_path / f"{name}.served"
            server.files[f"/{name}.hdf5"].write_bytes(content)
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "deep" / "x.hdf5"


def check(path):
    if (got := hashlib.sha256(path.read_bytes()).hexdigest()) != hashlib.sha256(CONTENT).hexdigest():
        raise GwsimError(f"{path}: corrupt, {got}")


def get(server, target, **options):
    download(f"{server.url}/x.hdf5", target, check, **QUICK | options)


def whole(target):
    """The file stands there alone and is the original."""
    return target.read_bytes() == CONTENT and left(target) == ["x.hdf5"]


def left(target):
    return sorted(path.name for path in target.parent.iterdir())


def ranges(server):
    return [headers.get("Range") for _, headers in server.requests]


def test_a_download_is_whole_and_says_who_asks(server, target):
    told = []
    get(server, target, advance=lambda *bytes_so_far: told.append(bytes_so_far))
    assert whole(target) and told[-1] == (SIZE, SIZE)
    headers = server.requests[0][1]
    assert headers["User-Agent"].startswith("gwsim/") and headers["Accept-Encoding"] == "identity"


def test_what_stands_there_and_passes_is_not_asked_for_and_what_does_not_is_replaced(server, target):
    get(server, target)
    get(server, target)
    assert len(server.requests) == 1
    target.write_bytes(CONTENT[:-1])
    get(server, target)
    assert len(server.requests) == 2 and whole(target)


# Faults of a host that pass


@pytest.mark.parametrize(
    ("kind", "options", "resumed"),
    [
        *(("status", {"code": code}, None) for code in (408, 425, 429, 500, 502, 503, 504, 599)),
        ("cut", {}, SIZE // 2),
        ("cut", {"at": 1}, 1),
        ("cut", {"at": SIZE - 1}, SIZE - 1),
        ("cut", {"at": 0}, None),
        ("reset", {}, None),
        ("reset", {"at": 100_000}, 100_000),
        ("stall", {"seconds": 0.6}, None),
        ("stall", {"seconds": 0.6, "at": 70_000}, 70_000),
        ("wrong_length", {"by": 10}, SIZE),
        ("wrong_length", {"by": -10}, None),
        ("cut_lengthless", {}, None),
        ("garbage", {}, None),
        ("flip", {}, None),
        ("flip", {"at": SIZE - 1}, None),
        ("html", {}, None),
        ("login", {}, None),
        ("empty", {}, None),
    ],
)
def test_a_fault_that_passes_is_outlived_and_what_came_is_used(server, target, kind, options, resumed):
    server.fault("/x", kind, **options)
    get(server, target)
    assert whole(target)
    if kind != "wrong_length" or resumed is None:
        assert ranges(server)[-1] == (f"bytes={resumed}-" if resumed else None)
    if resumed:
        assert server.requests[1][1]["Range"] == f"bytes={resumed}-"
        assert server.requests[1][1]["If-Range"].startswith('"')


def test_a_redirect_is_followed(server, target):
    server.files["/elsewhere"] = server.files["/x.hdf5"]
    server.fault("/x", "redirect", to="/elsewhere")
    get(server, target)
    assert whole(target)


def test_another_file_in_its_place_is_refused_and_asked_for_again(server, target):
    server.fault("/x", "other", path=str(server.files["/y.hdf5"]))
    get(server, target)
    assert whole(target) and len(server.requests) == 2


@pytest.mark.parametrize("lengths", [True, False, "chunked"])
@pytest.mark.parametrize("validators", [True, False])
@pytest.mark.parametrize("byte_ranges", [True, False])
def test_a_broken_body_is_outlived_whatever_the_host_can_do(server, target, lengths, validators, byte_ranges):
    server.lengths, server.validators, server.ranges = lengths, validators, byte_ranges
    server.fault("/x", "cut", at=200_000)
    server.fault("/x", "cut", at=50_000)
    get(server, target)
    assert whole(target)
    if lengths is True:
        last = 250_000 if byte_ranges else 50_000
        assert ranges(server) == [None, "bytes=200000-", f"bytes={last}-"]
        assert [("If-Range" in headers) for _, headers in server.requests] == [False, validators, validators]


def test_the_date_is_the_validator_where_the_etag_is_weak():
    known = {"etag": 'W/"a"', "last_modified": "Tue, 01 Jan 2019 00:00:00 GMT"}
    assert answers.ranged(5, known) == {"Range": "bytes=5-", "If-Range": known["last_modified"]}
    assert answers.ranged(5, {"etag": 'W/"a"', "last_modified": None}) == {"Range": "bytes=5-"}
    assert answers.ranged(0, known) == {}


def test_a_file_that_changes_meanwhile_is_started_over(server, target):
    """The first half of another content must not be joined to the second half of this one."""
    for validators in (True, False):
        target.unlink(missing_ok=True)
        server.validators = validators
        served = server.files["/x.hdf5"]
        served.write_bytes(CONTENT[::-1] + b"more")
        server.fault("/x", "cut", at=1000)
        with pytest.raises(Unobtainable):
            get(server, target, patience=0.0)
        served.write_bytes(CONTENT)
        get(server, target)
        assert whole(target)


def test_an_etag_that_changes_costs_the_bytes_but_not_the_file(server, target):
    server.fault("/x", "cut", at=1000)
    server.fault("/x", "new_etag")
    get(server, target)
    assert whole(target)


def body(headers):
    answer = requests.Response()
    answer.status_code, answer.headers = 206, CaseInsensitiveDict(headers)
    return answer


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "Content-Range ''"),
        ({"Content-Range": "bytes 0-9/100"}, "asked for bytes from 10 on"),
        ({"Content-Range": "bytes 10-99/101"}, "101 bytes, it had 100"),
        ({"Content-Range": "bytes 10-99/100", "ETag": '"b"'}, "ETag"),
    ],
)
def test_a_part_that_does_not_belong_is_stale(headers, said):
    known = {"length": 100, "etag": '"a"', "last_modified": None}
    with pytest.raises(answers.Trouble, match=said) as trouble:
        answers.understand(body(headers), 10, known)
    assert trouble.value.stale
    good = body({"Content-Range": "bytes 10-99/100", "ETag": '"a"'})
    assert answers.understand(good, 10, known).start == 10


# Giving up


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_what_is_not_there_is_not_asked_for_again(server, target, code):
    server.fault("/x", "status", times=None, code=code)
    with pytest.raises(
        NotThere, match=rf"x.hdf5: not obtained from {server.url}/x.hdf5: the answer is {code}"
    ):
        get(server, target)
    assert len(server.requests) == 1 and left(target) == []


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("html", {}, "a page titled 'Down for maintenance'"),
        ("login", {}, "a page titled 'Sign in', perhaps a proxy's login"),
        ("garbage", {}, "x.hdf5.part: corrupt"),
        ("empty", {}, "x.hdf5.part: corrupt"),
        ("cut_lengthless", {}, "x.hdf5.part: corrupt"),
    ],
)
def test_wrong_content_is_asked_for_three_times(server, target, kind, options, said):
    server.lengths = kind != "cut_lengthless"
    server.fault("/x", kind, times=None, **options)
    with pytest.raises(Unobtainable, match=rf"x.hdf5: not obtained from .*{said}.*asked 3 times"):
        get(server, target)
    assert sum(path.startswith("/x") for path, _ in server.requests) == 3
    assert left(target) == []


def test_a_page_is_a_page_whatever_type_it_claims(server, target):
    server.files["/x.hdf5"].write_bytes(b" \n<html><title>Out of\norder &amp; tired</title></html>")
    with pytest.raises(Unobtainable, match="a page titled 'Out of order & tired'"):
        get(server, target)


def test_a_page_does_not_cost_what_has_come(server, target):
    server.fault("/x", "cut", at=100_000)
    server.fault("/x", "html")
    get(server, target)
    assert whole(target) and ranges(server) == [None, "bytes=100000-", "bytes=100000-"]


def test_patience_ends_with_the_last_cause_and_keeps_what_came(server, target):
    server.fault("/x", "cut", at=1234)
    server.fault("/x", "status", times=None, code=503)
    start = time.monotonic()
    with pytest.raises(
        Unobtainable, match=r"no new byte within 0.3 s; at last the answer is 503.*first 1234 b"
    ):
        get(server, target, patience=0.3)
    assert time.monotonic() - start < 1.0
    assert left(target) == ["x.hdf5.part", "x.hdf5.part.json"]


def test_a_host_that_breaks_off_at_the_same_byte_for_ever_makes_no_progress(server, target):
    server.ranges = False
    server.fault("/x", "cut", times=None, at=1000)
    with pytest.raises(Unobtainable, match="1000 bytes"):
        get(server, target, patience=0.3)


def test_progress_renews_the_patience(server, target):
    for _ in range(25):
        server.fault("/x", "stall", seconds=0.05, at=0)
        server.fault("/x", "cut", at=5000)
    get(server, target, patience=0.2)
    assert whole(target)


@pytest.mark.parametrize("host", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_a_host_that_was_never_reached_is_given_up_soon(target, host):
    start = time.monotonic()
    with pytest.raises(Unobtainable, match=r"(refused|resolve)") as error:
        download(f"{host}/x.hdf5", target, check, patience=1800, wait=0.002)
    assert time.monotonic() - start < 5 and f"{host}/x.hdf5" in str(error.value)
    assert left(target) == []


def test_a_host_that_was_reached_is_not_given_up_soon(server, target, monkeypatch):
    """Its answers fail, then it refuses connections: the long patience holds."""
    server.fault("/x", "cut", at=1000)
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        server.__exit__()
        monkeypatch.setattr(module, "monotonic", lambda: time.monotonic() + sum(waits))

    monkeypatch.setattr(module, "sleep", sleep)
    with pytest.raises(Unobtainable, match="no new byte within 1800 s; at last NewConnectionError"):
        get(server, target, patience=1800, wait=1.0)
    assert sum(waits) > 1500 and max(waits) <= 180


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/x"])
def test_an_address_that_is_none_is_refused_at_once(target, url):
    with pytest.raises(NotThere, match=url):
        download(url, target, check)


# Waiting


def test_retry_after_is_honoured(server, target, monkeypatch):
    waits = []
    monkeypatch.setattr(module, "sleep", waits.append)
    server.fault("/x", "status", code=429, retry_after=7)
    server.fault("/x", "status", code=503, retry_after="date")
    get(server, target, patience=100)
    assert whole(target) and waits[0] == 7
    # The server's date is two seconds from now, in whole seconds.
    assert 0.5 < waits[1] <= 2


def test_what_retry_after_says():
    assert answers.retry_after("12") == 12 and answers.retry_after(" 0 ") == 0
    assert answers.retry_after("99999") == answers.LONGEST_RETRY_AFTER
    assert 28 < answers.retry_after(formatdate(time.time() + 30, usegmt=True)) <= 30
    assert answers.retry_after(formatdate(time.time() - 30, usegmt=True)) == 0
    for nothing in (None, "", "soon", "-5", "1.5e3", "²"):
        assert answers.retry_after(nothing) == 0


def test_waits_double_with_jitter_up_to_a_cap_and_a_byte_starts_them_anew(server, target, monkeypatch):
    waits = []
    monkeypatch.setattr(module, "sleep", waits.append)
    server.fault("/x", "status", times=10, code=500)
    server.fault("/x", "cut", at=1000)
    server.fault("/x", "status", times=1, code=500)
    get(server, target, wait=1.0, patience=1e4)
    grown = [min(2**i, 120) for i in range(10)] + [1, 2]
    assert all(0.5 * mean <= wait <= 1.5 * mean for wait, mean in zip(waits, grown, strict=True))
    assert len({wait / mean for wait, mean in zip(waits, grown, strict=True)}) == 12


# The disk


def test_a_disk_that_is_too_full_is_said_before_a_byte_is_written(server, target, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=SIZE - 1)
    with monkeypatch.context() as patch:
        patch.setattr(part.shutil, "disk_usage", lambda folder: usage)
        with pytest.raises(GwsimError, match=rf"x.hdf5: {SIZE} bytes needed, {SIZE - 1} free in") as error:
            get(server, target)
    assert not isinstance(error.value, Unobtainable)
    get(server, target)
    assert whole(target)


@contextmanager
def files_of_at_most(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_becomes_full_keeps_the_part(server, target):
    with files_of_at_most(123_456), pytest.raises(GwsimError, match=r"File too large.*bytes free.*are kept"):
        get(server, target)
    assert target.with_name("x.hdf5.part").stat().st_size == 123_456
    get(server, target)
    assert whole(target) and ranges(server) == [None, "bytes=123456-"]


@pytest.mark.skipif(os.getuid() != 0, reason="root alone can become nobody and come back")
def test_a_folder_that_cannot_be_written_is_said_before_anything_is_asked(server):
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    os.seteuid(65534)
    try:
        for target in (folder / "x.hdf5", folder / "deep" / "x.hdf5"):
            with pytest.raises(GwsimError, match=r"x.hdf5: cannot write in .*Permission denied.*Hint"):
                get(server, target)
    finally:
        os.seteuid(0)
        folder.rmdir()
    assert server.requests == []


def test_a_folder_that_is_a_file_is_refused(server, tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(GwsimError, match=r"cannot write in .*cache"):
        get(server, tmp_path / "cache" / "x.hdf5")


# Parts that an earlier process left


def leave(target, content, **known):
    target.parent.mkdir(parents=True)
    target.with_name("x.hdf5.part").write_bytes(content)
    note = {"url": None, "etag": None, "last_modified": None, "length": None, "checked": False} | known
    target.with_name("x.hdf5.part.json").write_text(json.dumps(note) if known else '{"url": "htt')


def test_a_part_is_gone_on_with(server, target):
    leave(target, CONTENT[:777], url=f"{server.url}/x.hdf5")
    get(server, target)
    assert whole(target) and ranges(server) == ["bytes=777-"]


def test_a_part_that_is_whole_is_checked_and_not_asked_for(server, target):
    leave(target, CONTENT, url=f"{server.url}/x.hdf5", length=SIZE)
    get(server, target)
    assert whole(target) and server.requests == []


def test_a_part_with_all_bytes_of_a_length_unknown_is_whole(server, target):
    leave(target, CONTENT, url=f"{server.url}/x.hdf5")
    get(server, target)
    assert whole(target) and ranges(server) == [f"bytes={SIZE}-"]


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"url": "http://elsewhere/x.hdf5"},
        {"url": "same", "length": 10},
        # The check took the process with it.
        {"url": "same", "checked": True},
    ],
)
def test_a_part_of_something_else_is_started_over(server, target, known):
    url = f"{server.url}/x.hdf5"
    leave(target, CONTENT[:777], **{key: url if value == "same" else value for key, value in known.items()})
    get(server, target)
    assert whole(target) and ranges(server) == [None]


def test_a_part_that_is_too_long_is_started_over(server, target):
    leave(target, CONTENT + b"more", url=f"{server.url}/x.hdf5")
    get(server, target)
    assert whole(target)


def test_a_part_whose_bytes_are_wrong_is_found_out(server, target):
    leave(target, bytes(1000), url=f"{server.url}/x.hdf5", length=SIZE)
    get(server, target)
    assert whole(target) and ranges(server) == ["bytes=1000-", None]


# Several processes

CODE = """
import hashlib, sys
from pathlib import Path
from gwsim.errors import GwsimError
from gwsim.gwosc.download import download
def check(path):
    if hashlib.sha256(path.read_bytes()).hexdigest() != sys.argv[3]:
        raise GwsimError("corrupt")
download(sys.argv[1], Path(sys.argv[2]), check, wait=0.01)
"""


def process(server, target):
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    command = [sys.executable, "-c", CODE, f"{server.url}/x.hdf5", str(target), sha256]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1])


def test_a_download_that_is_killed_again_and_again_goes_on_where_it_was(server, target):
    server.rate = SIZE / 2
    part_path, had = target.with_name("x.hdf5.part"), []
    for enough in sorted(random.Random(1).sample(range(1, int(0.8 * SIZE)), 4)):
        child = process(server, target)
        while not (part_path.exists() and part_path.stat().st_size >= enough):
            assert child.poll() is None
            time.sleep(0.003)
        child.kill()
        child.wait()
        assert not target.exists()
        had.append(part_path.stat().st_size)
    server.rate = None
    assert process(server, target).wait() == 0
    assert whole(target)
    # Nothing that had come was sent again.
    assert ranges(server) == [None, *(f"bytes={size}-" for size in had)]


def test_two_processes_that_want_one_file_download_it_once(server, target):
    server.rate = SIZE / 0.7
    children = [process(server, target) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert whole(target) and len(server.requests) == 1


def test_a_file_system_without_locks_is_gone_on_with(server, target, monkeypatch):
    def flock(*_):
        raise OSError(part.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(part.fcntl, "flock", flock)
    server.fault("/x", "cut")
    get(server, target)
    assert whole(target)
    target.unlink()
    # Without locks no two may write one part, so none is left for the next.
    server.fault("/x", "cut")
    server.fault("/x", "status", times=None, code=500)
    with pytest.raises(Unobtainable):
        get(server, target, patience=0.1)
    assert left(target) == []


def test_who_waited_holds_the_files_that_the_next_will_see(target):
    """The first leaves nothing behind, its lock included: a lock on what it removed would keep nobody out."""
    seen = []

    def second():
        with part.claimed(target, "http://a/x.hdf5"):
            seen.extend(left(target))

    with part.claimed(target, "http://a/x.hdf5"):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.2)
        assert seen == []
    waiting.join()
    assert seen == ["x.hdf5.part", "x.hdf5.part.json"] and left(target) == []
