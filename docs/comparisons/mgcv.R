# Varying coefficients by mgcv, on the data that `comparison_data` writes:
#
#     cargo run --release --example comparison_data -- target/comparison
#     Rscript docs/comparisons/mgcv.R target/comparison
#
# A coefficient that varies with context is a smooth with a `by` variable, its feature:
#
#     y ~ s(c0, c1) + s(c0, c1, by = x0) + ...     offset(c) + w0(c) x0 + ...
#
# mgcv centres smooths, but not those whose `by` variable is a number that varies: s(c0, by = x0) is
# the whole of w0. A slope is therefore the prediction at x = 1 of its terms alone.
#
# `--small` leaves out the large table.

suppressPackageStartupMessages(library(mgcv))

arguments <- commandArgs(trailingOnly = TRUE)
small <- "--small" %in% arguments
folder <- setdiff(arguments, "--small")
if (length(folder) != 1) stop("usage: Rscript mgcv.R DIR [--small]")

read <- function(name) read.csv(file.path(folder, name), colClasses = "numeric")

# Evaluates a fit; gives it with the seconds it took.
timed <- function(fit) {
  seconds <- system.time(model <- fit)[["elapsed"]]
  list(model = model, seconds = seconds)
}

# A Markdown table whose first column is text.
print_table <- function(header, lines) {
  cells <- rbind(header, do.call(rbind, lines))
  widths <- apply(nchar(cells), 2, max)
  pad <- function(row) {
    text <- sprintf(paste0("%", c("-", rep("", length(row) - 1)), widths, "s"), row)
    cat("| ", paste(text, collapse = " | "), " |\n", sep = "")
  }
  pad(cells[1, ])
  cat("|", paste(strrep("-", widths + 2), collapse = "|"), "|\n", sep = "")
  for (row in seq_len(nrow(cells))[-1]) pad(cells[row, ])
}

# --- Treatment effects of unobserved patients -------------------------------------------------

# 221 patients allow little more than 100 terms an effect.
formulas <- list(
  additive = y ~ -1 + s(c0, by = x0) + s(c1, by = x0) + s(c0, by = x1) + s(c1, by = x1),
  # The truth is quadratic, and penalties on third derivatives leave quadratics free.
  `additive, m = 3` = y ~ -1 + s(c0, by = x0, m = 3) + s(c1, by = x0, m = 3) +
    s(c0, by = x1, m = 3) + s(c1, by = x1, m = 3),
  joint = y ~ -1 + s(c0, c1, by = x0) + s(c0, c1, by = x1),
  `joint, k = 100` = y ~ -1 + s(c0, c1, by = x0, k = 100) + s(c0, c1, by = x1, k = 100),
  `tensor, k = 7` = y ~ -1 + te(c0, c1, by = x0, k = 7) + te(c0, c1, by = x1, k = 7)
)

# Mean squared error of both effects at the contexts of `rows`.
effect_mse <- function(model, rows) {
  features <- c("x0", "x1")
  slopes <- sapply(features, function(feature) {
    at <- rows
    at[features] <- 0
    at[feature] <- 1
    predict(model, at) # there is no offset, and all terms of the other feature are zero
  })
  mean((slopes - as.matrix(rows[c("w0", "w1")]))^2)
}

