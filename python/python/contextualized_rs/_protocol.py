"""The protocol of scikit-learn, which is met without importing it: parameters, tags, metadata requests."""

from __future__ import annotations

import copy
import html
import inspect
from typing import Any, ClassVar, TypeVar

from ._answers import RegressionAnswers

Self = TypeVar("Self", bound="Protocol")

_REQUESTED = {
    "fit": ("contexts", "groups", "sample_weight"),
    "predict": ("contexts", "interval", "level"),
    "predict_proba": ("contexts",),
    "score": ("contexts", "sample_weight"),
}


class _Requests(dict):  # type: ignore[type-arg]
    """Which arguments are routed to which methods; scikit-learn's clone copies it."""

    def __sklearn_clone__(self) -> _Requests:
        return copy.deepcopy(self)


def requests(method: str) -> Any:
    def set_request(self: Any, **parameters: Any) -> Any:
        unknown = set(parameters) - set(_REQUESTED[method])
        if unknown:
            known = ", ".join(_REQUESTED[method])
            raise TypeError(f"{method} takes no {sorted(unknown)}; it takes {known}")
        own = copy.deepcopy(getattr(self, "_metadata_request", _Requests()))
        own.setdefault(method, {}).update(parameters)
        self._metadata_request = own
        return self

    set_request.__name__ = f"set_{method}_request"
    set_request.__doc__ = (
        f"Says which of {', '.join(_REQUESTED[method])} a pipeline or cross-validation passes to ``{method}``: "
        "True, False, None or another name, as in scikit-learn's metadata routing."
    )
    return set_request


class Protocol(RegressionAnswers):
    """What scikit-learn asks of an estimator, whose parameters are those of its constructor."""

    _estimator_type: ClassVar[str]

    @classmethod
    def _parameters(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters of the constructor by name."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self: Self, **params: Any) -> Self:
        """Sets parameters of the constructor by name."""
        known = self._parameters()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {known!r}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name in self._parameters()
            if hasattr(self, name) and not _same(getattr(self, name), defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_html_(self) -> str:
        text = f"<pre>{html.escape(repr(self))}</pre>"
        return f"{text}\n{self.summary()._repr_html_()}" if hasattr(self, "_core") else text

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_core")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        classifies = self._estimator_type == "classifier"
        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True, multi_output=not classifies),
            transformer_tags=None,
            classifier_tags=ClassifierTags(multi_class=True) if classifies else None,
            regressor_tags=None if classifies else RegressorTags(),
            input_tags=InputTags(sparse=False, allow_nan=False),
            requires_fit=True,
        )

    def get_metadata_routing(self) -> Any:
        """What scikit-learn's metadata routing passes to the methods."""
        from sklearn.utils.metadata_routing import MetadataRequest

        try:
            request = MetadataRequest(owner=self)
        except TypeError:
            request = MetadataRequest(owner=type(self).__name__)
        own = getattr(self, "_metadata_request", {})
        for method, names in _REQUESTED.items():
            for name in names:
                alias = own.get(method, {}).get(name)
                getattr(request, method).add_request(param=name, alias=alias)
        return request

    set_fit_request = requests("fit")
    set_predict_request = requests("predict")
    set_score_request = requests("score")


def _same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    try:
        return bool(type(value) is type(default) and value == default)
    except (TypeError, ValueError):
        return False
