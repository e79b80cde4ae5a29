"""The easy interface of contextualized-ml on this engine: a script changes its imports.

``from contextualized.easy import …`` becomes ``from contextualized_rs.compat.easy import …``, and likewise ``analysis`` and
``utils``. Constructors and methods take the same arguments and give arrays of the same shapes. What is estimated is this
package's: variables are standardised by themselves, coefficients are in the units of the data, replicates are fits to
rows drawn with replacement, correlations are correlations, precision matrices are positive definite and directed networks
have no cycles. An argument that has no counterpart here is a ``DataWarning`` if it would change the model, and an unknown
one a ``TypeError``.
"""

from . import analysis, easy, utils
from .utils import load, save

__all__ = ["analysis", "easy", "load", "save", "utils"]
