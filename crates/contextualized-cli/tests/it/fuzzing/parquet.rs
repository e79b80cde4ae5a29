//! Parquet files.

use super::{bytes, happens, one_of, survives};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int16Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use rand::Rng;
use std::sync::Arc;

const ROWS: i32 = 24;

/// Files of columns y, x, g and c, and of others, of all kinds and ways to write them.
fn seeds() -> Vec<Vec<u8>> {
    let numbers = |f: fn(i32) -> f64| (0..ROWS).map(f).collect::<Float64Array>();
    let y: ArrayRef = Arc::new(numbers(|row| f64::from(row * row % 7) / 2.0));
    let x: [ArrayRef; 3] = [
        Arc::new(numbers(|row| f64::from(row * 5 % 11) - 4.0)),
        Arc::new(
            (0..ROWS)
                .map(|row| (row % 9 != 4).then_some((row % 5) as f32))
                .collect::<Float32Array>(),
        ),
        Arc::new(
            (0..i64::from(ROWS))
                .map(|row| Some(row % 6))
                .collect::<Int64Array>(),
        ),
    ];
    let words = || (0..ROWS).map(|row| ["low", "middle", "high"][(row % 3) as usize]);
    let g: [ArrayRef; 4] = [
        Arc::new(words().map(Some).collect::<StringArray>()),
        Arc::new(words().collect::<DictionaryArray<Int8Type>>()),
        Arc::new(
            (0..ROWS)
                .map(|row| Some(row % 2 == 0))
                .collect::<BooleanArray>(),
        ),
        Arc::new(
            (0..ROWS)
                .map(|row| Some((row % 4) as i16))
                .collect::<Int16Array>(),
        ),
    ];
    let c: [ArrayRef; 4] = [
        Arc::new(
            (0..ROWS)
                .map(|row| Some(19_000 + row))
                .collect::<Date32Array>(),
        ),
        Arc::new(
            (0..i64::from(ROWS))
                .map(|row| Some(row * row * 60_000))
                .collect::<TimestampMillisecondArray>(),
        ),
        Arc::new(
            (0..i128::from(ROWS))
                .map(|row| Some(row * 3 % 17))
                .collect::<Decimal128Array>()
                .with_precision_and_scale(9, 2)
                .unwrap(),
        ),
        Arc::new(numbers(|row| f64::from(row * 3 % 8))),
    ];
    let lists = (0..ROWS).map(|row| Some(vec![Some(row); (row % 3) as usize]));
    let nested: [ArrayRef; 2] = [
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
        Arc::new(StructArray::from(vec![(
            Arc::new(Field::new("inner", DataType::Float64, false)),
            y.clone(),
        )])),
    ];
    let compressions = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ];
    let mut seeds = Vec::new();
    for kind in 0..12 {
        let mut columns = vec![
            ("y", y.clone()),
            ("x", x[kind % 3].clone()),
            ("g", g[kind % 4].clone()),
            ("c", c[kind / 3].clone()),
        ];
        if kind % 5 == 4 {
            columns.push(("nested", nested[kind / 8].clone()));
        }
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let mut properties = WriterProperties::builder()
            .set_compression(compressions[kind % 4])
            .set_dictionary_enabled(kind % 2 == 0)
            .set_data_page_row_count_limit(10)
            .set_write_batch_size(5)
            .set_max_row_group_row_count(Some(if kind % 3 == 0 { 9 } else { 100 }));
        if kind % 2 == 1 {
            properties = properties
                .set_writer_version(WriterVersion::PARQUET_2_0)
                .set_column_encoding("y".into(), Encoding::BYTE_STREAM_SPLIT);
        }
        let mut writer =
            ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties.build())).unwrap();
        writer.write(&rows).unwrap();
        seeds.push(writer.into_inner().unwrap());
    }
    seeds
}

#[test]
fn changed_parquet_is_read_or_refused() {
    let seeds = seeds();
    survives(
        "parquet",
        contextualized_cli::fuzzing::parquet_file,
        |random| {
            let mut input = seeds[random.gen_range(0..seeds.len())].clone();
            if happens(random, 0.97) {
                let other = one_of(random, &[0, 5, 10]);
                bytes::change(random, &mut input, &seeds[other]);
            }
            input
        },
    );
}
