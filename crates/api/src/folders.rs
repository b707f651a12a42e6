//! The handlers whose answers are folders for a third person: receipts and evidence.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding};
use exchange::evidence::export::{self, Wanted};
use exchange::receipt;
use exchange::refusal::Refusal;
use serde_json::{Value, json};

use crate::input::{self, Nothing};
use crate::routes::{Call, view};

type Answer = Result<Value, Refusal>;

/// The files of a folder: name and content, the content in base64 (RFC 4648 §4).
fn files(files: &BTreeMap<String, Vec<u8>>) -> Value {
    files
        .iter()
        .map(|(name, content)| (name.clone(), Value::String(Base64::encode_string(content))))
        .collect()
}

pub(crate) fn receipt_show(c: &mut Call, i: input::EntryOnly) -> Answer {
    view(exchange::view::receipt::show(&c.house, &c.person, &i.entry)?)
}

pub(crate) fn receipt_export(c: &mut Call, i: input::EntryShow) -> Answer {
    let made = receipt::export(&c.house, &c.person, &i.entry, i.why.as_deref(), c.now)?;
    Ok(json!({
        "entry": made.entry, "kind": made.kind, "giver": made.giver, "receiver": made.receiver,
        "held_at": made.held_at, "files": files(&made.files),
    }))
}

pub(crate) fn evidence_list(c: &mut Call, _: Nothing) -> Answer {
    view(exchange::view::evidence::list(&c.house, &c.person)?)
}

pub(crate) fn evidence_export(c: &mut Call, i: input::EvidenceExport) -> Answer {
    let wanted = if i.raw { Wanted::AsKept { why: i.why } } else { Wanted::Proof };
    let made = export::export(&c.house, &c.person, i.id, wanted, c.now)?;
    Ok(json!({ "id": made.id, "accused": made.accused, "files": files(&made.files) }))
}
