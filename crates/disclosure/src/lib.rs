//! The one judgement: what may this recipient see. The only maker of [`Released`], the bytes that may be sent.
//!
//! [`judge()`] looks at one warning and one audience and says for each field which rung the audience gets, and in words for
//! our own desk why not more. [`render()`] builds the bytes from the granted rungs and from nothing else, so that what is
//! withheld cannot show: not as a hole, an id, a count or a time. [`release_warning`] does both again at the moment of
//! the release and refuses if anything is otherwise than it was previewed. Every other body that leaves goes through one
//! function of [`entries`].
//!
//! This room knows no store, no socket, no clock and no randomness of its own. It is closed by default; the one
//! exception, the bare threat to life, is [`Basis::LifeFloor`]. Reasons live in [`Judgement`], which no door can send to
//! a partner: nothing of it can be serialised.
//!
//! Read first `judgement` (what comes out), then `judge` (how), `rung` (the rules for one rung) and `render`.

mod agreed;
mod audience;
pub mod entries;
mod floor;
mod handling;
mod judge;
mod judgement;
mod keyed;
mod release;
mod render;
mod rung;
mod text;

pub use audience::{Audience, Path};
pub use judge::{Worded, judge};
pub use judgement::{Basis, Cell, Judgement, Reason, Rule, TextHit, Verdict, Withheld, why_not_more};
pub use release::{Keys, NotReleasable, Released, release_warning};
pub use render::{NotRendered, Rendering, Stamp, render};
pub use text::{TextOverride, protected_term};
