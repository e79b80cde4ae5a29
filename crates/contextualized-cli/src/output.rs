//! Where results go: files that are whole or not there, standard output, tables.

mod png;

use crate::arguments::Global;
use crate::error::{Error, Result};
use contextualized_files::{is_standard, shown};
#[cfg(unix)]
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::NamedTempFile;

use contextualized_frame::tables::Fact;
pub(crate) use contextualized_frame::tables::{Cell, Section, Table, capital, text, visible};
pub(crate) use png::png;

/// Temporary files that an interruption has to remove.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Makes an interruption (Ctrl-C, a closed terminal, a request to end) remove what is half written, and end the
/// program with the exit code that shells expect: 128 and the signal's number.
pub(crate) fn clean_up_when_interrupted() {
    // Without a handler a signal still ends the program; only the temporary file would stay.
    #[cfg(unix)]
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                remove_unfinished();
                std::process::exit(128 + signal);
            }
        });
    }
}

fn remove_unfinished() {
    if let Ok(paths) = UNFINISHED.lock() {
        for path in paths.iter() {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// What an output is called in messages.
pub(crate) fn output_name(path: &Path) -> String {
    if is_standard(path) {
        "standard output".to_owned()
    } else {
        shown(path)
    }
}

/// Prints a text as it is.
pub(crate) fn print_text(text: &[u8]) -> Result<()> {
    let mut output = std::io::stdout().lock();
    output
        .write_all(text)
        .and_then(|()| output.flush())
        .map_err(|source| Error::file("write", "standard output", &source))
}

/// Prints what was done, unless nothing should be said.
pub(crate) fn say(facts: &[Fact], sections: &[Section], global: &Global) -> Result<()> {
    if global.quiet {
        Ok(())
    } else {
        print(facts, sections, global.json)
    }
}

/// Prints tables with a line of text before each, or facts, tables and texts as one JSON object.
pub(crate) fn print(facts: &[Fact], sections: &[Section], json: bool) -> Result<()> {
    print_text(text(facts, sections, json).as_bytes())
}

/// Says something on standard error that is not an error, unless the user wants nothing said.
pub(crate) fn remark_on(global: &Global, text: &str) {
    if !global.quiet {
        let _ = writeln!(std::io::stderr(), "contextualized: {}", visible(text));
    }
}

/// A file that appears under its name only when it is finished.
pub(crate) struct OutputFile {
    name: String,
    sink: BufWriter<Sink>,
    failure: Failure,
}

/// The first failure to write. What writes tables through a file may turn errors into words; what they
/// were is kept here.
pub(crate) type Failure = Arc<Mutex<Option<std::io::Error>>>;

enum Sink {
    /// Beside the file it will be.
    Temporary(NamedTempFile, PathBuf),
    /// A device or a pipe, which cannot be exchanged, and standard output.
    Direct(Box<dyn Write + Send>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Temporary(file, _) => file.write(bytes),
            Self::Direct(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Temporary(file, _) => file.flush(),
            Self::Direct(writer) => writer.flush(),
        }
    }
}

impl OutputFile {
    /// Whether a file of this name can be written, before the work that it is for.
    pub(crate) fn check(path: &Path) -> Result<()> {
        if let Sink::Temporary(file, _) = Self::create(path)?.sink.get_ref() {
            forget(file.path());
        }
        Ok(())
    }

    /// Prepares a file of this name, or standard output for `-`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let name = output_name(path);
        let failed = |source: std::io::Error| Error::file("write", &name, &source);
        let sink = match std::fs::metadata(path) {
            _ if is_standard(path) => Sink::Direct(Box::new(std::io::stdout())),
            Ok(found) if found.is_dir() => {
                return Err(Error::failure(format!(
                    "cannot write {name}: it is a folder; name a file in it"
                )));
            }
            Ok(found) if !found.is_file() => {
                let device: File = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Sink::Direct(Box::new(device))
            }
            _ => temporary(path).map_err(failed)?,
        };
        Ok(Self {
            name,
            sink: BufWriter::with_capacity(1 << 17, sink),
            failure: Failure::default(),
        })
    }

    /// Writes a file of these bytes, whole or not at all.
    pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
        let mut file = Self::create(path)?;
        file.write_all(bytes)
            .map_err(|source| Error::file("write", &output_name(path), &source))?;
        file.finish()
    }

    pub(crate) fn failure(&self) -> Failure {
        self.failure.clone()
    }

    fn noted<T>(&self, outcome: std::io::Result<T>) -> std::io::Result<T> {
        if let (Err(error), Ok(mut failure)) = (&outcome, self.failure.lock()) {
            let copy = std::io::Error::new(error.kind(), error.to_string());
            failure.get_or_insert(copy);
        }
        outcome
    }

    /// Brings everything to the disk, and gives the file its name.
    pub(crate) fn finish(mut self) -> Result<()> {
        let name = std::mem::take(&mut self.name);
        let failed = |source: std::io::Error| Error::file("write", &name, &source);
        self.sink.flush().map_err(failed)?;
        let sink = self
            .sink
            .into_inner()
            .map_err(|source| failed(source.into_error()))?;
        if let Sink::Temporary(file, target) = sink {
            file.as_file().sync_all().map_err(failed)?;
            let beside = file.path().to_owned();
            file.persist(&target)
                .map_err(|source| failed(source.error))?;
            forget(&beside);
        }
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let outcome = self.sink.write(bytes);
        self.noted(outcome)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let outcome = self.sink.flush();
        self.noted(outcome)
    }
}

/// A temporary file beside the file that it will become, with the permissions of one that is there; a link's is
/// beside what it links to, even if that is not there yet.
fn temporary(path: &Path) -> std::io::Result<Sink> {
    let target = followed(path)?;
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".contextualized-").suffix(".unfinished");
    // A new file has those of the user's mask; temporary files are private otherwise.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder)?;
    if let Ok(mut paths) = UNFINISHED.lock() {
        paths.push(file.path().to_owned());
    }
    if let Ok(found) = std::fs::metadata(&target) {
        file.as_file().set_permissions(found.permissions())?;
    }
    Ok(Sink::Temporary(file, target))
}

/// The file that a path leads to through links.
fn followed(path: &Path) -> std::io::Result<PathBuf> {
    const MOST: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST {
        match std::fs::read_link(&target) {
            Ok(next) => {
                let folder = target.parent().unwrap_or(Path::new(""));
                target = folder.join(next);
            }
            Err(_) => return Ok(target),
        }
    }
    Err(std::io::Error::other("links that lead in a circle"))
}

fn forget(path: &Path) {
    if let Ok(mut paths) = UNFINISHED.lock() {
        paths.retain(|other| other != path);
    }
}
