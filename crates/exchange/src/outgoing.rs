//! The one way into the outbox: a body that disclosure released, with what must still hold when it is sent.

use disclosure::Released;
use jiff::Timestamp;
use model::id::{EntryRef, OutboxId};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use store::{Act, NewOutboxRow, SealingDraw};
use tlog::channel::Use;

use crate::refusal::Refusal;

/// What must still hold when a queued body is sent; asked again before each delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "must", rename_all = "snake_case")]
pub enum Condition {
    /// The partner is still confirmed and the channel carries.
    Reachable,
    /// Besides, the release still stands: judged again, the same rungs are admitted and the same bytes come out.
    ReleaseStands {
        /// The proposal it came from.
        proposal: String,
    },
}

/// The randomness that queuing one body needs, drawn before the act.
pub(crate) struct OutboxDraw {
    id: [u8; 10],
    thread: [u8; 16],
    seal: SealingDraw,
}

impl OutboxDraw {
    pub(crate) fn draw(rng: &mut impl CryptoRng) -> Self {
        let (mut id, mut thread) = ([0; 10], [0; 16]);
        rng.fill_bytes(&mut id);
        rng.fill_bytes(&mut thread);
        Self { id, thread, seal: SealingDraw::draw(rng) }
    }

    /// The random thread that this draw would begin: of no relation to anything inside (log-format §4).
    pub(crate) fn thread(&self) -> [u8; 16] {
        self.thread
    }
}

/// Where a body belongs.
pub(crate) struct Place {
    /// Actual or exercise.
    pub(crate) use_: Use,
    /// Its thread; zeros for matters of the channel.
    pub(crate) thread: [u8; 16],
    /// What it answers.
    pub(crate) answers: Option<EntryRef>,
    /// What must still hold when it is sent.
    pub(crate) condition: Condition,
}

/// Queues a released body for its recipient. Ring the house's bell after the commit.
pub(crate) fn queue(
    act: &mut Act<'_>,
    released: &Released,
    place: Place,
    draw: OutboxDraw,
    now: Timestamp,
) -> Result<OutboxId, Refusal> {
    crate::partner::confirmed(act, released.recipient())?;
    let id = OutboxId::make(now, draw.id);
    let row = NewOutboxRow {
        id,
        partner: released.recipient().clone(),
        use_: place.use_,
        kind: released.kind().to_owned(),
        thread: place.thread,
        answers: place.answers,
        media: released.media().to_owned(),
        body: released.bytes().to_vec(),
        digest: released.digest().0,
        condition: serde_json::to_string(&place.condition).map_err(Refusal::ours)?,
        draw: draw.seal,
    };
    act.queue(row, now)?;
    Ok(id)
}
