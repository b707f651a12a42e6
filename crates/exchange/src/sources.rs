//! Sealed sources. Each is encrypted to the personal keys of its handlers before it is kept, so that neither an operator
//! nor oversight nor whoever has the disk can read it; every opening leaves a line in the audit trail.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use jiff::Timestamp;
use model::caller::Person;
use model::file::SourceWords;
use model::id::{PersonName, SourceId};
use model::source::Source;
use model::vocab::{Role, SourceKind, Traceability};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Act, SourceRow, View};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::audit;
use crate::house::House;
use crate::people;
use crate::person_key::PersonKey;
use crate::refusal::Refusal;

/// The most handlers of one source.
const HANDLERS_MAX: usize = 20;
/// The largest opened source, in bytes; more is no source of ours.
const SOURCE_BYTES_MAX: u64 = 1024 * 1024;

/// A source that is about to be sealed.
pub struct NewSource {
    id: SourceId,
    source: Source,
    handlers: Vec<String>,
    at: Timestamp,
}

impl NewSource {
    /// The words that would give the source away.
    pub fn terms(&self) -> &[String] {
        &self.source.protected_terms
    }
}

/// Makes a source of what a warning file says of it. Without handlers, its author handles it.
pub fn prepare(
    words: SourceWords,
    author: &PersonName,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> NewSource {
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    let SourceWords { kind, traceability, description, protected_terms, handlers } = words;
    NewSource {
        id: SourceId::make(now, random),
        source: Source { kind, traceability, description, protected_terms },
        handlers: if handlers.is_empty() { vec![author.to_string()] } else { handlers },
        at: now,
    }
}

/// Seals a source to its handlers and keeps it. Refused where a handler has no key yet or may not handle sources.
pub fn seal(tx: &mut Act<'_>, new: &NewSource) -> Result<SourceId, Refusal> {
    here(tx)?;
    if new.handlers.len() > HANDLERS_MAX {
        return Err(Refusal::yours(
            "too_many_handlers",
            format!("a source has at most {HANDLERS_MAX} handlers"),
        ));
    }
    let mut handlers = BTreeSet::new();
    let mut recipients = Vec::new();
    for name in &new.handlers {
        let name: PersonName = name.parse().map_err(|e: model::id::NotAName| {
            Refusal::yours("bad_warning", "a handler of a source is no person").detail(e.to_string())
        })?;
        recipients.push(recipient(tx, &name)?);
        handlers.insert(name);
    }
    tx.put_source(&SourceRow {
        id: new.id,
        handlers,
        sealed: encrypt(&new.source, &recipients)?,
        created_at: new.at,
    })?;
    Ok(new.id)
}

/// Opens a sealed source for one of its handlers. Who opened which source, and who tried and may not, is in the audit
/// trail before anything is opened; nothing of the content is.
pub fn open(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    id: SourceId,
    now: Timestamp,
) -> Result<Source, Refusal> {
    let (caller, verifier) = (caller.name.clone(), key.verifier().to_string());
    // A refusal commits too: else the line about it would be undone with it.
    let row = house.store.act(move |tx| {
        here(tx)?;
        let row = match may_open(tx, &caller, &verifier, id)? {
            Ok(row) => row,
            Err(refusal) => {
                let detail = json!({ "why": refusal.code });
                audit::note(tx, now, caller.as_str(), "source.refuse", &id.to_string(), detail, &[])?;
                return Ok(Err(refusal));
            }
        };
        audit::note(tx, now, caller.as_str(), "source.open", &id.to_string(), json!({}), &[])?;
        Ok::<_, Refusal>(Ok(row))
    })??;
    decrypt(&row.sealed, key.age_identity())
}

/// The ids of the sources that the person handles, oldest first.
pub fn handled_by(house: &House, caller: &Person) -> Result<Vec<SourceId>, Refusal> {
    house.store.view(|view| {
        here(view)?;
        Ok(view.sources_of(&caller.name)?.into_iter().map(|row| row.id).collect())
    })
}

fn here(view: &View<'_>) -> Result<(), Refusal> {
    if view.has_sources() {
        return Ok(());
    }
    Err(Refusal::world("sources_absent", "the sealed sources are not in this node's data folder")
        .hint("put sources.db back and start the node again; everything else works without it"))
}

/// The key to which a source is sealed for this handler.
fn recipient(view: &View<'_>, name: &PersonName) -> Result<Recipient, Refusal> {
    let key = view.person_key(name)?.ok_or_else(|| {
        Refusal::yours("handler_has_no_key", format!("{name} cannot handle a source: no key in use"))
            .hint("the person opens the account with the one-time secret first, or name another handler")
    })?;
    may_handle(&people::person(view, name)?)?;
    key.recipient.parse().map_err(|e: &str| Refusal::ours(format!("the recipient key of {name}: {e}")))
}

/// Operators and oversight read no source, not even one that they wrote down themselves.
fn may_handle(person: &Person) -> Result<(), Refusal> {
    let barred = [Role::Operator, Role::Oversight].into_iter().find(|role| person.holds(*role));
    let Some(role) = barred else { return Ok(()) };
    let fact = format!("{} holds the role {role} and cannot handle sources", person.name);
    Err(Refusal::yours("reads_no_source", fact)
        .hint("name a handler who holds neither operator nor oversight authority"))
}

fn may_open(
    view: &View<'_>,
    caller: &PersonName,
    verifier: &str,
    id: SourceId,
) -> Result<Result<SourceRow, Refusal>, Refusal> {
    // A source that is not there looks like one of somebody else's.
    let row = view.source(id)?.filter(|row| row.handlers.contains(caller));
    let Some(row) = row else {
        return Ok(Err(Refusal::yours("not_a_handler", format!("{caller} does not handle {id}"))
            .hint("only the handlers named when it was written can open a source")));
    };
    let allowed = people::person(view, caller).and_then(|person| may_handle(&person));
    if let Err(refusal) = allowed {
        return Ok(Err(refusal));
    }
    if view.person_key(caller)?.is_none_or(|key| key.verifier != verifier) {
        return Ok(Err(Refusal::yours(
            "key_not_in_use",
            format!("this key of {caller} is not in use any more"),
        )
        .hint("log in again")));
    }
    Ok(Ok(row))
}

/// The sealed form of a source. It exists in clear only inside this file, and is wiped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct SealedForm {
    #[zeroize(skip)]
    kind: SourceKind,
    #[zeroize(skip)]
    traceability: Traceability,
    description: String,
    protected_terms: Vec<String>,
}

