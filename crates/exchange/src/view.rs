//! What the doors show: plain structs with public fields, never rows and never a warning itself.

pub mod channels;
pub mod evidence;
pub mod figures;
pub mod health;
pub mod inbox;
pub mod ledger;
pub mod preview;
pub mod recall;
pub mod receipt;
pub(crate) mod refused;
pub mod relation;
pub mod show;
pub mod status;
pub mod warning;
