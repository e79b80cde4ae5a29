//! What the examples print.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Prints a line as `println!` does, and ends the example quietly once nobody reads on, as after `| head`.
#[macro_export]
macro_rules! say {
    () => {
        $crate::say!("")
    };
    ($($arguments:tt)*) => {
        $crate::say::line(format_args!($($arguments)*))
    };
}

/// What [`say!`](crate::say!) does.
///
/// # Panics
///
/// If standard output cannot be written to for another reason, such as a full disk.
pub fn line(text: Arguments<'_>) {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => panic!("cannot print: {error}"),
    }
}
