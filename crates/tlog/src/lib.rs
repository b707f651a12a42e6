//! Tamper-evident logs between two parties: the maths and the text formats, all that an auditor needs.
//!
//! For each pair of parties, each direction and each use there is one append-only log, a *channel*. The giver
//! appends entries and signs checkpoints; the receiver holds a copy and cosigns: its cosignature is the
//! receipt. The formats are those of C2SP (signed note, checkpoint, cosignature, proof, policy) over the
//! Merkle tree of RFC 6962.
//!
//! This room never reads a file or a socket, knows no clock, draws no randomness of its own, keeps no state
//! and does not look into the body of an entry. All that it parses may come from an enemy: limits are named,
//! spelling is unique, and a value that exists has passed its checks.
//!
//! Read [`channel`] first, then [`entry`] and [`checkpoint`]; [`receipt::verify_export`] shows all of it at
//! work.
//!
//! | | |
//! |---|---|
//! | the tree | [`hash`], [`tree`], [`commitment`] |
//! | who signs | [`key`], [`note`], [`checkpoint`], [`cosignature`], [`head`] |
//! | who gives what to whom | [`card`], [`channel`], [`entry`], [`parcel`] |
//! | what convinces a third | [`proof`], [`policy`], [`receipt`], [`evidence`] |
//! | how every line is spelt | [`grammar`] |

pub mod card;
pub mod channel;
pub mod checkpoint;
pub mod commitment;
pub mod cosignature;
pub mod entry;
pub mod evidence;
pub mod grammar;
pub mod hash;
pub mod head;
pub mod key;
pub mod note;
pub mod parcel;
pub mod policy;
pub mod proof;
pub mod receipt;
pub mod tree;
