"""What tests share."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def doses():
    """Rows whose effect of a dose falls with age: contexts, features and targets."""
    rng = np.random.default_rng(0)
    age, dose = rng.uniform(30, 70, (120, 1)), rng.uniform(0, 10, (120, 1))
    response = ((50 - age) * dose / 10).ravel() + rng.normal(size=120)
    return age, dose, response


@pytest.fixture
def program():
    """The program ``contextualized``, where it was built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = os.environ.get("CONTEXTUALIZED") or shutil.which("contextualized") or target / "debug" / "contextualized"
    if not Path(path).exists():
        pytest.skip("the program was not built")
    return str(path)
