//! How nodes recognise each other: TLS 1.3 both ways, by pinned keys.
//!
//! A node is known by its [`SpkiPin`], the SHA-256 of the public key in its certificate, which its card carries and
//! which two officers have compared by voice. Nothing else in a certificate counts: dates, names, issuers and chains
//! are not looked at, so that no clock and no third party can cut two partners off from each other. What *is* checked
//! each time is that the other side holds the private key: the signature over the handshake.
//!
//! The one who calls accepts exactly one key ([`client_config`]); the one who is called accepts any key whose holder
//! proves it ([`server_config`]), and the door above decides by the pin who that is.
//! Deliberately absent: TLS 1.2, session resumption, early data, certificate authorities, revocation lists.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand_core::CryptoRng;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName as IssuerName, Error,
    OtherError, PeerIncompatible, ServerConfig, SignatureScheme,
};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// The only protocol spoken inside (ALPN, RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

/// The name that a calling node asks for (SNI). It is the same for every partner and says nothing about whom one
/// calls; `.invalid` can never be registered (RFC 6761 §6.4).
const ANY_NODE: &str = "node.invalid";

/// Longest node name that goes into a certificate, in characters (X.520, `ub-common-name`).
const NODE_NAME_CHARS_MAX: usize = 64;

/// What comes before the 32 bytes of an Ed25519 seed in PKCS#8 (RFC 8410 §7).
const ED25519_PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 5280 §4.1.2.7): by it a node is known.
///
/// Differs from the fingerprint of the *certificate*, which changes when dates or names do; this changes only with
/// the key. Written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpkiPin(pub [u8; 32]);

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpkiPin({self})")
    }
}

/// A text is not a pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a key pin: expected 64 hex digits (the SHA-256 of a public key)")]
pub struct NotAPin;

impl FromStr for SpkiPin {
    type Err = NotAPin;

    /// Reads 64 hex digits, in either case, with nothing around them.
    fn from_str(text: &str) -> Result<Self, NotAPin> {
        let mut pin = [0; 32];
        hex::decode_to_slice(text, &mut pin).map_err(|_| NotAPin)?;
        Ok(Self(pin))
    }
}

/// Why a certificate, key or configuration could not be made or read.
///
/// The `Display` of each is the fact; [`TlsError::detail`] and [`TlsError::hint`] are the other two parts.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Yours: the node's name does not fit into a certificate.
    #[error("the node's name cannot stand in a certificate")]
    NodeName {
        /// How many characters it has.
        chars: usize,
    },
    /// Theirs, or yours when the file is our own: the bytes are not an X.509 v3 certificate that we can read.
    #[error("the certificate cannot be read")]
    Certificate {
        /// What the parser says.
        source: Error,
    },
    /// Yours: the PEM text holds no certificate.
    #[error("the certificate file holds no certificate")]
    CertificatePem {
        /// What the parser says.
        source: rustls::pki_types::pem::Error,
    },
    /// Yours: the PEM text holds no private key in PKCS#8.
    #[error("the key file holds no private key")]
    PrivateKeyPem {
        /// What the parser says; never a part of the key.
        source: rustls::pki_types::pem::Error,
    },
    /// Yours: the private key is of a kind that cannot be used.
    #[error("the private key cannot be used")]
    PrivateKey {
        /// What the crypto library says; never a part of the key.
        source: Error,
    },
    /// Yours: certificate and private key are not a pair.
    #[error("the private key does not belong to the certificate")]
    NotAPair {
        /// The pin of the certificate.
        certificate: SpkiPin,
    },
    /// Ours: the certificate could not be written.
    #[error("the certificate could not be made")]
    NotMade {
        /// What the certificate library says.
        source: rcgen::Error,
    },
    /// Ours: the crypto library refuses the settings that are fixed in this file.
    #[error("TLS could not be set up")]
    Setup {
        /// What the TLS library says.
        source: Error,
    },
}

impl TlsError {
    /// Gives the values behind the fact, on one line.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NodeName { chars } => {
                format!(
                    "it has {chars} characters, or a control character; allowed are 1 to {NODE_NAME_CHARS_MAX}"
                )
            }
            Self::Certificate { source } | Self::PrivateKey { source } | Self::Setup { source } => {
                source.to_string()
            }
            Self::CertificatePem { source } | Self::PrivateKeyPem { source } => source.to_string(),
            Self::NotAPair { certificate } => format!("the certificate's key has the pin {certificate}"),
            Self::NotMade { source } => source.to_string(),
        }
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NodeName { .. } => "Give the node a shorter name of printable characters.",
            Self::Certificate { .. } => "Use an X.509 v3 certificate; the one made at setup will do.",
            Self::CertificatePem { .. } => "The file must hold a section “BEGIN CERTIFICATE”.",
            Self::PrivateKeyPem { .. } => {
                "The file must hold a section “BEGIN PRIVATE KEY” (PKCS#8, not encrypted)."
            }
            Self::PrivateKey { .. } => "Use an Ed25519, ECDSA or RSA key; the one made at setup will do.",
            Self::NotAPair { .. } => "Put back the key file that was made together with this certificate.",
            Self::NotMade { .. } | Self::Setup { .. } => "This is a fault of the program: please report it.",
        }
    }
}

