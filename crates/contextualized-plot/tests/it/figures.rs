//! The ready-made panels.

use crate::xml::{Element, parse};
use contextualized_plot::figures::{extrapolation, histogram, reliability};
use contextualized_plot::{Error, Figure, Panel};

fn draw(panels: impl IntoIterator<Item = Panel>) -> Vec<Element> {
    parse(&Figure::new(2).panels(panels).to_svg().unwrap())
}

fn count(elements: &[Element], name: &str) -> usize {
    let named = elements.iter().filter(|element| element.name == name);
    named.count()
}

fn texts(elements: &[Element], text: &str) -> usize {
    let texts = elements.iter().filter(|element| element.name == "text");
    texts.filter(|element| element.text == text).count()
}

#[test]
fn a_bar_for_every_bin_and_a_line_for_the_population() {
    let values: Vec<f64> = (0..9).map(f64::from).collect();
    let elements = draw([histogram("age", &values, Some(4.0))]);
    let outlined = |element: &Element| {
        let outline = element.get("d").unwrap_or_default();
        element.get("stroke") == Some("#0072B2") && outline.matches(['M', 'L']).count() == 4 * 5
    };
    assert_eq!(
        elements.iter().filter(|element| outlined(element)).count(),
        1
    );
    assert_eq!(count(&elements, "polygon"), 1);
    for text in ["age", "share of rows", "population"] {
        assert_eq!(texts(&elements, text), 1, "{text}");
    }
    assert_eq!(
        texts(&draw([histogram("age", &values, None)]), "population"),
        0
    );
}

#[test]
fn a_dot_for_every_bin() {
    let predictions = [0.08, 0.22, 0.41, 0.63, 0.85];
    let outcomes = [0.05, 0.27, 0.38, 0.7, 0.82];
    let intervals = outcomes.map(|y| Some((f64::max(y - 0.12, 0.0), y + 0.12)));
    let panel = |title| {
        let panel = reliability(&predictions, &outcomes, &intervals).unwrap();
        panel.title(title)
    };
    let elements = draw([panel("women"), panel("men")]);
    assert_eq!(count(&elements, "circle"), 10);
    assert_eq!(
        (texts(&elements, "women"), texts(&elements, "as predicted")),
        (1, 1)
    );
    for (outcomes, intervals) in [
        (&outcomes[..], &intervals[..2]),
        (&outcomes[..2], &intervals[..]),
    ] {
        assert!(matches!(
            reliability(&predictions, outcomes, intervals),
            Err(Error::LengthsDiffer {
                expected: 5,
                found: 2,
                ..
            })
        ));
    }
}

#[test]
fn rows_beyond_the_training_rows_are_counted() {
    let training: Vec<f64> = (1..100).map(|i| f64::from(i) / 50.0).collect();
    let near = [0.4, 0.9, 1.1, 1.3];
    let far = [1.5, 3.0, 6.0, 12.0];
    let groups = [("the same clinic", &near[..]), ("another clinic", &far[..])];
    let elements = draw([extrapolation(&training, &groups, 0.05).unwrap()]);
    // Five of 100 with the row itself: beyond the fifth largest of 99, which is 1.9.
    for text in [
        "the same clinic: 0 % beyond",
        "another clinic: 75 % beyond",
        "5 % of training rows",
    ] {
        assert_eq!(texts(&elements, text), 1, "{text}");
    }
    // Of too few training rows none is so far.
    let elements = draw([extrapolation(&training[..9], &groups, 0.05).unwrap()]);
    assert_eq!(texts(&elements, "the same clinic"), 1);
    for share in [0.0, 1.0, f64::NAN] {
        assert!(matches!(
            extrapolation(&training, &groups, share),
            Err(Error::BadSetting { .. })
        ));
    }
}
