//! Colours, and eight of them that colour-blind readers can tell apart.

/// An opaque colour in sRGB.
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
    pub const WHITE: Self = Self::rgb(255, 255, 255);
    /// Dark grey, for text and reference lines.
    pub const DARK_GREY: Self = Self::rgb(64, 64, 64);
    /// Grey, for what stands behind the data.
    pub const GREY: Self = Self::rgb(140, 140, 140);
    /// The light grey of grid lines.
    pub const LIGHT_GREY: Self = Self::rgb(230, 230, 230);

    /// The palette in the order in which [`Colour::qualitative`] gives it: dark colours that
    /// are easily told apart first, the faint yellow last.
    pub const QUALITATIVE: [Self; 8] = [
        Self::BLUE,
        Self::VERMILLION,
        Self::BLUISH_GREEN,
        Self::REDDISH_PURPLE,
        Self::ORANGE,
        Self::SKY_BLUE,
        Self::BLACK,
        Self::YELLOW,
    ];

    /// A colour from its red, green and blue parts in sRGB.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// The colour of series number `index`, counted from zero; it repeats after eight.
    pub const fn qualitative(index: usize) -> Self {
        Self::QUALITATIVE[index % Self::QUALITATIVE.len()]
    }

    /// The colour mixed with white: 0 leaves it, 1 gives white, and what lies outside counts
    /// as the nearer end.
    pub fn lightened(self, share: f64) -> Self {
        self.mixed(Self::WHITE, share)
    }

    /// Its red, green and blue parts.
    pub const fn parts(self) -> (u8, u8, u8) {
        (self.red, self.green, self.blue)
    }

    /// The point at `share` of the way to another colour.
    pub(crate) fn mixed(self, other: Self, share: f64) -> Self {
        let share = share.clamp(0.0, 1.0);
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
    fn lightening_ends_at_white() {
        assert_eq!(Colour::BLUE.lightened(0.0), Colour::BLUE);
        assert_eq!(Colour::BLUE.lightened(1.0), Colour::WHITE);
        assert_eq!(Colour::BLUE.lightened(7.0), Colour::WHITE);
        assert_eq!(Colour::BLACK.lightened(0.5).parts(), (128, 128, 128));
    }
}
