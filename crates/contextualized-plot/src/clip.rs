//! Lines and outlines cut to a rectangle, and lines cut into dashes.

use crate::canvas::Pixel;

/// A rectangle in px; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

/// The parts of a line that lie inside a rectangle.
pub(crate) fn line(points: &[Pixel], rect: Rect) -> Vec<Vec<Pixel>> {
    let mut parts: Vec<Vec<Pixel>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = segment(pair[0], pair[1], rect) else {
            continue;
        };
        match parts.last_mut() {
            Some(part) if part.last() == Some(&from) => part.push(to),
            _ => parts.push(vec![from, to]),
        }
    }
    parts
}

/// The part of a segment that lies inside a rectangle (Liang and Barsky, 1984).
fn segment(from: Pixel, to: Pixel, rect: Rect) -> Option<(Pixel, Pixel)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (direction, distance) in [
        (-dx, from.0 - rect.left),
        (dx, rect.right - from.0),
        (-dy, from.1 - rect.top),
        (dy, rect.bottom - from.1),
    ] {
        if direction == 0.0 {
            if distance < 0.0 {
                return None;
            }
        } else if direction < 0.0 {
            enter = enter.max(distance / direction);
        } else {
            leave = leave.min(distance / direction);
        }
    }
    let at = |share: f64| (from.0 + share * dx, from.1 + share * dy);
    let start = if enter > 0.0 { at(enter) } else { from };
    let end = if leave < 1.0 { at(leave) } else { to };
    (enter <= leave).then_some((start, end))
}

/// The part of a closed outline that lies inside a rectangle (Sutherland and Hodgman, 1974).
pub(crate) fn outline(points: &[Pixel], rect: Rect) -> Vec<Pixel> {
    let cut_x = |from: Pixel, to: Pixel, x: f64| {
        (x, from.1 + (to.1 - from.1) * (x - from.0) / (to.0 - from.0))
    };
    let cut_y = |from: Pixel, to: Pixel, y: f64| {
        (from.0 + (to.0 - from.0) * (y - from.1) / (to.1 - from.1), y)
    };
    let points = half(points, |p| p.0 >= rect.left, |a, b| cut_x(a, b, rect.left));
    let points = half(
        &points,
        |p| p.0 <= rect.right,
        |a, b| cut_x(a, b, rect.right),
    );
    let points = half(&points, |p| p.1 >= rect.top, |a, b| cut_y(a, b, rect.top));
    half(
        &points,
        |p| p.1 <= rect.bottom,
        |a, b| cut_y(a, b, rect.bottom),
    )
}

/// The part of an outline on one side of an edge.
fn half(
    points: &[Pixel],
    inside: impl Fn(Pixel) -> bool,
    cut: impl Fn(Pixel, Pixel) -> Pixel,
) -> Vec<Pixel> {
    let mut kept = Vec::with_capacity(points.len() + 4);
    let Some(&last) = points.last() else {
        return kept;
    };
    let mut from = last;
    for &to in points {
        if inside(from) != inside(to) {
            kept.push(cut(from, to));
        }
        if inside(to) {
            kept.push(to);
        }
        from = to;
    }
    kept
}

/// A line cut into dashes of `dash` px with gaps of `gap` px.
pub(crate) fn dashes(points: &[Pixel], dash: f64, gap: f64) -> Vec<Vec<Pixel>> {
    let mut parts: Vec<Vec<Pixel>> = Vec::new();
    let (mut drawing, mut left) = (true, dash);
    let Some(&first) = points.first() else {
        return parts;
    };
    let mut current = vec![first];
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let share = done / length;
            let here = (
                from.0 + share * (to.0 - from.0),
                from.1 + share * (to.1 - from.1),
            );
            if drawing {
                current.push(here);
                parts.push(std::mem::take(&mut current));
            } else {
                current = vec![here];
            }
            drawing = !drawing;
            left = if drawing { dash } else { gap };
        }
        left -= length - done;
        if drawing {
            current.push(to);
        }
    }
    if drawing && current.len() > 1 {
        parts.push(current);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECT: Rect = Rect {
        left: 0.0,
        top: 0.0,
        right: 10.0,
        bottom: 10.0,
    };

    #[test]
    fn a_line_that_leaves_and_returns_has_two_parts() {
        let points = [(1.0, 5.0), (5.0, 5.0), (5.0, 15.0), (7.0, 15.0), (7.0, 5.0)];
        assert_eq!(
            line(&points, RECT),
            [
                vec![(1.0, 5.0), (5.0, 5.0), (5.0, 10.0)],
                vec![(7.0, 10.0), (7.0, 5.0)]
            ]
        );
        assert!(line(&[(-5.0, 1.0), (-5.0, 9.0)], RECT).is_empty());
        assert!(line(&[(-5.0, 4.0), (4.0, -6.0)], RECT).is_empty());
    }

    #[test]
    fn an_outline_is_cut_at_the_edge() {
        let outside = [(2.0, 8.0), (8.0, 8.0), (8.0, 12.0), (2.0, 12.0)];
        let cut = outline(&outside, RECT);
        assert_eq!(cut.len(), 4);
        assert!(cut.iter().all(|p| p.1 == 8.0 || p.1 == 10.0));
        assert!(outline(&[(20.0, 20.0), (30.0, 20.0), (30.0, 30.0)], RECT).is_empty());
    }

    #[test]
    fn dashes_alternate_with_gaps_around_corners() {
        let parts = dashes(&[(0.0, 0.0), (4.0, 0.0), (4.0, 7.0)], 5.0, 2.0);
        assert_eq!(
            parts,
            [
                vec![(0.0, 0.0), (4.0, 0.0), (4.0, 1.0)],
                vec![(4.0, 3.0), (4.0, 7.0)]
            ]
        );
        assert!(dashes(&[], 5.0, 2.0).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_kept_lies_inside(points in prop::collection::vec((-30.0..40.0f64, -30.0..40.0f64), 0..30)) {
            let close = |p: &Pixel| p.0 > -1e-6 && p.0 < 10.0 + 1e-6 && p.1 > -1e-6 && p.1 < 10.0 + 1e-6;
            prop_assert!(line(&points, RECT).iter().flatten().all(close));
            prop_assert!(outline(&points, RECT).iter().all(close));
        }
    }
}
