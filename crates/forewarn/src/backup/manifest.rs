//! What a backup says of itself: the first member of its archive.

use std::collections::BTreeSet;

use exchange::refusal::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::CopiedChannel;

/// The name of the manifest in an archive.
pub(super) const NAME: &str = "manifest.json";
/// The largest manifest that is read, in bytes: some ten thousand channels.
pub(super) const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The member with the cosigner keys that were replaced in order and sign on.
pub(super) const RETIRING: &str = "retiring-cosigners";

/// What an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// The databases and the configuration.
    #[serde(rename = "forewarn/backup/v1")]
    Backup,
    /// The keys of the sealed texts and the node's own; inside a file sealed by age.
    #[serde(rename = "forewarn/backup-keys/v1")]
    Keys,
}

impl Kind {
    /// The members that such an archive may have, and whether it must.
    fn members(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::Backup => &[("node.json", true), ("node.db", true), ("sources.db", false)],
            Self::Keys => &[
                ("body-keys", true),
                ("identity.key", true),
                ("cosigner.key", true),
                ("log.key", true),
                ("rendering.key", true),
                ("terms.key", true),
                ("tls.key", true),
                ("tls.crt", true),
                ("encryption.key", true),
                (RETIRING, false),
            ],
        }
    }

    /// The names of the files of the node's own keys.
    pub(super) fn key_files() -> impl Iterator<Item = &'static str> {
        let names = Self::Keys.members().iter().map(|(name, _)| *name);
        names.filter(|name| !["body-keys", RETIRING].contains(name))
    }
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: String,
    /// The form, if it is a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) form: Option<i64>,
    /// How many bytes it has.
    pub(crate) bytes: u64,
    /// SHA-256, hex.
    pub(crate) sha256: String,
}

/// A channel as it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Channel {
    /// Its origin, 64 hex digits.
    pub(crate) origin: String,
    /// The partner.
    pub(crate) partner: String,
    /// `ours` or `theirs`.
    pub(crate) side: String,
    /// `actual` or `exercise`.
    #[serde(rename = "use")]
    pub(crate) use_: String,
    /// Entries appended or held.
    pub(crate) size: u64,
    /// The largest size with a cosignature.
    pub(crate) cosigned: u64,
}

impl From<CopiedChannel> for Channel {
    fn from(c: CopiedChannel) -> Self {
        let CopiedChannel { origin, partner, side, use_, size, cosigned } = c;
        Self { origin, partner, side, use_, size, cosigned }
    }
}

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// What it is.
    pub(crate) format: Kind,
    /// The node's name.
    pub(crate) node: String,
    /// When the moment was that it shows, by the clock of the machine.
    pub(crate) taken_at: Timestamp,
    /// The version of the program that made it.
    pub(crate) program: String,
    /// The members in their order.
    pub(crate) members: Vec<Member>,
    /// The channels as they stood; none in an archive of keys.
    #[serde(default)]
    pub(crate) channels: Vec<Channel>,
}

impl Manifest {
    /// Reads a manifest of this kind: known members only, each once, in their order, and all that must be there.
    pub(super) fn parse(bytes: &[u8], kind: Kind) -> Result<Self, Refusal> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|e| damaged("its manifest cannot be read").detail(e.to_string()))?;
        if manifest.format != kind {
            return Err(damaged("it is the other file of a backup").hint(
                "the backup is named first, the file of keys after --keys: have the two been exchanged?",
            ));
        }
        let mut known = kind.members().iter();
        let mut seen = BTreeSet::new();
        for member in &manifest.members {
            if !known.any(|(name, _)| *name == member.name) {
                return Err(damaged(format!("its manifest names a member {:?}", member.name)));
            }
            let digest = &member.sha256;
            if digest.len() != 64 || digest.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(damaged(format!("the digest of {} is none", member.name)));
            }
            seen.insert(member.name.as_str());
        }
        match kind.members().iter().find(|(name, must)| *must && !seen.contains(name)) {
            Some((name, _)) => Err(damaged(format!("{name} is not in it"))),
            None => Ok(manifest),
        }
    }

    /// The manifest as bytes.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Refusal> {
        serde_json::to_vec_pretty(self).map_err(Refusal::ours)
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Refuses databases of a form that this program does not know.
    pub(super) fn forms_are_known(&self) -> Result<(), Refusal> {
        for (name, known) in store::forms() {
            let newer = self.member(name).and_then(|member| member.form).filter(|form| *form > known);
            if let Some(form) = newer {
                return Err(Refusal::yours(
                    "too_new",
                    "the backup was made by a later version of this program",
                )
                .detail(format!("{name} has form {form}, and this program knows forms up to {known}"))
                .hint(format!("use forewarn {} or a later one", self.program)));
            }
        }
        Ok(())
    }
}

