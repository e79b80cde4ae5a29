//! Numbers as colours.

use crate::Colour;

/// A map from the interval 0 to 1 to colours in which equal steps look equal.
///
/// All are safe for colour-blind readers. [`ColourMap::Cividis`] and [`ColourMap::Viridis`] go
/// from dark to light, so that they also work in grey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ColourMap {
    /// Dark blue over grey to yellow (Nuñez, Anderton and Renslow, 2018): looks nearly the same
    /// with and without red-green blindness.
    #[default]
    Cividis,
    /// Purple over green to yellow (Smith and van der Walt, 2015).
    Viridis,
    /// Blue over white to vermillion: for numbers with a sign, on a range that is the same on either
    /// side of zero.
    Diverging,
}

impl ColourMap {
    /// The colour at a position from 0 to 1; what lies outside gets the colour of the nearer
    /// end, NaN that of 0.
    pub fn at(self, position: f64) -> Colour {
        let table = self.table();
        let steps = table.len() - 1;
        let position = if position.is_nan() { 0.0 } else { position };
        let along = position.clamp(0.0, 1.0) * steps as f64;
        let below = (along.floor() as usize).min(steps - 1);
        table[below].mixed(table[below + 1], along - below as f64)
    }

    /// Seventeen equally spaced colours of the map.
    const fn table(self) -> &'static [Colour; 17] {
        match self {
            Self::Cividis => &CIVIDIS,
            Self::Viridis => &VIRIDIS,
            Self::Diverging => &DIVERGING,
        }
    }
}

const CIVIDIS: [Colour; 17] = [
    Colour::rgb(0, 34, 78),
    Colour::rgb(0, 46, 106),
    Colour::rgb(26, 56, 111),
    Colour::rgb(50, 67, 109),
    Colour::rgb(67, 78, 108),
    Colour::rgb(83, 90, 109),
    Colour::rgb(97, 101, 111),
    Colour::rgb(111, 112, 115),
    Colour::rgb(125, 124, 120),
    Colour::rgb(139, 135, 120),
    Colour::rgb(154, 147, 118),
    Colour::rgb(170, 160, 115),
    Colour::rgb(187, 173, 109),
    Colour::rgb(204, 186, 100),
    Colour::rgb(221, 200, 88),
    Colour::rgb(239, 215, 72),
    Colour::rgb(254, 232, 56),
];

const VIRIDIS: [Colour; 17] = [
    Colour::rgb(68, 1, 84),
    Colour::rgb(72, 24, 106),
    Colour::rgb(71, 45, 123),
    Colour::rgb(66, 64, 134),
    Colour::rgb(59, 82, 139),
    Colour::rgb(51, 99, 141),
    Colour::rgb(44, 114, 142),
    Colour::rgb(38, 130, 142),
    Colour::rgb(33, 145, 140),
    Colour::rgb(31, 159, 136),
    Colour::rgb(39, 173, 129),
    Colour::rgb(61, 188, 116),
    Colour::rgb(92, 200, 99),
    Colour::rgb(129, 211, 77),
    Colour::rgb(170, 220, 50),
    Colour::rgb(213, 226, 26),
    Colour::rgb(253, 231, 37),
];

const DIVERGING: [Colour; 17] = [
    Colour::rgb(0, 68, 120),
    Colour::rgb(0, 85, 142),
    Colour::rgb(0, 102, 164),
    Colour::rgb(17, 123, 183),
    Colour::rgb(69, 152, 198),
    Colour::rgb(121, 180, 213),
    Colour::rgb(166, 204, 226),
    Colour::rgb(208, 227, 238),
    Colour::rgb(250, 250, 250),
    Colour::rgb(244, 224, 208),
    Colour::rgb(237, 198, 166),
    Colour::rgb(230, 169, 121),
    Colour::rgb(223, 137, 69),
    Colour::rgb(216, 105, 17),
    Colour::rgb(197, 84, 0),
    Colour::rgb(174, 70, 0),
    Colour::rgb(150, 56, 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle_are_those_of_the_table() {
        assert_eq!(ColourMap::Cividis.at(0.0), CIVIDIS[0]);
        assert_eq!(ColourMap::Cividis.at(0.5), CIVIDIS[8]);
        assert_eq!(ColourMap::Viridis.at(1.0), VIRIDIS[16]);
        assert_eq!(ColourMap::Viridis.at(1.0 / 32.0).parts(), (70, 13, 95));
    }

    #[test]
    fn positions_outside_get_the_nearer_end() {
        assert_eq!(ColourMap::Viridis.at(-3.0), VIRIDIS[0]);
        assert_eq!(ColourMap::Viridis.at(f64::INFINITY), VIRIDIS[16]);
        assert_eq!(ColourMap::Viridis.at(f64::NAN), VIRIDIS[0]);
    }

    /// Signs look alike, and nothing is lighter than zero.
    #[test]
    fn the_diverging_map_is_lightest_in_the_middle() {
        let luminance = |position: f64| {
            let (red, green, blue) = ColourMap::Diverging.at(position).parts();
            0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)
        };
        for step in 0..32 {
            let (near, far) = (f64::from(step) / 64.0, f64::from(step + 1) / 64.0);
            for side in [-1.0, 1.0] {
                assert!(luminance(0.5 + side * near) > luminance(0.5 + side * far));
            }
        }
    }

    /// Luminance rises all the way, so the map can be read in grey.
    #[test]
    fn both_maps_grow_lighter() {
        for map in [ColourMap::Cividis, ColourMap::Viridis] {
            let luminance: Vec<f64> = (0..=64)
                .map(|step| {
                    let (red, green, blue) = map.at(f64::from(step) / 64.0).parts();
                    0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)
                })
                .collect();
            assert!(luminance.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
