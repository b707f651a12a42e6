//! The audit trail: who did and read what.

use api::input::{Nothing, Trail};
use clap::Args;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::people;

/// Read the audit trail, or check that nobody changed it
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn audit --from 0 --limit 20",
    "role oversight or operator. With --check the exit status is 1 if the trail was changed."
))]
pub(crate) struct Audit {
    /// The line to begin with
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// How many lines at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Make the tree of the whole trail again and compare
    #[arg(long, conflicts_with_all = ["from", "limit"])]
    check: bool,
}

impl Audit {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        if !self.check {
            let stretch = Trail { from: self.from, limit: self.limit };
            return desk.show("/v1/audit/show", &stretch, people::trail);
        }
        let shown = desk.show("/v1/audit/check", &Nothing {}, people::trail_check)?;
        let sound = shown.json.get("sound").and_then(serde_json::Value::as_bool) == Some(true);
        Ok(Shown { sound, ..shown })
    }
}
