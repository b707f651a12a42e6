//! Making a node and running it.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::desk::{Desk, Shown};
use super::failure::{Failure, WORLD};
use crate::data_dir::Config;
use crate::log::{LogFormat, LogLevel};
use crate::say;
use crate::say::Ink;
use crate::serve::{Supervisor, Under};

/// Make a node, with its keys and its first operator
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn init --name service-a.example --address 192.0.2.1:4430 --contact \"Duty desk, +00 000\"",
    "an empty data folder (--data); no login."
))]
pub(crate) struct Init {
    /// The node's name; it stands in its keys and cannot be changed
    #[arg(long)]
    name: String,
    /// Where partners reach this node; it stands on the card
    #[arg(long, value_name = "HOST:PORT")]
    address: String,
    /// How partners reach the duty desk by voice; it stands on the card
    #[arg(long, value_name = "TEXT")]
    contact: String,
    /// The login name of the first operator
    #[arg(long, value_name = "LOGIN", default_value = "operator")]
    operator: String,
    /// Where this node listens, as IP:PORT [default: the address]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Init {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let config = Config {
            name: self.name,
            listen: self.listen.clone().unwrap_or_else(|| self.address.clone()),
            address: self.address,
            contact: self.contact,
            notify_command: Vec::new(),
            notify_webhook: None,
            duty_minutes: None,
            proposal_minutes: None,
            silence_minutes: None,
            silence_minutes_of: std::collections::BTreeMap::new(),
            high_water: None,
            fetch_seconds: None,
            log: None,
            metrics: None,
        };
        let made = crate::init::init(&desk.dir, &config, &self.operator).map_err(|refusal| {
            let unsaid = refusal.code == "bad_address" && self.listen.is_none() && refusal.hint.is_none();
            let failure = Failure::from(refusal);
            if unsaid {
                failure.hint("where the address is a name, say where to listen: `--listen 0.0.0.0:4430`")
            } else {
                failure
            }
        })?;
        let data = desk.dir.root().display();
        let (name, words, operator, secret) = (&made.name, &made.words, &made.operator, &made.secret);
        let until = super::show::times::until(made.secret_until, desk.look.now);
        let head = desk.look.ink(Ink::Head, &format!("{name} is made, in {data}"));
        let text = format!(
            "{head}\n\n\
             Address      {}\n\
             Fingerprint  {}\n\
             Its words    {words}\n\n\
             The first operator, {operator}, opens the account with this one-time secret until {until}.\n\
             It is shown once:\n\n  \
             {secret}\n\n\
             Next\n  \
             forewarn --data {data} serve\n  \
             forewarn --data {data} activate {operator}\n",
            made.address, made.fingerprint,
        );
        let json = serde_json::to_value(&made).map_err(|e| Failure::world("internal", e.to_string()))?;
        Ok(Shown { text, json, sound: true })
    }
}

/// Run the node until Ctrl-C or SIGTERM
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn serve --log-format json",
    "a data folder made by `forewarn init`, and read access to its keys. What is logged: FOREWARN_LOG, or \"log\" in \
     node.json [default: info]. SIGHUP has node.json read again."
))]
pub(crate) struct Serve {
    /// How log lines are written to standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

impl Serve {
    /// Runs the node; prints one line when both doors are open.
    pub(crate) fn run(self, desk: &Desk, json: bool) -> Result<ExitCode, Failure> {
        let from = &desk.surroundings;
        let config = desk.dir.config()?;
        let paint = from.paint && say::errors_to_terminal();
        let log = LogLevel::begin(self.log_format, paint, from.log.as_deref(), config.log.as_deref())?;
        let supervisor = Supervisor::at(from.notify.as_deref(), from.watchdog_usec);
        let under = Under { supervisor, log };
        crate::serve::serve(&desk.dir, under, |address, socket| ready(&config.name, address, socket, json))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn ready(name: &str, address: &str, socket: &Path, json: bool) {
    let line = if json {
        say::json_line(&json!({ "ready": true, "address": address, "socket": socket }))
    } else {
        format!(
            "{name} is running: partners at {address}, commands at {}. Ctrl-C stops it.",
            socket.display()
        )
    };
    if let Err(e) = say::out(&line) {
        // The node runs all the same; whoever waits for the line hears nothing, so the log says why.
        tracing::warn!(status = WORLD, error = %e, "the ready line could not be written");
    }
}
