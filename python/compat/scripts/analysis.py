"""Effects, their p-values, and the selection of replicates."""

import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("Agg")
from contextualized.analysis import (
    calc_heterogeneous_predictor_effects_pvals,
    calc_homogeneous_context_effects_pvals,
    calc_homogeneous_predictor_effects_pvals,
    get_possible_pvals,
    plot_embedding_for_all_covars,
    plot_heterogeneous_predictor_effects,
    plot_homogeneous_context_effects,
    plot_homogeneous_predictor_effects,
    plot_lowdim_rep,
    print_acc_by_covars,
    select_good_bootstraps,
    test_each_context,
)
from contextualized.analysis.effects import (
    get_heterogeneous_predictor_effects,
    get_homogeneous_context_effects,
    get_homogeneous_predictor_effects,
)
from contextualized.easy import ContextualizedRegressor
from report import measure, result, seconds

rng = np.random.default_rng(0)
n = 300
C = rng.uniform(-1, 1, (n, 2))
X = rng.normal(size=(n, 2))
Y = (C[:, 0] * X[:, 0] + X[:, 1] + 0.5 * C[:, 1] + 0.1 * rng.normal(size=n)).reshape(-1, 1)
fit = {"max_epochs": 10, "train_batch_size": 16, "es_patience": 3, "learning_rate": 1e-2}
model = ContextualizedRegressor(n_bootstraps=5)
model.fit(C, X, Y, **fit)

result("get_possible_pvals", lambda: np.array(get_possible_pvals(5)))
quiet = {"verbose": False, "n_vis": 50}
result("get_homogeneous_context_effects", lambda: get_homogeneous_context_effects(model, C, **quiet))
result("get_homogeneous_predictor_effects", lambda: get_homogeneous_predictor_effects(model, C, **quiet))
result("get_heterogeneous_predictor_effects", lambda: get_heterogeneous_predictor_effects(model, C, **quiet))
of_context = result("calc_homogeneous_context_effects_pvals", lambda: calc_homogeneous_context_effects_pvals(model, C, **quiet))
of_predictor = result(
    "calc_homogeneous_predictor_effects_pvals", lambda: calc_homogeneous_predictor_effects_pvals(model, C, **quiet)
)
varying = result(
    "calc_heterogeneous_predictor_effects_pvals", lambda: calc_heterogeneous_predictor_effects_pvals(model, C, **quiet)
)
measure("p of the effect that varies", varying[0, 0, 0])
measure("p of an effect that does not vary", varying[1, 1, 0])
names = pd.DataFrame(C, columns=["c0", "c1"]), pd.DataFrame(X, columns=["x0", "x1"]), pd.DataFrame(Y, columns=["y"])
result("test_each_context", lambda: test_each_context(ContextualizedRegressor, *names, verbose=False, model_kwargs={}, fit_kwargs={**fit, "n_bootstraps": 3}))
drawn = {"verbose": False, "n_vis": 20, "classification": False}
result("plot_homogeneous_context_effects", lambda: plot_homogeneous_context_effects(model, names[0], **drawn))
result("plot_homogeneous_predictor_effects", lambda: plot_homogeneous_predictor_effects(model, names[0], names[1], **drawn))
result("plot_heterogeneous_predictor_effects", lambda: plot_heterogeneous_predictor_effects(model, names[0], names[1], **drawn))
result("plot_lowdim_rep", lambda: plot_lowdim_rep(C, C[:, 0]))
result("plot_embedding_for_all_covars", lambda: plot_embedding_for_all_covars(C, names[0]))
labels = pd.DataFrame({"group": rng.integers(0, 2, n)})
result("print_acc_by_covars", lambda: print_acc_by_covars((Y > 0).astype(int), Y, labels))
errors = (model.predict(C, X, individual_preds=True) - Y) ** 2
kept = result("select_good_bootstraps", lambda: select_good_bootstraps(model, errors, tol=5))
measure("replicates kept", model.n_bootstraps)
seconds()
