//! Calling a partner: one connection kept, every failure told apart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod loopback;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::{get as on_get, post as on_post};
use gate::dial::{DialError, LocalError, PeerClient, Step, Unreached, unix_request};
use gate::limits::DialLimits;
use gate::tls::client_config;
use hyper::body::Frame;
use loopback::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn ok() -> Router {
    Router::new().route("/", on_get(async || "ok"))
}

// ---- what goes over

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_and_so_does_the_answer() {
    let router = Router::new().route(
        "/peer/v1/x",
        on_post(async |headers: HeaderMap, uri: axum::http::Uri, body: Bytes| {
            let seen = format!(
                "{} {} {}",
                uri,
                headers["content-type"].to_str().unwrap(),
                headers["host"].to_str().unwrap()
            );
            let answered = [("content-type", "text/x.tlog.size"), ("retry-after", "12")];
            (StatusCode::CONFLICT, answered, format!("{seen} {}", body.len()))
        }),
    );
    let node = Node::start(&identity(1), router, patient()).await;
    let body = vec![1; 1 << 20];
    let client = node.client(&identity(2));
    let sent = client.request(Method::POST, "/peer/v1/x?from=3", Some("application/x"), body);
    let answer = soon(sent).await.unwrap();
    assert_eq!(answer.status, 409);
    assert_eq!(answer.content_type.as_deref(), Some("text/x.tlog.size"));
    assert_eq!(answer.retry_after_s, Some(12));
    let expected = format!("/peer/v1/x?from=3 application/x {} 1048576", node.address);
    assert_eq!(String::from_utf8(answer.body).unwrap(), expected);
    node.stop().await;
}

#[tokio::test]
async fn a_retry_time_given_as_a_date_is_left_out() {
    let date = [("retry-after", "Fri, 20 Nov 2026 12:00:00 GMT")];
    let router = Router::new().route("/", on_get(move || async move { date }));
    let node = Node::start(&identity(1), router, patient()).await;
    let answer = get(&node.client(&identity(2)), "/").await.unwrap();
    assert_eq!((answer.retry_after_s, answer.content_type), (None, None));
    node.stop().await;
}

// ---- one connection

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let server = Scripted::start(&identity(1), |_, mut stream| async move {
        loop {
            read_head(&mut stream).await;
            say_ok(&mut stream, "ok").await;
        }
    })
    .await;
    let client = server.client(&identity(2), DialLimits::default());
    for _ in 0..5 {
        assert_eq!(get(&client, "/").await.unwrap().body, b"ok");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_server_that_restarted_is_called_again() {
    let (alpha, bravo) = (identity(1), identity(2));
    let node = Node::start(&alpha, ok(), patient()).await;
    let (address, client) = (node.address, node.client(&bravo));
    get(&client, "/").await.unwrap();
    node.stop().await;
    let error = get(&client, "/").await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable { why: Unreached::Refused, .. }), "{error:?}");
    let node = Node::start_at(address, &alpha, ok(), patient()).await;
    get(&client, "/").await.unwrap();
    node.stop().await;
}

