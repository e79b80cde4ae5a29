//! A file of columns: CSV, TSV or Parquet, compressed or not, from a path or standard input.

use crate::container::{Container, ENOUGH};
use crate::error::{failure, unreadable};
use crate::packed::{self, Limited};
use crate::paths::{is_standard, shown};
use crate::text::{self, Block, Blocks, Fault, FaultKind, Records};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Schema};
use contextualized_frame::data::{Chunk, Chunks, ColumnRequest, Reading, Table};
use contextualized_frame::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use rayon::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;

/// Rows of Parquet that are held at a time.
const BLOCK: usize = 16_384;

/// What kind of file it is, as its first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text { delimiter: u8 },
    Parquet,
}

/// A file whose columns are known.
pub struct Source {
    /// As the user named it.
    name: String,
    input: Input,
    /// Whether it is compressed by gzip.
    packed: bool,
    format: Format,
    columns: Vec<String>,
    /// By name the first column that has it, and the second if one does.
    positions: HashMap<String, (usize, Option<usize>)>,
    /// Types of the columns: text in a text file.
    types: Vec<DataType>,
    reading: Reading,
}

/// Bytes that can be read more than once: a pipe's are kept.
enum Input {
    Path(PathBuf),
    Memory(bytes::Bytes),
}

/// What a text is read from.
type Text = Box<dyn BufRead + Send>;

impl Source {
    /// Opens a file, or standard input for `-`, and reads what columns it has.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] for a file that cannot be read, is empty, or is neither text nor Parquet.
    pub fn open(path: &Path, reading: &Reading) -> Result<Self> {
        let name = if is_standard(path) {
            "standard input".to_owned()
        } else {
            shown(path)
        };
        let input = Input::open(path, &name)?;
        let mut start = Vec::new();
        input
            .reader(&name)?
            .take(ENOUGH)
            .read_to_end(&mut start)
            .map_err(|source| unreadable(&name, &source))?;
        if start.is_empty() {
            return Err(failure(format!(
                "{name} is empty; a line with the names of the columns should come first"
            )));
        }
        let delimiter = reading.delimiter.unwrap_or_else(|| by_name(path));
        let text = Format::Text { delimiter };
        let (format, packed) = match Container::of(&start) {
            Container::Parquet => (Format::Parquet, false),
            Container::Gzip => (text, true),
            Container::Text => (text, false),
            Container::Other(what) => {
                return Err(failure(format!("{name} is {what}")));
            }
        };
        let mut source = Self {
            name,
            input,
            packed,
            format,
            columns: Vec::new(),
            positions: HashMap::new(),
            types: Vec::new(),
            reading: reading.clone(),
        };
        match source.format {
            Format::Parquet => source.read_parquet_schema()?,
            Format::Text { delimiter } => source.read_header(delimiter, reading)?,
        }
        for (column, name) in source.columns.iter().enumerate() {
            let known = source.positions.entry(name.clone());
            known
                .and_modify(|(_, second)| *second = second.or(Some(column)))
                .or_insert((column, None));
        }
        Ok(source)
    }

    fn blocks(&self, delimiter: u8) -> Result<Blocks<Text>> {
        let Reading { comment, skip, .. } = self.reading;
        let text = self.text()?;
        Blocks::new(text, delimiter, comment, skip).map_err(|source| self.unreadable(&source))
    }

    fn unreadable(&self, source: &std::io::Error) -> Error {
        unreadable(&self.name, source)
    }

