//! Two nodes and a few strangers on 127.0.0.1.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use gate::dial::{DialError, PeerAnswer, PeerClient};
use gate::limits::{DialLimits, ServeLimits};
use gate::serve::serve_tls;
use gate::tls::{SpkiPin, TlsIdentity, client_config, generate_certificate, server_config};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client};

/// Longer than anything here may take; reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what must come.
pub(crate) async fn soon<F: Future>(what: F) -> F::Output {
    timeout(PATIENCE, what).await.expect("it should have come by now")
}

pub(crate) fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// An identity that is the same for the same `seed`.
pub(crate) fn identity(seed: u64) -> TlsIdentity {
    generate_certificate("node", now(), &mut StdRng::seed_from_u64(seed)).unwrap()
}

/// Limits under which nothing is cut that a test does not mean to be cut.
pub(crate) fn patient() -> ServeLimits {
    const HOUR_MS: u64 = 3_600_000;
    ServeLimits {
        handshake_ms_max: HOUR_MS,
        head_ms_max: HOUR_MS,
        request_ms_max: HOUR_MS,
        idle_ms_max: HOUR_MS,
        drain_ms_max: HOUR_MS,
        ..ServeLimits::default()
    }
}

/// A node that serves `router` until it is stopped.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) pin: SpkiPin,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Node {
    pub(crate) async fn start(identity: &TlsIdentity, router: Router, limits: ServeLimits) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), identity, router, limits).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        identity: &TlsIdentity,
        router: Router,
        limits: ServeLimits,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let config = server_config(identity).unwrap();
        let served = tokio::spawn(serve_tls(listener, config, router, limits, stopped));
        Self { address, pin: identity.pin().unwrap(), stop, served }
    }

    /// Orders the stop; the result says when it is done.
    pub(crate) fn stop(self) -> impl Future<Output = ()> {
        self.stop.send(()).unwrap();
        async { soon(self.served).await.unwrap().unwrap() }
    }

    pub(crate) fn client(&self, identity: &TlsIdentity) -> PeerClient {
        client(self.address, identity, self.pin, DialLimits::default())
    }

    /// A TLS connection on which a test writes what it likes.
    pub(crate) async fn raw(&self, identity: &TlsIdentity) -> client::TlsStream<TcpStream> {
        let config = client_config(identity, self.pin).unwrap();
        raw(self.address, config).await.unwrap()
    }
}

pub(crate) fn client(
    address: SocketAddr,
    identity: &TlsIdentity,
    pin: SpkiPin,
    limits: DialLimits,
) -> PeerClient {
    PeerClient::new(address.to_string(), client_config(identity, pin).unwrap(), limits)
}

pub(crate) async fn raw(
    address: SocketAddr,
    config: Arc<rustls::ClientConfig>,
) -> std::io::Result<client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("node.invalid").unwrap();
    soon(TlsConnector::from(config).connect(name, stream)).await
}

pub(crate) async fn get(client: &PeerClient, path: &str) -> Result<PeerAnswer, DialError> {
    soon(client.request(Method::GET, path, None, Vec::new())).await
}

/// Reads until the other side closes, however it does so, and gives what came before.
pub(crate) async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match soon(stream.read(&mut piece)).await {
            Ok(0) | Err(_) => return all,
            Ok(bytes) => all.extend_from_slice(&piece[..bytes]),
        }
    }
}

/// Reads up to the empty line that ends a head.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A key with a certificate that need not belong to it.
pub(crate) fn certified(certificate: &TlsIdentity, key: &TlsIdentity) -> Arc<SingleCertAndKey> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.private_key_pkcs8_der.as_slice()));
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(
        vec![CertificateDer::from(certificate.certificate_der.clone())],
        any_supported_type(&key).unwrap(),
    )))
}

/// A foreign client that believes every server and shows `certificate`, if any.
pub(crate) fn credulous_client(
    versions: &[&'static SupportedProtocolVersion],
    certificate: Option<Arc<SingleCertAndKey>>,
) -> Arc<rustls::ClientConfig> {
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(BelievesAll));
    Arc::new(match certificate {
        Some(certificate) => builder.with_client_cert_resolver(certificate),
        None => builder.with_no_client_auth(),
    })
}

/// A foreign server that asks for no certificate, shows `certificate`, and offers to resume sessions.
pub(crate) fn foreign_server(
    versions: &[&'static SupportedProtocolVersion],
    certificate: Arc<SingleCertAndKey>,
) -> Arc<rustls::ServerConfig> {
    Arc::new(
        rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(certificate),
    )
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

/// A server whose every connection is played by `play`, which is told the connection's number from 0.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    pub(crate) pin: SpkiPin,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// What a scripted server talks over.
pub(crate) type Heard = tokio_rustls::server::TlsStream<TcpStream>;

impl Scripted {
    pub(crate) async fn start<F, P>(identity: &TlsIdentity, play: F) -> Self
    where
        F: Fn(usize, Heard) -> P + Send + 'static,
        P: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(server_config(identity).unwrap());
        let accepted = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn({
            let accepted = Arc::clone(&accepted);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let number = accepted.fetch_add(1, Ordering::SeqCst);
                    if let Ok(stream) = acceptor.accept(stream).await {
                        tokio::spawn(play(number, stream));
                    }
                }
            }
        });
        Self { address, pin: identity.pin().unwrap(), accepted, task }
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn client(&self, identity: &TlsIdentity, limits: DialLimits) -> PeerClient {
        client(self.address, identity, self.pin, limits)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends a small whole answer.
pub(crate) async fn say_ok(stream: &mut (impl AsyncWrite + Unpin), body: &str) {
    use tokio::io::AsyncWriteExt;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}
