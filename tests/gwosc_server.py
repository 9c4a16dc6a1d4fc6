"""GWOSC on 127.0.0.1: its API v2 over tables that a test fills, its archive, faults on command.

Takes runs, flags, events and strain files as plain values; answers as gwosc.org does for the clients gwosc
and gwpy, with byte ranges and validators. It shares no code with gwsim.
A file that is added but is not on the disk is listed by the API and is 404 in the archive.
Bytes of a fault (`at`) count from the start of that answer's body, the middle where none is given.
"""

import fcntl
import inspect
import json
import math
import random
import re
import socket
import struct
import sys
import termios
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from gwosc_api import NAME, respond
from gwosc_strain import write_strain
from serving import Site

__all__ = ["Server", "write_strain"]

PIECE = 2**20
LOGIN = "/login"
PAGE = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"


class Server(Site):
    """The site; a context manager that serves while it is open."""

    def __init__(self):
        super().__init__(_Http, Request)
        self.runs, self.flags, self.events = {}, {}, []
        self.files = {}  # path in the archive: path on the disk
        self.page_size = 20
        self.ranges = self.validators = True
        self.lengths = True  # False: the end of the connection ends the body; "chunked": chunks
        self.rate = None  # bytes/s of each answer
        self.requests = []  # (path with query, headers), in order of arrival
        self.editions = Counter()  # how often a path's ETag was changed
        self.stopping = threading.Event()
        self._faults, self._connections, self._lock = [], set(), threading.Lock()

    def __exit__(self, *_):
        self.stopping.set()
        super().__exit__()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def add(self, path, run="O3a") -> str:
        """Serve a strain file, list it under the run and return its path in the archive."""
        path = Path(path)
        name = NAME.fullmatch(path.name)
        folder = int(name["start"]) // 2**20 * 2**20
        place = f"/archive/data/{run}_{name['khz']}KHZ_R1/{folder}/{path.name}"
        self.files[place] = path
        return place

    def fault(self, part, kind, times=1, **options):
        """Let the next requests (None: all) whose path with query contains `part` meet a fault, in turn."""
        inspect.signature(FAULTS[kind]).bind(None, **options)
        with self._lock:
            left = math.inf if times is None else times
            self._faults.append({"part": part, "kind": kind, "left": left, "options": options})

    def note(self, request):
        """Log a request and return the fault that it meets, if any, as (kind, options)."""
        with self._lock:
            self.requests.append((request.path, dict(request.headers)))
            # The login page's address holds that of the page one came from, and is no part of the fault.
            path = "" if request.place == LOGIN else request.path
            fault = next((f for f in self._faults if f["part"] in path), None)
            if fault is None:
                return None
            fault["left"] -= 1
            if not fault["left"]:
                self._faults.remove(fault)
            return fault["kind"], fault["options"]

    def connected(self, connection, yes):
        with self._lock:
            (self._connections.add if yes else self._connections.discard)(connection)


class _Http(ThreadingHTTPServer):
    request_queue_size = 128
    block_on_close = False

    def handle_error(self, request, client_address):
        # Clients leave whenever they like; anything else is a fault of this file and shows its traceback.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Slice(NamedTuple):
    """Bytes of a file on the disk, not read yet."""

    path: Path
    start: int
    length: int

    def bytes(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.length)


@dataclass
class Answer:
    body: bytes | Slice = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    lengths: bool | str = True
    promised: int | None = None  # Content-Length where it is not that of the body
    stop: int | None = None  # bytes after which the connection ends
    reset: bool = False  # whether it then ends by RST
    pause: tuple = (None, 0)  # bytes (None: even before the status) after which to wait, seconds

    def __len__(self):
        return self.body.length if isinstance(self.body, Slice) else len(self.body)

    def content(self) -> bytes:
        return self.body.bytes() if isinstance(self.body, Slice) else self.body


