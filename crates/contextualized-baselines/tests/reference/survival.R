# Values in survival.json, and the data of ../data: `Rscript survival.R` in this folder.
#
# `exponential` is the piecewise exponential model with one hazard, by two other implementations; `piecewise` that with a
# hazard for each interval between the cuts, by glm on the rows of survSplit. `cox` is coxph with either treatment of
# ties, with and without weights (standard errors as of frequencies), and `counting` of times with entry.
library(survival)
veteran <- survival::veteran
veteran$event <- veteran$status
veteran$test <- as.numeric(veteran$trt == 2)
veteran$prior <- veteran$prior / 10
veteran$weight <- 1 + seq_len(nrow(veteran)) %% 3
columns <- c("time", "event", "test", "karno", "age", "prior", "celltype", "weight")
write.csv(veteran[columns], "../data/veteran.csv", row.names = FALSE, quote = FALSE)
heart <- survival::heart[c("start", "stop", "event", "age", "year", "surgery", "transplant", "id")]
heart$transplant <- as.numeric(as.character(heart$transplant))
# The day of entry and of leaving is the same of one; R's help page adds half a day as well.
heart$stop[heart$stop == heart$start] <- heart$stop[heart$stop == heart$start] + 0.5
write.csv(heart, "../data/heart.csv", row.names = FALSE, quote = FALSE)
heart <- read.csv("../data/heart.csv")

tight <- glm.control(epsilon = 1e-14, maxit = 100)
rows <- veteran
rows$exposure <- rows$time
exponential <- glm(event ~ test + karno + age + offset(log(exposure)), poisson, rows, control = tight)
weibull <- survreg(Surv(time, event) ~ test + karno + age, veteran, dist = "exponential",
                   control = survreg.control(rel.tolerance = 1e-14, maxiter = 100))
# survreg has log-times: the signs are the other way around.
stopifnot(max(abs(coef(exponential) + coef(weibull))) < 1e-8)
stopifnot(max(abs(vcov(exponential) / vcov(weibull)[1:4, 1:4] - 1)) < 1e-6)

cuts <- c(30, 80, 150)
split <- survSplit(Surv(time, event) ~ ., veteran[c("time", "event", "test", "karno", "age")], cut = cuts, episode = "interval")
split$exposure <- split$time - split$tstart
piecewise <- glm(event ~ factor(interval) + test + karno + age + offset(log(exposure)), poisson, split, control = tight)

estimates <- function(fit) {
  found <- summary(fit)$coefficients
  list(names = rownames(found), coefficients = unname(coef(fit)), errors = unname(sqrt(diag(vcov(fit)))))
}
exact <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)
cox <- function(formula, data, ties, weights = NULL) {
  data$own <- if (is.null(weights)) 1 else data[[weights]]
  fit <- do.call(coxph, list(formula, data = data, weights = data$own, ties = ties, control = exact))
  # Breslow's estimator at features of zero, whatever the treatment of ties.
  zeros <- as.data.frame(as.list(coef(fit) * 0))
  base <- survfit(fit, newdata = zeros, stype = 2, ctype = 1)
  some <- c(5, 40, 80)
  list(ties = ties, weighted = !is.null(weights), coefficients = unname(coef(fit)),
       errors = unname(sqrt(diag(if (is.null(fit$naive.var)) fit$var else fit$naive.var))), loglik = fit$loglik,
       times = base$time[some], hazards = base$cumhaz[some])
}
of <- Surv(time, event) ~ test + karno + age + prior
counting <- Surv(start, stop, event) ~ transplant + age + year + surgery
ties <- c("breslow", "efron")
out <- list(
  exponential = estimates(exponential), piecewise = estimates(piecewise), rows = nrow(split),
  deviance = deviance(piecewise), cuts = cuts,
  cox = c(lapply(ties, function(own) cox(of, veteran, own)),
          lapply(ties, function(own) cox(of, veteran, own, "weight"))),
  counting = lapply(ties, function(own) cox(counting, heart, own)))
writeLines(jsonlite::toJSON(out, digits = 17, auto_unbox = TRUE, pretty = TRUE), "survival.json")
