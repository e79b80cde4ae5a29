//! Draws by which a Poisson likelihood is a normal one: auxiliary mixture sampling, after Frühwirth-Schnatter, Frühwirth,
//! Held and Rue (2009), doi:10.1007/s11222-008-9109-4.
//!
//! As a function of the linear predictor η, the likelihood `η s − t exp(η)` of s events in a time t is that of
//! `−ln t = η + x` with x the negative logarithm of a gamma variable of shape s. Where s is not among the shapes below, as
//! for no events, the waiting time for the events up to the next of these shapes is drawn too. The distribution of x is
//! a mixture of normal ones but for a Kullback-Leibler divergence of at most 2e-5, and given the component that x comes
//! from, η has a normal likelihood. The fewer components, the larger their variances, and the faster η moves: those here
//! are as few as the divergence allows.

use rand::Rng;
use rand_distr::{Distribution, Gamma};

/// Target and precision of a normal likelihood of the linear predictor, drawn given how many events there were in a time
/// and the linear predictor as it is.
pub(super) fn draw(events: f64, time: f64, predictor: f64, random: &mut impl Rng) -> (f64, f64) {
    let next = MIXTURES.iter().find(|mixture| mixture.shape >= events);
    let log_time = next.map_or(time.ln(), |mixture| {
        later(time, mixture.shape - events, predictor, random)
    });
    let difference = -log_time - predictor;
    let of_large_shape;
    let components = if let Some(mixture) = next {
        mixture.components
    } else {
        of_large_shape = Component::of_large_shape(events);
        &of_large_shape
    };
    let drawn = one_of(components, difference, random);
    (-log_time - drawn.mean, drawn.variance.recip())
}

/// The logarithm of the time at which so many more events have happened.
fn later(time: f64, events: f64, predictor: f64, random: &mut impl Rng) -> f64 {
    // Of a shape of zero there is no distribution, and nothing to wait for.
    let wait = Gamma::new(events, 1.0).map_or(0.0, |gamma| gamma.sample(random));
    let (one, other) = (time.ln(), wait.ln() - predictor);
    let larger = one.max(other);
    larger + (one.min(other) - larger).exp().ln_1p()
}

/// A normal distribution, and how often it is drawn from.
#[derive(Debug, Clone, Copy)]
struct Component {
    weight: f64,
    mean: f64,
    variance: f64,
}

const fn component(weight: f64, mean: f64, variance: f64) -> Component {
    Component {
        weight,
        mean,
        variance,
    }
}

impl Component {
    /// Two of the same variance, which have the first three cumulants of the distribution and a fourth of zero.
    fn of_large_shape(shape: f64) -> [Self; 2] {
        let r = shape.recip();
        let mean = -(shape.ln() - r * (0.5 + r / 12.0));
        let variance = r * (1.0 + r * (0.5 + r / 6.0));
        let third = r * r * (1.0 + r * (1.0 + 0.5 * r));
        // Weights whose product is a sixth have no fourth cumulant.
        let root = 3.0_f64.sqrt();
        let (less, more) = ((3.0 - root) / 6.0, (3.0 + root) / 6.0);
        let distance = (third * 6.0 * root).cbrt();
        let variance = variance - distance * distance / 6.0;
        [
            component(more, mean - less * distance, variance),
            component(less, mean + more * distance, variance),
        ]
    }
}

/// The component that a value comes from.
fn one_of(components: &[Component], value: f64, random: &mut impl Rng) -> Component {
    let exponent = |own: &Component| (value - own.mean).powi(2) / (2.0 * own.variance);
    let least = components
        .iter()
        .map(exponent)
        .fold(f64::INFINITY, f64::min);
    let height = |own: &Component| own.weight / own.variance.sqrt() * (least - exponent(own)).exp();
    let total: f64 = components.iter().map(height).sum();
    let mut at = random.r#gen::<f64>() * total;
    for own in components {
        at -= height(own);
        if at < 0.0 {
            return *own;
        }
    }
    // Rounding has left nothing of the last one.
    components[components.len() - 1]
}

/// The components of a shape.
struct Mixture {
    shape: f64,
    components: &'static [Component],
}

