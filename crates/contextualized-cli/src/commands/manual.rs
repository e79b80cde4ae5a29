//! Completion scripts, manual pages, and the examples of both help and manual.

use crate::arguments::Arguments;
use crate::error::{Error, Result};
use crate::output::{OutputFile, print_text};
use clap::CommandFactory;
use clap_mangen::Man;
use contextualized_files::shown;
use roff::{Roff, bold, roman};
use std::path::Path;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(shell, &mut command, "contextualized", &mut script);
    print_text(&script)
}

/// What to type, and what it does.
type Example = (&'static str, &'static str);

/// The examples of each command.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "fit",
        &[
            (
                "contextualized fit patients.csv 'y ~ dose + bmi | age + site' --out y.ctx",
                "The coefficients of dose and bmi depend on age and site; the estimator is chosen by held-out rows.",
            ),
            (
                "contextualized fit patients.csv 'died ~ dose | age' --estimator gp --family binomial --groups person --out died.ctx",
                "A binary outcome by a Gaussian process; rows of one person are held out and tested together.",
            ),
            (
                "contextualized fit counts.csv 'visits ~ dose | age' --family poisson --offset log_days --out visits.ctx",
                "Counts, with a known term of the logarithm of the rate.",
            ),
            (
                "contextualized fit patients.csv 'y ~ dose | age + site' --estimator neural --archetypes 4 --epochs 100 --bootstraps 100 --out y.ctx",
                "A neural network that mixes four archetypes, with intervals from 100 bootstrap replicates.",
            ),
        ],
    ),
    (
        "predict",
        &[
            (
                "contextualized predict y.ctx new.csv --level 0.95 --out predicted.csv",
                "Coefficients and predictions for each row, with intervals.",
            ),
            (
                "contextualized predict y.ctx new.csv --interval mean --level 0.9 --se --extrapolation --keep",
                "Intervals of the mean, standard errors and distances from the training rows, behind the columns of the file.",
            ),
        ],
    ),
    (
        "compare",
        &[
            (
                "contextualized compare patients.csv 'y ~ dose | age + site' --folds 10",
                "All estimators on the same ten folds.",
            ),
            (
                "contextualized compare train.csv 'y ~ dose | age' --test test.csv --estimators population,gp",
                "Two of them on rows of a file of their own.",
            ),
        ],
    ),
    (
        "networks",
        &[(
            "contextualized networks cells.csv '~ Raf + Mek + Erk | dose' --kind markov --out cells.ctx",
            "Partial correlations of three proteins that depend on the dose.",
        )],
    ),
    (
        "summary",
        &[(
            "contextualized summary y.ctx --json",
            "Average coefficients, what varies and how well the model fits, for another program.",
        )],
    ),
    (
        "effects",
        &[
            (
                "contextualized effects y.ctx",
                "Which coefficient varies with which context, with p-values.",
            ),
            (
                "contextualized effects y.ctx --curves curves.csv --figures figures",
                "The curves with their bands as a table, and drawn as SVG and PNG.",
            ),
        ],
    ),
    (
        "archetypes",
        &[(
            "contextualized archetypes y.ctx",
            "Archetypes of a model of clusters or a neural network: sizes, mean contexts, coefficients.",
        )],
    ),
    (
        "embed",
        &[(
            "contextualized embed y.ctx patients.csv --method tsne --out plane.csv",
            "Rows near each other where their coefficients are alike.",
        )],
    ),
    (
        "report",
        &[(
            "contextualized report y.ctx test.csv --out y.html",
            "Figures, tables and a comparison on rows that the model was not fitted to.",
        )],
    ),
    (
        "simulate",
        &[(
            "contextualized simulate regression --rows 500 --truth --out simulated.csv",
            "Data whose coefficients are known.",
        )],
    ),
];

