//! A small HTML document: text is escaped, headings are numbered into a table of contents, tables and
//! figures scroll in boxes of their own.

use crate::output::{self, Cell, Section};
use std::fmt::Write;

/// The parts of a page in order, written as they are added.
///
/// Writing to a string cannot fail, so results of `write!` are dropped.
pub(crate) struct Page {
    title: String,
    body: String,
    /// Sections by identifier and title.
    contents: Vec<(String, String)>,
    tables: usize,
}

/// How serious a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// Something to know before reading on.
    Warning,
    /// Nothing to worry about.
    Fine,
}

/// A table: the first column names the row.
pub(crate) struct Table {
    caption: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Rows that stand out.
    marked: Vec<usize>,
    /// Columns of words, which start at the left.
    words: Vec<usize>,
}

impl Table {
    pub(crate) fn new<S: Into<String>>(
        caption: impl Into<String>,
        head: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            caption: caption.into(),
            head: head.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
            marked: Vec::new(),
            words: Vec::new(),
        }
    }

    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// A row that stands out if it is marked.
    pub(crate) fn row_marked_if<S: Into<String>>(
        &mut self,
        marked: bool,
        cells: impl IntoIterator<Item = S>,
    ) {
        if marked {
            self.marked.push(self.rows.len());
        }
        self.row(cells);
    }

    /// A row that says how many more there would be.
    pub(crate) fn row_of_more(&mut self, left_out: usize, what: &str) {
        if left_out > 0 {
            self.row([format!("… and {left_out} more{what}")]);
        }
    }

    /// Which columns beside the first hold words; the others hold numbers.
    pub(crate) fn words(mut self, columns: &[usize]) -> Self {
        self.words = columns.to_vec();
        self
    }

    /// A table as the program prints it, without columns that are empty.
    fn printed(caption: &str, table: &output::Table) -> Self {
        let filled = |column: &usize| {
            let mut cells = table.rows.iter().map(|row| &row[*column]);
            cells.any(|cell| *cell != Cell::Missing)
        };
        let columns: Vec<usize> = (0..table.columns.len()).filter(filled).collect();
        let is_words = |column: usize| {
            let mut cells = table.rows.iter().map(|row| &row[column]);
            cells.any(|cell| matches!(cell, Cell::Text(_)))
        };
        let head = columns.iter().map(|&column| table.columns[column]);
        let mut own = Self::new(caption, head);
        let numbered = columns.iter().enumerate();
        own.words = numbered
            .filter(|(_, column)| is_words(**column))
            .map(|(place, _)| place)
            .collect();
        for row in &table.rows {
            own.row(columns.iter().map(|&column| match &row[column] {
                Cell::Missing => "–".to_owned(),
                cell @ Cell::Text(_) => cell.shown(),
                cell @ (Cell::Number(_) | Cell::PValue(_)) => cell.shown().replace('-', "−"),
            }));
        }
        own
    }

    /// The caption stands above the box that scrolls, so that it stays in view.
    fn html(&self, id: &str) -> String {
        let mut out = String::new();
        let _ = write!(
            out,
            "<p class=\"caption\" id=\"{id}\">{}</p>\n\
             <div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"{id}\">\n\
             <table aria-labelledby=\"{id}\">\n<thead><tr>",
            escape(&self.caption)
        );
        let class = |column: usize| {
            if column == 0 || self.words.contains(&column) {
                ""
            } else {
                " class=\"number\""
            }
        };
        for (column, name) in self.head.iter().enumerate() {
            let _ = write!(
                out,
                "<th scope=\"col\"{}>{}</th>",
                class(column),
                escape(name)
            );
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for (number, row) in self.rows.iter().enumerate() {
            out.push_str(if self.marked.contains(&number) {
                "<tr class=\"marked\">"
            } else {
                "<tr>"
            });
            for (column, cell) in row.iter().enumerate() {
                let (open, close) = match column {
                    0 => ("th scope=\"row\"", "th"),
                    _ => ("td", "td"),
                };
                let _ = write!(out, "<{open}{}>{}</{close}>", class(column), escape(cell));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table></div>\n");
        out
    }
}

impl Page {
    pub(crate) fn new(title: &str) -> Self {
        let title = match title.trim() {
            "" => "Report".to_owned(),
            some => some.to_owned(),
        };
        Self {
            body: String::new(),
            title,
            contents: Vec::new(),
            tables: 0,
        }
    }

    /// A part of the page, listed in the table of contents.
    pub(crate) fn section(&mut self, title: &str) {
        let id = format!("part-{}", self.contents.len() + 1);
        let _ = writeln!(self.body, "<h2 id=\"{id}\">{}</h2>", escape(title));
        self.contents.push((id, title.to_owned()));
    }

    /// A part of a section.
    pub(crate) fn subsection(&mut self, title: &str) {
        let _ = writeln!(self.body, "<h3>{}</h3>", escape(title));
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.body, "<p>{}</p>", escape(text));
    }

    pub(crate) fn list(&mut self, items: &[String]) {
        let items: String = items
            .iter()
            .map(|item| format!("<li>{}</li>\n", escape(item)))
            .collect();
        let _ = writeln!(self.body, "<ul>\n{items}</ul>");
    }

    pub(crate) fn note(&mut self, note: Note, text: &str) {
        let (class, word) = match note {
            Note::Warning => ("warning", "Warning"),
            Note::Fine => ("fine", "Checked"),
        };
        let _ = writeln!(
            self.body,
            "<p class=\"note {class}\" role=\"note\"><strong>{word}.</strong> {}</p>",
            escape(text)
        );
    }

    /// Labels with values.
    pub(crate) fn facts(&mut self, facts: &[(String, String)]) {
        let items: String = facts
            .iter()
            .map(|(label, value)| {
                format!(
                    "<div><dt>{}</dt><dd>{}</dd></div>\n",
                    escape(label),
                    escape(value)
                )
            })
            .collect();
        let _ = writeln!(self.body, "<dl>\n{items}</dl>");
    }

    pub(crate) fn table(&mut self, table: &Table) {
        self.tables += 1;
        let id = format!("table-{}", self.tables);
        self.body.push_str(&table.html(&id));
    }

    /// Pictures (inline SVG, which names itself) beside each other as far as there is room, with a
    /// caption.
    pub(crate) fn pictures(&mut self, pictures: &[String], caption: &str) {
        if pictures.is_empty() {
            return;
        }
        let items: String = pictures
            .iter()
            .map(|svg| format!("<div class=\"picture\">{}</div>\n", svg.trim()))
            .collect();
        let _ = writeln!(
            self.body,
            "<figure>\n<div class=\"pictures\">\n{items}</div>\n<figcaption>{}</figcaption>\n</figure>",
            escape(caption)
        );
    }

    /// A table with a picture beside it, where there is room, and its caption.
    pub(crate) fn table_and_picture(&mut self, table: &Table, picture: &str, caption: &str) {
        self.body.push_str("<div class=\"beside\">\n<div>\n");
        self.table(table);
        self.body.push_str("</div>\n");
        self.pictures(&[picture.to_owned()], caption);
        self.body.push_str("</div>\n");
    }

    /// A picture as wide as the page, drawn once more for narrow ones, with a caption.
    pub(crate) fn large_picture(&mut self, wide: &str, narrow: &str, caption: &str) {
        let _ = writeln!(
            self.body,
            "<figure>\n<div class=\"picture wide\">{}</div>\n<div class=\"picture narrow\">{}</div>\n\
             <figcaption>{}</figcaption>\n</figure>",
            wide.trim(),
            narrow.trim(),
            escape(caption)
        );
    }

    /// A text with the table below it, as the program prints them.
    pub(crate) fn printed(&mut self, (text, table): &Section) {
        match table {
            None => self.paragraph(text),
            Some(table) => self.table(&Table::printed(text, table)),
        }
    }

    /// What is shown on request.
    pub(crate) fn details(&mut self, summary: &str, fill: impl FnOnce(&mut Self)) {
        let _ = writeln!(
            self.body,
            "<details>\n<summary>{}</summary>",
            escape(summary)
        );
        fill(self);
        self.body.push_str("</details>\n");
    }

    /// Everything of another page below, whose sections are not listed.
    pub(crate) fn append(&mut self, other: Self) {
        self.body.push_str(&other.body);
    }

    /// The document.
    pub(crate) fn html(self, lead: &str) -> String {
        let title = escape(&self.title);
        let contents: String = self
            .contents
            .iter()
            .map(|(id, text)| format!("<li><a href=\"#{id}\">{}</a></li>\n", escape(text)))
            .collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"generator\" content=\"contextualized {}\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header>\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n\
             <nav aria-label=\"Contents\"><ul>\n{contents}</ul></nav>\n</header>\n\
             <main>\n{}</main>\n\
             <footer><p>Made by contextualized {}. This file contains everything it shows and loads nothing.</p></footer>\n\
             </body>\n</html>\n",
            env!("CARGO_PKG_VERSION"),
            escape(lead),
            self.body,
            env!("CARGO_PKG_VERSION"),
        )
    }
}

