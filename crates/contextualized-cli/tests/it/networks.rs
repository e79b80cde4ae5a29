//! Networks from end to end.

use crate::program::{Folder, numbers, table};

#[test]
fn every_kind_has_its_edges() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate", "sem", "--rows", "200", "--out", "sem.csv", "--truth",
    ]);
    for (kind, smooth, first, count) in [
        ("correlation", "kernel", "edge.x0--x1", 6),
        ("markov", "kernel", "edge.x0--x1", 6),
        ("bayesian", "gp", "edge.x0->x1", 12),
    ] {
        for estimator in ["population", "cluster", smooth] {
            folder.ok(&[
                "networks",
                "sem.csv",
                "~ x0 + x1 + x2 + x3 | c0",
                "--kind",
                kind,
                "--estimator",
                estimator,
                "--out",
                "model.ctx",
            ]);
            let out = folder.ok(&["predict", "model.ctx", "sem.csv"]);
            let (header, rows) = table(&out);
            assert_eq!(
                (header[0].as_str(), header.len(), rows.len()),
                (first, count, 200)
            );
            if kind != "bayesian" {
                assert!(numbers(&out, first).iter().all(|edge| edge.abs() < 1.0));
            }
            folder.ok(&["effects", "model.ctx"]);
            folder.ok(&["report", "model.ctx", "sem.csv", "--out", "report.html"]);
            let message = folder.error(2, &["predict", "model.ctx", "sem.csv", "--level", "0.9"]);
            assert!(message.contains("intervals"), "{message}");
        }
    }
    // Only contexts are needed, and the weights are those that were simulated.
    let text: String = table(&folder.read("sem.csv"))
        .1
        .iter()
        .fold("c0\n".to_owned(), |text, row| text + &row[0] + "\n");
    folder.write("contexts.csv", text);
    let out = folder.ok(&["predict", "model.ctx", "contexts.csv"]);
    let truth = folder.read("sem.csv");
    for edge in ["x3->x1", "x2->x1", "x3->x2"] {
        let (found, known) = (
            numbers(&out, &format!("edge.{edge}")),
            numbers(&truth, &format!("true.edge.{edge}")),
        );
        let error: f64 = found.iter().zip(&known).map(|(a, b)| (a - b).powi(2)).sum();
        assert!(error / 200.0 < 0.05, "{edge}: {}", error / 200.0);
    }
}

#[test]
fn the_best_of_all_is_chosen_by_density() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate",
        "correlation",
        "--rows",
        "150",
        "--out",
        "data.csv",
    ]);
    let out = folder.ok(&[
        "networks",
        "data.csv",
        "~ x0 + x1 + x2 | c0",
        "--out",
        "m.ctx",
        "--json",
    ]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["choice"].as_array().unwrap().len(), 4, "{out}");
    let chosen = value["choice"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["chosen"] == "*");
    assert_eq!(chosen.count(), 1);
}

#[test]
fn nodes_are_numbers() {
    let folder = Folder::new();
    folder.write("data.csv", "a,b,c\nx,1,2\ny,2,3\nx,3,1\n");
    let message = folder.error(
        1,
        &["networks", "data.csv", "~ a + b | c", "--out", "m.ctx"],
    );
    assert!(message.contains("the node a[y]"), "{message}");
    let message = folder.error(
        1,
        &[
            "networks",
            "data.csv",
            "~ b + c + b:c | a",
            "--out",
            "m.ctx",
        ],
    );
    assert!(message.contains("the node b:c"), "{message}");
}
