"""A store at an address: every file, or the tar, read once over http(s) and held against its manifest."""

import hashlib
import time
from urllib.parse import quote, urlsplit

import requests

from gwsim import manifest, tarred
from gwsim.asking import HEADERS
from gwsim.errors import GwsimError
from gwsim.gwosc import answers

# For a connection, and for a silence (s).
TIMEOUT = (10.0, 60.0)
PIECE = 2**20
# Before an address is asked a second time (s), and a third of what is waited before the third.
WAIT = 1.0
# What a host may ask to wait for (s): someone may sit and wait for the proof.
LONGEST_WAIT = 120.0


class Refused(GwsimError):
    """An address that gave no file; for good, or to be asked again after so many seconds."""

    def __init__(self, message: str, for_good: bool = False, after: float = 0.0):
        super().__init__(message)
        self.for_good, self.after = for_good, after


def is_address(text: str) -> bool:
    """Return whether a text is an address, and not a path."""
    return text.startswith(("http://", "https://"))


def verify(address: str, show=lambda name, done, total: None) -> dict:
    """Return the manifest of a store at an address proved whole and unaltered, or say all that is wrong.

    address: of a folder, its data.zarr or its manifest.json, or of a tar. show: told what is read, how many
    bytes of it have come, and how many there are.
    """
    if urlsplit(address).path.endswith(".tar"):
        return _tar(address, show)
    folder = _folder(address)
    text = _asked(folder + manifest.MANIFEST, b"".join)
    if text.lstrip()[:1] == b"<":
        raise GwsimError(f"{folder}{manifest.MANIFEST} is a web page: is {address} the address of a store?")
    content, found, done = manifest.parsed(text, folder + manifest.MANIFEST), {}, 0
    total = sum(entry["bytes"] for entry in content["files"].values())
    for name, entry in content["files"].items():
        show(name, done, total)
        try:
            found[name] = _asked(folder + quote(name), _fingerprint)
        except Refused as error:
            found[name] = str(error)
        done += entry["bytes"]
    manifest.refuse(address, manifest.differences(content, found))
    return content


def _folder(address: str) -> str:
    """Return the address of a store's folder from its own, its data.zarr's or its manifest's."""
    parts = urlsplit(address)
    if parts.query or parts.fragment:
        raise GwsimError(f"{address}: expected the address of a folder or of a .tar, without ? and #")
    for name in (manifest.MANIFEST, "data.zarr", "data.zarr/"):
        if address.endswith(f"/{name}"):
            return address.removesuffix(name)
    return address.rstrip("/") + "/"


def _tar(address: str, show) -> dict:
    """Read a tar in one go: it cannot be asked for again from its middle."""
    with _opened(address) as answer:
        total = int(answer.headers.get("Content-Length", 0))
        pieces = _body(answer, address)

        def read(_):
            return next(pieces, b"")

        name = urlsplit(address).path.rpartition("/")[2]
        return tarred.proved(tarred.Stream(read, lambda done: show(name, done, total)), address)


def _fingerprint(pieces) -> dict:
    """Return the sha256 and size of a file that comes in pieces."""
    own, size = hashlib.sha256(), 0
    for piece in pieces:
        own.update(piece)
        size += len(piece)
    return {"sha256": own.hexdigest(), "bytes": size}


def _asked(address: str, take):
    """Return what take makes of a file's pieces; an address that does not answer well is asked again."""
    for wait in (WAIT, 3 * WAIT, None):
        try:
            with _opened(address) as answer:
                return take(_body(answer, address))
        except Refused as error:
            if error.for_good or wait is None:
                raise
            pause = max(wait, min(error.after, LONGEST_WAIT))
        time.sleep(pause)
    return None


def _opened(address: str) -> requests.Response:
    try:
        answer = requests.get(address, headers=HEADERS, timeout=TIMEOUT, stream=True)
    except requests.RequestException as error:
        raise Refused(f"{address} cannot be reached: {_short(error)}") from None
    if answer.status_code != 200:
        answer.close()
        said = f"{address} answers {answer.status_code} {answer.reason}"
        after = answers.retry_after(answer.headers.get("Retry-After"))
        raise Refused(said, for_good=not answers.passes(answer), after=after)
    return answer


def _body(answer: requests.Response, address: str):
    got = 0
    try:
        for piece in answer.iter_content(PIECE):
            got += len(piece)
            yield piece
    except (requests.RequestException, OSError) as error:
        raise Refused(f"{address} broke off after {got} bytes: {_short(error)}") from None


def _short(error: Exception) -> str:
    """Return what an exception of a connection says at its innermost."""
    reason = error
    while isinstance(getattr(reason, "reason", None), Exception) or (
        reason.args and isinstance(reason.args[0], Exception)
    ):
        reason = reason.args[0] if reason.args and isinstance(reason.args[0], Exception) else reason.reason
    return f"{type(reason).__name__}: {reason}"[:200]
