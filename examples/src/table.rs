//! Plain-text tables.

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

/// A Markdown table whose first `text_columns` columns are left-aligned and all others right-aligned.
pub fn table<const N: usize>(
    header: [&str; N],
    text_columns: usize,
    rows: Vec<[String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        if index >= text_columns {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// Four decimals, or one significant digit of a number too small for them.
pub fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        small if small.abs() < 5e-5 => format!("{small:.1e}"),
        value => format!("{value:.4}"),
    }
}
