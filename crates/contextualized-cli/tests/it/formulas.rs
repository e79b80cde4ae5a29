//! Exit codes of invalid formulas.

use crate::program::{Folder, numbers, plane, rows_with, table};

#[test]
fn formulas_that_mean_nothing_are_errors_of_usage() {
    let folder = Folder::new();
    folder.write("plane.csv", plane());
    for formula in [
        "y ~ a",
        "y a | c",
        "y ~ f(a) | c",
        "y ~ y | c",
        "~ a + b | c",
        "y ~ . | .",
    ] {
        folder.error(2, &["fit", "plane.csv", formula, "--out", "m.ctx"]);
    }
    folder.error(2, &["networks", "plane.csv", "y ~ a | c", "--out", "m.ctx"]);
    folder.error(2, &["networks", "plane.csv", "~ a | c", "--out", "m.ctx"]);
    folder.error(2, &["compare", "plane.csv", "~ a | c"]);
    folder.error(2, &["compare", "plane.csv", "y ~ a | c", "--folds", "1"]);
    let message = folder.error(1, &["fit", "plane.csv", "y ~ dose | c", "--out", "m.ctx"]);
    assert!(
        message.contains("no column \"dose\"; its columns are a, b, c, y"),
        "{message}"
    );
    let message = folder.error(2, &["fit", "plane.csv", "y ~ a | c"]);
    assert!(
        message.contains("--out <FILE>") && message.ends_with("see --help"),
        "{message}"
    );
    let message = folder.error(2, &["fitt"]);
    assert!(
        message.contains("'fitt'") && message.contains("'fit'"),
        "{message}"
    );
    assert_eq!(
        folder.run(&["predict", "m", "d", "--level", "95"]).code,
        Some(2)
    );
    assert_eq!(folder.run(&["--help"]).code, Some(0));
    assert_eq!(folder.files(), ["plane.csv"]);
}

#[test]
fn several_targets_are_told_apart() {
    let folder = Folder::new();
    let text: String = plane()
        .lines()
        .enumerate()
        .map(|(row, line)| match row {
            0 => format!("{line},z\n"),
            _ => format!("{line},{}\n", row % 4),
        })
        .collect();
    folder.write("two.csv", text);
    folder.fit("two.csv", "cbind(y, z) ~ a + b - 1 | c", &[]);
    let out = folder.ok(&["predict", "model.ctx", "two.csv", "--level", "0.9"]);
    let (header, _) = table(&out);
    let expected: Vec<String> = [
        "y.coef.a", "y.coef.b", "pred.y", "z.coef.a", "z.coef.b", "pred.z",
    ]
    .iter()
    .flat_map(|name| ["", ".lower", ".upper"].map(|end| format!("{name}{end}")))
    .collect();
    assert_eq!(header, expected);
}

#[test]
fn interactions_are_products() {
    let folder = Folder::new();
    let mut text = "a,b,c,y\n".to_owned();
    for row in 0..50 {
        let (a, b) = (f64::from(row % 7), f64::from(row % 5));
        text += &format!("{a},{b},{},{}\n", row % 3, 1.0 + a - b + 0.5 * a * b);
    }
    folder.write("products.csv", text);
    folder.fit("products.csv", "y ~ a * b | c", &[]);
    let out = folder.ok(&["predict", "model.ctx", "products.csv"]);
    assert!((numbers(&out, "coef.a:b")[0] - 0.5).abs() < 1e-10);
    assert!((numbers(&out, "coef.b")[0] + 1.0).abs() < 1e-10);
}

/// Predictions of rows 1 and 18 by R, one line for each formula of the test.
const R_VALUES: [[f64; 2]; 9] = [
    [-1.814807994152682, -0.803015771146313],
    [-1.82221326832484, -0.80302889280880],
    [3.272468942817707, 0.189066719563617],
    [2.464894476431437, -0.655008644359492],
    [-1.963674358117697, -0.833561001981207],
    [0.43011474609375, -0.27398681640625],
    [2.53778733039805, 2.31215324514148],
    [-1.940798781280018, -0.792199038849545],
    [1.742723880597014, -0.503544776119403],
];

/// Right values: `lm` and `predict` of R 4.2 on the same rows.
#[test]
fn formulas_mean_what_they_mean_in_r() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        rows_with("z", |row| format!("{}", 1 + row * 5 % 11)),
    );
    for (formula, first) in [
        ("y ~ x + I(z^2) | age", R_VALUES[0]),
        ("y ~ log(z) + x | age", R_VALUES[1]),
        ("y ~ poly(z, 2) | age", R_VALUES[2]),
        ("y ~ bs(z, df = 4) | age", R_VALUES[3]),
        ("y ~ ns(z, 3) * x | age", R_VALUES[4]),
        ("y ~ scale(z) + offset(x) | age", R_VALUES[5]),
        ("log(y + 10) ~ z | age", R_VALUES[6]),
        ("y ~ (x + z)^2 | age", R_VALUES[7]),
        ("y ~ I(z > 5):x | age", R_VALUES[8]),
    ] {
        folder.fit("data.csv", formula, &[]);
        let out = folder.ok(&["predict", "model.ctx", "data.csv"]);
        let (header, _) = table(&out);
        let predicted = numbers(&out, header.last().unwrap());
        for (row, right) in [(0, first[0]), (17, first[1])] {
            assert!(
                (predicted[row] - right).abs() < 1e-9,
                "{formula}: {} {right}",
                predicted[row]
            );
        }
    }
    folder.fit("data.csv", "y ~ 1 | age", &[]);
    let out = folder.ok(&["predict", "model.ctx", "data.csv"]);
    assert_eq!(table(&out).0, ["coef.(intercept)", "pred.y"]);
}

#[test]
fn the_first_level_can_be_chosen() {
    let folder = Folder::new();
    for formula in [
        "y ~ x + relevel(site, ref = \"B\") | age",
        "y ~ x + C(site, Treatment('B')) | age",
        "y ~ x + C(site, Treatment(reference=\"B\")) | age",
        "y ~ x + relevel(factor(site), \"B\") | age",
    ] {
        folder.write(
            "data.csv",
            rows_with("site", |row| {
                ["A", "B", "C"][(row * row + row / 5) % 3].to_owned()
            }),
        );
        folder.fit("data.csv", formula, &[]);
        let header = table(&folder.ok(&["predict", "model.ctx", "data.csv"])).0;
        assert_eq!(header[1..3], ["coef.site[A]", "coef.site[C]"], "{formula}");
    }
    let message = folder.refused("y ~ relevel(site, ref = \"D\") | age", &[]);
    assert!(
        message.contains("no level \"D\"") && message.contains("A, B, C"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_computed_is_said_with_its_row() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        rows_with("z", |row| format!("{}", 3 - (row as i64))),
    );
    let message = folder.refused("y ~ log(z) | age", &[]);
    assert!(
        message.contains("log(z) is infinite in data row 4 of data.csv, where z is 0"),
        "{message}"
    );
    let message = folder.refused("y ~ sqrt(z) | age", &[]);
    assert!(
        message.contains("sqrt(z) is not a number in data row 5"),
        "{message}"
    );
    folder.write("data.csv", rows_with("z", |row| format!("s{}", row % 3)));
    let message = folder.refused("y ~ log(z) | age", &[]);
    assert!(
        message.contains("column z of data.csv contains text, and log(z) needs numbers"),
        "{message}"
    );
}
