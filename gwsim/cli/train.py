"""The stage `train`: one network of one seed."""

from pathlib import Path

SUMMARY = "train a network, going on from its last whole epoch"


def arguments(parser):
    parser.add_argument("--settings", type=Path, required=True, help="settings of the stage (JSON)")
    parser.add_argument("--seed", type=int, required=True, help="seed of weights, order and SNRs")
    parser.add_argument("--train", type=Path, required=True, help="manifest.json of the training set")
    parser.add_argument("--validation", type=Path, required=True, help="manifest.json of the validation set")
    parser.add_argument(
        "--mix",
        type=Path,
        nargs="*",
        default=[],
        help="manifest of the noise, then of the bank of both sets: examples are rendered in memory at new "
        "SNRs every epoch",
    )
    parser.add_argument("--output", type=Path, required=True, help="network to write (safetensors)")
    parser.add_argument("--history", type=Path, required=True, help="metrics of each epoch to write (CSV)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="of torch on a CPU")
    parser.add_argument("--keep-mib", type=int, default=1024, help="memory for examples read once already")


def run(args):
    import dataclasses
    import json
    import sys
    import time

    import pandas as pd
    import torch

    from gwsim import checkpoint, dataset, devices, events, files, provenance, store, train
    from gwsim.cli.memory import keep_freed_memory
    from gwsim.cli.progress import progress

    keep_freed_memory()
    torch.set_num_threads(args.threads)
    device = devices.choose(args.device)
    settings = json.loads(args.settings.read_text())
    view = dataset.view_of(settings)
    examples, validation = (dataset.Examples(path, view) for path in (args.train, args.validation))
    train.expect_classes(settings["classes"], examples)
    train.expect_alike(examples, validation)
    if args.mix:
        from gwsim import mixed

        noise, *banks = (path.parent / "data.zarr" for path in args.mix)
        kept = (args.keep_mib * 2**20, 0)
        examples, validation = (
            mixed.Mixed(one, noise, bank, str(device), most)
            for one, bank, most in zip((examples, validation), banks, kept, strict=True)
        )
    training = train.Training(examples, validation, settings, args.seed, device, args.keep_mib * 2**20)
    inputs = [files.fingerprint(path) for path in (args.train, args.validation, *args.mix)]
    code = [provenance.code_sha256(__name__), provenance.versions(), str(device), args.threads]
    key = store.digest([settings, args.seed, inputs, code])

    state = args.output.with_name("state.safetensors")
    if state.is_file():
        resume(training, state, key)
    log = events.Events(args.output.parent / "events")
    for row in training.history:
        log.add(row)
    total = len(training.phases)
    while not training.ended:
        epoch = len(training.history)
        start = time.monotonic()
        for _ in progress(training.epoch(epoch), f"epoch {epoch + 1} of {total}", training.batches(epoch)):
            pass
        row = training.history[-1]
        row["seconds"] = round(time.monotonic() - start, 3)
        print(train.sentence(row, total), file=sys.stderr, flush=True)
        log.add(row)
        files.write_atomic(args.history, pd.DataFrame(training.history).to_csv(index=False))
        kept = {"key": key, "history": training.history}
        checkpoint.write(state, training.state(), kept, checkpoint.STATE)
    description = {
        "network": args.output.parent.name,
        "seed": args.seed,
        "training": settings,
        "epoch": training.best_epoch,
        **{name: settings[name] for name in ("model", "classes")},
        **dataclasses.asdict(view),
        **{name: getattr(examples, name) for name in ("shape", "ifos", "sample_rate")},
        "data": files.fingerprint(args.train),
        "versions": provenance.versions(),
        "revision": provenance.revision(),
    }
    files.write_atomic(args.history, pd.DataFrame(training.history).to_csv(index=False))
    checkpoint.write(args.output, training.network(), description)


def resume(training, state, key):
    """Go on from the last whole epoch, where it is of the same settings, data, code and device."""
    import sys

    from gwsim import checkpoint
    from gwsim.errors import GwsimError

    try:
        tensors, kept = checkpoint.read(state, checkpoint.STATE)
    except GwsimError as error:
        print(f"beginning anew: {error}", file=sys.stderr)
        return
    if kept["key"] != key:
        print(
            "beginning anew: settings, data, code, versions, device or threads have changed", file=sys.stderr
        )
        return
    training.restore(tensors, kept["history"])
    print(f"going on after epoch {len(training.history)}", file=sys.stderr)
