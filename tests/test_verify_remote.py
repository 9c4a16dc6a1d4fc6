"""A store proved whole where it lies: in its folder, in its tar, at an address. One bit is noticed."""

import functools
import http.server
import shutil
import socket
import tarfile
import threading

import finished_store
import numpy as np
import pytest

from gwsim import command, manifest, remote, tarred
from gwsim.errors import GwsimError


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store and its tar, which tests leave as they are."""
    place = tmp_path_factory.mktemp("results")
    folder = finished_store.make(place / "cbc" / "train")
    command.main(["export", str(folder), str(place / "train.tar"), "--to", "tar"])
    return folder, place / "train.tar"


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "cbc" / "train")
    return tmp_path / "cbc" / "train"


def said(capsys, *words):
    """Return what the command says of a fault."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        command.main(["verify", *map(str, words)])
    assert ended.value.code == 2
    return capsys.readouterr().err


def flipped(content: bytes, place: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)


def proved(content: bytes) -> dict:
    import io

    return tarred.proved(tarred.Stream(io.BytesIO(content).read), "a tar")


# ---- in its folder


def test_a_bit_of_any_file_is_noticed(folder, capsys):
    """Of every file of the manifest three bits at random, and of the manifest itself as many as fifty."""
    rng = np.random.default_rng(3)
    names = sorted(manifest.read(folder / "manifest.json")["files"])
    assert {"table.parquet", "data.zarr/zarr.json", "data.zarr/README.md"} < set(names)
    for name in names + ["manifest.json"] * 17:
        content = (folder / name).read_bytes()
        for _ in range(3):
            (folder / name).write_bytes(flipped(content, rng.integers(len(content)), rng.integers(8)))
            with pytest.raises(GwsimError, match="no whole manifest" if name == "manifest.json" else name):
                manifest.verify(folder)
        (folder / name).write_bytes(content)
    assert manifest.verify(folder)


def test_a_shard_is_named_with_its_rows(folder, capsys):
    (folder / "data.zarr/strain/c/2/0/0").unlink()
    shard = folder / "data.zarr/spectrogram/c/1/0/0/0"
    shard.write_bytes(shard.read_bytes()[:-1])
    (folder / "data.zarr/strain/c/9").write_bytes(b"new")
    error = said(capsys, folder)
    assert "missing: data.zarr/strain/c/2/0/0 (rows 8 to 9)" in error
    assert "altered: data.zarr/spectrogram/c/1/0/0/0 (rows 4 to 7)" in error
    assert "not in the manifest: data.zarr/strain/c/9" in error


def test_a_manifest_without_a_seal_is_read_and_one_with_more_keys_is_not(folder):
    import json

    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_text(json.dumps(content))
    assert manifest.verify(folder)["files"] == content["files"]
    path.write_text(json.dumps(content | {"sha255": "0"}))
    with pytest.raises(GwsimError, match="no whole manifest"):
        manifest.verify(folder)


# ---- in its tar


def test_a_tar_is_read_without_unpacking(whole, capsys):
    command.main(["verify", str(whole[1])])
    assert "train.tar: whole and unaltered" in capsys.readouterr().out
    assert proved(whole[1].read_bytes()) == manifest.read(whole[0] / "manifest.json")


def test_a_bit_anywhere_in_a_tar_is_noticed(whole):
    """Every byte of one header, of one file's filling and of the end; and some hundred bits elsewhere."""
    content = whole[1].read_bytes()
    with tarfile.open(whole[1]) as tar:
        member = next(one for one in tar if one.name.endswith("zarr.json") and one.size % 512)
    end = member.offset_data + member.size
    rng = np.random.default_rng(4)
    places = [*range(member.offset, member.offset_data), *range(end, end + -member.size % 512)]
    places += [len(content) - one for one in (1, 512, 513, 1024)]
    places += rng.integers(0, len(content), 60).tolist()
    for place in places:
        with pytest.raises(GwsimError, match=r"altered: |no manifest|no whole manifest|no tar of a store"):
            proved(flipped(content, place, int(rng.integers(8))))


def test_each_header_of_a_tar_is_read_whatever_became_of_those_before(whole):
    """A header that is spoiled hides its file alone."""
    content, listed = whole[1].read_bytes(), manifest.read(whole[0] / "manifest.json")
    with tarfile.open(whole[1]) as tar:
        members = {one.name.removeprefix("cbc-train/"): one for one in tar}
    name = "data.zarr/strain/c/1/0/0"
    with pytest.raises(GwsimError) as error:
        proved(flipped(content, members[name].offset + 3, 2))
    lines = str(error.value).splitlines()[1:]
    assert [one.strip() for one in lines] == [
        f"altered: the tar's header at byte {members[name].offset}",
        f"missing: {name} (rows 4 to 7)",
    ]
    assert set(listed["files"]) | {"manifest.json"} == set(members)


