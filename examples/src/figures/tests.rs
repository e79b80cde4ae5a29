//! The figures, on the simulated population and on small examples.

mod simulation;

use super::*;
use contextualized_plot::Figure;
use simulation::{Simulation, effect, prediction, simulate};

fn patients(simulation: &Simulation) -> Patients<'_> {
    Patients {
        contexts: &simulation.contexts,
        effects: &simulation.effects,
        doses: &simulation.doses,
        outcomes: &simulation.outcomes,
    }
}

fn draw(figure: &Figure) -> String {
    figure.to_svg().unwrap()
}

/// How often a text is there.
fn count(svg: &str, text: &str) -> usize {
    svg.matches(&format!(">{text}</text>")).count()
}

fn has(svg: &str, text: &str) -> bool {
    count(svg, text) > 0
}

fn circles(svg: &str) -> usize {
    svg.matches("<circle ").count()
}

fn polygons(svg: &str) -> usize {
    svg.matches("<polygon ").count()
}

#[test]
fn contexts_effects_and_outcomes() {
    let simulation = simulate();
    let figure = contexts_effects_outcomes(&patients(&simulation), &Wording::default()).unwrap();
    let svg = draw(&figure);
    assert_eq!(circles(&svg), 3 * 5625);
    assert!(has(&svg, "Eats healthy") && has(&svg, "Patient outcomes"));
    assert!(has(&svg, "Treatment response (standardised)"));
    assert!(svg.len() < 1_200_000, "{}", svg.len());
}

#[test]
fn observed_among_unobserved() {
    let simulation = simulate();
    let observed = simulation.observed.iter().filter(|flag| **flag).count();
    assert_eq!(observed, 221);
    let contexts = [(0.6, -0.6), (-1.0, 0.0)];
    let of_interest = OfInterest {
        contexts: &contexts,
        truth: &contexts.map(effect),
        predicted: &[],
    };
    let draw_with = |of_interest: &OfInterest<'_>| {
        let wording = Wording::default();
        let patients = patients(&simulation);
        draw(
            &observed_and_unobserved(&patients, &simulation.observed, of_interest, &wording)
                .unwrap(),
        )
    };
    let with = draw_with(&of_interest);
    assert!(has(&with, "patients of interest") && has(&with, "unobserved patients"));
    let without = draw_with(&OfInterest::default());
    assert!(!has(&without, "patients of interest"));
    // Two markers in two panels, and one in the legend.
    assert_eq!(circles(&with) - circles(&without), 2 * 2 + 1);
    let shown = 221 + 2 * 5625 + 2;
    assert!(
        shown - circles(&without) < 60,
        "more than coinciding dots are missing"
    );
}

#[test]
fn one_model_over_the_truth() {
    let simulation = simulate();
    let [unobserved, observed] = simulation.split(&simulation.effects);
    let [contexts, _] = simulation.split(&simulation.contexts);
    let predicted: Vec<_> = contexts.iter().copied().map(prediction).collect();
    let interest = [(0.6, -0.6), (-1.0, 0.0)];
    let truth = TrueEffects {
        unobserved: &unobserved,
        observed: &observed,
    };
    let model = ModelEffects {
        name: "Contextualized",
        predicted: &predicted,
        errors: Some((0.0321, 0.0484)),
    };
    let of_interest = OfInterest {
        contexts: &interest,
        truth: &interest.map(effect),
        predicted: &interest.map(prediction),
    };
    let wording = Wording::default();
    let figure = predicted_effects(&truth, &model, &of_interest, &wording).unwrap();
    let svg = draw(&figure);
    assert!(svg.len() < 1_500_000, "{}", svg.len());
    for text in [
        "Contextualized",
        "MSE: response 0.032, effect 0.048",
        "true effects (unobserved patients)",
        "true effects (observed patients)",
        "predicted effects (unobserved patients)",
        "true effects (patients of interest)",
        "predicted effects (patients of interest)",
    ] {
        assert!(has(&svg, text), "{text}");
    }
    let again = predicted_effects(&truth, &model, &of_interest, &wording).unwrap();
    assert_eq!(svg, again.to_svg().unwrap());
    let unpaired = OfInterest {
        predicted: &[],
        ..of_interest
    };
    assert!(matches!(
        predicted_effects(&truth, &model, &unpaired, &wording),
        Err(Error::LengthsDiffer {
            expected: 2,
            found: 0,
            ..
        })
    ));
}

