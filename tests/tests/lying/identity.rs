//! Keys and cards that are not those that were compared by voice.

use std::sync::Arc;

use exchange::partner;
use gate::limits::{DialLimits, ServeLimits};
use gate::tls::{TlsIdentity, generate_certificate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use testkit::{A, B, C, Hostile, code, party};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::node::{Node, PATIENCE, Scene, in_runtime};

fn another_certificate(scene: &Scene, seed: u64) -> TlsIdentity {
    generate_certificate(B, scene.a.here.now(), &mut StdRng::seed_from_u64(seed)).unwrap()
}

#[test]
fn another_certificate_at_the_partners_address_gets_nothing_and_people_are_told_not_to_try_on() {
    in_runtime(async {
        let a = Node::open(A, 1, ServeLimits::default(), DialLimits::default()).await;
        let c = Node::open(C, 3, ServeLimits::default(), DialLimits::default()).await;
        // What listens at B's address has another key than the card that was compared by voice.
        let b = Hostile::listening(B, 22, a.victim(), a.here.now()).await;
        let seen = b.identity().pin().unwrap().to_string();
        let pinned = generate_certificate(B, a.here.now(), &mut StdRng::seed_from_u64(23)).unwrap();
        let pinned = pinned.pin().unwrap();
        a.confirms(B, &b.card_with(b.keys(), pinned), b.keys().identity.verifier());
        a.confirms(C, &c.card(), &c.victim().identity);
        c.confirms(A, &a.card(), &a.victim().identity);
        let scene = Scene { a, b, c };
        scene.a.rings_the_bell();
        scene.a.warns(B);
        let words = ["another key", "compared by voice", "somebody else may be answering in their place"];
        let told = scene.a.until_troubled(B, &words).await;
        assert!(told.contains(&seen) && told.contains(&pinned.to_string()), "{told}");
        scene.a.assert_doctor_says(&[B, "another key", "new card", "duty desk"]);
        assert_eq!(scene.b.asked(), [], "not a byte was said to it");
        assert_eq!(scene.a.sizes(B), (0, 0));
        scene.assert_others_are_served().await;
        // And it is nobody when it calls.
        assert_stranger(&scene, scene.b.identity()).await;
    });
}

#[test]
fn a_caller_with_a_certificate_that_nobody_pinned_is_a_stranger_whatever_it_asks() {
    in_runtime(async {
        let scene = Scene::set().await;
        assert_stranger(&scene, &another_certificate(&scene, 99)).await;
        scene.assert_others_are_served().await;
    });
}

/// Every path of ours is answered with the same 404, and the connection closed.
async fn assert_stranger(scene: &Scene, identity: &TlsIdentity) {
    let log = format!("/peer/v1/log/{}", "0".repeat(64));
    for (method, path) in [
        ("POST", "/peer/v1/channel".to_owned()),
        ("POST", format!("{log}/add-entries")),
        ("GET", format!("{log}/checkpoint")),
        ("GET", format!("{log}/parcel?from=0")),
    ] {
        let mut line = scene.b.tries_to_dial(identity).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        line.write_all(request.as_bytes()).await.unwrap();
        let heard = scene.b.hears(&mut line).await;
        assert_eq!(heard.status, 404, "{method} {path}");
        assert_eq!(heard.text(), "not here; this node speaks forewarn peer protocol v1\n", "{method} {path}");
        assert!(heard.closed, "{method} {path}");
    }
}

#[test]
fn a_card_of_a_confirmed_partner_is_replaced_by_no_other_card_of_its_name() {
    in_runtime(async {
        let scene = Scene::set().await;
        let (house, now) = (scene.a.here.house(), scene.a.here.now());
        let operator = scene.a.here.caller("operator1");
        let pin = another_certificate(&scene, 31).pin().unwrap();
        let other_keys = Hostile::listening("service-x.example", 5, scene.a.victim(), now).await;
        for (what, card) in [
            ("another TLS key", scene.b.card_with(scene.b.keys(), pin)),
            ("the same card with a letter changed", scene.b.card().replacen("duty desk", "duty Desk", 1)),
            ("another address in it", scene.b.card().replacen("127.0.0.1", "127.0.0.9", 1)),
        ] {
            let refused = partner::add(&house, &operator, &card, now).unwrap_err();
            assert!(["already_confirmed", "bad_card"].contains(&refused.code), "{what}: {refused:?}");
            let told = format!("{} {:?}", refused.fact, refused.hint);
            assert!(told.contains("card"), "{what}: {told}");
        }
        let keys_of_c = scene.b.card_with(scene.b.keys(), scene.c.victim().pin);
        assert_ne!(code(partner::add(&house, &operator, &keys_of_c, now)), "done");
        drop(other_keys);
        scene.warned_b().await;
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_card_that_was_exchanged_on_its_way_is_not_confirmed_by_the_words_that_were_heard() {
    in_runtime(async {
        let a = Node::open(A, 1, ServeLimits::default(), DialLimits::default()).await;
        let now = a.here.now();
        // Somebody in the middle has made a card of the same name with keys of its own.
        let b = Hostile::listening(B, 22, a.victim(), now).await;
        let middle = Hostile::listening("service-m.example", 33, a.victim(), now).await;
        let seeds = |n: u8| zeroize::Zeroizing::new([n; 32]);
        let seeds = exchange::keys::NodeSeeds {
            identity: seeds(1),
            cosigner: seeds(2),
            log: seeds(3),
            rendering: seeds(4),
            terms: seeds(5),
        };
        let forged = exchange::keys::NodeKeys::from_seeds(&party(B), &seeds).unwrap();
        let card = b.card_with(&forged, middle.identity().pin().unwrap());
        let (house, liaison) = (a.here.house(), a.here.caller("liaison1"));
        partner::add(&house, &a.here.caller("operator1"), &card, now).unwrap();
        let heard = partner::fingerprint_words(b.keys().identity.verifier()).unwrap();
        let refused = partner::confirm(&house, &liaison, &party(B), &heard, now).unwrap_err();
        assert_eq!(refused.code, "words_differ");
        let hint = refused.hint.unwrap();
        assert!(hint.contains("exchanged on its way") && hint.contains("Do not confirm"), "{hint}");
        a.assert_doctor_says(&[B, "not confirmed", "compare the words by voice"]);
        let mut line = middle.tries_to_dial(middle.identity()).await.unwrap();
        line.write_all(b"POST /peer/v1/channel HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(middle.hears(&mut line).await.status, 404, "nothing flows before the words agree");
    });
}

#[test]
fn an_older_tls_and_a_caller_without_a_certificate_come_no_further_than_the_handshake() {
    in_runtime(async {
        let scene = Scene::set().await;
        let own = certified(scene.b.identity(), scene.b.identity());
        let stolen = certified(scene.b.identity(), &another_certificate(&scene, 40));
        for (what, config) in [
            ("TLS 1.2", credulous(&[&TLS12], Some(own))),
            ("no certificate", credulous(&[&TLS13], None)),
            ("the partner's certificate without its key", credulous(&[&TLS13], Some(stolen))),
        ] {
            let stream = TcpStream::connect(scene.a.address).await.unwrap();
            let name = ServerName::try_from("node.invalid").unwrap();
            let shaken = timeout(PATIENCE, TlsConnector::from(config).connect(name, stream)).await.unwrap();
            // In TLS 1.3 the caller is done before the node has judged it, so the refusal may come later.
            let Ok(mut line) = shaken else { continue };
            let _ = line.write_all(b"GET /peer/v1/channel HTTP/1.1\r\nhost: x\r\n\r\n").await;
            let mut heard = Vec::new();
            let _ = timeout(PATIENCE, line.read_to_end(&mut heard)).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&heard), "", "{what}");
        }
        scene.assert_others_are_served().await;
    });
}

/// A certificate with a key that need not belong to it.
fn certified(certificate: &TlsIdentity, key: &TlsIdentity) -> Arc<SingleCertAndKey> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.private_key_pkcs8_der.as_slice()));
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(
        vec![CertificateDer::from(certificate.certificate_der.clone())],
        any_supported_type(&key).unwrap(),
    )))
}

/// A client that believes every server and shows a certificate, if any.
fn credulous(
    versions: &[&'static SupportedProtocolVersion],
    certificate: Option<Arc<SingleCertAndKey>>,
) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(BelievesAll));
    Arc::new(match certificate {
        Some(certificate) => builder.with_client_cert_resolver(certificate),
        None => builder.with_no_client_auth(),
    })
}

#[derive(Debug)]
struct BelievesAll;

impl ServerCertVerifier for BelievesAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
