//! The words of the command line: what can be said, and the one way from a command to what it shows.
//!
//! Each noun has a file; its command is defined once, with its help, an example and what it needs. A command builds one
//! body of `api::input`, calls the node by `desk`, and hands the answer to a function of `show`. Nothing is printed
//! before the end, and then by `say` alone.

/// The end of a command's help: an example, and what the command needs.
macro_rules! eg {
    ($example:literal, $needs:literal) => {
        concat!("Example:\n  ", $example, "\n\nNeeds: ", $needs)
    };
}

/// The parser of a word of a vocabulary; the help lists the words, and an error names the nearest.
macro_rules! word {
    ($vocabulary:ty) => {{
        use clap::builder::{PossibleValuesParser, TypedValueParser};
        PossibleValuesParser::new(<$vocabulary>::ALL.iter().map(|v| v.word()))
            .try_map(|w| w.parse::<$vocabulary>())
    }};
}

mod agreement;
mod answer;
mod audit;
mod backup;
mod call;
mod carry;
mod channel;
mod desk;
mod doctor;
mod duty;
mod entry;
mod evidence;
mod failure;
mod flags;
mod inbox;
mod key;
mod ledger;
mod login;
mod new_folder;
mod node;
mod outcome;
mod oversight;
mod partner;
mod pending;
mod person;
mod reading;
mod rebuild;
mod recall;
mod receipt;
mod recover;
mod release;
mod risk;
mod roster;
mod session;
mod show;
mod status;
mod surroundings;
mod undertaking;
mod validate;
mod verify;
mod warning;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;
use serde_json::json;

use crate::clock;
use crate::data_dir::DataDir;
use crate::say::{self, Look};
use desk::{Desk, Shown};
use failure::{Failure, USAGE, WORLD};
use session::SessionFile;
use surroundings::Surroundings;

/// Pass on a warning in time, to whom you do not fully trust, and prove what was said and when
#[derive(Debug, Parser)]
#[command(name = "forewarn", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Words {
    /// The data folder of the node [env: FOREWARN_DATA] [default: ~/.local/share/forewarn]
    #[arg(long, global = true, value_name = "DIR", display_order = 901)]
    data: Option<PathBuf>,
    /// The file of the login [env: FOREWARN_SESSION] [default: one for each data folder and terminal]
    #[arg(long, global = true, value_name = "FILE", display_order = 902)]
    session: Option<PathBuf>,
    /// Print the answer as one JSON document
    #[arg(long, global = true, display_order = 903)]
    json: bool,
    #[command(subcommand)]
    act: Act,
}

/// Everything that can be said.
#[derive(Debug, Subcommand)]
enum Act {
    Init(node::Init),
    Serve(node::Serve),
    Login(login::Login),
    Activate(login::Activate),
    Logout(login::Logout),
    Whoami(login::Whoami),
    Passphrase(login::Passphrase),
    Person(person::Person),
    Pending(pending::Pending),
    Approve(pending::Approve),
    Refuse(pending::Refuse),
    Roster(roster::Roster),
    Audit(audit::Audit),
    Clock(status::Clock),
    Recover(recover::Recover),
    Oversight(oversight::Oversight),
    Key(key::Key),
    Card(partner::Card),
    Partner(partner::Partner),
    Channel(channel::Channel),
    Carry(carry::Carry),
    Agreement(agreement::Agreement),
    Domain(agreement::Domain),
    Risk(risk::Risk),
    Warning(warning::Warning),
    Duty(duty::Duty),
    Release(release::Release),
    Review(release::Review),
    Inbox(inbox::Inbox),
    Sent(inbox::Sent),
    Outbox(inbox::Outbox),
    Show(entry::Show),
    Read(entry::Read),
    Dispose(entry::Dispose),
    Recall(recall::Recall),
    Act(entry::Act),
    StandDown(entry::StandDown),
    Outcome(outcome::Outcome),
    Thank(outcome::Thank),
    Relay(outcome::Relay),
    Undertaking(undertaking::Undertaking),
    Ledger(ledger::Ledger),
    Receipt(receipt::Receipt),
    Evidence(evidence::Evidence),
    Verify(verify::Verify),
    Validate(validate::Validate),
    Status(status::Status),
    Doctor(doctor::Doctor),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Rebuild(rebuild::Rebuild),
    Completions(Completions),
    Demo(Demo),
}

