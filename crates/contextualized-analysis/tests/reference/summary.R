# The right values of summary.rs: Rscript summary.R
i <- 0:59
x <- sin(1.3*i); w <- 1 + i %% 3; o <- log(1 + i %% 5)
y <- 1 + 2*x + .5*sin(2.1*i)
k <- round(exp(.5+.7*x+o)*(1+.5*sin(2.1*i)))
b <- as.numeric(sin(2.1*i) + x > 0)
options(digits=12)
show <- function(m) { print(coef(summary(m))); print(as.numeric(logLik(m))) }
xc <- x - weighted.mean(x, w)
m <- lm(y ~ xc, weights=w); show(m); print(summary(m)$sigma); print(summary(m)$r.squared)
m <- lm(y ~ x - 1); show(m); print(summary(m)$r.squared)
ctl <- glm.control(epsilon=1e-14, maxit=100)
xc <- x - mean(x)
m <- glm(k ~ xc + offset(o), family=poisson, control=ctl); show(m); print(1-m$deviance/m$null.deviance)
m <- glm(b ~ xc, family=binomial, control=ctl); show(m); print(1-m$deviance/m$null.deviance)
