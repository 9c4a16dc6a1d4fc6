"""Files of a folder over plain HTTP on 127.0.0.1, with byte ranges; it counts what it serves of each."""

import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from serving import Site


class Server(Site):
    """The site; a context manager that serves while it is open."""

    def __init__(self, folder: Path):
        self.folder, self.bytes, self.lock = folder, Counter(), threading.Lock()
        super().__init__(_Http, Request)


class _Http(ThreadingHTTPServer):
    # Readers open hundreds of connections at once.
    request_queue_size = 1024


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(body=True)

    def do_HEAD(self):
        self.answer(body=False)

    def answer(self, body):
        name = unquote(urlsplit(self.path).path).strip("/")
        path = self.server.site.folder / name
        if not path.is_file():
            return self.head(404, 0)
        size = path.stat().st_size
        span = self.span(size)
        if span is None:
            return self.head(416, 0, {"Content-Range": f"bytes */{size}"})
        first, end = span
        partial = "Range" in self.headers
        more = {"Content-Range": f"bytes {first}-{end - 1}/{size}"} if partial else {}
        self.head(206 if partial else 200, end - first, more)
        if body:
            with path.open("rb") as file:
                file.seek(first)
                self.wfile.write(file.read(end - first))
            with self.server.site.lock:
                self.server.site.bytes[name] += end - first

    def span(self, size):
        """First byte and end of what is asked for: all, a-b, from a on, or the last b bytes."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "bytes=0-"))
        first, last = asked.groups()
        if not first:
            return max(0, size - int(last)), size
        span = int(first), min(int(last) + 1, size) if last else size
        return span if span[0] < span[1] else None

    def head(self, status, length, more=None):
        self.send_response(status)
        for key, value in {"Accept-Ranges": "bytes", "Content-Length": str(length), **(more or {})}.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *_):
        pass
