"""What the answer to a request for a file means: a body to take, trouble that passes, or no such file.

Takes a `requests` response and what is known of the bytes that have come already; gives the `Body` that
follows or raises what the loop of `download` acts on. Nothing here touches the disk.
"""

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError, SSLError

from gwsim.errors import GwsimError

PASSING = (408, 425, 429)
# Seconds that Retry-After may ask for; a host that asks for more is asked again after these.
LONGEST_RETRY_AFTER = 600.0
PAGES = ("text/html", "application/xhtml+xml", "application/json", "application/xml", "text/xml")
PAGE_BYTES = 65536
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Unobtainable(GwsimError):
    """This address does not give the file; another may."""


class NotThere(Unobtainable):
    """The host refuses the request or has no such file: asking again does not help."""


class Trouble(Exception):
    """Something that passes: asked again later, the host may give the bytes that are missing."""

    def __init__(self, cause: str, after: float = 0.0, unreachable: bool = False, stale: bool = False):
        super().__init__(cause)
        self.after, self.unreachable, self.stale = after, unreachable, stale


class BadContent(Exception):
    """What came is whole and not the file that was asked for, or is no file at all."""


class Page(BadContent):
    """A page came instead of a file: some hosts answer so where they have no such file."""


@dataclass(frozen=True)
class Body:
    """Where an answer's bytes begin in the file, and what is said of the whole."""

    start: int
    length: int | None
    etag: str | None
    last_modified: str | None


def ranged(have: int, known: dict) -> dict[str, str]:
    """Return the headers that ask for the bytes from `have` on, of the same version of the file."""
    if not have:
        return {}
    same = known["etag"] if _strong(known["etag"]) else known["last_modified"]
    return {"Range": f"bytes={have}-"} | ({"If-Range": same} if same else {})


def passes(response: requests.Response) -> bool:
    """Return whether an answer is trouble that passes."""
    return response.status_code in PASSING or response.status_code >= 500


def understand(response: requests.Response, have: int, known: dict) -> Body:
    """Return the body that follows an answer's head, asked for from byte `have` on.

    Raises NotThere, Page, BadContent for an encoded body, and Trouble, which is stale where the bytes
    that have come are not of the file that is there now.
    """
    status, said = response.status_code, f"the answer is {response.status_code} {response.reason}"
    if passes(response):
        raise Trouble(said, after=retry_after(response.headers.get("Retry-After")))
    if status == 416 and have:
        return _nothing_left(response, have, known)
    if status not in (200, 206):
        raise NotThere(said)
    _refuse_page(response)
    etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
    if status == 200:
        length = response.headers.get("Content-Length", "")
        return Body(0, int(length) if length.isdigit() else None, etag, modified)
    return Body(*_place(response, have, known), etag, modified)


def retry_after(value: str | None) -> float:
    """Return the seconds that a Retry-After asks for, a number or a date; 0 where it says nothing clear."""
    try:
        number = (value or "").strip()
        seconds = float(number) if number.isdigit() else _until(number)
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def broken(error: Exception) -> Trouble:
    """Return the trouble that a failed connection is; unreachable where none came about."""
    reason = getattr(error.args[0] if error.args else None, "reason", error)
    # urllib3 wraps what requests wraps; the innermost says most in fewest words.
    cause = reason.args[-1] if reason.args and isinstance(reason.args[-1], str) else str(reason)
    never = (NewConnectionError, ConnectTimeoutError, ProxyError, SSLError)
    return Trouble(f"{type(reason).__name__}: {cause}", unreachable=isinstance(reason, never))


def page(content: bytes) -> str | None:
    """Return what is said of content that is a page, with its title; None for what is none."""
    if content.lstrip()[:1] != b"<":
        return None
    title = re.search(r"<title[^>]*>(.*?)</title>", content.decode(errors="replace"), re.I | re.S)
    named = f" titled {' '.join(html.unescape(title[1]).split())!r}" if title else ""
    return f"got a page{named}, perhaps a proxy's login or a maintenance page, expected the file"


def _nothing_left(response, have, known) -> Body:
    """Understand 416: all bytes have come, or they are not of this file."""
    total = response.headers.get("Content-Range", "").removeprefix("bytes */")
    if total == str(have):
        return Body(have, have, known["etag"], known["last_modified"])
    raise Trouble(f"the host has nothing beyond byte {have}", stale=True)


def _place(response, have, known) -> tuple[int, int | None]:
    """Return start and length that a 206 states, where they are those asked for."""
    stated = response.headers.get("Content-Range", "")
    match = RANGE.fullmatch(stated)
    if not match or int(match[1]) != have:
        raise Trouble(f"asked for bytes from {have} on, got Content-Range {stated!r}", stale=True)
    length = None if match[3] == "*" else int(match[3])
    if have and None not in (known["length"], length) and length != known["length"]:
        raise Trouble(f"the file has {length} bytes, it had {known['length']}", stale=True)
    now, then = response.headers.get("ETag"), known.get("etag")
    if have and _strong(now) and _strong(then) and now != then:
        raise Trouble(f"the file's ETag is {now}, it was {then}", stale=True)
    return have, known["length"] if have and length is None else length


def _refuse_page(response):
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in PAGES:
        content = response.raw.read(PAGE_BYTES, decode_content=True)
        raise Page(page(content) or f"got content of type {kind}, expected the file")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise BadContent(f"got a body encoded as {encoding}, which was not asked for")


def _strong(etag) -> bool:
    return bool(etag) and not etag.startswith("W/")


def _until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - datetime.now(
        UTC
    ).timestamp()
