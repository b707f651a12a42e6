//! What a caller gets, and what it costs to be slow, many or large.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod loopback;

use std::convert::Infallible;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::{get as on_get, post as on_post};
use axum::{Extension, Router};
use gate::dial::{DialError, LocalError, PeerAnswer, Unreached, unix_request};
use gate::limits::{DialLimits, ServeLimits};
use gate::serve::{LocalPeer, serve_tls, serve_unix};
use gate::tls::server_config;
use hyper::body::Frame;
use loopback::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

/// A limit that is reached at once in a test that waits for it.
const SHORT_MS: u64 = 150;

fn ok() -> Router {
    Router::new().route("/", on_get(async || "ok"))
}

/// A handler that tells when it is entered and then waits to be let go.
struct Held {
    router: Router,
    entered: mpsc::UnboundedReceiver<()>,
    release: Arc<Notify>,
}

fn held() -> Held {
    let (tell, entered) = mpsc::unbounded_channel();
    let release = Arc::new(Notify::new());
    let handler = {
        let release = Arc::clone(&release);
        move || async move {
            tell.send(()).unwrap();
            release.notified().await;
            "released"
        }
    };
    Held { router: ok().route("/held", on_get(handler)), entered, release }
}

// ---- slow callers

#[tokio::test]
async fn a_handshake_that_is_never_finished_is_cut() {
    let limits = ServeLimits { handshake_ms_max: SHORT_MS, ..patient() };
    let node = Node::start(&identity(1), ok(), limits).await;
    let mut silent = TcpStream::connect(node.address).await.unwrap();
    let mut begun = TcpStream::connect(node.address).await.unwrap();
    begun.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    assert_eq!(until_closed(&mut silent).await, b"");
    assert_eq!(until_closed(&mut begun).await, b"");
    node.stop().await;
}

#[tokio::test]
async fn a_head_that_comes_in_drops_is_cut() {
    let limits = ServeLimits { head_ms_max: SHORT_MS, ..patient() };
    let node = Node::start(&identity(1), ok(), limits).await;
    let mut stream = node.raw(&identity(2)).await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    drip(&mut stream, b"x").await;
    node.stop().await;
}

#[tokio::test]
async fn the_head_of_a_later_request_is_cut_too() {
    let limits = ServeLimits { head_ms_max: SHORT_MS, ..patient() };
    let node = Node::start(&identity(1), ok(), limits).await;
    let mut stream = node.raw(&identity(2)).await;
    for _ in 0..3 {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200"));
        assert_eq!(soon(stream.read_u16()).await.unwrap().to_be_bytes(), *b"ok");
    }
    drip(&mut stream, b"x").await;
    node.stop().await;
}

