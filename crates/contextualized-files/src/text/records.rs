//! The records of a block, and their cells.

use super::{Block, Fault, FaultKind, LONGEST, QUOTE, Rules, fault};
use memchr::{memchr, memchr_iter, memchr2, memchr3};
use std::borrow::Cow;

/// The records of a block.
pub(crate) struct Records<'a> {
    text: &'a str,
    rules: Rules,
    at: usize,
    line: usize,
    whole: bool,
}

/// A record that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(super) line: usize,
    pub(super) cells: usize,
    last_is_empty: bool,
}

impl<'a> Records<'a> {
    /// Those of a block, which has to be UTF-8.
    pub(crate) fn new(block: &'a Block, rules: Rules) -> Result<Self, Fault> {
        let text = std::str::from_utf8(&block.bytes).map_err(|error| {
            let before = &block.bytes[..error.valid_up_to()];
            let line = block.line + memchr_iter(rules.newline, before).count();
            fault(line, "is not written in UTF-8; save the file as UTF-8")
        })?;
        Ok(Self {
            text,
            rules,
            at: 0,
            line: block.line,
            whole: block.whole,
        })
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Whether a line ends at this place, before its line break or at the end.
    fn ends_line(&self, at: usize) -> bool {
        match self.byte(at) {
            None => true,
            Some(b'\r') if self.rules.newline == b'\n' => {
                matches!(self.byte(at + 1), None | Some(b'\n'))
            }
            Some(byte) => byte == self.rules.newline,
        }
    }

    /// Passes the line break at a place where a line ends.
    fn pass_line_end(&mut self, at: usize) {
        let newline = Some(self.rules.newline);
        let after_return = self.byte(at) == Some(b'\r') && self.rules.newline == b'\n';
        let at = at + usize::from(after_return);
        if self.byte(at) == newline {
            self.line += 1;
            self.at = at + 1;
        } else {
            self.at = at;
        }
    }

    /// Hands every cell of the next record over with its position; blank lines and comments are none.
    pub(crate) fn next(
        &mut self,
        mut cell: impl FnMut(usize, &str),
    ) -> Result<Option<Record>, Fault> {
        self.pass_blank_lines();
        if self.at == self.text.len() {
            return Ok(None);
        }
        if let Some(plain) = self.next_without_quotes(&mut cell) {
            return Ok(Some(plain));
        }
        let line = self.line;
        let mut cells = 0;
        loop {
            let is_empty = match self.opening_quote() {
                Some(quote) => {
                    let content = self.quoted(quote)?;
                    cell(cells, &content);
                    content.is_empty()
                }
                None => {
                    let content = self.unquoted(cells)?;
                    cell(cells, content);
                    content.trim().is_empty()
                }
            };
            cells += 1;
            if self.byte(self.at) == Some(self.rules.delimiter) {
                self.at += 1;
                continue;
            }
            self.pass_line_end(self.at);
            return Ok(Some(Record {
                line,
                cells,
                last_is_empty: is_empty,
            }));
        }
    }

    /// The next record where no quote stands in its line, which is the faster to read.
    fn next_without_quotes(&mut self, cell: &mut impl FnMut(usize, &str)) -> Option<Record> {
        let Rules {
            delimiter, newline, ..
        } = self.rules;
        let rest = &self.text[self.at..];
        let end = memchr2(QUOTE, newline, rest.as_bytes()).unwrap_or(rest.len());
        if rest.as_bytes().get(end) == Some(&QUOTE) {
            return None;
        }
        let mut content = &rest[..end];
        if newline == b'\n' {
            content = content.strip_suffix('\r').unwrap_or(content);
        }
        let (mut cells, mut from) = (0, 0);
        for place in memchr_iter(delimiter, content.as_bytes()) {
            cell(cells, &content[from..place]);
            cells += 1;
            from = place + 1;
        }
        let last = &content[from..];
        cell(cells, last);
        let record = Record {
            line: self.line,
            cells: cells + 1,
            last_is_empty: last.trim().is_empty(),
        };
        self.pass_line_end(self.at + content.len());
        Some(record)
    }

    fn pass_blank_lines(&mut self) {
        loop {
            let bytes = self.text.as_bytes();
            let is_comment =
                self.rules.comment.is_some() && self.byte(self.at) == self.rules.comment;
            let mut end = self.at;
            if is_comment {
                end += memchr(self.rules.newline, &bytes[end..]).unwrap_or(bytes.len() - end);
            } else {
                let is_space = |byte| byte == b' ' || byte == b'\t';
                while self
                    .byte(end)
                    .is_some_and(|b| is_space(b) && b != self.rules.delimiter)
                {
                    end += 1;
                }
                if !self.ends_line(end) {
                    return;
                }
            }
            self.pass_line_end(end);
            if self.at == bytes.len() {
                return;
            }
        }
    }

    /// Where a quoted cell begins, with spaces before it or not.
    fn opening_quote(&self) -> Option<usize> {
        let mut at = self.at;
        while self.byte(at) == Some(b' ') && self.rules.delimiter != b' ' {
            at += 1;
        }
        (self.byte(at) == Some(QUOTE)).then_some(at)
    }

    fn unquoted(&mut self, position: usize) -> Result<&'a str, Fault> {
        let (begin, bytes) = (self.at, self.text.as_bytes());
        let Rules {
            delimiter, newline, ..
        } = self.rules;
        let end = memchr3(delimiter, newline, QUOTE, &bytes[begin..]);
        let end = end.map_or(bytes.len(), |offset| begin + offset);
        if self.byte(end) == Some(QUOTE) {
            return Err(fault(
                self.line,
                format!(
                    "has a quote within cell {}, which does not begin with one; put the whole cell in quotes and write two for each within",
                    position + 1
                ),
            ));
        }
        self.at = end;
        let content = &self.text[begin..end];
        Ok(if self.ends_line(end) && newline == b'\n' {
            content.strip_suffix('\r').unwrap_or(content)
        } else {
            content
        })
    }

