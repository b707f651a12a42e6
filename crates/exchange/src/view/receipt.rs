//! Whether an entry is receipted, and by whose clock. Says nothing of what the entry says.

use jiff::Timestamp;
use model::caller::Person;
use serde::Serialize;

use crate::caller::needs;
use crate::house::House;
use crate::incoming::entry_ref;
use crate::receipt::parties;
use crate::refusal::Refusal;
use crate::view::show::{READERS, ReceiptView};

/// The receipt of an entry, or that there is none.
#[derive(Debug, Clone, Serialize)]
pub struct ReceiptStanding {
    /// The entry's name, with the whole origin.
    pub entry: String,
    /// Its kind.
    pub kind: String,
    /// Who wrote it.
    pub giver: String,
    /// To whom.
    pub receiver: String,
    /// Actual or exercise.
    pub channel_use: String,
    /// When it was written, by the giver's clock.
    pub written: Timestamp,
    /// The earliest receipt that covers it, with the receiver's clock.
    pub receipt: Option<ReceiptView>,
    /// Whether its text was erased; then the receipt cannot be exported.
    pub erased: bool,
}

/// How the receipt of an entry stands.
pub fn show(house: &House, caller: &Person, name: &str) -> Result<ReceiptStanding, Refusal> {
    needs(caller, READERS, "look at receipts")?;
    house.store.view(|view| {
        let at = entry_ref(view, name)?;
        let channel = view.channel(&at.origin)?.ok_or_else(|| Refusal::ours("an entry without its log"))?;
        let row = view.entries(&channel, at.index, at.index + 1)?.pop();
        let row = row.ok_or_else(|| Refusal::ours(format!("no entry {at}")))?;
        let (giver, receiver) = parties(house, &channel);
        Ok(ReceiptStanding {
            entry: format!("{at:#}"),
            kind: row.kind,
            giver,
            receiver,
            channel_use: channel.use_.to_string(),
            written: row.written,
            receipt: view.receipt_of(&channel, at.index)?.map(ReceiptView::from),
            erased: view.open_entry(&channel, at.index)?.is_none(),
        })
    })
}
