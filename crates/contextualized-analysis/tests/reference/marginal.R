# Average marginal effects of generalised linear models with standard errors by the delta method: reference values
# of `marginal.rs`.
#
#     Rscript crates/contextualized-analysis/tests/reference/marginal.R

i <- 1:60
data <- data.frame(
  x = sin(i), b = as.numeric(i %% 3 == 0 | i %% 7 == 0), two = as.numeric(i %% 4 == 1), three = as.numeric(i %% 4 == 2),
  offset = cos(i) / 2
)
data$success <- as.numeric(sin(3 * i) + 0.5 * sin(i) + 0.4 * data$b > 0.2)
data$count <- floor(exp(1 + 0.5 * sin(i) + 0.3 * data$b) * (1 + 0.5 * sin(5 * i)))
factor_columns <- c("two", "three")

# Mean of derivatives, or of differences, as a function of the coefficients.
marginal <- function(theta, X, offset, family, column) {
  mean_at <- function(X) family$linkinv(drop(X %*% theta) + offset)
  if (column == "x") return(mean(family$mu.eta(drop(X %*% theta) + offset) * theta["x"]))
  more <- less <- X
  siblings <- if (column %in% factor_columns) factor_columns else column
  more[, siblings] <- less[, siblings] <- 0
  more[, column] <- 1
  mean(mean_at(more) - mean_at(less))
}
for (outcome in c("success", "count")) {
  family <- if (outcome == "success") binomial() else poisson()
  formula <- as.formula(paste(outcome, "~ x + b + two + three"))
  fit <- glm(formula, family, data, offset = offset, control = glm.control(1e-14, 100))
  X <- model.matrix(fit)
  theta <- coef(fit)
  for (column in c("x", "b", factor_columns)) {
    gradient <- sapply(seq_along(theta), function(k) {
      step <- 1e-5
      at <- function(by) {
        moved <- theta
        moved[k] <- moved[k] + by
        marginal(moved, X, data$offset, family, column)
      }
      (at(step) - at(-step)) / (2 * step)
    })
    error <- sqrt(drop(gradient %*% vcov(fit) %*% gradient))
    cat(outcome, column, format(marginal(theta, X, data$offset, family, column), digits = 10), format(error, digits = 8), "\n")
  }
}
