//! Numbers as texts, and texts that were meant as numbers.

use serde::{Deserialize, Serialize};

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberFormat {
    /// Between units and tenths.
    pub decimal: char,
    /// Between groups of three digits; a space stands for those that do not break, too.
    pub thousands: Option<char>,
}

impl Default for NumberFormat {
    fn default() -> Self {
        Self {
            decimal: '.',
            thousands: None,
        }
    }
}

/// Spaces that stand between groups of digits: one that does not break, a narrow one, a thin one.
const SPACES: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\u{2009}'];

impl NumberFormat {
    /// The number that a text without spaces around it is, if it is one; infinite where it is too large.
    pub fn parse(self, text: &str) -> Option<f64> {
        // Words such as inf and nan are none.
        let has_digits = || text.bytes().any(|byte| byte.is_ascii_digit());
        if self == Self::default() {
            let number: Option<f64> = text.parse().ok();
            return number.filter(|number| number.is_finite() || has_digits());
        }
        if !has_digits() {
            return None;
        }
        let mut plain = String::with_capacity(text.len());
        let (whole, rest) = match text.find(self.decimal) {
            Some(at) => (&text[..at], Some(&text[at + self.decimal.len_utf8()..])),
            None => (text, None),
        };
        match self.thousands {
            None => plain.push_str(whole),
            Some(mark) => self.push_ungrouped(whole, mark, &mut plain)?,
        }
        // A point that is not the decimal mark is not part of a number.
        if plain.contains('.') {
            return None;
        }
        if let Some(rest) = rest {
            plain.push('.');
            plain.push_str(rest);
        }
        plain.parse().ok()
    }

    /// Digits without the marks between groups of three; an exponent may stand behind them.
    fn push_ungrouped(self, whole: &str, mark: char, into: &mut String) -> Option<()> {
        let is_mark = |c: char| c == mark || (mark == ' ' && SPACES.contains(&c));
        let mut groups = whole.split(is_mark);
        into.push_str(groups.next()?);
        for group in groups {
            let digits = group.bytes().take_while(u8::is_ascii_digit).count();
            if digits != 3 {
                return None;
            }
            into.push_str(group);
        }
        Some(())
    }
}

/// Why a text that is not a number looks like one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookalike {
    /// `3,5` or `1,234`.
    Comma,
    /// `1.234,5` or `1.234.567`.
    Points,
    /// `1 234`, `1'234`.
    Grouped(char),
    /// `<0.05`.
    Limit,
    /// `12 %`, `$5`, `5 mg`.
    Unit,
    /// `03/31/2021`, `31.3.2021`.
    Date,
}

impl Lookalike {
    /// Of a text that is not a number in the usual format.
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        if is_date(text) {
            return Some(Self::Date);
        }
        let number = |text: &str| NumberFormat::default().parse(text).is_some();
        if let Some(rest) = text.strip_prefix(['<', '>', '≤', '≥', '~', '±']) {
            return number(rest.trim_start_matches('=').trim()).then_some(Self::Limit);
        }
        let (comma, point) = (text.contains(','), text.contains('.'));
        let without = |marks: &[char]| text.replace(|c| marks.contains(&c), "");
        if comma && number(&without(&[','])) && !(point && text.find(',') > text.find('.')) {
            return Some(Self::Comma);
        }
        if point && number(&without(&['.', ','])) {
            return Some(Self::Points);
        }
        let marks = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '’', '_'];
        if let Some(mark) = text.chars().find(|c| marks.contains(c))
            && number(&without(&marks).replace(',', "."))
        {
            let mark = if SPACES.contains(&mark) { ' ' } else { mark };
            return Some(Self::Grouped(mark));
        }
        let currency = ['$', '€', '£', '¥', '%'];
        let stripped = text.trim_matches(|c: char| currency.contains(&c) || c.is_whitespace());
        (stripped != text && number(&stripped.replace(',', "."))).then_some(Self::Unit)
    }

    /// What to do about a cell of this kind.
    pub(super) fn advice(self) -> String {
        match self {
            Self::Comma => "`--decimal ,` reads 3,5 as 3.5, `--thousands ,` reads 1,234 as 1234".to_owned(),
            Self::Points => "`--decimal , --thousands .` reads 1.234,5 as 1234.5".to_owned(),
            Self::Grouped(mark) => format!("`--thousands \"{mark}\"` reads such numbers"),
            Self::Limit => "a detection limit is not a number: write the value that it stands for, or name it with --missing".to_owned(),
            Self::Unit => "leave signs and units out of the cells".to_owned(),
            Self::Date => "write dates as 2021-03-31".to_owned(),
        }
    }
}

