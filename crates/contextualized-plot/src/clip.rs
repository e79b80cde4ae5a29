//! Lines and polygons cut to a rectangle.

use crate::svg::{Pixel, Rect};

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

/// The part of a segment that lies inside a rectangle (Liang and Barsky, 1984,
/// doi:10.1145/357332.357333).
fn segment(from: Pixel, to: Pixel, rect: Rect) -> Option<(Pixel, Pixel)> {
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (start, end) in depths(from, rect).into_iter().zip(depths(to, rect)) {
        if start < 0.0 && end < 0.0 {
            return None;
        } else if start < 0.0 {
            enter = enter.max(start / (start - end));
        } else if end < 0.0 {
            leave = leave.min(start / (start - end));
        }
    }
    let start = if enter > 0.0 {
        between(from, to, enter)
    } else {
        from
    };
    let end = if leave < 1.0 {
        between(from, to, leave)
    } else {
        to
    };
    (enter <= leave).then_some((start, end))
}

/// The part of a polygon that lies inside a rectangle (Sutherland and Hodgman, 1974,
/// doi:10.1145/360767.360802).
pub(crate) fn polygon(corners: &[Pixel], rect: Rect) -> Vec<Pixel> {
    (0..4).fold(corners.to_vec(), |corners, side| {
        let before = corners.iter().cycle().skip(corners.len().saturating_sub(1));
        let mut kept = Vec::with_capacity(corners.len() + 4);
        for (&from, &to) in before.zip(&corners) {
            let (start, end) = (depths(from, rect)[side], depths(to, rect)[side]);
            if (start < 0.0) != (end < 0.0) {
                kept.push(between(from, to, start / (start - end)));
            }
            if end >= 0.0 {
                kept.push(to);
            }
        }
        kept
    })
}

/// How far inside each side of a rectangle a place is.
fn depths((x, y): Pixel, rect: Rect) -> [f64; 4] {
    [x - rect.left, rect.right - x, y - rect.top, rect.bottom - y]
}

/// The point at a share of the way.
fn between(from: Pixel, to: Pixel, share: f64) -> Pixel {
    (
        from.0 + share * (to.0 - from.0),
        from.1 + share * (to.1 - from.1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECT: Rect = Rect::new((0.0, 0.0), (10.0, 10.0));

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
    fn a_polygon_is_cut_at_the_edge() {
        let outside = [(2.0, 8.0), (8.0, 8.0), (8.0, 12.0), (2.0, 12.0)];
        let cut = polygon(&outside, RECT);
        assert_eq!(cut.len(), 4);
        assert!(cut.iter().all(|p| p.1 == 8.0 || p.1 == 10.0));
        assert!(polygon(&[(20.0, 20.0), (30.0, 20.0), (30.0, 30.0)], RECT).is_empty());
        assert!(polygon(&[], RECT).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_kept_lies_inside(points in prop::collection::vec((-30.0..40.0f64, -30.0..40.0f64), 0..30)) {
            let close = |p: &Pixel| p.0 > -1e-6 && p.0 < 10.0 + 1e-6 && p.1 > -1e-6 && p.1 < 10.0 + 1e-6;
            prop_assert!(line(&points, RECT).iter().flatten().all(close));
            prop_assert!(polygon(&points, RECT).iter().all(close));
        }
    }
}
