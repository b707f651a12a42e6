//! The data folder: what lies where, and with which permissions. Key files are for their owner alone, or not read at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use exchange::house::Settings;
use exchange::keys::NodeSeeds;
use exchange::refusal::Refusal;
use gate::tls::TlsIdentity;
use jiff::Timestamp;
use model::id::PartyName;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The most bytes of a key or configuration file that are read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// What the operator sets, in `node.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The node's name; it stands in the identity key and cannot be changed.
    pub(crate) name: String,
    /// Where partners reach this node, `host:port`; it stands on the card.
    pub(crate) address: String,
    /// Where this node listens, `address:port`.
    pub(crate) listen: String,
    /// How partners reach the duty desk by voice; it stands on the card.
    pub(crate) contact: String,
    /// A program that hears the notices, with its arguments. Whoever can change this runs programs as this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notify_command: Vec<String>,
    /// A plain `http://` address that hears the notices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notify_webhook: Option<String>,
    /// Within how many minutes a duty to warn must be decided; 60 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) duty_minutes: Option<u32>,
    /// For how many minutes a proposal may be approved; 720 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proposal_minutes: Option<u32>,
}

/// A data folder.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    root: PathBuf,
}

/// Everything that the key files hold.
pub(crate) struct Keys {
    pub(crate) seeds: NodeSeeds,
    pub(crate) tls: TlsIdentity,
    /// The private encryption key, `AGE-SECRET-KEY-1…`.
    pub(crate) encryption: Zeroizing<String>,
}

/// The seeds, by the names of their files.
const SEEDS: [&str; 5] = ["identity", "cosigner", "log", "rendering", "terms"];

impl DataDir {
    /// The data folder at this path.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    fn key(&self, name: &str) -> PathBuf {
        self.root.join("keys").join(name)
    }

    /// Whether a node was made here.
    pub(crate) fn is_node(&self) -> bool {
        self.root.join("node.json").exists()
    }

    /// Makes the folder, its keys and its configuration. A folder that holds anything is left alone.
    pub(crate) fn make(
        &self,
        config: &Config,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Refusal> {
        let name: PartyName =
            config.name.parse().map_err(|e: model::id::NotAName| Refusal::yours("bad_name", e.to_string()))?;
        if self.root.exists() && self.root.read_dir().map_err(|e| world(&self.root, &e))?.next().is_some() {
            return Err(Refusal::yours("not_empty", format!("{} is not empty", self.root.display()))
                .hint("a node is made in a folder of its own: name another one with --data"));
        }
        for folder in [self.root.clone(), self.root.join("keys")] {
            if !folder.exists() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|e| world(&folder, &e))?;
            }
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).map_err(|e| world(&folder, &e))?;
        }
        for seed in SEEDS {
            let mut bytes = Zeroizing::new([0; 32]);
            rng.fill_bytes(bytes.as_mut_slice());
            self.write_key(&format!("{seed}.key"), hex::encode(bytes.as_slice()).as_bytes())?;
        }
        let tls = gate::tls::generate_certificate(name.as_str(), now, rng).map_err(Refusal::ours)?;
        let pem = tls.to_pem();
        self.write_key("tls.key", pem.private_key.as_bytes())?;
        self.write_key("tls.crt", pem.certificate.as_bytes())?;
        self.write_key("encryption.key", exchange::keys::draw_encryption_key().as_bytes())?;
        // Written last: a folder without it is not yet a node.
        let text = serde_json::to_string_pretty(config).map_err(Refusal::ours)?;
        self.write_private(&self.root.join("node.json"), text.as_bytes())
    }

    fn write_key(&self, name: &str, bytes: &[u8]) -> Result<(), Refusal> {
        self.write_private(&self.key(name), bytes)
    }

    fn write_private(&self, path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| world(path, &e))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| world(path, &e))
    }

    /// The configuration.
    pub(crate) fn config(&self) -> Result<Config, Refusal> {
        let path = self.root.join("node.json");
        if !path.exists() {
            return Err(Refusal::yours("no_node", format!("there is no node in {}", self.root.display()))
                .hint("`forewarn init` makes one, or name another folder with --data"));
        }
        let text = read_private(&path)?;
        serde_json::from_str(&text).map_err(|e| {
            Refusal::yours("bad_config", format!("{} cannot be read", path.display())).detail(e.to_string())
        })
    }

    /// The keys. A file that others may read is refused: the key may have been seen.
    pub(crate) fn keys(&self) -> Result<Keys, Refusal> {
        let seed = |name: &str| -> Result<Zeroizing<[u8; 32]>, Refusal> {
            let path = self.key(&format!("{name}.key"));
            let text = read_private(&path)?;
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).map_err(|_| {
                Refusal::yours("bad_key", format!("{} is not 64 hex digits", path.display()))
                    .hint("restore it from a backup; a node with another key is another node")
            })?;
            Ok(bytes)
        };
        let [identity, cosigner, log, rendering, terms] = SEEDS;
        let certificate = read_private(&self.key("tls.crt"))?;
        let private_key = read_private(&self.key("tls.key"))?;
        Ok(Keys {
            seeds: NodeSeeds {
                identity: seed(identity)?,
                cosigner: seed(cosigner)?,
                log: seed(log)?,
                rendering: seed(rendering)?,
                terms: seed(terms)?,
            },
            tls: TlsIdentity::from_pem(&certificate, &private_key)
                .map_err(|e| Refusal::yours("bad_key", e.to_string()).detail(e.detail()).hint(e.hint()))?,
            encryption: read_private(&self.key("encryption.key"))?,
        })
    }

    /// The settings that the configuration and the keys make.
    pub(crate) fn settings(&self, config: &Config, keys: &Keys) -> Result<Settings, Refusal> {
        let pin = keys.tls.pin().map_err(Refusal::ours)?;
        let mut settings = Settings::new(
            config.address.clone(),
            pin.to_string(),
            exchange::keys::encryption_recipient(&keys.encryption)?,
            config.contact.clone(),
        );
        settings.duty_minutes = config.duty_minutes.unwrap_or(settings.duty_minutes);
        settings.proposal_minutes = config.proposal_minutes.unwrap_or(settings.proposal_minutes);
        Ok(settings)
    }

    /// Holds the folder for one process; released when dropped, also by a crash.
    pub(crate) fn lock(&self) -> Result<File, Refusal> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|e| world(&path, &e))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                Err(Refusal::yours("in_use", format!("a node is running on {}", self.root.display()))
                    .hint("stop it first; two processes must never write one node's log"))
            }
            Err(fs::TryLockError::Error(e)) => Err(world(&path, &e)),
        }
    }
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, Refusal> {
    let file = File::open(path).map_err(|e| world(path, &e))?;
    let mode = file.metadata().map_err(|e| world(path, &e))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Refusal::yours("bad_permission", format!("{} can be read by others", path.display()))
            .detail(format!("its permissions are {mode:o}; only the owner may have any"))
            .hint(format!(
                "find out who may have read it; if nobody, `chmod 600 {}` and start again",
                path.display()
            )));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|e| world(path, &e))?;
    Ok(text)
}

fn world(path: &Path, error: &io::Error) -> Refusal {
    Refusal::world("file", format!("{}: {error}", path.display()))
}
