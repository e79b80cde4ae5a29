"""Estimators after scikit-learn's protocol, which is met without importing scikit-learn."""

from __future__ import annotations

import json
import warnings
from typing import Any, ClassVar

import numpy as np

from . import _core
from ._arrays import (
    column_names,
    finite,
    frame,
    group_codes,
    matrix,
    seed_of,
    vector,
    warn_conversion,
    warn_notes,
)
from ._progress import progress
from ._protocol import Protocol, requests
from ._results import coefficient_columns

class _Estimator(Protocol):
    """What regressions and classifiers have in common."""

    _takes_families: ClassVar[bool] = True

    def __init__(
        self,
        *,
        contexts: Any = None,
        estimator: str = "auto",
        family: str | None = None,
        settings: dict[str, Any] | None = None,
        fit_intercept: bool = True,
        bootstraps: int = 0,
        folds: int = 5,
        tests: bool = False,
        random_state: Any = None,
    ) -> None:
        self.contexts = contexts
        self.estimator = estimator
        self.family = family
        self.settings = settings
        self.fit_intercept = fit_intercept
        self.bootstraps = bootstraps
        self.folds = folds
        self.tests = tests
        self.random_state = random_state

    def _checked(self, X: Any, *, reset: bool) -> np.ndarray:
        """The columns of ``X`` as doubles, whose number and names are those of the fit."""
        name = type(self).__name__
        names = column_names(X)
        if not reset:
            self._check_names(names)
        values = matrix(X, "X", name)
        if reset:
            self.n_features_in_ = values.shape[1]
            if names is not None:
                self.feature_names_in_ = np.asarray(names, dtype=object)
            elif hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        elif values.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {values.shape[1]} features, but {name} is expecting {self.n_features_in_} features as input."
            )
        return values

    def _check_names(self, names: list[str] | None) -> None:
        fitted = getattr(self, "feature_names_in_", None)
        name = type(self).__name__
        if fitted is None and names is None:
            return
        if fitted is None:
            warnings.warn(
                f"X has feature names, but {name} was fitted without feature names", UserWarning, stacklevel=4
            )
            return
        if names is None:
            warnings.warn(
                f"X does not have valid feature names, but {name} was fitted with feature names",
                UserWarning,
                stacklevel=4,
            )
            return
        if list(fitted) == names:
            return
        message = "The feature names should match those that were passed during fit.\n"
        unexpected = sorted(set(names) - set(fitted))
        missing = sorted(set(fitted) - set(names))
        for what, found in [
            ("Feature names unseen at fit time:\n", unexpected),
            ("Feature names seen at fit time, yet now missing:\n", missing),
        ]:
            if found:
                message += what + "".join(f"- {name}\n" for name in found[:5])
                message += "- ...\n" if len(found) > 5 else ""
        if not unexpected and not missing:
            message += "Feature names must be in the same order as they were in fit.\n"
        raise ValueError(message)

    def _context_columns(self) -> list[int] | None:
        """Positions in ``X`` of the columns that are contexts by the constructor."""
        if self.contexts is None:
            return None
        if isinstance(self.contexts, (str, bytes)) or not hasattr(self.contexts, "__iter__"):
            raise ValueError(
                f"contexts is {self.contexts!r}, and has to be None or a list of names or positions of columns of X; "
                "arrays of contexts are given to fit"
            )
        names = getattr(self, "feature_names_in_", None)
        columns: list[int] = []
        for context in self.contexts:
            if isinstance(context, str):
                if names is None:
                    raise ValueError(
                        f"contexts names the column {context!r}, and X has no names; give positions or a data frame"
                    )
                if context not in names:
                    raise ValueError(f"X has no column {context!r}; its columns are {', '.join(names)}")
                columns.append(list(names).index(context))
            elif isinstance(context, (int, np.integer)) and not isinstance(context, bool):
                if not -self.n_features_in_ <= context < self.n_features_in_:
                    raise ValueError(
                        f"contexts has the position {context}, and X has {self.n_features_in_} columns"
                    )
                columns.append(int(context) % self.n_features_in_)
            else:
                raise ValueError(f"contexts has {context!r}, which is neither a name nor a position")
        if not columns:
            raise ValueError("contexts is empty; None takes every column as feature and context")
        if len(set(columns)) < len(columns):
            raise ValueError(f"contexts has a column of X twice: {list(self.contexts)!r}")
        if len(columns) == self.n_features_in_:
            raise ValueError("contexts takes all columns of X and leaves no feature")
        return columns

    def _parts(self, X: Any, contexts: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        """Contexts and features of rows."""
        values = self._checked(X, reset=reset)
        if contexts is None and not reset and self._contexts_given:
            raise ValueError("the model was fitted with contexts=; give the contexts of these rows likewise")
        columns = self._context_columns()
        if contexts is not None:
            if columns is not None:
                raise ValueError(
                    "contexts are given twice, to the constructor and to the method; leave one out"
                )
            if not reset and not self._contexts_given:
                raise ValueError("the model was fitted without contexts=; leave them out")
            given = matrix(contexts, "contexts", type(self).__name__)
            if len(given) != len(values):
                raise ValueError(
                    f"Found input variables with inconsistent numbers of samples: contexts has {len(given)}, "
                    f"X has {len(values)}"
                )
            if reset:
                self.context_names_in_ = column_names(contexts) or [f"c{i}" for i in range(given.shape[1])]
            elif given.shape[1] != len(self.context_names_in_):
                raise ValueError(
                    f"contexts has {given.shape[1]} columns, and {len(self.context_names_in_)} in the fit"
                )
            return given, values
        if columns is None:
            return values, values
        others = [column for column in range(values.shape[1]) if column not in columns]
        return values[:, columns], values[:, others]

    def _names(self, contexts_given: bool) -> tuple[list[str], list[str]]:
        names = getattr(self, "feature_names_in_", None)
        own = [f"x{i}" for i in range(self.n_features_in_)] if names is None else [str(n) for n in names]
        columns = self._context_columns()
        if contexts_given:
            return list(self.context_names_in_), own
        if columns is None:
            return own, own
        return [own[i] for i in columns], [own[i] for i in range(len(own)) if i not in columns]

    def _fit(
        self,
        X: Any,
        targets: np.ndarray,
        target_names: list[str],
        contexts: Any,
        sample_weight: Any,
        groups: Any,
        family: str,
        classes: list[str] | None = None,
    ) -> None:
        context_values, features = self._parts(X, contexts, reset=True)
        rows = len(features)
        if len(targets) != rows:
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: [{rows}, {len(targets)}]"
            )
        if rows < 2:
            raise ValueError(f"Found array with {rows} sample(s), n_samples={rows}, while a minimum of 2 is required")
        weights = None
        if sample_weight is not None:
            weights = np.asarray(sample_weight, dtype=np.float64)
            if weights.ndim == 0:
                weights = np.full(rows, float(weights))
            weights = vector(weights, "sample_weight", rows)
        context_names, feature_names = self._names(contexts is not None)
        if self.settings is not None and not isinstance(self.settings, dict):
            raise TypeError(f"settings is {self.settings!r}, and a dict is needed")
        arguments = {
            "estimator": self.estimator,
            "family": family,
            "settings": self.settings,
            "fit_intercept": bool(self.fit_intercept),
            "bootstraps": self.bootstraps,
            "folds": self.folds,
            "tests": bool(self.tests),
            "seed": seed_of(self.random_state),
        }
        with progress() as told:
            core = _core.fit_arrays(
                context_values,
                features,
                targets,
                (context_names, feature_names, target_names),
                json.dumps(arguments, default=_plain),
                classes,
                weights,
                group_codes(groups, rows),
                told,
            )
        self._set_core(core)
        self._contexts_given = contexts is not None
        warn_notes(self._facts["notes"])

    def _contexts_of(self, contexts: Any) -> np.ndarray:
        given = matrix(contexts, "contexts", type(self).__name__)
        expected = len(self._facts["contexts"])
        if given.shape[1] != expected:
            raise ValueError(f"contexts has {given.shape[1]} columns, and the model has {expected} contexts")
        return given

    def coefficients(self, contexts: Any) -> Any:
        """Coefficients at contexts (rows, contexts), per unit of the features, on the scale of the link.

        A data frame with a column for each feature and ``(intercept)``, if pandas is installed, else a dict of arrays;
        with several targets the names begin with the target's.
        """
        return self._coefficients(contexts, None, False)[0]

    def intervals(self, contexts: Any, level: float = 0.95) -> tuple[Any, Any]:
        """Lower and upper ends of intervals of the coefficients, each as :meth:`coefficients`."""
        _, lower, upper = self._coefficients(contexts, float(level), False)
        return lower, upper

    def standard_errors(self, contexts: Any) -> Any:
        """Standard errors of the coefficients, as :meth:`coefficients`."""
        return self._coefficients(contexts, None, True)[1]

    def _coefficients(self, contexts: Any, level: float | None, errors: bool) -> list[Any]:
        core = self._fitted()
        values, ends, spread = core.coefficients(self._contexts_of(contexts), level, errors)
        tables = [values, *(ends or ()), *(() if spread is None else (spread,))]
        return [frame(coefficient_columns(self._facts, table)) for table in tables]

    def draws(self, contexts: Any, draws: int = 100, *, random_state: Any = None) -> np.ndarray:
        """Draws of all coefficients at contexts together, from the posterior or of the bootstrap's replicates.

        An array of shape (draws, rows, targets, features + 1), the intercept last, per unit of the features and on the
        scale of the link: functions of the context that the data leave possible. Gaussian processes, trees and fits
        with ``bootstraps`` have them, others raise ``NotImplementedError``.
        """
        core = self._fitted()
        return core.draws(self._contexts_of(contexts), int(draws), seed_of(random_state))

    def _predicted(
        self, X: Any, contexts: Any, interval: str | None, level: float
    ) -> tuple[np.ndarray, list[np.ndarray] | None]:
        core = self._fitted()
        context_values, features = self._parts(X, contexts, reset=False)
        return core.predict(context_values, features, None, interval, float(level))

    @property
    def estimator_(self) -> str:
        """The estimator that was fitted, in words."""
        self._fitted()
        return str(self._facts["estimator"])

    @property
    def choice_(self) -> Any:
        """The table that the automatic choice was made from."""
        self._fitted()
        lines = self._facts["candidates"]
        columns = {key: [line[key] for line in lines] for key in (lines[0] if lines else [])}
        columns["chosen"] = [i == self._facts["chosen"] for i in range(len(lines))]
        return frame(columns)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} is not a number, a text or None")


