"""One file of many: a tar whose bytes follow from its files alone, and its files proved as they stream by.

Names are sorted, times, owners and groups are zero, modes are 0644 and nothing is compressed. So the same
files give the same tar, and a tar is held against the one that its files would give: a bit that flips in a
header, or in what fills a block, shows as one that flips in a file.
"""

import hashlib
import tarfile
from pathlib import Path, PurePosixPath

from gwsim import manifest
from gwsim.errors import GwsimError

BLOCK = tarfile.BLOCKSIZE
# What a tar is filled up to.
RECORD = tarfile.RECORDSIZE
PIECE = 2**20
# Manifests are kept while a tar streams by; nothing of this size is one.
LARGEST_MANIFEST = 2**28
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)


def header(name: str, size: int) -> bytes:
    """Return a file's header."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    try:
        return info.tobuf(tarfile.USTAR_FORMAT)
    except ValueError as error:
        raise GwsimError(f"{name} of {size} bytes does not go into a tar: {error}") from error


def is_tar(path: Path) -> bool:
    """Return whether a file is a tar, by its name or its first header."""
    with path.open("rb") as file:
        return path.suffix == ".tar" or file.read(BLOCK)[257:262] == b"ustar"


class Writer:
    """A tar on its way, and the sha256 of what was written of it."""

    def __init__(self, out):
        self._out, self._hash, self.size = out, hashlib.sha256(), 0

    def add(self, name: str, content: bytes) -> None:
        """Add a file that is at hand."""
        self._put(header(name, len(content)))
        self._put(content)
        self._fill(BLOCK)

    def copy(self, name: str, path: Path, entry: dict) -> None:
        """Add a file from the disk; raises GwsimError where it is not what its entry of a manifest says."""
        self._put(header(name, entry["bytes"]))
        own, left = hashlib.sha256(), entry["bytes"]
        with path.open("rb") as file:
            while left and (piece := file.read(min(PIECE, left))):
                own.update(piece)
                self._put(piece)
                left -= len(piece)
            whole = not left and not file.read(1)
        if not whole or own.hexdigest() != entry["sha256"]:
            raise GwsimError(
                f"{path} is not what its manifest says; `gwsim verify` names all that is altered"
            )
        self._fill(BLOCK)

    def end(self) -> str:
        """End the tar and return its sha256."""
        self._put(bytes(2 * BLOCK))
        self._fill(RECORD)
        return self._hash.hexdigest()

    def _put(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._out.write(piece)
        self.size += len(piece)

    def _fill(self, unit: int) -> None:
        self._put(bytes(-self.size % unit))


class Stream:
    """Bytes read in order, and how many there were."""

    def __init__(self, read, tell=lambda done: None):
        self._read, self._tell, self.place, self._rest = read, tell, 0, b""

    def take(self, size: int) -> bytes:
        """Return so many bytes, fewer at the end."""
        parts, got = [], 0
        while got < size:
            if not self._rest and not (piece := self._more()):
                break
            piece, self._rest = self._rest[: size - got], self._rest[size - got :]
            parts.append(piece)
            got += len(piece)
        self.place += got
        return b"".join(parts)

    def _more(self) -> bytes:
        self._rest = self._read(PIECE)
        self._tell(self.place)
        return self._rest


class Contents:
    """What a tar holds: files by name with sha256 and size, the texts of manifests, and what is wrong."""

    def __init__(self):
        self.found: dict[str, dict] = {}
        self.manifests: dict[str, bytes] = {}
        self.faults: list[str] = []
        # Files whose header is not the one that we would write.
        self.odd: list[str] = []


def contents(stream: Stream) -> Contents:
    """Read a tar to its end."""
    found = Contents()
    while block := _header_block(stream, found):
        info = _parsed(block)
        if info is None:
            found.faults.append(f"altered: the tar's header at byte {stream.place - BLOCK}")
            if not (block := _next_header(stream)):
                return found
            info = _parsed(block)
        _file(stream, info, block, found)
    _end(stream, found)
    # Of a tar that another program wrote all headers are, and say nothing.
    if len(found.odd) < len(found.found):
        found.faults += [f"altered: the tar's header of {name}" for name in found.odd]
    return found


def _header_block(stream: Stream, found: Contents) -> bytes:
    """Return the next header; nothing at the end, where the first block of zeros was taken."""
    block = stream.take(BLOCK)
    if len(block) < BLOCK:
        found.faults.append(f"cut: the tar ends after {stream.place} bytes, without its end")
        return b""
    return block if any(block) else b""


def _parsed(block: bytes) -> tarfile.TarInfo | None:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, ValueError):
        return None


def _next_header(stream: Stream) -> bytes:
    """Return the next block that is a header, past one that is none; nothing where there is none."""
    while len(block := stream.take(BLOCK)) == BLOCK:
        if block[257:262] == b"ustar" and _parsed(block):
            return block
    return b""


def _file(stream: Stream, info: tarfile.TarInfo, block: bytes, found: Contents) -> None:
    """Read one file, with what fills its last block."""
    if info.type == tarfile.DIRTYPE:
        return
    if info.type not in REGULAR:
        raise GwsimError(
            f"the tar has an entry '{info.name}' of a kind that is not read as it is (type "
            f"{info.type.decode('latin1')}); hint: unpack it and verify the folder"
        )
    own, left, kept = hashlib.sha256(), info.size, []
    keep = PurePosixPath(info.name).name == manifest.MANIFEST and info.size < LARGEST_MANIFEST
    while left and (piece := stream.take(min(PIECE, left))):
        own.update(piece)
        left -= len(piece)
        kept += [piece] if keep else []
    if block != _ours(info):
        found.odd.append(info.name)
    if left:
        found.faults.append(f"cut: the tar ends within {info.name}, {left} bytes too early")
        return
    if any(stream.take(-info.size % BLOCK)):
        found.faults.append(f"altered: the tar's filling after {info.name}")
    if info.name in found.found:
        found.faults.append(f"twice in the tar: {info.name}")
    found.found[info.name] = {"sha256": own.hexdigest(), "bytes": info.size}
    if keep:
        found.manifests[info.name] = b"".join(kept)


def _ours(info: tarfile.TarInfo) -> bytes:
    try:
        return header(info.name, info.size)
    except GwsimError:
        return b""


def _end(stream: Stream, found: Contents) -> None:
    """Read what follows the last file."""
    if any("cut:" in fault for fault in found.faults):
        return
    while piece := stream.take(PIECE):
        if any(piece):
            found.faults.append(f"altered: the tar goes on after its end, before byte {stream.place}")
            return
    if len(found.odd) < len(found.found) and stream.place % RECORD:
        found.faults.append(f"cut: the tar ends after {stream.place} bytes, within its end")


def proved(stream: Stream, where: str) -> dict:
    """Return the manifest of a tar's store proved whole and unaltered, or say all that is wrong with it.

    where: what a message calls the tar.
    """
    got = contents(stream)
    if not got.found and got.faults:
        raise GwsimError(f"{where} is no tar of a store: {got.faults[0]} (compressed? unpack it first)")
    if not got.manifests:
        what = "; ".join(got.faults) or f"it has {', '.join(list(got.found)[:4]) or 'no file'}"
        raise GwsimError(f"{where} has no {manifest.MANIFEST}: {what}")
    name = min(got.manifests, key=lambda one: one.count("/"))
    content = manifest.parsed(got.manifests[name], f"{where}: {name}")
    folder = name.removesuffix(manifest.MANIFEST)
    of_store = {one: entry for one, entry in got.found.items() if one != name and one.startswith(folder)}
    inside = {one.removeprefix(folder): entry for one, entry in of_store.items()}
    # Under its full name: what lies outside of the store's folder stands in for nothing in it.
    outside = sorted(set(got.found) - set(of_store) - {name})
    strangers = [f"not in the manifest: {one}" for one in outside]
    manifest.refuse(where, got.faults + manifest.differences(content, inside) + strangers)
    return content
