"""What every test gets: shapes in signatures are real checks, torch has one thread, shared data or a skip."""

import sys
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Before any import of gwsim: it rewrites what is imported later.
install_import_hook("gwsim", "typechecker.check")


def pytest_runtest_setup(item):
    # Bytes are promised for one thread; torch is not imported here for tests that do without it.
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    # Whole workflows take longest, in files of few tests: begun first, none leaves a worker alone at the end.
    items.sort(key=lambda item: not item.path.stem.endswith("_workflow"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real strain and published waveforms that lies beside the repository on some machines."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared/data beside the repository")
    return folder
