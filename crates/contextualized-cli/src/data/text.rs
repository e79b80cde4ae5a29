//! Delimited text: blocks of whole records, and their cells.
//!
//! Nothing is guessed: a quote that is never closed, text behind a closing quote or a quote within an unquoted
//! cell are faults with a line, because whatever a reader makes of them may swallow rows.

use super::{ColumnRequest, Reading};
use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_array::{Array, ArrayRef, NullArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use memchr::{memchr, memchr_iter, memchr2, memchr3};
use std::borrow::Cow;
use std::io::{BufRead, Read};
use std::sync::Arc;

/// Bytes that are read at a time.
const BLOCK: usize = 1 << 20;

/// The longest record, quoted line breaks included.
const LONGEST: usize = 1 << 24;

const QUOTE: u8 = b'"';

/// What separates cells and lines, and which lines are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) delimiter: u8,
    /// Lines that begin with it are left out.
    pub(super) comment: Option<u8>,
    newline: u8,
}

impl Rules {
    /// Whether nothing but spaces stands in a line, which may end in a line break.
    fn is_blank(self, line: &[u8]) -> bool {
        let line = line.strip_suffix(&[self.newline]).unwrap_or(line);
        let line = match line {
            [line @ .., b'\r'] if self.newline == b'\n' => line,
            line => line,
        };
        let is_space = |byte: &u8| (*byte == b' ' || *byte == b'\t') && *byte != self.delimiter;
        line.iter().all(is_space)
    }
}

/// Why a text cannot be read, and in which line, counted from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// A record with this many cells, of which the last is empty or not.
    Width { cells: usize, last_is_empty: bool },
    /// In words, behind "line N ".
    Other(String),
}

fn fault(line: usize, what: impl Into<String>) -> Fault {
    Fault {
        line,
        kind: FaultKind::Other(what.into()),
    }
}

/// Whole records, as bytes.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Vec<u8>,
    /// Line of the file that it begins with.
    line: usize,
    /// Whether it ends where a record ends.
    whole: bool,
}

/// Cuts a text into blocks where records end.
pub(super) struct Blocks<R> {
    reader: R,
    pub(super) rules: Rules,
    rest: Vec<u8>,
    line: usize,
    ended: bool,
}

impl<R: BufRead> Blocks<R> {
    /// Passes over lines before the header; the ends of lines are those of the first that is read.
    pub(super) fn new(
        mut reader: R,
        delimiter: u8,
        comment: Option<u8>,
        skip: usize,
    ) -> std::io::Result<Self> {
        let start = reader.fill_buf()?;
        // Lines of very old programs end in a carriage return alone.
        let newline = if memchr(b'\n', start).is_none() && memchr(b'\r', start).is_some() {
            b'\r'
        } else {
            b'\n'
        };
        let rules = Rules {
            delimiter,
            comment,
            newline,
        };
        let mut line = 1;
        while line <= skip && reader.skip_until(newline)? > 0 {
            line += 1;
        }
        // However many blank lines and comments there are, the header is in the first block.
        let mut rest = Vec::new();
        loop {
            if comment.is_some() && reader.fill_buf()?.first().copied() == comment {
                reader.skip_until(newline)?;
            } else {
                let mut start = (&mut reader).take(LONGEST as u64);
                start.read_until(newline, &mut rest)?;
                if !rest.ends_with(&[newline]) || !rules.is_blank(&rest) {
                    break;
                }
                rest.clear();
            }
            line += 1;
        }
        Ok(Self {
            reader,
            rules,
            rest,
            line,
            ended: false,
        })
    }

    /// The next block, none at the end of the text.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Block>> {
        if self.ended && self.rest.is_empty() {
            return Ok(None);
        }
        let mut bytes = std::mem::take(&mut self.rest);
        let mut scan = Scan::default();
        loop {
            if !self.ended {
                let read = (&mut self.reader)
                    .take(BLOCK as u64)
                    .read_to_end(&mut bytes)?;
                self.ended = read == 0;
            }
            scan.go_on(&bytes, self.rules);
            let whole = self.ended || scan.end > 0;
            if whole || bytes.len() > LONGEST {
                if self.ended || !whole {
                    scan.end = bytes.len();
                    self.ended = true;
                }
                self.rest = bytes.split_off(scan.end);
                if bytes.is_empty() {
                    return Ok(None);
                }
                let line = self.line;
                self.line += memchr_iter(self.rules.newline, &bytes).count();
                return Ok(Some(Block { bytes, line, whole }));
            }
        }
    }
}