/// Print a script that completes commands in a shell
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn completions bash > ~/.local/share/bash-completion/completions/forewarn", "nothing."))]
struct Completions {
    /// The shell
    shell: Shell,
}

/// Play one warning through three services on this machine
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn demo", "nothing; what it makes is removed at its end."))]
struct Demo {
    /// Leave the three nodes running until Ctrl-C, and say how to talk to them
    #[arg(long)]
    keep: bool,
    /// Put the folders and what was exchanged here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The commands by what a person wants to do. Each stands in one group.
const GROUPS: &[(&str, &[&str])] = &[
    ("Set up", &["init", "activate", "login", "logout", "whoami", "passphrase", "roster"]),
    ("People", &["person", "pending", "approve", "refuse"]),
    ("Partners and agreements", &["card", "partner", "carry", "agreement", "domain", "risk", "undertaking"]),
    ("Warn", &["warning", "duty", "release", "review", "sent", "outbox"]),
    (
        "Receive and answer",
        &["inbox", "show", "read", "dispose", "recall", "act", "stand-down", "outcome", "thank", "relay"],
    ),
    ("Look", &["status", "ledger", "audit", "oversight"]),
    ("Prove", &["receipt", "verify", "evidence"]),
    ("Check what others wrote", &["validate"]),
    ("Keys and logs", &["key", "channel"]),
    ("Run", &["serve", "doctor", "clock", "backup", "restore", "recover", "rebuild", "demo", "completions"]),
];

/// What somebody needs who has never seen it.
const FIRST: &str = "\
Begin here:
  forewarn demo   three services, one warning, one outcome, on this machine
  forewarn init   make a node of your own (`forewarn help init` has an example)
  forewarn serve  run it; then, in another terminal: forewarn activate operator";

/// The definition of the command line, with the commands in their groups.
pub(crate) fn command() -> clap::Command {
    let command = Words::command();
    let about = |name: &str| {
        command.find_subcommand(name).and_then(|c| c.get_about()).map(ToString::to_string).unwrap_or_default()
    };
    let mut groups = FIRST.to_owned();
    for (title, names) in GROUPS {
        groups.push_str(&format!("\n\n{title}:"));
        for name in *names {
            groups.push_str(&format!("\n  {name:<12} {}", about(name)));
        }
    }
    groups.push_str("\n\n`forewarn help COMMAND` says more, with an example and the role it needs.");
    let nouns = command.get_subcommands().filter(|c| c.has_subcommands() && c.get_after_help().is_none());
    let nouns: Vec<String> = nouns.map(|c| c.get_name().to_owned()).collect();
    let command = nouns.iter().fold(command, |command, noun| {
        let more =
            format!("`forewarn help {noun} COMMAND` says more, with an example and the role it needs.");
        command.mut_subcommand(noun, |c| c.after_help(more))
    });
    command
        .before_help(groups)
        .help_template("{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Everywhere:\n{options}")
}

/// Reads a command line, the program's name in front.
pub(crate) fn read(args: &[OsString]) -> Result<Words, clap::Error> {
    command().try_get_matches_from(args).and_then(|matches| Words::from_arg_matches(&matches))
}

/// Why a command line cannot be read. It repeats what was typed, and that may have come out of a partner's text.
pub(crate) fn plain(error: &clap::Error) -> String {
    model::plain::plain(&error.render().to_string())
}

/// Reads the command line, does what it says, prints, and gives the exit status.
pub(crate) fn run() -> ExitCode {
    let surroundings = Surroundings::read();
    let Words { data, session, json, act } = match read(&surroundings.args) {
        Ok(words) => words,
        Err(error) => return unread(&error, &surroundings),
    };
    if let Act::Demo(Demo { keep, out }) = &act {
        return crate::demo::run(*keep, out.as_deref(), json);
    }
    if let Act::Verify(verify) = &act {
        return end(verify.run(&surroundings, &look(&surroundings)), json);
    }
    if let Act::Validate(validate) = &act {
        return end(validate.run(&surroundings, &look(&surroundings)), json);
    }
    let done = match desk(data, session.as_deref(), surroundings) {
        Ok(desk) => match act {
            Act::Serve(serve) => match serve.run(&desk, json) {
                Ok(status) => return status,
                Err(failure) => Err(failure),
            },
            act => act.run(&desk),
        },
        Err(failure) => Err(failure),
    };
    finish(done, json)
}

fn look(surroundings: &Surroundings) -> Look {
    Look { paint: surroundings.paint, width: surroundings.width, now: clock::now() }
}

fn desk(data: Option<PathBuf>, session: Option<&Path>, surroundings: Surroundings) -> Result<Desk, Failure> {
    let data = data.or_else(|| surroundings.default_data()).ok_or_else(|| {
        Failure::usage("no data folder is named, and there is no home folder to look in")
            .hint("name one with --data or FOREWARN_DATA")
    })?;
    let data = surroundings.absolute(&data);
    let look = look(&surroundings);
    Ok(Desk {
        session: SessionFile::find(session, &data, &surroundings),
        dir: DataDir::at(&data).with_credentials(surroundings.credentials.clone()),
        look,
        surroundings,
    })
}

/// Prints what a command shows, or why it failed.
fn finish(done: Result<Shown, Failure>, json: bool) -> ExitCode {
    let with_status = |shown: Shown| {
        let status = u8::from(!shown.sound);
        (shown, status)
    };
    end(done.map(with_status), json)
}

/// Prints what a command shows, with the exit status that goes with it, or why it failed.
fn end(done: Result<(Shown, u8), Failure>, json: bool) -> ExitCode {
    let (text, status) = match &done {
        Ok((shown, status)) => (if json { say::json(&shown.json) } else { shown.text.clone() }, *status),
        Err(failure) if json => (say::json(&failure.json()), failure.status),
        Err(failure) => {
            say::err(&failure.text());
            return ExitCode::from(failure.status);
        }
    };
    match say::out(&text) {
        Ok(()) => ExitCode::from(status),
        Err(e) => {
            say::err(&Failure::world("output", format!("standard output cannot be written: {e}")).text());
            ExitCode::from(WORLD)
        }
    }
}

/// Prints help, the version, or why the command line cannot be read.
fn unread(error: &clap::Error, surroundings: &Surroundings) -> ExitCode {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let rendered = error.render();
    if asked {
        let text = if surroundings.paint { rendered.ansi().to_string() } else { rendered.to_string() };
        return finish(Ok(Shown { text, json: json!({ "text": rendered.to_string() }), sound: true }), false);
    }
    let text = plain(error);
    let wants_json = surroundings.args.iter().any(|arg| arg.to_str() == Some("--json"));
    if wants_json {
        let mut parts = text.trim_start_matches("error: ").split("\n\n").map(|part| part.trim().to_owned());
        let fact = parts.next().unwrap_or_default();
        let detail = Some(parts.collect::<Vec<_>>().join("\n")).filter(|d| !d.is_empty());
        let failure =
            Failure { detail, ..Failure::usage(fact).hint("`forewarn help` says what can be said") };
        return finish(Err(failure), true);
    }
    say::err(&text);
    ExitCode::from(USAGE)
}

impl Act {
    fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self {
            Self::Init(act) => act.run(desk),
            Self::Login(act) => act.run(desk),
            Self::Activate(act) => act.run(desk),
            Self::Logout(act) => act.run(desk),
            Self::Whoami(act) => act.run(desk),
            Self::Passphrase(act) => act.run(desk),
            Self::Person(act) => act.run(desk),
            Self::Pending(act) => act.run(desk),
            Self::Approve(act) => act.run(desk),
            Self::Refuse(act) => act.run(desk),
            Self::Roster(act) => act.run(desk),
            Self::Audit(act) => act.run(desk),
            Self::Clock(act) => act.run(desk),
            Self::Recover(act) => act.run(desk),
            Self::Oversight(act) => act.run(desk),
            Self::Key(act) => act.run(desk),
            Self::Card(act) => act.run(desk),
            Self::Partner(act) => act.run(desk),
            Self::Channel(act) => act.run(desk),
            Self::Carry(act) => act.run(desk),
            Self::Agreement(act) => act.run(desk),
            Self::Domain(act) => act.run(desk),
            Self::Risk(act) => act.run(desk),
            Self::Warning(act) => act.run(desk),
            Self::Duty(act) => act.run(desk),
            Self::Release(act) => act.run(desk),
            Self::Review(act) => act.run(desk),
            Self::Inbox(act) => act.run(desk),
            Self::Sent(act) => act.run(desk),
            Self::Outbox(act) => act.run(desk),
            Self::Show(act) => act.run(desk),
            Self::Read(act) => act.run(desk),
            Self::Dispose(act) => act.run(desk),
            Self::Recall(act) => act.run(desk),
            Self::Act(act) => act.run(desk),
            Self::StandDown(act) => act.run(desk),
            Self::Outcome(act) => act.run(desk),
            Self::Thank(act) => act.run(desk),
            Self::Relay(act) => act.run(desk),
            Self::Undertaking(act) => act.run(desk),
            Self::Ledger(act) => act.run(desk),
            Self::Receipt(act) => act.run(desk),
            Self::Evidence(act) => act.run(desk),
            Self::Status(act) => act.run(desk),
            Self::Doctor(act) => act.run(desk),
            Self::Backup(act) => act.run(desk),
            Self::Restore(act) => act.run(desk),
            Self::Rebuild(act) => act.run(desk),
            Self::Completions(Completions { shell }) => Ok(completions(shell)),
            // These run for long and print by themselves, or need no node; `run` has taken them already.
            Self::Serve(_) | Self::Demo(_) | Self::Verify(_) | Self::Validate(_) => {
                Err(Failure::usage("this command stands by itself"))
            }
        }
    }
}

