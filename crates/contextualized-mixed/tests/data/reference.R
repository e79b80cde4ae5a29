# Values of the tests: Rscript reference.R
suppressMessages(library(lme4))
write.csv(sleepstudy, "sleepstudy.csv", row.names = FALSE, quote = FALSE)
write.csv(cbpp, "cbpp.csv", row.names = FALSE, quote = FALSE)
write.csv(Penicillin, "penicillin.csv", row.names = FALSE, quote = FALSE)
write.csv(Pastes, "pastes.csv", row.names = FALSE, quote = FALSE)
options(digits = 10)
# The default search ends after five digits.
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-10, maxfun = 1e5))
say <- function(m) {
  print(as.data.frame(VarCorr(m))[, c("grp", "var1", "var2", "vcov")])
  print(fixef(m)); print(sqrt(diag(as.matrix(vcov(m))))); print(REMLcrit(m))
}
uncorrelated <- lmer(Reaction ~ Days + (1 | Subject) + (0 + Days | Subject), sleepstudy, control = tight)
correlated <- lmer(Reaction ~ Days + (1 + Days | Subject), sleepstudy, control = tight)
say(uncorrelated); say(correlated)
print(head(ranef(correlated)$Subject, 2))

# Weights.
sleepstudy$w <- 1 + sleepstudy$Days %% 3
say(lmer(Reaction ~ Days + (1 + Days | Subject), sleepstudy, weights = w, control = tight))

# Crossed factors: batches of penicillin, doi:10.1039/AN9729700187.
say(lmer(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin, control = tight))

# Nested factors.
say(lmer(strength ~ 1 + (1 | sample) + (1 | batch), Pastes, control = tight))

# Satterthwaite's degrees of freedom.
suppressMessages(library(lmerTest))
print(coef(summary(lmerTest::lmer(Reaction ~ Days + (1 + Days | Subject), sleepstudy, control = tight))))
print(coef(summary(lmerTest::lmer(Reaction ~ Days + (1 | Subject), sleepstudy, control = tight))))

# Laplace's approximation; the default tolerance of the inner iterations ends before the optimum:
# fixef -1.39834, -0.99192, -1.12822, -1.57975, variance 0.41225, log-likelihood -92.02657.
g <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial,
           control = glmerControl(tolPwrss = 1e-12))
print(fixef(g)); print(VarCorr(g)$herd[1]); print(logLik(g)); print(head(ranef(g)$herd, 3))
print(logLik(g) - sum(lchoose(cbpp$size, cbpp$incidence)))
print(sqrt(diag(as.matrix(vcov(g, use.hessian = FALSE)))))
p <- glmer(incidence ~ period + (1 | herd) + offset(log(size)), cbpp, family = poisson,
           control = glmerControl(tolPwrss = 1e-12))
print(fixef(p)); print(VarCorr(p)$herd[1]); print(logLik(p))
