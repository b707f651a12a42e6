//! Partners: our own card, a partner's card pinned, and the words that officers read to one another.
//!
//! Each officer reads out the words of *their own* node; the other types what was *heard*. This node never prints the
//! words it expects to hear, so a confirmation cannot be copied off the screen.

use bip39::{Language, Mnemonic};
use jiff::Timestamp;
use model::caller::{Partner, Person};
use model::id::PartyName;
use model::vocab::Role;
use serde::Serialize;
use store::{Act, PartnerRow, PartnerState, View};
use tlog::card::{Address, Card, Contact, EncryptionKey};
use tlog::key::VerifierKey;

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;

/// Our own card, signed by the identity key. `now` is its date of issue.
pub fn own_card(house: &House, now: Timestamp) -> Result<String, Refusal> {
    let mut tls = [0; 32];
    hex::decode_to_slice(&house.settings.tls_pin, &mut tls).map_err(Refusal::ours)?;
    let bad = |e| Refusal::yours("bad_card", format!("this node's card cannot be made: {e}"));
    let card = Card {
        identity: house.keys.identity.verifier().clone(),
        cosigner: house.keys.cosigner.verifier().clone(),
        address: Address::parse(&house.settings.address).map_err(bad)?,
        tls,
        encryption: EncryptionKey::parse(&house.settings.encryption).map_err(bad)?,
        contact: Contact::parse(&house.settings.contact).map_err(bad)?,
        issued: Timestamp::from_second(now.as_second()).map_err(Refusal::ours)?,
    };
    card.sign(&house.keys.identity).map_err(bad)
}

/// The twelve words of an identity: the first 16 bytes of its fingerprint in the English list of BIP 39, whose last word
/// carries a checksum, so that most words misheard are noticed as such (log-format §2).
pub fn fingerprint_words(identity: &VerifierKey) -> Result<String, Refusal> {
    let words = Mnemonic::from_entropy_in(Language::English, &identity.fingerprint().words_seed());
    words.map(|m| m.to_string()).map_err(Refusal::ours)
}

/// Reads twelve words that somebody wrote down or typed: the first 16 bytes of the fingerprint that they stand for.
///
/// Refused if they are not twelve words of the list, or their checksum is wrong.
pub fn heard_words(text: &str) -> Result<[u8; 16], Refusal> {
    let heard = text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    let words = Mnemonic::parse_in(Language::English, &heard);
    let seed = words.map_err(|e| e.to_string()).and_then(|words| {
        <[u8; 16]>::try_from(words.to_entropy()).map_err(|_| "there are not twelve of them".to_owned())
    });
    seed.map_err(|why| {
        Refusal::yours("bad_words", "these are not the twelve words of a fingerprint").detail(why)
    })
}

/// What adding a partner shows: who it is, and our own words to read out.
#[derive(Debug, Clone, Serialize)]
pub struct Added {
    /// The partner's name.
    pub partner: String,
    /// Where its node is.
    pub address: String,
    /// How its duty desk is reached.
    pub contact: String,
    /// The words of this node, to be read out to the partner's officer.
    pub our_words: String,
}

/// Pins a partner's card as unconfirmed. The same card again changes nothing.
pub fn add(house: &House, caller: &Person, card_text: &str, now: Timestamp) -> Result<Added, Refusal> {
    needs(caller, &[Role::Liaison, Role::Operator], "add a partner")?;
    let card = read_card(card_text)?;
    let name: PartyName = card.name().parse().map_err(|e| Refusal::yours("bad_card", format!("{e}")))?;
    if name == house.name {
        return Err(Refusal::yours("own_card", "this is this node's own card")
            .hint("give it to the partner, and add the card that the partner gives you"));
    }
    let added = Added {
        partner: name.to_string(),
        address: card.address.to_string(),
        contact: card.contact.to_string(),
        our_words: fingerprint_words(house.keys.identity.verifier())?,
    };
    let (text, by) = (card_text.to_owned(), caller.name.clone());
    let us = house.clone();
    house.store.act(move |act| {
        keys_are_its_own(&us, act, &card)?;
        match act.partner(&name)? {
            None => act.add_partner(&name, &text, now)?,
            // Each printing of a card has a date of its own; what counts is what it shows.
            Some(row) if Card { issued: card.issued, ..self::card(&row)? } == card => return Ok(()),
            Some(row) if row.state == PartnerState::Unconfirmed => {
                act.replace_unconfirmed_card(&name, &text)?
            }
            Some(_) => {
                return Err(Refusal::yours(
                    "already_confirmed",
                    format!("{name} is confirmed with another card"),
                )
                .hint(
                    "ask the partner by voice why it gave a new one; then `forewarn partner renew FILE` shows what is \
                     new to a second person",
                ));
            }
        }
        audit::note(act, now, by.as_str(), "partner.add", name.as_str(), serde_json::json!({}), &[])
    })?;
    Ok(added)
}

/// Confirms a partner with the words that were heard from its officer.
pub fn confirm(
    house: &House,
    caller: &Person,
    partner: &PartyName,
    heard: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Liaison, Role::Operator], "confirm a partner")?;
    let (partner, by) = (partner.clone(), caller.name.clone());
    let heard = heard.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    let us = house.clone();
    house.store.act(move |act| {
        let row = known(act, &partner)?;
        if row.state == PartnerState::Confirmed {
            return Err(Refusal::yours("already_confirmed", format!("{partner} is confirmed already")));
        }
        if heard == fingerprint_words(us.keys.identity.verifier())? {
            return Err(Refusal::yours("own_words", "these are this node's own words, not the partner's")
                .hint("read yours out, and type the words that you hear from the partner's officer"));
        }
        if heard != fingerprint_words(&card(&row)?.identity)? {
            return Err(misheard(&partner, &heard));
        }
        keys_are_its_own(&us, act, &card(&row)?)?;
        act.confirm_partner(&partner, now)?;
        audit::note(act, now, by.as_str(), "partner.confirm", partner.as_str(), serde_json::json!({}), &[])
    })?;
    (house.bell)();
    Ok(())
}

