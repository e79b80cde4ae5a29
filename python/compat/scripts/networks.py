"""Section 2 of the demo in small: an edge whose weight is the context."""

import numpy as np
from contextualized.easy import (
    ContextualizedBayesianNetworks,
    ContextualizedCorrelationNetworks,
    ContextualizedMarkovNetworks,
)
from report import measure, result, seconds

rng = np.random.default_rng(0)
n = 300
C = rng.uniform(-1, 1, (n, 1))
X = rng.normal(size=(n, 3))
X[:, 1] = C[:, 0] * X[:, 0] + 0.5 * rng.normal(size=n)
X = X / X.std(axis=0)
weight = C[:, 0] / np.sqrt(C[:, 0] ** 2 + 0.25)

fit = {"max_epochs": 10, "train_batch_size": 16, "es_patience": 5, "learning_rate": 1e-2}
model = ContextualizedCorrelationNetworks(n_bootstraps=2, num_archetypes=4)
result("correlation fit", lambda: model.fit(C, X, **fit))
result("correlation predict_correlation", lambda: model.predict_correlation(C))
found = result(
    "correlation predict_correlation averaged", lambda: model.predict_correlation(C, individual_preds=False, squared=False)
)
result("correlation predict_networks", lambda: model.predict_networks(C))
result("correlation predict_networks with offsets", lambda: model.predict_networks(C, with_offsets=True))
result("correlation predict_networks individual", lambda: model.predict_networks(C, individual_preds=True))
errors = result("correlation measure_mses", lambda: model.measure_mses(C, X))
result("correlation measure_mses individual", lambda: model.measure_mses(C, X, individual_preds=True))
result("correlation predict_X", lambda: model.predict_X(C, X))
measure("correlation error of an edge", np.mean((found[:, 0, 1] - weight) ** 2))
measure("correlation mean of measure_mses", np.mean(errors))
measure("correlation largest", np.abs(found).max())

model = ContextualizedMarkovNetworks(n_bootstraps=2, num_archetypes=4)
result("markov fit", lambda: model.fit(C, X, **fit))
found = result("markov predict_precisions", lambda: model.predict_precisions(C))
result("markov predict_precisions averaged", lambda: model.predict_precisions(C, individual_preds=False))
result("markov predict_networks", lambda: model.predict_networks(C))
errors = result("markov measure_mses", lambda: model.measure_mses(C, X))
result("markov measure_mses individual", lambda: model.measure_mses(C, X, individual_preds=True))
result("markov predict_X", lambda: model.predict_X(C, X))
measure("markov mean of measure_mses", np.mean(errors))
measure("markov smallest eigenvalue", np.linalg.eigvalsh(found[0]).min())

model = ContextualizedBayesianNetworks(n_bootstraps=2, num_archetypes=4)
result("bayesian fit", lambda: model.fit(C, X, **fit))
found = result("bayesian predict_networks", lambda: model.predict_networks(C))
result("bayesian predict_networks individual", lambda: model.predict_networks(C, individual_preds=True))
result("bayesian predict_networks as they are", lambda: model.predict_networks(C, project_to_dag=False))
result("bayesian predict_params", lambda: model.predict_params(C))
errors = result("bayesian measure_mses", lambda: model.measure_mses(C, X))
result("bayesian measure_mses individual", lambda: model.measure_mses(C, X, individual_preds=True))
result("bayesian predict_X", lambda: model.predict_X(C, X))
measure("bayesian mean of measure_mses", np.mean(errors))
acyclic = [np.allclose(np.linalg.matrix_power((np.abs(w) > 0).astype(float), 3), 0) for w in found]
measure("bayesian share without cycles", np.mean(acyclic))
seconds()
