//! Tables for people, and the same as JSON for programs.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table as Drawn};
use serde_json::{Map, Value};

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// Shown to four significant digits, and whole in JSON.
    Number(f64),
    /// A p-value, which is shown down to 0.0001.
    PValue(f64),
    /// Nothing, shown as a dash.
    Missing,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        if number.is_finite() {
            Self::Number(number)
        } else {
            Self::Missing
        }
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Missing, Self::from)
    }
}

impl Cell {
    /// As people read it.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => significant(*number),
            Self::PValue(p) if *p < 1e-4 => "<0.0001".to_owned(),
            Self::PValue(p) => format!("{p:.4}"),
            Self::Missing => "-".to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Number(number) | Self::PValue(number) => Value::from(*number),
            Self::Missing => Value::Null,
        }
    }
}

/// Four significant digits, without an exponent where that is short.
fn significant(number: f64) -> String {
    let magnitude = match number {
        0.0 => return "0".to_owned(),
        number => number.abs().log10().floor() as i32,
    };
    match magnitude {
        -4..=3 => format!("{number:.*}", (3 - magnitude) as usize),
        4..=9 => format!("{number:.0}"),
        _ => format!("{number:.3e}"),
    }
}

/// A table: columns by name, rows below them.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The key of the table in JSON.
    pub name: &'static str,
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// A cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(name: &'static str, columns: &[&'static str]) -> Self {
        Self {
            name,
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    fn text(&self) -> String {
        let mut drawn = Drawn::new();
        let headers = self
            .columns
            .iter()
            .map(|name| if *name == STARS { "" } else { name });
        drawn
            .load_style(NOTHING)
            .set_header(headers.collect::<Vec<_>>());
        for row in &self.rows {
            drawn.add_row(row.iter().map(Cell::shown).collect::<Vec<_>>());
        }
        for (position, column) in drawn.column_iter_mut().enumerate() {
            let is_text = |row: &Vec<Cell>| matches!(row.get(position), Some(Cell::Text(_)));
            if !self.rows.iter().any(is_text) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines: Vec<String> = drawn.lines().collect();
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        lines.join("\n")
    }

    /// An object for each row, with keys that are names of columns.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let cells = self.columns.iter().zip(row);
            let cells = cells.map(|(column, cell)| (column.replace(' ', "_"), cell.json()));
            cells.collect::<Map<_, _>>()
        });
        rows.collect()
    }
}

/// A text, and the table below it if there is one.
pub type Section = (String, Option<Table>);

/// What a program that reads the output asks for: a key in JSON, and what it is.
pub type Fact = (&'static str, Value);

/// The key of stars in JSON; they need no header.
pub const STARS: &str = "stars";

/// Tables with a line of text before each, or facts, tables and texts as one JSON object.
pub fn text(facts: &[Fact], sections: &[Section], json: bool) -> String {
    if json {
        let mut object = Map::new();
        let mut notes = Vec::new();
        for (key, value) in facts {
            object.insert((*key).to_owned(), value.clone());
        }
        for (note, table) in sections {
            if let Some(table) = table {
                object.insert(table.name.to_owned(), table.json());
            }
            if !note.is_empty() {
                notes.push(Value::from(note.as_str()));
            }
        }
        object.insert("notes".to_owned(), Value::Array(notes));
        format!("{:#}\n", Value::Object(object))
    } else {
        let blocks = sections.iter().map(|(note, table)| match table {
            Some(table) if note.is_empty() => format!("{}\n", table.text()),
            Some(table) => format!("{note}\n\n{}\n", table.text()),
            None => format!("{note}\n"),
        });
        visible(&blocks.collect::<Vec<_>>().join("\n"))
    }
}

/// The text with escapes for characters that would change a terminal, which names may have.
pub fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            visible.extend(character.escape_default());
        } else {
            visible.push(character);
        }
    }
    visible
}

/// The text with a capital at its beginning.
pub fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_to_four_digits() {
        for (number, shown) in [
            (0.0, "0"),
            (1.0, "1.000"),
            (-0.000_123_456, "-0.0001235"),
            (12345.678, "12346"),
            (1.5e12, "1.500e12"),
            (2e-9, "2.000e-9"),
        ] {
            assert_eq!(Cell::Number(number).shown(), shown);
        }
        assert_eq!(Cell::from(f64::NAN), Cell::Missing);
        assert_eq!(Cell::PValue(1e-9).shown(), "<0.0001");
    }

    #[test]
    fn json_keeps_all_digits() {
        let mut table = Table::new("scores", &["name", "standard error"]);
        table.push(vec!["a".into(), (1.0 / 3.0).into()]);
        let value = table.json();
        assert_eq!(value[0]["standard_error"].as_f64(), Some(1.0 / 3.0));
    }
}
