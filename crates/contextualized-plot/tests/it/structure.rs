//! What the drawings contain: well-formed XML, every label, everything on the canvas.

use crate::xml::{Element, parse};
use contextualized_plot::{
    Band, Cells, Colour, ColourMap, Error, Figure, Graph, Line, Panel, Points, Rug, Scale,
};
use proptest::prelude::*;

/// All texts of a drawing.
fn texts(elements: &[Element]) -> Vec<&str> {
    let texts = elements.iter().filter(|element| element.name == "text");
    texts.map(|element| element.text.as_str()).collect()
}

fn count(elements: &[Element], name: &str) -> usize {
    elements
        .iter()
        .filter(|element| element.name == name)
        .count()
}

/// The corners of a polygon or of the lines of a path.
fn places(element: &Element) -> impl Iterator<Item = &str> {
    let corners = element.get("points").or(element.get("d"));
    let corners = corners.unwrap_or_default().split([' ', 'M', 'L']);
    corners.filter(|corner| !corner.is_empty())
}

/// Checks that the places of all shapes and texts lie on the canvas.
fn assert_on_canvas(elements: &[Element]) {
    let view: Vec<f64> = elements[0]
        .get("viewBox")
        .unwrap()
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    let inside = |place: f64, end: f64| assert!((0.0..=end).contains(&place), "{place} of {end}");
    for element in elements {
        for name in ["x", "x1", "x2", "cx"] {
            element
                .number(name)
                .into_iter()
                .for_each(|x| inside(x, view[2]));
        }
        for name in ["y", "y1", "y2", "cy"] {
            element
                .number(name)
                .into_iter()
                .for_each(|y| inside(y, view[3]));
        }
        if element.name == "rect" {
            let [x, y, width, height] =
                ["x", "y", "width", "height"].map(|name| element.number(name).unwrap());
            assert!(width >= 0.0 && height >= 0.0);
            inside(x + width, view[2] + 1e-9);
            inside(y + height, view[3] + 1e-9);
        }
        for pair in places(element) {
            let (x, y) = pair.split_once(',').unwrap();
            inside(x.parse().unwrap(), view[2]);
            inside(y.parse().unwrap(), view[3]);
        }
    }
}

fn draw(figure: &Figure) -> Vec<Element> {
    let svg = figure.to_svg().unwrap();
    for bad in ["NaN", "inf"] {
        assert!(!svg.contains(bad), "{bad} in the drawing");
    }
    let elements = parse(&svg);
    assert_on_canvas(&elements);
    elements
}

fn one(panel: Panel) -> Figure {
    Figure::new(1).panel(panel)
}

/// Every kind of layer once, all labelled.
fn everything() -> Figure {
    let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 2.0)];
    let first = Panel::new("first")
        .subtitle("sub")
        .x_label("ex")
        .y_label("why")
        .layer(Band::new(&[0.0, 1.0, 2.0], &[0.0, 1.0, 0.0], &[3.0, 4.0, 3.0]).label("band"))
        .layer(Line::new(&points).label("solid"))
        .layer(
            Line::new(&points)
                .dashed()
                .colour(Colour::BLACK)
                .label("dashed"),
        )
        .layer(Points::new(&points).outline(Colour::BLACK).label("dots"))
        .layer(Rug::new(&[0.5, 0.6]).label("rug"));
    let second = Panel::new("second")
        .layer(
            Points::new(&points)
                .coloured_by(&[1.0, 2.0, 3.0], ColourMap::Cividis)
                .colour_bar("bar"),
        )
        .layer(Line::vertical(1.0).label("vertical"))
        .layer(Line::horizontal(1.0).solid());
    Figure::new(2)
        .title("Title")
        .description("Description")
        .x_label("below")
        .y_label("beside")
        .panels([first, second])
}

#[test]
fn every_text_is_there() {
    let elements = draw(&everything());
    let texts = texts(&elements);
    for text in [
        "Title", "first", "second", "sub", "ex", "why", "below", "beside", "bar", "band", "solid",
        "dashed", "dots", "rug", "vertical",
    ] {
        assert_eq!(
            texts.iter().filter(|found| **found == text).count(),
            1,
            "{text}"
        );
    }
}

