//! The configuration is read again while the node runs: what can change, changes; a file that is wrong changes nothing; no
//! connection is dropped.

use courier::HookInUse;
use exchange::house::House;
use exchange::refusal::Refusal;

use super::figures_door::{FiguresDoor, Prepared};
use super::hook;
use crate::data_dir::{Config, DataDir};
use crate::log::LogLevel;

/// What a reload may change.
pub(super) struct Changeable {
    pub(super) dir: DataDir,
    /// The configuration in force; of what takes a restart, as it was at the start.
    pub(super) config: Config,
    pub(super) house: House,
    pub(super) hook: HookInUse,
    pub(super) log: LogLevel,
    pub(super) figures: FiguresDoor,
}

/// What a reload did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reloaded {
    /// What was set anew.
    pub(super) changed: Vec<&'static str>,
    /// What differs and takes a restart.
    pub(super) waits: Vec<&'static str>,
}

impl Changeable {
    /// Reads the configuration again. All of it is checked before any of it is put into force.
    pub(super) async fn reload(&mut self) -> Result<Reloaded, Refusal> {
        let new = self.dir.config()?;
        if new.name != self.config.name {
            return Err(Refusal::yours("bad_config", "node.json names another node")
                .detail(format!("this is {}; a node's name stands in its keys", self.config.name))
                .hint("put the name back"));
        }
        let new_hook = hook(&new)?;
        let filter = self.log.read(new.log.as_deref())?;
        new.minutes()?;
        let door = self.figures.prepare(new.metrics.as_deref()).await?;
        let done = differences(&self.config, &new, self.log.is_fixed());
        self.log.set(filter)?;
        new.set_minutes(&self.house.settings)?;
        self.hook.set(new_hook);
        self.set_door(door);
        let Config { name, address, listen, contact, high_water, .. } = self.config.clone();
        self.config = Config { name, address, listen, contact, high_water, ..new };
        Ok(done)
    }

    /// Opens or closes the door for the figures as it was prepared.
    pub(super) fn set_door(&mut self, door: Prepared) {
        self.figures.set(door);
    }
}

/// What differs between the configuration in force and a new one.
fn differences(old: &Config, new: &Config, log_is_fixed: bool) -> Reloaded {
    let named = |all: &[(&'static str, bool)]| {
        all.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect()
    };
    Reloaded {
        changed: named(&[
            ("log", old.log != new.log && !log_is_fixed),
            ("metrics", old.metrics != new.metrics),
            ("notify_command", old.notify_command != new.notify_command),
            ("notify_webhook", old.notify_webhook != new.notify_webhook),
            ("duty_minutes", old.duty_minutes != new.duty_minutes),
            ("proposal_minutes", old.proposal_minutes != new.proposal_minutes),
            ("silence_minutes", old.silence_minutes != new.silence_minutes),
            ("silence_minutes_of", old.silence_minutes_of != new.silence_minutes_of),
        ]),
        waits: named(&[
            ("listen", old.listen != new.listen),
            ("address", old.address != new.address),
            ("contact", old.contact != new.contact),
            ("high_water", old.high_water != new.high_water),
            ("log (FOREWARN_LOG goes before it)", old.log != new.log && log_is_fixed),
        ]),
    }
}
