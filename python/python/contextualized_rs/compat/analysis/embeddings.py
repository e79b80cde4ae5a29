"""Figures of representations in two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np


def plot_lowdim_rep(low_dim: Any, labels: Any, **kwargs: Any) -> None:
    """Dots at the first two columns of ``low_dim`` (rows, dimensions), coloured by ``labels`` (rows,)."""
    from matplotlib import pyplot

    places, values = np.asarray(low_dim, dtype=np.float64), np.asarray(labels)
    if places.ndim != 2 or places.shape[1] < 2:
        raise ValueError(f"low_dim has shape {places.shape}, and (rows, 2) is needed")
    figure, axis = pyplot.subplots(figsize=kwargs.get("figsize"))
    levels = np.unique(values)
    if values.dtype.kind not in "fiu" or len(levels) <= kwargs.get("max_classes_for_discrete", 10):
        for level in levels:
            chosen = values == level
            axis.scatter(places[chosen, 0], places[chosen, 1], s=12, label=str(level))
        axis.legend(frameon=False)
    else:
        figure.colorbar(axis.scatter(places[:, 0], places[:, 1], c=values, s=12), ax=axis)
    axis.set_title(kwargs.get("plot_title", ""))
    axis.set_xlabel(kwargs.get("xlabel", ""))
    axis.set_ylabel(kwargs.get("ylabel", ""))
    if kwargs.get("figname") is not None:
        figure.savefig(kwargs["figname"], dpi=300, bbox_inches="tight")
    else:
        pyplot.show()
    pyplot.close(figure)


def plot_embedding_for_all_covars(
    reps: Any,
    covars_df: Any,
    covars_stds: Any = None,
    covars_means: Any = None,
    covars_encoders: Any = None,
    **kwargs: Any,
) -> None:
    """:func:`plot_lowdim_rep` for every column of ``covars_df``, which is not changed."""
    for position, name in enumerate(covars_df.columns):
        values = np.array(covars_df)[:, position]
        if covars_stds is not None:
            values = values * covars_stds[position]
        if covars_means is not None:
            values = values + covars_means[position]
        if covars_encoders is not None and covars_encoders[position] is not None:
            values = np.asarray(covars_encoders[position].inverse_transform(np.round(values).astype(int)))
        plot_lowdim_rep(reps, values, **{"plot_title": str(name), **kwargs})