fn completions(shell: Shell) -> Shown {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "forewarn", &mut script);
    let text = String::from_utf8_lossy(&script).into_owned();
    Shown { json: json!({ "shell": shell.to_string(), "script": text }), text, sound: true }
}

/// An instant, as flags take it.
fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write an instant like 2026-12-28T18:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        for sub in command.get_subcommands() {
            let name = format!("{path} {}", sub.get_name());
            if sub.has_subcommands() { leaves(sub, &name, found) } else { found.push((name, sub.clone())) }
        }
    }

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_with_an_example_and_what_it_needs() {
        let mut found = Vec::new();
        leaves(&command(), "forewarn", &mut found);
        assert!(found.len() > 50, "{}", found.len());
        for (name, command) in found {
            let about = command.get_about().unwrap_or_else(|| panic!("{name} says nothing")).to_string();
            assert!(about.split(' ').count() > 3 && about.starts_with(char::is_uppercase), "{name}: {about}");
            let after =
                command.get_after_help().unwrap_or_else(|| panic!("{name} has no example")).to_string();
            assert!(after.contains(&format!("Example:\n  {name}")), "{name}: {after}");
            assert!(after.contains("Needs: ") && after.ends_with(['.', ']']), "{name}: {after}");
            for arg in command.get_arguments().filter(|a| !a.is_hide_set()) {
                assert!(arg.get_help().is_some(), "{name}: {} is not explained", arg.get_id());
            }
        }
    }

    #[test]
    fn every_example_can_be_read_as_a_command() {
        let mut found = Vec::new();
        leaves(&command(), "forewarn", &mut found);
        for (name, leaf) in found {
            let after = leaf.get_after_help().unwrap().to_string();
            let example =
                after.trim_start_matches("Example:\n").split("\n\n").next().unwrap().replace("\\\n", " ");
            let typed = example.split(" > ").next().unwrap();
            let words = as_a_shell_would(typed);
            let read = command().try_get_matches_from(&words);
            assert!(read.is_ok(), "{name}: {words:?}\n{}", read.unwrap_err());
        }
    }

    /// Words between blanks; double quotes keep blanks together.
    fn as_a_shell_would(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in line.trim().chars() {
            match c {
                '"' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                c => words.last_mut().unwrap().push(c),
            }
        }
        words.retain(|w| !w.is_empty());
        words
    }

    #[test]
    fn every_command_stands_in_one_group_of_the_help() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let unique: BTreeSet<&str> = grouped.iter().copied().collect();
        assert_eq!(unique.len(), grouped.len());
        let command = command();
        let all: BTreeSet<&str> =
            command.get_subcommands().map(clap::Command::get_name).filter(|n| *n != "help").collect();
        assert_eq!(all, unique);
        let help = super::command().render_help().to_string();
        let begin = help.find("Begin here").unwrap();
        let grouped = help.get(begin..help.find("Everywhere:").unwrap()).unwrap();
        assert!(grouped.lines().all(|line| line.chars().count() <= 80), "{grouped}");
        assert!(
            begin < help.find("Set up:").unwrap()
                && help.find("Run:").unwrap() < help.find("Everywhere:").unwrap()
        );
    }
}
