"""The selection of replicates."""

from __future__ import annotations

from typing import Any

import numpy as np


def select_good_bootstraps(sklearn_wrapper: Any, train_errs: Any, tol: float = 2) -> Any:
    """Leaves out replicates whose mean error is ``tol`` times that of the best or more, and gives the model back.

    ``train_errs`` (replicates, rows) or (replicates, rows, targets) are errors of each replicate; the best is kept.
    """
    errors = np.asarray(train_errs, dtype=np.float64)
    means = errors.reshape(len(errors), -1).mean(axis=1)
    good = (means < tol * means.min()) | (means == means.min())
    sklearn_wrapper.models = [model for model, kept in zip(sklearn_wrapper.models, good) if kept]
    sklearn_wrapper.n_bootstraps = len(sklearn_wrapper.models)
    return sklearn_wrapper