_PARAMETERS = """
    Parameters
    ----------
    contexts : list of str or int, optional
        Columns of ``X`` that are contexts, by name or position; they are then not features. None takes every column as
        feature and context, unless ``fit`` is given an array of contexts.
    estimator : str, default "auto"
        How coefficients are estimated: see :func:`contextualized_rs.estimators`.
    family : str, optional
        The outcome's distribution: see :func:`contextualized_rs.families`.
    settings : dict, optional
        Settings of estimators by name: see :func:`contextualized_rs.settings`.
    fit_intercept : bool, default True
        Whether there is an intercept, which varies with the contexts.
    bootstraps : int, default 0
        Number of bootstrap replicates, for intervals of estimators without any of their own.
    folds : int, default 5
        Number of cross-validation folds of the automatic choice.
    tests : bool, default False
        Whether the fit tests which coefficients vary, for :meth:`test_variation`.
    random_state : int, generator or None, default None
        The random seed; None is 0. The same data and seed give the same model.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of ``X``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of ``X``, if it was a data frame whose names are texts.
    estimator_ : str
        The estimator that was fitted, in words.
    choice_ : DataFrame
        The table that the automatic choice was made from.
"""


class ContextualizedRegressor(_Estimator):
    """A regression whose coefficients are functions of context.

    ``link(E[y | x, c]) = B(c) x + m(c)``. ``sample_weight`` are precisions (inverse variances), whose common scale
    changes nothing; they are not numbers of rows, which are had by repeating rows.

    >>> import numpy as np
    >>> from contextualized_rs import ContextualizedRegressor
    >>> rng = np.random.default_rng(0)
    >>> age, dose = rng.uniform(30, 70, (100, 1)), rng.uniform(0, 10, (100, 1))
    >>> response = ((50 - age) * dose / 10).ravel() + rng.normal(size=100)
    >>> model = ContextualizedRegressor(estimator="gp").fit(dose, response, contexts=age)
    >>> lower, upper = model.intervals([[35.0]])
    >>> bool(lower["x0"][0] < 1.5 < upper["x0"][0])
    True
    """

    __doc__ = str(__doc__) + _PARAMETERS
    _estimator_type = "regressor"

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        contexts: Any = None,
        sample_weight: Any = None,
        groups: Any = None,
    ) -> ContextualizedRegressor:
        """Fits to features ``X`` (rows, columns) and targets ``y``, one column or several.

        ``contexts`` (rows, contexts) are numbers; ``groups`` labels rows that depend on each other, such as those of one
        person, which are held out, resampled and tested together.
        """
        family = self.family or "gaussian"
        if family in [*_registry()["binary_families"], *_registry()["class_families"]]:
            raise ValueError(f"family is {family!r}, which ContextualizedClassifier fits")
        name = type(self).__name__
        if y is None:
            raise ValueError(f"{name} requires y to be passed, but the target y is None.")
        targets = np.asarray(y)
        if np.iscomplexobj(targets):
            raise ValueError("Complex data not supported\ny contains complex numbers")
        targets = targets.astype(np.float64, copy=False)
        if targets.ndim not in (1, 2):
            raise ValueError(f"y has shape {targets.shape}, and one or two dimensions are needed")
        finite(targets, "y")
        self._vector = targets.ndim == 1
        table = targets.reshape(len(targets), -1)
        names = column_names(y)
        if names is None:
            own = getattr(y, "name", None)
            count = table.shape[1]
            if count == 1:
                names = [own if isinstance(own, str) else "y"]
            else:
                names = [f"y{i}" for i in range(count)]
        self._fit(X, table, names, contexts, sample_weight, groups, family)
        return self

    def predict(
        self, X: Any, *, contexts: Any = None, interval: str | None = None, level: float = 0.95
    ) -> Any:
        """Expected outcomes; with ``interval="mean"`` or ``"outcome"`` a tuple of these and the lower and upper ends of
        intervals of the mean or of new outcomes."""
        means, ends = self._predicted(X, contexts, interval, level)
        tables = [means] if ends is None else [means, *ends]
        shaped = [table[:, 0] if self._vector else table for table in tables]
        return shaped[0] if ends is None else tuple(shaped)

    def score(self, X: Any, y: Any, *, contexts: Any = None, sample_weight: Any = None) -> float:
        """R², the share of the variance that is predicted, averaged over targets."""
        predicted = self.predict(X, contexts=contexts)
        truth = np.asarray(y, dtype=np.float64).reshape(len(predicted), -1)
        predicted = predicted.reshape(len(predicted), -1)
        weights = None if sample_weight is None else vector(sample_weight, "sample_weight", len(truth))
        mean = np.average(truth, axis=0, weights=weights)
        residual = np.average((truth - predicted) ** 2, axis=0, weights=weights)
        total = np.average((truth - mean) ** 2, axis=0, weights=weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            explained = np.where(total > 0, 1 - residual / total, np.where(residual > 0, 0.0, 1.0))
        return float(explained.mean())


def _with_reference(of_others: np.ndarray) -> np.ndarray:
    """Probabilities of all classes by those of the classes behind the first."""
    first = np.clip(1 - of_others.sum(axis=1, keepdims=True), 0, None)
    return np.hstack([first, of_others])


class ContextualizedClassifier(_Estimator):
    """A classification whose log-odds are linear, with coefficients that are functions of context.

    Two classes are a binomial outcome. Of more, a multinomial outcome, every class besides the first has coefficients
    of its own, of its log-odds against the first: :meth:`coefficients` has a column ``CLASS.FEATURE`` for each, as of
    several targets, and :meth:`draws` an array of shape (draws, rows, classes - 1, features + 1).

    ``sample_weight`` multiply the log-likelihood of their rows.

    >>> import numpy as np
    >>> from contextualized_rs import ContextualizedClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 1))
    >>> labels = np.where(X[:, 0] + rng.normal(size=100) > 0, "case", "control")
    >>> model = ContextualizedClassifier(estimator="population").fit(X, labels)
    >>> model.classes_.tolist(), model.predict([[3.0]]).tolist()
    (['case', 'control'], ['case'])
    """

    __doc__ = str(__doc__) + _PARAMETERS + """    classes_ : ndarray of shape (n_classes,)
        The classes in order; log-odds are against the first.
"""
    _estimator_type = "classifier"

    set_predict_proba_request = requests("predict_proba")

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        contexts: Any = None,
        sample_weight: Any = None,
        groups: Any = None,
    ) -> ContextualizedClassifier:
        """Fits to features ``X`` (rows, columns) and classes ``y``, of which there are at least two."""
        registry = _registry()
        known = [*registry["binary_families"], *registry["class_families"]]
        if self.family is not None and self.family not in known:
            raise ValueError(f"family is {self.family!r}, and has to be one of {', '.join(known)}")
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] == 1:
            warn_conversion(
                "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
                "(n_samples,), for example using ravel()."
            )
            labels = labels.ravel()
        if labels.ndim != 1:
            raise ValueError(f"y has shape {labels.shape}, and a vector of classes is needed")
        if np.iscomplexobj(labels):
            raise ValueError("Complex data not supported\ny contains complex numbers")
        if labels.dtype.kind == "f":
            finite(labels, "y")
            if np.any(labels != np.floor(labels)):
                raise ValueError("Unknown label type: continuous. y has numbers that are not whole; regress on them")
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) == 1:
            raise ValueError(f"y has one class, {classes[0]!r}, and at least two are needed")
        family = self.family or registry["binary_families" if len(classes) == 2 else "class_families"][0]
        if len(classes) > 2 and family not in registry["class_families"]:
            raise ValueError(f"family is {family!r}, which has two classes, and y has {len(classes)}")
        own = getattr(y, "name", None)
        names = [str(label) for label in classes]
        said: list[str] | None = names
        if family in registry["class_families"]:
            target_names = names[1:]
        else:
            is_plain = classes.dtype.kind in "biuf" and list(classes) == [0, 1]
            target_names = [own if isinstance(own, str) else "y"]
            said = None if is_plain else names
        indicators = codes.reshape(-1, 1) == np.arange(1, len(classes))
        self._fit(
            X,
            indicators.astype(np.float64),
            target_names,
            contexts,
            sample_weight,
            groups,
            family,
            said,
        )
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any, *, contexts: Any = None) -> np.ndarray:
        """Probabilities of the classes (rows, classes)."""
        return _with_reference(self._predicted(X, contexts, None, 0.95)[0])

    def predict(self, X: Any, *, contexts: Any = None, interval: str | None = None, level: float = 0.95) -> Any:
        """The most probable classes; of two with ``interval="mean"`` a tuple of these and the lower and upper ends of
        intervals of the probability of the second class."""
        if interval is not None and len(self.classes_) > 2:
            raise ValueError("interval is of the second of two classes; of more, coefficients have intervals")
        means, ends = self._predicted(X, contexts, interval, level)
        found = self.classes_[_with_reference(means).argmax(axis=1)]
        if ends is None:
            return found
        return found, ends[0][:, 0], ends[1][:, 0]

    def decision_function(self, X: Any, *, contexts: Any = None) -> np.ndarray:
        """Log-odds: of two classes those of the second (rows), of more those of each class against the first (rows,
        classes), which are zero for the first."""
        # The smallest number for what is smaller, so that no difference is of two infinities.
        logs = np.log(np.maximum(self.predict_proba(X, contexts=contexts), np.finfo(np.float64).tiny))
        odds: np.ndarray = logs - logs[:, :1]
        return odds[:, 1] if len(self.classes_) == 2 else odds

    def score(self, X: Any, y: Any, *, contexts: Any = None, sample_weight: Any = None) -> float:
        """Share of rows whose class is predicted."""
        right = self.predict(X, contexts=contexts) == np.asarray(y).ravel()
        weights = None if sample_weight is None else vector(sample_weight, "sample_weight", len(right))
        return float(np.average(right, weights=weights))


def _registry() -> dict[str, Any]:
    global _REGISTRY
    if _REGISTRY is None:
        _REGISTRY = json.loads(_core.registry())
    return _REGISTRY


_REGISTRY: dict[str, Any] | None = None


def registry() -> dict[str, Any]:
    """Names of what there is."""
    return _registry()


