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


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real strain and published waveforms that lies beside the repository on some machines."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared/data beside the repository")
    return folder