fn encrypt(source: &Source, recipients: &[Recipient]) -> Result<Vec<u8>, Refusal> {
    let form = SealedForm {
        kind: source.kind,
        traceability: source.traceability,
        description: source.description.clone(),
        protected_terms: source.protected_terms.clone(),
    };
    let text = Zeroizing::new(serde_json::to_vec(&form).map_err(Refusal::ours)?);
    let recipients = recipients.iter().map(|r| r as &dyn age::Recipient);
    let mut sealed = Vec::new();
    let mut writer = Encryptor::with_recipients(recipients)
        .map_err(Refusal::ours)?
        .wrap_output(&mut sealed)
        .map_err(Refusal::ours)?;
    writer.write_all(&text).map_err(Refusal::ours)?;
    writer.finish().map_err(Refusal::ours)?;
    Ok(sealed)
}

fn decrypt(sealed: &[u8], identity: &Identity) -> Result<Source, Refusal> {
    let damaged = || Refusal::ours("a sealed source has an impossible form");
    let decryptor = Decryptor::new_buffered(sealed).map_err(|_| damaged())?;
    let reader = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)).map_err(|_| {
        Refusal::yours("sealed_to_another_key", "the source was sealed to an earlier key of yours")
            .hint("your login was reset since; another handler can open it and write it down again")
    })?;
    let mut text = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.take(SOURCE_BYTES_MAX).read_to_end(&mut text).map_err(|_| damaged())?;
    let mut form: SealedForm = serde_json::from_slice(&text).map_err(|_| damaged())?;
    Ok(Source {
        kind: form.kind,
        traceability: form.traceability,
        description: std::mem::take(&mut form.description),
        protected_terms: std::mem::take(&mut form.protected_terms),
    })
}