treatment <- function() {
  files <- list.files(folder, "^treatment_[0-9]+_observed\\.csv$")
  seeds <- sort(as.integer(gsub("[^0-9]", "", files)))
  if (length(seeds) == 0) return(invisible())
  runs <- lapply(seeds, function(seed) {
    observed <- read(sprintf("treatment_%d_observed.csv", seed))
    unobserved <- read(sprintf("treatment_%d_unobserved.csv", seed))
    sapply(formulas, function(formula) {
      fit <- timed(gam(formula, data = observed, method = "REML"))
      c(error = effect_mse(fit$model, unobserved), seconds = fit$seconds)
    })
  })
  errors <- t(sapply(runs, function(run) run["error", ]))
  seconds <- t(sapply(runs, function(run) run["seconds", ]))
  line <- function(name, errors, seconds) {
    small <- ifelse(errors < 5e-5, sprintf("%.0e", errors), sprintf("%.4f", errors))
    c(name, rbind(small, sprintf("%.2f", seconds)))
  }
  middle <- function(values) apply(values, 2, median)
  lines <- lapply(seq_along(seeds), function(i) line(seeds[i], errors[i, ], seconds[i, ]))
  lines <- c(lines, list(line("median", middle(errors), middle(seconds))))
  cat("\nTreatment effects of unobserved patients: effect MSE of gam(method = \"REML\").\n\n")
  print_table(c("seed", rbind(names(formulas), "fit, s")), lines)

  # The truth is additive, and without noise: the additive model has to come near it.
  if (0 %in% seeds) stopifnot(errors[match(0, seeds), "additive"] < 0.005)
}

# --- Many rows --------------------------------------------------------------------------------

# 64 terms a coefficient: isotropic thin-plate splines, and tensor products of 8 × 8 cubic splines.
large_formulas <- list(
  `s(k = 64)` = y ~ s(c0, c1, k = 64) + s(c0, c1, by = x0, k = 64) + s(c0, c1, by = x1, k = 64) +
    s(c0, c1, by = x2, k = 64),
  `te(k = 8)` = y ~ te(c0, c1, k = 8) + te(c0, c1, by = x0, k = 8) + te(c0, c1, by = x1, k = 8) +
    te(c0, c1, by = x2, k = 8)
)

# Estimates of three slopes and the offset, and their standard errors.
coefficients_at <- function(model, rows) {
  # With features of zero the prediction is the offset: intercept and centred smooth together, with
  # the standard error of their sum. `discrete = FALSE` predicts at the contexts themselves.
  features <- c("x0", "x1", "x2")
  rows[features] <- 0
  offset <- predict(model, rows, se.fit = TRUE, discrete = FALSE)
  rows[features] <- 1
  slopes <- predict(model, rows, type = "terms", se.fit = TRUE, discrete = FALSE)
  columns <- sapply(paste0(":", features, "$"), grep, colnames(slopes$fit))
  list(
    estimates = cbind(slopes$fit[, columns], offset$fit),
    errors = cbind(slopes$se.fit[, columns], offset$se.fit)
  )
}

large <- function() {
  train <- read("large_train.csv")
  new <- read("large_new.csv")
  truth <- as.matrix(new[c("w0", "w1", "w2", "offset")])
  runs <- lapply(large_formulas, function(formula) {
    fit <- timed(bam(formula, data = train, discrete = TRUE, nthreads = 2))
    found <- coefficients_at(fit$model, new)
    difference <- found$estimates - truth
    list(
      seconds = fit$seconds,
      squares = colMeans(difference^2),
      covered = colMeans(abs(difference) < qnorm(0.975) * found$errors)
    )
  })
  cat(sprintf(
    "\nCoefficients at %d new rows, from %d noisy ones: bam(discrete = TRUE, nthreads = 2).\n\n",
    nrow(new), nrow(train)
  ))
  sets <- list(w0 = 1, w1 = 2, w2 = 3, offset = 4, slopes = 1:3, `slopes and offset` = 1:4)
  lines <- lapply(names(sets), function(set) {
    columns <- sets[[set]]
    c(set, sapply(runs, function(run) {
      c(
        sprintf("%.1e", mean(run$squares[columns])),
        sprintf("%.3f", mean(run$covered[columns]))
      )
    }))
  })
  seconds <- sapply(runs, function(run) c(sprintf("%.1f", run$seconds), ""))
  print_table(
    c("", rbind(paste(names(runs), "MSE"), "coverage of 95 %")),
    c(lines, list(c("fit, s", seconds)))
  )
}

cat(sprintf("R %s, mgcv %s\n", getRversion(), packageVersion("mgcv")))
treatment()
if (!small) large()