#[tokio::test]
async fn a_kept_connection_that_closes_on_the_request_is_replaced_once() {
    let server = Scripted::start(&identity(1), |number, mut stream| async move {
        read_head(&mut stream).await;
        if number < 2 {
            say_ok(&mut stream, "ok").await;
            // Takes the next request and closes without a word.
            read_head(&mut stream).await;
        }
    })
    .await;
    let client = server.client(&identity(2), DialLimits::default());
    get(&client, "/").await.unwrap();
    get(&client, "/").await.unwrap();
    assert_eq!(server.connections(), 2);
    // The second connection closes, and its replacement does, too: that one is not tried again.
    let error = get(&client, "/").await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable { why: Unreached::HungUp, .. }), "{error:?}");
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_request_whose_answer_has_begun_is_not_sent_again() {
    let server = Scripted::start(&identity(1), |_, mut stream| async move {
        read_head(&mut stream).await;
        say_ok(&mut stream, "ok").await;
        read_head(&mut stream).await;
        stream.write_all(b"H").await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    let client = server.client(&identity(2), DialLimits::default());
    get(&client, "/").await.unwrap();
    let error = get(&client, "/").await.unwrap_err();
    assert!(matches!(error, DialError::Protocol { .. }), "{error:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_kept_too_long_is_let_go() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(&identity(1), move |_, mut stream| {
        let tell = tell.clone();
        async move {
            read_head(&mut stream).await;
            say_ok(&mut stream, "ok").await;
            until_closed(&mut stream).await;
            tell.send(()).unwrap();
        }
    })
    .await;
    let limits = DialLimits { kept_ms_max: 50, ..DialLimits::default() };
    let client = server.client(&identity(2), limits);
    get(&client, "/").await.unwrap();
    soon(told.recv()).await.unwrap();
    get(&client, "/").await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_client_that_is_dropped_closes_its_connection_in_good_order() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(&identity(1), move |_, mut stream| {
        let tell = tell.clone();
        async move {
            read_head(&mut stream).await;
            say_ok(&mut stream, "ok").await;
            // Without the closing alert of TLS this would be an error.
            tell.send(stream.read(&mut [0]).await.map_err(|error| error.kind())).unwrap();
        }
    })
    .await;
    for _ in 0..10 {
        let client = server.client(&identity(2), DialLimits::default());
        get(&client, "/").await.unwrap();
        drop(client);
        assert_eq!(soon(told.recv()).await.unwrap(), Ok(0));
    }
}

#[tokio::test]
async fn a_request_that_was_given_up_leaves_no_connection_to_the_next() {
    let server = Scripted::start(&identity(1), |number, mut stream| async move {
        read_head(&mut stream).await;
        if number == 0 {
            until_closed(&mut stream).await;
        } else {
            say_ok(&mut stream, "mine").await;
        }
    })
    .await;
    let client = server.client(&identity(2), DialLimits::default());
    let given_up = client.request(Method::GET, "/", None, Vec::new());
    assert!(tokio::time::timeout(Duration::from_millis(200), given_up).await.is_err());
    assert_eq!(get(&client, "/").await.unwrap().body, b"mine");
}

#[tokio::test]
async fn a_client_can_be_shared_between_tasks() {
    fn is_send<T: Send>(it: T) -> T {
        it
    }
    let node = Node::start(&identity(1), ok(), patient()).await;
    let client = std::sync::Arc::new(node.client(&identity(2)));
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let client = std::sync::Arc::clone(&client);
            tokio::spawn(is_send(async move { get(&client, "/").await.unwrap().body }))
        })
        .collect();
    for asked in asking {
        assert_eq!(soon(asked).await.unwrap(), b"ok");
    }
    node.stop().await;
}

// ---- what can go wrong

/// Fact, detail and hint of an error, one a line, with the address as `ADDRESS`.
fn told(error: &DialError, address: impl ToString) -> String {
    format!("{error}\n{}\n{}", error.detail(), error.hint()).replace(&address.to_string(), "ADDRESS")
}

#[tokio::test]
async fn nobody_listening_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (alpha, bravo) = (identity(1).pin().unwrap(), identity(2));
    let error = get(&client(address, &bravo, alpha, DialLimits::default()), "/").await.unwrap_err();
    assert_eq!(
        told(&error, address),
        "the partner's node at ADDRESS cannot be reached\n\
         nobody listens there\n\
         It is tried again by itself; if it lasts, call the partner's duty desk."
    );
}