    fn read_header(&mut self, delimiter: u8, reading: &Reading) -> Result<()> {
        let mut blocks = self.blocks(delimiter)?;
        let failed = |source| unreadable(&self.name, &source);
        let mut columns = Vec::new();
        let mut found = None;
        if let Some(block) = blocks.next().map_err(failed)? {
            found = Records::new(&block, blocks.rules)
                .and_then(|mut records| {
                    records.next(|_, name| columns.push(name.trim().nfc().collect::<String>()))
                })
                .map_err(|fault| self.fault(fault))?;
        }
        if found.is_none() {
            return Err(failure(format!(
                "{} is empty; a line with the names of the columns should come first",
                self.name
            )));
        }
        const LONGEST_NAME: usize = 1_000;
        if let Some(place) = columns.iter().position(|name| name.len() > LONGEST_NAME) {
            return Err(failure(format!(
                "the name of column {} of {} has more than {LONGEST_NAME} letters; is it a table with a line of names?",
                place + 1,
                self.name
            )));
        }
        self.columns = columns;
        if let [only] = self.columns.as_slice() {
            for (other, written) in [(';', ";"), ('\t', "\\t"), (',', ","), ('|', "|")] {
                if only.contains(other) && reading.delimiter != Some(other as u8) {
                    return Err(failure(format!(
                        "the header of {} is a single column, {only:?}; if {written:?} stands between the columns add --delimiter '{written}'",
                        self.name
                    )));
                }
            }
        }
        self.types = vec![DataType::Utf8; self.columns.len()];
        Ok(())
    }

    /// What to do where the header seems to be a comment.
    fn comment_advice(&self) -> Option<String> {
        let first = self.columns.first()?.chars().next()?;
        "#%!".contains(first).then(|| {
            format!("; if lines that begin with {first} are comments add --comment '{first}'")
        })
    }

    /// Why the text cannot be read, with advice.
    fn fault(&self, fault: Fault) -> Error {
        let Fault { line, kind } = fault;
        let name = &self.name;
        let (cells, last_is_empty) = match kind {
            FaultKind::Other(what) => {
                return failure(format!("line {line} of {name} {what}"));
            }
            FaultKind::Width {
                cells,
                last_is_empty,
            } => (cells, last_is_empty),
        };
        let columns = self.columns.len();
        let advice = if let Some(advice) = self.comment_advice() {
            advice
        } else if cells == columns + 1 && last_is_empty {
            "; its lines end with a delimiter that the header does not have: take it out, or add one to the header".to_owned()
        } else if cells == columns + 1 {
            "; if the first cells are row names give their column a name, as `write.csv(row.names = FALSE)` and `write.table(col.names = NA)` of R do".to_owned()
        } else if columns == 1 {
            "; if other lines come before the header add --skip with their number".to_owned()
        } else {
            String::new()
        };
        failure(format!(
            "line {line} of {name} has {cells} cells, and the header has {columns} columns{advice}"
        ))
    }

