# mgcv on a problem: Rscript mgcv.R gam|bam DIRECTORY, with train.csv and new.csv of `compare.py` in the directory.
#
# Writes predictions.csv and coefficients.csv there, and prints the seconds of fitting.
own <- commandArgs(trailingOnly = TRUE)
if (!requireNamespace("mgcv", quietly = TRUE)) { cat('{"missing": "mgcv"}\n'); quit() }
suppressMessages(library(mgcv))
train <- read.csv(file.path(own[2], "train.csv"))
new <- read.csv(file.path(own[2], "new.csv"))
contexts <- grep("^c", names(train), value = TRUE)
features <- grep("^x", names(train), value = TRUE)
smooth <- sapply(contexts, function(c) length(unique(train[[c]])) > 2)
# A smooth function of each context by each feature; of a context with two values, an interaction.
terms <- features
for (c in contexts) {
  terms <- c(terms, if (smooth[c]) sprintf("s(%s)", c) else c)
  terms <- c(terms, if (smooth[c]) sprintf("s(%s, by = %s)", c, features) else sprintf("%s:%s", features, c))
}
formula <- as.formula(paste("y ~", paste(terms, collapse = " + ")))
fit <- function() {
  if (own[1] == "gam") gam(formula, data = train, method = "REML")
  else bam(formula, data = train, discrete = TRUE, nthreads = 2)
}
seconds <- system.time(model <- fit())["elapsed"]
at <- function(values) { table <- new; table[features] <- values; as.numeric(predict(model, table)) }
intercept <- at(0)
slope <- function(feature) { one <- as.list(rep(0, length(features))); one[[match(feature, features)]] <- 1; at(one) - intercept }
found <- data.frame(sapply(features, slope), intercept)
write.csv(found, file.path(own[2], "coefficients.csv"), row.names = FALSE)
write.csv(data.frame(y = as.numeric(predict(model, new))), file.path(own[2], "predictions.csv"), row.names = FALSE)
cat(sprintf('{"seconds": %.3f}\n', seconds))
