//! Persons at this terminal: who logs in, who is logged in, the passphrase.

use std::path::PathBuf;

use api::input;
use clap::Args;
use serde_json::json;

use super::answer::Answer;
use super::desk::{Desk, Shown};
use super::failure::{Failure, NO_NODE};
use super::reading;
use super::show::times;

/// Open a session for this terminal
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn login desk-1",
    "an account on this node. The session ends after an hour, or earlier if it is not used."
))]
pub(crate) struct Login {
    /// The login name
    name: String,
    /// The first line of this file is the passphrase (- for standard input); asked for without echo if left out
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Login {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let passphrase = reading::secret(self.passphrase_file.as_deref(), "Passphrase")?;
        let input = input::Login { name: self.name, passphrase: passphrase.as_str().to_owned() };
        opened(desk, desk.ask_as_nobody("/v1/session/login", &input)?)
    }
}

/// Open an account with its one-time secret and log in
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn activate operator --secret-file secret.txt",
    "the one-time secret that `init`, `person invite` or `person reset` printed."
))]
pub(crate) struct Activate {
    /// The login name
    name: String,
    /// The first line of this file is the one-time secret (- for standard input)
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The first line of this file is the passphrase chosen (- for standard input, after the secret)
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Activate {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let secret = reading::secret(self.secret_file.as_deref(), "One-time secret")?;
        let chosen =
            reading::chosen_secret(self.passphrase_file.as_deref(), "Passphrase (12 characters or more)")?;
        let input = input::Activate {
            name: self.name,
            secret: secret.trim().to_owned(),
            passphrase: chosen.as_str().to_owned(),
        };
        opened(desk, desk.ask_as_nobody("/v1/session/activate", &input)?)
    }
}

/// Keeps the token and says who is logged in. The token itself is not printed.
fn opened(desk: &Desk, mut answer: Answer) -> Result<Shown, Failure> {
    desk.session.keep(answer.said().at("token").raw())?;
    if let Some(session) = answer.0.as_object_mut() {
        session.remove("token");
        session.insert("session".to_owned(), json!(desk.session.path()));
    }
    let said = answer.said();
    let until = said.at("until").time().map(|t| times::until(t, desk.look.now)).unwrap_or_default();
    let text = format!(
        "{} is logged in here until {until} at the latest.\nRoles: {}\n",
        said.at("name").line(),
        roles(&answer)
    );
    Ok(Shown::of(answer, text))
}

fn roles(answer: &Answer) -> String {
    let roles = answer.said().at("roles").joined(", ");
    if roles.is_empty() {
        "none yet; an operator grants them (`forewarn person grant`)".to_owned()
    } else {
        roles
    }
}

/// End the session of this terminal
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn logout", "a session."))]
pub(crate) struct Logout {}

impl Logout {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let answer = desk.ask("/v1/session/logout", &input::Nothing {});
        desk.session.remove()?;
        match answer {
            Ok(answer) => Ok(Shown::of(answer, "Logged out.\n")),
            // The node has forgotten the session, or does not run: sessions live in its memory alone.
            Err(e) if e.code == "not_logged_in" || e.status == NO_NODE || e.code == "bad_permission" => {
                Ok(Shown::of(
                    Answer(json!({ "done": true })),
                    "Logged out: nobody is logged in here any more.\n",
                ))
            }
            Err(e) => Err(e),
        }
    }
}

/// Say who is logged in on this terminal, and with which roles
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn whoami", "a session."))]
pub(crate) struct Whoami {}

impl Whoami {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let answer = desk.ask("/v1/session/show", &input::Nothing {})?;
        let text = format!("{}\nRoles: {}\n", answer.said().at("name").line(), roles(&answer));
        Ok(Shown::of(answer, text))
    }
}

/// Put your keys under another passphrase
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn passphrase", "a session, and the present passphrase."))]
pub(crate) struct Passphrase {
    /// The first line of this file is the present passphrase (- for standard input)
    #[arg(long, value_name = "FILE")]
    present_file: Option<PathBuf>,
    /// The first line of this file is the passphrase chosen (- for standard input, after the present one)
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let present = reading::secret(self.present_file.as_deref(), "Present passphrase")?;
        let chosen = reading::chosen_secret(
            self.passphrase_file.as_deref(),
            "Passphrase chosen (12 characters or more)",
        )?;
        let input = input::ChangePassphrase {
            present: present.as_str().to_owned(),
            chosen: chosen.as_str().to_owned(),
        };
        desk.done("/v1/session/passphrase", &input, "The passphrase is changed.\n")
    }
}
