"""The model of docs/src/coming_from.md in Python.

    python docs/comparisons/coming_from.py clusters examples/data/diabetes.csv          needs scikit-learn, pandas
    python docs/comparisons/coming_from.py contextualized examples/data/diabetes.csv    needs contextualized-ml too

Slopes are printed at the contexts of docs/comparisons/contexts.csv, which is read from the folder of this script.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

CONTEXTS, FEATURES, TARGET = ["age", "sex"], ["bmi", "bp"], "progression"


def show(points, slopes):
    table = points[CONTEXTS].copy()
    for name, column in zip(FEATURES, slopes.T):
        table[name] = column
    print(table.round(2).to_string(index=False))


def by_clusters(data, points):
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.cluster import KMeans
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    class ClusterRegression(RegressorMixin, BaseEstimator):
        """A linear regression for each cluster of contexts."""

        def __init__(self, clusters=1):
            self.clusters = clusters

        def fit(self, rows, outcome):
            self.clusters_ = make_pipeline(StandardScaler(), KMeans(self.clusters, n_init=10, random_state=0))
            labels = self.clusters_.fit_predict(rows[CONTEXTS])
            self.models_ = [
                LinearRegression().fit(rows.loc[labels == k, FEATURES], outcome[labels == k])
                for k in range(self.clusters)
            ]
            return self

        def slopes(self, rows):
            return np.array([self.models_[k].coef_ for k in self.clusters_.predict(rows[CONTEXTS])])

        def predict(self, rows):
            labels = self.clusters_.predict(rows[CONTEXTS])
            each = np.array([model.predict(rows[FEATURES]) for model in self.models_])
            return each[labels, np.arange(len(rows))]

    folds = KFold(5, shuffle=True, random_state=0)
    rows, outcome = data[CONTEXTS + FEATURES], data[TARGET]
    search = GridSearchCV(
        ClusterRegression(), {"clusters": range(1, 11)}, cv=folds, scoring="neg_mean_squared_error"
    ).fit(rows, outcome)
    print("held-out mean squared error in 5 folds")
    for clusters in (1, 2, 3, 4, 5, 10):
        print(f"  {clusters:2} clusters         {-search.cv_results_['mean_test_score'][clusters - 1]:.0f}")
    boosting = GradientBoostingRegressor(random_state=0)
    scores = cross_val_score(boosting, rows, outcome, cv=folds, scoring="neg_mean_squared_error")
    print(f"  gradient boosting   {-scores.mean():.0f}")
    print(f"slopes of {search.best_params_['clusters']} clusters, the number with the smallest error")
    show(points, search.best_estimator_.slopes(points))


def by_contextualized_ml(data, points):
    import logging

    from contextualized.analysis.pvals import calc_heterogeneous_predictor_effects_pvals
    from contextualized.easy import ContextualizedRegressor
    from lightning.pytorch import seed_everything

    for name in ("lightning.pytorch", "pytorch_lightning", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    seed_everything(0)
    contexts, features = StandardScaler().fit(data[CONTEXTS]), StandardScaler().fit(data[FEATURES])
    target = StandardScaler().fit(data[[TARGET]])
    model = ContextualizedRegressor()
    scaled = contexts.transform(data[CONTEXTS])
    model.fit(
        scaled,
        features.transform(data[FEATURES]),
        target.transform(data[[TARGET]]),
        max_epochs=50,
        n_bootstraps=20,
        es_patience=5,
    )
    # Standardised coefficients of each refit, then in units of the data: refits × points × features.
    slopes, _ = model.predict_params(contexts.transform(points[CONTEXTS]), individual_preds=True)
    slopes = slopes.reshape(len(slopes), len(points), len(FEATURES)) * target.scale_ / features.scale_
    print("average of 20 refits")
    show(points, slopes.mean(axis=0))
    print("standard deviation over the refits")
    show(points, slopes.std(axis=0, ddof=1))
    p_values = calc_heterogeneous_predictor_effects_pvals(model, scaled, verbose=False)
    print("p-values of slopes with contexts")
    print(pd.DataFrame(p_values[:, :, 0].T, FEATURES, CONTEXTS).round(4))


if __name__ == "__main__":
    ways = {"clusters": by_clusters, "contextualized": by_contextualized_ml}
    if len(sys.argv) != 3 or sys.argv[1] not in ways:
        sys.exit(f"usage: coming_from.py {{{'|'.join(ways)}}} diabetes.csv")
    ways[sys.argv[1]](pd.read_csv(sys.argv[2]), pd.read_csv(Path(__file__).parent / "contexts.csv"))