#[tokio::test]
async fn an_address_that_is_none_is_told() {
    let config = client_config(&identity(2), identity(1).pin().unwrap()).unwrap();
    for address in ["", "no-port", "127.0.0.1:99999", "two words:1"] {
        let client = PeerClient::new(address.to_owned(), config.clone(), DialLimits::default());
        let error = get(&client, "/").await.unwrap_err();
        assert!(matches!(error, DialError::Unreachable { why: Unreached::Name, .. }), "{error:?}");
        assert!(error.hint().contains("address"));
    }
    let client = PeerClient::new("a\nb:1".to_owned(), config, DialLimits::default());
    let error = get(&client, "/").await.unwrap_err();
    assert!(matches!(error, DialError::NotARequest { .. }), "{error:?}");
}

#[tokio::test]
async fn a_path_that_cannot_be_written_is_not_sent() {
    let node = Node::start(&identity(1), ok(), patient()).await;
    let client = node.client(&identity(2));
    let error = get(&client, "/a b").await.unwrap_err();
    assert!(matches!(error, DialError::NotARequest { .. }), "{error:?}");
    let sent = client.request(Method::GET, "/", Some("a\r\nb: c"), Vec::new());
    let error = soon(sent).await.unwrap_err();
    assert!(matches!(error, DialError::NotARequest { .. }), "{error:?}");
    node.stop().await;
}

#[tokio::test]
async fn a_handshake_that_is_not_answered_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = DialLimits { handshake_ms_max: 50, ..DialLimits::default() };
    let client = client(address, &identity(2), identity(1).pin().unwrap(), limits);
    let error = get(&client, "/").await.unwrap_err();
    assert!(matches!(error, DialError::TimedOut { step: Step::Handshake, .. }), "{error:?}");
    assert_eq!(
        told(&error, address),
        "the node at ADDRESS did not answer in time\n\
         the TLS handshake was not done after 50 ms\n\
         It is tried again by itself; if it lasts, look at the line between the nodes."
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_told_whichever_part_is_late() {
    let server = Scripted::start(&identity(1), |number, mut stream| async move {
        read_head(&mut stream).await;
        let begun: &[u8] = match number {
            0 => b"",
            1 => b"HTTP/1.1 200",
            _ => b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
        };
        stream.write_all(begun).await.unwrap();
        stream.flush().await.unwrap();
        until_closed(&mut stream).await;
    })
    .await;
    let limits = DialLimits { exchange_ms_max: 100, ..DialLimits::default() };
    let client = server.client(&identity(2), limits);
    for _ in 0..3 {
        let error = get(&client, "/").await.unwrap_err();
        assert!(matches!(error, DialError::TimedOut { step: Step::Exchange, ms_max: 100, .. }), "{error:?}");
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_taken_whether_it_says_so_or_not() {
    let router = Router::new()
        .route("/told", on_get(async || vec![0; 1001]))
        .route("/untold", on_get(async || Body::new(Pieces(3))))
        .route("/exact", on_get(async || vec![0; 1000]));
    let node = Node::start(&identity(1), router, patient()).await;
    let limits = DialLimits { answer_bytes_max: 1000, ..DialLimits::default() };
    let client = client(node.address, &identity(2), node.pin, limits);
    for path in ["/told", "/untold"] {
        let error = get(&client, path).await.unwrap_err();
        assert_eq!(
            told(&error, node.address),
            "the answer of the node at ADDRESS is too large\n\
             it is larger than 1000 bytes\n\
             Ask the partner what stands at this address; a node sends no such answer."
        );
    }
    assert_eq!(get(&client, "/exact").await.unwrap().body.len(), 1000);
    node.stop().await;
}

#[tokio::test]
async fn an_answer_that_promises_more_than_the_limit_is_not_waited_for() {
    let server = Scripted::start(&identity(1), |_, mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n").await.unwrap();
        stream.flush().await.unwrap();
        until_closed(&mut stream).await;
    })
    .await;
    let error = get(&server.client(&identity(2), DialLimits::default()), "/").await.unwrap_err();
    assert!(matches!(error, DialError::TooLarge { answer_bytes_max: 67_108_864, .. }), "{error:?}");
}

/// A body of so many pieces of 400 bytes that does not say its length.
struct Pieces(usize);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.0.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.0 = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 400])))))
    }
}

