# Reference values of Poisson regressions: `Rscript poisson.R > poisson.json`.
# Coefficients, standard errors and deviances of glm() with a tolerance next to rounding.
i <- 0:59
x <- cbind(sin(1.3 * i), cos((0.7 * i * i) %% 11), (i %% 7) / 3)
offset <- log(1 + i %% 5)
weights <- 1 + i %% 3
eta <- 0.4 + 0.5 * x[, 1] - 0.3 * x[, 2] + 0.2 * x[, 3]
y <- floor(exp(eta) * (1 + i %% 5) * (1 + 0.8 * sin(2.1 * i)) + 0.5)
control <- glm.control(epsilon = 1e-14, maxit = 100)

numbers <- function(v) paste0("[", paste(sprintf("%.17g", v), collapse = ", "), "]")
fitted <- function(name, fit) {
  table <- summary(fit)$coefficients
  sprintf(
    '  "%s": {"coefficients": %s, "standard_errors": %s, "deviance": %.17g}',
    name, numbers(table[, 1]), numbers(table[, 2]), deviance(fit)
  )
}
fits <- c(
  fitted("plain", glm(y ~ x, poisson, control = control)),
  fitted("offset", glm(y ~ x + offset(offset), poisson, control = control)),
  fitted("weights", glm(y ~ x + offset(offset), poisson, weights = weights, control = control)),
  fitted("no intercept", glm(y ~ x - 1, poisson, control = control))
)
cat("{\n", sprintf('  "R": "%s",\n', R.version.string), '  "targets": ', numbers(y), ",\n",
  paste(fits, collapse = ",\n"), "\n}\n", sep = "")
