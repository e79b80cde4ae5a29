//! The program `contextualized`.

/// Keeps the memory of large matrices for the next ones, which the system's allocator gives back and asks for again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    contextualized_cli::run()
}
