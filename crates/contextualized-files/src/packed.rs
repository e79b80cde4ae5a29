//! How much a packed file may hold: a few bytes can stand for more zeros than any memory has room for.

use std::io::{Error, Read, Result};

/// Unpacked bytes that every file may have.
const FREE: u64 = 1 << 26;

/// The most that text is larger than its packed file. Most tables are ten times as large.
const MOST_TEXT: u64 = 50;

/// The most that columns of numbers are larger than their Parquet file, where an outcome of two takes a bit of 64.
pub(crate) const MOST_COLUMNS: u64 = 200;

/// Whether bytes are more than so many times those of the packed file.
pub(crate) fn is_too_much(unpacked: u64, packed: u64, most: u64) -> bool {
    unpacked > FREE && unpacked / most > packed
}

/// What is unpacked, an error where it is too much.
pub(crate) struct Limited<R> {
    reader: R,
    packed: u64,
    unpacked: u64,
}

impl<R: Read> Limited<R> {
    /// What a reader unpacks from a file of this size.
    pub(crate) fn new(reader: R, packed: u64) -> Self {
        Self {
            reader,
            packed,
            unpacked: 0,
        }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let read = self.reader.read(bytes)?;
        self.unpacked += read as u64;
        if is_too_much(self.unpacked, self.packed, MOST_TEXT) {
            return Err(Error::other(format!(
                "it unpacks to more than {MOST_TEXT} times its size; if that is right unpack it with `gunzip`"
            )));
        }
        Ok(read)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_ends_early() {
        let endless = || std::io::repeat(0).take(10 * FREE);
        let mut limited = Limited::new(endless(), 1);
        let read = std::io::copy(&mut limited, &mut std::io::sink());
        assert!(read.unwrap_err().to_string().contains("50 times"));
        assert!(limited.unpacked < 2 * FREE, "{}", limited.unpacked);
        let mut limited = Limited::new(endless(), FREE);
        let read = std::io::copy(&mut limited, &mut std::io::sink());
        assert_eq!(read.unwrap(), 10 * FREE);
    }
}
