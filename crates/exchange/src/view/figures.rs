//! The node in figures, for the operator's monitoring: how much waits, how far each log is, how large the files are.
//!
//! A look costs some index look-ups for each partner and no fold, so that it may be taken often. It names partners, and
//! no person, no warning, no subject and no text.

use jiff::Timestamp;
use store::{ChannelRow, ChannelSide, ChannelState, FileSize, PartnerState};

use crate::budget::{self, Standing};
use crate::house::House;
use crate::refusal::Refusal;
use crate::silence;
use crate::tally::Counts;

/// The node in figures.
#[derive(Debug, Clone)]
pub struct Figures {
    /// What was counted since the node started.
    pub counts: Counts,
    /// Each partner.
    pub partners: Vec<PartnerFigures>,
    /// Each log.
    pub logs: Vec<LogFigures>,
    /// How partners' logs stand against what was agreed.
    pub budgets: Vec<Standing>,
    /// Notices that wait for the hook.
    pub notices_waiting: u64,
    /// Notices that no hook took.
    pub notices_given_up: u64,
    /// Proposals that wait for a second person.
    pub proposals_waiting: u64,
    /// Whether the clock waits to be confirmed.
    pub clock_is_unsure: bool,
    /// The databases.
    pub files: Vec<FileSize>,
    /// Bytes free on the disk, and bytes of it.
    pub disk: (u64, u64),
}

/// A partner in figures.
#[derive(Debug, Clone)]
pub struct PartnerFigures {
    /// Its name.
    pub name: String,
    /// Whether its words were compared.
    pub is_confirmed: bool,
    /// Whether something stands in the way of delivery.
    pub is_in_trouble: bool,
    /// How many entries wait to be sent.
    pub waiting: u64,
    /// Since when the oldest of them waits, in seconds.
    pub waiting_seconds: u64,
    /// When it last called or answered.
    pub heard_at: Option<Timestamp>,
    /// Whether it has been silent for longer than it may.
    pub is_silent: bool,
    /// For how many seconds it may be silent.
    pub silence_seconds: u64,
}

/// A log in figures.
#[derive(Debug, Clone)]
pub struct LogFigures {
    /// The partner.
    pub partner: String,
    /// `ours` or `theirs`: whose log it is.
    pub side: &'static str,
    /// `actual` or `exercise`.
    pub use_: String,
    /// Entries appended or held.
    pub size: u64,
    /// Entries of them that a receipt covers.
    pub receipted: u64,
    /// Whether it is frozen.
    pub is_frozen: bool,
    /// Whether it is catching up after a restore.
    pub is_recovering: bool,
}

/// The node in figures. It looks at what the operator may see, and asks nobody who they are: the door says who may call.
pub fn figures(house: &House, now: Timestamp) -> Result<Figures, Refusal> {
    let (files, disk) = (house.store.sizes(), house.store.room()?);
    let counts = house.tally.counts();
    house.store.view(|view| {
        let mut partners = Vec::new();
        for row in view.partners()? {
            let since = view.waiting_since(&row.name)?;
            let seconds = since.map_or(0, |since| now.duration_since(since).as_secs().max(0));
            partners.push(PartnerFigures {
                waiting: view.waiting_count(&row.name)?,
                waiting_seconds: u64::try_from(seconds).unwrap_or(0),
                is_confirmed: row.state == PartnerState::Confirmed,
                is_in_trouble: row.trouble.is_some(),
                heard_at: row.heard_at,
                is_silent: silence::of(&house.settings.silence, &row, now).is_some(),
                silence_seconds: u64::from(house.settings.silence.of(&row.name)) * 60,
                name: row.name.to_string(),
            });
        }
        let proposals = view.open_proposals()?.iter().filter(|p| now < p.expires_at).count();
        Ok(Figures {
            counts,
            partners,
            logs: view.channels()?.iter().map(of_log).collect(),
            budgets: budget::standings(view, now)?,
            notices_waiting: view.notices_waiting()?,
            notices_given_up: u64::from(view.notices_given_up()?),
            proposals_waiting: u64::try_from(proposals).unwrap_or(u64::MAX),
            clock_is_unsure: crate::clocks::unsure(view)?.is_some(),
            files,
            disk,
        })
    })
}

fn of_log(channel: &ChannelRow) -> LogFigures {
    LogFigures {
        partner: channel.partner.to_string(),
        side: match channel.side {
            ChannelSide::Ours => "ours",
            ChannelSide::Theirs => "theirs",
        },
        use_: channel.use_.to_string(),
        size: channel.size(),
        receipted: channel.cosigned,
        is_frozen: matches!(channel.state, ChannelState::Frozen(_)),
        is_recovering: channel.recovering,
    }
}

/// Whether the store answers: the process lives.
pub fn is_alive(house: &House) -> Result<(), Refusal> {
    house.store.view(|view| Ok(view.answers()?))
}

/// What keeps the node from doing its work now: an empty list for a node that is ready. It writes one row.
pub fn not_ready(house: &House, now: Timestamp) -> Result<Vec<String>, Refusal> {
    let written = house.store.act(move |act| act.try_to_write(now).map_err(Refusal::from));
    let mut found: Vec<String> = written.err().iter().map(|e| format!("the store: {}", e.fact)).collect();
    let recovering = house.store.view(|view| {
        Ok::<_, Refusal>(
            view.channels()?.iter().filter(|c| c.recovering && c.state == store::ChannelState::Open).count(),
        )
    })?;
    if recovering > 0 {
        found.push(format!("{recovering} logs are recovering after a restore"));
    }
    Ok(found)
}
