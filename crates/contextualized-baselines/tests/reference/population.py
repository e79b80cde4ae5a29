"""Reference values for the population regressions, by statsmodels.

    pip install numpy statsmodels
    python population.py > population.json

The data are formulas of the row number, so that any language can build them to the last digits
that matter here.
"""

import json

import numpy as np
import statsmodels.api as sm

n = 60
i = np.arange(n)
x = np.stack([np.sin(1.3 * i), np.cos(0.7 * i * i % 11), (i % 7) / 3.0], axis=1)
y = np.stack([1 + 2 * x[:, 0] - x[:, 1] + np.sin(5.1 * i), x[:, 2] - 3 + np.cos(3.3 * i)], axis=1)
binary = (np.sin(2.9 * i) + 0.8 * x[:, 0] > 0.1).astype(float)
weights = 0.5 + (i % 4)
design = sm.add_constant(x)


def linear(weights):
    fits = [sm.WLS(y[:, k], design, weights=weights).fit() for k in range(2)]
    return {
        "coefficients": [fit.params.tolist() for fit in fits],
        "standard_errors": [fit.bse.tolist() for fit in fits],
        "interval_90": [fit.conf_int(0.10).tolist() for fit in fits],
    }


logit = sm.Logit(binary, design).fit(method="newton", tol=1e-14, disp=0)
without = [sm.OLS(y[:, k], x).fit() for k in range(2)]
print(
    json.dumps(
        {
            "statsmodels": sm.__version__ if hasattr(sm, "__version__") else __import__("statsmodels").__version__,
            "unweighted": linear(np.ones(n)),
            "weighted": linear(weights),
            "without_intercept": {"coefficients": [fit.params.tolist() for fit in without]},
            "logistic": {
                "coefficients": [logit.params.tolist()],
                "standard_errors": [logit.bse.tolist()],
            },
        },
        indent=1,
    )
)
