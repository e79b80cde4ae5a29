//! Exit codes of invalid formulas.

use crate::program::{Folder, numbers, plane, table};

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
