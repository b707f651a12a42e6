//! Comparing what is kept with what the logs say, and making it again.

use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;
use store::{Compared, Store};

use super::desk::{Desk, Shown};
use super::failure::Failure;
use crate::backup::GoOn;
use crate::say::{self, Ink};

/// Compare what is kept with what the logs say, and make it again
///
/// The trees of the logs and what is read out of their entries can be made again from the entries; a text that is gone, and
/// a head that the entries do not give, cannot. The audit trail is checked and never made again.
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn rebuild --check",
    "a data folder on which no node runs. The exit status is 1 if something differs (with --check) or cannot be mended."
))]
pub(crate) struct Rebuild {
    /// Compare only, and change nothing
    #[arg(long)]
    check: bool,
}

impl Rebuild {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let config = desk.dir.config()?;
        desk.dir.must_be_private()?;
        let _held = desk.dir.lock()?;
        let world = |e: store::StoreError| Failure::from(exchange::refusal::Refusal::from(e));
        let store = Store::open_at(&desk.dir.places(&config)).map_err(world)?;
        let go_on = GoOn::until_signal()?;
        let bar = if say::errors_to_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let mut step = |done: u64, all: u64| {
            bar.set_length(all);
            bar.set_position(done);
            go_on.yes()
        };
        let found = if self.check {
            store.view(|view| store::compare(view, &mut step))
        } else {
            store::rebuild(&store, &mut step)
        };
        bar.finish_and_clear();
        let found = found.map_err(world)?;
        go_on.check()?;
        let Some(found) = found else { return Err(Failure::yours("stopped", "stopped, as was asked")) };
        let trail = store.view(exchange::audit::check_in).map_err(world)?;
        Ok(shown(desk, &found, trail.is_sound(), self.check))
    }
}

fn shown(desk: &Desk, found: &Compared, trail: bool, check: bool) -> Shown {
    let Compared { channels, entries, differences, unmendable, named } = found;
    let mut text = format!("{entries} entries in {channels} logs were read.\n");
    let sound = trail && if check { *differences == 0 } else { *unmendable == 0 };
    let verdict = match (differences, unmendable) {
        (0, _) => "What is kept is what they say.".to_owned(),
        (n, 0) if check => format!("{n} things differ; `forewarn rebuild` makes them again."),
        (n, 0) => format!("{n} things differed and were made again."),
        (n, bad) => {
            format!(
                "{n} things differ, and {bad} of them cannot be made again here: restore from a backup, unless a partner \
                 gives it back."
            )
        }
    };
    text.push_str(&format!("{}\n", desk.look.ink(if sound { Ink::Head } else { Ink::Alarm }, &verdict)));
    for one in named {
        let log: String = one.origin.chars().take(8).collect();
        let mark = if one.mendable { "" } else { " (cannot be made again)" };
        text.push_str(&format!("  log {log}: {}{mark}\n", one.what));
    }
    let more = differences.saturating_sub(named.len() as u64);
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    if !trail {
        text.push_str("The audit trail was changed: `forewarn audit --check` names the lines.\n");
    }
    let named: Vec<_> =
        named.iter().map(|d| json!({ "origin": d.origin, "what": d.what, "mendable": d.mendable })).collect();
    let json = json!({
        "channels": channels, "entries": entries, "differences": differences, "unmendable": unmendable,
        "named": named, "trail_sound": trail, "sound": sound,
    });
    Shown { text, json, sound }
}
