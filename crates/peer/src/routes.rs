//! The routes: a handler finds the caller, makes one call into `exchange` and turns its answer into a status and a body.

mod pull;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::middleware::from_fn;
use axum::routing::{get, post};
use exchange::house::House;
use exchange::receive::Receipt;
use exchange::refusal::{Refusal, Whose};
use exchange::{channel, partner, receive};
use gate::clock::Clock;
use gate::serve::PeerPin;
use model::caller::Partner;
use tlog::channel::Origin;

use crate::framing;
use crate::reading::Reading;

/// The most bytes of a parcel that are read (log-format §6).
const PARCEL_BYTES_MAX: usize = 64 << 20;
/// What every 404 says: the protocol this node speaks, whoever asks for whatever.
const NOT_HERE: &str = "not here; this node speaks forewarn peer protocol v1\n";
/// After how many seconds a caller may try again when we are busy.
const RETRY_AFTER_SECONDS: &str = "5";

/// What the routes need.
#[derive(Clone)]
pub struct Peer {
    /// The acts' house.
    pub house: House,
    /// Time and randomness.
    pub clock: Clock,
}

/// The routes for other nodes, to be served over TLS with a `PeerPin` on every request.
pub fn router(peer: Peer) -> Router {
    Router::new()
        .route("/peer/v1/channel", post(open_channel))
        .route("/peer/v1/log/{origin}/add-entries", post(add_entries))
        .route("/peer/v1/log/{origin}/checkpoint", get(newest_checkpoint))
        .merge(pull::routes())
        .fallback(|| async { not_here() })
        .method_not_allowed_fallback(|| async { not_here() })
        .layer(Extension(Reading::default()))
        .layer(from_fn(framing::one_way_to_read))
        .layer(axum::middleware::from_fn_with_state(peer.clone(), crate::request::watched))
        .with_state(peer)
}

/// Countersigns a channel statement.
async fn open_channel(
    State(peer): State<Peer>,
    Extension(pin): Extension<PeerPin>,
    request: Request,
) -> Response<Body> {
    let Ok(body) = to_bytes(request.into_body(), channel::STATEMENT_BYTES_MAX).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "a channel statement is shorter\n".to_owned());
    };
    run(move || {
        let Some(caller) = partner::caller_by_pin(&peer.house, &pin.0.0)? else { return Ok(stranger()) };
        match channel::accept(&peer.house, &caller, &body, peer.clock.now()) {
            Ok(statement) => Ok(text(StatusCode::OK, statement)),
            Err(Refusal { code: channel::OTHER_CHANNEL, detail: Some(statement), .. }) => {
                Ok(text(StatusCode::CONFLICT, statement))
            }
            Err(refusal) if refusal.whose == Whose::Theirs => {
                Ok(text(StatusCode::FORBIDDEN, format!("{}\n", refusal.fact)))
            }
            Err(refusal) => Err(refusal),
        }
    })
    .await
}

/// Takes a parcel.
async fn add_entries(
    State(peer): State<Peer>,
    Extension(pin): Extension<PeerPin>,
    Extension(reading): Extension<Reading>,
    Path(origin): Path<String>,
    request: Request,
) -> Response<Body> {
    let found = {
        let peer = peer.clone();
        tokio::task::spawn_blocking(move || taker(&peer, &pin, &origin)).await
    };
    let (caller, origin) = match found {
        Ok(Ok(Ok(found))) => found,
        Ok(Ok(Err(answered))) => return answered,
        Ok(Err(refusal)) => return failed(&refusal),
        Err(_) => return busy(),
    };
    // What is promised to be too large is refused before a byte of it is read.
    if request.body().size_hint().lower() > PARCEL_BYTES_MAX as u64 {
        return too_large();
    }
    let place = reading.begin(origin);
    let body = tokio::select! {
        biased;
        () = place.taken() => return busy(),
        body = to_bytes(request.into_body(), PARCEL_BYTES_MAX) => body,
    };
    drop(place);
    let Ok(body) = body else { return too_large() };
    run(move || {
        let (now, mut rng) = (peer.clock.now(), peer.clock.rng());
        let receipt = receive::parcel(&peer.house, &caller, origin, &body, now, &mut rng)?;
        Ok(answer(&receipt))
    })
    .await
}

/// Whose parcel it is and for which log; or the answer that needs no reading of it.
fn taker(
    peer: &Peer,
    pin: &PeerPin,
    origin: &str,
) -> Result<Result<(Partner, Origin), Response<Body>>, Refusal> {
    let Some((caller, origin)) = caller_and_log(peer, pin, origin)? else { return Ok(Err(stranger())) };
    let answered = receive::answered_unread(&peer.house, &caller, origin)?;
    Ok(match answered {
        None => Ok((caller, origin)),
        Some(receipt) => Err(answer(&receipt)),
    })
}

fn too_large() -> Response<Body> {
    text(StatusCode::PAYLOAD_TOO_LARGE, format!("a parcel has at most {PARCEL_BYTES_MAX} bytes\n"))
}

/// The newest checkpoint that we hold of the caller's own log.
async fn newest_checkpoint(
    State(peer): State<Peer>,
    Extension(pin): Extension<PeerPin>,
    Path(origin): Path<String>,
) -> Response<Body> {
    run(move || {
        let Some((caller, origin)) = caller_and_log(&peer, &pin, &origin)? else { return Ok(stranger()) };
        Ok(match receive::newest_head(&peer.house, &caller, origin)? {
            Some(note) => text(StatusCode::OK, note),
            None => not_here(),
        })
    })
    .await
}

fn caller_and_log(peer: &Peer, pin: &PeerPin, origin: &str) -> Result<Option<(Partner, Origin)>, Refusal> {
    let caller = partner::caller_by_pin(&peer.house, &pin.0.0)?;
    Ok(caller.zip(Origin::from_hex(origin).ok()))
}

fn answer(receipt: &Receipt) -> Response<Body> {
    let (status, body) = receipt.answer();
    match receipt {
        Receipt::Unknown => not_here(),
        Receipt::Recovering => busy(),
        Receipt::HoldsSize(_) => {
            let mut response = text(StatusCode::CONFLICT, body);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/x.tlog.size"));
            response
        }
        _ => text(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body),
    }
}

/// Runs an act on a thread that may block.
async fn run(act: impl FnOnce() -> Result<Response<Body>, Refusal> + Send + 'static) -> Response<Body> {
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(act)).await {
        Ok(Ok(response)) => response,
        Ok(Err(refusal)) => failed(&refusal),
        Err(_) => busy(),
    }
}

/// Whatever failed here is not the caller's to know: it may try again.
fn failed(refusal: &Refusal) -> Response<Body> {
    tracing::error!(fact = %refusal.for_the_log(), "a partner's request could not be served");
    busy()
}

fn busy() -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "busy\n".to_owned());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    response
}

/// The one answer to everything that is not here, whoever asks.
fn not_here() -> Response<Body> {
    text(StatusCode::NOT_FOUND, NOT_HERE.to_owned())
}

/// The same to a caller that is no confirmed partner, who need not keep a connection open.
fn stranger() -> Response<Body> {
    let mut response = not_here();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn text(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