    /// The text of the file, unpacked, without a byte-order mark.
    fn text(&self) -> Result<Text> {
        let mut reader = self.input.reader(&self.name)?;
        if self.packed {
            let unpacked = Limited::new(MultiGzDecoder::new(reader), self.input.len(&self.name)?);
            reader = Box::new(BufReader::new(unpacked));
        }
        let start = reader
            .fill_buf()
            .map_err(|source| self.unreadable(&source))?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(failure(format!(
                "{} is written in UTF-16; save it as UTF-8",
                self.name
            )));
        }
        if start.starts_with("\u{feff}".as_bytes()) {
            reader.consume("\u{feff}".len());
        }
        Ok(reader)
    }

    fn read_parquet_schema(&mut self) -> Result<()> {
        let schema = self.guarded(|| match &self.input {
            Input::Path(path) => {
                parquet_schema(open_file(path, &self.name)?).map_err(|source| self.damaged(&source))
            }
            Input::Memory(bytes) => {
                parquet_schema(bytes.clone()).map_err(|source| self.damaged(&source))
            }
        })?;
        let fields = schema.fields();
        let names = fields.iter().map(|field| field.name().nfc().collect());
        self.columns = names.collect();
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
    ) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>> + '_>> {
        let mut batches = self.guarded(|| {
            let failed = |source: parquet::errors::ParquetError| self.damaged(&source);
            let packed = input.len();
            let builder = ParquetRecordBatchReaderBuilder::try_new(input).map_err(failed)?;
            self.check_unpacked(builder.metadata(), columns, packed)?;
            let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
            let batches = builder.with_projection(mask).with_batch_size(BLOCK);
            batches.build().map_err(failed)
        })?;
        let next = move || {
            let next = self.guarded(|| {
                let next: Option<std::result::Result<_, ArrowError>> = batches.next();
                next.transpose().map_err(|source| self.damaged(&source))
            });
            next.transpose()
        };
        Ok(Box::new(std::iter::from_fn(next)))
    }

    /// Refuses columns that a file of this size can hardly hold: a few bytes may stand for any number of equal values.
    fn check_unpacked(
        &self,
        metadata: &ParquetMetaData,
        columns: &[usize],
        packed: u64,
    ) -> Result<()> {
        let root = |leaf| {
            metadata
                .file_metadata()
                .schema_descr()
                .get_column_root_idx(leaf)
        };
        let unpacked = metadata.row_groups().iter().flat_map(|group| {
            let leaves = group.columns().iter().enumerate();
            let wanted = leaves.filter(|(leaf, _)| columns.binary_search(&root(*leaf)).is_ok());
            wanted.map(|(_, chunk)| {
                // Numbers are held in eight bytes, however they are packed.
                let held = chunk.num_values().saturating_mul(8);
                held.max(chunk.uncompressed_size()).max(0) as u64
            })
        });
        let unpacked = unpacked.fold(0, u64::saturating_add);
        if packed::is_too_much(unpacked, packed, packed::MOST_COLUMNS) {
            return Err(failure(format!(
                "the columns asked for of {} unpack to {unpacked} bytes, more than {} times the file's size; if that is right write the file without compression and dictionaries",
                self.name,
                packed::MOST_COLUMNS
            )));
        }
        Ok(())
    }

    /// Readers of Parquet panic at some damaged files.
    fn guarded<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        GUARDED.set(true);
        let outcome = catch_unwind(AssertUnwindSafe(read));
        GUARDED.set(false);
        outcome.unwrap_or_else(|_| Err(self.damaged(&"its contents contradict each other")))
    }

    fn damaged(&self, source: &dyn std::fmt::Display) -> Error {
        failure(format!(
            "cannot read {} as Parquet: {source}; the file may be damaged or cut off",
            self.name
        ))
    }
}

impl Table for Source {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn data_type(&self, column: usize) -> &DataType {
        &self.types[column]
    }

    fn is_text(&self) -> bool {
        self.format != Format::Parquet
    }

    fn reading(&self) -> &Reading {
        &self.reading
    }

    fn advice(&self) -> Option<String> {
        self.comment_advice()
    }

    fn find(&self, name: &str) -> (Option<usize>, Option<usize>) {
        match self.positions.get(name) {
            Some((first, second)) => (Some(*first), *second),
            None => (None, None),
        }
    }

