//! One open connection on which we are the one who asks: a request goes out, the answer comes back, within limits.
//!
//! [`Line`] is what [`crate::dial`] keeps between requests. It knows whether a byte of the answer came, which decides
//! whether a request may be sent once more.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::arrivals::Arrivals;
use crate::dial::PeerAnswer;
use crate::limits::DialLimits;

/// Largest piece of memory taken for an answer on the word of its sender alone, in bytes.
const TRUSTED_LENGTH_BYTES_MAX: u64 = 64 * 1024;

/// What can go wrong on an open connection.
#[derive(Debug)]
pub(crate) enum Fault {
    Tls(rustls::Error),
    /// Closed before the first byte of the answer.
    Closed(hyper::Error),
    Http(hyper::Error),
    TooLarge,
    TimedOut,
}

/// One open connection, driven by a task of its own.
///
/// Dropped while it is kept, it is closed in good order; dropped in the middle of an exchange, it is closed at once.
#[derive(Debug)]
pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// Whether a byte of an answer came since the request was sent.
    has_heard: Arc<AtomicBool>,
    /// Whether the connection waits for a next request; while it does, its time runs.
    is_kept: watch::Sender<bool>,
}

impl Line {
    pub(crate) async fn open<S>(stream: S, limits: &DialLimits) -> Result<Self, Fault>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let has_heard = Arc::new(AtomicBool::new(false));
        let stream = Arrivals::new(stream, {
            let has_heard = Arc::clone(&has_heard);
            move || has_heard.store(true, Ordering::Release)
        });
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(limits.read_buffer_bytes())
            .handshake(TokioIo::new(stream))
            .await
            .map_err(Fault::Http)?;
        let (is_kept, mut kept) = watch::channel(false);
        let kept_max = limits.kept();
        tokio::spawn(async move {
            tokio::select! {
                // What went wrong is told to the request that waits.
                _ = connection => {}
                () = given_up(&mut kept, kept_max) => {}
            }
        });
        Ok(Self { sender, has_heard, is_kept })
    }

    /// Sends `request` and reads the whole answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        limits: &DialLimits,
    ) -> Result<PeerAnswer, Fault> {
        self.is_kept.send_replace(false);
        self.has_heard.store(false, Ordering::Release);
        let exchanged = timeout(limits.exchange(), async {
            self.sender.ready().await.map_err(|error| self.fault(error))?;
            let sent = self.sender.send_request(request).await;
            let response = sent.map_err(|error| self.fault(error))?;
            read_answer(response, limits.answer_bytes_max).await
        });
        exchanged.await.unwrap_or(Err(Fault::TimedOut))
    }

    /// Sorts an error of hyper's by what it means to the caller.
    fn fault(&self, error: hyper::Error) -> Fault {
        if let Some(tls) = tls_error(&error) {
            return Fault::Tls(tls);
        }
        match self.has_heard.load(Ordering::Acquire) {
            true => Fault::Http(error),
            false => Fault::Closed(error),
        }
    }

    /// Lets the connection wait for the next request, if it can carry one.
    pub(crate) fn kept(self) -> Option<Self> {
        if self.sender.is_closed() {
            return None;
        }
        self.is_kept.send_replace(true);
        Some(self)
    }
}

/// Waits until a connection is to be cut: its line was dropped in the middle of an exchange, or it was kept without a
/// request for `kept_max`.
async fn given_up(kept: &mut watch::Receiver<bool>, kept_max: Duration) {
    while kept.wait_for(|kept| *kept).await.is_ok() {
        let is_used_again = timeout(kept_max, kept.wait_for(|kept| !*kept)).await.map(|used| used.is_ok());
        match is_used_again {
            Ok(true) => {}
            // The line was dropped while it was kept. With it went hyper's sender, upon which hyper closes the
            // connection by itself; it gets the same time for that.
            Ok(false) => {
                let _ = timeout(kept_max, std::future::pending::<()>()).await;
                return;
            }
            Err(_) => return,
        }
    }
}

async fn read_answer(response: Response<Incoming>, answer_bytes_max: u64) -> Result<PeerAnswer, Fault> {
    let (head, mut rest) = response.into_parts();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = text(CONTENT_TYPE).map(str::to_owned);
    let retry_after_s = text(RETRY_AFTER).and_then(|value| value.parse().ok());

    let promised = rest.size_hint().lower();
    if promised > answer_bytes_max {
        return Err(Fault::TooLarge);
    }
    let room = usize::try_from(promised.min(TRUSTED_LENGTH_BYTES_MAX)).unwrap_or(0);
    let mut body = Vec::with_capacity(room);
    let mut left = answer_bytes_max;
    while let Some(frame) = rest.frame().await {
        let Ok(data) = frame.map_err(Fault::Http)?.into_data() else {
            continue;
        };
        left = u64::try_from(data.len())
            .ok()
            .and_then(|bytes| left.checked_sub(bytes))
            .ok_or(Fault::TooLarge)?;
        body.extend_from_slice(&data);
    }
    Ok(PeerAnswer { status: head.status.as_u16(), content_type, retry_after_s, body })
}

/// Finds the TLS library's error in what was wrapped around it.
pub(crate) fn tls_error(error: &(dyn StdError + 'static)) -> Option<rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        // An `io::Error` does not give what it carries as its source.
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(tls) = carried.and_then(|carried| carried.downcast_ref::<rustls::Error>()) {
            return Some(tls.clone());
        }
        next = error.source();
    }
    None
}
