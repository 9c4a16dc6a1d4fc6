"""The lock: a plan whose files carry bytes and sha256, by which others prove that theirs are the same."""

from gwsim.errors import GwsimError
from gwsim.gwosc import routes
from gwsim.gwosc.verification import PROOF, fits

LISTED = 10


def lock(plan: dict, receipts: list[dict]) -> dict:
    """Return the plan with bytes and sha256 of every file; raises GwsimError where a receipt is missing."""
    proofs = {file["name"]: {key: file[key] for key in PROOF} for one in receipts for file in one["files"]}
    missing = [routes.name(row) for row in plan["files"] if routes.name(row) not in proofs]
    if missing:
        raise GwsimError(
            f"no receipt holds {len(missing)} of the plan's {len(plan['files'])} files: {_listed(missing)}. "
            "Hint: fetch them first"
        )
    return plan | {"files": [row | proofs[routes.name(row)] for row in plan["files"]]}


def hold(made: dict, named: dict, path: str) -> None:
    """Raise GwsimError with all in which a run's plan or lock is not the one that the configuration names."""
    mine, theirs = ({routes.name(row): row for row in plan["files"]} for plan in (made, named))
    locks = [name for name, row in mine.items() if "sha256" in row]
    found = {
        "files that it has not": [name for name in mine if name not in theirs],
        "files that only it has": [name for name in theirs if name not in mine],
        "other bytes": [name for name in locks if name in theirs and not fits(mine[name], theirs[name])],
        "events": sorted(name for name, _ in set(made["events"].items()) ^ set(named["events"].items())),
    }
    faults = [f"{what}: {_listed(names)}" for what, names in found.items() if names]
    if faults:
        listed = "\n  ".join(faults)
        raise GwsimError(
            f"the strain of this run is not that of {path} (strain.gwosc.plan):\n  {listed}\n"
            "Hint: leave strain.gwosc.plan out to keep this run's own; or, to take what it says, remove "
            "plan.json, lock.json and the receipts of these files (fetched/IFO-GPS.json) under "
            "results/strain, and run again."
        )


def _listed(names) -> str:
    more = f", and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
