//! The routes for a partner that asks instead of being called: proposals, parcels, receipts, heads and proofs
//! (docs/log-format.md §6, Pull).

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode, Uri};
use axum::routing::{get, post};
use exchange::pull::{self, Brought, Served};
use exchange::refusal::Whose;
use exchange::{channel, declined, partner};
use gate::serve::PeerPin;
use tlog::channel::Use;
use tlog::note::NOTE_BYTES_MAX;
use tlog::parcel::PARCEL_MEDIA;

use super::{Peer, caller_and_log, not_here, run, stranger, text};

pub(super) fn routes() -> Router<Peer> {
    Router::new()
        .route("/peer/v1/channel", get(proposal))
        .route("/peer/v1/channel/opened", post(opened))
        .route("/peer/v1/channel/declined", post(new_keys_declined))
        .route("/peer/v1/log/{origin}/parcel", get(parcel))
        .route("/peer/v1/log/{origin}/receipt", post(receipt))
        .route("/peer/v1/log/{origin}/checkpoint/{size}", get(checkpoint_at))
        .route("/peer/v1/log/{origin}/consistency", get(consistency))
}

/// The half-signed statement that waits for the caller.
async fn proposal(State(peer): State<Peer>, Extension(pin): Extension<PeerPin>, uri: Uri) -> Response<Body> {
    run(move || {
        let Some(caller) = partner::caller_by_pin(&peer.house, &pin.0.0)? else { return Ok(stranger()) };
        let use_ = match asked(&uri, "use") {
            Some("actual") => Use::Actual,
            Some("exercise") => Use::Exercise,
            _ => return Ok(not_here()),
        };
        let (wanted, now) = ((use_, asked(&uri, "held")), peer.clock.now());
        Ok(match pull::statement_for(&peer.house, &caller, wanted, now, &mut peer.clock.rng())? {
            Some(statement) => text(StatusCode::OK, statement),
            None => nothing(),
        })
    })
    .await
}

/// The countersigned statement comes back.
async fn opened(
    State(peer): State<Peer>,
    Extension(pin): Extension<PeerPin>,
    request: Request,
) -> Response<Body> {
    let Ok(body) = to_bytes(request.into_body(), channel::STATEMENT_BYTES_MAX).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "a channel statement is shorter\n".to_owned());
    };
    run(move || {
        let Some(caller) = partner::caller_by_pin(&peer.house, &pin.0.0)? else { return Ok(stranger()) };
        match pull::opened(&peer.house, &caller, &body, peer.clock.now(), &mut peer.clock.rng()) {
            Ok(true) => Ok(text(StatusCode::OK, String::new())),
            Ok(false) => Ok(not_here()),
            Err(refusal) if refusal.whose == Whose::Theirs => {
                Ok(text(StatusCode::FORBIDDEN, format!("{}\n", refusal.fact)))
            }
            Err(refusal) => Err(refusal),
        }
    })
    .await
}

/// The caller says that it does not sign new keys of our log to it.
async fn new_keys_declined(
    State(peer): State<Peer>,
    Extension(pin): Extension<PeerPin>,
    request: Request,
) -> Response<Body> {
    let Ok(body) = to_bytes(request.into_body(), 2 * channel::STATEMENT_BYTES_MAX).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "such a refusal is shorter\n".to_owned());
    };
    run(move || {
        let Some(caller) = partner::caller_by_pin(&peer.house, &pin.0.0)? else { return Ok(stranger()) };
        match declined::take(&peer.house, &caller.name, &body, peer.clock.now()) {
            Ok(_) => Ok(text(StatusCode::OK, String::new())),
            Err(refusal) if refusal.whose == Whose::Theirs => {
                Ok(text(StatusCode::BAD_REQUEST, format!("{}\n", refusal.fact)))
            }
            Err(refusal) => Err(refusal),
        }
    })
    .await
}

