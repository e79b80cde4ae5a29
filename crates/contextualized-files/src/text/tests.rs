use super::blocks::BLOCK;
use super::*;
use arrow_array::cast::AsArray;
use contextualized_frame::data::Cells;
use proptest::prelude::*;

/// All cells behind the header, or the first fault.
fn rows(text: &str, columns: usize, comment: Option<u8>) -> Result<Vec<Vec<String>>, Fault> {
    let mut blocks = Blocks::new(text.as_bytes(), b',', comment, 0).unwrap();
    let all: Vec<ColumnRequest> = (0..columns).map(ColumnRequest::as_written).collect();
    let mut out = Vec::new();
    let mut header = true;
    while let Some(block) = blocks.next().unwrap() {
        let batch = parse(
            &block,
            blocks.rules,
            header,
            columns,
            &all,
            &Reading::default(),
        )?;
        header = false;
        for row in 0..batch.num_rows() {
            let cell = |column: &ArrayRef| column.as_string::<i32>().value(row).to_owned();
            out.push(batch.columns().iter().map(cell).collect());
        }
    }
    Ok(out)
}

fn said(text: &str, columns: usize) -> (usize, String) {
    let Fault { line, kind } = rows(text, columns, None).unwrap_err();
    match kind {
        FaultKind::Other(what) => (line, what),
        FaultKind::Width { cells, .. } => (line, format!("{cells} cells")),
    }
}

#[test]
fn cells_are_what_was_written() {
    let text = "a,b\n1, x \n\"2\",\"a, \"\"b\"\"\"\n\n \"3\" ,\"two\nlines\"\n4,\r\n5,e";
    let expected = [
        ["1", " x "],
        ["2", "a, \"b\""],
        ["3", "two\nlines"],
        ["4", ""],
        ["5", "e"],
    ];
    assert_eq!(rows(text, 2, None).unwrap(), expected);
    assert_eq!(rows("a\r1\r2\r", 1, None).unwrap(), [["1"], ["2"]]);
    let before = "# long\n \t\n\r\n".repeat(BLOCK / 4);
    let commented = format!("{before}#{}\na,b\n1,2\n", "x".repeat(LONGEST));
    assert_eq!(rows(&commented, 2, Some(b'#')).unwrap(), [["1", "2"]]);
    let text = "# it's \"odd\na,b\n1,2\n# so is \"this\n3,4\n";
    assert_eq!(rows(text, 2, Some(b'#')).unwrap(), [["1", "2"], ["3", "4"]]);
}

#[test]
fn what_could_swallow_rows_is_a_fault_with_a_line() {
    let (line, what) = said("a,b\n1,x\n2,\"y\n3,z\n", 2);
    assert!(line == 3 && what.contains("never closed"), "{line} {what}");
    let (line, what) = said("a,b\n1,\"x\"y\n", 2);
    assert!(
        line == 2 && what.contains("behind the closing quote"),
        "{line} {what}"
    );
    let (line, what) = said("a,b\n1,5\" pipe\n", 2);
    assert!(line == 2 && what.contains("within cell 2"), "{line} {what}");
    let (line, what) = said("a,b\n1,\"B\n2,x\n3,\"C\"\n4,y\n", 2);
    assert!(
        line == 4 && what.contains("opens in line 2"),
        "{line} {what}"
    );
    let (line, what) = said("a,b\n1,\"B\n2,x\n3,C\"\n4,y\n", 2);
    assert!(line == 2 && what.contains("3 lines"), "{line} {what}");
    assert_eq!(said("a,b\n1,2\n1,2,3\n", 2), (3, "3 cells".to_owned()));
    let long = format!("a,b\n1,\"{}", "x\n".repeat(LONGEST));
    assert!(said(&long, 2).1.contains("never closed within 16 MiB"));
}

proptest! {
    /// Cells written with quotes are read as they were, wherever blocks end.
    #[test]
    fn quoted_cells_are_read_as_written(
        cells in prop::collection::vec("[a-c\",\n\r é]{0,6}", 1..40),
    ) {
        let mut text = "x,y\n".to_owned();
        for cell in &cells {
            text += &format!("\"{}\",1\n", cell.replace('"', "\"\""));
        }
        match rows(&text, 2, None) {
            Ok(found) => {
                let found: Vec<&str> = found.iter().map(|row| row[0].as_str()).collect();
                prop_assert_eq!(found, cells);
            }
            // Line breaks that make rows of a cell are refused.
            Err(fault) => {
                let said = format!("{fault:?}");
                prop_assert!(said.contains("look like rows"), "{}", said);
            }
        }
    }

    /// Numbers that are read at once are those that texts are read as, with the same faults.
    #[test]
    fn numbers_are_what_texts_say(
        cells in prop::collection::vec(
            prop::sample::select(vec![
                "1", "-2.5e3", " 3 ", "NA", "", "nan", "inf", "1e999", "x", "1,5", "-99",
                "12345678901234567890", "\u{a0}7", ".5", "\"8\"",
            ]),
            1..6,
        ),
    ) {
        let mut reading = Reading::default();
        reading.missing.insert("-99".to_owned());
        let text = format!("x;y\n{};1\n", cells.join(";1\n"));
        let read = |numbers| {
            let mut blocks = Blocks::new(text.as_bytes(), b';', None, 0).unwrap();
            let block = blocks.next().unwrap().unwrap();
            let request = ColumnRequest { column: 0, numbers };
            let batch = parse(&block, blocks.rules, true, 2, &[request], &reading).unwrap();
            let cells = Cells {
                column: "x",
                file: "file",
                array: batch.column(0),
                first_row: 0,
                reading: &reading,
            };
            let mut values = Vec::new();
            let outcome = cells.numbers(&mut values).map_err(|error| error.to_string());
            (format!("{values:?}"), outcome)
        };
        prop_assert_eq!(read(true), read(false));
    }

    #[test]
    fn no_text_is_a_panic(text in "[a\",\n\r# ]{0,60}", comment in any::<bool>()) {
        let _ = rows(&text, 2, comment.then_some(b'#'));
    }
}
