//! The program `contextualized`.

fn main() -> std::process::ExitCode {
    contextualized_cli::run()
}
