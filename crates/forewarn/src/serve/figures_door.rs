//! The door for monitoring: `/metrics`, `/healthz`, `/readyz`, on this machine alone. It asks nobody who they are, so it
//! shows nothing but figures, names of partners and words of the program.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::get;
use exchange::house::House;
use exchange::refusal::Refusal;
use exchange::view::figures;
use gate::limits::ServeLimits;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::metrics;
use crate::clock;

/// A trial writing counts for so long: a probe every second must not wear the disk.
const TRIAL_HOLDS: Duration = Duration::from_secs(5);

/// What the door shows.
#[derive(Clone)]
pub(super) struct Shown {
    house: House,
    /// Turns true when the node stops.
    stop: watch::Receiver<bool>,
    /// One look at a time: whoever asks often waits for themselves.
    one_look: Arc<Semaphore>,
    trial: Arc<Mutex<Option<Trial>>>,
}

/// When the last trial writing was, and what stood in the way.
type Trial = (Duration, Vec<String>);

/// The door, open or not.
pub(super) struct FiguresDoor {
    shown: Shown,
    open: Option<Open>,
}

struct Open {
    address: SocketAddr,
    close: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// A door that is ready to be opened.
pub(super) enum Prepared {
    /// It stays as it is.
    Same,
    /// It is to be closed.
    Closed,
    /// It is to be opened here, and the one before to be closed.
    At(SocketAddr, TcpListener),
}

impl FiguresDoor {
    /// A door over this house, closed.
    pub(super) fn closed(house: House, stop: watch::Receiver<bool>) -> Self {
        let shown = Shown { house, stop, one_look: Arc::new(Semaphore::new(1)), trial: Arc::default() };
        Self { shown, open: None }
    }

    /// Looks whether the door can be opened at this address, and listens there; nobody is answered so far.
    pub(super) async fn prepare(&self, configured: Option<&str>) -> Result<Prepared, Refusal> {
        let Some(text) = configured else { return Ok(Prepared::Closed) };
        let address = address(text)?;
        if self.open.as_ref().is_some_and(|open| open.address == address) {
            return Ok(Prepared::Same);
        }
        let listener = TcpListener::bind(address).await.map_err(|e| {
            Refusal::world("cannot_listen", format!("the figures cannot be shown at {address}: {e}"))
                .hint("look at \"metrics\" in node.json; `ss -ltnp` shows who has the port")
        })?;
        Ok(Prepared::At(address, listener))
    }

    /// Opens or closes the door as it was prepared. Requests in flight at the old one may end.
    pub(super) fn set(&mut self, prepared: Prepared) {
        match prepared {
            Prepared::Same => {}
            Prepared::Closed => self.leave(),
            Prepared::At(address, listener) => {
                self.leave();
                let (close, mut closed) = watch::channel(false);
                let router = router(self.shown.clone());
                let serving = tokio::spawn(async move {
                    let until = async move { drop(closed.wait_for(|closed| *closed).await) };
                    let served = gate::serve::serve_loopback(listener, router, ServeLimits::figures(), until);
                    if let Err(error) = served.await {
                        tracing::error!(%error, "the door for the figures closed by itself");
                    }
                });
                tracing::info!(%address, "the figures are shown");
                self.open = Some(Open { address, close, serving });
            }
        }
    }

    fn leave(&mut self) {
        if let Some(open) = self.open.take() {
            open.close.send_replace(true);
        }
    }

    /// Closes the door and waits until its requests have ended.
    pub(super) async fn end(mut self) {
        if let Some(open) = self.open.take() {
            open.close.send_replace(true);
            let _ = open.serving.await;
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, Refusal> {
    let wrong = |fact: String| {
        Refusal::yours("bad_config", fact)
            .hint("name an address of this machine alone, as \"127.0.0.1:9464\" or \"[::1]:9464\"")
    };
    let address: SocketAddr =
        text.parse().map_err(|e| wrong(format!("\"metrics\" in node.json is {text:?}: {e}")))?;
    if !address.ip().is_loopback() {
        let fact = format!("\"metrics\" in node.json is {address}, which other machines can reach");
        return Err(wrong(fact).detail(
            "the figures name partners and ask nobody who they are; to read them from elsewhere, put a proxy before them \
             that does",
        ));
    }
    Ok(address)
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/metrics", get(metrics_page))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(|| async { text(StatusCode::NOT_FOUND, "here are /metrics, /healthz and /readyz\n") })
        .with_state(shown)
}

async fn metrics_page(State(shown): State<Shown>) -> Response<Body> {
    let house = shown.house.clone();
    match look(&shown, move || figures::figures(&house, clock::now())).await {
        Ok(figures) => {
            let page = metrics::page(&figures, shown.house.tally.time());
            let mut response = text(StatusCode::OK, page);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::MEDIA));
            response
        }
        Err(refusal) => {
            tracing::error!(fact = %refusal.for_the_log(), "the figures could not be computed");
            text(StatusCode::SERVICE_UNAVAILABLE, "the figures could not be computed: see the node's log\n")
        }
    }
}

/// The process lives, and its store answers.
async fn healthz(State(shown): State<Shown>) -> Response<Body> {
    let house = shown.house.clone();
    match look(&shown, move || figures::is_alive(&house)).await {
        Ok(()) => text(StatusCode::OK, "alive\n"),
        Err(refusal) => {
            tracing::error!(fact = %refusal.for_the_log(), "the store does not answer");
            text(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer: see the node's log\n")
        }
    }
}

/// The node can do its work: the store can be written, no log is recovering, and the doors are open.
async fn readyz(State(shown): State<Shown>) -> Response<Body> {
    if *shown.stop.borrow() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "not ready: the node is stopping\n");
    }
    let (house, trial) = (shown.house.clone(), Arc::clone(&shown.trial));
    let looked = look(&shown, move || {
        let at = house.tally.time();
        let mut trial = trial.lock().unwrap_or_else(PoisonError::into_inner);
        match trial.as_ref().filter(|(then, _)| at.saturating_sub(*then) < TRIAL_HOLDS) {
            Some((_, found)) => Ok(found.clone()),
            None => {
                let found = figures::not_ready(&house, clock::now())?;
                *trial = Some((at, found.clone()));
                Ok(found)
            }
        }
    });
    match looked.await {
        Ok(found) if found.is_empty() => text(StatusCode::OK, "ready\n"),
        Ok(found) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", found.join("; "))),
        Err(refusal) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", refusal.fact)),
    }
}

/// Looks on a thread that may block, one look at a time.
async fn look<T: Send + 'static>(
    shown: &Shown,
    look: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let _turn = shown.one_look.acquire().await.map_err(Refusal::ours)?;
    tokio::task::spawn_blocking(look)
        .await
        .unwrap_or_else(|_| Err(Refusal::world("stopping", "the node is stopping")))
}

fn text(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_shown_to_this_machine_alone() {
        for right in ["127.0.0.1:9464", "[::1]:9464", "127.0.0.2:1"] {
            assert!(address(right).is_ok(), "{right}");
        }
        for wrong in ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464", "localhost:9464", "9464", ""] {
            assert_eq!(address(wrong).unwrap_err().code, "bad_config", "{wrong}");
        }
    }
}