#[test]
fn the_image_says_what_it_is() {
    let elements = draw(&everything());
    assert_eq!(elements[0].get("role"), Some("img"));
    assert_eq!(
        (elements[1].name.as_str(), elements[1].text.as_str()),
        ("title", "Title")
    );
    assert_eq!(
        (elements[2].name.as_str(), elements[2].text.as_str()),
        ("desc", "Description")
    );
    let plain = draw(&one(Panel::new("A < B").layer(Points::new(&[(0.0, 0.0)]))));
    assert_eq!(plain[1].text, "A < B");
    assert_eq!(plain[2].text, "One panel: A < B.");
}

#[test]
fn text_with_meaning_in_xml_is_escaped() {
    let nasty = "a<b> & \"c\" 'd' ]]>";
    let figure = one(Panel::new(nasty)
        .x_label(nasty)
        .y_label(nasty)
        .layer(Points::new(&[(0.0, 0.0)]).label(nasty)))
    .title(nasty)
    .description("tab\tand nul\0");
    let elements = draw(&figure);
    assert_eq!(
        texts(&elements)
            .iter()
            .filter(|text| **text == nasty)
            .count(),
        5
    );
    assert_eq!(elements[2].text, "tab and nul ");
}

#[test]
fn each_dot_is_a_circle() {
    let points: Vec<(f64, f64)> = (0..50).map(|i| (f64::from(i), f64::from(i * i))).collect();
    let circles = |points: Points| count(&draw(&one(Panel::new("").layer(points))), "circle");
    assert_eq!(circles(Points::new(&points)), 50);
    assert_eq!(circles(Points::new(&points).opacity(0.5)), 50);
    assert_eq!(circles(Points::new(&points).outline(Colour::BLACK)), 50);
    assert_eq!(circles(Points::new(&points).label("with a key")), 51);
    // Opaque dots in one place look like one.
    assert_eq!(circles(Points::new(&[(1.0, 1.0); 9])), 1);
    assert_eq!(circles(Points::new(&[(1.0, 1.0); 9]).opacity(0.5)), 9);
}

#[test]
fn dots_outside_a_fixed_range_are_left_out() {
    let points: Vec<(f64, f64)> = (0..=10).map(|i| (f64::from(i), 0.0)).collect();
    let panel = Panel::new("").x_range(2.0, 5.0).layer(Points::new(&points));
    assert_eq!(count(&draw(&one(panel)), "circle"), 4);
}

#[test]
fn layers_without_entries_only_show_in_the_legend() {
    let panel = Panel::new("")
        .x_range(0.0, 1.0)
        .y_range(0.0, 1.0)
        .layer(Points::new(&[]).label("none"))
        .layer(Line::new(&[]).label("nothing"))
        .layer(Band::new(&[], &[], &[]))
        .layer(Rug::new(&[]));
    let elements = draw(&one(panel));
    assert_eq!(count(&elements, "circle"), 1);
    assert!(texts(&elements).contains(&"nothing"));
}

#[test]
fn equal_entries_share_a_place_in_the_legend() {
    let panel = || Panel::new("").layer(Points::new(&[(0.0, 0.0)]).label("patients"));
    let elements = draw(&Figure::new(2).panels([panel(), panel()]));
    let named = texts(&elements)
        .into_iter()
        .filter(|text| *text == "patients");
    assert_eq!(named.count(), 1);
}

#[test]
fn legends_fill_rows_below_the_data_without_overlaps() {
    let mut panel = Panel::new("").layer(Points::new(&[(0.0, 0.0)]));
    for number in 0..17 {
        let label = format!("entry {number} {}", "x".repeat(number % 5));
        panel = panel.layer(Line::new(&[]).label(&label));
    }
    let elements = draw(&one(panel));
    let entries: Vec<&Element> = elements
        .iter()
        .filter(|element| element.text.starts_with("entry"))
        .collect();
    assert_eq!(entries.len(), 17);
    let frame_bottom = elements
        .iter()
        .find(|element| element.name == "circle")
        .unwrap()
        .number("cy")
        .unwrap()
        + 150.0;
    let end = |entry: &Element| {
        entry.number("x").unwrap() + entry.text.chars().count() as f64 * 0.55 * 12.0
    };
    let view_width = elements[0].number("width").unwrap();
    for (number, entry) in entries.iter().enumerate() {
        assert!(entry.number("y").unwrap() > frame_bottom);
        assert!(end(entry) < view_width);
        for other in &entries[..number] {
            let same_row = entry.get("y") == other.get("y");
            assert!(!same_row || end(other) < entry.number("x").unwrap());
        }
    }
    let rows: std::collections::BTreeSet<_> = entries.iter().map(|entry| entry.get("y")).collect();
    assert!(rows.len() < 17);
}

