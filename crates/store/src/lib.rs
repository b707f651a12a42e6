//! What must be remembered, as verbs on a transaction, in SQLite.
//!
//! Four files: `node.db` (everything but what follows), `keys.db` (one key for each sealed text, kept out of ordinary
//! backups: deleting the key erases the text), `sources.db` (sealed sources; the node runs without it) and `high-water.db`
//! (how far each log was signed; never in a backup).
//! One writer thread takes acts from a queue and commits them in groups: one fsync for all, each act in a savepoint of
//! its own, answered only after its commit. Readers have connections of their own.
//!
//! It holds no rule about who may see what, opens no socket and reads no clock. Read first `writer`.

mod audit;
mod budget;
mod carriage;
mod channel;
mod columns;
mod copies;
mod copy;
mod erasure;
mod error;
mod evidence;
mod faults;
mod files;
mod head;
mod health;
mod high_water;
mod node;
mod outbox;
mod oversight;
mod partner;
mod people;
mod rebuild;
mod recovery;
mod schema;
mod sealed;
mod sources;
mod statement;
mod warning;
mod writer;

pub use audit::{AuditLine, AuditRecord, audit_leaf};
pub use budget::{BudgetRow, Withdrawn};
pub use channel::{ChannelRow, ChannelSide, ChannelState, EntryRow, NewChannel, NewEntry, OpenedEntry};
pub use copy::{
    BodyKeys, CopiedChannel, ExaminedFile, Moment, Texts, copied_channels, examine_file, try_texts,
};
pub use erasure::NamedEntry;
pub use error::StoreError;
pub use evidence::EvidenceRow;
pub use faults::{Faults, Step};
pub use files::remove;
pub use head::HeadRow;
pub use health::{Examined, FileSize, examine, room, sizes};
pub use high_water::{HighWater, Mark, MarkFound, Opened, Places, TakenOver, take_over};
pub use node::{ActionRow, FiredRow, NewAction, NoticeRow, PendingRow, PendingState, RiskRow, RosterLine};
pub use outbox::{NewOutboxRow, OutboxRow, OutboxState};
pub use oversight::{CosignedTrail, OversightKeyRow};
pub use partner::{PartnerRow, PartnerState};
pub use people::{InvitationRow, PersonKeyRow, PersonRow, PersonState};
pub use rebuild::{Compared, Difference, compare, rebuild};
pub use recovery::CameBack;
pub use schema::forms;
pub use sealed::{KeyId, SealingDraw};
pub use sources::SourceRow;
pub use statement::{EndingRow, StatementRow, SuccessorRow};
pub use warning::{CopyRow, DecisionRow, NewProposal, ProposalCopy, ProposalRow, ReviewRow, WarningRow};
pub use writer::{Act, Commit, Measure, Store, View};