/// A node's certificate and its private key.
#[derive(Clone)]
pub struct TlsIdentity {
    /// The certificate, X.509 v3 in DER.
    pub certificate_der: Vec<u8>,
    /// The private key, PKCS#8 in DER; wiped from memory when dropped, never shown.
    pub private_key_pkcs8_der: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity")
            .field("pin", &self.pin().ok())
            .field("private_key_pkcs8_der", &"…")
            .finish_non_exhaustive()
    }
}

/// A node's certificate and private key as text, for two files.
pub struct IdentityPem {
    /// One section “CERTIFICATE” (RFC 7468 §5).
    pub certificate: String,
    /// One section “PRIVATE KEY” (RFC 7468 §10); wiped from memory when dropped. The file must be readable by the
    /// node's own user only.
    pub private_key: Zeroizing<String>,
}

impl fmt::Debug for IdentityPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityPem")
            .field("certificate", &self.certificate)
            .field("private_key", &"…")
            .finish()
    }
}

impl TlsIdentity {
    /// Gives the pin by which partners know this node.
    pub fn pin(&self) -> Result<SpkiPin, TlsError> {
        spki_pin_of_certificate(&self.certificate_der)
    }

    /// Writes certificate and key as PEM (RFC 7468), 64 characters a line.
    #[must_use]
    pub fn to_pem(&self) -> IdentityPem {
        IdentityPem {
            certificate: String::clone(&pem_section("CERTIFICATE", &self.certificate_der)),
            private_key: pem_section("PRIVATE KEY", &self.private_key_pkcs8_der),
        }
    }

    /// Reads what [`TlsIdentity::to_pem`] wrote, or what another tool made: the first certificate of the one text and
    /// the first PKCS#8 key of the other. Refuses a key that does not belong to the certificate.
    pub fn from_pem(certificate: &str, private_key: &str) -> Result<Self, TlsError> {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|source| TlsError::CertificatePem { source })?;
        let mut key = PrivatePkcs8KeyDer::from_pem_slice(private_key.as_bytes())
            .map_err(|source| TlsError::PrivateKeyPem { source })?;
        let identity = Self {
            certificate_der: certificate.to_vec(),
            private_key_pkcs8_der: Zeroizing::new(key.secret_pkcs8_der().to_vec()),
        };
        key.zeroize();
        certified_key(&identity)?;
        Ok(identity)
    }
}

/// Gives the pin of a certificate (X.509 v3, DER).
///
/// The public key is read by the same parser that later checks the handshake's signature with it, so that both can
/// never mean different keys.
pub fn spki_pin_of_certificate(certificate_der: &[u8]) -> Result<SpkiPin, TlsError> {
    pin_of(&CertificateDer::from(certificate_der)).map_err(|source| TlsError::Certificate { source })
}

/// Makes an Ed25519 key from `rng` and a certificate for it, signed by itself.
///
/// The same `node_name`, day and randomness give the same bytes. The certificate is valid from the day of `now` (UTC)
/// to the last second of 9999, which says "no end" (RFC 5280 §4.1.2.5); partners do not look at it. `node_name`
/// (1 to 64 characters, none of them a control character) becomes its common name; whoever calls this node can read it.
pub fn generate_certificate(
    node_name: &str,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Result<TlsIdentity, TlsError> {
    let chars = node_name.chars().count();
    if chars == 0 || chars > NODE_NAME_CHARS_MAX || node_name.chars().any(char::is_control) {
        return Err(TlsError::NodeName { chars });
    }
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *seed);
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(ED25519_PKCS8_PREFIX.len() + seed.len()));
    pkcs8.extend_from_slice(&ED25519_PKCS8_PREFIX);
    pkcs8.extend_from_slice(&*seed);

    let mut key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(
        &PrivatePkcs8KeyDer::from(pkcs8.as_slice()),
        &rcgen::PKCS_ED25519,
    )
    .map_err(|source| TlsError::NotMade { source })?;
    let made = certificate_params(node_name, now).self_signed(&key);
    key.zeroize();
    let certificate = made.map_err(|source| TlsError::NotMade { source })?;
    Ok(TlsIdentity { certificate_der: certificate.der().to_vec(), private_key_pkcs8_der: pkcs8 })
}

