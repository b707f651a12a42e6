//! The program `forewarn`; all of it is in the library beside it, where its readers can be tried with any bytes.

/// Most of what a rendering costs beside its hash is the making of small texts (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    forewarn::run()
}
