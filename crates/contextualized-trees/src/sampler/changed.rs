//! Sums over rows of a tree whose leaves are merged or divided, from those of the tree as it is.

use super::normal::NormalSums;
use super::shares::TrialSums;

/// The sums where two leaves are one, in the place of the first.
pub(super) fn merge(sums: &NormalSums, [kept, gone]: [usize; 2], merged: &mut NormalSums) {
    let leaves = sums.products.len();
    let places = || (0..leaves).filter(|place| *place != gone);
    let parts = |place: usize| std::iter::once(place).chain((place == kept).then_some(gone));
    merged.gram.clear();
    merged.products.clear();
    for row in places() {
        let products = parts(row).map(|part| sums.products[part]);
        merged.products.push(products.sum());
        for column in places() {
            let of_part = |part: usize| -> f64 {
                let entries = parts(column).map(|other| sums.gram[part * leaves + other]);
                entries.sum()
            };
            merged.gram.push(parts(row).map(of_part).sum());
        }
    }
}

/// The sums where one leaf is divided, or two together are divided anew: the left part has the place of the first, the
/// right part that of the second, or a new one at the end.
pub(super) fn divide(
    sums: &NormalSums,
    [first, second]: [usize; 2],
    right: &TrialSums,
    divided: &mut NormalSums,
) {
    let before = sums.products.len();
    let (leaves, right_place) = if first == second {
        (before + 1, before)
    } else {
        (before, second)
    };
    // The two together, and what they share with the others.
    let whole = |by_leaf: &dyn Fn(usize) -> f64| {
        by_leaf(first)
            + if first == second {
                0.0
            } else {
                by_leaf(second)
            }
    };
    let entry = |row: usize, column: usize| sums.gram[row * before + column];
    let whole_with = |other: usize| whole(&|part| entry(part, other));
    let whole_square = whole(&whole_with);
    let right_with_whole = whole(&|part| right.cross[part]);
    let right_with_left = right_with_whole - right.square;
    let left_square = whole_square - 2.0 * right_with_left - right.square;

    divided.gram.clear();
    divided.products.clear();
    for row in 0..leaves {
        divided.products.push(if row == right_place {
            right.product
        } else if row == first {
            whole(&|part| sums.products[part]) - right.product
        } else {
            sums.products[row]
        });
        for column in 0..leaves {
            let parts = [row, column].map(|place| {
                if place == right_place {
                    Part::Right
                } else if place == first {
                    Part::Left
                } else {
                    Part::Other(place)
                }
            });
            divided.gram.push(match parts {
                [Part::Right, Part::Right] => right.square,
                [Part::Left, Part::Left] => left_square,
                [Part::Left, Part::Right] | [Part::Right, Part::Left] => right_with_left,
                [Part::Right, Part::Other(other)] | [Part::Other(other), Part::Right] => {
                    right.cross[other]
                }
                [Part::Left, Part::Other(other)] | [Part::Other(other), Part::Left] => {
                    whole_with(other) - right.cross[other]
                }
                [Part::Other(one), Part::Other(other)] => entry(one, other),
            });
        }
    }
}

/// What a leaf of a divided tree is.
#[derive(Clone, Copy)]
enum Part {
    Left,
    Right,
    /// A leaf that was there before, in this place.
    Other(usize),
}
