//! The data folder: what lies where, and with which permissions. Key files are for their owner alone, or not read at all.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use exchange::house::Settings;
use exchange::keys::NodeSeeds;
use exchange::refusal::Refusal;
use exchange::silence::SILENCE_MINUTES;
use gate::tls::TlsIdentity;
use jiff::Timestamp;
use model::id::PartyName;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use store::Places;
use zeroize::Zeroizing;

mod key_file;
use key_file::KeyFile;

/// The most bytes of a key or configuration file that are read.
pub(crate) const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Within how many minutes a duty to warn must be decided, if the operator says nothing.
const DUTY_MINUTES: u32 = 60;
/// For how many minutes a proposal may be approved, if the operator says nothing.
const PROPOSAL_MINUTES: u32 = 12 * 60;
/// The most minutes that may be set: thirty days.
const MINUTES_MAX: u32 = 30 * 24 * 60;

/// The most minutes for which a partner may be silent: a year. One that is carried by file may well be for weeks.
const SILENCE_MINUTES_MAX: u32 = 365 * 24 * 60;

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
    /// For how many minutes a partner may be silent before somebody is told to look; 1,440, a day, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) silence_minutes: Option<u32>,
    /// The same for single partners, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) silence_minutes_of: BTreeMap<String, u32>,
    /// Where the high-water mark lies, as a path of its own on another disk; in the data folder if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) high_water: Option<PathBuf>,
    /// After how many seconds a partner that is fetched from is asked again; 30 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fetch_seconds: Option<u32>,
    /// What is logged, as `info` or `warn,courier=debug`; `info` if left out. `FOREWARN_LOG` goes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
    /// Where the figures for monitoring are shown, as `127.0.0.1:9464`; nowhere if left out. Every user of this machine may
    /// read them there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<String>,
}

impl Config {
    /// Reads the text of `node.json`; keys that are not known are refused.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Puts the minutes into force; what is left out has its default.
    pub(crate) fn set_minutes(&self, settings: &Settings) -> Result<(), Refusal> {
        let Minutes { duty, proposal, silence, silence_of } = self.minutes()?;
        settings.duty_minutes.set(duty);
        settings.proposal_minutes.set(proposal);
        settings.silence.set(silence, silence_of);
        Ok(())
    }

    /// The minutes that are set, each within its limits.
    pub(crate) fn minutes(&self) -> Result<Minutes, Refusal> {
        let silence_of = self.silence_minutes_of.iter().map(|(name, minutes)| {
            let partner = name.parse().map_err(|e: model::id::NotAName| {
                Refusal::yours("bad_config", format!("\"silence_minutes_of\" in node.json: {e}"))
                    .hint("name partners as `forewarn partner list` does")
            })?;
            let minutes = in_range(&format!("silence_minutes_of.{name}"), *minutes, SILENCE_MINUTES_MAX)?;
            Ok::<_, Refusal>((partner, minutes))
        });
        let silence = self.silence_minutes.unwrap_or(SILENCE_MINUTES);
        Ok(Minutes {
            duty: in_range("duty_minutes", self.duty_minutes.unwrap_or(DUTY_MINUTES), MINUTES_MAX)?,
            proposal: in_range(
                "proposal_minutes",
                self.proposal_minutes.unwrap_or(PROPOSAL_MINUTES),
                MINUTES_MAX,
            )?,
            silence: in_range("silence_minutes", silence, SILENCE_MINUTES_MAX)?,
            silence_of: silence_of.collect::<Result<_, _>>()?,
        })
    }
}

/// What is set in minutes.
pub(crate) struct Minutes {
    /// To decide a duty.
    duty: u32,
    /// To approve a proposal.
    proposal: u32,
    /// For which a partner may be silent.
    silence: u32,
    /// The same for single partners.
    silence_of: BTreeMap<PartyName, u32>,
}