    /// The content of a quoted cell; two quotes in it stand for one.
    fn quoted(&mut self, quote: usize) -> Result<Cow<'a, str>, Fault> {
        let (text, bytes) = (self.text, self.text.as_bytes());
        let opened = self.line;
        let mut content = Cow::Borrowed("");
        let mut from = quote + 1;
        let close = loop {
            let Some(offset) = memchr(QUOTE, &bytes[from..]) else {
                let within = if self.whole {
                    String::new()
                } else {
                    format!(" within {} MiB", LONGEST >> 20)
                };
                return Err(fault(
                    opened,
                    format!("opens a quote that is never closed{within}"),
                ));
            };
            let place = from + offset;
            let doubled = self.byte(place + 1) == Some(QUOTE);
            let piece = &text[from..place + usize::from(doubled)];
            if content.is_empty() {
                content = Cow::Borrowed(piece);
            } else {
                content.to_mut().push_str(piece);
            }
            if !doubled {
                break place;
            }
            from = place + 2;
        };
        self.line += memchr_iter(self.rules.newline, &bytes[quote..close]).count();
        let mut behind = close + 1;
        while self.byte(behind) == Some(b' ') && self.rules.delimiter != b' ' {
            behind += 1;
        }
        if self.byte(behind) != Some(self.rules.delimiter) && !self.ends_line(behind) {
            let where_opened = if opened == self.line {
                String::new()
            } else {
                format!(" that opens in line {opened}")
            };
            return Err(fault(
                self.line,
                format!(
                    "has text behind the closing quote of a cell{where_opened}; a quote is missing, or one within a cell has to be written twice"
                ),
            ));
        }
        self.at = behind;
        Ok(content)
    }

    /// The next record, of as many cells as there are columns.
    pub(crate) fn next_row(
        &mut self,
        columns: usize,
        cell: impl FnMut(usize, &str),
    ) -> Result<bool, Fault> {
        self.pass_blank_lines();
        let begin = self.at;
        let Some(record) = self.next(cell)? else {
            return Ok(false);
        };
        if record.cells != columns {
            return Err(Fault {
                line: record.line,
                kind: FaultKind::Width {
                    cells: record.cells,
                    last_is_empty: record.last_is_empty,
                },
            });
        }
        self.check_lines(begin, record.line, columns)?;
        Ok(true)
    }

    /// Rows are lost where a quoted cell holds lines that could be rows themselves.
    fn check_lines(&self, begin: usize, line: usize, columns: usize) -> Result<(), Fault> {
        if self.line <= line + 1 && self.text[begin..self.at].ends_with('\n') {
            return Ok(());
        }
        let text = self.text[begin..self.at].trim_end_matches(['\r', '\n']);
        let newline = char::from(self.rules.newline);
        if columns < 2 || !text.contains(newline) {
            return Ok(());
        }
        let is_row =
            |line: &str| memchr_iter(self.rules.delimiter, line.as_bytes()).count() + 1 == columns;
        if text.split(newline).all(is_row) {
            let lines = text.split(newline).count();
            return Err(fault(
                line,
                format!(
                    "opens a quote, and the {lines} lines until it is closed look like rows themselves; close it, or take the line breaks out of the cell"
                ),
            ));
        }
        Ok(())
    }
}
