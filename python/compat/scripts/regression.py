"""Section 1 of the demo: the effect of one feature is the context, that of another its square."""

import numpy as np
from contextualized.easy import ContextualGAMRegressor, ContextualizedRegressor
from contextualized.utils import load, save
from report import measure, result, seconds

rng = np.random.default_rng(0)
n = 500
C = rng.uniform(-1, 1, (n, 2))
X = rng.normal(size=(n, 2))
slopes = np.column_stack([C[:, 0], C[:, 1] ** 2])
Y = (slopes * X).sum(axis=1, keepdims=True) + C[:, :1] + 0.1 * rng.normal(size=(n, 1))

model = ContextualizedRegressor(
    n_bootstraps=3, num_archetypes=10, encoder_type="mlp", width=25, layers=2, alpha=0.0, learning_rate=1e-2
)
result("fit", lambda: model.fit(C, X, Y, max_epochs=20, es_patience=5, val_split=0.2, train_batch_size=16))
predicted = result("predict", lambda: model.predict(C, X))
result("predict individual", lambda: model.predict(C, X, individual_preds=True))
found = result("predict_params", lambda: model.predict_params(C))
result("predict_params individual", lambda: model.predict_params(C, individual_preds=True))
result("predict_params without offsets", lambda: model.predict_params(C, model_includes_mus=True)[0])
measure("error of predictions", np.mean((predicted.reshape(n) - Y[:, 0]) ** 2))
measure("error of slopes", np.mean((found[0].reshape(n, 2) - slopes) ** 2))

result("save", lambda: save(model, "model.pt"))
result("load", lambda: load("model.pt").predict(C, X))

two = np.concatenate([Y, -Y], axis=1)
naive = ContextualizedRegressor()
result("fit of two targets", lambda: naive.fit(C, X, two, max_epochs=3))
result("predict of two targets", lambda: naive.predict(C, X))
result("predict_params of two targets", lambda: naive.predict_params(C))
result("fit of a vector", lambda: ContextualizedRegressor(alpha=1e-3, l1_ratio=0.5, mu_ratio=0.5).fit(C, X, Y[:, 0], max_epochs=1))
additive = ContextualGAMRegressor()
result("fit of an additive model", lambda: additive.fit(C, X, Y, max_epochs=3))
result("predict of an additive model", lambda: additive.predict(C, X))
result("fit of a linear encoder", lambda: ContextualizedRegressor(encoder_type="linear").fit(C, X, Y, max_epochs=1))
result("predict before a fit", lambda: ContextualizedRegressor().predict(C, X))
seconds()
