//! Text files and formulas.

use super::{bytes, happens, one_of, survives};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// What stands in a row of a column.
type Cell = fn(u32) -> String;

const COLUMNS: [(&str, Cell); 12] = [
    ("y", |row| format!("{}", f64::from(row * row % 13) / 4.0)),
    ("z", |row| (row * 5 % 7 % 2).to_string()),
    ("x1", |row| format!("{}", f64::from(row * 7 % 11) - 3.5)),
    ("x2", |row| {
        format!("{:e}", f64::from(1 + row * 3 % 8) * 1e3)
    }),
    ("g", |row| {
        ["a", "b", "Ünder", "a b"][(row % 4) as usize].to_owned()
    }),
    ("two", |row| {
        ["no", "yes"][(row / 3 % 2) as usize].to_owned()
    }),
    ("d", |row| format!("2024-0{}-1{}", 1 + row % 9, row % 7)),
    ("t", |row| format!("{:02}:{:02}", row % 24, row * 7 % 60)),
    ("id", |row| (row + 1).to_string()),
    ("w", |row| format!("{}.5", row % 3)),
    ("odd name", |row| {
        format!("{}", f64::from(row * 11 % 17) / 8.0)
    }),
    ("c", |row| format!("{}", f64::from(1 + row * 5 % 16) / 10.0)),
];

const TARGETS: [&str; 12] = [
    "y",
    "y",
    "y",
    "z",
    "two",
    "log(y + 1)",
    "cbind(y, id)",
    "factor(z)",
    "scale(y)",
    "I(y / c)",
    "y - id",
    "g",
];

const FEATURES: [&str; 34] = [
    "x1",
    "x1",
    "x2",
    "x1 * x2",
    "x1:g",
    "g",
    "d",
    "t",
    "1",
    "0",
    "-1",
    ".",
    "factor(id)",
    "offset(w)",
    "w",
    "`odd name`",
    "I(x1^2)",
    "I(x1 / x2)",
    "I(x1 > 0)",
    "log(x2)",
    "sqrt(x1)",
    "exp(x2)",
    "poly(x1, 2)",
    "poly(x1, 3, raw = TRUE)",
    "bs(x1, df = 4)",
    "bs(x1, knots = c(-1, 1), degree = 2)",
    "ns(`odd name`, df = 2)",
    "scale(x1)",
    "cyclic(t, 24)",
    "relevel(g, ref = \"b\")",
    "C(two, Treatment(\"yes\"))",
    "(x1 + x2 + g)^2",
    "two / x1",
    "g %in% two",
];

const CONTEXTS: [&str; 14] = [
    "c",
    "c",
    "c",
    "g",
    "d",
    "t",
    "`odd name`",
    ".",
    "c + d",
    "poly(c, 2)",
    "factor(z)",
    "I(c + x1)",
    "log(c)",
    "bs(c)",
];

/// What a formula may be made of.
const TOKENS: [&str; 44] = [
    "~",
    "|",
    "+",
    "-",
    "*",
    "/",
    ":",
    "^",
    "%in%",
    "(",
    ")",
    ",",
    "=",
    "==",
    "<",
    ">=",
    ".",
    "`",
    "\"",
    "'",
    "0",
    "1",
    "2",
    "20",
    "1e9",
    "18446744073709551616",
    "-1",
    "0.5",
    "poly(",
    "bs(",
    "ns(",
    "cyclic(",
    "offset(",
    "I(",
    "factor(",
    "cbind(",
    "y",
    "x1",
    "c",
    "df",
    "degree",
    "\u{0}",
    "é",
    "\u{202e}",
];

/// What may stand in a cell.
const CELLS: [&str; 48] = [
    "",
    "",
    " ",
    "NA",
    "nan",
    "null",
    "-999",
    "0",
    "-0",
    "1",
    "1e308",
    "-1e308",
    "1e309",
    "1e-320",
    "9007199254740993",
    "123456789012345678901234567890",
    "0x1F",
    "1,5",
    "1.234,5",
    "1 000",
    "1_000",
    "+5",
    "--5",
    "5-",
    ".",
    "inf",
    "-Infinity",
    "12%",
    "$5",
    "1/2",
    "2024-02-30",
    "2024-13-01",
    "0000-00-00",
    "24:00",
    "23:59:60",
    "99999-01-01",
    "2024-01-01T00:00:00Z",
    "x",
    "a",
    "A",
    "\u{0}",
    "\u{feff}",
    "é",
    "e\u{301}",
    "日本語",
    "\u{202e}x",
    "\"",
    "a\nb",
];

/// A table as it will be written.
struct Text {
    lines: Vec<Vec<String>>,
    delimiter: char,
    newline: &'static str,
    /// Whether every cell is within quotes.
    quoted: bool,
}

impl Text {
    fn new(random: &mut ChaCha8Rng) -> Self {
        let names = COLUMNS.map(|(name, _)| name.to_owned()).to_vec();
        let rows = random.gen_range(14..=20);
        let cells = (0..rows).map(|row| COLUMNS.map(|(_, cell)| cell(row)).to_vec());
        Self {
            lines: std::iter::once(names).chain(cells).collect(),
            delimiter: one_of(random, &[',', ',', ',', ';', '\t', '|', ' ']),
            newline: one_of(random, &["\n", "\n", "\r\n", "\r"]),
            quoted: happens(random, 0.2),
        }
    }

