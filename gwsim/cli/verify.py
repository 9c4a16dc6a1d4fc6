"""Prove a store whole and unaltered."""

from pathlib import Path

# What a store's folder has, from its first moment on or when it was copied.
STORE = ("shards.zarr", "data.zarr", "manifest.json")
SUMMARY = "prove a store whole and unaltered, by the sha256 of every file"


def arguments(parser):
    what = "the store's folder, its data.zarr or its manifest.json; its tar; or the http(s) address of one"
    parser.add_argument("store", help=what)


def run(args):
    from functools import partial

    from gwsim import manifest, remote, tarred
    from gwsim.cli.progress import progress, transfers

    path = Path(args.store)
    if remote.is_address(args.store):
        where = args.store
        with transfers() as show:
            content = remote.verify(args.store, show)
    elif path.is_file() and tarred.is_tar(path):
        where, content = path, tar(path)
    else:
        where = folder_of(path)
        content = manifest.verify(where, partial(progress, name="verify"))
    count = len(content["files"])
    print(f"{where}: whole and unaltered, {count} files, {manifest.rows(content)} rows")


def tar(path):
    """Return the manifest of a tar's store, proved whole and unaltered."""
    from gwsim import tarred
    from gwsim.cli.progress import transfers

    size = path.stat().st_size
    with path.open("rb") as file, transfers() as show:
        return tarred.proved(tarred.Stream(file.read, lambda done: show(path.name, done, size)), str(path))


def folder_of(path):
    """Return a store's folder; of what is none, say what it is and which stores are near."""
    from gwsim import manifest
    from gwsim.errors import GwsimError

    if not path.exists() and (near := _stores(path.parent)):
        raise GwsimError(f"nothing stands at {path}; stores are {near}")
    folder = manifest.folder_of(path)
    if not folder.is_dir():
        raise GwsimError(f"{path} is a file, expected a store's folder, its data.zarr, manifest.json or tar")
    if not any((folder / name).exists() for name in STORE):
        near = _stores(folder)
        held = f"; stores in it are {near}" if near else ", nor one in it"
        raise GwsimError(f"{path} is no store: it has none of {', '.join(STORE)}{held}")
    return folder


def _stores(folder):
    """Return the stores in a folder, down to a bank in a dataset among experiments, as text."""
    found = {
        at.parents[1] for depth in ("", "*/", "*/*/") for at in folder.glob(f"{depth}*/shards.zarr/zarr.json")
    }
    return ", ".join(sorted(map(str, found)))