#[test]
fn degenerate_data_are_drawn() {
    for points in [
        &[(0.0, 0.0)][..],
        &[(5.0, -3.0); 4],
        &[(1.0, 0.0), (1.0, 7.0)],
        &[(1e-300, 1e200), (1e-300, 1e200)],
        &[(1.0, 1.0), (1.0 + 1e-15, 1.0)],
        &[(-1e249, 0.0), (1e249, 0.0)],
    ] {
        let values = vec![2.0; points.len()];
        let shaded = Points::new(points).coloured_by(&values, ColourMap::Viridis);
        let panel = Panel::new("")
            .layer(shaded.colour_bar(""))
            .layer(Line::new(points));
        let elements = draw(&one(panel));
        assert!(count(&elements, "circle") >= 1);
        assert!(texts(&elements).len() >= 4, "too few ticks for {points:?}");
    }
}

#[test]
fn curves_are_cut_off_at_the_edges() {
    let wild = [(0.0, -1e9), (0.4, 1e9), (0.6, 0.5), (2.0, 0.5)];
    let x: Vec<f64> = wild.iter().map(|point| point.0).collect();
    let y: Vec<f64> = wild.iter().map(|point| point.1).collect();
    let panel = Panel::new("")
        .x_range(0.0, 1.0)
        .y_range(0.0, 1.0)
        .layer(Line::new(&wild))
        .layer(Line::new(&wild).dashed())
        .layer(Band::new(&x, &[-5.0; 4], &y))
        .layer(Line::horizontal(7.0))
        .layer(Line::vertical(0.5));
    draw(&one(panel));
}

#[test]
fn logarithmic_axes_are_marked_at_powers() {
    let panel = Panel::new("")
        .y_scale(Scale::Log10)
        .layer(Line::new(&[(0.0, 0.001), (1.0, 10.0)]));
    let elements = draw(&one(panel));
    for label in ["0.001", "0.01", "0.1", "1", "10"] {
        assert!(texts(&elements).contains(&label), "{label}");
    }
}

#[test]
fn given_ticks_replace_the_automatic_ones() {
    let panel = Panel::new("")
        .x_ticks(&[-1.0, 0.0, 1.0, 2.0])
        .y_ticks(&[])
        .layer(Points::new(&[(-1.0, 0.0), (1.0, 0.3)]));
    assert_eq!(texts(&draw(&one(panel))), ["−1", "0", "1"]);
}

#[test]
fn panels_can_share_their_ranges() {
    let panel = |end: f64| Panel::new("").layer(Points::new(&[(0.0, 0.0), (end, end)]));
    let apart = Figure::new(2).panels([panel(1.0), panel(100.0)]);
    let last = |figure: &Figure| {
        let elements = draw(figure);
        let circles = elements
            .into_iter()
            .filter(|element| element.name == "circle");
        let places: Vec<f64> = circles.map(|circle| circle.number("cy").unwrap()).collect();
        (places[1], places[3])
    };
    let (first, second) = last(&apart);
    assert_eq!(first, second);
    let (first, second) = last(&apart.shared_ranges());
    assert!(first - second > 100.0);
}

#[test]
fn long_texts_are_broken_not_cut() {
    let long = "a title that goes on and on ".repeat(6);
    let figure = one(Panel::new(&long)
        .subtitle(&long)
        .x_label(&long)
        .y_label(&long)
        .layer(Points::new(&[(0.0, 0.0)]).label(&long)))
    .title(&long)
    .panel_size(150.0, 150.0);
    let elements = draw(&figure);
    let words = texts(&elements).join(" ");
    assert_eq!(words.matches("goes").count(), 6 * 6);
    let width = elements[0].number("width").unwrap();
    for element in elements.iter().filter(|element| element.name == "text") {
        let size = element.number("font-size").unwrap();
        let room = if element.get("transform").is_some() {
            150.0
        } else {
            width
        };
        assert!(
            element.text.chars().count() as f64 * size * 0.45 < room,
            "{}",
            element.text
        );
    }
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    assert_eq!(
        everything().to_svg().unwrap(),
        everything().to_svg().unwrap()
    );
}

