//! The acts: one file a verb, one transaction an act, and the views that the doors show.
//!
//! A door calls one function here with who is calling, what is asked, `now` and `rng`; the function reads and writes the
//! store and answers with a view or a `Refusal`. Nothing here opens a socket: what goes out is a row in the outbox.
//! Bodies that leave are `disclosure::Released` and nothing else.
//!
//! Read first `release` (what leaves, and who decided) and `receive` (what arrives).

pub mod agreement;
pub mod alarm;
pub mod answer;
mod audiences;
pub mod audit;
pub mod backup;
pub mod budget;
mod caller;
pub mod card_renewal;
pub mod carriage;
mod chain;
pub mod channel;
pub mod clocks;
pub mod declined;
pub mod deliver;
pub mod duty;
mod erasure;
pub mod evidence;
pub mod house;
pub mod incoming;
pub mod keys;
pub mod outgoing;
pub mod oversight;
pub mod partner;
pub mod pending;
pub mod people;
pub mod person_key;
pub mod preview;
pub mod pull;
pub mod recall;
pub mod receipt;
pub mod receive;
pub mod recover;
pub mod refusal;
pub mod relation;
pub mod release;
pub mod risk;
pub mod roster;
pub mod rotation;
pub mod round;
pub mod silence;
pub mod sources;
pub mod standing;
pub mod statement;
pub mod succession;
pub mod tally;
pub mod undertaking;
pub mod unfreeze;
pub mod view;
pub mod went_back;
pub mod write;
