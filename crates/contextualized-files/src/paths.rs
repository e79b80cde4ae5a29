//! Names of files, which need not be text.

use contextualized_frame::tables::visible;
use std::path::Path;

/// Whether it is `-`, which stands for standard input or standard output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A name as messages show it: in one line, and with marks for what is not text.
pub fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_in_one_line() {
        assert_eq!(shown(Path::new("folder/my file.csv")), "folder/my file.csv");
        assert_eq!(shown(Path::new("a\nb\u{1b}[31m")), "a\\nb\\u{1b}[31m");
        assert!(is_standard(Path::new("-")) && !is_standard(Path::new("./-")));
    }
}
