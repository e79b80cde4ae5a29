"""Classes whose log-odds have a slope that is the context."""

import numpy as np
from contextualized.easy import ContextualGAMClassifier, ContextualizedClassifier
from report import measure, result, seconds

rng = np.random.default_rng(0)
n = 500
C = rng.uniform(-2, 2, (n, 1))
X = rng.normal(size=(n, 2))
odds = 2 * C[:, 0] * X[:, 0]
Y = (rng.uniform(size=n) < 1 / (1 + np.exp(-odds))).astype(float).reshape(-1, 1)

model = ContextualizedClassifier(n_bootstraps=2, num_archetypes=5)
result("fit", lambda: model.fit(C, X, Y, max_epochs=20, learning_rate=1e-2, es_patience=5, train_batch_size=16))
classes = result("predict", lambda: model.predict(C, X))
result("predict individual", lambda: model.predict(C, X, individual_preds=True))
result("predict_proba", lambda: model.predict_proba(C, X))
result("predict_params", lambda: model.predict_params(C))
result("predict_params individual", lambda: model.predict_params(C, individual_preds=True))
measure("share of wrong classes", np.mean(classes.reshape(n) != Y[:, 0]))
measure("share of wrong classes, best possible", np.mean((odds > 0) != Y[:, 0]))
additive = ContextualGAMClassifier()
result("fit of an additive model", lambda: additive.fit(C, X, Y, max_epochs=3))
result("predict_proba of an additive model", lambda: additive.predict_proba(C, X))
seconds()
