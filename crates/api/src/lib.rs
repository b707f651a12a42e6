//! JSON over the control socket, for the CLI and for scripts on this machine.
//!
//! Every act is `POST /v1/<noun>/<verb>` with a JSON body and, but for `session/login` and `session/activate`, a session's
//! token. A handler is: caller, parse, one call into `exchange`, show. Read `routes` first; `input` has the bodies.

mod carry;
mod channels;
mod folders;
pub mod input;
mod request;
mod routes;
mod show;

pub use routes::{Api, router};