#[test]
fn all_models_in_small() {
    let unobserved = [(0.0, 0.0), (1.0, 1.0), (0.5, 0.2)];
    let truth = TrueEffects {
        unobserved: &unobserved,
        observed: &[(0.4, 0.4)],
    };
    let model = |name, predicted| ModelEffects {
        name,
        predicted,
        errors: None,
    };
    let near = [(0.1, 0.1), (0.9, 1.1), (0.5, 0.5)];
    let wild = [(0.1, 0.1), (50.0, 1.1), (f64::MAX, 0.5)];
    let models = [model("near", &near[..]), model("wild", &wild[..])];
    let figure = all_models(&truth, &models, 2, &Wording::default()).unwrap();
    let svg = draw(&figure);
    assert!(has(&svg, "near") && has(&svg, "2 predictions outside"));
    let short = [model("short", &near[..2])];
    let error = all_models(&truth, &short, 2, &Wording::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "effects predicted by short: the length is 2, expected 3"
    );
    let none = all_models(&truth, &[], 2, &Wording::default()).unwrap();
    assert!(matches!(none.to_svg(), Err(Error::EmptyFigure)));
}

#[test]
fn losses_against_epochs() {
    let losses: Vec<f64> = (1..=50).map(|epoch| 1.0 / f64::from(epoch)).collect();
    let curve = |name, training, validation| TrainingCurve {
        name,
        training,
        validation,
    };
    let curves = [
        curve("a", &losses[..], &losses[..]),
        curve("b", &losses[..2], &[]),
    ];
    let svg = draw(&training_curves(&curves));
    for text in ["a", "b", "Epoch", "Loss", "0.1", "validation (dashed)"] {
        assert!(has(&svg, text), "{text}");
    }
    let svg = draw(&training_curves(&curves[1..]));
    assert!(!has(&svg, "validation (dashed)"));
    assert!(has(&svg, "2") && !has(&svg, "1.5"));
    let zero = training_curves(&[curve("z", &[0.1, 0.0], &[])]);
    assert!(matches!(
        zero.to_svg(),
        Err(Error::NotPositive { index: 1, .. })
    ));
}

#[test]
fn effects_against_a_context() {
    let age = [20.0, 40.0, 60.0];
    let group = |name, effect| GroupCurve {
        name,
        context: &age,
        effect,
        interval: Some((&[-1.0, -1.0, -1.0], &[1.0, 1.0, 1.0])),
    };
    let groups = [
        group("women", &[0.1, 0.2, 0.3][..]),
        group("men", &[0.3, 0.2, 0.1][..]),
    ];
    let panel = |title| EffectPanel {
        title,
        groups: &groups,
        population: Some(0.2),
    };
    let panels = [panel("bmi"), panel("glucose")];
    let svg = draw(&effect_curves(&panels, "Age (years)", 2).unwrap());
    for text in [
        "women",
        "men",
        "population",
        "interval",
        "bmi",
        "glucose",
        "Age (years)",
    ] {
        assert!(has(&svg, text), "{text}");
    }
    assert_eq!(polygons(&svg), 4);
    let short = [group("short", &[0.1][..])];
    let panel = EffectPanel {
        title: "bmi",
        groups: &short,
        population: None,
    };
    let error = effect_curves(&[panel], "Age", 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bmi: effects of short: the length is 1, expected 3"
    );
}

#[test]
fn shapes_against_the_truth() {
    let context = [-1.0, 0.0, 1.0];
    let function = ShapeFunction {
        title: "Effect A from diet",
        context_name: "Eats healthy",
        context: &context,
        estimate: &[-0.9, 0.0, 0.9],
        interval: None,
        truth: &context,
        observed: &[-0.5, 0.5],
    };
    let svg = draw(&shape_functions(&[function], 1).unwrap());
    for text in [
        "estimate",
        "truth",
        "observed contexts",
        "Effect A from diet",
        "Eats healthy",
    ] {
        assert!(has(&svg, text), "{text}");
    }
    let unknown = ShapeFunction {
        truth: &[],
        observed: &[],
        ..function
    };
    let svg = draw(&shape_functions(&[unknown], 1).unwrap());
    assert!(!has(&svg, "truth") && !has(&svg, "observed contexts"));
    let short = ShapeFunction {
        truth: &[0.0],
        ..function
    };
    assert!(matches!(
        shape_functions(&[short], 1),
        Err(Error::LengthsDiffer {
            expected: 3,
            found: 1,
            ..
        })
    ));
}