/// The refusal of a backup that is not what it should be.
pub(super) fn damaged(why: impl std::fmt::Display) -> Refusal {
    Refusal::yours("bad_backup", format!("the backup cannot be used: {why}"))
        .hint("take another copy of it; nothing was changed")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest() -> Manifest {
        let member =
            |name: &str, form| Member { name: name.to_owned(), form, bytes: 7, sha256: "0a".repeat(32) };
        Manifest {
            format: Kind::Backup,
            node: "service-a.example".to_owned(),
            taken_at: "2026-12-10T14:00:00Z".parse().unwrap(),
            program: "0.1.0".to_owned(),
            members: vec![
                member("node.json", None),
                member("node.db", Some(2)),
                member("sources.db", Some(1)),
            ],
            channels: vec![Channel {
                origin: "ab".repeat(32),
                partner: "service-b.example".to_owned(),
                side: "ours".to_owned(),
                use_: "actual".to_owned(),
                size: 3,
                cosigned: 2,
            }],
        }
    }

    fn parse(manifest: &Manifest) -> Result<Manifest, Refusal> {
        Manifest::parse(&manifest.to_bytes().unwrap(), Kind::Backup)
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        assert_eq!(parse(&manifest()).unwrap(), manifest());
        let mut without = manifest();
        without.members.truncate(2);
        assert_eq!(parse(&without).unwrap(), without, "a node runs without sources");
    }

    #[test]
    fn members_are_the_known_ones_each_once_and_in_order() {
        let wrong: [fn(&mut Manifest); 6] = [
            |m| m.members.swap(0, 1),
            |m| m.members.push(m.members[2].clone()),
            |m| drop(m.members.remove(1)),
            |m| m.members[0].name = "../node.json".to_owned(),
            |m| m.members[0].sha256 = "0A".repeat(32),
            |m| m.format = Kind::Keys,
        ];
        for change in wrong {
            let mut manifest = manifest();
            change(&mut manifest);
            assert_eq!(parse(&manifest).unwrap_err().code, "bad_backup", "{manifest:?}");
        }
    }

    #[test]
    fn a_form_of_a_later_program_is_refused() {
        let mut later = manifest();
        later.forms_are_known().unwrap();
        later.members[1].form = Some(999);
        assert_eq!(later.forms_are_known().unwrap_err().code, "too_new");
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_a_manifest_or_a_refusal(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Manifest::parse(&bytes, Kind::Backup).is_err());
        }

        #[test]
        fn a_manifest_with_a_byte_changed_is_the_changed_manifest_or_a_refusal(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut bytes = manifest().to_bytes().unwrap();
            let place = at.index(bytes.len());
            bytes[place] = to;
            if let Ok(read) = Manifest::parse(&bytes, Kind::Backup) {
                prop_assert_eq!(parse(&read).unwrap(), read);
            }
        }

        #[test]
        fn names_and_numbers_of_any_kind_come_back(node in ".{0,60}", bytes in any::<u64>(), size in any::<u64>()) {
            let mut one = manifest();
            one.node = node;
            one.members[0].bytes = bytes;
            one.channels[0].size = size;
            prop_assert_eq!(parse(&one).unwrap(), one);
        }
    }
}
