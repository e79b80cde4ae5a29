# Effects on outcomes of several families by mgcv, on the data that `comparison_data` writes:
#
#     cargo run --release --example comparison_data -- target/comparison
#     Rscript docs/comparisons/families.R target/comparison
#
# Every coefficient is a sum of a smooth of each context. Prints, by family, the median over data sets of the
# mean squared error of both effects, with quartiles.

suppressPackageStartupMessages(library(mgcv))

folder <- commandArgs(trailingOnly = TRUE)
if (length(folder) != 1) stop("usage: Rscript families.R DIR")

formula <- y ~ s(c0) + s(c1) + s(c0, by = x0) + s(c1, by = x0) + s(c0, by = x1) + s(c1, by = x1)

# The effect of a feature is the difference of predictors between one and zero of it.
effects <- function(model, data) {
  sapply(c("x0", "x1"), function(feature) {
    at <- data
    at$x0 <- 0
    at$x1 <- 0
    none <- predict(model, at)
    at[[feature]] <- 1
    predict(model, at) - none
  })
}

families <- list(
  binomial = binomial(), poisson = poisson(), `negative-binomial` = nb(), gamma = Gamma(link = "log"),
  ordinal = ocat(R = 4), survival = cox.ph()
)
cat("| family | median | from | to |\n|---|---:|---:|---:|\n")
for (name in names(families)) {
  errors <- sapply(0:19, function(seed) {
    data <- read.csv(file.path(folder, sprintf("%s_%d.csv", name, seed)))
    # Levels are numbered from one there.
    if (name == "ordinal") data$y <- data$y + 1
    # Weights of survival times are their events.
    if (name != "survival") data$event <- 1
    model <- gam(formula, families[[name]], data, method = "REML", weights = event)
    mean((effects(model, data) - as.matrix(data[, c("w0", "w1")]))^2)
  })
  cat("|", name, "|", paste(signif(quantile(errors, c(.5, .25, .75)), 5), collapse = " | "), "|\n")
}
