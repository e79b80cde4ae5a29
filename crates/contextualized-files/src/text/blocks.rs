//! Blocks of a text that end where records end.

use super::{LONGEST, QUOTE, Rules};
use memchr::{memchr, memchr_iter, memchr2};
use std::io::{BufRead, Read};

/// Bytes that are read at a time.
pub(super) const BLOCK: usize = 1 << 20;

/// Whole records, as bytes.
#[derive(Debug)]
pub(crate) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Line of the file that it begins with.
    pub(super) line: usize,
    /// Whether it ends where a record ends.
    pub(super) whole: bool,
}

/// Cuts a text into blocks where records end.
pub(crate) struct Blocks<R> {
    reader: R,
    pub(crate) rules: Rules,
    rest: Vec<u8>,
    line: usize,
    ended: bool,
}

impl<R: BufRead> Blocks<R> {
    /// Passes over lines before the header; the ends of lines are those of the first that is read.
    pub(crate) fn new(
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
    pub(crate) fn next(&mut self) -> std::io::Result<Option<Block>> {
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