#[test]
fn font_sizes_are_whole() {
    for element in draw(&everything()) {
        if let Some(size) = element.get("font-size") {
            assert!(size.parse::<u32>().is_ok(), "{size}");
        }
    }
}

#[test]
fn figures_can_be_sent_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Figure>();
    check::<contextualized_plot::Error>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever finite numbers come, a drawing comes out and nothing leaves the canvas.
    #[test]
    fn finite_numbers_are_always_drawn(
        points in prop::collection::vec((-1e20..1e20f64, prop::num::f64::NORMAL), 1..30),
        size in 60.0..700.0f64,
    ) {
        let points: Vec<(f64, f64)> = points.into_iter().map(|(x, y)| (x, y.clamp(-1e100, 1e100))).collect();
        let values: Vec<f64> = points.iter().map(|point| point.1).collect();
        let panel = Panel::new("any")
            .layer(Points::new(&points).coloured_by(&values, ColourMap::Cividis).colour_bar("v").label("p"))
            .layer(Line::new(&points).dashed().label("l"));
        draw(&one(panel).panel_size(size, size));
    }

    /// Whatever is written, the document stays well formed.
    #[test]
    fn any_text_can_be_shown(text in "\\PC{0,40}", control in any::<char>()) {
        let text = format!("{text}{control}");
        let panel = Panel::new(&text).x_label(&text).layer(Points::new(&[(0.0, 0.0)]).label(&text));
        draw(&one(panel).title(&text).description(&text));
    }
}

#[test]
fn a_figure_has_a_name_where_it_shows_no_title() {
    let panel = || Panel::new("").layer(Line::new(&[(0.0, 0.0), (1.0, 1.0)]));
    let title = |figure: Figure| {
        let elements = parse(&figure.to_svg().unwrap());
        let title = elements.iter().find(|element| element.name == "title");
        assert!(!texts(&elements).contains(&"a line"));
        title.unwrap().text.clone()
    };
    assert_eq!(title(Figure::new(1).panel(panel())), "Figure");
    assert_eq!(
        title(Figure::new(1).panel(panel()).name("a line")),
        "a line"
    );
}

#[test]
fn a_narrow_edge_leaves_everything_on_the_canvas() {
    let figure = |edge| {
        let panel = Panel::new("")
            .y_range(0.0, 1.0)
            .layer(Line::new(&[(0.0, 0.0), (1.0, 1.0)]));
        Figure::new(1).edge(edge).panel(panel)
    };
    let canvas = |edge| {
        let elements = parse(&figure(edge).to_svg().unwrap());
        (
            elements[0].number("width").unwrap(),
            elements[0].number("height").unwrap(),
        )
    };
    assert_eq!(canvas(18.0), (canvas(0.0).0 + 36.0, canvas(0.0).1 + 36.0));
    // The label at the upper end of the axis stands on its end.
    let elements = parse(&figure(0.0).to_svg().unwrap());
    let top = elements
        .iter()
        .filter(|element| element.name == "text")
        .map(|element| element.number("y").unwrap() - element.number("font-size").unwrap() / 2.0)
        .fold(f64::INFINITY, f64::min);
    assert!(top >= 0.0, "{top}");
    assert!(figure(-1.0).to_svg().is_err() && figure(f64::NAN).to_svg().is_err());
}

#[test]
fn negative_edges_can_be_dashed() {
    let dashed = |graph: Graph| {
        let elements = draw(&one(Panel::new("").bare().layer(graph)));
        let mut lines = elements.iter().filter(|element| element.name == "path");
        let edge = lines.next().unwrap();
        assert!(lines.next().is_none());
        edge.get("stroke-dasharray").is_some()
    };
    let graph = |weight: f64| Graph::undirected(&["a", "b"], &[0.0, weight, weight, 0.0]);
    assert!(!dashed(graph(-1.0)));
    assert!(!dashed(graph(1.0).dash_negative()));
    assert!(dashed(graph(-1.0).dash_negative()));
}