fn in_range(what: &str, minutes: u32, max: u32) -> Result<u32, Refusal> {
    if (1..=max).contains(&minutes) {
        return Ok(minutes);
    }
    Err(Refusal::yours("bad_config", format!("\"{what}\" in node.json is {minutes}"))
        .hint(format!("name minutes from 1 to {max}")))
}

/// A data folder.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    root: PathBuf,
    /// Where the service manager puts credentials, if it does.
    credentials: Option<PathBuf>,
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

/// The configuration of a node that is being made; its last step is to give it the name `node.json`.
const UNFINISHED: &str = "node.json.unfinished";
/// The databases, by the names of their files.
pub(crate) const DATABASES: [&str; 4] = ["node.db", "keys.db", "sources.db", "high-water.db"];

impl DataDir {
    /// The data folder at this path.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), credentials: None }
    }

    /// The same, with keys that the service manager hands in: a file of the right name in `credentials` goes before the one
    /// in `keys/`. The set need not be whole.
    pub(crate) fn with_credentials(self, credentials: Option<PathBuf>) -> Self {
        Self { credentials, ..self }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// The file of a key.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.root.join("keys").join(name)
    }

    /// The folder of the keys that were replaced.
    pub(crate) fn old_keys(&self) -> PathBuf {
        self.root.join("keys").join("old")
    }

    /// The credential that goes before the file of a key, if the service manager hands one in.
    pub(crate) fn handed_in(&self, name: &str) -> Option<PathBuf> {
        let path = self.credentials.as_ref().map(|folder| folder.join(name))?;
        path.symlink_metadata().is_ok().then_some(path)
    }

    /// Where a key is read from: the credentials first, then `keys/`.
    fn key_in_use(&self, name: &str) -> KeyFile {
        match self.handed_in(name) {
            Some(path) => KeyFile::Credential(path),
            None => KeyFile::Kept(self.key(name)),
        }
    }

    /// Whether a node was made here.
    pub(crate) fn is_node(&self) -> bool {
        self.root.join("node.json").exists()
    }

    /// Begins a node: the folder, its keys and its configuration, which counts once `finish` was called. A folder that
    /// holds anything is left alone.
    ///
    /// A crash before `finish` leaves a folder that `config` and `begin` recognise and name as half made.
    pub(crate) fn begin(
        &self,
        config: &Config,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Refusal> {
        let name: PartyName = config
            .name
            .parse()
            .map_err(|e: model::id::NotAName| Refusal::yours("bad_name", e.to_string()))?;
        self.must_be_free()?;
        make_folder(&self.root)?;
        // Before anything else: from here on the folder is known as half made.
        let text = serde_json::to_string_pretty(config).map_err(Refusal::ours)?;
        write_private(&self.root.join(UNFINISHED), text.as_bytes())?;
        make_folder(&self.root.join("keys"))?;
        for seed in SEEDS {
            let mut bytes = Zeroizing::new([0; 32]);
            rng.fill_bytes(bytes.as_mut_slice());
            self.write_key(&format!("{seed}.key"), hex::encode(bytes.as_slice()).as_bytes())?;
        }
        let tls = gate::tls::generate_certificate(name.as_str(), now, rng).map_err(Refusal::ours)?;
        let pem = tls.to_pem();
        self.write_key("tls.key", pem.private_key.as_bytes())?;
        self.write_key("tls.crt", pem.certificate.as_bytes())?;
        self.write_key("encryption.key", exchange::keys::draw_encryption_key().as_bytes())
    }

    /// Makes what was begun a node: from when this is durable it can be run. To be called when all else is.
    pub(crate) fn finish(&self) -> Result<(), Refusal> {
        let node = self.root.join("node.json");
        sync(&self.root.join("keys"))?;
        fs::rename(self.root.join(UNFINISHED), &node).map_err(|e| world(&node, &e))?;
        sync(&self.root)
    }

    fn must_be_free(&self) -> Result<(), Refusal> {
        if self.is_half_made() {
            return Err(self.half_made());
        }
        if self.root.exists() && self.root.read_dir().map_err(|e| world(&self.root, &e))?.next().is_some() {
            return Err(Refusal::yours("not_empty", format!("{} is not empty", self.root.display()))
                .hint("a node is made in a folder of its own: name another one with --data"));
        }
        Ok(())
    }

    fn is_half_made(&self) -> bool {
        !self.is_node() && self.root.join(UNFINISHED).exists()
    }

    fn half_made(&self) -> Refusal {
        let root = self.root.display();
        Refusal::yours("half_made", format!("{root} holds a node that was begun and never finished"))
            .detail(
                "`forewarn init` was cut off; nobody can have an account there, and no partner has its card",
            )
            .hint(format!("remove the folder (`rm -r {root}`) and run `forewarn init` again"))
    }

    fn write_key(&self, name: &str, bytes: &[u8]) -> Result<(), Refusal> {
        write_private(&self.key(name), bytes)
    }

    /// Refuses a folder that others may enter, and a database that others may read: what stands in it may have been
    /// seen. The permissions of the folder are what keeps drafts and texts that are not sealed.
    pub(crate) fn must_be_private(&self) -> Result<(), Refusal> {
        for folder in [self.root.clone(), self.root.join("keys")] {
            // With credentials the folder of keys may be gone; whatever key is then missing is named when it is read.
            if self.credentials.is_some() && !folder.exists() {
                continue;
            }
            let mode = fs::metadata(&folder).map_err(|e| world(&folder, &e))?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(open_to_others(&folder, mode, "can be entered by others", "chmod 700"));
            }
        }
        for path in DATABASES.map(|name| self.root.join(name)) {
            match fs::metadata(&path).map(|found| found.permissions().mode() & 0o777) {
                Ok(mode) if mode & 0o077 != 0 => {
                    return Err(open_to_others(&path, mode, "can be read by others", "chmod 600"));
                }
                // One that is not there is the store's matter.
                _ => {}
            }
        }
        Ok(())
    }

    /// The configuration.
    pub(crate) fn config(&self) -> Result<Config, Refusal> {
        let path = self.root.join("node.json");
        if self.is_half_made() {
            return Err(self.half_made());
        }
        if !path.exists() {
            return Err(Refusal::yours("no_node", format!("there is no node in {}", self.root.display()))
                .hint("`forewarn init` makes one, or name another folder with --data"));
        }
        let text = read_private(&path)?;
        Config::parse(&text).map_err(|e| {
            Refusal::yours("bad_config", format!("{} cannot be read", path.display())).detail(e.to_string())
        })
    }

    /// The keys. A file that others may read is refused: the key may have been seen.
    pub(crate) fn keys(&self) -> Result<Keys, Refusal> {
        let seed = |name: &str| -> Result<Zeroizing<[u8; 32]>, Refusal> {
            let file = self.key_in_use(&format!("{name}.key"));
            let text = file.read()?;
            let path = file.path();
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).map_err(|_| {
                Refusal::yours("bad_key", format!("{} is not 64 hex digits", path.display()))
                    .hint("restore it from a backup; a node with another key is another node")
            })?;
            Ok(bytes)
        };
        let [identity, cosigner, log, rendering, terms] = SEEDS;
        let certificate = self.key_in_use("tls.crt").read()?;
        let private_key = self.key_in_use("tls.key").read()?;
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
            encryption: self.key_in_use("encryption.key").read()?,
        })
    }

    /// The bytes of a key file. A file that others may read is refused.
    pub(crate) fn key_file(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        Ok(Zeroizing::new(self.key_in_use(name).read()?.as_bytes().to_vec()))
    }

    /// Where the databases of the node lie.
    pub(crate) fn places(&self, config: &Config) -> Places {
        Places {
            folder: self.root.clone(),
            high_water: config.high_water.as_ref().map(|path| self.root.join(path)),
        }
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
        settings.fetch_seconds = config.fetch_seconds.unwrap_or(settings.fetch_seconds);
        config.set_minutes(&settings)?;
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

/// Makes a folder for its owner alone; one that is there becomes so.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Refusal> {
    if !folder.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| world(folder, &e))?;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(|e| world(folder, &e))
}