/// Writes `drop` again and again until the other side has closed.
async fn drip(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), drop: &[u8]) {
    soon(async {
        loop {
            if stream.write_all(drop).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            let mut byte = [0];
            match timeout(Duration::from_millis(10), stream.read(&mut byte)).await {
                Err(_) => {}
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(_)) => {}
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_cut() {
    let limits = ServeLimits { idle_ms_max: 500, ..patient() };
    let node = Node::start(&identity(1), ok(), limits).await;
    let mut never_asked = node.raw(&identity(2)).await;
    assert_eq!(until_closed(&mut never_asked).await, b"");
    let mut asked_once = node.raw(&identity(2)).await;
    asked_once.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(until_closed(&mut asked_once).await.ends_with(b"\r\n\r\nok"));
    node.stop().await;
}

#[tokio::test]
async fn a_body_that_comes_in_drops_is_answered_503_and_cut() {
    let limits = ServeLimits { request_ms_max: SHORT_MS, ..patient() };
    let router = Router::new().route("/", on_post(async |body: Bytes| body));
    let node = Node::start(&identity(1), router, limits).await;
    let mut stream = node.raw(&identity(2)).await;
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc").await.unwrap();
    assert_busy_then_closed(&mut stream).await;
    node.stop().await;
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_cancelled_and_answered_503() {
    let limits = ServeLimits { request_ms_max: SHORT_MS, ..patient() };
    let (dropped, cancelled) = oneshot::channel::<Infallible>();
    let dropped = Arc::new(Mutex::new(Some(dropped)));
    let handler = async move || {
        let _until_cancelled = dropped.lock().unwrap().take();
        std::future::pending::<()>().await;
    };
    let router = Router::new().route("/", on_get(handler));
    let node = Node::start(&identity(1), router, limits).await;
    let mut stream = node.raw(&identity(2)).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_busy_then_closed(&mut stream).await;
    assert!(soon(cancelled).await.is_err());
    node.stop().await;
}

async fn assert_busy_then_closed(stream: &mut (impl AsyncRead + Unpin)) {
    let answer = String::from_utf8(until_closed(stream).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\r\nretry-after: 30\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

/// A body without end that tells when it is dropped.
struct Endless {
    _dropped: oneshot::Sender<Infallible>,
}

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 65_536])))))
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_cut() {
    let limits = ServeLimits { request_ms_max: SHORT_MS, head_ms_max: SHORT_MS, ..patient() };
    let (dropped, cut) = oneshot::channel();
    let endless = Arc::new(Mutex::new(Some(Endless { _dropped: dropped })));
    let router = Router::new().route(
        "/",
        on_get(move || {
            let body = Body::new(endless.lock().unwrap().take().unwrap());
            async { body }
        }),
    );
    let node = Node::start(&identity(1), router, limits).await;
    let mut stream = node.raw(&identity(2)).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(soon(cut).await.is_err());
    node.stop().await;
}

#[tokio::test]
async fn a_busy_connection_is_not_cut_while_each_request_is_in_time() {
    // Thirty requests take longer than the limit, one by far not.
    let limits = ServeLimits { request_ms_max: 600, head_ms_max: 600, idle_ms_max: 600, ..patient() };
    let slow = async || {
        let _ = timeout(Duration::from_millis(30), std::future::pending::<()>()).await;
        "ok"
    };
    let node = Node::start(&identity(1), Router::new().route("/", on_get(slow)), limits).await;
    let one = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let (mut each, mut all_at_once) = (node.raw(&identity(2)).await, node.raw(&identity(2)).await);
    all_at_once.write_all(one.repeat(30).as_bytes()).await.unwrap();
    for _ in 0..30 {
        each.write_all(one.as_bytes()).await.unwrap();
        for stream in [&mut each, &mut all_at_once] {
            assert!(read_head(stream).await.starts_with("HTTP/1.1 200"));
            soon(stream.read_u16()).await.unwrap();
        }
    }
    node.stop().await;
}

// ---- large callers

#[tokio::test]
async fn a_head_over_the_limit_is_answered_431() {
    let node = Node::start(&identity(1), ok(), patient()).await;
    let large = format!("GET / HTTP/1.1\r\nhost: x\r\nx-a: {}\r\n\r\n", "a".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(64));
    for head in [large, many] {
        let mut stream = node.raw(&identity(2)).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 431"));
        until_closed(&mut stream).await;
    }
    node.stop().await;
}

#[tokio::test]
async fn a_caller_whose_large_body_is_refused_hears_the_refusal() {
    let router = Router::new()
        .route("/read", on_post(async |_: Bytes| StatusCode::OK))
        .layer(DefaultBodyLimit::max(1024))
        .route("/unread", on_post(async || StatusCode::LOCKED));
    let node = Node::start(&identity(1), router, patient()).await;
    let client = node.client(&identity(2));
    for _ in 0..5 {
        for (path, status) in [("/read", 413), ("/unread", 423)] {
            let body = vec![7; 3 << 20];
            let answer = soon(client.request(Method::POST, path, None, body)).await.unwrap();
            assert_eq!(answer.status, status);
        }
    }
    node.stop().await;
}

#[tokio::test]
async fn a_caller_may_send_all_of_a_refused_body_before_it_listens() {
    let router = Router::new().route("/", on_post(async || StatusCode::LOCKED));
    let node = Node::start(&identity(1), router, patient()).await;
    let mut stream = node.raw(&identity(2)).await;
    for _ in 0..2 {
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 3 << 20);
        stream.write_all(head.as_bytes()).await.unwrap();
        soon(stream.write_all(&vec![7; 3 << 20])).await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 423"));
    }
    node.stop().await;
}

#[tokio::test]
async fn a_refused_body_over_the_limit_is_not_read() {
    let router = Router::new().route("/", on_post(async || StatusCode::LOCKED));
    let limits = ServeLimits { unread_body_bytes_max: 1000, ..patient() };
    let node = Node::start(&identity(1), router, limits).await;
    for (head, body) in [("content-length: 1001", ""), ("transfer-encoding: chunked", "3e9\r\n")] {
        let mut stream = node.raw(&identity(2)).await;
        let begun = format!("POST / HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n{body}");
        stream.write_all(begun.as_bytes()).await.unwrap();
        if !body.is_empty() {
            stream.write_all(&[7; 1001]).await.unwrap();
        }
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 423"));
        until_closed(&mut stream).await;
    }
    node.stop().await;
}

