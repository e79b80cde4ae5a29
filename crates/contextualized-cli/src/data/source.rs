//! A file of columns: CSV, TSV or Parquet, compressed or not, from a path or standard input.

use crate::error::{Error, Result};
use arrow_array::ArrayRef;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use flate2::bufread::MultiGzDecoder;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::sync::Arc;

/// Rows that are held at a time.
const BLOCK: usize = 16_384;

/// How files are read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// What stands between the columns of a text file; by its name (tab for `.tsv`) if not given.
    pub(crate) delimiter: Option<u8>,
    /// Texts that mean a missing value.
    pub(crate) missing: BTreeSet<String>,
}

/// What kind of file it is, as its first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text { delimiter: u8 },
    Parquet,
}

/// A file whose columns are known.
pub(crate) struct Source {
    /// As the user named it.
    pub(crate) name: String,
    input: Input,
    pub(crate) format: Format,
    columns: Vec<String>,
    /// Types of the columns: text in a text file.
    types: Vec<DataType>,
    pub(crate) missing: BTreeSet<String>,
}

/// Bytes that can be read more than once: a pipe's are kept.
enum Input {
    Path(String),
    Memory(bytes::Bytes),
}

/// A block of rows of some columns.
pub(crate) struct Chunk {
    /// One array per column asked for.
    pub(crate) arrays: Vec<ArrayRef>,
    pub(crate) rows: usize,
    /// Its first row in the file, counted from zero.
    pub(crate) first_row: usize,
}

type Chunks<'a> = Box<dyn Iterator<Item = Result<Chunk>> + 'a>;

impl Source {
    /// Opens a file, or standard input for `-`, and reads what columns it has.
    pub(crate) fn open(path: &str, reading: &Reading) -> Result<Self> {
        let name = match path {
            "-" => "standard input".to_owned(),
            path => path.to_owned(),
        };
        let input = Input::open(path, &name)?;
        let mut start = Vec::new();
        input
            .reader(&name)?
            .take(4)
            .read_to_end(&mut start)
            .map_err(|source| Error::file("read", &name, &source))?;
        if start.is_empty() {
            return Err(Error::failure(format!(
                "{name} is empty; a line with the names of the columns should come first"
            )));
        }
        let delimiter = reading.delimiter.unwrap_or_else(|| by_name(path));
        let mut source = Self {
            name,
            input,
            format: match start.as_slice() {
                b"PAR1" => Format::Parquet,
                _ => Format::Text { delimiter },
            },
            columns: Vec::new(),
            types: Vec::new(),
            missing: reading.missing.clone(),
        };
        match source.format {
            Format::Parquet => source.read_parquet_schema()?,
            Format::Text { delimiter } => source.read_header(delimiter, reading)?,
        }
        Ok(source)
    }

    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the file itself says that a column holds text; a text file does not know.
    pub(crate) fn is_typed_text(&self, column: usize) -> bool {
        self.format == Format::Parquet && !self.types[column].is_numeric()
    }

    /// The position of a column.
    pub(crate) fn position(&self, name: &str) -> Result<usize> {
        let mut found = (0..self.columns.len()).filter(|&column| self.columns[column] == name);
        match (found.next(), found.next()) {
            (Some(column), None) => Ok(column),
            (Some(first), Some(second)) => Err(Error::failure(format!(
                "{} has two columns named {name:?}, at positions {} and {}; give them different names",
                self.name,
                first + 1,
                second + 1
            ))),
            (None, _) => Err(Error::failure(format!(
                "{} has no column {name:?}; {}",
                self.name,
                self.columns_in_words(name)
            ))),
        }
    }

    /// What to say of the columns where one was not found.
    fn columns_in_words(&self, missing: &str) -> String {
        const LISTED: usize = 12;
        let same = |column: &&String| column.to_lowercase() == missing.to_lowercase();
        if let Some(similar) = self.columns.iter().find(same) {
            return format!("there is {similar:?}: upper and lower case differ");
        }
        let listed: Vec<&str> = self
            .columns
            .iter()
            .take(LISTED)
            .map(String::as_str)
            .collect();
        let more = match self.columns.len() {
            all if all > LISTED => format!(" and {} more", all - LISTED),
            _ => String::new(),
        };
        format!("its columns are {}{more}", listed.join(", "))
    }

