//! Colours, eight of them that colour-blind readers can distinguish, and maps from numbers to colours.

use std::fmt;

/// An opaque colour in sRGB; its text is that of CSS, such as `#0072B2`.
///
/// The constants from [`Colour::BLACK`] to [`Colour::REDDISH_PURPLE`] are the palette of
/// Okabe and Ito (2008), whose colours stay distinct under the common forms of colour
/// blindness. They carry no meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// Black.
    pub const BLACK: Self = Self::rgb(0, 0, 0);
    /// Orange.
    pub const ORANGE: Self = Self::rgb(230, 159, 0);
    /// Sky blue.
    pub const SKY_BLUE: Self = Self::rgb(86, 180, 233);
    /// Bluish green.
    pub const BLUISH_GREEN: Self = Self::rgb(0, 158, 115);
    /// Yellow; faint on white unless it is outlined.
    pub const YELLOW: Self = Self::rgb(240, 228, 66);
    /// Blue.
    pub const BLUE: Self = Self::rgb(0, 114, 178);
    /// Vermillion, an orange red.
    pub const VERMILLION: Self = Self::rgb(213, 94, 0);
    /// Reddish purple.
    pub const REDDISH_PURPLE: Self = Self::rgb(204, 121, 167);

    /// White, for outlines.
    pub(crate) const WHITE: Self = Self::rgb(255, 255, 255);
    /// Dark grey, for text and reference lines.
    pub const DARK_GREY: Self = Self::rgb(64, 64, 64);
    /// Grey, for lines behind the data.
    pub const GREY: Self = Self::rgb(140, 140, 140);
    /// The light grey of grid lines.
    pub(crate) const LIGHT_GREY: Self = Self::rgb(230, 230, 230);

    /// A colour from its red, green and blue parts in sRGB.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// The colour of series number `index`, counted from zero: dark colours that are easily distinguished
    /// first, the faint yellow last. It repeats after eight.
    pub const fn qualitative(index: usize) -> Self {
        const SERIES: [Colour; 8] = [
            Colour::BLUE,
            Colour::VERMILLION,
            Colour::BLUISH_GREEN,
            Colour::REDDISH_PURPLE,
            Colour::ORANGE,
            Colour::SKY_BLUE,
            Colour::BLACK,
            Colour::YELLOW,
        ];
        SERIES[index % SERIES.len()]
    }

    /// How light it looks, from 0 to 255.
    pub(crate) fn luminance(self) -> f64 {
        0.2126 * f64::from(self.red)
            + 0.7152 * f64::from(self.green)
            + 0.0722 * f64::from(self.blue)
    }

    /// The colour at `share` of the way to another one.
    fn mixed(self, other: Self, share: f64) -> Self {
        let mix = |from: u8, to: u8| {
            let (from, to) = (f64::from(from), f64::from(to));
            (from + (to - from) * share).round() as u8
        };
        Self {
            red: mix(self.red, other.red),
            green: mix(self.green, other.green),
            blue: mix(self.blue, other.blue),
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "#{:02X}{:02X}{:02X}",
            self.red, self.green, self.blue
        )
    }
}

/// A map from numbers to colours in which equal steps look equal.
///
/// All are safe for colour-blind readers. [`ColourMap::Cividis`] and [`ColourMap::Viridis`] go
/// from dark to light, so that they also work in grey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColourMap {
    /// Dark blue over grey to yellow (Nuñez, Anderton and Renslow, 2018,
    /// doi:10.1371/journal.pone.0199239): looks nearly the same with and without red-green blindness.
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
    pub(crate) fn at(self, position: f64) -> Colour {
        let table = match self {
            Self::Cividis => &CIVIDIS,
            Self::Viridis => &VIRIDIS,
            Self::Diverging => &DIVERGING,
        };
        let steps = table.len() - 1;
        let along = (position.max(0.0) * steps as f64).min(steps as f64);
        let below = (along.floor() as usize).min(steps - 1);
        let colour = |index: usize| {
            let [_, red, green, blue] = table[index].to_be_bytes();
            Colour::rgb(red, green, blue)
        };
        colour(below).mixed(colour(below + 1), along - below as f64)
    }
}

/// Seventeen equally spaced colours of each map.
const CIVIDIS: [u32; 17] = [
    0x00224E, 0x002E6A, 0x1A386F, 0x32436D, 0x434E6C, 0x535A6D, 0x61656F, 0x6F7073, 0x7D7C78,
    0x8B8778, 0x9A9376, 0xAAA073, 0xBBAD6D, 0xCCBA64, 0xDDC858, 0xEFD748, 0xFEE838,
];

const VIRIDIS: [u32; 17] = [
    0x440154, 0x48186A, 0x472D7B, 0x424086, 0x3B528B, 0x33638D, 0x2C728E, 0x26828E, 0x21918C,
    0x1F9F88, 0x27AD81, 0x3DBC74, 0x5CC863, 0x81D34D, 0xAADC32, 0xD5E21A, 0xFDE725,
];

const DIVERGING: [u32; 17] = [
    0x004478, 0x00558E, 0x0066A4, 0x117BB7, 0x4598C6, 0x79B4D5, 0xA6CCE2, 0xD0E3EE, 0xFAFAFA,
    0xF4E0D0, 0xEDC6A6, 0xE6A979, 0xDF8945, 0xD86911, 0xC55400, 0xAE4600, 0x963800,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_get_distinct_colours_and_then_repeat() {
        let colours: std::collections::HashSet<_> = (0..8).map(Colour::qualitative).collect();
        assert_eq!(colours.len(), 8);
        assert_eq!(Colour::qualitative(8), Colour::qualitative(0));
    }

    #[test]
    fn ends_and_middle_are_those_of_the_table() {
        assert_eq!(ColourMap::Cividis.at(0.0), Colour::rgb(0, 34, 78));
        assert_eq!(ColourMap::Cividis.at(0.5), Colour::rgb(125, 124, 120));
        assert_eq!(ColourMap::Viridis.at(1.0), Colour::rgb(253, 231, 37));
        assert_eq!(ColourMap::Viridis.at(1.0 / 32.0), Colour::rgb(70, 13, 95));
        assert_eq!(ColourMap::Diverging.at(0.0).to_string(), "#004478");
    }

    #[test]
    fn positions_outside_get_the_nearer_end() {
        let [start, end] = [0.0, 1.0].map(|position| ColourMap::Viridis.at(position));
        assert_eq!(ColourMap::Viridis.at(-3.0), start);
        assert_eq!(ColourMap::Viridis.at(f64::INFINITY), end);
        assert_eq!(ColourMap::Viridis.at(f64::NAN), start);
    }

    /// Signs look alike, and nothing is lighter than zero.
    #[test]
    fn the_diverging_map_is_lightest_in_the_middle() {
        let luminance = |position: f64| ColourMap::Diverging.at(position).luminance();
        for step in 0..32 {
            let (near, far) = (f64::from(step) / 64.0, f64::from(step + 1) / 64.0);
            for side in [-1.0, 1.0] {
                assert!(luminance(0.5 + side * near) > luminance(0.5 + side * far));
            }
        }
    }

    /// Luminance rises all the way, so the map can be read in grey.
    #[test]
    fn both_sequential_maps_grow_lighter() {
        for map in [ColourMap::Cividis, ColourMap::Viridis] {
            let luminance: Vec<f64> = (0..=64)
                .map(|step| map.at(f64::from(step) / 64.0).luminance())
                .collect();
            assert!(luminance.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