/// A card that shows a key of ours or of another partner is refused: a card proves who wrote it, not that its keys are its
/// own, and a caller is known by its key.
pub(crate) fn keys_are_its_own(us: &House, act: &Act<'_>, new: &Card) -> Result<(), Refusal> {
    let keys = |c: &Card| [*c.identity.key_bytes(), *c.cosigner.key_bytes(), c.tls];
    let clash = |whose: String| {
        Err(Refusal::yours("keys_not_its_own", format!("the card of {} shows a key of {whose}", new.name()))
            .hint("nothing was pinned; ask both parties by voice, one of the two cards is not honest"))
    };
    let mut tls = [0; 32];
    hex::decode_to_slice(&us.settings.tls_pin, &mut tls).map_err(Refusal::ours)?;
    let ours = [*us.keys.identity.verifier().key_bytes(), *us.keys.cosigner.verifier().key_bytes(), tls];
    if keys(new).iter().any(|k| ours.contains(k)) || new.encryption.as_str() == us.settings.encryption {
        return clash("this node".to_owned());
    }
    for row in act.partners()?.iter().filter(|p| p.name.as_str() != new.name()) {
        let other = card(row)?;
        if keys(new).iter().any(|k| keys(&other).contains(k)) || new.encryption == other.encryption {
            return clash(row.name.to_string());
        }
    }
    Ok(())
}

fn misheard(partner: &PartyName, heard: &str) -> Refusal {
    let refusal =
        Refusal::yours("words_differ", format!("the words heard are not those of {partner}'s card"));
    match Mnemonic::parse_in(Language::English, heard) {
        Err(e) => refusal
            .detail(match e {
                bip39::Error::InvalidChecksum => "the twelve words do not fit together".to_owned(),
                other => other.to_string(),
            })
            .hint("a word was misheard or mistyped: have all twelve read out again, slowly"),
        Ok(_) => refusal.hint(
            "the words are well-formed, so this is no slip of the ear: either the card was exchanged on its way or \
             they read from another node. Do not confirm; get the card anew by another way",
        ),
    }
}

/// The confirmed partner whose card pins this TLS key; nobody if there is none, or if its words were not compared yet.
pub fn caller_by_pin(house: &House, pin: &[u8; 32]) -> Result<Option<Partner>, Refusal> {
    house.store.view(|view| {
        let mut found = Vec::new();
        for row in view.partners()?.into_iter().filter(|p| p.state == PartnerState::Confirmed) {
            if card(&row)?.tls == *pin {
                found.push(Partner { name: row.name });
            }
        }
        // Two partners with one key are nobody; adding such a card is refused.
        Ok(if found.len() == 1 { found.pop() } else { None })
    })
}

/// Notes what stands in the way of delivery to a partner, or that nothing does any more.
pub fn note_trouble(
    house: &House,
    of: &PartyName,
    trouble: Option<&str>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (of, trouble) = (of.clone(), trouble.map(str::to_owned));
    house.store.act(move |act| match &trouble {
        Some(words) => Ok(act.trouble_with(&of, words)?),
        None => Ok(act.heard_of(&of, now)?),
    })
}

/// The cards of the confirmed partners: whom the courier may call, and where.
pub fn reachable(house: &House) -> Result<Vec<(PartyName, Card)>, Refusal> {
    house.store.view(|view| {
        let rows = view.partners()?.into_iter().filter(|p| p.state == PartnerState::Confirmed);
        rows.map(|row| Ok((row.name.clone(), card(&row)?))).collect()
    })
}

/// The partner's row, or why there is none.
pub(crate) fn known(view: &View<'_>, partner: &PartyName) -> Result<PartnerRow, Refusal> {
    view.partner(partner)?.ok_or_else(|| {
        let close = view.partners().unwrap_or_default();
        let near = close.iter().map(|p| p.name.as_str()).find(|n| {
            n.starts_with(partner.as_str()) || n.split('.').next() == partner.as_str().split('.').next()
        });
        let refusal = Refusal::yours("unknown_partner", format!("there is no partner {partner}"));
        match near {
            Some(near) => refusal.hint(format!("did you mean {near} ?")),
            None => refusal.hint("`forewarn partner list` names them; `forewarn partner add` pins a card"),
        }
    })
}

/// The partner's row, if it is confirmed; nothing but cards flows to another.
pub(crate) fn confirmed(act: &View<'_>, partner: &PartyName) -> Result<PartnerRow, Refusal> {
    let row = known(act, partner)?;
    if row.state == PartnerState::Unconfirmed {
        return Err(Refusal::yours("unconfirmed", format!("{partner} is not confirmed"))
            .detail("nothing flows but cards before the fingerprint words were compared by voice")
            .hint(format!("call the partner's duty desk, then `forewarn partner confirm {partner}`")));
    }
    Ok(row)
}

/// A card as a partner gave it, if it can be trusted to be whole.
pub(crate) fn read_card(text: &str) -> Result<Card, Refusal> {
    Card::parse(text.as_bytes()).map_err(|e| {
        Refusal::yours("bad_card", "this is not a card that can be trusted").detail(e.to_string()).hint(
            "ask the partner to print it again with `forewarn card` and send the whole text; nothing was pinned",
        )
    })
}

/// The card of a stored partner, which was verified when it was stored.
pub fn card(row: &PartnerRow) -> Result<Card, Refusal> {
    Card::parse_kept(row.card.as_bytes()).map_err(Refusal::ours)
}
