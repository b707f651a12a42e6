//! Verification of a folder that somebody handed over: a receipt or evidence of a conflict (log-format §11, §12).
//!
//! It needs no node, no data folder, no network and no clock. Everything in the folder may come from an enemy: nothing is
//! read but plain files of known names, each up to its limit.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use tlog::channel::ChannelStatement;
use tlog::entry::ENTRY_BYTES_MAX;
use tlog::evidence::{self, ProvenConflict, verify_evidence};
use tlog::key::Fingerprint;
use tlog::receipt::{self, Standing, Trusted, VerifiedReceipt, verify_export};

/// The most names in a folder that are looked at; a receipt has six at most, evidence five.
const NAMES_MAX: usize = 32;
/// The longest name that is repeated, in characters.
const NAME_CHARS_MAX: usize = 80;
/// Every file that may be there. Another one is not opened.
const KNOWN: [&str; 10] = [
    receipt::CHANNEL_FILE,
    receipt::ENTRY_FILE,
    receipt::POLICY_FILE,
    receipt::PROOF_FILE,
    receipt::SEEN_CHANNEL_FILE,
    receipt::SEEN_CHECKPOINT_FILE,
    evidence::FIRST_FILE,
    evidence::SECOND_FILE,
    evidence::CONFLICT_FILE,
    evidence::FIRST_CHANNEL_FILE,
];
/// The files that make a folder one of evidence.
const OF_EVIDENCE: [&str; 3] = [evidence::CONFLICT_FILE, evidence::FIRST_FILE, evidence::SECOND_FILE];

/// What somebody knows of an identity, not from this folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Its whole fingerprint.
    Fingerprint(Fingerprint),
    /// The words compared by voice: the fingerprint's first 16 bytes.
    Words([u8; 16]),
}

impl FromStr for Known {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(fingerprint) = Fingerprint::from_hex(&text.trim().to_lowercase()) {
            return Ok(Self::Fingerprint(fingerprint));
        }
        exchange::partner::heard_words(text)
            .map(Self::Words)
            .map_err(|_| "give the 64 hex digits of a fingerprint, or its twelve words".to_owned())
    }
}

/// What somebody knows of both parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Elsewhere {
    /// Of the party that wrote.
    pub(crate) giver: Option<Known>,
    /// Of the party that received.
    pub(crate) receiver: Option<Known>,
}

/// A folder in which everything fits together.
#[derive(Debug, Clone)]
pub(crate) enum Verified {
    /// A receipt.
    Receipt(Box<VerifiedReceipt>),
    /// A proven conflict.
    Evidence(Box<ProvenConflict>),
}

impl Verified {
    /// Whether both parties are known to be those named, or the folder is only whole in itself.
    pub(crate) fn standing(&self) -> Standing {
        match self {
            Self::Receipt(receipt) => receipt.standing,
            Self::Evidence(conflict) => conflict.standing,
        }
    }
}

/// A folder that shows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Why.
    pub(crate) why: String,
    /// Of a receipt: the step of the verification that failed, 1 to 9.
    pub(crate) step: Option<u8>,
}

/// A folder that cannot be looked at.
#[derive(Debug)]
pub(crate) enum Unread {
    /// There is no such folder.
    NoFolder,
    /// Something in it is no plain file, or there is too much of it.
    Refused(Refused),
    /// The disk said no.
    Disk(io::Error),
}

impl Unread {
    fn refused(why: String) -> Self {
        Self::Refused(Refused { why, step: Some(1) })
    }
}

