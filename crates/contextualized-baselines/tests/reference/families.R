# Reference values of population fits by family: `Rscript families.R > families.json`.
# Coefficients, standard errors, deviances and shapes of glm() and glm.nb() with tolerances next to rounding.
suppressPackageStartupMessages(library(MASS))

i <- 0:59
x <- cbind(sin(1.3 * i), cos((0.7 * i * i) %% 11), (i %% 7) / 3)
offset <- log(1 + i %% 5)
weights <- 1 + i %% 3
eta <- 0.4 + 0.5 * x[, 1] - 0.3 * x[, 2] + 0.2 * x[, 3]
rate <- exp(eta) * (1 + i %% 5)
control <- glm.control(epsilon = 1e-14, maxit = 100)

numbers <- function(v) paste0("[", paste(sprintf("%.17g", v), collapse = ", "), "]")
fitted <- function(name, fit, shape = NA) {
  table <- summary(fit)$coefficients
  own <- if (is.na(shape)) "" else sprintf(', "shape": %.17g', shape)
  sprintf(
    '    "%s": {"coefficients": %s, "standard_errors": %s, "deviance": %.17g%s}',
    name, numbers(table[, 1]), numbers(table[, 2]), deviance(fit), own
  )
}

# The four fits of a target.
fits <- function(name, y, fit) {
  own <- c(
    fit("plain", y ~ x, NULL),
    fit("offset", y ~ x + offset(offset), NULL),
    fit("weights", y ~ x + offset(offset), weights),
    fit("no intercept", y ~ x + offset(offset) - 1, NULL)
  )
  sprintf(
    '  "%s": {\n    "targets": %s,\n%s\n  }',
    name, numbers(y), paste(own, collapse = ",\n")
  )
}
generalised <- function(family, shape = function(fit) NA) {
  function(name, formula, weights) {
    # From where every family converges.
    start <- coef(do.call(glm, list(formula, quasipoisson, weights = weights)))
    fit <- do.call(glm, list(formula, family, weights = weights, control = control, start = start))
    fitted(name, fit, shape(fit))
  }
}
# theta and coefficients by turns until neither moves, as glm.nb() has a looser tolerance of its own between them.
negative_binomial <- function(name, formula, weights) {
  if (is.null(weights)) weights <- rep(1, length(i))
  theta <- 3
  for (turn in 1:100) {
    fit <- do.call(glm, list(formula, negative.binomial(theta), weights = weights, control = control))
    next_theta <- as.numeric(theta.ml(fit$y, fitted.values(fit), sum(weights), weights, limit = 100, eps = 1e-14))
    if (abs(next_theta / theta - 1) < 1e-13) break
    theta <- next_theta
  }
  # The dispersion is one, not estimated.
  table <- summary(fit, dispersion = 1)$coefficients
  sprintf(
    '    "%s": {"coefficients": %s, "standard_errors": %s, "deviance": %.17g, "shape": %.17g}',
    name, numbers(table[, 1]), numbers(table[, 2]), deviance(fit), theta
  )
}

counts <- floor(rate * (1 + 0.8 * sin(2.1 * i)) + 0.5)
y <- floor(rate * exp(1.1 * sin(2.1 * i) + 0.7 * cos(5.3 * i)) + 0.5)
positive <- rate * exp(0.6 * sin(2.1 * i) + 0.3 * cos(5.3 * i))
successes <- 1 + i %% 4 + (i * i) %% 5
failures <- 1 + (3 * i) %% 7
trials <- glm(cbind(successes, failures) ~ x, binomial, control = control)
trials_stored <- sprintf(
  '  "trials": {"successes": %s, "failures": %s, "coefficients": %s, "standard_errors": %s, "deviance": %.17g}',
  numbers(successes), numbers(failures), numbers(coef(trials)),
  numbers(summary(trials)$coefficients[, 2]), deviance(trials)
)

# Levels by the quantiles of a logistic distribution; the first threshold is minus our intercept.
graded <- findInterval(eta + qlogis((i * 0.6180339887 + 0.5) %% 1), c(0, 0.7, 1.5))
ordinal <- function(name, formula, weights) {
  if (is.null(weights)) weights <- rep(1, length(i))
  own <- list(formula, weights = weights, Hess = TRUE, control = list(reltol = 1e-16, maxit = 2000))
  fit <- do.call(polr, own)
  p <- length(coef(fit))
  errors <- sqrt(diag(vcov(fit)))
  sprintf(
    '    "%s": {"coefficients": %s, "standard_errors": %s, "log_likelihood": %.17g, "shape": %s}',
    name, numbers(c(-fit$zeta[1], coef(fit))), numbers(errors[c(p + 1, seq_len(p))]),
    as.numeric(logLik(fit)), numbers(diff(fit$zeta))
  )
}
levels_of <- factor(graded, ordered = TRUE)
ordinal_fits <- c(
  ordinal("plain", levels_of ~ x, NULL),
  ordinal("offset", levels_of ~ x + offset(offset), NULL),
  ordinal("weights", levels_of ~ x + offset(offset), weights)
)
ordinal_stored <- sprintf(
  '  "ordinal": {\n    "targets": %s,\n%s\n  }',
  numbers(graded), paste(ordinal_fits, collapse = ",\n")
)
# Classes by probabilities of three, of which the first is the reference. multinom() takes no offset of all classes.
odds <- cbind(1, exp(0.3 + 0.8 * x[, 1]), exp(-0.2 + 0.5 * x[, 2] + 0.3 * x[, 3]))
shares <- odds / rowSums(odds)
uniform <- (i * 0.6180339887 + 0.5) %% 1
classes <- (uniform > shares[, 1]) + (uniform > shares[, 1] + shares[, 2])
multinomial <- function(name, formula, weights) {
  if (is.null(weights)) weights <- rep(1, length(i))
  own <- list(
    formula, weights = weights, Hess = TRUE, trace = FALSE, reltol = 1e-15, abstol = 1e-15, maxit = 10000
  )
  fit <- do.call(nnet::multinom, own)
  # One class behind the other.
  sprintf(
    '    "%s": {"coefficients": %s, "standard_errors": %s, "log_likelihood": %.17g}',
    name, numbers(c(t(coef(fit)))), numbers(c(t(summary(fit)$standard.errors))), as.numeric(logLik(fit))
  )
}
class_of <- factor(classes)
multinomial_stored <- sprintf(
  '  "multinomial": {\n    "targets": %s,\n%s\n  }',
  numbers(classes), paste(c(
    multinomial("plain", class_of ~ x, NULL), multinomial("weights", class_of ~ x, weights)
  ), collapse = ",\n")
)
cat("{\n", sprintf('  "R": "%s",\n', R.version.string), paste(c(
  fits("poisson", counts, generalised(poisson)),
  fits("negative-binomial", y, negative_binomial),
  trials_stored,
  ordinal_stored,
  multinomial_stored,
  fits("gamma", positive, generalised(Gamma(link = "log"), function(fit) summary(fit)$dispersion))
), collapse = ",\n"), "\n}\n", sep = "")