class Request(BaseHTTPRequestHandler):
    """One connection: which answer each request gets, and how that goes out."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes

    def setup(self):
        super().setup()
        self.site = self.server.site
        self.site.connected(self.connection, True)

    def finish(self):
        self.site.connected(self.connection, False)
        super().finish()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.place = urlsplit(self.path).path
        fault = self.site.note(self)
        self.send(FAULTS[fault[0]](self, **fault[1]) if fault else self.healthy())

    do_HEAD = do_GET

    def healthy(self) -> Answer:
        if self.place.startswith("/api/v2/"):
            return document(*respond(self.site, self.path, f"http://{self.headers['Host']}"))
        if self.place == LOGIN:
            return html(self, b"Sign in")
        path = self.site.files.get(self.place)
        return self.file(path) if path and path.is_file() else document(404, {"detail": "no such file"})

    def file(self, path) -> Answer:
        """The file, or the range of it that is asked for."""
        site, stat = self.site, path.stat()
        headers = {"Content-Type": "application/octet-stream"}
        if site.ranges:
            headers["Accept-Ranges"] = "bytes"
        if site.validators:
            edition = site.editions[self.place]
            headers["ETag"] = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}-{edition}"'
            headers["Last-Modified"] = formatdate(stat.st_mtime + edition, usegmt=True)
        asked = self.range(stat.st_size, (headers.get("ETag"), headers.get("Last-Modified")))
        if asked is None:
            return Answer(Slice(path, 0, stat.st_size), 200, headers, site.lengths)
        start, end = asked
        if start >= end:
            return Answer(b"", 416, headers | {"Content-Range": f"bytes */{stat.st_size}"})
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stat.st_size}"
        return Answer(Slice(path, start, end - start), 206, headers, site.lengths)

    def range(self, size, validators):
        """The bytes [a, b) asked for; None for the whole file, also where If-Range is of another edition."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not asked or not any(asked.groups()) or not self.site.ranges:
            return None
        if self.headers.get("If-Range", validators[0]) not in validators:
            return None
        first, last = asked.groups()
        if not first:
            return max(size - int(last), 0), size
        if last and int(last) < int(first):
            return None
        return int(first), min(int(last) + 1, size) if last else size

    def send(self, answer):
        at, seconds = answer.pause
        if at is None:
            self.wait(seconds)
        end = len(answer) if answer.stop is None else min(answer.stop, len(answer))
        if answer.reset and answer.stop is None:
            return self.hang_up()
        self.send_head(answer)
        if self.command != "HEAD":
            if at is not None:
                self.send_span(answer, 0, min(at, end))
                self.wait(seconds)
            self.send_span(answer, min(at or 0, end), end)
            if answer.lengths == "chunked" and answer.stop is None:
                self.wfile.write(b"0\r\n\r\n")
        if answer.reset:
            self.hang_up()
        elif answer.stop is not None or answer.promised is not None:
            self.close_connection = True

    def send_head(self, answer):
        headers = dict(answer.headers)
        if answer.lengths == "chunked":
            headers["Transfer-Encoding"] = "chunked"
        elif answer.lengths:
            headers["Content-Length"] = str(len(answer) if answer.promised is None else answer.promised)
        else:
            headers["Connection"] = "close"
        self.send_response(answer.status)
        for header in headers.items():
            self.send_header(*header)
        self.end_headers()

    def send_span(self, answer, start, end):
        rate, body = self.site.rate, answer.body
        if start < end and isinstance(body, Slice) and not rate and answer.lengths != "chunked":
            with body.path.open("rb") as file:
                self.connection.sendfile(file, body.start + start, end - start)
            return
        content, began = memoryview(answer.content()), time.monotonic()
        step = min(PIECE, max(1, int(rate / 20))) if rate else PIECE
        for a in range(start, end, step):
            piece = content[a : min(a + step, end)]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.lengths == "chunked" else piece)
            if rate:
                self.wait((a + len(piece) - start) / rate - (time.monotonic() - began))

    def wait(self, seconds):
        if seconds > 0 and self.site.stopping.wait(seconds):
            raise ConnectionAbortedError

    def hang_up(self):
        """End the connection by RST, once the other side has what was sent."""
        for _ in range(200):
            if not struct.unpack("i", fcntl.ioctl(self.connection, termios.TIOCOUTQ, bytes(4)))[0]:
                break
            time.sleep(0.01)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


# Faults: what a request gets in place of its healthy answer


def document(code, content, headers=()):
    return Answer(json.dumps(content).encode(), code, {"Content-Type": "application/json", **dict(headers)})


def status(_, code, retry_after=None):
    date = formatdate(time.time() + 2, usegmt=True)
    wait = {} if retry_after is None else {"Retry-After": date if retry_after == "date" else str(retry_after)}
    return document(code, {"detail": "as the test asked"}, wait)


def html(_, title=b"Down for maintenance"):
    return Answer(PAGE % (title, title), 200, {"Content-Type": "text/html; charset=utf-8"})


def empty(_):
    return Answer(b"", 200, {"Content-Type": "application/octet-stream"})


def redirect(_, to, code=302):
    return Answer(b"", code, {"Location": to})


def login(request):
    return redirect(request, f"{LOGIN}?" + urlencode({"next": request.path}))


def cut(request, at=None):
    answer = request.healthy()
    answer.stop = min(_middle(answer, at), max(len(answer) - 1, 0))
    return answer


def cut_lengthless(request, at=None):
    answer = cut(request, at)
    answer.lengths = False
    return answer


def reset(request, at=None):
    """By RST after `at` bytes; before the status where none is given."""
    answer = request.healthy()
    answer.stop, answer.reset = at, True
    return answer


def stall(request, seconds, at=None):
    """For so long after `at` bytes; before the status where none is given."""
    answer = request.healthy()
    answer.pause = at, seconds
    return answer


def wrong_length(request, by):
    answer = request.healthy()
    answer.promised, answer.lengths = max(len(answer) + by, 0), True
    return answer


def garbage(request):
    answer = request.healthy()
    answer.body = random.Random(len(answer)).randbytes(len(answer))
    return answer


def flip(request, at=None):
    answer = request.healthy()
    content = bytearray(answer.content())
    if content:
        content[_middle(answer, at) % len(content)] ^= 0xFF
    answer.body = bytes(content)
    return answer


def other(request, path):
    return request.file(Path(path))


def new_etag(request):
    request.site.editions[request.place] += 1
    return request.healthy()


def _middle(answer, at):
    return len(answer) // 2 if at is None else at


FAULTS = {
    fault.__name__: fault
    for fault in (
        status, cut, cut_lengthless, wrong_length, garbage, flip, html, stall, reset, redirect, login, other,
        new_etag, empty,
    )
}  # fmt: skip
