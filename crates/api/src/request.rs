//! Round every request: an id that the caller and the node's log share, a span, how long it took, and how it was refused.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::Next;
use exchange::refusal::{Refusal, Whose};
use rand_core::Rng;
use serde_json::json;
use tracing::Instrument;

use crate::routes::{Api, TABLE, json_response};

/// How many random bytes make the id of a request.
const ID_BYTES: usize = 6;

/// An answer that is a refusal; what it looks like is decided when the id of the request is at hand.
#[derive(Debug, Clone)]
pub(crate) struct Refused(pub(crate) Refusal);

/// Gives a request its id and its span, runs it, measures it and answers.
pub(crate) async fn watched(State(api): State<Api>, request: Request, next: Next) -> Response<Body> {
    let path = known(request.uri().path());
    let begun = api.house.tally.time();
    let id = draw_id(&api);
    let span = tracing::info_span!("request", door = "control", request = %id, act = path);
    let response = next.run(request).instrument(span.clone()).await;
    let refusal = response.extensions().get::<Refused>().map(|Refused(refusal)| refusal.clone());
    api.house.tally.act(path, begun, refusal.as_ref().map(|r| r.code));
    let took = api.house.tally.time().saturating_sub(begun);
    span.in_scope(|| tell(refusal.as_ref(), took));
    match refusal {
        Some(refusal) => refused(&refusal, &id),
        None => response,
    }
}

/// The path if it is one of ours: what a caller makes up is neither logged nor counted by its own words.
fn known(path: &str) -> &'static str {
    let of_sessions = ["/v1/session/login", "/v1/session/activate"];
    let all = TABLE.iter().map(|(path, _)| *path).chain(of_sessions);
    all.into_iter().find(|known| *known == path).unwrap_or("unknown")
}

fn draw_id(api: &Api) -> String {
    let mut bytes = [0; ID_BYTES];
    api.clock.rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A refusal's words may name persons and texts, and are for its caller alone; the log gets its stable word. What is the
/// program's fault, or the store's, is logged with its fact: it speaks of rows and files.
fn tell(refusal: Option<&Refusal>, took: Duration) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match refusal {
        None => tracing::debug!(took_ms, "an act was done"),
        Some(r) if r.whose == Whose::Ours => {
            tracing::error!(took_ms, fact = %r.for_the_log(), "an act failed");
        }
        Some(r) if r.code == "store" => {
            tracing::error!(took_ms, fact = %r.for_the_log(), "the store stood in the way of an act");
        }
        Some(r) => tracing::info!(took_ms, code = r.code, "an act was refused"),
    }
}

fn refused(refusal: &Refusal, id: &str) -> Response<Body> {
    let status = match refusal.whose {
        Whose::Yours if refusal.code == "not_logged_in" => StatusCode::UNAUTHORIZED,
        Whose::Yours if refusal.code == "not_authorised" => StatusCode::FORBIDDEN,
        Whose::Yours => StatusCode::UNPROCESSABLE_ENTITY,
        Whose::Theirs => StatusCode::BAD_GATEWAY,
        Whose::World => StatusCode::SERVICE_UNAVAILABLE,
        Whose::Ours => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = json!({ "error": {
        "code": refusal.code, "fact": refusal.fact, "detail": refusal.detail, "hint": refusal.hint, "request": id,
    } });
    json_response(status, &body)
}
