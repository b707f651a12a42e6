//! Who is calling: pinned certificate or session, and limits; knows no warning.
//!
//! The gate says who; what they may see is decided elsewhere, and nothing here has an opinion on it. Read [`tls`]
//! first (how nodes recognise each other), then [`serve`] (those who call us), [`dial`] (those we call) and
//! [`limits`].

mod arrivals;
mod connection;
mod line;

pub mod clock;
pub mod dial;
pub mod limits;
pub mod serve;
pub mod session;
pub mod tls;