/// The next parcel for the caller, or a piece of a log that one of the two parties has lost.
async fn parcel(
    State(peer): State<Peer>,
    Extension(pin): Extension<PeerPin>,
    Path(origin): Path<String>,
    uri: Uri,
) -> Response<Body> {
    run(move || {
        let Some((caller, origin)) = caller_and_log(&peer, &pin, &origin)? else { return Ok(stranger()) };
        let Some(from) = number(&uri, "from") else { return Ok(not_here()) };
        let (now, mut rng) = (peer.clock.now(), peer.clock.rng());
        Ok(match pull::parcel(&peer.house, &caller, origin, from, now, &mut rng)? {
            Served::Parcel(bytes) => bytes_of(PARCEL_MEDIA, bytes),
            Served::Nothing => nothing(),
            Served::NotHere => not_here(),
            Served::From(size) => {
                of_media(text(StatusCode::CONFLICT, format!("{size}\n")), "text/x.tlog.size")
            }
        })
    })
    .await
}

/// The receipt of a parcel that was fetched, or the caller's newest head.
async fn receipt(
    State(peer): State<Peer>,
    Extension(pin): Extension<PeerPin>,
    Path(origin): Path<String>,
    request: Request,
) -> Response<Body> {
    let Ok(body) = to_bytes(request.into_body(), NOTE_BYTES_MAX).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "a checkpoint is shorter\n".to_owned());
    };
    run(move || {
        let Some((caller, origin)) = caller_and_log(&peer, &pin, &origin)? else { return Ok(stranger()) };
        Ok(match pull::receipt(&peer.house, &caller, origin, &body, peer.clock.now())? {
            Brought::Settled => text(StatusCode::OK, String::new()),
            Brought::NotHere => not_here(),
            Brought::Unreadable(why) => text(StatusCode::BAD_REQUEST, format!("{why}\n")),
            Brought::NotTaken => text(StatusCode::FORBIDDEN, "not taken\n".to_owned()),
        })
    })
    .await
}

/// A stored checkpoint of a log between the caller and this node.
async fn checkpoint_at(
    State(peer): State<Peer>,
    Extension(pin): Extension<PeerPin>,
    Path((origin, size)): Path<(String, String)>,
) -> Response<Body> {
    run(move || {
        let Some((caller, origin)) = caller_and_log(&peer, &pin, &origin)? else { return Ok(stranger()) };
        let Some(size) = canonical(&size) else { return Ok(not_here()) };
        let found = pull::checkpoint_at(&peer.house, &caller, origin, size)?;
        Ok(found.map_or_else(not_here, |note| text(StatusCode::OK, note)))
    })
    .await
}

/// The proof that one size of a log is the beginning of another.
async fn consistency(
    State(peer): State<Peer>,
    Extension(pin): Extension<PeerPin>,
    Path(origin): Path<String>,
    uri: Uri,
) -> Response<Body> {
    run(move || {
        let Some((caller, origin)) = caller_and_log(&peer, &pin, &origin)? else { return Ok(stranger()) };
        let Some((old, new)) = number(&uri, "old").zip(number(&uri, "new")) else { return Ok(not_here()) };
        let found = pull::consistency(&peer.house, &caller, origin, old, new)?;
        Ok(found.map_or_else(not_here, |nodes| text(StatusCode::OK, nodes)))
    })
    .await
}

/// The value of a key in the query, if it stands there once.
fn asked<'a>(uri: &'a Uri, key: &str) -> Option<&'a str> {
    let mut values =
        uri.query()?.split('&').filter_map(|pair| pair.split_once('=')).filter(|(k, _)| *k == key);
    let value = values.next().map(|(_, value)| value);
    value.filter(|_| values.next().is_none())
}

fn number(uri: &Uri, key: &str) -> Option<u64> {
    asked(uri, key).and_then(canonical)
}

/// A number below 2^48 in decimal digits without leading zeros.
fn canonical(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number < 1 << 48 && number.to_string() == text).then_some(number)
}

fn nothing() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn bytes_of(media: &'static str, bytes: Vec<u8>) -> Response<Body> {
    of_media(Response::new(Body::from(Bytes::from(bytes))), media)
}

fn of_media(mut response: Response<Body>, media: &'static str) -> Response<Body> {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling_and_a_key_one_value() {
        let uri: Uri =
            "/peer/v1/log/x/consistency?old=7&new=12&twice=1&twice=2&zero=007&sign=+3".parse().unwrap();
        assert_eq!((number(&uri, "old"), number(&uri, "new")), (Some(7), Some(12)));
        for key in ["twice", "zero", "sign", "none"] {
            assert_eq!(number(&uri, key), None, "{key}");
        }
        assert_eq!(canonical("281474976710656"), None, "2^48");
    }
}
