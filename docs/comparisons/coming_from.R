# The model of docs/src/coming_from.md by mgcv:
#
#     Rscript docs/comparisons/coming_from.R examples/data/diabetes.csv
#
# Prints the summary of the model as it is usually written, slopes with intervals of 95 %, F tests against models with
# a slope that does not vary with age, and slopes of a model whose linear trends are penalised too. Slopes are those
# at the contexts of docs/comparisons/contexts.csv, which is read from the folder of this script.

suppressPackageStartupMessages(library(mgcv))

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) != 1) stop("usage: Rscript coming_from.R diabetes.csv")
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))

data <- read.csv(arguments)
contexts <- read.csv(file.path(folder, "contexts.csv"))

# A coefficient is what one more unit of its feature adds to the prediction: a difference of two rows of the
# design. The covariance of the basis coefficients gives its standard error.
slope <- function(model, feature) {
  more <- contexts
  more[[feature]] <- more[[feature]] + 1
  difference <- predict(model, more, type = "lpmatrix") - predict(model, contexts, type = "lpmatrix")
  estimate <- drop(difference %*% coef(model))
  error <- sqrt(rowSums((difference %*% vcov(model, unconditional = TRUE)) * difference))
  sprintf("%.2f (%.2f to %.2f)", estimate, estimate - 1.96 * error, estimate + 1.96 * error)
}

slopes <- function(model) {
  print(
    data.frame(contexts[c("age", "sex")], bmi = slope(model, "bmi"), bp = slope(model, "bp")),
    row.names = FALSE
  )
}

# The smooths of age contain the average slopes; those of sex, with its two values, are lines.
usual <- gam(
  progression ~ sex + sex:bmi + sex:bp + s(age) + s(age, by = bmi) + s(age, by = bp),
  data = data, method = "REML"
)
print(summary(usual))
slopes(usual)

# The p-values above are for a slope of zero everywhere. That a slope does not vary with age is a smaller model.
larger <- update(usual, method = "ML")
constant <- list(
  bmi = update(larger, . ~ . - s(age, by = bmi) + bmi),
  bp = update(larger, . ~ . - s(age, by = bp) + bp)
)
cat("\n")
for (feature in names(constant)) {
  test <- anova(constant[[feature]], larger, test = "F")
  cat(sprintf("%s does not vary with age: p = %.4f\n", feature, test[2, "Pr(>F)"]))
}

# The same for `bp` and no penalties: natural splines of age with a number of degrees of freedom instead of smooths.
for (df in 1:3) {
  varying <- progression ~ sex + sex:bmi + sex:bp + bmi * splines::ns(age, df) + bp * splines::ns(age, df)
  full <- lm(varying, data)
  test <- anova(update(full, . ~ . - bp:splines::ns(age, df)), full)
  cat(sprintf("bp does not vary with age, by splines with %d df: p = %.4f\n", df, test[2, "Pr(>F)"]))
}

# With `select`, straight lines in age are penalised too. Average slopes are parametric terms here, so that they are
# not.
selected <- gam(
  progression ~ factor(sex) * (bmi + bp) + s(age) + s(age, by = bmi) + s(age, by = bp),
  data = data, method = "REML", select = TRUE
)
cat("\nWith select = TRUE:\n\n")
print(round(summary(selected)$s.table[, c("edf", "p-value")], 4))
cat("\n")
slopes(selected)
