"""One URL to one file, left alone overnight: retried, resumed, checked, and under its name only when whole.

Takes a URL, a path and a check; what a host says is understood in `answers`, what has come is kept in `part`.
Trouble that passes is waited out for as long as `patience` allows without a new byte; content that is not
what was asked for is asked for again twice.
"""

import random
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from time import monotonic, sleep

import requests
from urllib3.exceptions import HTTPError

from gwsim.asking import HEADERS
from gwsim.errors import GwsimError
from gwsim.gwosc import answers
from gwsim.gwosc.answers import BadContent, NotThere, Page, Trouble, Unobtainable
from gwsim.gwosc.part import Part, claimed

PIECE = 2**20
CONTENT_FAULTS = 3
# Growth of waits, in units of the first.
LONGEST_WAIT = 120


def download(
    url: str,
    path: Path,
    check: Callable[[Path], None],
    *,
    session: requests.Session | None = None,
    patience: float = 1800.0,
    timeout: tuple[float, float] = (10.0, 60.0),
    wait: float = 1.0,
    advance: Callable[[int, int | None], None] | None = None,
    tell: Callable[[str], None] = lambda message: None,
) -> None:
    """Make a URL's content stand under `path`, whole and passed by `check`.

    `check` takes a path and raises GwsimError for what is not whole or not what was asked for; a file that
    stands under `path` already and passes stays as it is.

    `patience` is in seconds without a new byte; a host that was never reached is given 120 waits at most.
    `timeout` is for a connection and for a silence, `wait` the first wait between tries (s); `advance` is
    told the bytes that have come and the length, `tell` why it waits.

    Raises NotThere or Unobtainable where the address does not give the file, and GwsimError where it cannot
    be written here.
    """
    with claimed(path, url) as part:
        # Another process may have made it while this one waited.
        if path.is_file() and _passes(check, path):
            part.clear()
            return
        with nullcontext(session) if session else requests.Session() as opened:
            _obtain(part, check, opened, _Patience(patience, wait, tell), timeout, advance)
        part.finish()


class _Patience:
    """How long to wait before the next try, and when to give up."""

    def __init__(self, seconds: float, wait: float, tell: Callable[[str], None]):
        self.seconds, self.wait, self.tell = seconds, wait, tell
        self.since, self.farthest, self.tries, self.reached = monotonic(), 0, 0, False

    def progress(self, size: int):
        """Bytes count once: a host that starts over and breaks off again and again makes no progress."""
        if size > self.farthest:
            self.since, self.farthest, self.tries = monotonic(), size, 0

    def pause(self, trouble: Trouble):
        """Wait, longer each time; raise Unobtainable where the patience would end meanwhile."""
        patience = self.seconds
        if trouble.unreachable and not self.reached:
            patience = min(patience, LONGEST_WAIT * self.wait)
        # Many jobs that failed together should not come back together; no result depends on this number.
        grown = self.wait * min(2 ** min(self.tries, 9), LONGEST_WAIT) * random.uniform(0.5, 1.5)
        delay = max(grown, trouble.after)
        if monotonic() - self.since + delay > patience:
            raise Unobtainable(f"no new byte within {patience:g} s; at last {trouble}")
        self.tries += 1
        self.tell(f"{trouble}; asked again in {delay:.0f} s")
        sleep(delay)


def _obtain(part: Part, check, session, patience, timeout, advance):
    """Fill the part until it is whole and passes the check."""
    faults = 0
    try:
        while True:
            try:
                if part.length is None or part.size < part.length:
                    _ask(part, session, patience, timeout, advance)
                _accept(part, check)
                return
            except Trouble as trouble:
                if trouble.stale:
                    part.clear()
                patience.pause(trouble)
            except BadContent as fault:
                faults += 1
                if faults == CONTENT_FAULTS:
                    kind = NotThere if isinstance(fault, Page) else Unobtainable
                    raise kind(f"{fault} (asked {faults} times)") from fault
                patience.farthest = 0
                patience.pause(Trouble(str(fault)))
    except Unobtainable as error:
        kept = f"; its first {part.kept} bytes are kept" if part.kept else ""
        raise type(error)(f"{part.target.name}: not obtained from {part.url}: {error}{kept}") from error


def _ask(part: Part, session, patience, timeout, advance):
    """Ask once for the bytes that are missing, and take those that come."""
    headers = HEADERS | answers.ranged(part.size, part.known)
    try:
        with session.get(part.url, headers=headers, stream=True, timeout=timeout) as response:
            patience.reached = True
            body = answers.understand(response, part.size, part.known)
            if not body.start:
                part.begin(body.length, body.etag, body.last_modified)
            elif body.length is not None:
                # A first answer may have told no length, or a wrong one.
                part.known["length"] = body.length
            part.make_room()
            if body.start != body.length:
                _take(response, part, patience, advance)
    except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
        raise answers.broken(error) from error
    except requests.RequestException as error:
        raise NotThere(f"{type(error).__name__}: {error}") from error
    if part.length is not None and part.size != part.length:
        raise Trouble(f"{part.size} of {part.length} bytes came", stale=part.size > part.length)


def _take(response, part: Part, patience, advance):
    # What has arrived, without waiting for a piece to be full: nothing is lost when the connection breaks.
    while piece := response.raw.read1(PIECE):
        part.append(piece)
        patience.progress(part.size)
        if advance:
            advance(part.size, part.length)


def _accept(part: Part, check):
    """Check a part that is whole; what does not pass is removed."""
    part.checking()
    try:
        check(part.path)
    except GwsimError as error:
        with part.path.open("rb") as file:
            cause = answers.page(file.read(answers.PAGE_BYTES)) or str(error)
        part.clear()
        raise BadContent(cause) from error


def _passes(check, path: Path) -> bool:
    try:
        check(path)
    except GwsimError:
        return False
    return True