#[tokio::test]
async fn a_body_that_waits_to_be_asked_for_is_not_asked_for_when_nobody_reads_it() {
    let router = Router::new().route("/", on_post(async || StatusCode::LOCKED));
    let node = Node::start(&identity(1), router, patient()).await;
    let mut stream = node.raw(&identity(2)).await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        .await
        .unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 423"));
    node.stop().await;
}

// ---- many callers

#[tokio::test]
async fn connections_over_the_total_are_refused_until_one_closes() {
    let limits = ServeLimits { connections_max: 2, ..patient() };
    let node = Node::start(&identity(1), ok(), limits).await;
    let (one, two) = (node.client(&identity(2)), node.client(&identity(3)));
    get(&one, "/").await.unwrap();
    get(&two, "/").await.unwrap();
    let mut three = TcpStream::connect(node.address).await.unwrap();
    assert_eq!(until_closed(&mut three).await, b"");
    drop(one);
    until_let_in(&node.client(&identity(4))).await;
    node.stop().await;
}

#[tokio::test]
async fn connections_over_the_share_of_one_key_are_refused_and_other_keys_are_not() {
    let limits = ServeLimits { connections_per_caller_max: 1, ..patient() };
    let node = Node::start(&identity(1), ok(), limits).await;
    let bravo = node.client(&identity(2));
    get(&bravo, "/").await.unwrap();
    let bravo_again = node.client(&identity(2));
    assert_hung_up(get(&bravo_again, "/").await);
    get(&node.client(&identity(3)), "/").await.unwrap();
    drop(bravo);
    until_let_in(&bravo_again).await;
    node.stop().await;
}

#[tokio::test]
async fn handshakes_over_the_share_of_one_address_are_refused_and_done_ones_do_not_count() {
    let limits = ServeLimits { handshakes_per_ip_max: 1, ..patient() };
    let node = Node::start(&identity(1), ok(), limits).await;
    let mut done = node.raw(&identity(2)).await;
    let pending = TcpStream::connect(node.address).await.unwrap();
    let mut refused = TcpStream::connect(node.address).await.unwrap();
    assert_eq!(until_closed(&mut refused).await, b"");
    done.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(read_head(&mut done).await.starts_with("HTTP/1.1 200"));
    drop(pending);
    until_let_in(&node.client(&identity(3))).await;
    node.stop().await;
}

#[tokio::test]
async fn connections_over_the_share_of_one_address_are_refused_whatever_their_keys() {
    let limits = ServeLimits { connections_per_ip_max: 2, ..patient() };
    let node = Node::start(&identity(1), ok(), limits).await;
    let (one, two) = (node.client(&identity(2)), node.client(&identity(3)));
    get(&one, "/").await.unwrap();
    get(&two, "/").await.unwrap();
    assert_hung_up(get(&node.client(&identity(4)), "/").await);
    node.stop().await;
}

#[track_caller]
fn assert_hung_up(result: Result<PeerAnswer, DialError>) {
    let why = match &result {
        Err(DialError::Unreachable { why, .. }) => Some(*why),
        _ => None,
    };
    assert_eq!(why, Some(Unreached::HungUp), "{result:?}");
}