/// Three groups of digits with slashes or points between them.
fn is_date(text: &str) -> bool {
    ['/', '.', '-'].iter().any(|mark| {
        let groups: Vec<&str> = text.split(*mark).collect();
        let digits = |group: &&str| {
            (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_digit())
        };
        groups.len() == 3
            && groups.iter().all(digits)
            // Groups of three digits are a number.
            && !groups[1..].iter().all(|group| group.len() == 3)
    })
}

/// Texts that are one level however they are spelled: Unicode in composed form, truth values in any case, whole
/// numbers with or without a decimal point.
pub(crate) fn level_key(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    for word in ["true", "false"] {
        if text.eq_ignore_ascii_case(word) {
            return word.to_owned();
        }
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte == b'0')
        && !whole.is_empty()
        && whole
            .trim_start_matches(['-', '+'])
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    {
        return whole.to_owned();
    }
    text.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let format = |decimal, thousands| NumberFormat { decimal, thousands };
        let usual = NumberFormat::default();
        for (text, value) in [
            ("1.5", Some(1.5)),
            ("-2e3", Some(-2000.0)),
            ("1,5", None),
            ("inf", None),
            ("1 5", None),
        ] {
            assert_eq!(usual.parse(text), value, "{text}");
        }
        let german = format(',', Some('.'));
        for (text, value) in [
            ("3,5", Some(3.5)),
            ("1.234,5", Some(1234.5)),
            ("1.234.567", Some(1_234_567.0)),
            ("1.23", None),
            ("-1.234,5e2", Some(-123_450.0)),
            ("7", Some(7.0)),
        ] {
            assert_eq!(german.parse(text), value, "{text}");
        }
        assert_eq!(format(',', None).parse("3.5"), None);
        assert_eq!(format('.', Some(',')).parse("83,066"), Some(83_066.0));
        assert_eq!(format('.', Some(' ')).parse("4\u{a0}030"), Some(4030.0));
    }

    #[test]
    fn texts_that_look_like_numbers_are_known() {
        for (text, kind) in [
            ("3,5", Some(Lookalike::Comma)),
            ("83,066", Some(Lookalike::Comma)),
            ("1,234.5", Some(Lookalike::Comma)),
            ("1.234,5", Some(Lookalike::Points)),
            ("1.234.567", Some(Lookalike::Points)),
            ("4\u{a0}030", Some(Lookalike::Grouped(' '))),
            ("4'030", Some(Lookalike::Grouped('\''))),
            ("<0.05", Some(Lookalike::Limit)),
            ("≤ 3", Some(Lookalike::Limit)),
            ("12 %", Some(Lookalike::Unit)),
            ("$5,000", Some(Lookalike::Unit)),
            ("03/31/2021", Some(Lookalike::Date)),
            ("31.3.21", Some(Lookalike::Date)),
            ("7A", None),
            ("drug A", None),
            ("", None),
        ] {
            assert_eq!(Lookalike::of(text), kind, "{text}");
        }
    }

    #[test]
    fn spellings_of_one_level_have_one_key() {
        for (a, b) in [
            ("TRUE", "True"),
            ("1", "1.0"),
            ("-2.00", "-2"),
            ("a\u{302}ge", "âge"),
        ] {
            assert_eq!(level_key(a), level_key(b), "{a} {b}");
        }
        for (a, b) in [("01", "1"), ("1.5", "1"), ("a", "A"), ("1.", "1")] {
            assert_ne!(level_key(a), level_key(b), "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn grouped_numbers_are_those_without_groups(value in -1_000_000_000_i64..1_000_000_000, mark in prop::sample::select(vec![',', ' ', '\''])) {
            let digits = value.unsigned_abs().to_string();
            let mut grouped = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place).is_multiple_of(3) {
                    grouped.push(mark);
                }
                grouped.push(digit);
            }
            let sign = if value < 0 { "-" } else { "" };
            let format = NumberFormat { decimal: '.', thousands: Some(mark) };
            prop_assert_eq!(format.parse(&format!("{sign}{grouped}.25")), Some(if value < 0 { value as f64 - 0.25 } else { value as f64 + 0.25 }));
        }

        #[test]
        fn no_text_is_a_panic(text in "[0-9,. '<%$a\u{a0}é/-]{0,12}") {
            let _ = Lookalike::of(&text);
            let _ = level_key(&text);
        }
    }
}