#[test]
fn patients_have_one_entry_in_every_list() {
    let simulation = simulate();
    let whole = patients(&simulation);
    let wording = Wording::default();
    for broken in [
        Patients {
            effects: &whole.effects[1..],
            ..whole
        },
        Patients {
            doses: &whole.doses[1..],
            ..whole
        },
        Patients {
            outcomes: &whole.outcomes[1..],
            ..whole
        },
    ] {
        assert!(matches!(
            contexts_effects_outcomes(&broken, &wording),
            Err(Error::LengthsDiffer {
                expected: 5625,
                found: 5624,
                ..
            })
        ));
    }
    assert!(observed_and_unobserved(&whole, &[true], &OfInterest::default(), &wording).is_err());
}

const NAMES: [&str; 3] = ["first", "second", "a long name"];
/// Edges first → second, second → first and second → third.
const WEIGHTS: [f64; 9] = [0.0, 0.5, 0.0, -1.0, 0.0, 2.0, 0.0, 0.0, 0.0];

fn network<'a>(title: &'a str, weights: &'a [f64]) -> NetworkPanel<'a> {
    NetworkPanel {
        title,
        subtitle: "at 0.3",
        weights,
    }
}

#[test]
fn networks_as_tables_name_rows_and_columns_and_write_weights() {
    let networks = [network("truth", &WEIGHTS), network("none", &[0.0; 9])];
    let svg = draw(&network_tables(&networks, &NAMES, 2).unwrap());
    for text in [
        "truth", "none", "at 0.3", "second", "0.50", "−1.00", "2.00", "weight",
    ] {
        assert!(has(&svg, text), "{text}");
    }
    assert!(!has(&svg, "0.00"));
    assert_eq!(count(&svg, "first"), 4);
}

#[test]
fn networks_as_graphs_have_a_dot_per_node_and_a_head_per_arrow() {
    let networks = [network("truth", &WEIGHTS)];
    let directed = draw(&network_graphs(&networks, &NAMES, true, 1).unwrap());
    assert_eq!((circles(&directed), polygons(&directed)), (3, 3));
    assert!(has(&directed, "a long name"));
    let undirected = draw(&network_graphs(&networks, &NAMES, false, 1).unwrap());
    assert_eq!(polygons(&undirected), 0);
}

#[test]
fn a_network_needs_a_weight_for_each_pair_of_names() {
    let networks = [network("truth", &WEIGHTS[..8])];
    for figure in [
        network_tables(&networks, &NAMES, 1),
        network_graphs(&networks, &NAMES, true, 1),
    ] {
        assert!(matches!(
            figure,
            Err(Error::LengthsDiffer {
                expected: 9,
                found: 8,
                ..
            })
        ));
    }
}

#[test]
fn rows_coloured_by_covariates() {
    let points: Vec<(f64, f64)> = (0..40)
        .map(|row| (f64::from(row), f64::from(row % 7)))
        .collect();
    let ages: Vec<Option<f64>> = (0..40)
        .map(|row| (row % 5 > 0).then(|| f64::from(row)))
        .collect();
    let wards: Vec<Option<usize>> = (0..40).map(|row| (row > 3).then_some(row % 2)).collect();
    let panels = [
        EmbeddingPanel {
            title: "age",
            colouring: Colouring::Numbers(&ages),
        },
        EmbeddingPanel {
            title: "ward",
            colouring: Colouring::Levels {
                names: &["north", "south"],
                levels: &wards,
            },
        },
    ];
    let svg = draw(&embedding(&points, &panels, ("PC 1", "PC 2"), 2).unwrap());
    // Two panels, and north, south and missing in the legend.
    assert_eq!(circles(&svg), 2 * 40 + 3);
    for text in ["age", "ward", "north", "south", "missing", "PC 1"] {
        assert!(has(&svg, text), "{text}");
    }
    let without = embedding(&points, &panels[1..], ("", ""), 1).unwrap();
    assert!(!has(&draw(&without), "20"));
    let short = EmbeddingPanel {
        title: "age",
        colouring: Colouring::Numbers(&ages[1..]),
    };
    assert!(matches!(
        embedding(&points, &[short], ("", ""), 1),
        Err(Error::LengthsDiffer { .. })
    ));
    let unnamed = EmbeddingPanel {
        title: "ward",
        colouring: Colouring::Levels {
            names: &["north"],
            levels: &wards,
        },
    };
    assert!(matches!(
        embedding(&points, &[unnamed], ("", ""), 1),
        Err(Error::BadSetting { .. })
    ));
    let nothing_known = [None; 40];
    let missing = EmbeddingPanel {
        title: "age",
        colouring: Colouring::Numbers(&nothing_known),
    };
    let svg = draw(&embedding(&points, &[missing], ("", ""), 1).unwrap());
    assert_eq!(circles(&svg), 41);
}