#[tokio::test]
async fn what_is_not_http_is_told() {
    let server = Scripted::start(&identity(1), |_, mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"220 mail.example ESMTP\r\n\r\n").await.unwrap();
        stream.flush().await.unwrap();
        until_closed(&mut stream).await;
    })
    .await;
    let error = get(&server.client(&identity(2), DialLimits::default()), "/").await.unwrap_err();
    assert_eq!(
        told(&error, server.address),
        "the node at ADDRESS gave no whole answer\n\
         invalid HTTP version parsed\n\
         Check that the address is a node's and that no proxy stands in between."
    );
}

#[tokio::test]
async fn what_is_not_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let played = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
    });
    let client = client(address, &identity(2), identity(1).pin().unwrap(), DialLimits::default());
    let error = get(&client, "/").await.unwrap_err();
    assert!(matches!(error, DialError::Tls { .. }), "{error:?}");
    soon(played).await.unwrap();
}

#[tokio::test]
async fn a_server_that_refuses_our_certificate_is_told_apart_from_one_that_hangs_up() {
    use rustls::server::WebPkiClientVerifier;
    let (alpha, bravo) = (identity(1), identity(2));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(alpha.certificate_der.clone().into()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
    let strict = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certified(&alpha, &alpha));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let played = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let refused =
            tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(strict)).accept(stream).into_fallible();
        let (_, mut stream) = refused.await.unwrap_err();
        // Lets the caller read the reason before the connection is reset.
        let _ = stream.shutdown().await;
        until_closed(&mut stream).await;
    });
    let client = client(address, &bravo, alpha.pin().unwrap(), DialLimits::default());
    let error = get(&client, "/").await.unwrap_err();
    assert!(matches!(error, DialError::Tls { source: rustls::Error::AlertReceived(_), .. }), "{error:?}");
    soon(played).await.unwrap();
}

// ---- the local socket

#[tokio::test]
async fn a_node_that_does_not_run_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let limits = DialLimits::default();
    let sent = unix_request(&socket, Method::GET, "/", HeaderMap::new(), Vec::new(), &limits);
    let error = soon(sent).await.unwrap_err();
    assert!(matches!(error, LocalError::NobodyListens { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the node is not running");
    assert!(error.detail().starts_with(&socket.display().to_string()));
    assert_eq!(error.hint(), "Start the node, or name the folder of the one that runs.");
}

#[tokio::test]
async fn a_local_answer_is_held_to_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let played = tokio::spawn(async move {
        let mut held = Vec::new();
        for answer in
            ["HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello there", "", "HTTP/1.1 200 OK\r\ncon"]
        {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                held.push(stream);
            }
        }
    });
    let limits = DialLimits { answer_bytes_max: 10, exchange_ms_max: 1000, ..DialLimits::default() };
    let ask = async || {
        let sent = unix_request(&socket, Method::GET, "/", HeaderMap::new(), Vec::new(), &limits);
        soon(sent).await.unwrap_err()
    };
    assert!(matches!(ask().await, LocalError::TooLarge { answer_bytes_max: 10 }));
    assert!(matches!(ask().await, LocalError::TimedOut { ms_max: 1000 }));
    assert!(matches!(ask().await, LocalError::Protocol { .. }));
    soon(played).await.unwrap();

    let sent = unix_request(&socket, Method::GET, "a b", HeaderMap::new(), Vec::new(), &limits);
    assert!(matches!(soon(sent).await, Err(LocalError::NotARequest { .. })));
    let sent = unix_request(folder.path(), Method::GET, "/", HeaderMap::new(), Vec::new(), &limits);
    let error = soon(sent).await.unwrap_err();
    assert!(matches!(error, LocalError::NobodyListens { .. }), "{error:?}");
}
