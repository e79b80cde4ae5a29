# The tables of `contextualized summary` beside R's, on the diabetes data:
#
#     contextualized fit examples/data/diabetes.csv 'progression ~ bmi + bp + ltg | age' \
#       --estimator population --out population.ctx      # and `--estimator gp --out gp.ctx`
#     contextualized summary population.ctx
#     Rscript docs/comparisons/summary.R examples/data/diabetes.csv
#
# Of the population, coefficients, standard errors, t, residual SD, R² and log-likelihood are those of `lm` with
# features at their means. Of the Gaussian process, effective degrees of freedom and deviance explained are near
# those of `gam` with penalised null spaces.

suppressPackageStartupMessages(library(mgcv))

data <- read.csv(commandArgs(trailingOnly = TRUE)[1])
features <- c("bmi", "bp", "ltg")
centred <- data
centred[features] <- lapply(data[features], function(column) column - mean(column))

population <- lm(progression ~ bmi + bp + ltg, centred)
print(summary(population))
print(logLik(population))

smooth <- gam(
  progression ~ bmi + bp + ltg + s(age) + s(age, by = bmi) + s(age, by = bp) + s(age, by = ltg),
  data = data, method = "REML", select = TRUE
)
cat("effective degrees of freedom", sum(smooth$edf), "\n")
cat("deviance explained", summary(smooth)$dev.expl, "\n")