#[test]
fn names_of_nodes_stand_in_the_panel_and_apart() {
    let long = [
        "interleukin",
        "b",
        "tumour necrosis",
        "a",
        "transforming",
        "c",
    ];
    for names in [&long[..], &["a", "b", "c"], &["alone"]] {
        let weights = vec![1.0; names.len() * names.len()];
        let graph = Graph::directed(names, &weights);
        let figure = one(Panel::new("").bare().layer(graph)).edge(0.0);
        let elements = draw(&figure.panel_size(300.0, 300.0));
        let boxes: Vec<[f64; 4]> = elements
            .iter()
            .filter(|element| element.name == "text")
            .map(|element| {
                let width = 6.0 * element.text.chars().count() as f64;
                let x = element.number("x").unwrap();
                let left = match element.get("text-anchor") {
                    None => x,
                    Some("middle") => x - width / 2.0,
                    Some(_) => x - width,
                };
                let y = element.number("y").unwrap();
                [left, left + width, y - 6.0, y + 6.0]
            })
            .collect();
        assert_eq!(boxes.len(), names.len());
        let size = ["width", "height"].map(|name| elements[0].number(name).unwrap());
        for (index, [left, right, top, bottom]) in boxes.iter().enumerate() {
            assert!(*left >= 0.0 && *right <= size[0] && *top >= 0.0 && *bottom <= size[1]);
            for other in &boxes[..index] {
                let apart = *right < other[0] || other[1] < *left;
                assert!(apart || *bottom < other[2] || other[3] < *top);
            }
        }
    }
}

#[test]
fn names_replace_numbers_and_end_the_axes_half_a_unit_beyond() {
    let cells = Cells::new(&[1.0, -2.0, 0.0, 3.0, 0.5, 1.5], 3).numbers(1);
    let table = Panel::new("")
        .x_names(&["a", "b", "c"])
        .y_names(&["first", "second"])
        .layer(cells.colour_bar("weight"));
    let elements = draw(&one(table).panel_size(300.0, 200.0));
    for text in ["a", "b", "c", "first", "second", "\u{2212}2.0", "weight"] {
        assert!(texts(&elements).contains(&text), "{text}");
    }
    let squares = elements.iter().filter(|element| {
        element.name == "rect"
            && (element.get("width"), element.get("height")) == (Some("100"), Some("100"))
    });
    assert_eq!(squares.count(), 6);
    let nameless = one(Panel::new("").x_range(0.0, 1.0).y_names(&[])).to_svg();
    assert!(matches!(nameless, Err(Error::EmptyPanel { axis: "y", .. })));
}

#[test]
fn long_names_of_an_axis_read_upwards() {
    let turned = |names: &[&str]| {
        let points: Vec<_> = (0..names.len()).map(|x| (x as f64, 0.0)).collect();
        let panel = Panel::new("").x_names(names).layer(Points::new(&points));
        let elements = draw(&one(panel));
        let texts = elements
            .iter()
            .filter(|element| names.contains(&element.text.as_str()));
        texts
            .filter(|element| element.get("transform").is_some())
            .count()
    };
    assert_eq!(turned(&["one", "two"]), 0);
    assert_eq!(
        turned(&[
            "a rather long name of a group",
            "another one of the same length"
        ]),
        2
    );
}

#[test]
fn lines_across_a_panel_are_drawn_up_to_the_ends_of_its_axes() {
    let drawn = |x: f64| {
        let panel = Panel::new("").x_range(0.1, 0.7).y_range(0.0, 1.0);
        let elements = draw(&one(
            panel.layer(Line::vertical(x).colour(Colour::VERMILLION))
        ));
        let vermillion = |element: &&Element| element.get("stroke") == Some("#D55E00");
        elements.iter().filter(vermillion).count()
    };
    assert_eq!(
        [0.1, 0.7, 0.1 + 0.2, 0.05, 0.75].map(drawn),
        [1, 1, 1, 0, 0]
    );
}
