//! Partners, agreements and undertakings, as people look at them.

use jiff::Timestamp;
use model::agreement::Terms;
use model::caller::Person;
use model::id::PartyName;
use model::relation::{Relation, Side};
use model::vocab::{Domain, Role};
use serde::Serialize;
use store::{PartnerRow, PartnerState, View};

use crate::caller::needs;
use crate::house::House;
use crate::partner;
use crate::refusal::Refusal;
use crate::view::show::{UndertakingView, body};

/// A partner with the health of its channels.
#[derive(Debug, Clone, Serialize)]
pub struct PartnerView {
    /// Its name.
    pub name: String,
    /// Where its node is.
    pub address: String,
    /// How its duty desk is reached.
    pub contact: String,
    /// `unconfirmed` or `confirmed`.
    pub state: &'static str,
    /// When it was confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// When it last called or answered.
    pub heard_at: Option<Timestamp>,
    /// How things are carried to and from it: `push`, `fetch`, `wait` or `file`.
    pub carriage: &'static str,
    /// What stands in the way of delivery or of fetching.
    pub trouble: Option<String>,
    /// What waits in the outbox.
    pub waiting: u64,
    /// Its channels.
    pub channels: Vec<ChannelView>,
    /// The domains that the agreement in force names.
    pub domains: Vec<DomainView>,
}

/// A channel.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelView {
    /// Its origin.
    pub origin: String,
    /// `ours` or `theirs`: who writes it.
    pub side: &'static str,
    /// `actual` or `exercise`.
    pub channel_use: String,
    /// `proposed`, `open` or `frozen`.
    pub state: &'static str,
    /// Why it is frozen.
    pub reason: Option<String>,
    /// Entries in it.
    pub size: u64,
    /// Entries receipted.
    pub receipted: u64,
}

/// How a domain stands between both.
#[derive(Debug, Clone, Serialize)]
pub struct DomainView {
    /// The domain.
    pub domain: Domain,
    /// The stricter of both stances.
    pub state: String,
    /// Our stance.
    pub ours: String,
    /// The partner's stance.
    pub theirs: String,
    /// What may pass while resuming.
    pub pilot_scope: Vec<String>,
}

/// An agreement, in any state.
#[derive(Debug, Clone, Serialize)]
pub struct AgreementLine {
    /// SHA-256 of its text.
    pub hash: String,
    /// With whom.
    pub with: String,
    /// Who proposed it.
    pub proposed_by: String,
    /// `proposed`, `in_force`, `replaced` or `refused`.
    pub state: &'static str,
    /// Its terms.
    pub terms: Terms,
}

/// Every partner.
pub fn partners(house: &House, caller: &Person) -> Result<Vec<PartnerView>, Refusal> {
    needs(caller, Role::ALL, "look at partners")?;
    house.store.view(|view| {
        let rows = view.partners()?;
        rows.iter().map(|row| partner_view(house, view, row)).collect()
    })
}

fn partner_view(house: &House, view: &View<'_>, row: &PartnerRow) -> Result<PartnerView, Refusal> {
    let card = partner::card(row)?;
    let relation = house.relations.of(view, &row.name)?;
    let channels = view.channels()?.into_iter().filter(|c| c.partner == row.name).map(|c| {
        let (state, reason) = match &c.state {
            store::ChannelState::Proposed => ("proposed", None),
            store::ChannelState::Open => ("open", None),
            store::ChannelState::Frozen(why) => ("frozen", Some(why.clone())),
            store::ChannelState::Succeeded(why) => ("succeeded", why.clone()),
        };
        ChannelView {
            origin: c.origin.to_string(),
            side: if c.side == store::ChannelSide::Ours { "ours" } else { "theirs" },
            channel_use: c.use_.to_string(),
            state,
            reason,
            size: c.size(),
            receipted: c.cosigned,
        }
    });
    Ok(PartnerView {
        name: row.name.to_string(),
        address: card.address.to_string(),
        contact: card.contact.to_string(),
        state: if row.state == PartnerState::Confirmed { "confirmed" } else { "unconfirmed" },
        confirmed_at: row.confirmed_at,
        heard_at: row.heard_at,
        carriage: view.carriage(&row.name)?.word(),
        trouble: row.trouble.clone().or(view.fetching_trouble(&row.name)?),
        waiting: view.waiting_count(&row.name)?,
        channels: channels.collect(),
        domains: domains(&relation),
    })
}

fn domains(relation: &Relation) -> Vec<DomainView> {
    let standing = Domain::ALL.iter().filter_map(|d| relation.domain(*d).map(|s| (*d, s)));
    standing
        .map(|(domain, s)| DomainView {
            domain,
            state: s.state.to_string(),
            ours: s.ours.to_string(),
            theirs: s.theirs.to_string(),
            pilot_scope: if s.state == model::state::DomainState::Resuming {
                s.pilot_scope.iter().map(ToString::to_string).collect()
            } else {
                Vec::new()
            },
        })
        .collect()
}

/// The agreements with a partner, or with all.
pub fn agreements(
    house: &House,
    caller: &Person,
    with: Option<&PartyName>,
) -> Result<Vec<AgreementLine>, Refusal> {
    needs(caller, Role::ALL, "look at agreements")?;
    house.store.view(|view| {
        let mut lines = Vec::new();
        for row in view.partners()?.into_iter().filter(|p| with.is_none_or(|w| p.name == *w)) {
            let relation = house.relations.of(view, &row.name)?;
            for a in relation.agreements() {
                lines.push(AgreementLine {
                    hash: a.hash.to_string(),
                    with: row.name.to_string(),
                    proposed_by: name_of(house, &row.name, a.proposed_by),
                    state: match (a.in_force, a.accepted, a.refused) {
                        (true, _, _) => "in_force",
                        (false, true, _) => "replaced",
                        (false, false, true) => "refused",
                        (false, false, false) => "proposed",
                    },
                    terms: a.terms.clone(),
                });
            }
        }
        Ok(lines)
    })
}

/// The undertakings with a partner, or with all, both ways.
pub fn undertakings(
    house: &House,
    caller: &Person,
    with: Option<&PartyName>,
) -> Result<Vec<UndertakingView>, Refusal> {
    needs(caller, &[Role::Desk, Role::Release, Role::Liaison, Role::Oversight], "look at undertakings")?;
    house.store.view(|view| {
        let mut lines = Vec::new();
        for row in view.partners()?.into_iter().filter(|p| with.is_none_or(|w| p.name == *w)) {
            let relation = house.relations.of(view, &row.name)?;
            for (at, entry, accepted) in relation.undertakings() {
                let channel = view.channel(&at.origin)?;
                let text = channel.map(|c| body(view, &c, at.index)).transpose()?.flatten();
                lines.push(UndertakingView {
                    entry: at.to_string(),
                    by: name_of(house, &row.name, entry.side),
                    to: name_of(house, &row.name, entry.side.other()),
                    said: text.and_then(|t| model::body::read(&t).ok()),
                    accepted,
                });
            }
        }
        Ok(lines)
    })
}

fn name_of(house: &House, partner: &PartyName, side: Side) -> String {
    match side {
        Side::Ours => house.name.to_string(),
        Side::Theirs => partner.to_string(),
    }
}
