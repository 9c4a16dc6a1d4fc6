"""What the servers of these tests share: a site on a free port of 127.0.0.1 that serves while it is open."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site:
    """A context manager; a request finds it as `self.server.site`."""

    def __init__(self, http: type[ThreadingHTTPServer], request: type[BaseHTTPRequestHandler]):
        self._http = http(("127.0.0.1", 0), request)
        self._http.site = self
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
