//! The program `forewarn`; all of it is in the library beside it, where its readers can be tried with any bytes.

fn main() -> std::process::ExitCode {
    forewarn::run()
}
