//! Rows that depend on each other: groups that a column names, and copies.

use crate::program::Folder;

/// Four rows of each of 40 persons, whose context is the same in all of them.
fn persons() -> String {
    let mut text = "person,age,x,y,z\n".to_owned();
    for row in 0..160 {
        let person = row / 4;
        let age = 30.0 + f64::from((person * 17) % 40);
        let [x, own, noise] = [1.3, 2.7, 0.9].map(|by| (by * f64::from(row) + by * by).sin() * 1.4);
        let shared = (5.1 * f64::from(person)).sin();
        let y = 2.0 * x + shared + noise;
        text += &format!("p{person},{age},{x},{y},{own}\n");
    }
    text
}

const GROUPS: [&str; 2] = ["--groups", "person"];

#[test]
fn groups_are_kept_together_everywhere() {
    let folder = Folder::new();
    folder.write("persons.csv", persons());
    let together = "rows of one person are held out, resampled and tested together: 40 groups";
    let fit = |out: &str, more: &[&str]| {
        let first = ["fit", "persons.csv", "y ~ x | age", "--out", out];
        folder.ok(&[&first[..], more].concat())
    };
    let said = fit("model.ctx", &[&["--estimator", "gp"], &GROUPS[..]].concat());
    assert!(said.to_lowercase().contains(together), "{said}");
    let effects = folder.ok(&["effects", "model.ctx"]);
    let assumed = "noise may be uneven, rows of one person may depend on each other, the 40 groups are independent";
    assert!(effects.contains(assumed), "{effects}");
    folder.ok(&["report", "model.ctx", "persons.csv", "--out", "report.html"]);
    let report = folder.read("report.html");
    assert!(report.contains(assumed));
    assert!(report.to_lowercase().contains(together));

    // Another grouping is another test of the same model.
    fit("rows.ctx", &["--estimator", "gp"]);
    let rows = folder.ok(&["effects", "rows.ctx"]);
    assert!(rows.contains("noise may be uneven, rows are independent"));

    let compare = ["compare", "persons.csv", "y ~ x | age"];
    let few = ["--estimators", "population,gp", "--folds", "100"];
    let compared = folder.ok(&[&compare[..], &few, &GROUPS].concat());
    assert!(compared.contains("in 40 folds of 160 rows"), "{compared}");
    assert!(compared.to_lowercase().contains(together));

    let networks = [
        "networks",
        "persons.csv",
        "~ x + y + z | age",
        "--kind",
        "correlation",
    ];
    let out = ["--out", "networks.ctx"];
    let said = folder.ok(&[&networks[..], &out, &GROUPS].concat());
    assert!(said.to_lowercase().contains(together), "{said}");
}

#[test]
fn groups_need_a_column_without_gaps_and_two_of_them() {
    let folder = Folder::new();
    folder.write("persons.csv", persons());
    let fit = |data: &str, column: &str| {
        folder.error(
            1,
            &[
                "fit",
                data,
                "y ~ x | age",
                "--out",
                "m.ctx",
                "--groups",
                column,
            ],
        )
    };
    let said = fit("persons.csv", "patient");
    assert!(said.contains("patient"), "{said}");
    folder.write("gap.csv", persons().replacen("p7,", ",", 1));
    let said = fit("gap.csv", "person");
    assert!(said.contains("person"), "{said}");
    let same: String = persons()
        .lines()
        .enumerate()
        .map(|(at, line)| match line.split_once(',') {
            Some((_, rest)) if at > 0 => format!("all,{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    folder.write("same.csv", same);
    let said = fit("same.csv", "person");
    assert!(said.contains("group"), "{said}");
}

#[test]
fn copies_of_rows_are_seen_and_counted() {
    let folder = Folder::new();
    let text = persons();
    let (header, rows) = text.split_once('\n').unwrap();
    folder.write("twice.csv", format!("{header}\n{rows}{rows}"));
    let said = folder.ok(&[
        "fit",
        "twice.csv",
        "y ~ x | age",
        "--out",
        "model.ctx",
        "--estimator",
        "gp",
    ]);
    assert!(
        said.contains(
            "Equal rows are held out, resampled and tested together: 160 are copies of others"
        ),
        "{said}"
    );
    let effects = folder.ok(&["effects", "model.ctx"]);
    assert!(effects.contains("rows are independent unless they are copies of each other"));
}
