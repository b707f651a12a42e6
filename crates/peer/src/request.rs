//! Round every request of a partner: an id for the node's log, a span, and a count. The partner gets none of it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::middleware::Next;
use rand_core::Rng;
use tracing::Instrument;

use crate::routes::Peer;

/// How many random bytes make the id of a request.
const ID_BYTES: usize = 6;

/// Gives a request its id and its span, runs it, and counts its answer.
pub(crate) async fn watched(State(peer): State<Peer>, request: Request, next: Next) -> Response<Body> {
    let what = what(request.uri().path());
    let begun = peer.house.tally.time();
    let mut bytes = [0; ID_BYTES];
    peer.clock.rng().fill_bytes(&mut bytes);
    let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let span = tracing::info_span!("request", door = "peer", request = %id, what);
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    peer.house.tally.partner_request(what, status);
    let took = peer.house.tally.time().saturating_sub(begun);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::debug!(status, took_ms, "a partner's request was answered"));
    response
}

/// What is asked, in the words of the program: what a stranger makes up is neither logged nor counted by its own words.
fn what(path: &str) -> &'static str {
    match path.rsplit('/').next() {
        Some("add-entries") => "parcel",
        Some("checkpoint") => "checkpoint",
        Some("channel") => "channel",
        _ => "other",
    }
}
