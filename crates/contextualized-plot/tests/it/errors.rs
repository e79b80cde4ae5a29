//! Every way in which a figure can be refused.

use contextualized_plot::{
    Band, Cells, ColourMap, Error, Figure, Layer, Line, Panel, Points, Rug, Scale,
};

fn refused(panel: Panel) -> Error {
    let good = Panel::new("good").layer(Points::new(&[(0.0, 0.0)]));
    Figure::new(1)
        .panel(good)
        .panel(panel)
        .to_svg()
        .unwrap_err()
}

#[test]
fn a_figure_needs_panels_and_columns() {
    assert!(matches!(Figure::new(1).to_svg(), Err(Error::EmptyFigure)));
    let panel = Panel::new("").layer(Points::new(&[(0.0, 0.0)]));
    assert!(matches!(
        Figure::new(0).panel(panel).to_svg(),
        Err(Error::BadSetting {
            setting: "the number of columns",
            ..
        })
    ));
}

#[test]
fn a_panel_needs_something_to_place_its_axes_by() {
    let error = refused(Panel::new("bare").layer(Points::new(&[])));
    assert_eq!(
        error.to_string(),
        "panel \"bare\" has neither data nor a fixed range for its x axis"
    );
    let error = refused(Panel::new("").layer(Line::vertical(1.0)));
    assert!(matches!(error, Error::EmptyPanel { panel, axis: "y" } if panel == "[1]"));
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let points = [(0.0, 0.0), (1.0, f64::NAN)];
    let error = refused(
        Panel::new("p")
            .layer(Line::new(&[]))
            .layer(Points::new(&points)),
    );
    assert_eq!(
        error.to_string(),
        "panel \"p\", layer 1: y is NaN at index 1"
    );
    let infinite = f64::INFINITY;
    let layers: [(Layer, &str); 7] = [
        (Points::new(&[(infinite, 0.0)]).into(), "x"),
        (Line::new(&[(0.0, infinite)]).into(), "y"),
        (Band::new(&[infinite], &[0.0], &[0.0]).into(), "x"),
        (Band::new(&[0.0], &[infinite], &[0.0]).into(), "lower"),
        (Band::new(&[0.0], &[0.0], &[infinite]).into(), "upper"),
        (Rug::new(&[infinite]).into(), "x"),
        (Line::horizontal(infinite).into(), "y"),
    ];
    for (layer, name) in layers {
        let error = refused(Panel::new("p").layer(layer));
        assert!(
            matches!(error, Error::NotFinite { layer: 0, quantity, index: 0, .. } if quantity == name)
        );
    }
    let shaded = Points::new(&[(0.0, 0.0)]).coloured_by(&[f64::NAN], ColourMap::Viridis);
    let error = refused(Panel::new("p").layer(shaded));
    assert!(matches!(
        error,
        Error::NotFinite {
            quantity: "value",
            ..
        }
    ));
}

#[test]
fn logarithmic_axes_need_positive_numbers() {
    let panel = Panel::new("loss").y_scale(Scale::Log10);
    let error = refused(panel.clone().layer(Line::new(&[(1.0, 2.0), (2.0, 0.0)])));
    assert_eq!(
        error.to_string(),
        "panel \"loss\", layer 0: y is 0 at index 1, but its axis is logarithmic"
    );
    let error = refused(panel.layer(Line::new(&[(1.0, 2.0)])).y_range(0.0, 1.0));
    assert!(matches!(error, Error::BadRange { axis: "y", .. }));
}

#[test]
fn lists_of_one_layer_are_of_one_length() {
    let shaded = Points::new(&[(0.0, 0.0)]).coloured_by(&[1.0, 2.0], ColourMap::Viridis);
    assert_eq!(
        refused(Panel::new("p").layer(shaded)).to_string(),
        "panel \"p\", layer 0: values: the length is 2, expected 1"
    );
    for band in [
        Band::new(&[0.0, 1.0], &[0.0], &[0.0, 1.0]),
        Band::new(&[0.0, 1.0], &[0.0, 1.0], &[0.0, 1.0, 2.0]),
    ] {
        let error = refused(Panel::new("p").layer(band));
        assert!(matches!(error, Error::LengthsDiffer { expected: 2, .. }));
    }
}

#[test]
fn ranges_increase() {
    let points = || Points::new(&[(0.0, 0.0), (1.0, 1.0)]);
    let error = refused(Panel::new("p").layer(points()).x_range(1.0, 1.0));
    assert_eq!(
        error.to_string(),
        "panel \"p\": the x range 1 to 1 does not increase"
    );
    let cells = Cells::new(&[0.0, 1.0], 2).coloured(ColourMap::Viridis, 2.0, 1.0);
    let error = refused(Panel::new("p").layer(cells));
    assert!(matches!(error, Error::BadRange { axis: "colour", .. }));
    let error = refused(Panel::new("p").layer(Points::new(&[(1e300, 0.0)])));
    assert!(matches!(error, Error::BadRange { axis: "x", .. }));
}

#[test]
fn settings_have_their_ranges() {
    let points = || Points::new(&[(0.0, 0.0)]);
    let line = || Line::new(&[(0.0, 0.0), (1.0, 1.0)]);
    let layers: [Layer; 8] = [
        points().radius(0.0).into(),
        points().radius(f64::NAN).into(),
        points().opacity(1.5).into(),
        points().opacity(-0.1).into(),
        line().width(0.0).into(),
        line().width(f64::INFINITY).into(),
        Line::horizontal(0.0).width(1e9).into(),
        Band::new(&[0.0], &[0.0], &[0.0]).opacity(2.0).into(),
    ];
    for layer in layers {
        let error = refused(Panel::new("p").layer(layer));
        assert!(matches!(error, Error::BadSetting { .. }), "{error}");
    }
    let error = refused(Panel::new("p").layer(points()).x_ticks(&[f64::NAN]));
    assert!(matches!(
        error,
        Error::BadSetting {
            setting: "an axis tick",
            ..
        }
    ));
    for (width, height) in [(0.0, 100.0), (100.0, 1e9), (f64::NAN, 100.0)] {
        let figure = Figure::new(1).panel(Panel::new("").layer(points()));
        let error = figure.panel_size(width, height).to_svg().unwrap_err();
        assert!(matches!(error, Error::BadSetting { .. }));
    }
}
