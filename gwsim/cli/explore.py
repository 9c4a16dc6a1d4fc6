"""The explorer alive, on this machine: maps of any point and class when they are asked for."""

from pathlib import Path

SUMMARY = "open a network's explorer alive: a page on this machine that makes maps on demand"
PORT = 8050
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Names that a browser of this machine asks by.
NAMES = ["127.0.0.1", "localhost"]


def arguments(parser):
    parser.add_argument("folder", type=Path, help="a network: results/EXPERIMENT/networks/NETWORK-SEED")
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
    parser.add_argument(
        "--host", default=LOOPBACK[0], help="address to listen on; default: this machine alone"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="of torch on a CPU")


def run(args):
    import sys

    import torch
    from werkzeug.serving import make_server

    from gwsim import devices
    from gwsim.explorer import live

    listening = bound(args.host, args.port)
    torch.set_num_threads(args.threads)
    answers, point_of = opened(args.folder, devices.choose(args.device))
    hosts = NAMES if args.host in NAMES else None
    app = live.application(args.folder.resolve() / "explorer", answers, point_of, hosts)
    if args.host not in LOOPBACK:
        print(
            f"WARNING: anybody who reaches this machine at {args.host} can read these data: there is no "
            "password. Leave out --host to be seen from this machine alone.",
            file=sys.stderr,
        )
    host = f"[{args.host}]" if ":" in args.host else args.host
    port = listening.getsockname()[1]
    print(f"explorer of {args.folder} at http://{host}:{port}/ (Ctrl+C ends it)", flush=True)
    server = make_server(args.host, port, app.server, threaded=True, fd=listening.fileno())
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("ended", file=sys.stderr)


def bound(host, port):
    """Return a socket that has the port: what is long to load comes after it."""
    import errno
    import socket

    from gwsim.errors import GwsimError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except (OSError, OverflowError) as error:
        made.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise GwsimError(
                f"port {port} of {host} is in use, perhaps by another explorer: end that, or name another "
                f"port, such as --port {port + 1}"
            ) from None
        raise GwsimError(f"cannot listen on port {port} of {host}: {error}") from None
    made.listen()
    return made


def opened(folder, device):
    """Return what answers for the points of a network's explorer, and (dataset, row) -> point."""
    import json

    from gwsim import checkpoint, dataset, view
    from gwsim.errors import GwsimError
    from gwsim.explorer import live, points, products

    page, weights = folder / "explorer" / "index.html", folder / "model.safetensors"
    if not page.is_file():
        raise GwsimError(f"no explorer stands at {page}: make it with `snakemake {page}`")
    model, description = checkpoint.load(weights, device)
    embedding = products.embedded(folder / "embed" / "metrics.json", weights, description["classes"])
    manifests = [folder.resolve().parents[1] / name / "manifest.json" for name in embedding.datasets]
    data = [dataset.Examples(path, dataset.view_of(description)) for path in manifests]
    for one in data:
        checkpoint.expect(description, one)
    settings = json.loads((folder / "explain" / "metrics.json").read_text())["settings"]
    read = products.reader(embedding.table, data)
    tiles = view.tiles(description["array"], tuple(description["shape"]))
    classes, count = description["classes"], len(embedding.table)
    answers = live.Answers(model, read, count, classes, settings["score"], tiles)
    return answers, points.places(embedding.table, embedding.datasets)
