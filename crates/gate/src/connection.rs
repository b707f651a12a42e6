//! One connection from its first byte of HTTP to its last, and the clocks that cut it.
//!
//! hyper reads and writes; beside it runs [`watch()`], which follows what the connection is doing (waiting, reading a
//! head, handling, sending) and ends it when that takes longer than [`ServeLimits`] grants. Cutting is dropping: what
//! a handler had not finished is cancelled, as if the caller had gone away.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, EXPECT, RETRY_AFTER};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::arrivals::Arrivals;
use crate::limits::ServeLimits;

/// What a caller is told to wait when its request took too long, in seconds.
const RETRY_AFTER_S: &str = "30";

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Either side closed it in good order.
    Closed,
    /// It broke: the caller went away in the middle, or did not speak HTTP.
    Broken(hyper::Error),
    /// It took longer than it may.
    Cut(TooSlow),
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooSlow {
    /// No request was begun, or the last bytes of an answer were not read.
    Idle,
    /// A request's head was begun and not finished.
    Head,
    /// A request was not over: its body, its handler, or its answer.
    Request,
}

/// Serves one connection until it closes, breaks, is cut, or `stop` turns true and what is in flight is done.
///
/// Every request carries `caller` as an extension. The future may be dropped at any time; that closes the connection.
pub(crate) async fn attend<S, C>(
    stream: S,
    caller: C,
    router: Router,
    limits: &ServeLimits,
    mut stop: watch::Receiver<bool>,
) -> Ending
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    C: Clone + Send + Sync + 'static,
{
    let progress = Progress::new();
    let too_late = Arc::new(Notify::new());
    let stream = Arrivals::new(stream, {
        let progress = progress.clone();
        move || progress.bytes_came()
    });
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        answer(request, router.clone(), progress.clone(), too_late.clone(), limits.unread_body_bytes_max)
    });
    let mut connection = pin!(
        http1::Builder::new()
            // The time for the head is kept by `watch`: hyper's own clock would also run while nothing is asked.
            .header_read_timeout(None)
            .max_header_size(limits.head_bytes_max)
            .max_headers(limits.head_lines_max)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut cut = pin!(watch(&progress, &too_late, limits));
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => return match ended {
                Ok(()) => Ending::Closed,
                Err(error) => Ending::Broken(error),
            },
            too_slow = cut.as_mut() => return Ending::Cut(too_slow),
            () = stopped(&mut stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Waits until `stop` turns true; a lost sender means the same.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Head,
    Handling,
    Sending,
}

/// Where a connection stands. Two looks that see the same value saw the same moment of the same request, however much
/// went by in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    /// How many requests were begun.
    requests: u64,
    stage: Stage,
}

impl Standing {
    fn is_in_request(self, request: u64) -> bool {
        self.requests == request && matches!(self.stage, Stage::Handling | Stage::Sending)
    }
}

/// The standing of one connection, written by those who serve it and read by [`watch()`].
#[derive(Debug, Clone)]
struct Progress(Arc<watch::Sender<Standing>>);

impl Progress {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Standing { requests: 0, stage: Stage::Waiting })))
    }

    fn bytes_came(&self) {
        self.0.send_if_modified(|standing| {
            let begins = standing.stage == Stage::Waiting;
            if begins {
                standing.stage = Stage::Head;
            }
            begins
        });
    }

    fn request_begins(&self) {
        self.0.send_modify(|standing| {
            standing.requests = standing.requests.saturating_add(1);
            standing.stage = Stage::Handling;
        });
    }

    fn answer_begins(&self) {
        self.0.send_modify(|standing| standing.stage = Stage::Sending);
    }

    fn answer_is_taken(&self) {
        self.0.send_modify(|standing| standing.stage = Stage::Waiting);
    }
}

/// Waits until something takes too long, and says what.
///
/// A request that is too long in its handler is first told so through `too_late` and gets the time of a head to take
/// the answer.
async fn watch(progress: &Progress, too_late: &Notify, limits: &ServeLimits) -> TooSlow {
    let mut standing = progress.0.subscribe();
    loop {
        let seen = *standing.borrow_and_update();
        match seen.stage {
            Stage::Waiting => {
                if timeout(limits.idle(), standing.wait_for(|now| *now != seen)).await.is_err() {
                    return TooSlow::Idle;
                }
            }
            Stage::Head => {
                if timeout(limits.head(), standing.wait_for(|now| *now != seen)).await.is_err() {
                    return TooSlow::Head;
                }
            }
            Stage::Handling | Stage::Sending => {
                let over = |now: &Standing| !now.is_in_request(seen.requests);
                if timeout(limits.request(), standing.wait_for(over)).await.is_err() {
                    too_late.notify_one();
                    let next = |now: &Standing| now.requests != seen.requests;
                    let _ = timeout(limits.head(), standing.wait_for(next)).await;
                    return TooSlow::Request;
                }
            }
        }
    }
}

/// Answers one request: by the router, or by 503 when that took too long.
async fn answer(
    request: Request<Incoming>,
    router: Router,
    progress: Progress,
    too_late: Arc<Notify>,
    unread_body_bytes_max: u64,
) -> Result<Response<Outgoing>, Infallible> {
    progress.request_begins();
    let handled = async {
        let (request, unread) = lend_body(request);
        let response = match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        read_off(unread, unread_body_bytes_max).await;
        response
    };
    let response = tokio::select! {
        biased;
        response = handled => response,
        () = too_late.notified() => took_too_long(),
    };
    progress.answer_begins();
    Ok(response.map(|body| Outgoing { body, progress }))
}

fn took_too_long() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Lends the request's body to the handler; when the handler lets go of it, it comes back through the channel.
fn lend_body(request: Request<Incoming>) -> (Request<Lent>, oneshot::Receiver<Incoming>) {
    let (back, unread) = oneshot::channel();
    // A caller that asked first whether to send its body has not sent it, so there is nothing to read off.
    let comes_unasked = !request.headers().contains_key(EXPECT);
    let request = request.map(|body| Lent { body: Some(body), back: Some(back), is_coming: comes_unasked });
    (request, unread)
}

/// Reads to its end what a handler left of a body, if that is not more than `bytes_max`.
async fn read_off(mut unread: oneshot::Receiver<Incoming>, bytes_max: u64) {
    let Ok(mut body) = unread.try_recv() else {
        return;
    };
    let mut left = bytes_max;
    while body.size_hint().lower() <= left
        && let Some(Ok(frame)) = body.frame().await
    {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(u64::try_from(bytes).unwrap_or(u64::MAX)) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// A request's body that goes back where it came from instead of being dropped.
struct Lent {
    /// There until the drop.
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
    is_coming: bool,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.is_coming = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (true, Some(body), Some(back)) = (self.is_coming, self.body.take(), self.back.take()) {
            // Nobody waits for it any more when the request was cancelled.
            let _ = back.send(body);
        }
    }
}

/// An answer's body that tells when hyper has taken all of it.
struct Outgoing {
    body: Body,
    progress: Progress,
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.progress.answer_is_taken();
    }
}
