//! Partners that take for ever: servers and clients that give a byte at a time, answers without an end, floods.

use std::net::Ipv4Addr;

use gate::limits::{DialLimits, ServeLimits};
use testkit::{B, Said};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::node::{Scene, in_runtime};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

#[test]
fn an_answer_that_drips_or_never_ends_keeps_no_other_partner_waiting() {
    in_runtime(async {
        let body = b"HTTP/1.1 200 OK\r\ncontent-length: 60000000\r\n\r\n";
        for said in [
            Said::Drip([OK, &[b'x'; 5_000]].concat()),
            Said::Drip([&body[..], &[b'x'; 5_000]].concat()),
            Said::Endless(body.to_vec(), vec![b'x'; 1_000]),
        ] {
            let scene = Scene::set().await;
            scene.b.lies(move |_, _| said.clone());
            scene.a.warns(B);
            scene.b.until_asked("for its channel", |asked| asked.is_statement()).await;
            scene.assert_others_are_served().await;
            assert_eq!(scene.a.sizes(B).1, 0);
        }
    });
}

#[test]
fn an_answer_that_takes_too_long_or_is_too_large_is_cut_and_told_with_what_to_do() {
    in_runtime(async {
        let limits =
            DialLimits { exchange_ms_max: 2_000, answer_bytes_max: 100_000, ..DialLimits::default() };
        let length = |bytes: u64| format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n").into_bytes();
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let chunk = [b"ffff\r\n".to_vec(), vec![b'x'; 0xffff], b"\r\n".to_vec()].concat();
        let cases: [(&str, Said, &[&str]); 7] = [
            ("a byte at a time", Said::Drip([OK, &[b'x'; 20_000]].concat()), &["in time", "line between"]),
            ("a promise", Said::Endless(length(1 << 50), Vec::from("x")), &["too large", "Ask the partner"]),
            ("chunks for ever", Said::Endless(chunked, chunk), &["too large", "Ask the partner"]),
            (
                "a head for ever",
                Said::Endless(OK.to_vec(), b"a: b\r\n".to_vec()),
                &["no whole answer", "proxy"],
            ),
            (
                "no HTTP",
                Said::Raw(b"SSH-2.0-x\r\n\r\n".to_vec()),
                &["no whole answer", "address is a node's"],
            ),
            ("half an answer", Said::Raw(length(10)), &["no whole answer"]),
            ("silence", Said::HangUp, &["cannot be reached", "call the partner's duty desk"]),
        ];
        for (what, said, words) in cases {
            let scene = Scene::within(ServeLimits::default(), limits.clone()).await;
            scene.b.lies(move |_, _| said.clone());
            scene.a.warns(B);
            scene.a.until_troubled(B, words).await;
            scene.a.assert_doctor_says(&[&[B], words].concat());
            assert_eq!(scene.a.sizes(B), (0, 0), "{what}: what waits can still be stopped");
        }
    });
}

#[test]
fn a_request_that_drips_keeps_no_other_partner_waiting() {
    in_runtime(async {
        let scene = Scene::set().await;
        let b = scene.opened().await;
        let path = format!("/peer/v1/log/{}/add-entries", b.origin().hex());
        let whole = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 60000000\r\n\r\n");
        let mut lines = Vec::new();
        // As many as one key may hold: some in the middle of a head, some in the middle of a body.
        for n in 0..8 {
            let mut line = scene.b.dials().await;
            let until = if n % 2 == 0 { whole.len() } else { whole.len() - 4 };
            for byte in &whole.as_bytes()[..until] {
                line.write_all(&[*byte]).await.unwrap();
                line.flush().await.unwrap();
            }
            lines.push(line);
        }
        scene.assert_others_are_served().await;
        assert_eq!(scene.a.holds(&b.origin()), 1);
    });
}

#[test]
fn a_request_that_takes_too_long_is_cut() {
    in_runtime(async {
        let limits = ServeLimits {
            head_ms_max: 300,
            idle_ms_max: 300,
            request_ms_max: 2_000,
            ..ServeLimits::default()
        };
        let scene = Scene::within(limits, DialLimits::default()).await;
        let b = scene.opened().await;
        let path = format!("/peer/v1/log/{}/add-entries", b.origin().hex());
        let whole = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 60000000\r\n\r\nforewarn");
        for until in [0, 20, whole.len() - 12, whole.len()] {
            let mut line = scene.b.dials().await;
            line.write_all(&whole.as_bytes()[..until]).await.unwrap();
            line.flush().await.unwrap();
            let heard = scene.b.hears(&mut line).await;
            let cut = if until == whole.len() { 503 } else { 0 };
            assert_eq!((heard.status, heard.closed), (cut, true), "after {until} bytes");
        }
        assert_eq!(scene.a.holds(&b.origin()), 1);
    });
}

#[test]
fn a_flood_of_connections_takes_no_seat_from_an_honest_partner() {
    in_runtime(async {
        let limits =
            ServeLimits { connections_per_ip_max: 24, handshakes_per_ip_max: 8, ..Default::default() };
        let mut scene = Scene::within(limits, DialLimits::default()).await;
        let from = Ipv4Addr::new(127, 0, 0, 2);
        scene.b.calls_from(from);
        let b = scene.opened().await;
        let mut known = Vec::new();
        for _ in 0..12 {
            if let Ok(line) = scene.b.tries_to_dial(scene.b.identity()).await {
                known.push(line);
            }
        }
        let mut silent: Vec<TcpStream> = Vec::new();
        for _ in 0..200 {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((from, 0).into()).unwrap();
            silent.push(socket.connect(scene.a.address).await.unwrap());
        }
        scene.assert_others_are_served().await;
        drop((known, silent));
        assert_eq!(scene.a.holds(&b.origin()), 1);
    });
}
