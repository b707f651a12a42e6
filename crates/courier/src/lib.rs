//! The door outward: it carries parcels to partners, sends notices to people and looks at the clocks.
//!
//! It decides nothing: what may go, what a partner's answer means and which clock has run out is asked of `exchange`.
//! One partner's trouble delays no other. Read `carry` first.

mod carry;
mod fetch;
mod notify;
mod proof;
mod watch;

pub use notify::{Hook, HookInUse};
pub use watch::{Bell, Courier};
