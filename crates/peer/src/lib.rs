//! The door for other nodes: it opens channels, takes parcels and shows heads, and knows no rule about any of it.
//!
//! Who calls is the key that the TLS handshake proved, looked up among the confirmed partners; anybody else gets the same
//! 404 as a partner who asks for what it may not know. The statuses are those of log-format §6. Read `routes` first.

mod framing;
mod reading;
mod request;
mod routes;

pub use routes::{Peer, router};
