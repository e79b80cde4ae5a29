//! Figures of calibration and of error by subgroup.

use crate::xml::parse;
use contextualized_plot::figures::{
    ReliabilityCurve, SubgroupError, reliability_curves, subgroup_errors,
};
use contextualized_plot::{Error, Figure};

fn count(figure: &Figure, name: &str) -> usize {
    let elements = parse(&figure.to_svg().unwrap());
    elements
        .iter()
        .filter(|element| element.name == name)
        .count()
}

#[test]
fn a_dot_for_every_bin() {
    let predictions = [0.08, 0.22, 0.41, 0.63, 0.85];
    let outcomes = [0.05, 0.27, 0.38, 0.7, 0.82];
    let intervals = outcomes.map(|y| Some((f64::max(y - 0.12, 0.0), y + 0.12)));
    let curve = |title| ReliabilityCurve {
        title,
        predictions: &predictions,
        outcomes: &outcomes,
        intervals: &intervals,
    };
    let figure = reliability_curves(&[curve("women"), curve("men")], 2).unwrap();
    assert_eq!(count(&figure, "circle"), 10);
    let short = ReliabilityCurve {
        intervals: &intervals[..2],
        ..curve("men")
    };
    assert!(matches!(
        reliability_curves(&[short], 1),
        Err(Error::LengthsDiffer { .. })
    ));
}

#[test]
fn a_dot_for_every_subgroup() {
    let subgroup = |name, value, half| SubgroupError {
        name,
        value,
        interval: Some((value - half, value + half)),
    };
    let subgroups = [
        subgroup("below 40", 0.21, 0.02),
        subgroup("40 to 65", 0.18, 0.01),
        subgroup("65 and above", 0.29, 0.05),
        SubgroupError {
            name: "unknown",
            value: 0.2,
            interval: None,
        },
    ];
    let figure = subgroup_errors("Brier score", &subgroups, Some(0.205));
    assert_eq!(count(&figure, "circle"), 4);
    let svg = figure.to_svg().unwrap();
    assert!(svg.contains("65 and above") && svg.contains("all rows"));
    assert!(matches!(
        subgroup_errors("Error", &[], None).to_svg(),
        Err(Error::EmptyPanel { .. })
    ));
}
