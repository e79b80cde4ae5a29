//! The ready-made figures on the simulated population.

use crate::simulation::{Simulation, effect, prediction, simulate};
use crate::xml::{Element, parse};
use contextualized_plot::figures::{
    ArchetypeWeights, Colouring, EffectPanel, EmbeddingPanel, GroupCurve, ModelEffects,
    NetworkPanel, OfInterest, Patients, ShapeFunction, TrainingCurve, TrueEffects, Wording,
    all_models, archetype_bands, archetype_lines, archetype_table, contexts_effects_outcomes,
    effect_curves, embedding, network_graphs, network_tables, observed_and_unobserved,
    predicted_effects, shape_functions, training_curves,
};
use contextualized_plot::{Error, Figure};

fn patients(simulation: &Simulation) -> Patients<'_> {
    Patients {
        contexts: &simulation.contexts,
        effects: &simulation.effects,
        doses: &simulation.doses,
        outcomes: &simulation.outcomes,
    }
}

fn draw(figure: &Figure) -> (String, Vec<Element>) {
    let svg = figure.to_svg().unwrap();
    let elements = parse(&svg);
    (svg, elements)
}

fn has(elements: &[Element], text: &str) -> bool {
    let mut texts = elements.iter().filter(|element| element.name == "text");
    texts.any(|element| element.text == text)
}

fn circles(elements: &[Element]) -> usize {
    elements
        .iter()
        .filter(|element| element.name == "circle")
        .count()
}

#[test]
fn contexts_effects_and_outcomes() {
    let simulation = simulate();
    let figure = contexts_effects_outcomes(&patients(&simulation), &Wording::default()).unwrap();
    let (svg, elements) = draw(&figure);
    assert_eq!(circles(&elements), 3 * 5625);
    assert!(has(&elements, "Eats healthy") && has(&elements, "Patient outcomes"));
    assert!(has(&elements, "Treatment response (standardised)"));
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
        .1
    };
    let with = draw_with(&of_interest);
    assert!(has(&with, "patients of interest") && has(&with, "unobserved patients"));
    let without = draw_with(&OfInterest::default());
    assert!(!has(&without, "patients of interest"));
    // Two markers with edges in two panels, and one in the legend.
    assert_eq!(circles(&with) - circles(&without), 2 * 2 * 2 + 2);
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
    let (svg, elements) = draw(&figure);
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
        assert!(has(&elements, text), "{text}");
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
    let (_, elements) = draw(&figure);
    assert!(has(&elements, "near") && has(&elements, "2 predictions outside"));
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
    let (_, elements) = draw(&training_curves(&curves));
    for text in ["a", "b", "Epoch", "Loss", "0.1", "validation (dashed)"] {
        assert!(has(&elements, text), "{text}");
    }
    let (_, elements) = draw(&training_curves(&curves[1..]));
    assert!(!has(&elements, "validation (dashed)"));
    assert!(has(&elements, "2") && !has(&elements, "1.5"));
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
    let (_, elements) = draw(&effect_curves(&panels, "Age (years)", 2).unwrap());
    for text in [
        "women",
        "men",
        "population",
        "interval",
        "bmi",
        "glucose",
        "Age (years)",
    ] {
        assert!(has(&elements, text), "{text}");
    }
    let bands = elements.iter().filter(|element| element.name == "polygon");
    assert_eq!(bands.count(), 4);
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
    let (_, elements) = draw(&shape_functions(&[function], 1).unwrap());
    for text in [
        "estimate",
        "truth",
        "observed contexts",
        "Effect A from diet",
        "Eats healthy",
    ] {
        assert!(has(&elements, text), "{text}");
    }
    let unknown = ShapeFunction {
        truth: &[],
        observed: &[],
        ..function
    };
    let (_, elements) = draw(&shape_functions(&[unknown], 1).unwrap());
    assert!(!has(&elements, "truth") && !has(&elements, "observed contexts"));
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
    let (_, elements) = draw(&network_tables(&networks, &NAMES, 2).unwrap());
    for text in [
        "truth", "none", "at 0.3", "second", "0.50", "−1.00", "2.00", "weight",
    ] {
        assert!(has(&elements, text), "{text}");
    }
    assert!(!has(&elements, "0.00"));
    let named = elements.iter().filter(|element| element.text == "first");
    assert_eq!(named.count(), 4);
}

#[test]
fn networks_as_graphs_have_a_dot_per_node_and_a_head_per_arrow() {
    let networks = [network("truth", &WEIGHTS)];
    let (_, directed) = draw(&network_graphs(&networks, &NAMES, true, 1).unwrap());
    let heads = |elements: &[Element]| {
        let polygons = elements.iter().filter(|element| element.name == "polygon");
        polygons.count()
    };
    assert_eq!((circles(&directed), heads(&directed)), (6, 3));
    assert!(has(&directed, "a long name"));
    let (_, undirected) = draw(&network_graphs(&networks, &NAMES, false, 1).unwrap());
    assert_eq!(heads(&undirected), 0);
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
    let (_, elements) = draw(&embedding(&points, &panels, ("PC 1", "PC 2"), 2).unwrap());
    // Two panels, and north, south and missing in the legend.
    assert_eq!(circles(&elements), 2 * 40 + 3);
    for text in ["age", "ward", "north", "south", "missing", "PC 1"] {
        assert!(has(&elements, text), "{text}");
    }
    let without = embedding(&points, &panels[1..], ("", ""), 1).unwrap();
    assert!(!has(&draw(&without).1, "20"));
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
    let (_, elements) = draw(&embedding(&points, &[missing], ("", ""), 1).unwrap());
    assert_eq!(circles(&elements), 41);
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
    for figure in [archetype_bands, archetype_lines] {
        let drawn = figure(&[panel], &["first", "second"], "Age (years)", 1).unwrap();
        let (_, elements) = draw(&drawn);
        for text in ["women", "first", "second", "Age (years)"] {
            assert!(has(&elements, text), "{text}");
        }
        assert!(matches!(
            figure(&[panel], &["first"], "", 1),
            Err(Error::LengthsDiffer { .. })
        ));
    }
    let table = [1.0, -2.0, 0.25, 0.5, 0.0, 1.5];
    let figure = archetype_table(&["first", "second"], &["a", "b", "c"], &table, "slope").unwrap();
    let (_, elements) = draw(&figure);
    assert!(has(&elements, "first") && has(&elements, "c") && has(&elements, "\u{2212}2.00"));
    assert!(archetype_table(&["first"], &["a", "b", "c"], &table, "").is_err());
}
