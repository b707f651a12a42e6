//! `forewarn demo`: the whole case, played by the real program and checked as it goes.
//!
//! Three nodes run as processes of this executable on the loopback; their people speak to them through the command
//! line, one session each. Nothing is printed that did not happen: every step checks what it claims from the answers of
//! the nodes concerned, and the first claim that does not hold ends the demo. On the good day everything goes as it should;
//! on the bad day processes are killed, lines cut, disks lost and signatures misused. Read `story` for the steps.

mod check;
mod files;
mod node;
mod play;
mod print;
mod stop;
mod story;

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use self::check::{Failed, Telling};
use self::node::{Stage, world};
use self::play::World;
use self::print::Programme;
use self::stop::Stop;
use self::story::ACTS;
use crate::{clock, say};

/// The exit status of a demo in which a claim did not hold, or whose folder cannot be used.
const FAILED: u8 = 1;
/// The exit status of a demo that was stopped by Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;
/// The exit status of a demo that could not be set up.
const THE_WORLD: u8 = 4;

/// Plays the case. `keep` leaves the nodes running until Ctrl-C, `out` names the folder that then stays.
pub(crate) fn run(keep: bool, out: Option<&Path>, json: bool) -> ExitCode {
    let stop = Stop::listen();
    if let Some(failed) = out.and_then(in_the_way) {
        print::failed(&failed, json);
        return ExitCode::from(FAILED);
    }
    let made = this_program().and_then(|program| Ok((program, Folder::make(out)?)));
    let (program, folder) = match made {
        Ok(made) => made,
        Err(failed) => {
            print::failed(&failed, json);
            return ExitCode::from(THE_WORLD);
        }
    };
    let stage = Stage { program, folder: folder.path().to_owned(), stop: stop.clone() };
    let mut programme = Programme::begin(json, ACTS.iter().map(|act| act.steps.len()).sum());
    let played = World::new(stage).and_then(|mut world| {
        play_through(&mut world, &mut programme)?;
        if keep {
            programme.end(Some(&world), out);
            stop.wait_for_it();
        } else {
            // Dropping the world stops its nodes.
            drop(world);
            programme.end(None, out);
        }
        Ok(())
    });
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) if stop.check().is_err() => {
            programme.interrupted(&why);
            ExitCode::from(INTERRUPTED)
        }
        Err(failed) => {
            programme.failed(&failed);
            ExitCode::from(FAILED)
        }
    }
}

fn play_through(world: &mut World, programme: &mut Programme) -> Result<(), Failed> {
    for act in &ACTS {
        programme.act(act.heading);
        for step in act.steps {
            programme.step(step.claim);
            let (begun, mut telling) = (clock::now(), Telling::default());
            let taken = (step.act)(world, &mut telling);
            programme.told(step.name, step.claim, &telling, milliseconds_since(begun), taken.is_ok());
            taken?;
        }
    }
    Ok(())
}

/// How long ago that was.
fn milliseconds_since(begun: Timestamp) -> i64 {
    clock::now().as_millisecond() - begun.as_millisecond()
}

#[allow(clippy::disallowed_methods, reason = "the demo runs the very program that it is part of")]
fn this_program() -> Result<PathBuf, Failed> {
    std::env::current_exe().map_err(|e| world("to find this program's own file", &e))
}

/// The folder of the play: the one that was named, or one that goes away with the demo.
enum Folder {
    Named(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn make(out: Option<&Path>) -> Result<Self, Failed> {
        let folder = match out {
            None => {
                let made = tempfile::Builder::new().prefix("forewarn-demo-").tempdir();
                Self::Temporary(made.map_err(|e| world("a temporary folder", &e))?)
            }
            Some(path) => {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(path)
                    .map_err(|e| world(&format!("to make {}", path.display()), &e))?;
                let whole =
                    fs::canonicalize(path).map_err(|e| world(&format!("to find {}", path.display()), &e))?;
                Self::Named(whole)
            }
        };
        for inside in ["people", "files"] {
            let path = folder.path().join(inside);
            DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .map_err(|e| world(&format!("to make {}", path.display()), &e))?;
        }
        Ok(folder)
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Why the folder that was named cannot be used.
fn in_the_way(out: &Path) -> Option<Failed> {
    let taken = out.read_dir().is_ok_and(|mut inside| inside.next().is_some());
    let wanted = format!("{} to be empty, or not to be there", out.display());
    taken.then(|| {
        Failed::new(wanted, "it holds something")
            .hint("the demo makes three nodes in a folder of its own: name another one with --out")
    })
}

/// What a failure looks like to a machine.
fn failure(failed: &Failed) -> serde_json::Value {
    json!({ "expected": failed.expected, "found": failed.found, "hint": failed.hint })
}

/// Prints a document to standard output.
fn document(value: &serde_json::Value) {
    // A reader that has gone needs no answer.
    let _ = say::out(&say::json(value));
}
