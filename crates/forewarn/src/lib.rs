//! Forewarn: pass on a warning in time, to whom you do not fully trust, and prove what was said and when.
//!
//! The roof: it reads the command line and the configuration, wires the rooms together and prints. Read `words` (the
//! command line) and `serve` (how a node is put together) first. `main.rs` calls [`run`] and nothing else.

mod backup;
mod clock;
mod data_dir;
mod demo;
mod doctor;
mod init;
mod key_files;
mod log;
pub mod outside;
mod say;
mod serve;
mod verify;
mod words;

/// Does what the command line says, and gives the exit status.
pub fn run() -> std::process::ExitCode {
    words::run()
}