    /// Changes lines and cells.
    fn change(&mut self, random: &mut ChaCha8Rng) {
        let line = random.gen_range(0..self.lines.len());
        let column = random.gen_range(0..COLUMNS.len());
        let cell = one_of(random, &CELLS).to_owned();
        let lines = match random.gen_range(0..24) {
            0 if self.lines.len() > 1 => return drop(self.lines.remove(line)),
            1 => return self.lines.insert(line, self.lines[line].clone()),
            2 => return self.lines.insert(line, Vec::new()),
            3 => return self.lines.insert(line, vec!["# a comment".to_owned()]),
            4 => return self.lines[line].truncate(column),
            5 => return self.lines[line].push(cell),
            6 => return self.lines.truncate(line.max(1)),
            // Columns of one name.
            7 => {
                let name = COLUMNS[random.gen_range(0..COLUMNS.len())].0;
                return self.set(0, column, name);
            }
            8 => 0..1,
            // A column of one thing, and one of many.
            9 => 1..self.lines.len(),
            10 => {
                for line in 1..self.lines.len() {
                    self.set(line, column, one_of(random, &CELLS));
                }
                return;
            }
            _ => line..line + 1,
        };
        for line in lines {
            self.set(line, column, &cell);
        }
    }

    /// Puts something else into a cell that is there.
    fn set(&mut self, line: usize, column: usize, cell: &str) {
        if let Some(old) = self.lines[line].get_mut(column) {
            cell.clone_into(old);
        }
    }

    fn write(&self, random: &mut ChaCha8Rng) -> Vec<u8> {
        let needs_quotes =
            |cell: &str| self.quoted || cell.contains(['"', '\n', '\r', self.delimiter]);
        let written = |cell: &String| {
            if needs_quotes(cell) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        };
        let delimiter = self.delimiter.to_string();
        let lines = self.lines.iter().map(|line| {
            let cells: Vec<String> = line.iter().map(written).collect();
            cells.join(&delimiter)
        });
        let mut text = lines.collect::<Vec<_>>().join(self.newline);
        if happens(random, 0.8) {
            text += self.newline;
        }
        if happens(random, 0.1) {
            text.insert(0, '\u{feff}');
        }
        text.into_bytes()
    }
}

/// A formula, well-formed or made of what formulas are made of.
fn formula(random: &mut ChaCha8Rng) -> String {
    let sum = |random: &mut ChaCha8Rng, terms: &[&str], most: usize| {
        let chosen: Vec<&str> = (0..random.gen_range(1..=most))
            .map(|_| one_of(random, terms))
            .collect();
        chosen.join(" + ")
    };
    if happens(random, 0.1) {
        let length = random.gen_range(0..30);
        return (0..length).map(|_| one_of(random, &TOKENS)).collect();
    }
    let mut formula = format!(
        "{} ~ {} | {}",
        one_of(random, &TARGETS),
        sum(random, &FEATURES, 4),
        sum(random, &CONTEXTS, 2)
    );
    if happens(random, 0.1) {
        let places: Vec<usize> = formula.char_indices().map(|(place, _)| place).collect();
        let place = one_of(random, &places);
        let end = formula[place..]
            .chars()
            .next()
            .map_or(place, |first| place + first.len_utf8());
        let end = one_of(random, &[place, end]);
        formula.replace_range(place..end, one_of(random, &TOKENS));
    }
    formula
}

fn options(random: &mut ChaCha8Rng, delimiter: char) -> Vec<String> {
    const RARE: [&str; 16] = [
        "--decimal=,",
        "--thousands=,",
        "--thousands= ",
        "--comment=#",
        "--skip=1",
        "--skip=3",
        "--missing=-999,x",
        "--weights=w",
        "--groups=g",
        "--groups=id",
        "--offset=x2",
        "--family=poisson",
        "--family=binomial",
        "--family=gaussian",
        "--delimiter=;",
        "--no-such-option",
    ];
    let mut options = Vec::new();
    if delimiter != ',' {
        options.push(format!("--delimiter={delimiter}"));
    }
    if happens(random, 0.6) {
        options.push("--drop-missing".to_owned());
    }
    for option in RARE {
        if happens(random, 0.02) {
            options.push(option.to_owned());
        }
    }
    // A tab ends an option.
    options
        .iter()
        .map(|option| option.replace('\t', "\\t"))
        .collect()
}

#[test]
fn changed_texts_are_read_or_refused() {
    survives("texts", contextualized_cli::fuzzing::text_file, |random| {
        let mut text = Text::new(random);
        for _ in 0..one_of(random, &[0, 0, 1, 1, 2, 4]) {
            text.change(random);
        }
        let mut file = text.write(random);
        if happens(random, 0.1) {
            bytes::change(
                random,
                &mut file,
                b"\"\",\n\r\n\0\xff\xfe\xef\xbb\xbf1e400,,,\"\n",
            );
        }
        let words = [vec![formula(random)], options(random, text.delimiter)].concat();
        [words.join("\t").replace('\n', " ").as_bytes(), b"\n", &file].concat()
    });
}
