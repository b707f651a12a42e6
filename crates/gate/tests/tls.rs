//! How nodes recognise each other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod loopback;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::get as on_get;
use axum::{Extension, Router};
use gate::dial::DialError;
use gate::limits::DialLimits;
use gate::serve::PeerPin;
use gate::tls::{
    SpkiPin, TlsError, TlsIdentity, client_config, generate_certificate, server_config,
    spki_pin_of_certificate,
};
use loopback::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, HandshakeKind, NamedGroup, ProtocolVersion};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Answers with the pin of the caller.
fn who_am_i() -> Router {
    Router::new()
        .route("/who", on_get(|Extension(PeerPin(pin)): Extension<PeerPin>| async move { pin.to_string() }))
}

/// The same key with other dates and another name in the certificate.
fn with_dates(identity: &TlsIdentity, from_year: i32, to_year: i32) -> TlsIdentity {
    let pkcs8 = PrivatePkcs8KeyDer::from(identity.private_key_pkcs8_der.as_slice());
    let key = rcgen::KeyPair::try_from(&pkcs8).unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["elsewhere.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from_year, 1, 1);
    params.not_after = rcgen::date_time_ymd(to_year, 1, 1);
    TlsIdentity {
        certificate_der: params.self_signed(&key).unwrap().der().to_vec(),
        private_key_pkcs8_der: identity.private_key_pkcs8_der.clone(),
    }
}

#[tokio::test]
async fn each_side_knows_the_other_by_its_pin() {
    let (alpha, bravo) = (identity(1), identity(2));
    let node = Node::start(&alpha, who_am_i(), patient()).await;
    let answer = get(&node.client(&bravo), "/who").await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(String::from_utf8(answer.body).unwrap(), bravo.pin().unwrap().to_string());
    assert_ne!(alpha.pin().unwrap(), bravo.pin().unwrap());
    node.stop().await;
}

#[tokio::test]
async fn a_server_with_another_key_is_not_spoken_to() {
    let (alpha, mallory, bravo) = (identity(1), identity(66), identity(2));
    let node = Node::start(&mallory, who_am_i(), patient()).await;
    let (expected, shown) = (alpha.pin().unwrap(), mallory.pin().unwrap());
    let error =
        get(&client(node.address, &bravo, expected, DialLimits::default()), "/who").await.unwrap_err();
    let DialError::WrongKey { expected: e, seen, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((*e, *seen), (expected, shown));
    assert_eq!(
        error.to_string(),
        format!("the node at {} is not the partner: it shows another key", node.address)
    );
    assert_eq!(error.detail(), format!("pinned {expected}, shown {shown}"));
    node.stop().await;
}

#[tokio::test]
async fn a_server_that_shows_the_pinned_certificate_without_its_key_is_refused() {
    let (alpha, mallory, bravo) = (identity(1), identity(66), identity(2));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(foreign_server(&[&TLS13], certified(&alpha, &mallory)));
    let played = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.map(|_| ())
    });
    let client = client(address, &bravo, alpha.pin().unwrap(), DialLimits::default());
    let error = get(&client, "/who").await.unwrap_err();
    assert!(
        matches!(
            &error,
            DialError::Tls {
                source: rustls::Error::InvalidCertificate(rustls::CertificateError::BadSignature),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(soon(played).await.unwrap().is_err());
}

#[tokio::test]
async fn a_client_that_shows_a_certificate_without_its_key_is_refused() {
    let (alpha, bravo, mallory) = (identity(1), identity(2), identity(66));
    assert_refused(&alpha, credulous_client(&[&TLS13], Some(certified(&bravo, &mallory)))).await;
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    assert_refused(&identity(1), credulous_client(&[&TLS13], None)).await;
}

#[tokio::test]
async fn a_client_that_speaks_only_tls_1_2_is_refused() {
    let bravo = identity(2);
    let node = Node::start(&identity(1), who_am_i(), patient()).await;
    let old = credulous_client(&[&TLS12], Some(certified(&bravo, &bravo)));
    let refused = raw(node.address, old).await.unwrap_err();
    let told = refused.get_ref().unwrap().downcast_ref::<rustls::Error>();
    assert_eq!(told, Some(&rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)));
    node.stop().await;
}

/// The client's request must not reach a handler.
async fn assert_refused(server: &TlsIdentity, config: Arc<rustls::ClientConfig>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let router = Router::new().fallback({
        let calls = Arc::clone(&calls);
        move || async move {
            calls.fetch_add(1, Ordering::SeqCst);
        }
    });
    let node = Node::start(server, router, patient()).await;
    // In TLS 1.3 the client is done before the server has judged its certificate, so the refusal may come later.
    if let Ok(mut stream) = raw(node.address, config).await {
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(until_closed(&mut stream).await, b"");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    node.stop().await;
}

#[tokio::test]
async fn a_server_that_speaks_only_tls_1_2_is_refused() {
    let (alpha, bravo) = (identity(1), identity(2));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(foreign_server(&[&TLS12], certified(&alpha, &alpha)));
    let played = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.map(|_| ())
    });
    let client = client(address, &bravo, alpha.pin().unwrap(), DialLimits::default());
    let error = get(&client, "/who").await.unwrap_err();
    assert!(matches!(error, DialError::Tls { .. }), "{error:?}");
    assert!(soon(played).await.unwrap().is_err());
}

#[tokio::test]
async fn dates_and_names_of_certificates_do_not_count() {
    let (alpha, bravo) = (identity(1), identity(2));
    let expired = |identity| with_dates(identity, 1990, 1991);
    let not_yet_valid = |identity| with_dates(identity, 9000, 9001);
    for (server, caller) in
        [(expired(&alpha), expired(&bravo)), (not_yet_valid(&alpha), not_yet_valid(&bravo))]
    {
        assert_eq!(server.pin().unwrap(), alpha.pin().unwrap());
        let node = Node::start(&server, who_am_i(), patient()).await;
        let answer = get(&node.client(&caller), "/who").await.unwrap();
        assert_eq!(String::from_utf8(answer.body).unwrap(), bravo.pin().unwrap().to_string());
        node.stop().await;
    }
}

#[tokio::test]
async fn a_handshake_is_tls_1_3_and_safe_against_later_quantum_computers() {
    let node = Node::start(&identity(1), who_am_i(), patient()).await;
    let stream = node.raw(&identity(2)).await;
    let (_, session) = stream.get_ref();
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(session.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let group = session.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    node.stop().await;
}

#[tokio::test]
async fn no_session_is_ever_resumed() {
    let bravo = identity(2);
    let node = Node::start(&identity(1), who_am_i(), patient()).await;
    let ours = client_config(&bravo, node.pin).unwrap();
    let eager = credulous_client(&[&TLS13], Some(certified(&bravo, &bravo)));
    for config in [ours, eager] {
        for _ in 0..2 {
            let mut stream = raw(node.address, Arc::clone(&config)).await.unwrap();
            stream.write_all(b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
            assert!(until_closed(&mut stream).await.starts_with(b"HTTP/1.1 200"));
            let (_, session) = stream.get_ref();
            assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
            assert_eq!(session.tls13_tickets_received(), 0);
        }
    }
    node.stop().await;
}

#[tokio::test]
async fn a_calling_node_does_not_resume_sessions_even_when_the_server_offers_it() {
    let (alpha, bravo) = (identity(1), identity(2));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(foreign_server(&[&TLS13], certified(&alpha, &alpha)));
    let played = tokio::spawn(async move {
        let mut kinds = Vec::new();
        for _ in 0..4 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            kinds.push(stream.get_ref().1.handshake_kind());
            stream.write_all(b"x").await.unwrap();
            until_closed(&mut stream).await;
        }
        kinds
    });
    let ours = client_config(&bravo, alpha.pin().unwrap()).unwrap();
    let eager = credulous_client(&[&TLS13], Some(certified(&bravo, &bravo)));
    for config in [Arc::clone(&ours), ours, Arc::clone(&eager), eager] {
        let mut stream = raw(address, config).await.unwrap();
        assert_eq!(soon(stream.read_u8()).await.unwrap(), b'x');
    }
    let (full, resumed) = (Some(HandshakeKind::Full), Some(HandshakeKind::Resumed));
    assert_eq!(soon(played).await.unwrap(), [full, full, full, resumed]);
}

#[test]
fn the_same_randomness_gives_the_same_identity_and_other_randomness_another() {
    assert_eq!(identity(1).certificate_der, identity(1).certificate_der);
    assert_ne!(identity(1).pin().unwrap(), identity(2).pin().unwrap());
}

#[test]
fn a_pin_is_the_hash_of_the_key_and_not_of_the_certificate() {
    let alpha = identity(1);
    let (_, parsed) = x509_parser::parse_x509_certificate(&alpha.certificate_der).unwrap();
    let by_another_reader = SpkiPin(Sha256::digest(parsed.public_key().raw).into());
    assert_eq!(alpha.pin().unwrap(), by_another_reader);
    assert_eq!(with_dates(&alpha, 1990, 1991).pin().unwrap(), by_another_reader);
}

#[test]
fn a_made_certificate_says_node_and_has_no_end() {
    let alpha = identity(1);
    let (_, parsed) = x509_parser::parse_x509_certificate(&alpha.certificate_der).unwrap();
    assert_eq!(parsed.subject().to_string(), "CN=node");
    let validity = parsed.validity();
    assert_eq!(validity.not_before.to_string(), "Nov 20 00:00:00 2026 +00:00");
    assert_eq!(validity.not_after.to_string(), "Dec 31 23:59:59 9999 +00:00");
    assert!(!parsed.is_ca());
}

#[test]
fn a_pin_is_written_as_64_hex_digits_and_read_back() {
    let pin = SpkiPin([0xab; 32]);
    let text = "ab".repeat(32);
    assert_eq!(pin.to_string(), text);
    assert_eq!(format!("{pin:?}"), format!("SpkiPin({text})"));
    assert_eq!(text.parse(), Ok(pin));
    assert_eq!(text.to_uppercase().parse(), Ok(pin));
    for wrong in ["", "ab", &text[1..], &format!("{text}00"), &format!(" {}", &text[1..]), &"g".repeat(64)] {
        assert!(wrong.parse::<SpkiPin>().is_err(), "{wrong}");
    }
}

#[test]
fn an_identity_written_as_pem_is_read_back() {
    let alpha = identity(1);
    let pem = alpha.to_pem();
    assert!(pem.certificate.starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert!(pem.private_key.ends_with("\n-----END PRIVATE KEY-----\n"));
    assert!(pem.certificate.lines().all(|line| line.len() <= 64));
    let back = TlsIdentity::from_pem(&pem.certificate, &pem.private_key).unwrap();
    assert_eq!(back.certificate_der, alpha.certificate_der);
    assert_eq!(back.private_key_pkcs8_der, alpha.private_key_pkcs8_der);
}

#[test]
fn an_ecdsa_identity_made_by_another_tool_is_taken() {
    let made = rcgen::generate_simple_self_signed(vec!["node.example".to_owned()]).unwrap();
    let identity = TlsIdentity::from_pem(&made.cert.pem(), &made.signing_key.serialize_pem()).unwrap();
    assert_eq!(identity.pin().unwrap(), spki_pin_of_certificate(made.cert.der()).unwrap());
    assert!(server_config(&identity).is_ok());
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_refused() {
    let (alpha, bravo) = (identity(1), identity(2));
    let error = TlsIdentity::from_pem(&alpha.to_pem().certificate, &bravo.to_pem().private_key).unwrap_err();
    assert!(matches!(error, TlsError::NotAPair { certificate } if certificate == alpha.pin().unwrap()));
    let mixed = TlsIdentity {
        certificate_der: alpha.certificate_der,
        private_key_pkcs8_der: bravo.private_key_pkcs8_der,
    };
    let pin = mixed.pin().unwrap();
    assert!(matches!(server_config(&mixed), Err(TlsError::NotAPair { .. })));
    assert!(matches!(client_config(&mixed, pin), Err(TlsError::NotAPair { .. })));
}

#[test]
fn what_is_no_certificate_or_key_is_named_as_such() {
    let pem = identity(1).to_pem();
    let read = |certificate: &str, key: &str| TlsIdentity::from_pem(certificate, key).unwrap_err();
    assert!(matches!(read("", &pem.private_key), TlsError::CertificatePem { .. }));
    assert!(matches!(read(&pem.certificate, ""), TlsError::PrivateKeyPem { .. }));
    let junk = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(read(&pem.certificate, junk), TlsError::PrivateKey { .. }));
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(read(junk, &pem.private_key), TlsError::Certificate { .. }));
    assert!(spki_pin_of_certificate(&[]).is_err());
}

#[test]
fn a_name_that_does_not_fit_into_a_certificate_is_refused() {
    let make = |name: &str| generate_certificate(name, now(), &mut StdRng::seed_from_u64(1));
    assert!(make(&"ü".repeat(64)).is_ok());
    for wrong in [String::new(), "a".repeat(65), "a\nb".to_owned()] {
        let error = make(&wrong).unwrap_err();
        assert!(matches!(error, TlsError::NodeName { chars } if chars == wrong.len()));
    }
}

#[test]
fn a_certificate_can_be_made_at_any_time() {
    for time in [jiff::Timestamp::MIN, jiff::Timestamp::MAX, "2024-02-29T23:59:59Z".parse().unwrap()] {
        assert!(generate_certificate("node", time, &mut StdRng::seed_from_u64(1)).is_ok(), "{time}");
    }
}

#[test]
fn a_private_key_is_not_shown() {
    let alpha = identity(1);
    let shown = format!("{alpha:?} {:?}", alpha.to_pem());
    let key = alpha.to_pem();
    let secret_line = key.private_key.lines().nth(1).unwrap();
    assert!(!shown.contains(secret_line));
    assert!(!shown.contains("private_key_pkcs8_der: ["));
    assert!(shown.contains("private_key_pkcs8_der: \"…\""));
}
