//! A request that two readers could read in two ways is answered by neither: one length, stated first, and a path of ours.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::middleware::Next;

/// Lets a request pass that states its length and names a path alone; closes the connection of any other.
///
/// A body in chunks is refused (411), with its trailers and with every second length beside it: a parcel's length is known
/// before it is sent. So is a request that names another host in its first line (400): a node is no proxy
/// (RFC 9112 §3.2, §6.3).
pub(crate) async fn one_way_to_read(request: Request, next: Next) -> Response<Body> {
    if request.headers().contains_key(TRANSFER_ENCODING) {
        return closed(StatusCode::LENGTH_REQUIRED, "a request states its length: Content-Length\n");
    }
    if request.uri().authority().is_some() {
        return closed(StatusCode::BAD_REQUEST, "a request names a path of this node, and no host in it\n");
    }
    next.run(request).await
}

fn closed(status: StatusCode, why: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(why));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
