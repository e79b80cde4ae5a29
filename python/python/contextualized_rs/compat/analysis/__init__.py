"""Effects of contexts and predictors, their p-values and figures, as in ``contextualized.analysis``."""

from .accuracy_split import print_acc_by_covars
from .bootstraps import select_good_bootstraps
from .effects import (
    plot_heterogeneous_predictor_effects,
    plot_homogeneous_context_effects,
    plot_homogeneous_predictor_effects,
)
from .embeddings import plot_embedding_for_all_covars, plot_lowdim_rep
from .pvals import (
    calc_heterogeneous_predictor_effects_pvals,
    calc_homogeneous_context_effects_pvals,
    calc_homogeneous_predictor_effects_pvals,
    get_possible_pvals,
    test_each_context,
)

__all__ = [
    "calc_heterogeneous_predictor_effects_pvals",
    "calc_homogeneous_context_effects_pvals",
    "calc_homogeneous_predictor_effects_pvals",
    "get_possible_pvals",
    "plot_embedding_for_all_covars",
    "plot_heterogeneous_predictor_effects",
    "plot_homogeneous_context_effects",
    "plot_homogeneous_predictor_effects",
    "plot_lowdim_rep",
    "print_acc_by_covars",
    "select_good_bootstraps",
    "test_each_context",
]
