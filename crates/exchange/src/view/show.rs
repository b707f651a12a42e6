//! One entry, whole: what it says, how it stands, its receipt, what answers it. Reading of named persons is logged (I-40).

use jiff::Timestamp;
use model::body::{
    self, DispositionNote, Outcome, ReleaseHeader, StatedField, Thanks, ThanksRelayed, Undertaking,
};
use model::caller::Person;
use model::id::EntryRef;
use model::vocab::Role;
use serde::Serialize;
use store::{Act, ActionRow, ChannelRow, HeadRow, View};
use tlog::entry::{Entry, EntryKind};

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::incoming::entry_ref;
use crate::refusal::Refusal;
use crate::view::inbox::{self, ReleaseLine};

/// One entry.
#[derive(Debug, Clone, Serialize)]
pub struct EntryView {
    /// Its name, with the whole origin.
    pub entry: String,
    /// Who wrote it.
    pub writer: String,
    /// Its kind.
    pub kind: String,
    /// When it was written, by the writer's clock.
    pub written: Timestamp,
    /// Actual or exercise, by the channel it stands in.
    pub channel_use: String,
    /// SHA-256 of its body.
    pub digest: Option<String>,
    /// The receipt that covers it.
    pub receipt: Option<ReceiptView>,
    /// For a release: the line of the list.
    pub release: Option<ReleaseLine>,
    /// For a release: what it states.
    pub warning: Option<WarningView>,
    /// For a release of a partner's: what we did about it. Local.
    pub actions: Vec<ActionView>,
    /// For a release: the answers to it, in words.
    pub answers: Vec<AnswerView>,
    /// For another kind: its body as JSON.
    pub body: Option<serde_json::Value>,
}

/// The receipt of an entry: the earliest cosigned checkpoint that covers it.
#[derive(Debug, Clone, Serialize)]
pub struct ReceiptView {
    /// The size cosigned.
    pub size: u64,
    /// The root cosigned, base64.
    pub root: String,
    /// When, by the receiver's clock.
    pub at: Option<Timestamp>,
}

impl From<HeadRow> for ReceiptView {
    fn from(head: HeadRow) -> Self {
        Self { size: head.size, root: head.root.to_string(), at: head.at }
    }
}

/// What a release states, as its recipient holds it.
#[derive(Debug, Clone, Serialize)]
pub struct WarningView {
    /// The headline.
    pub title: String,
    /// The header.
    pub header: ReleaseHeader,
    /// The ladders, each with what is held of it.
    pub fields: Vec<StatedField>,
    /// Who, what, where, when, how: the grain held, or "not stated".
    pub specificity: Vec<(String, String)>,
}

/// An action of ours.
#[derive(Debug, Clone, Serialize)]
pub struct ActionView {
    /// Its number.
    pub id: i64,
    /// Its kind.
    pub kind: String,
    /// What was done.
    pub text: String,
    /// Who recorded it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it was stood down.
    pub stand_down_at: Option<Timestamp>,
}

impl From<ActionRow> for ActionView {
    fn from(row: ActionRow) -> Self {
        let ActionRow { id, kind, text, by, at, stand_down_at, .. } = row;
        Self { id, kind, text, by: by.to_string(), at, stand_down_at }
    }
}

/// An answer to a release.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum AnswerView {
    /// A disposition.
    Disposed {
        /// The entry.
        entry: String,
        /// What was said.
        said: DispositionNote,
        /// When, by the receiver's clock.
        at: Timestamp,
    },
    /// An outcome.
    Outcome {
        /// The entry.
        entry: String,
        /// What was said.
        said: Box<Outcome>,
        /// When, by its author's clock.
        at: Timestamp,
    },
    /// Thanks.
    Thanks {
        /// The entry.
        entry: String,
        /// What was said.
        said: Thanks,
        /// When.
        at: Timestamp,
    },
    /// Thanks passed on.
    Relayed {
        /// The entry.
        entry: String,
        /// What was said.
        said: ThanksRelayed,
        /// When.
        at: Timestamp,
    },
}

/// The kinds whose bodies are shown as they are; they hold no person record.
const PLAIN_KINDS: &[&str] = &[
    "agreement.proposed",
    "agreement.accepted",
    "agreement.refused",
    "domain.changed",
    "warning.cancelled",
    "warning.lapsed",
    "warning.recalled",
    "recall.confirmed",
    "recall.contested",
    "release.read",
    "release.disposed",
    "outcome.reported",
    "thanks.given",
    "thanks.relayed",
    "undertaking.declared",
    "undertaking.accepted",
];

/// Who may read what passed with partners.
pub(crate) const READERS: &[Role] = &[Role::Desk, Role::Release, Role::Liaison, Role::Oversight];

/// Shows an entry. `why` is kept in the trail when a named person is read.
pub fn entry(
    house: &House,
    caller: &Person,
    name: &str,
    why: Option<&str>,
    now: Timestamp,
) -> Result<EntryView, Refusal> {
    needs(caller, READERS, "read entries")?;
    let shown = house.store.view(|view| look(house, view, name, now))?.1;
    if let Some(why) = reason_to_read(&shown, why)? {
        let (by, about) = (caller.name.clone(), shown.entry.clone());
        house.store.act(move |act| note_reading(act, by.as_str(), &about, &why, now))?;
    }
    Ok(shown)
}

/// The entry of this name, whole, and where it stands.
pub(crate) fn look(
    house: &House,
    view: &View<'_>,
    name: &str,
    now: Timestamp,
) -> Result<(EntryRef, EntryView), Refusal> {
    let at = entry_ref(view, name)?;
    let channel = view.channel(&at.origin)?.ok_or_else(|| Refusal::ours("an entry without its log"))?;
    let shown = whole(house, view, &channel, &at, now)?;
    Ok((at, shown))
}

