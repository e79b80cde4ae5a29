//! Figures of effects, of tests of variation, and of extrapolation.

use crate::xml::{Element, parse};
use contextualized_plot::figures::{
    ShapeFunction, context_effects, extrapolation, outcome_effects, variation_table,
};
use contextualized_plot::{Error, Figure};

fn draw(figure: &Figure) -> Vec<Element> {
    parse(&figure.to_svg().unwrap())
}

fn texts<'a>(elements: &'a [Element], text: &str) -> Vec<&'a Element> {
    let found = elements.iter();
    found
        .filter(|element| element.name == "text" && element.text == text)
        .collect()
}

/// Lines through five points, as around a cell.
fn frames(elements: &[Element]) -> usize {
    let lines = elements.iter().filter_map(|element| element.get("points"));
    lines
        .filter(|points| points.split(' ').count() == 5)
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
        function("offset by age", &large, &rows),
        function("offset by sex", &small, &rows),
    ];
    let elements = draw(&context_effects(&effects, 2).unwrap());
    // The small curve of the second row stands on the axis of the large one.
    for (mark, panels) in [("1", 2), ("\u{2212}50", 2)] {
        assert_eq!(texts(&elements, mark).len(), panels, "{mark}");
    }
    assert_eq!(texts(&elements, "interval").len(), 1);
    let elements = draw(&outcome_effects(&effects, "progression", 2).unwrap());
    assert_eq!(texts(&elements, "\u{2212}50").len(), 4);
    assert_eq!(texts(&elements, "effect on progression").len(), 1);
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
    let elements = draw(&of(0.05));
    assert_eq!(texts(&elements, "p at most 0.05").len(), 1);
    for number in ["0.610", "0.810", "0.000", "0.970"] {
        assert!(!texts(&elements, number).is_empty(), "{number}");
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

#[test]
fn rows_beyond_the_training_rows_are_counted() {
    let training: Vec<f64> = (1..100).map(|i| f64::from(i) / 50.0).collect();
    let near = [0.4, 0.9, 1.1, 1.3];
    let far = [1.5, 3.0, 6.0, 12.0];
    let groups = [("the same clinic", &near[..]), ("another clinic", &far[..])];
    let elements = draw(&extrapolation(&training, &groups, 0.05).unwrap());
    // Five of 100 with the row itself: beyond the fifth largest of 99, which is 1.9.
    for text in [
        "the same clinic: 0 % beyond",
        "another clinic: 75 % beyond",
        "5 % of training rows",
    ] {
        assert_eq!(texts(&elements, text).len(), 1, "{text}");
    }
    // Of too few training rows none is so far.
    let elements = draw(&extrapolation(&training[..9], &groups, 0.05).unwrap());
    assert_eq!(texts(&elements, "the same clinic").len(), 1);
    for share in [0.0, 1.0, f64::NAN] {
        assert!(matches!(
            extrapolation(&training, &groups, share),
            Err(Error::BadSetting { .. })
        ));
    }
}
