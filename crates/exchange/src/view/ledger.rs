//! The ledger with a partner: the fold over the two actual logs at the heads that both sides hold receipts for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::caller::Person;
use model::id::PartyName;
use model::ledger::{Ledger, LedgerHead, LedgerLine};
use model::vocab::Role;
use serde::Serialize;
use store::{ChannelRow, ChannelSide, View};
use tlog::channel::Use;

use crate::caller::needs;
use crate::house::House;
use crate::partner;
use crate::refusal::Refusal;

/// The ledger as both sides print it: nothing in it depends on who looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerView {
    /// The two parties, in alphabetical order.
    pub parties: [String; 2],
    /// The heads it was computed at.
    pub heads: Vec<HeadView>,
    /// How many favours of each kind each party gave, by domain. Counts, never a score.
    pub counts: Vec<CountLine>,
    /// The lines.
    pub lines: Vec<LineView>,
}

/// A head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeadView {
    /// Who writes the log.
    pub giver: String,
    /// Its origin.
    pub origin: String,
    /// Entries folded.
    pub size: u64,
    /// The root at that size, base64.
    pub root: String,
}

/// How many favours of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountLine {
    /// Who gave them.
    pub giver: String,
    /// The domain; `None` where the entry names none.
    pub domain: Option<String>,
    /// The kind.
    pub favour: &'static str,
    /// How many.
    pub count: usize,
}

/// One favour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineView {
    /// The entry.
    pub entry: String,
    /// The kind.
    pub favour: &'static str,
    /// Who gave it.
    pub giver: String,
    /// The domain.
    pub domain: Option<String>,
    /// When it was written, by its writer's clock.
    pub written: Timestamp,
    /// The undertaking that it keeps.
    pub under: Option<String>,
    /// Whether it was recalled.
    pub recalled: bool,
    /// Whether it was the bare threat to life.
    pub life_floor: bool,
    /// Seconds from holding to disposing, both by the receiver's clock.
    pub disposed_after_s: Option<i64>,
    /// The receiver's disposition.
    pub disposition: Option<String>,
    /// The usefulness, as the receiver graded it.
    pub usefulness: Option<String>,
    /// How far it helped, as the receiver said.
    pub contribution: Option<String>,
    /// What became of the event, as the receiver said.
    pub event: Option<String>,
}

/// Computes the ledger with a partner. Costs one pass over the content-free facts of the two logs.
pub fn ledger(house: &House, caller: &Person, with: &PartyName) -> Result<LedgerView, Refusal> {
    needs(caller, &[Role::Liaison, Role::Release, Role::Desk, Role::Oversight], "look at the ledger")?;
    house.store.view(|view| {
        partner::known(view, with)?;
        let mut channels = Vec::new();
        for side in [ChannelSide::Ours, ChannelSide::Theirs] {
            channels.extend(crate::succession::chain_with(view, with, side, Use::Actual)?);
        }
        let at: Vec<(&ChannelRow, u64)> =
            channels.iter().map(|c| (c, c.cosigned.min(c.counted()))).filter(|(_, size)| *size > 0).collect();
        let relation = crate::relation::at_heads(view, &at)?;
        let mut heads = Vec::new();
        for (channel, size) in &at {
            heads.push(head(house, view, channel, *size)?);
        }
        heads.sort_by(|a, b| a.giver.cmp(&b.giver));
        Ok(shown(&Ledger::of(&relation, &house.name, with, heads)))
    })
}

fn head(house: &House, view: &View<'_>, channel: &ChannelRow, size: u64) -> Result<LedgerHead, Refusal> {
    Ok(LedgerHead {
        giver: if channel.side == ChannelSide::Ours { house.name.clone() } else { channel.partner.clone() },
        origin: channel.origin.to_string(),
        size,
        root: view.root_at(channel, size)?.to_string(),
    })
}

fn shown(ledger: &Ledger) -> LedgerView {
    let counts: BTreeMap<_, _> = ledger.counts();
    LedgerView {
        parties: ledger.parties.clone().map(|p| p.to_string()),
        heads: ledger
            .heads
            .iter()
            .map(|h| HeadView {
                giver: h.giver.to_string(),
                origin: h.origin.clone(),
                size: h.size,
                root: h.root.clone(),
            })
            .collect(),
        counts: counts
            .into_iter()
            .map(|((giver, domain, favour), count)| CountLine {
                giver: giver.to_string(),
                domain: domain.map(|d| d.to_string()),
                favour: favour.word(),
                count,
            })
            .collect(),
        lines: ledger.lines.iter().map(line).collect(),
    }
}

fn line(line: &LedgerLine) -> LineView {
    LineView {
        entry: line.entry.to_string(),
        favour: line.favour.word(),
        giver: line.giver.to_string(),
        domain: line.domain.map(|d| d.to_string()),
        written: line.written,
        under: line.under.as_ref().map(ToString::to_string),
        recalled: line.recalled,
        life_floor: line.life_floor,
        disposed_after_s: line.disposed_after_s,
        disposition: line.disposition.map(|d| d.to_string()),
        usefulness: line.usefulness.map(|u| u.to_string()),
        contribution: line.contribution.map(|c| c.to_string()),
        event: line.event.map(|e| e.to_string()),
    }
}
