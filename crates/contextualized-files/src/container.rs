//! What kind of file it is, by its first bytes.

/// What can be read, and what is said of the rest.
pub(crate) enum Container {
    /// Text, as far as can be told.
    Text,
    Gzip,
    Parquet,
    /// Something else, and what to do with it.
    Other(&'static str),
}

/// Bytes that suffice to know.
pub(crate) const ENOUGH: u64 = 8;

const WORKBOOK: &str =
    "an Excel or other workbook, or a zip archive: export the sheet as CSV, or unpack it";

impl Container {
    pub(crate) fn of(start: &[u8]) -> Self {
        let known: [(&[u8], Self); 16] = [
            (b"PAR1", Self::Parquet),
            (&[0x1f, 0x8b], Self::Gzip),
            (b"PK\x03\x04", Self::Other(WORKBOOK)),
            (
                &[0xd0, 0xcf, 0x11, 0xe0],
                Self::Other("an old Excel workbook: export the sheet as CSV"),
            ),
            (
                &[0x28, 0xb5, 0x2f, 0xfd],
                Self::Other("compressed by zstd: unpack it with `zstd -d`"),
            ),
            (
                b"BZh",
                Self::Other("compressed by bzip2: unpack it with `bunzip2`"),
            ),
            (
                &[0xfd, b'7', b'z', b'X', b'Z'],
                Self::Other("compressed by xz: unpack it with `unxz`"),
            ),
            (b"7z\xbc\xaf", Self::Other("a 7z archive: unpack it")),
            (b"Rar!", Self::Other("a rar archive: unpack it")),
            (
                b"ARROW1",
                Self::Other("an Arrow or Feather file: write it as Parquet or CSV"),
            ),
            (
                b"FEA1",
                Self::Other("an old Feather file: write it as Parquet or CSV"),
            ),
            (
                b"\x89HDF",
                Self::Other("an HDF5 file: write the table as Parquet or CSV"),
            ),
            (b"$FL2", Self::Other("an SPSS file: export it as CSV")),
            (b"<stata", Self::Other("a Stata file: export it as CSV")),
            (
                b"SQLite",
                Self::Other("an SQLite database: export the table as CSV"),
            ),
            (b"%PDF", Self::Other("a PDF: export the table as CSV")),
        ];
        let found = known
            .into_iter()
            .find(|(magic, _)| start.starts_with(magic));
        found.map_or(Self::Text, |(_, container)| container)
    }
}