#[test]
fn archetypes_along_a_context() {
    let ages: Vec<f64> = (20..60).map(f64::from).collect();
    let young: Vec<f64> = ages
        .iter()
        .map(|age| 1.0 / (1.0 + ((age - 40.0) / 5.0).exp()))
        .collect();
    let old: Vec<f64> = young.iter().map(|share| 1.0 - share).collect();
    let weights = [&young[..], &old[..]];
    let panel = ArchetypeWeights {
        title: "women",
        context: &ages,
        weights: &weights,
    };
    let figure = archetype_bands(&[panel], &["first", "second"], "Age (years)", 1).unwrap();
    let svg = draw(&figure);
    for text in ["women", "first", "second", "Age (years)"] {
        assert!(has(&svg, text), "{text}");
    }
    assert!(matches!(
        archetype_bands(&[panel], &["first"], "", 1),
        Err(Error::LengthsDiffer { .. })
    ));
    let table = [1.0, -2.0, 0.25, 0.5, 0.0, 1.5];
    let figure = archetype_table(&["first", "second"], &["a", "b", "c"], &table, "slope").unwrap();
    let svg = draw(&figure);
    assert!(has(&svg, "first") && has(&svg, "c") && has(&svg, "\u{2212}2.00"));
    assert!(archetype_table(&["first"], &["a", "b", "c"], &table, "").is_err());
}

/// Lines through five points, as around a cell.
fn frames(svg: &str) -> usize {
    let paths = svg.split("<path d=\"").skip(1);
    let lines = paths.filter_map(|path| path.split_once('"'));
    lines
        .filter(|(line, _)| line.matches('M').count() == 1 && line.matches('L').count() == 4)
        .count()
}

fn function<'a>(title: &'a str, curves: &'a [Vec<f64>; 4], rows: &'a [f64]) -> ShapeFunction<'a> {
    ShapeFunction {
        title,
        context_name: "age",
        context: &curves[0],
        estimate: &curves[1],
        interval: Some((&curves[2], &curves[3])),
        truth: &[],
        observed: rows,
    }
}

fn curves(size: f64) -> [Vec<f64>; 4] {
    let grid: Vec<f64> = (0..20).map(|i| 20.0 + 3.0 * f64::from(i)).collect();
    let estimate: Vec<f64> = grid.iter().map(|z| size * (z / 15.0).sin()).collect();
    let lower = estimate.iter().map(|v| v - 0.2 * size).collect();
    let upper = estimate.iter().map(|v| v + 0.2 * size).collect();
    [grid, estimate, lower, upper]
}

#[test]
fn effects_share_their_axis_by_coefficient() {
    let rows: Vec<f64> = (0..60).map(|i| 20.0 + f64::from(i * 37 % 58)).collect();
    let (small, large) = (curves(1.0), curves(40.0));
    let effects = [
        function("slope of bmi by age", &small, &rows),
        function("slope of bmi by sex", &small, &rows),
        function("intercept by age", &large, &rows),
        function("intercept by sex", &small, &rows),
    ];
    let svg = draw(&context_effects(&effects, 2).unwrap());
    // The small curve of the second row stands on the axis of the large one.
    for (mark, panels) in [("1", 2), ("\u{2212}50", 2)] {
        assert_eq!(count(&svg, mark), panels, "{mark}");
    }
    assert_eq!(count(&svg, "interval"), 1);
    let short = ShapeFunction {
        interval: Some((&[0.0], &small[3])),
        ..effects[0]
    };
    assert!(matches!(
        context_effects(&[short], 1),
        Err(Error::LengthsDiffer {
            expected: 20,
            found: 1,
            ..
        })
    ));
}

#[test]
fn small_p_values_are_framed() {
    let coefficients = ["bmi", "blood pressure", "(intercept)"];
    let (contexts, deviations) = (["age", "sex"], [0.61, 0.04, 0.12, 0.09, 0.33, 0.02]);
    let p_values = [0.0, 0.81, 0.04, 0.33, 0.0004, 0.97];
    let of =
        |level| variation_table(&coefficients, &contexts, &deviations, &p_values, level).unwrap();
    let framed = |level| frames(&draw(&of(level)));
    // Each in both tables.
    assert_eq!([-1.0, 0.001, 0.05].map(framed), [0, 4, 6]);
    let svg = draw(&of(0.05));
    assert_eq!(count(&svg, "p at most 0.05"), 1);
    for number in ["0.610", "0.810", "0.000", "0.970"] {
        assert!(has(&svg, number), "{number}");
    }
    assert!(matches!(
        variation_table(&coefficients, &contexts, &deviations[1..], &p_values, 0.05),
        Err(Error::LengthsDiffer {
            expected: 6,
            found: 5,
            ..
        })
    ));
}