/// Fitted by expectation and maximisation to the density on a fine grid.
const MIXTURES: [Mixture; 15] = [
    Mixture {
        shape: 1.0,
        components: &[
            component(0.062027, -1.120378, 0.1396924),
            component(0.136430, -0.630726, 0.1388572),
            component(0.161740, -0.119311, 0.1687336),
            component(0.206540, 0.406826, 0.2884573),
            component(0.265051, 1.014753, 0.6165416),
            component(0.132063, 2.036245, 1.1242360),
            component(0.032954, 3.443202, 2.1160810),
            component(0.003195, 5.223591, 4.7050920),
        ],
    },
    Mixture {
        shape: 2.0,
        components: &[
            component(0.098716, -1.458468, 0.1061019),
            component(0.155005, -1.092213, 0.0916354),
            component(0.179271, -0.705860, 0.1073504),
            component(0.225516, -0.320136, 0.1835795),
            component(0.262990, 0.077089, 0.3975259),
            component(0.072557, 0.807586, 0.7053761),
            component(0.005945, 1.741722, 1.4110250),
        ],
    },
    Mixture {
        shape: 3.0,
        components: &[
            component(0.117318, -1.696886, 0.0892991),
            component(0.193564, -1.346370, 0.0865259),
            component(0.249691, -0.983492, 0.1184358),
            component(0.314114, -0.644421, 0.2250044),
            component(0.116116, -0.168428, 0.3973312),
            component(0.009197, 0.483633, 0.7356478),
        ],
    },
    Mixture {
        shape: 4.0,
        components: &[
            component(0.124880, -1.906437, 0.0742869),
            component(0.191342, -1.612984, 0.0676237),
            component(0.231067, -1.304563, 0.0850614),
            component(0.296373, -1.026420, 0.1527873),
            component(0.145174, -0.700184, 0.2777801),
            component(0.011165, -0.189718, 0.4853044),
        ],
    },
    Mixture {
        shape: 6.0,
        components: &[
            component(0.163483, -2.174094, 0.0607789),
            component(0.235021, -1.899717, 0.0587073),
            component(0.296021, -1.628460, 0.0830870),
            component(0.275507, -1.415812, 0.1573155),
            component(0.029967, -1.070871, 0.2650557),
        ],
    },
    Mixture {
        shape: 8.0,
        components: &[
            component(0.168115, -2.411236, 0.0493087),
            component(0.226245, -2.183563, 0.0454133),
            component(0.277356, -1.952159, 0.0600956),
            component(0.285063, -1.779994, 0.1095071),
            component(0.043220, -1.559482, 0.1864684),
        ],
    },
    Mixture {
        shape: 12.0,
        components: &[
            component(0.218940, -2.710405, 0.0402695),
            component(0.331986, -2.487890, 0.0434768),
            component(0.371335, -2.306927, 0.0672718),
            component(0.077738, -2.143813, 0.1095042),
        ],
    },
    Mixture {
        shape: 16.0,
        components: &[
            component(0.223153, -2.968903, 0.0317092),
            component(0.315796, -2.782384, 0.0325824),
            component(0.353682, -2.626060, 0.0475830),
            component(0.107369, -2.524360, 0.0787573),
        ],
    },
    Mixture {
        shape: 24.0,
        components: &[
            component(0.323474, -3.289069, 0.0258498),
            component(0.493662, -3.124024, 0.0314913),
            component(0.182864, -3.012815, 0.0473490),
        ],
    },
    Mixture {
        shape: 32.0,
        components: &[
            component(0.321689, -3.562591, 0.0200095),
            component(0.463254, -3.422348, 0.0233613),
            component(0.215057, -3.341285, 0.0349229),
        ],
    },
    Mixture {
        shape: 48.0,
        components: &[
            component(0.316593, -3.950130, 0.0139290),
            component(0.432527, -3.839372, 0.0156013),
            component(0.250880, -3.784809, 0.0228012),
        ],
    },
    Mixture {
        shape: 64.0,
        components: &[
            component(0.314268, -4.226216, 0.0107997),
            component(0.425483, -4.133219, 0.0118969),
            component(0.260249, -4.089436, 0.0168796),
        ],
    },
    Mixture {
        shape: 96.0,
        components: &[
            component(0.311476, -4.617917, 0.0075085),
            component(0.411789, -4.545275, 0.0080966),
            component(0.276735, -4.513582, 0.0110889),
        ],
    },
    Mixture {
        shape: 128.0,
        components: &[
            component(0.309183, -4.897401, 0.0057905),
            component(0.406290, -4.836629, 0.0061776),
            component(0.284527, -4.810974, 0.0082445),
        ],
    },
    Mixture {
        shape: 192.0,
        components: &[
            component(0.307953, -5.293093, 0.0040071),
            component(0.404645, -5.246045, 0.0042285),
            component(0.287401, -5.226405, 0.0054369),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use statrs::function::gamma::{digamma, ln_gamma};

    /// Integrals of a function of x with the log-density of x and that of the mixture.
    fn integral(shape: f64, components: &[Component], of: impl Fn(f64, f64, f64) -> f64) -> f64 {
        const STEPS: usize = 20_000;
        let spread = shape.sqrt().recip();
        let (low, high) = (
            -shape.ln() - 8.0 * spread.min(0.6),
            40.0 * spread - shape.ln(),
        );
        let step = (high - low) / STEPS as f64;
        let at = |index: usize| {
            let x = low + (index as f64 + 0.5) * step;
            let exact = -shape * x - (-x).exp() - ln_gamma(shape);
            let density = |own: &Component| {
                let square = (x - own.mean).powi(2) / own.variance;
                own.weight * (-0.5 * square).exp() / (std::f64::consts::TAU * own.variance).sqrt()
            };
            let mixture: f64 = components.iter().map(density).sum();
            step * of(x, exact, mixture.max(f64::MIN_POSITIVE).ln())
        };
        (0..STEPS).map(at).sum()
    }

    #[test]
    fn mixtures_have_the_density_of_logarithms_of_gamma_variables() {
        let check = |shape: f64, components: &[Component]| {
            let weights: f64 = components.iter().map(|own| own.weight).sum();
            assert!((weights - 1.0).abs() < 1e-5, "{shape}: {weights}");
            let whole = integral(shape, components, |_, exact, _| exact.exp());
            assert!((whole - 1.0).abs() < 1e-8, "{shape}: {whole}");
            let divergence = integral(shape, components, |_, exact, mixture| {
                exact.exp() * (exact - mixture)
            });
            assert!(divergence < 2e-5, "{shape}: {divergence}");
            let mean = components.iter().map(|own| own.weight * own.mean);
            let error = (mean.sum::<f64>() + digamma(shape)) * shape.sqrt();
            assert!(error.abs() < 1e-4, "{shape}: {error}");
        };
        for mixture in &MIXTURES {
            check(mixture.shape, mixture.components);
        }
        for shape in [192.5, 300.0, 1000.0, 1e6] {
            check(shape, &Component::of_large_shape(shape));
        }
    }

    /// One predictor with a normal prior, drawn by turns with what makes its likelihood normal, has the posterior found
    /// by numerical integration.
    #[test]
    fn draws_of_a_predictor_are_those_of_its_posterior() {
        const DRAWS: usize = 60_000;
        for (events, time, center, deviation) in [
            (0.0, 1.0, 0.0, 1.0),
            (0.0, 0.3, -1.0, 2.0),
            (1.0, 1.0, 0.5, 1.0),
            (2.5, 0.5, 0.0, 1.0),
            (7.0, 2.0, 0.0, 1.0),
            (40.0, 3.0, 1.0, 1.0),
            (300.0, 1.0, 5.0, 1.0),
        ] {
            let mut random = ChaCha8Rng::seed_from_u64(11);
            let mut predictor = center;
            let mut draws = Vec::with_capacity(DRAWS);
            for _ in 0..DRAWS {
                let (target, own) = draw(events, time, predictor, &mut random);
                let prior = 1.0 / (deviation * deviation);
                let precision = own + prior;
                let mean = (own * target + prior * center) / precision;
                let normal: f64 = random.sample(rand_distr::StandardNormal);
                predictor = mean + normal / precision.sqrt();
                draws.push(predictor);
            }
            let mut moments = [0.0; 3];
            for step in 0..40_000 {
                let z = step as f64 / 2000.0 - 10.0;
                let at = center + deviation * z;
                let density = (events * (at - center) - time * at.exp() - 0.5 * z * z).exp();
                let terms = [density, density * at, density * at * at];
                for (moment, term) in moments.iter_mut().zip(terms) {
                    *moment += term;
                }
            }
            let mean = moments[1] / moments[0];
            let variance = moments[2] / moments[0] - mean * mean;
            let found = crate::diagnostics::Convergence::of(&draws, 1);
            let of_draws = draws.iter().sum::<f64>() / DRAWS as f64;
            let size = found.effective_size;
            let score = (of_draws - mean) / (variance / size).sqrt();
            assert!(
                score.abs() < 4.0,
                "{events} {time}: {of_draws} instead of {mean}"
            );
            let squares = draws
                .iter()
                .map(|own| (own - of_draws).powi(2))
                .sum::<f64>();
            let ratio = squares / DRAWS as f64 / variance;
            assert!(
                (ratio - 1.0).abs() < 5.0 * (2.0 / size).sqrt(),
                "{events} {time}: {ratio}, {size} draws"
            );
            // Draws forget those before them.
            assert!(size > 0.03 * DRAWS as f64, "{events} {time}: {size}");
        }
    }

    #[test]
    fn no_predictor_makes_a_draw_that_is_not_finite() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for events in [0.0, 1e-9, 1.0, 5.0, 1e3, 1e15] {
            for time in [1e-9, 1.0, 1e9] {
                for predictor in [0.0, -800.0, 800.0, 1e9, -1e9] {
                    let (target, precision) = draw(events, time, predictor, &mut random);
                    assert!(target.is_finite(), "{events} {time} {predictor}");
                    assert!(precision.is_finite() && precision > 0.0);
                }
            }
        }
    }
}