/// The page loads nothing, from anywhere: a browser enforces it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("page.css");

/// Text with the characters that mean something in HTML replaced, and control characters that it must
/// not hold left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(' '),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_file_says_becomes_markup() {
        let evil = "<script>alert(1)</script>\"'&\u{0}";
        let mut page = Page::new(evil);
        page.section(evil);
        page.subsection(evil);
        page.paragraph(evil);
        page.list(&[evil.to_owned()]);
        page.note(Note::Warning, evil);
        page.facts(&[(evil.to_owned(), evil.to_owned())]);
        let mut table = Table::new(evil, [evil]);
        table.row([evil]);
        table.row_marked_if(true, [evil]);
        page.table(&table);
        page.pictures(&["<svg></svg>".to_owned()], evil);
        page.details(evil, |page| page.paragraph(evil));
        let html = page.html(evil);
        assert!(!html.contains("<script") && !html.contains('\u{0}'));
        assert_eq!(html.matches("&lt;script&gt;").count(), 18);
        assert!(!html.contains("\"&quot;\"'"));
    }

    #[test]
    fn the_page_names_its_language_and_loads_nothing() {
        let mut page = Page::new("A title");
        page.section("One");
        page.section("Two");
        let html = page.html("lead");
        assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        assert!(html.contains("<title>A title</title>") && html.contains("default-src 'none'"));
        assert!(
            html.contains("<a href=\"#part-2\">Two</a>") && html.contains("<h2 id=\"part-2\">")
        );
        for external in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!html.contains(external), "{external}");
        }
        assert!(Page::new(" ").html("").contains("<title>Report</title>"));
    }
}