/// Writes a new file that its owner alone may read. A file that is there is not overwritten.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|e| world(path, &e))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| world(path, &e))
}

/// Reads a file that its owner alone may read; one that others may read is refused.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<String>, Refusal> {
    let file = File::open(path).map_err(|e| world(path, &e))?;
    let mode = file.metadata().map_err(|e| world(path, &e))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(open_to_others(path, mode, "can be read by others", "chmod 600"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|e| world(path, &e))?;
    Ok(text)
}

pub(crate) fn open_to_others(path: &Path, mode: u32, what: &str, mend: &str) -> Refusal {
    let path = path.display();
    Refusal::yours("bad_permission", format!("{path} {what}"))
        .detail(format!("its permissions are {mode:o}; only the owner may have any"))
        .hint(format!("find out who may have read it; if nobody, `{mend} {path}` and start again"))
}

/// Makes the names in a folder durable.
pub(crate) fn sync(folder: &Path) -> Result<(), Refusal> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| world(folder, &e))
}

/// What the disk has to do with.
pub(crate) fn world(path: &Path, error: &io::Error) -> Refusal {
    Refusal::world("file", format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn config() -> Config {
        Config {
            name: "service-a.example".to_owned(),
            address: "192.0.2.1:4430".to_owned(),
            listen: "192.0.2.1:4430".to_owned(),
            contact: "Duty desk, +00 000".to_owned(),
            notify_command: Vec::new(),
            notify_webhook: None,
            duty_minutes: None,
            proposal_minutes: None,
            silence_minutes: None,
            silence_minutes_of: BTreeMap::new(),
            high_water: None,
            fetch_seconds: None,
            log: None,
            metrics: None,
        }
    }

    fn begin(dir: &DataDir) -> Result<(), Refusal> {
        let now = "2026-12-10T14:00:00Z".parse().unwrap();
        dir.begin(&config(), now, &mut StdRng::seed_from_u64(1))
    }

    fn folder() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::at(&folder.path().join("data"));
        (folder, dir)
    }

    #[test]
    fn a_node_counts_only_when_it_is_finished() {
        let (_folder, dir) = folder();
        begin(&dir).unwrap();
        assert!(!dir.is_node());
        for refused in [dir.config().unwrap_err(), begin(&dir).unwrap_err()] {
            assert_eq!(refused.code, "half_made");
            assert!(refused.hint.unwrap().contains("rm -r "));
        }
        dir.finish().unwrap();
        assert_eq!(dir.config().unwrap(), config());
        assert_eq!(begin(&dir).unwrap_err().code, "not_empty");
    }

    #[test]
    fn a_node_whose_configuration_is_lost_is_not_called_half_made() {
        let (_folder, dir) = folder();
        begin(&dir).unwrap();
        dir.finish().unwrap();
        fs::remove_file(dir.root().join("node.json")).unwrap();
        assert_eq!(dir.config().unwrap_err().code, "no_node");
        assert_eq!(begin(&dir).unwrap_err().code, "not_empty");
    }

    #[test]
    fn a_folder_or_a_database_that_others_may_open_is_refused() {
        let (_folder, dir) = folder();
        begin(&dir).unwrap();
        drop(store::Store::open(dir.root()).unwrap());
        dir.finish().unwrap();
        dir.must_be_private().unwrap();
        let places =
            [("", 0o700), ("keys", 0o700), ("node.db", 0o600), ("keys.db", 0o600), ("sources.db", 0o600)];
        for (name, right) in places {
            let path = if name.is_empty() { dir.root().to_owned() } else { dir.root().join(name) };
            for wrong in [0o010, 0o004] {
                fs::set_permissions(&path, fs::Permissions::from_mode(right | wrong)).unwrap();
                assert_eq!(dir.must_be_private().unwrap_err().code, "bad_permission", "{name}");
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(right)).unwrap();
            dir.must_be_private().unwrap();
        }
    }
}
