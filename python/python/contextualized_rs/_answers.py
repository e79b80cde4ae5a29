"""What regressions and networks are asked alike, whatever they were fitted to."""

from __future__ import annotations

from typing import Any

from ._plots import plot
from ._results import Account, Summary, dependence_of, effects_of, summary_of, variation_of
from ._stored import Stored


class Answers(Stored):
    """Of any model."""

    def effects(self) -> Account:
        """Which coefficient, or which edge, varies with which context and with what evidence: the program's ``effects``,
        as text and tables."""
        return effects_of(self._fitted())

    def partial_dependence(
        self, context: str | None = None, *, coefficient: str | None = None, level: float = 0.95
    ) -> Any:
        """What every coefficient, or every edge, is on average at values of one context, the rows keeping their others.

        A line for each point, as in the program's ``effects --curves``: target, coefficient, context, the value as a
        text (``at``) and as a number (``value``), the average, the lower and upper end of a pointwise interval of
        probability ``level`` where the model has them, and the coefficient of the constant-coefficient model
        (``population``). A data frame if pandas is installed, else a dict of columns.
        """
        return dependence_of(self._fitted(), level, context, coefficient)

    def plot(
        self,
        kind: str | None = None,
        *,
        coefficient: str | None = None,
        context: str | None = None,
        contexts: Any = None,
        level: float = 0.95,
        backend: str | None = None,
    ) -> Any:
        """Draws the model: a figure of matplotlib if that is installed, else an SVG picture.

        Parameters
        ----------
        kind : {"coefficients", "map", "variation", "networks"}, optional
            ``"coefficients"``, the default of regressions, are curves with bands of every coefficient, or of the edges
            of networks, against every context. ``"map"`` is a coefficient over two contexts. ``"variation"`` is how
            much each coefficient varies with each context. ``"networks"``, the default of networks, are graphs.
        coefficient : str, optional
            One coefficient or edge by name; of a map it is needed if there are several.
        context : str, optional
            One context by name; of networks the one that changes from graph to graph.
        contexts : pair of str, or array of shape (graphs, contexts), optional
            Of a map the two contexts, of networks the contexts to draw.
        level : float, default 0.95
            Probability of the bands.
        backend : {"matplotlib", "svg"}, optional
            What draws.
        """
        core = self._fitted()
        return plot(core, self._facts, kind, coefficient, context, contexts, float(level), backend)


class RegressionAnswers(Answers):
    """Of a regression."""

    def summary(self, level: float = 0.95, *, exponentiate: bool = False, marginal: bool = False) -> Summary:
        """Average coefficients with standard errors, intervals and p-values, and how well the model fits; with
        ``exponentiate`` odds ratios, rate ratios or ratios of means in the text's table, with ``marginal`` average
        marginal effects, changes of the outcome's mean per unit of a feature, too."""
        return summary_of(self._fitted(), level, exponentiate, marginal)

    def test_variation(self) -> Any:
        """Wald tests of which coefficients vary with which contexts, with p-values adjusted by Holm and by Benjamini and
        Hochberg, of a fit with ``tests=True``; lines without a context are of all contexts together."""
        return variation_of(self._fitted())
