"""One peer on one problem, in a process of its own: `python peers.py PEER PROBLEM SEED`.

A peer is a function that is given a problem and returns one that predicts y from a table; it is called by its name.
Coefficients are differences of its predictions, for every peer here is linear in the features or is not asked for
them. Prints one JSON object: seconds of fitting (no imports, no reading), error of effects and of predictions.
"""

import importlib
import json
import os
import sys
import time

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]:
    os.environ.setdefault(name, "2")

import numpy as np

from problems import PROBLEMS


def gamfit(problem):
    """A Rust GAM: a smooth function of each context by each feature."""
    import gamfit

    several = problem.train[problem.contexts].nunique() > 2
    smooths = [f"s({c}, by={x})" for x in problem.features for c in problem.contexts if several[c]]
    smooths += [f"s({c})" if several[c] else c for c in problem.contexts]
    formula = "y ~ " + " + ".join(smooths + problem.features)
    model = gamfit.fit(problem.train.reset_index(drop=True), formula, family="gaussian")
    return lambda table: np.ravel(model.predict(table.reset_index(drop=True)))


def sklearn_gp(problem):
    """A Gaussian process of contexts and features together, with a length scale for each."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    columns = problem.contexts + problem.features
    center, scale = problem.train[columns].mean(), problem.train[columns].std()
    kernel = ConstantKernel() * RBF(np.ones(len(columns))) + WhiteKernel(0.1)
    model = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
    model.fit((problem.train[columns] - center) / scale, problem.train["y"])
    return lambda table: model.predict((table[columns] - center) / scale)


def gpytorch(problem):
    """Coefficients are Gaussian processes with shared length scales; two hundred steps of Adam, as its examples do."""
    import gpytorch
    import torch

    torch.set_num_threads(2)
    torch.manual_seed(0)
    contexts = len(problem.contexts)
    columns = problem.contexts + problem.features
    center, scale = problem.train[columns].mean(), problem.train[columns].std()
    level, spread = problem.train["y"].mean(), problem.train["y"].std()

    def tensor(table):
        return torch.tensor(((table[columns] - center) / scale).to_numpy(), dtype=torch.float32)

    class Varying(gpytorch.models.ExactGP):
        def __init__(self, inputs, targets, likelihood):
            super().__init__(inputs, targets, likelihood)
            self.mean_module = gpytorch.means.LinearMean(inputs.shape[1])
            smooth = lambda: gpytorch.kernels.RBFKernel(ard_num_dims=contexts, active_dims=range(contexts))
            shared = smooth()
            term = lambda j: gpytorch.kernels.ScaleKernel(
                gpytorch.kernels.LinearKernel(active_dims=[contexts + j]) * shared)
            self.covar_module = gpytorch.kernels.ScaleKernel(shared)
            for j in range(len(problem.features)):
                self.covar_module = self.covar_module + term(j)

        def forward(self, inputs):
            return gpytorch.distributions.MultivariateNormal(self.mean_module(inputs), self.covar_module(inputs))

    inputs = tensor(problem.train)
    targets = torch.tensor(((problem.train["y"] - level) / spread).to_numpy(), dtype=torch.float32)
    likelihood = gpytorch.likelihoods.GaussianLikelihood()
    model = Varying(inputs, targets, likelihood)
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        loss = -objective(model(inputs), targets)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        model(inputs[:1])

    def predict(table):
        with torch.no_grad():
            return level + spread * model(tensor(table)).mean.numpy()

    return predict


def contextualized_ml(problem):
    """The incumbent's easy interface, as its manual uses it."""
    from contextualized.easy import ContextualizedRegressor

    arrays = lambda table: (table[problem.contexts].to_numpy(), table[problem.features].to_numpy())
    model = ContextualizedRegressor(n_bootstraps=1, normalize=True)
    model.fit(*arrays(problem.train), problem.train[["y"]].to_numpy())
    return lambda table: np.asarray(model.predict(*arrays(table))).ravel()


def econml_forest(problem):
    """A causal forest with the features as treatments: effects alone."""
    from econml.dml import CausalForestDML

    model = CausalForestDML(n_estimators=500, random_state=0)
    model.fit(problem.train["y"], problem.train[problem.features], X=problem.train[problem.contexts])

    def predict(table):
        effects = model.const_marginal_effect(table[problem.contexts]).reshape(len(table), -1)
        return (effects * table[problem.features].to_numpy()).sum(axis=1)

    return predict


# With what each needs, which is imported before the clock starts.
PEERS = {
    "gamfit": (gamfit, ["gamfit"]),
    "sklearn_gp": (sklearn_gp, ["sklearn.gaussian_process"]),
    "gpytorch": (gpytorch, ["torch", "gpytorch"]),
    "contextualized_ml": (contextualized_ml, ["contextualized.easy"]),
    "econml_forest": (econml_forest, ["econml.dml"]),
}


def coefficients(problem, predict):
    """Slopes and the intercept at the new rows, by differences of predictions."""
    table = problem.new.copy()
    table[problem.features] = 0.0
    intercept = predict(table)

    def slope(feature):
        one = table.copy()
        one[feature] = 1.0
        return predict(one) - intercept

    return np.column_stack([slope(feature) for feature in problem.features] + [intercept])


def errors(problem, predicted, found):
    """Mean squared error of slopes, over features and new rows, and root mean squared error of new outcomes."""
    own = {}
    if problem.effects is not None and found is not None:
        slopes = len(problem.features)
        own["effects"] = float(((found - problem.effects)[:, :slopes] ** 2).mean())
    if predicted is not None:
        own["outcomes"] = float(((predicted - problem.new["y"]) ** 2).mean() ** 0.5)
    return own


def main():
    peer, problem, seed = sys.argv[1:]
    problem = PROBLEMS[problem](int(seed))
    peer, modules = PEERS[peer]
    try:
        for module in modules:
            importlib.import_module(module)
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    start = time.perf_counter()
    predict = peer(problem)
    seconds = time.perf_counter() - start
    found = None if peer is sklearn_gp else coefficients(problem, predict)
    predicted = None if peer is econml_forest else predict(problem.new)
    print(json.dumps({"seconds": seconds} | errors(problem, predicted, found)))


if __name__ == "__main__":
    main()
