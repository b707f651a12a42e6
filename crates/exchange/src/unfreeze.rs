//! A freeze ends by a consistency proof (docs/log-format.md §11): the partner shows that the heads which it signed, and what
//! is held here, are one history.
//!
//! An officer asks (`ask`); the courier puts the questions to the partner's node, outside any transaction; what it answers is
//! judged in an act of its own (`answered`). A proof that is false or missing changes nothing but what people are told. Which
//! heads have to fit together is `heads`.

mod answered;
mod heads;

use jiff::Timestamp;
use model::caller::Person;
use model::id::PartyName;
use model::vocab::{Carriage, Role};
use serde::{Deserialize, Serialize};
use store::{ChannelRow, ChannelSide, ChannelState, View};
use tlog::channel::{Origin, Use};

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::partner;
use crate::refusal::{Refusal, Whose};

pub use answered::{Came, answered};
pub use heads::Step;

/// Who may ask for the proof: those who may let a channel go on in another.
const MAY_ASK: &[Role] = &[Role::Liaison, Role::Release];

/// What was asked for, of which log.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// The partner.
    pub partner: String,
    /// Actual or exercise.
    #[serde(rename = "use")]
    pub use_: String,
    /// How many entries of the log are held here.
    pub held: u64,
    /// The sizes for which heads are signed beyond that, the smaller first.
    pub signed: Vec<u64>,
}

/// Somebody has asked for the proof, and how that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why what the partner answered ends nothing, in words; nothing while it has not answered.
    pub failed: Option<String>,
}

/// The questions about one log that are to be put to a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The log.
    pub origin: Origin,
    /// What is to be proven, the smaller sizes first.
    pub steps: Vec<Step>,
}

impl Question {
    /// The paths to ask at the partner's node (`GET`), one for each step and in their order.
    pub fn paths(&self) -> impl Iterator<Item = String> + '_ {
        let origin = self.origin.hex();
        self.steps
            .iter()
            .map(move |step| format!("/peer/v1/log/{origin}/consistency?old={}&new={}", step.old, step.new))
    }
}

/// Asks a partner to prove that what froze its log was signed truly. The courier asks its node once, now; what comes of it
/// is told to people and stands in the list of channels. Durable when it returns, with a line in the trail.
///
/// # Errors
/// `not_authorised`; `unknown_partner`; `unconfirmed`; `no_channel`; `not_frozen`; `contradiction` where no proof is possible,
/// `nothing_signed` and `nothing_held` where none would say anything: then only a successor helps; `not_called` where this
/// node does not call the partner.
pub fn ask(
    house: &House,
    caller: &Person,
    (of, use_): (&PartyName, Use),
    now: Timestamp,
) -> Result<Asked, Refusal> {
    needs(caller, MAY_ASK, "ask for the proof that ends a freeze")?;
    let (of, by) = (of.clone(), caller.name.clone());
    let asked = house.store.act(move |act| {
        partner::confirmed(act, &of)?;
        let channel = frozen(act, &of, use_)?;
        let carriage = act.carriage(&of)?;
        if !carriage.dials() {
            return Err(not_called(&of, carriage));
        }
        let steps = heads::steps(act, &channel)?;
        let asked = Asked {
            partner: of.to_string(),
            use_: use_.to_string(),
            held: channel.size(),
            signed: steps.iter().map(|step| step.new).collect(),
        };
        let request = Request { by: by.to_string(), at: now, failed: None };
        act.set_meta(&key(&channel), &serde_json::to_string(&request).map_err(Refusal::ours)?)?;
        let detail = serde_json::json!({ "use": asked.use_, "held": asked.held, "signed": asked.signed });
        audit::note(act, now, by.as_str(), "channel.ask_proof", of.as_str(), detail, &[])?;
        Ok(asked)
    })?;
    (house.bell)();
    Ok(asked)
}

/// The partner's log for this use, if it is frozen.
fn frozen(view: &View<'_>, of: &PartyName, use_: Use) -> Result<ChannelRow, Refusal> {
    let Some(channel) = view.channel_with(of, ChannelSide::Theirs, use_)? else {
        return Err(Refusal::yours("no_channel", format!("{of} has no {use_} log to this node"))
            .hint("`forewarn channel list` names every log"));
    };
    if matches!(channel.state, ChannelState::Frozen(_)) {
        return Ok(channel);
    }
    Err(Refusal::yours("not_frozen", format!("the {use_} log of {of} is not frozen"))
        .hint("where the partner froze our log, its officer runs this there"))
}

fn not_called(of: &PartyName, carriage: Carriage) -> Refusal {
    let fact = format!("this node does not call {of}, so it cannot ask it for a proof");
    Refusal::yours("not_called", fact).detail(format!("its carriage is {}", carriage.word())).hint(
        "agree with its duty desk on a successor, which goes by file and by fetching, too: its officer runs \
         `forewarn channel succeed` there",
    )
}

/// How the request for a proof that ends the freeze of this log stands; `None` if nobody has asked, or it is not frozen.
pub(crate) fn request(view: &View<'_>, channel: &ChannelRow) -> Result<Option<Request>, Refusal> {
    if !matches!(channel.state, ChannelState::Frozen(_)) {
        return Ok(None);
    }
    let kept = view.meta(&key(channel))?;
    kept.map(|text| serde_json::from_str(&text).map_err(Refusal::ours)).transpose()
}

/// What is to be asked of a partner now: one question for each frozen log that an officer wants proven and that was not
/// answered yet. Where the partner is not called any more none is asked, and each counts as answered without a proof.
///
/// # Errors
/// The store's only.
pub fn questions(house: &House, of: &PartyName, now: Timestamp) -> Result<Vec<Question>, Refusal> {
    let (waiting, carriage) =
        house.store.view(|view| Ok::<_, Refusal>((waiting(view, of)?, view.carriage(of)?)))?;
    if carriage.dials() {
        return Ok(waiting);
    }
    for question in waiting {
        answered(house, &question, Err(not_called(of, carriage).fact), now)?;
    }
    Ok(Vec::new())
}

fn waiting(view: &View<'_>, of: &PartyName) -> Result<Vec<Question>, Refusal> {
    let mut found = Vec::new();
    for use_ in [Use::Actual, Use::Exercise] {
        let Some(channel) = view.channel_with(of, ChannelSide::Theirs, use_)? else { continue };
        if request(view, &channel)?.is_none_or(|request| request.failed.is_some()) {
            continue;
        }
        let steps = match heads::steps(view, &channel) {
            Ok(steps) => steps,
            // What cannot be proven any more is judged without an answer.
            Err(refusal) if refusal.whose == Whose::Yours => Vec::new(),
            Err(refusal) => return Err(refusal),
        };
        found.push(Question { origin: channel.origin, steps });
    }
    Ok(found)
}

fn key(channel: &ChannelRow) -> String {
    format!("unfreeze/{}", channel.origin.hex())
}