/// Sets up the side that is called: TLS 1.3, demands a client certificate, takes any whose holder proves the key.
///
/// Who a key belongs to is decided above, by its pin; no resumption, no early data, ALPN `http/1.1`.
pub fn server_config(identity: &TlsIdentity) -> Result<Arc<ServerConfig>, TlsError> {
    let key = certified_key(identity)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(AnyProvenKey { signatures: provider.signature_verification_algorithms });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| TlsError::Setup { source })?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// Sets up the side that calls: TLS 1.3, shows our certificate, takes exactly the server whose key has this `pin`.
///
/// Our certificate is sent only after the server has proved the pinned key. A server with another key fails the
/// handshake with [`OtherKey`] inside the error. No resumption, no early data, ALPN `http/1.1`.
pub fn client_config(identity: &TlsIdentity, pin: SpkiPin) -> Result<Arc<ClientConfig>, TlsError> {
    let key = certified_key(identity)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(OnlyPinnedKey { pin, signatures: provider.signature_verification_algorithms });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| TlsError::Setup { source })?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

/// The server showed another key than the pinned one; travels inside rustls' error.
///
/// The handshake ends before the server proves that it holds `seen`: it is what was claimed, no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server shows the key {seen}, not the pinned {expected}")]
pub struct OtherKey {
    /// The pin that was expected.
    pub expected: SpkiPin,
    /// The pin of the certificate that was shown.
    pub seen: SpkiPin,
}

/// Gives the name that a calling node asks every server for.
pub(crate) fn any_node_name() -> Result<ServerName<'static>, rustls::pki_types::InvalidDnsNameError> {
    ServerName::try_from(ANY_NODE)
}

fn pin_of(certificate: &CertificateDer<'_>) -> Result<SpkiPin, Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    Ok(SpkiPin(Sha256::digest(parsed.subject_public_key_info().as_ref()).into()))
}

/// Loads the key and makes sure that it belongs to the certificate.
fn certified_key(identity: &TlsIdentity) -> Result<CertifiedKey, TlsError> {
    let certificate = identity.pin()?;
    // Read from a borrowed slice: rustls' own loader would keep a copy of the key that nobody wipes.
    let borrowed = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.private_key_pkcs8_der.as_slice()));
    let key =
        aws_lc_rs::sign::any_supported_type(&borrowed).map_err(|source| TlsError::PrivateKey { source })?;
    let pair = CertifiedKey::new(vec![CertificateDer::from(identity.certificate_der.clone())], key);
    match pair.keys_match() {
        Ok(()) => Ok(pair),
        Err(_) => Err(TlsError::NotAPair { certificate }),
    }
}

fn certificate_params(node_name: &str, now: Timestamp) -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, node_name);
    let day = now.to_zoned(TimeZone::UTC).date();
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = match (i32::from(day.year()), u8::try_from(day.month()), u8::try_from(day.day())) {
        // A date from jiff exists, so this cannot stop us; X.509 has no years before 1950 and none after 9999.
        (year @ 1950..=9998, Ok(month), Ok(day)) => rcgen::date_time_ymd(year, month, day),
        _ => rcgen::date_time_ymd(1950, 1, 1),
    };
    params.not_after = rcgen::date_time_ymd(9999, 12, 31) + Duration::from_secs(86_399);
    params
}

fn pem_section(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(Base64::encode_string(der));
    // Made large enough at once: a string that grows leaves unwiped pieces of a key behind.
    let mut pem =
        Zeroizing::new(String::with_capacity(base64.len() + base64.len() / 64 + 2 * label.len() + 40));
    pem.push_str("-----BEGIN ");
    pem.push_str(label);
    pem.push_str("-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so every position is a character's edge.
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

/// Takes exactly one key.
#[derive(Debug)]
struct OnlyPinnedKey {
    pin: SpkiPin,
    signatures: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for OnlyPinnedKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seen = pin_of(end_entity)?;
        if seen == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        let other = OtherKey { expected: self.pin, seen };
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(other)))))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_is_refused())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.signatures)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.supported_schemes()
    }
}

/// Takes every key whose holder proves it.
#[derive(Debug)]
struct AnyProvenKey {
    signatures: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyProvenKey {
    fn root_hint_subjects(&self) -> &[IssuerName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        pin_of(end_entity)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_is_refused())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.signatures)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.supported_schemes()
    }
}

fn tls12_is_refused() -> Error {
    Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled)
}