/// Asks until a place that was given up is free.
async fn until_let_in(client: &gate::dial::PeerClient) {
    soon(async {
        while get(client, "/").await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// ---- the stop

#[tokio::test]
async fn a_stop_lets_a_running_request_finish() {
    let mut held = held();
    let node = Node::start(&identity(1), held.router, patient()).await;
    let address = node.address;
    let client = node.client(&identity(2));
    let asking = tokio::spawn(async move { get(&client, "/held").await });
    soon(held.entered.recv()).await.unwrap();
    let stopped = tokio::spawn(node.stop());
    until_refused(address).await;
    assert!(!asking.is_finished() && !stopped.is_finished());
    held.release.notify_one();
    let answer = soon(asking).await.unwrap().unwrap();
    assert_eq!(answer.body, b"released");
    soon(stopped).await.unwrap();
}

async fn until_refused(address: std::net::SocketAddr) {
    soon(async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_connections_that_ask_nothing() {
    let limits = ServeLimits { drain_ms_max: 3_600_000, ..patient() };
    let node = Node::start(&identity(1), ok(), limits).await;
    let mut never_shook_hands = TcpStream::connect(node.address).await.unwrap();
    let mut never_asked = node.raw(&identity(3)).await;
    let client = node.client(&identity(2));
    get(&client, "/").await.unwrap();
    node.stop().await;
    until_closed(&mut never_asked).await;
    until_closed(&mut never_shook_hands).await;
    assert!(get(&client, "/").await.is_err());
}

#[tokio::test]
async fn a_request_that_outlasts_the_drain_is_cut() {
    let mut held = held();
    let limits = ServeLimits { drain_ms_max: SHORT_MS, ..patient() };
    let node = Node::start(&identity(1), held.router, limits).await;
    let client = node.client(&identity(2));
    let asking = tokio::spawn(async move { get(&client, "/held").await });
    soon(held.entered.recv()).await.unwrap();
    node.stop().await;
    assert!(soon(asking).await.unwrap().is_err());
}

#[tokio::test]
async fn a_handler_that_panics_costs_one_connection() {
    let router = ok().route("/panic", on_get(async || -> &'static str { panic!("a fault of ours") }));
    let node = Node::start(&identity(1), router, patient()).await;
    let client = node.client(&identity(2));
    assert!(get(&client, "/panic").await.is_err());
    assert_eq!(get(&client, "/").await.unwrap().status, 200);
    node.stop().await;
}

// ---- the log

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failed_handshake_leaves_one_line_with_the_address_alone() {
    let lines = Lines::default();
    let _logging = tracing::subscriber::set_default(
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer({
                let lines = lines.clone();
                move || lines.clone()
            })
            .finish(),
    );
    let node = Node::start(&identity(1), ok(), patient()).await;
    let mut stranger = TcpStream::connect(node.address).await.unwrap();
    let remote = stranger.local_addr().unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until_closed(&mut stranger).await;
    node.stop().await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<_> = text.lines().filter(|line| line.contains(" gate::")).collect();
    assert_eq!(ours, [format!("DEBUG gate::serve: TLS handshake failed remote={remote}")]);
}

// ---- the local socket

#[tokio::test]
async fn a_local_request_carries_the_callers_user() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let router = Router::new().route(
        "/uid",
        on_post(
            async |Extension(LocalPeer { uid }): Extension<LocalPeer>, headers: HeaderMap, body: String| {
                let word = headers["x-word"].to_str().unwrap().to_owned();
                ([("retry-after", "7"), ("content-type", "text/x-uid")], format!("{uid} {word} {body}"))
            },
        ),
    );
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = UnixListener::bind(&socket).unwrap();
    let served = tokio::spawn(serve_unix(listener, router, ServeLimits::local_socket(), stopped));

    let mut headers = HeaderMap::new();
    headers.insert("x-word", "hello".parse().unwrap());
    let limits = DialLimits::default();
    let sent = unix_request(&socket, Method::POST, "/uid", headers, b"there".to_vec(), &limits);
    let answer = soon(sent).await.unwrap();
    let uid = std::fs::metadata(folder.path()).unwrap().uid();
    assert_eq!(
        answer,
        PeerAnswer {
            status: 200,
            content_type: Some("text/x-uid".to_owned()),
            retry_after_s: Some(7),
            body: format!("{uid} hello there").into_bytes(),
        }
    );

    stop.send(()).unwrap();
    soon(served).await.unwrap().unwrap();
    // The file is still there, and nobody listens.
    let sent = unix_request(&socket, Method::GET, "/uid", HeaderMap::new(), Vec::new(), &limits);
    let error = soon(sent).await.unwrap_err();
    assert!(matches!(error, LocalError::NobodyListens { .. }), "{error:?}");
}

#[tokio::test]
async fn the_local_socket_has_the_same_limits() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let limits =
        ServeLimits { connections_per_caller_max: 1, head_ms_max: SHORT_MS, ..ServeLimits::local_socket() };
    let (_stop, stopped) = oneshot::channel::<()>();
    let listener = UnixListener::bind(&socket).unwrap();
    let served = tokio::spawn(serve_unix(listener, ok(), limits, stopped));
    let mut first = UnixStream::connect(&socket).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut second = UnixStream::connect(&socket).await.unwrap();
    assert_eq!(until_closed(&mut second).await, b"");
    drip(&mut first, b"x").await;
    served.abort();
}

#[tokio::test]
async fn a_server_can_run_on_any_thread() {
    fn is_send<T: Send>(it: T) -> T {
        it
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = server_config(&identity(1)).unwrap();
    drop(is_send(serve_tls(listener, config, ok(), patient(), std::future::pending::<()>())));
}
