//! The logs with partners: their states, keys and successors, and the successors that wait for a person.

use jiff::Timestamp;
use model::caller::Person;
use model::id::EntryRef;
use model::vocab::Role;
use serde::Serialize;
use store::{ChannelRow, ChannelSide, ChannelState, SuccessorRow, View};
use tlog::channel::SignedProposal;

use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;
use crate::succession;
use crate::unfreeze::{self, Request};

/// A successor that waits for a person, with what it would leave behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuccessorView {
    /// The partner that proposed it.
    pub partner: String,
    /// Actual or exercise.
    #[serde(rename = "use")]
    pub use_: String,
    /// When it arrived.
    pub at: Timestamp,
    /// The old log.
    pub old: String,
    /// The new one.
    pub new: String,
    /// At which size of the old log it goes on.
    pub after: u64,
    /// How many entries of the old log are held here.
    pub held: u64,
    /// The entries held here that would count no longer.
    pub left_behind: Vec<LeftBehind>,
    /// How many entries the partner counts that are not here.
    pub missing: u64,
}

/// An entry that would count no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftBehind {
    /// Its name.
    pub entry: String,
    /// Its kind.
    pub kind: String,
    /// When it was held here.
    pub held_at: Timestamp,
}

/// What a proposed successor would leave behind.
pub(crate) fn successor(
    view: &View<'_>,
    row: &SuccessorRow,
    proposal: &SignedProposal,
) -> Result<SuccessorView, Refusal> {
    let said = proposal.proposal();
    let after = said.after.ok_or_else(|| Refusal::ours("a successor that goes on from nothing"))?;
    let old = view.channel(&after.origin)?;
    let held = old.as_ref().map_or(0, ChannelRow::size);
    let mut left_behind = Vec::new();
    let chain = succession::chain_with(view, &row.partner, ChannelSide::Theirs, said.use_)?;
    let newer = chain.iter().position(|log| log.origin == after.origin).unwrap_or(0);
    for (at, log) in chain.iter().enumerate().take(newer + 1).rev() {
        let from = if at == newer { after.size } else { 0 };
        for entry in view.entries(log, from, log.counted())? {
            let at = EntryRef { origin: log.origin, index: entry.index };
            left_behind.push(LeftBehind { entry: at.to_string(), kind: entry.kind, held_at: entry.kept_at });
        }
    }
    Ok(SuccessorView {
        partner: row.partner.to_string(),
        use_: said.use_.to_string(),
        at: row.at,
        old: after.origin.to_string(),
        new: said.origin().to_string(),
        after: after.size,
        held,
        left_behind,
        missing: after.size.saturating_sub(held),
    })
}

/// A log, as it is listed.
#[derive(Debug, Clone, Serialize)]
pub struct LogView {
    /// The partner.
    pub partner: String,
    /// `ours`: we write it; `theirs`: the partner does.
    pub side: &'static str,
    /// Actual or exercise.
    #[serde(rename = "use")]
    pub use_: String,
    /// Its name.
    pub origin: String,
    /// `proposed`, `open`, `frozen` or `succeeded`.
    pub state: &'static str,
    /// Why it is, or was, frozen.
    pub frozen: Option<String>,
    /// Entries in it.
    pub size: u64,
    /// How many of them are receipted.
    pub receipted: u64,
    /// How many of them count.
    pub counted: u64,
    /// The log that it goes on from.
    pub follows: Option<String>,
    /// Whether it ends in order now.
    pub ends: bool,
    /// From which sizes new keys hold, the first left out.
    pub new_keys_from: Vec<u64>,
    /// Whether the partner was asked for the proof that ends a freeze, and what came of it.
    pub proof: Option<Request>,
    /// From which size keys hold that wait for the partner's signature.
    pub keys_wait_from: Option<u64>,
}

/// Every log, and the successors that wait for a person.
#[derive(Debug, Clone, Serialize)]
pub struct Logs {
    /// The logs, by partner, the older first.
    pub logs: Vec<LogView>,
    /// What waits.
    pub waiting: Vec<SuccessorView>,
}

/// Lists every log, and what waits for a person.
pub fn list(house: &House, caller: &Person) -> Result<Logs, Refusal> {
    needs(caller, Role::ALL, "look at channels")?;
    house.store.view(|view| {
        let mut logs = Vec::new();
        for channel in view.channels()? {
            logs.push(log_view(view, channel)?);
        }
        logs.sort_by(|a, b| a.partner.cmp(&b.partner));
        Ok(Logs { logs, waiting: waiting(view)? })
    })
}

/// The successors that wait for a person.
pub(crate) fn waiting(view: &View<'_>) -> Result<Vec<SuccessorView>, Refusal> {
    let rows = view.successors_waiting()?.into_iter().map(|row| {
        let proposal = SignedProposal::parse(row.text.as_bytes()).map_err(Refusal::ours)?;
        successor(view, &row, &proposal)
    });
    rows.collect()
}

fn log_view(view: &View<'_>, channel: ChannelRow) -> Result<LogView, Refusal> {
    let (state, frozen) = match &channel.state {
        ChannelState::Proposed => ("proposed", None),
        ChannelState::Open => ("open", None),
        ChannelState::Frozen(why) => ("frozen", Some(why.clone())),
        ChannelState::Succeeded(why) => ("succeeded", why.clone()),
    };
    Ok(LogView {
        partner: channel.partner.to_string(),
        side: if channel.side == ChannelSide::Ours { "ours" } else { "theirs" },
        use_: channel.use_.to_string(),
        origin: channel.origin.to_string(),
        state,
        frozen,
        size: channel.size(),
        receipted: channel.cosigned,
        counted: channel.counted(),
        follows: channel.follows.map(|o| o.to_string()),
        ends: view.ending(&channel)?.is_some(),
        new_keys_from: view
            .statements(&channel)?
            .into_iter()
            .map(|row| row.from)
            .filter(|f| *f > 0)
            .collect(),
        proof: unfreeze::request(view, &channel)?,
        keys_wait_from: view.statement_proposed(&channel)?.map(|row| row.from),
    })
}