/// Parts of formulas with what they mean.
const FORMULAS: &[Example] = &[
    (
        "y ~ x0 + x1 | c0 + c1",
        "y on x0 and x1; intercept and coefficients depend on c0 and c1",
    ),
    ("cbind(y0, y1) ~ x | c", "several targets"),
    ("~ x0 + x1 + x2 | c", "a network of three nodes"),
    ("y ~ . | c", "all other columns"),
    (
        "y ~ 1 | c",
        "an intercept that depends on c, and nothing else",
    ),
    ("- x, 0 +, - 1", "without x; without an intercept"),
    (
        "a:b, a*b, a/b, (a + b)^2, b %in% a",
        "products and crossings, as in R",
    ),
    (
        "I(x^2), log(x), exp(x), sqrt(x), abs(x)",
        "numbers made of columns",
    ),
    (
        "poly(x, 3), bs(x, df = 5), ns(x, df = 4), scale(x)",
        "bases, whose knots and means are kept in the model",
    ),
    (
        "cyclic(hour, 24)",
        "a number that returns to its beginning after a period",
    ),
    (
        "factor(x), relevel(x, \"b\"), C(x, Treatment(\"b\"))",
        "numbers as levels; the level that others are compared with",
    ),
    ("offset(log(days))", "a known term of the linear predictor"),
    ("`odd name`", "a column whose name is no word"),
];

const EXIT_STATUS: &[Example] = &[
    ("0", "Done."),
    (
        "1",
        "The data or the model do not allow it, or a file cannot be read or written.",
    ),
    ("2", "The command line or the formula is wrong."),
    (
        "128 + n",
        "Ended by signal n; half-written files are removed.",
    ),
];

/// The examples of a command, as its help ends.
pub(crate) fn examples(command: &str) -> String {
    let mut text = "Examples:".to_owned();
    for (line, what) in of(command) {
        text.push_str(&format!("\n  {line}\n      {what}\n"));
    }
    text.trim_end().to_owned()
}

fn of(command: &str) -> &'static [Example] {
    let found = EXAMPLES.iter().find(|(name, _)| *name == command);
    found.map_or(&[], |(_, examples)| *examples)
}

/// A page for the program, and one for each command.
pub(crate) fn pages(folder: &Path) -> Result<()> {
    let name = shown(folder);
    std::fs::create_dir_all(folder).map_err(|source| Error::file("write", &name, &source))?;
    let mut program = Arguments::command();
    program.build();
    write_page(&program, "", folder)?;
    program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .try_for_each(|command| write_page(command, command.get_name(), folder))
}

fn write_page(command: &clap::Command, name: &str, folder: &Path) -> Result<()> {
    let title = match name {
        "" => "contextualized".to_owned(),
        name => format!("contextualized-{name}"),
    };
    // The examples have a section of their own.
    let man = Man::new(command.clone().after_long_help("")).title(title.clone());
    let path = folder.join(format!("{title}.1"));
    let name_of_file = shown(&path);
    let mut page = Vec::new();
    let failed = |source: std::io::Error| Error::file("write", &name_of_file, &source);
    man.render_title(&mut page).map_err(failed)?;
    man.render_name_section(&mut page).map_err(failed)?;
    man.render_synopsis_section(&mut page).map_err(failed)?;
    man.render_description_section(&mut page).map_err(failed)?;
    man.render_options_section(&mut page).map_err(failed)?;
    if name.is_empty() {
        man.render_subcommands_section(&mut page).map_err(failed)?;
    }
    let examples: Vec<Example> = match name {
        "" => EXAMPLES
            .iter()
            .flat_map(|(_, own)| own.first())
            .copied()
            .collect(),
        name => of(name).to_vec(),
    };
    if !examples.is_empty() {
        section("EXAMPLES", &examples)
            .to_writer(&mut page)
            .map_err(failed)?;
    }
    if matches!(name, "" | "fit" | "compare" | "networks") {
        section("FORMULAS", FORMULAS)
            .to_writer(&mut page)
            .map_err(failed)?;
    }
    section("EXIT STATUS", EXIT_STATUS)
        .to_writer(&mut page)
        .map_err(failed)?;
    if command.get_version().is_some() {
        man.render_version_section(&mut page).map_err(failed)?;
    }
    OutputFile::write_whole(&path, &page)
}

/// A section of terms with what they mean.
fn section(title: &str, terms: &[Example]) -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", [title]);
    for (term, meaning) in terms {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
    roff
}