    /// The rows of these columns, in blocks.
    pub(crate) fn chunks(&self, columns: &[usize]) -> Result<Chunks<'_>> {
        // A column may be asked for twice; a file gives each once, in its own order.
        let distinct: BTreeSet<usize> = columns.iter().copied().collect();
        let distinct: Vec<usize> = distinct.into_iter().collect();
        let places: Vec<usize> = columns
            .iter()
            .map(|column| distinct.partition_point(|other| other < column))
            .collect();
        let batches: Box<dyn Iterator<Item = _>> = match self.format {
            Format::Text { delimiter } => Box::new(self.text_batches(delimiter, distinct)?),
            Format::Parquet => match &self.input {
                Input::Path(path) => {
                    self.parquet_batches(open_file(path, &self.name)?, &distinct)?
                }
                Input::Memory(bytes) => self.parquet_batches(bytes.clone(), &distinct)?,
            },
        };
        let mut first_row = 0;
        Ok(Box::new(batches.map(move |batch| {
            let batch = batch.map_err(|source| self.arrow_error(&source))?;
            let arrays = places.iter().map(|&place| batch.column(place).clone());
            let chunk = Chunk {
                arrays: arrays.collect(),
                rows: batch.num_rows(),
                first_row,
            };
            first_row += chunk.rows;
            Ok(chunk)
        })))
    }

    fn read_header(&mut self, delimiter: u8, reading: &Reading) -> Result<()> {
        let mut header = csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(delimiter)
            .from_reader(self.text()?);
        let mut record = csv::StringRecord::new();
        let found = header.read_record(&mut record).map_err(|source| {
            Error::failure(format!("cannot read the header of {}: {source}", self.name))
        })?;
        if !found {
            return Err(Error::failure(format!(
                "{} is empty; a line with the names of the columns should come first",
                self.name
            )));
        }
        self.columns = record.iter().map(|name| name.trim().to_owned()).collect();
        if let (None, [only]) = (reading.delimiter, self.columns.as_slice()) {
            for (other, written) in [(';', ";"), ('\t', "\\t"), (',', ","), ('|', "|")] {
                if only.contains(other) {
                    return Err(Error::failure(format!(
                        "the header of {} is a single column, {only:?}; if {written:?} stands between the columns add --delimiter '{written}'",
                        self.name
                    )));
                }
            }
        }
        self.types = vec![DataType::Utf8; self.columns.len()];
        Ok(())
    }

    /// The text of the file, unpacked, without a byte-order mark.
    fn text(&self) -> Result<Box<dyn BufRead>> {
        let mut reader = self.input.reader(&self.name)?;
        let failed = |source| Error::file("read", &self.name, &source);
        let packed = reader
            .fill_buf()
            .map_err(failed)?
            .starts_with(&[0x1f, 0x8b]);
        if packed {
            reader = Box::new(BufReader::new(MultiGzDecoder::new(reader)));
        }
        let start = reader.fill_buf().map_err(failed)?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(Error::failure(format!(
                "{} is written in UTF-16; save it as UTF-8",
                self.name
            )));
        }
        if start.starts_with("\u{feff}".as_bytes()) {
            reader.consume("\u{feff}".len());
        }
        Ok(reader)
    }

    fn text_batches(
        &self,
        delimiter: u8,
        columns: Vec<usize>,
    ) -> Result<
        impl Iterator<Item = std::result::Result<arrow_array::RecordBatch, ArrowError>> + use<>,
    > {
        // Values stay text: what is a number is decided for whole columns, and text is kept as written.
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|name| Field::new(name, DataType::Utf8, true))
            .collect();
        arrow_csv::ReaderBuilder::new(Arc::new(Schema::new(fields)))
            .with_header(true)
            .with_delimiter(delimiter)
            .with_batch_size(BLOCK)
            .with_projection(columns)
            .build_buffered(self.text()?)
            .map_err(|source| self.arrow_error(&source))
    }

    fn read_parquet_schema(&mut self) -> Result<()> {
        let schema = match &self.input {
            Input::Path(path) => parquet_schema(open_file(path, &self.name)?),
            Input::Memory(bytes) => parquet_schema(bytes.clone()),
        };
        let schema = schema.map_err(|source| {
            Error::failure(format!(
                "cannot read {} as Parquet: {source}; the file may be cut off",
                self.name
            ))
        })?;
        let fields = schema.fields();
        self.columns = fields.iter().map(|field| field.name().clone()).collect();
        self.types = fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        Ok(())
    }

    fn parquet_batches<R: ChunkReader + 'static>(
        &self,
        input: R,
        columns: &[usize],
    ) -> Result<Box<dyn Iterator<Item = std::result::Result<arrow_array::RecordBatch, ArrowError>>>>
    {
        let failed = |source: parquet::errors::ParquetError| {
            Error::failure(format!("cannot read {} as Parquet: {source}", self.name))
        };
        let builder = ParquetRecordBatchReaderBuilder::try_new(input).map_err(failed)?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let batches = builder
            .with_projection(mask)
            .with_batch_size(BLOCK)
            .build()
            .map_err(failed)?;
        Ok(Box::new(batches))
    }

    fn arrow_error(&self, source: &ArrowError) -> Error {
        let text = match source {
            ArrowError::IoError(_, source) => return Error::file("read", &self.name, source),
            ArrowError::CsvError(text) => text.clone(),
            other => other.to_string(),
        };
        let advice = if text.to_lowercase().contains("utf-8") {
            "; save the file as UTF-8"
        } else {
            ""
        };
        Error::failure(format!("cannot read {}: {text}{advice}", self.name))
    }
}

impl Input {
    fn open(path: &str, name: &str) -> Result<Self> {
        let whole = |mut from: Box<dyn Read>| {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes)
                .map_err(|source| Error::file("read", name, &source))?;
            Ok(Self::Memory(bytes.into()))
        };
        if path == "-" {
            return whole(Box::new(std::io::stdin()));
        }
        let file = open_file(path, name)?;
        let metadata = file
            .metadata()
            .map_err(|source| Error::file("read", name, &source))?;
        if metadata.is_dir() {
            return Err(Error::failure(format!(
                "cannot read {name}: it is a folder, and a file is needed"
            )));
        }
        if metadata.is_file() {
            Ok(Self::Path(path.to_owned()))
        } else {
            whole(Box::new(file))
        }
    }

    fn reader(&self, name: &str) -> Result<Box<dyn BufRead>> {
        Ok(match self {
            Self::Path(path) => Box::new(BufReader::with_capacity(1 << 17, open_file(path, name)?)),
            Self::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
        })
    }
}

fn open_file(path: &str, name: &str) -> Result<File> {
    File::open(path).map_err(|source| Error::file("read", name, &source))
}

/// A tab where the name says so, else a comma.
fn by_name(path: &str) -> u8 {
    let name = path.to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if name.ends_with(".tsv") || name.ends_with(".tab") {
        b'\t'
    } else {
        b','
    }
}

fn parquet_schema<R: ChunkReader + 'static>(
    input: R,
) -> std::result::Result<Arc<Schema>, parquet::errors::ParquetError> {
    Ok(ParquetRecordBatchReaderBuilder::try_new(input)?
        .schema()
        .clone())
}
