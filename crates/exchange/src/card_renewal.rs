//! A confirmed partner gives a new card: with another cosigner, TLS or encryption key, another address, or another identity.
//!
//! What is pinned changes only when two persons have looked at what is new: a card that is swapped on its way, or an old
//! one that comes back, changes nothing by itself. With another identity key the partner is unconfirmed again, until its
//! words were compared by voice.

use jiff::Timestamp;
use model::caller::Person;
use model::id::{Digest, PartyName};
use model::vocab::Role;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use store::{Act, PartnerState};
use tlog::card::Card;
use tlog::key::VerifierKey;

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::partner;
use crate::pending::{self, PendingKind, Waiting};
use crate::people::{Authority, acting};
use crate::person_key::PersonKey;
use crate::refusal::Refusal;

/// Who may propose a partner's new card.
pub(crate) const PROPOSERS: &[Role] = &[Role::Liaison, Role::Operator];

/// A new card for a partner, as two persons sign it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCard {
    /// The partner.
    pub partner: String,
    /// The new card, byte for byte.
    pub card: String,
    /// SHA-256 of the card in whose place it comes, hex.
    pub replaces: String,
    /// What is new, in words.
    pub changes: Vec<String>,
}

/// Proposes a confirmed partner's new card to a second person, who sees what is new and approves it.
///
/// Refused: `not_authorised`, `bad_card`, `unknown_partner`, `unconfirmed` (then `add` takes it), `old_card`,
/// `nothing_new`, `keys_not_its_own`, `already_pending`.
pub fn propose(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    text: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(NewCard, Waiting), Refusal> {
    needs(caller, PROPOSERS, "propose a partner's new card")?;
    let card = partner::read_card(text)?;
    let name: PartyName = card.name().parse().map_err(|e| Refusal::yours("bad_card", format!("{e}")))?;
    let new = house.store.view(|view| {
        let row = partner::known(view, &name)?;
        if row.state == PartnerState::Unconfirmed {
            return Err(Refusal::yours("unconfirmed", format!("{name} is not confirmed"))
                .hint("its card is simply replaced by `forewarn partner add`; then confirm it by voice"));
        }
        let old = partner::card(&row)?;
        let changes = changes(&old, &card);
        may_replace(&old, &card, &changes)?;
        Ok(NewCard {
            partner: name.to_string(),
            card: text.to_owned(),
            replaces: Digest::of(row.card.as_bytes()).to_string(),
            changes,
        })
    })?;
    let kind = PendingKind::RenewCard(new.clone());
    let row = pending::prepare(house, key, &kind, now, rng)?;
    let (us, by) = (house.clone(), caller.name.clone());
    let waiting = house.store.act(move |tx| {
        acting(tx, &by, PROPOSERS)?;
        partner::keys_are_its_own(&us, tx, &card)?;
        pending::propose(tx, &row)
    })?;
    Ok((new, waiting))
}

fn may_replace(old: &Card, new: &Card, changes: &[String]) -> Result<(), Refusal> {
    let name = new.name();
    if new.issued < old.issued {
        return Err(Refusal::yours(
            "old_card",
            format!("this card of {name} is older than the one that is pinned"),
        )
        .detail(format!("issued {}; the pinned one {}", new.issued, old.issued))
        .hint("nothing was changed; ask the partner's officer by voice for the card as it is now"));
    }
    if changes.is_empty() {
        return Err(Refusal::yours(
            "nothing_new",
            format!("this card of {name} shows what is pinned already"),
        )
        .hint("nothing need be done"));
    }
    Ok(())
}

/// What a new card changes, in words.
fn changes(old: &Card, new: &Card) -> Vec<String> {
    let short = |key: &VerifierKey| key.fingerprint().to_string().chars().take(16).collect::<String>();
    let mut changes = Vec::new();
    if old.identity != new.identity {
        changes.push(format!(
            "ANOTHER IDENTITY KEY ({} → {}): the partner becomes unconfirmed, and its words must be compared by voice",
            short(&old.identity),
            short(&new.identity)
        ));
    }
    if old.cosigner != new.cosigner {
        let (was, is) = (short(&old.cosigner), short(&new.cosigner));
        changes.push(format!("another cosigner key ({was} → {is}): it signs receipts from now on"));
    }
    if old.tls != new.tls {
        changes.push("another TLS key: this is how its node is known on the line".to_owned());
    }
    if old.encryption != new.encryption {
        changes.push("another encryption key: files for it are sealed to this".to_owned());
    }
    if old.address != new.address {
        changes.push(format!("another address: {} → {}", old.address, new.address));
    }
    if old.contact != new.contact {
        changes.push(format!("another contact: {} → {}", old.contact.as_str(), new.contact.as_str()));
    }
    changes
}

/// Pins the new card, on the authority of two persons.
pub(crate) fn perform(
    us: &House,
    tx: &mut Act<'_>,
    new: &NewCard,
    authority: &Authority,
    now: Timestamp,
) -> Result<(), Refusal> {
    let name: PartyName = new.partner.parse().map_err(Refusal::ours)?;
    let row = partner::known(tx, &name)?;
    if Digest::of(row.card.as_bytes()).to_string() != new.replaces {
        let fact = format!("the card of {} was changed since this was proposed", new.partner);
        return Err(
            Refusal::yours("card_changed", fact).hint("refuse this one, and propose the newest card again")
        );
    }
    let card = partner::read_card(&new.card)?;
    let old = partner::card(&row)?;
    may_replace(&old, &card, &new.changes)?;
    partner::keys_are_its_own(us, tx, &card)?;
    tx.replace_card(&name, &new.card, old.identity == card.identity)?;
    let Authority::Two { proposer, approver, id } = authority else {
        return Err(Refusal::ours("a new card takes two persons"));
    };
    let detail = serde_json::json!({
        "changes": new.changes, "proposed_by": proposer.as_str(), "pending": id.to_string(),
    });
    audit::note(tx, now, approver.as_str(), "partner.renew", name.as_str(), detail, &[])
}
