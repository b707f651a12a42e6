//! The preview as people see it: columns of recipients, rows of fields, what each gets, and struck through what it does
//! not, with the reason. For our own desk only.

use disclosure::{Basis, Cell, Judgement, Verdict, why_not_more};
use jiff::Timestamp;
use model::handling::{Handling, Purposes, RelTo};
use model::id::{Digest, ProposalId};
use model::ladder::{Field, Value};
use model::warning::Warning;
use serde::{Deserialize, Serialize};

use crate::preview::Column;

/// A preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewView {
    /// The warning.
    pub warning: String,
    /// Its fullest headline.
    pub title: String,
    /// The proposal, if anything would go.
    pub proposal: Option<String>,
    /// The digest that the approver names.
    pub digest: String,
    /// Until when it may be approved.
    pub expires_at: Option<Timestamp>,
    /// Whether it is to go by the imminent-danger path.
    pub imminent_danger: bool,
    /// One column a recipient.
    pub columns: Vec<ColumnView>,
}

/// What one recipient would get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnView {
    /// The recipient.
    pub party: String,
    /// Whether a copy would go.
    pub goes: bool,
    /// Why nothing may go at all, in words.
    pub held: Option<String>,
    /// `agreement <hash>`, `life floor` or `nothing`.
    pub basis: String,
    /// True if the recipient holds just this already.
    pub nothing_new: bool,
    /// What the recipient may do with it, in words.
    pub handling: Vec<String>,
    /// SHA-256 of the bytes.
    pub digest: Option<String>,
    /// How many bytes.
    pub bytes: usize,
    /// The exact text.
    pub text: Option<String>,
    /// One cell a field.
    pub cells: Vec<CellView>,
}

/// One field for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellView {
    /// The field.
    pub field: String,
    /// What is given; `None` is silence.
    pub granted: Option<String>,
    /// The grain of it, where it has a word.
    pub depth: Option<String>,
    /// What stands above and is not given, the most telling first.
    pub struck: Vec<StruckView>,
    /// Words that the comparison found, each with what it gives away.
    pub hits: Vec<String>,
}

/// A rung that is not given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StruckView {
    /// The value.
    pub text: String,
    /// Why not.
    pub reason: String,
    /// Who could change it.
    pub hint: Option<String>,
}

/// The view of a preview.
pub(crate) fn view(
    warning: &Warning,
    columns: &[Column],
    proposal: Option<(ProposalId, Timestamp)>,
    digest: Digest,
    imminent_danger: bool,
) -> PreviewView {
    let title = warning.fields.iter().find(|f| f.path == model::ladder::FieldPath::Title);
    PreviewView {
        warning: warning.id.to_string(),
        title: title.and_then(|f| f.rungs.first()).map(|r| r.value.plain()).unwrap_or_default(),
        proposal: proposal.map(|(id, _)| id.to_string()),
        digest: digest.to_string(),
        expires_at: proposal.map(|(_, at)| at),
        imminent_danger,
        columns: columns.iter().map(|c| column(warning, c)).collect(),
    }
}

fn column(warning: &Warning, c: &Column) -> ColumnView {
    let ladders = warning.ladders();
    let held = match &c.judgement.whole {
        Verdict::MayGo => None,
        Verdict::Held(reason) => Some(format!("{} ({}). {}", reason.fact, reason.detail, reason.hint)),
    };
    let cells = c.judgement.cells.iter().filter_map(|cell| {
        let ladder = ladders.iter().find(|f| f.path == cell.path)?;
        Some(cell_view(&c.judgement, cell, ladder))
    });
    ColumnView {
        party: c.party.to_string(),
        goes: c.rendering.is_some() && !c.nothing_new,
        held,
        basis: match c.judgement.basis {
            Basis::Agreement(hash) => format!("agreement {hash}"),
            Basis::LifeFloor => "life floor".to_owned(),
            Basis::Nothing => "nothing".to_owned(),
        },
        nothing_new: c.nothing_new,
        handling: handling_words(&c.judgement.handling),
        digest: c.rendering.as_ref().map(|(bytes, _)| Digest::of(bytes).to_string()),
        bytes: c.rendering.as_ref().map_or(0, |(bytes, _)| bytes.len()),
        text: c.rendering.as_ref().map(|(bytes, _)| String::from_utf8_lossy(bytes).into_owned()),
        cells: cells.collect(),
    }
}

fn cell_view(judgement: &Judgement, cell: &Cell, ladder: &Field) -> CellView {
    let granted = cell.granted.and_then(|n| ladder.rungs.get(n)).map(|r| &r.value);
    // On the life floor the lowest expression stands in the place of the rung.
    let given = cell.bare.as_ref().or(granted);
    let above = cell.granted.unwrap_or(ladder.rungs.len());
    let reasons = why_not_more(judgement, cell.path);
    let struck = ladder.rungs.iter().take(above).enumerate().map(|(n, rung)| {
        let why =
            reasons.iter().find(|r| r.rung == Some(n)).or_else(|| reasons.iter().find(|r| r.rung.is_none()));
        StruckView {
            text: rung.value.plain(),
            reason: why.map(|r| format!("{} ({})", r.fact, r.detail)).unwrap_or_default(),
            hint: why.map(|r| r.hint.clone()).filter(|h| !h.is_empty()),
        }
    });
    CellView {
        field: cell.path.to_string(),
        granted: given.map(Value::plain),
        depth: given.and_then(depth),
        struck: struck.collect(),
        hits: cell
            .hits
            .iter()
            .map(|h| match &h.overridden_by {
                None => format!("{:?} says {}", h.word, h.of),
                Some(by) => format!("{:?} says {}; {by} let it stand", h.word, h.of),
            })
            .collect(),
    }
}

fn depth(value: &Value) -> Option<String> {
    match value {
        Value::Time(t) => Some(t.depth.plain()),
        Value::Place(p) => Some(p.grain.plain()),
        Value::Giver(g) => Some(g.depth.plain()),
        _ => None,
    }
}

/// Handling in plain words, one condition a line.
pub fn handling_words(h: &Handling) -> Vec<String> {
    let mut words =
        vec![format!("TLP:{}", h.tlp.word().to_uppercase()), format!("PAP:{}", h.pap.word().to_uppercase())];
    words.extend(h.hcodes.iter().map(|c| format!("handling code {}", c.word().to_uppercase())));
    if let RelTo::Only(parties) = &h.rel_to {
        let names: Vec<_> = parties.iter().map(ToString::to_string).collect();
        words.push(format!("only for {}", names.join(", ")));
    }
    if let Purposes::Only(purposes) = &h.purposes {
        let names: Vec<_> = purposes.iter().map(|p| p.plain()).collect();
        words.push(format!("only to {}", names.join(", ")));
    }
    words.push(format!("as evidence: {}", h.evidential.plain()));
    words.push(format!("passing on: {}", h.onward.plain()));
    words.push(format!("publication: {}", h.publicity.plain()));
    words.push(format!("persons: {}", h.persons.plain()));
    words.extend(h.assurances.iter().map(|a| format!("assured: {a}")));
    words.extend(h.valid_until.map(|until| format!("until {until}")));
    words
}

/// What our own desk keeps of a judgement: the cells as shown, without the values.
pub(crate) fn judgement_text(judgement: &Judgement) -> String {
    let cells: Vec<_> = judgement
        .cells
        .iter()
        .map(|c| {
            serde_json::json!({
                "field": c.path.to_string(), "granted": c.granted, "of": c.rungs, "by_floor": c.by_floor,
                "why_not_more": why_not_more(judgement, c.path).iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        })
        .collect();
    serde_json::Value::from(cells).to_string()
}