    fn chunks(&self, requests: &[ColumnRequest]) -> Result<Chunks<'_>> {
        // A column may be asked for twice; a file gives each once, in its own order.
        let mut numbers = BTreeMap::new();
        for request in requests {
            *numbers.entry(request.column).or_insert(true) &= request.numbers;
        }
        let distinct: Vec<usize> = numbers.keys().copied().collect();
        let places: Vec<usize> = requests
            .iter()
            .map(|request| distinct.partition_point(|other| *other < request.column))
            .collect();
        let batches: Box<dyn Iterator<Item = Result<RecordBatch>>> = match self.format {
            Format::Text { delimiter } => {
                let mut blocks = self.blocks(delimiter)?;
                Box::new(TextBatches {
                    source: self,
                    read: next_blocks(&mut blocks, true),
                    blocks,
                    requests: numbers
                        .into_iter()
                        .map(|(column, numbers)| ColumnRequest { column, numbers })
                        .collect(),
                    ready: VecDeque::new(),
                })
            }
            Format::Parquet => match &self.input {
                Input::Path(path) => {
                    self.parquet_batches(open_file(path, &self.name)?, &distinct)?
                }
                Input::Memory(bytes) => self.parquet_batches(bytes.clone(), &distinct)?,
            },
        };
        let mut first_row = 0;
        Ok(Box::new(batches.map(move |batch| {
            let batch = batch?;
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
}

/// Blocks of a text file, a few at a time in parallel, in their order; the next are read meanwhile.
struct TextBatches<'a> {
    source: &'a Source,
    blocks: Blocks<Text>,
    /// In the order of the columns, each once.
    requests: Vec<ColumnRequest>,
    /// Blocks that were read and not parsed, each with whether the header is in it.
    read: std::io::Result<Vec<(Block, bool)>>,
    ready: VecDeque<Result<RecordBatch>>,
}

impl Iterator for TextBatches<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            let read = match std::mem::replace(&mut self.read, Ok(Vec::new())) {
                Ok(read) => read,
                Err(source) => return Some(Err(self.source.unreadable(&source))),
            };
            if read.is_empty() {
                return None;
            }
            let (source, rules, requests) = (self.source, self.blocks.rules, &self.requests);
            let columns = source.columns.len();
            let parse = |(block, header): (Block, bool)| {
                text::parse(&block, rules, header, columns, requests, &source.reading)
                    .map_err(|fault| source.fault(fault))
            };
            let blocks = &mut self.blocks;
            let (parsed, read) = rayon::join(
                || -> Vec<_> { read.into_par_iter().map(parse).collect() },
                || next_blocks(blocks, false),
            );
            self.ready.extend(parsed);
            self.read = read;
        }
        self.ready.pop_front()
    }
}

/// A few blocks, none at the end of the text.
fn next_blocks(blocks: &mut Blocks<Text>, at_header: bool) -> std::io::Result<Vec<(Block, bool)>> {
    let mut read = Vec::new();
    while read.len() < 2 * rayon::current_num_threads() {
        match blocks.next()? {
            Some(block) => read.push((block, at_header && read.is_empty())),
            None => break,
        }
    }
    Ok(read)
}

thread_local! {
    /// Whether a panic of this thread will be caught and said as an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Makes panics that become errors silent.
pub fn without_panic_messages() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !GUARDED.get() {
            before(panic);
        }
    }));
}

impl Input {
    fn open(path: &Path, name: &str) -> Result<Self> {
        let whole = |mut from: Box<dyn Read>| {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes)
                .map_err(|source| unreadable(name, &source))?;
            Ok(Self::Memory(bytes.into()))
        };
        if is_standard(path) {
            return whole(Box::new(std::io::stdin()));
        }
        let file = open_file(path, name)?;
        let metadata = file
            .metadata()
            .map_err(|source| unreadable(name, &source))?;
        if metadata.is_dir() {
            return Err(failure(format!(
                "cannot read {name}: it is a folder, and a file is needed"
            )));
        }
        if metadata.is_file() {
            Ok(Self::Path(path.to_owned()))
        } else {
            whole(Box::new(file))
        }
    }

    /// How many bytes there are.
    fn len(&self, name: &str) -> Result<u64> {
        match self {
            Self::Path(path) => {
                let metadata = std::fs::metadata(path);
                let metadata = metadata.map_err(|source| unreadable(name, &source))?;
                Ok(metadata.len())
            }
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    fn reader(&self, name: &str) -> Result<Text> {
        Ok(match self {
            Self::Path(path) => Box::new(BufReader::with_capacity(1 << 17, open_file(path, name)?)),
            Self::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
        })
    }
}

fn open_file(path: &Path, name: &str) -> Result<File> {
    File::open(path).map_err(|source| unreadable(name, &source))
}

/// A tab where the name says so, else a comma.
fn by_name(path: &Path) -> u8 {
    let name = path.to_string_lossy().to_lowercase();
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