@pytest.mark.parametrize("left", [0, 100, 511, 513, 50_000, -1, -512, -5_000, -11_000])
def test_a_cut_tar_is_told(whole, tmp_path, capsys, left):
    (tmp_path / "cut.tar").write_bytes(whole[1].read_bytes()[:left])
    error = said(capsys, tmp_path / "cut.tar")
    assert "cut: the tar ends" in error and "Traceback" not in error


def test_a_tar_with_more_or_less_in_it_is_told(whole, tmp_path, capsys):
    subject = tmp_path / "some.tar"
    for change, words in (
        ({"data.zarr/strain/c/0/0/0": None}, "missing: data.zarr/strain/c/0/0/0 (rows 0 to 3)"),
        ({"data.zarr/new": b"new"}, "not in the manifest: data.zarr/new"),
        ({"manifest.json": None}, "has no manifest.json"),
        ({"table.parquet": b"other"}, "altered: table.parquet"),
    ):
        with tarfile.open(whole[1]) as tar, subject.open("wb") as file:
            out = tarred.Writer(file)
            for member in tar:
                name = member.name.removeprefix("cbc-train/")
                content = change.get(name, tar.extractfile(member).read())
                if content is not None:
                    out.add(member.name, content)
            for name in set(change) - {one.name.removeprefix("cbc-train/") for one in tar.getmembers()}:
                out.add(f"cbc-train/{name}", change[name])
            out.end()
        assert words in said(capsys, subject)


def test_a_file_that_is_twice_in_a_tar_is_told(whole, tmp_path, capsys):
    with tarfile.open(whole[1]) as tar, (tmp_path / "twice.tar").open("wb") as file:
        out = tarred.Writer(file)
        for member in tar:
            for _ in range(2 if member.name.endswith("table.parquet") else 1):
                out.add(member.name, tar.extractfile(member).read())
        out.end()
    assert "twice in the tar: cbc-train/table.parquet" in said(capsys, tmp_path / "twice.tar")


def test_a_tar_of_another_program_is_proved_by_its_files(whole, tmp_path, capsys):
    with tarfile.open(tmp_path / "other.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(whole[0], "train")
    # It has the folder in which the store grew, too, and its shards as links to that.
    assert "unpack it and verify the folder" in said(capsys, tmp_path / "other.tar")
    with tarfile.open(tmp_path / "other.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        for name in ("manifest.json", "table.parquet", "data.zarr"):
            tar.add(whole[0] / name, f"deeper/train/{name}")
    command.main(["verify", str(tmp_path / "other.tar")])
    assert "whole and unaltered" in capsys.readouterr().out
    with tarfile.open(tmp_path / "link.tar", "w") as tar:
        link = tarfile.TarInfo("train/table.parquet")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert "unpack it and verify the folder" in said(capsys, tmp_path / "link.tar")


def test_what_is_no_tar_is_told(tmp_path, whole, capsys):
    import gzip

    for name, content in (
        ("page.tar", b"<html><title>later</title></html>\n" * 100),
        ("packed.tar", gzip.compress(whole[1].read_bytes())),
        ("random.tar", np.random.default_rng(1).bytes(3000)),
    ):
        (tmp_path / name).write_bytes(content)
        assert "is no tar of a store" in said(capsys, tmp_path / name)


# ---- at an address


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; faults: path's ending -> what is answered in its place, times left."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.path = path
        self.server.asked.append(path)
        for ending, fault in self.server.faults.items():
            if path.endswith(ending) and fault[1] > 0:
                fault[1] -= 1
                return fault[0](self)
        return super().do_GET()


def status(code):
    def answer(request):
        request.send_error(code)

    return answer


def page(request):
    content = b"<!DOCTYPE html><html><title>Sign in</title></html>"
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def half(request):
    """Half of the file under its whole length, and the connection ends."""
    content = open(request.translate_path(request.path), "rb").read()  # noqa: PTH123, SIM115
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content[: len(content) // 2])
    request.close_connection = True


@pytest.fixture
def site(whole, monkeypatch):
    monkeypatch.setattr(remote, "WAIT", 0.01)
    place = whole[1].parent
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(place))
    )
    server.faults, server.asked = {}, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "path",
    [
        "/cbc/train",
        "/cbc/train/",
        "/cbc/train/data.zarr",
        "/cbc/train/manifest.json",
        "/train.tar?download=1",
    ],
)
def test_a_store_at_an_address_is_proved(site, whole, path, capsys):
    command.main(["verify", site.url + path])
    listed = manifest.read(whole[0] / "manifest.json")["files"]
    assert f"whole and unaltered, {len(listed)} files, 10 rows" in capsys.readouterr().out
    # Every file was asked for once.
    asked = ["/train.tar"] if "tar" in path else [f"/cbc/train/{name}" for name in (*listed, "manifest.json")]
    assert sorted(site.asked) == sorted(asked)