/// Where the last whole record of a growing text ends: at a line's end with an even number of quotes before it.
#[derive(Default)]
struct Scan {
    at: usize,
    end: usize,
    quoted: bool,
    in_comment: bool,
}

impl Scan {
    fn go_on(&mut self, bytes: &[u8], rules: Rules) {
        let begins_comment =
            |at: usize| rules.comment.is_some() && bytes.get(at).copied() == rules.comment;
        if self.at == 0 {
            self.in_comment = begins_comment(0);
        }
        while self.at < bytes.len() {
            let found = if self.in_comment {
                memchr(rules.newline, &bytes[self.at..])
            } else {
                memchr2(QUOTE, rules.newline, &bytes[self.at..])
            };
            let Some(offset) = found else {
                self.at = bytes.len();
                return;
            };
            let place = self.at + offset;
            self.at = place + 1;
            if bytes[place] == QUOTE {
                self.quoted = !self.quoted;
            } else if !self.quoted {
                self.end = place + 1;
                if rules.comment.is_some() && place + 1 == bytes.len() {
                    // What comes next is not known yet; this line's end is looked at again.
                    self.at = place;
                    return;
                }
                self.in_comment = begins_comment(place + 1);
            }
        }
    }
}

/// The records of a block.
pub(super) struct Records<'a> {
    text: &'a str,
    rules: Rules,
    at: usize,
    line: usize,
    whole: bool,
}

/// A record that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) cells: usize,
    last_is_empty: bool,
}

impl<'a> Records<'a> {
    /// Those of a block, which has to be UTF-8.
    pub(super) fn new(block: &'a Block, rules: Rules) -> Result<Self, Fault> {
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
    pub(super) fn next(
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
    fn next_row(&mut self, columns: usize, cell: impl FnMut(usize, &str)) -> Result<bool, Fault> {
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

/// The cells of some columns (in their order, each once) of a block's records: numbers, null where one is missing, or
/// text, as of a column of numbers with a cell in this block that is none.
pub(super) fn parse(
    block: &Block,
    rules: Rules,
    header: bool,
    columns: usize,
    requests: &[ColumnRequest],
    reading: &Reading,
) -> Result<RecordBatch, Fault> {
    let mut records = Records::new(block, rules)?;
    if header {
        records.next(|_, _| {})?;
    }
    let new = |request: &ColumnRequest| {
        if request.numbers {
            Builder::Numbers(Float64Builder::new())
        } else {
            Builder::Texts(StringBuilder::new())
        }
    };
    let mut builders: Vec<Builder> = requests.iter().map(new).collect();
    let mut rows = 0;
    loop {
        // They come in order.
        let mut next = 0;
        let found = records.next_row(columns, |position, text| {
            if requests
                .get(next)
                .is_some_and(|next| next.column == position)
            {
                builders[next].add(text, reading);
                next += 1;
            }
        })?;
        if !found {
            break;
        }
        rows += 1;
    }
    if builders.iter().any(|own| matches!(own, Builder::Neither)) {
        let again = requests
            .iter()
            .zip(&builders)
            .map(|(request, own)| ColumnRequest {
                numbers: matches!(own, Builder::Numbers(_)),
                ..*request
            });
        let again: Vec<ColumnRequest> = again.collect();
        return parse(block, rules, header, columns, &again, reading);
    }
    let arrays: Vec<ArrayRef> = builders.into_iter().map(Builder::finish).collect();
    let fields = requests.iter().zip(&arrays).map(|(request, array)| {
        Field::new(request.column.to_string(), array.data_type().clone(), true)
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    // Arrays of one length under a schema of theirs fit together.
    RecordBatch::try_new_with_options(schema, arrays, &options)
        .map_err(|error| fault(block.line, error.to_string()))
}

/// The cells of a column.
enum Builder {
    Texts(StringBuilder),
    Numbers(Float64Builder),
    /// Numbers were wanted, and one cell is none.
    Neither,
}

impl Builder {
    fn add(&mut self, text: &str, reading: &Reading) {
        match self {
            Self::Texts(texts) => texts.append_value(text),
            Self::Numbers(numbers) => match reading.number(text) {
                Some(number) => numbers.append_option(number),
                None => *self = Self::Neither,
            },
            Self::Neither => {}
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Texts(mut texts) => Arc::new(texts.finish()),
            Self::Numbers(mut numbers) => Arc::new(numbers.finish()),
            Self::Neither => Arc::new(NullArray::new(0)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