/// Reads the files of a folder: name and content. Of a file that does not belong there the name alone is taken, and of one
/// that is too large no more than shows it.
pub(crate) fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Unread> {
    if !folder.is_dir() {
        return Err(Unread::NoFolder);
    }
    let mut files = BTreeMap::new();
    for (count, found) in fs::read_dir(folder).map_err(Unread::Disk)?.enumerate() {
        let found = found.map_err(Unread::Disk)?;
        let name = found.file_name().to_string_lossy().into_owned();
        if count == NAMES_MAX {
            return Err(Unread::refused(format!("the folder holds more than {NAMES_MAX} files")));
        }
        if !KNOWN.contains(&name.as_str()) {
            files.insert(name, Vec::new());
            continue;
        }
        // Not followed, and never opened if opening it could wait for somebody.
        if !fs::symlink_metadata(found.path()).map_err(Unread::Disk)?.is_file() {
            return Err(Unread::refused(format!("{} is no plain file", short(&name))));
        }
        files.insert(name, start_of(&found.path()).map_err(Unread::Disk)?);
    }
    Ok(files)
}

/// The content, up to one byte more than the largest file may have.
fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(ENTRY_BYTES_MAX as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

fn short(name: &str) -> String {
    model::plain::plain_line(&name.chars().take(NAME_CHARS_MAX).collect::<String>())
}

/// Verifies what stands in a folder; which of the two forms it is, its files say.
pub(crate) fn judge(files: &BTreeMap<String, Vec<u8>>, known: &Elsewhere) -> Result<Verified, Refused> {
    let trusted = match trusted(files, known) {
        Ok(trusted) => trusted,
        // What is wrong with the folder itself comes first.
        Err(stranger) => return Err(verify(files, None).err().unwrap_or(stranger)),
    };
    let mut verified = verify(files, trusted)?;
    if known.giver.is_none() || known.receiver.is_none() {
        match &mut verified {
            Verified::Receipt(receipt) => receipt.standing = Standing::Intact,
            Verified::Evidence(conflict) => conflict.standing = Standing::Intact,
        }
    }
    Ok(verified)
}

fn verify(files: &BTreeMap<String, Vec<u8>>, trusted: Option<Trusted>) -> Result<Verified, Refused> {
    if OF_EVIDENCE.iter().any(|name| files.contains_key(*name)) {
        return verify_evidence(files, trusted)
            .map(|conflict| Verified::Evidence(Box::new(conflict)))
            .map_err(|e| Refused { why: e.to_string(), step: None });
    }
    verify_export(files, trusted)
        .map(|receipt| Verified::Receipt(Box::new(receipt)))
        .map_err(|e| Refused { why: e.to_string(), step: Some(e.step()) })
}

/// The fingerprints that the verification compares with: what is known, and in the place of what is not, what the folder says.
fn trusted(files: &BTreeMap<String, Vec<u8>>, known: &Elsewhere) -> Result<Option<Trusted>, Refused> {
    let statement = files.get(receipt::CHANNEL_FILE).map(|bytes| ChannelStatement::parse(bytes));
    // A statement that cannot be read is refused by the verification itself.
    let Some(Ok(statement)) = statement else { return Ok(None) };
    let said = statement.proposal();
    let of = |role: &str, key: &tlog::key::VerifierKey, known: Option<Known>| {
        let found = key.fingerprint();
        match known {
            None => Ok(found),
            Some(Known::Fingerprint(fingerprint)) => Ok(fingerprint),
            Some(Known::Words(seed)) if found.words_seed() == seed => Ok(found),
            Some(Known::Words(_)) => Err(Refused {
                why: format!("the {role}, {}, has other words than those given", key.name()),
                step: (!files.contains_key(evidence::CONFLICT_FILE)).then_some(3),
            }),
        }
    };
    let giver = of("giver", &said.giver, known.giver)?;
    let receiver = of("receiver", &said.receiver, known.receiver)?;
    Ok(Some(Trusted { giver, receiver }))
}

#[cfg(test)]
mod tests {
    use exchange::receipt::export;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use testkit::{A, TestHouses};

    use super::*;

    /// A receipt of a real house.
    fn files() -> BTreeMap<String, Vec<u8>> {
        let houses = TestHouses::two();
        houses.b().undertake(A).unwrap();
        houses.settle_all();
        let channel = houses.b().store().view(|view| view.channels()).unwrap();
        let ours = channel.into_iter().find(|c| c.side == store::ChannelSide::Ours).unwrap();
        let (b, entry) = (houses.b(), format!("{}/{}", ours.origin.hex(), ours.size() - 1));
        export(&b.house(), &b.caller("desk1"), &entry, Some("test"), b.now()).unwrap().files
    }

    #[test]
    fn a_party_is_known_by_its_fingerprint_or_by_its_words() {
        let key =
            tlog::key::SigningKey::from_seed("a.example", tlog::key::KeyKind::Ed25519, [1; 32]).unwrap();
        let words = exchange::partner::fingerprint_words(key.verifier()).unwrap();
        let fingerprint = key.verifier().fingerprint();
        assert_eq!(fingerprint.to_string().parse(), Ok(Known::Fingerprint(fingerprint)));
        assert_eq!(fingerprint.to_string().to_uppercase().parse(), Ok(Known::Fingerprint(fingerprint)));
        assert_eq!(
            format!("  {}\n", words.to_uppercase()).parse(),
            Ok(Known::Words(fingerprint.words_seed()))
        );
        let eleven = words.split(' ').skip(1).collect::<Vec<_>>().join(" ");
        let twice = format!("{words} {words}");
        for wrong in ["", "abandon", &eleven, &twice, &fingerprint.to_string()[1..]] {
            assert!(wrong.parse::<Known>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn half_of_what_is_to_be_known_verifies_nothing() {
        let files = files();
        let statement = ChannelStatement::parse(&files["channel"]).unwrap();
        let giver = Some(Known::Fingerprint(statement.proposal().giver.fingerprint()));
        let receiver = Some(Known::Words(statement.proposal().receiver.fingerprint().words_seed()));
        let standing = |known| judge(&files, &known).unwrap().standing();
        assert_eq!(standing(Elsewhere { giver, receiver }), Standing::Verified);
        assert_eq!(standing(Elsewhere { giver, receiver: None }), Standing::Intact);
        assert_eq!(standing(Elsewhere { giver: None, receiver }), Standing::Intact);
        assert_eq!(standing(Elsewhere::default()), Standing::Intact);
        let swapped = Elsewhere { giver: receiver, receiver: giver };
        assert_eq!(judge(&files, &swapped).unwrap_err().step, Some(3));
    }

    #[test]
    fn what_is_wrong_with_the_folder_is_said_before_who_it_is_of() {
        let mut files = files();
        files.insert("more".to_owned(), Vec::new());
        let stranger = Elsewhere { giver: Some(Known::Words([0; 16])), receiver: None };
        assert_eq!(judge(&files, &stranger).unwrap_err().step, Some(1));
    }

    fn any_folder() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
        let name = prop_oneof![
            8 => proptest::sample::select(&KNOWN[..]).prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        let text = "(forewarn/(channel|entry|conflict)/v1|c2sp.org/tlog-proof@v1|[a-z]{1,8} [A-Za-z0-9+/=\u{2014} ]{0,60}|)\n";
        let content = prop_oneof![
            vec(any::<u8>(), 0..400),
            vec(text, 0..14).prop_map(|lines| lines.concat().into_bytes()),
        ];
        btree_map(name, content, 0..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_folder_of_anything_stops_the_program_or_is_verified(files in any_folder(), seed in any::<[u8; 16]>()) {
            let known = Elsewhere { giver: Some(Known::Words(seed)), receiver: None };
            for known in [Elsewhere::default(), known] {
                let refused = judge(&files, &known).unwrap_err();
                prop_assert!(!refused.why.chars().any(|c| c != '\n' && model::plain::is_unseen(c)), "{}", refused.why);
                prop_assert!(refused.why.len() < 2_000, "{}", refused.why);
            }
        }
    }

    #[test]
    fn no_mixture_of_a_receipt_with_anything_is_verified() {
        let whole = files();
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let changed = any_folder().prop_filter("nothing in it", |other| !other.is_empty());
        runner
            .run(&changed, |other| {
                let mixed: BTreeMap<_, _> = whole.clone().into_iter().chain(other).collect();
                prop_assert!(judge(&mixed, &Elsewhere::default()).is_err());
                Ok(())
            })
            .unwrap();
    }
}