def test_names_are_written_as_addresses_have_them(site, whole, capsys):
    folder = whole[1].parent / "odd"
    (folder / "data.zarr").mkdir(parents=True)
    (folder / "data.zarr" / "a%41#b?c").write_bytes(b"odd")
    manifest.write(folder, manifest.listing(folder, [{"rows": [0, 1], "files": {}}]))
    command.main(["verify", f"{site.url}/odd"])
    assert "whole and unaltered, 1 files" in capsys.readouterr().out


def test_faults_at_an_address_are_named_with_their_rows(site, capsys):
    always = 10**6
    site.faults = {
        "strain/c/0/0/0": [status(404), always],
        "strain/c/1/0/0": [page, always],
        "spectrogram/c/2/0/0/0": [half, always],
        "table.parquet": [status(503), always],
    }
    error = said(capsys, f"{site.url}/cbc/train")
    assert "missing: data.zarr/strain/c/0/0/0 (rows 0 to 3): " in error and "answers 404" in error
    assert "altered: data.zarr/strain/c/1/0/0 (rows 4 to 7)" in error
    assert "missing: data.zarr/spectrogram/c/2/0/0/0 (rows 8 to 9): " in error and "broke off after" in error
    assert "answers 503" in error and error.count("\n") == 5
    assert site.asked.count("/cbc/train/table.parquet") == 3
    assert site.asked.count("/cbc/train/data.zarr/strain/c/0/0/0") == 1


def test_trouble_that_passes_is_waited_out(site, capsys):
    site.faults = {"strain/c/1/0/0": [half, 2], "manifest.json": [status(500), 1]}
    command.main(["verify", f"{site.url}/cbc/train"])
    assert "whole and unaltered" in capsys.readouterr().out


@pytest.mark.parametrize("code", [408, 429, 503])
def test_a_host_that_is_busy_is_asked_again_after_what_it_says(site, capsys, monkeypatch, code):
    waited = []

    def busy(request):
        request.send_response(code)
        request.send_header("Retry-After", "7" if len(waited) == 0 else "9999")
        request.send_header("Content-Length", "0")
        request.end_headers()

    monkeypatch.setattr(remote.time, "sleep", waited.append)
    site.faults = {"strain/c/1/0/0": [busy, 2]}
    command.main(["verify", f"{site.url}/cbc/train"])
    assert "whole and unaltered" in capsys.readouterr().out
    assert waited == [7, 120] and site.asked.count("/cbc/train/data.zarr/strain/c/1/0/0") == 3


def test_a_bit_that_the_network_flips_is_noticed(site, whole, capsys):
    content = (whole[0] / "data.zarr/label/c/0").read_bytes()

    def spoiled(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(flipped(content, 5, 3))

    site.faults = {"label/c/0": [spoiled, 99]}
    assert "altered: data.zarr/label/c/0\n" in said(capsys, f"{site.url}/cbc/train")


def test_an_address_that_is_no_store_is_told(site, capsys):
    assert "answers 404" in said(capsys, f"{site.url}/cbc/other")
    assert "answers 404" in said(capsys, f"{site.url}/other.tar")
    site.faults = {"manifest.json": [page, 9], "train.tar": [page, 9]}
    assert "is a web page" in said(capsys, f"{site.url}/cbc/train")
    assert "is no tar of a store" in said(capsys, f"{site.url}/train.tar")
    site.faults = {"train.tar": [half, 1]}
    error = said(capsys, f"{site.url}/train.tar")
    assert "broke off after" in error
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "cannot be reached" in said(capsys, f"http://127.0.0.1:{port}/train")
    assert "without ? and #" in said(capsys, f"{site.url}/cbc/train?x=1")


def test_every_request_says_who_asks_in_one_place():
    from gwsim import asking
    from gwsim.gwosc import download

    assert remote.HEADERS is download.HEADERS is asking.HEADERS
    assert asking.HEADERS["User-Agent"].startswith("gwsim/")