/// Why the entry is read, where that is to be kept: it names persons, or may. Refused where no reason is given.
fn reason_to_read(shown: &EntryView, why: Option<&str>) -> Result<Option<String>, Refusal> {
    // A warning that names persons, and anything that could not be read as what it says it is: that may name some, too.
    let named = shown.warning.as_ref().is_some_and(|w| w.fields.iter().any(names_a_person));
    let unread = shown.body.is_some() && !PLAIN_KINDS.contains(&shown.kind.as_str());
    if named || unread { reason(why).map(Some) } else { Ok(None) }
}

/// The same where the bytes of the entry are handed on: then also for a text that this node cannot read itself.
pub(crate) fn reason_to_hand_on(shown: &EntryView, why: Option<&str>) -> Result<Option<String>, Refusal> {
    let known = shown.warning.is_some() || shown.body.is_some() || shown.kind == EntryKind::CHANNEL_OPENED;
    if known { reason_to_read(shown, why) } else { reason(why).map(Some) }
}

pub(crate) fn reason(why: Option<&str>) -> Result<String, Refusal> {
    why.filter(|w| !w.trim().is_empty()).map(str::to_owned).ok_or_else(|| {
        Refusal::yours("why", "this names persons, or may; reading it is logged with the reason")
            .hint("say why you read it: `--why \"assigned to the case\"`")
    })
}

/// Keeps in the trail that a named person was read, and why.
pub(crate) fn note_reading(
    act: &mut Act<'_>,
    by: &str,
    about: &str,
    why: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    audit::note(act, now, by, "person.read", about, serde_json::json!({ "why": why }), &[])
}

fn names_a_person(field: &StatedField) -> bool {
    field.path.starts_with("subject") && field.path.ends_with("identity") && field.text != "a person"
}

fn whole(
    house: &House,
    view: &View<'_>,
    channel: &ChannelRow,
    at: &EntryRef,
    now: Timestamp,
) -> Result<EntryView, Refusal> {
    let row = view.entries(channel, at.index, at.index + 1)?.pop();
    let row = row.ok_or_else(|| Refusal::ours(format!("no entry {at}")))?;
    let relation = house.relations.of(view, &channel.partner)?;
    let release = relation.release(at);
    let text = body(view, channel, at.index)?;
    let warning = text.as_ref().filter(|_| release.is_some()).and_then(|b| model::received::read(b).ok());
    let ours = channel.side == store::ChannelSide::Ours;
    Ok(EntryView {
        entry: format!("{at:#}"),
        writer: if ours { house.name.to_string() } else { channel.partner.to_string() },
        kind: row.kind,
        written: row.written,
        channel_use: channel.use_.to_string(),
        digest: text.as_ref().map(|b| model::id::Digest::of(b).to_string()),
        receipt: view.receipt_of(channel, at.index)?.map(ReceiptView::from),
        release: release.as_ref().map(|r| inbox::line(view, channel, r, now)).transpose()?,
        actions: view.actions(at)?.into_iter().map(ActionView::from).collect(),
        answers: answers(view, channel, at)?,
        body: match (&warning, &text) {
            (None, Some(b)) => serde_json::from_slice(b).ok(),
            _ => None,
        },
        warning: warning.map(|w| WarningView {
            title: w.title,
            header: w.header,
            fields: w.fields,
            specificity: w.specificity,
        }),
    })
}

/// The body of an entry; `None` once erased.
pub(crate) fn body(view: &View<'_>, channel: &ChannelRow, index: u64) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(opened) = view.open_entry(channel, index)? else { return Ok(None) };
    Ok(Some(Entry::parse(&opened.bytes).map_err(Refusal::ours)?.body))
}

/// The answers to an entry: they stand in the opposite log of the same use, in its thread.
fn answers(view: &View<'_>, channel: &ChannelRow, at: &EntryRef) -> Result<Vec<AnswerView>, Refusal> {
    let opposite = match channel.side {
        store::ChannelSide::Ours => store::ChannelSide::Theirs,
        store::ChannelSide::Theirs => store::ChannelSide::Ours,
    };
    let mut found = Vec::new();
    for other in crate::succession::chain_with(view, &channel.partner, opposite, channel.use_)? {
        answers_in(view, &other, at, &mut found)?;
    }
    Ok(found)
}

fn answers_in(
    view: &View<'_>,
    other: &ChannelRow,
    at: &EntryRef,
    found: &mut Vec<AnswerView>,
) -> Result<(), Refusal> {
    for row in view.answers_to(other, at)?.into_iter().filter(|row| row.index < other.counted()) {
        let Some(text) = body(view, other, row.index)? else { continue };
        let entry = EntryRef { origin: other.origin, index: row.index }.to_string();
        let at = row.written;
        match row.kind.as_str() {
            "release.disposed" => {
                found.extend(read(&text).map(|said| AnswerView::Disposed { entry, said, at }))
            }
            "outcome.reported" => {
                found.extend(read(&text).map(|said| AnswerView::Outcome { entry, said, at }))
            }
            "thanks.given" => found.extend(read(&text).map(|said| AnswerView::Thanks { entry, said, at })),
            "thanks.relayed" => {
                found.extend(read(&text).map(|said| AnswerView::Relayed { entry, said, at }));
            }
            _ => {}
        }
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(text: &[u8]) -> Option<T> {
    body::read(text).ok()
}

/// An undertaking with its text.
#[derive(Debug, Clone, Serialize)]
pub struct UndertakingView {
    /// The entry.
    pub entry: String,
    /// Who promised.
    pub by: String,
    /// To whom.
    pub to: String,
    /// What was promised.
    pub said: Option<Undertaking>,
    /// Whether the other side took note of it.
    pub accepted: bool,
}
