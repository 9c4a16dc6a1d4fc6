"""A finished dataset on S3: put there, read from there, proved there, on a local server."""

import json

import finished_store
import numpy as np
import pytest
import xarray

from gwsim.command import main

s3fs = pytest.importorskip("s3fs", reason="no s3fs: it is not part of the environment")
moto = pytest.importorskip("moto.server", reason="no moto: no local S3 server")


@pytest.fixture
def server(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


def test_a_dataset_on_s3_is_read_and_proved_and_a_changed_file_is_named(server, tmp_path, capsys):
    folder = finished_store.make(tmp_path / "train")
    files = s3fs.S3FileSystem(endpoint_url=server)
    files.mkdir("our-bucket", acl="public-read")
    names = [*json.loads((folder / "manifest.json").read_text())["files"], "manifest.json"]
    files.put([str(folder / name) for name in names], [f"our-bucket/train/{name}" for name in names])
    there = xarray.open_zarr("s3://our-bucket/train/data.zarr", storage_options={"endpoint_url": server})
    here = xarray.open_zarr(folder / "data.zarr")
    assert set(there) == set(here) and there.attrs == here.attrs
    for name in here:
        np.testing.assert_array_equal(there[name].values, here[name].values)
    main(["verify", f"{server}/our-bucket/train"])
    assert "whole and unaltered" in capsys.readouterr().out
    files.pipe_file("our-bucket/train/data.zarr/zarr.json", b"{}")
    with pytest.raises(SystemExit):
        main(["verify", f"{server}/our-bucket/train"])
    assert "data.zarr/zarr.json" in "".join(capsys.readouterr())
