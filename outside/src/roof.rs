//! What the program itself reads: its configuration, backups, and the command line.

use std::io::Read;

use crate::Begun;

const CONFIG: &str = r#"{
  "name": "service-a.example",
  "address": "192.0.2.1:4430",
  "listen": "192.0.2.1:4430",
  "contact": "Duty desk, +00 000",
  "notify_command": ["notify", "--desk"],
  "duty_minutes": 60,
  "log": "info",
  "metrics": "127.0.0.1:9464"
}"#;

pub(crate) fn node_json() -> Begun {
    Begun::of([CONFIG.into()], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let Ok(again) = forewarn::outside::node_json(text) else { return };
        assert_eq!(forewarn::outside::node_json(&again), Ok(again), "what is written reads back the same");
    })
}

fn manifest_of(format: &str, members: &[&str]) -> String {
    let member = |name: &&str| {
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(CONFIG));
        serde_json::json!({ "name": name, "bytes": CONFIG.len(), "sha256": digest })
    };
    let members: Vec<_> = members.iter().map(member).collect();
    let manifest = serde_json::json!({
        "format": format,
        "node": "service-a.example",
        "taken_at": "2026-12-10T14:00:00Z",
        "program": "0.1.0",
        "members": members,
        "channels": [],
    });
    manifest.to_string()
}

const BACKUP: &[&str] = &["node.json", "node.db"];
const KEYS: &[&str] = &[
    "body-keys",
    "identity.key",
    "cosigner.key",
    "log.key",
    "rendering.key",
    "terms.key",
    "tls.key",
    "tls.crt",
    "encryption.key",
];

pub(crate) fn manifest() -> Begun {
    let channel = format!(
        r#""channels":[{{"origin":"{}","partner":"service-b.example","side":"ours","use":"actual","size":3,"cosigned":2}}]"#,
        "ab".repeat(32)
    );
    let backup = manifest_of("forewarn/backup/v1", BACKUP);
    let examples =
        [backup.replace(r#""channels":[]"#, &channel), backup, manifest_of("forewarn/backup-keys/v1", KEYS)];
    Begun::of(examples.map(String::into_bytes), |bytes| {
        let Ok(again) = forewarn::outside::manifest(bytes) else { return };
        assert_eq!(forewarn::outside::manifest(&again), Ok(again), "what is written reads back the same");
    })
}

/// The archive inside a backup, unpacked: no member that its manifest does not name is ever handed on.
pub(crate) fn archive() -> Begun {
    let examples =
        [("forewarn/backup/v1", BACKUP), ("forewarn/backup-keys/v1", KEYS)].map(|(format, members)| {
            let manifest = manifest_of(format, members);
            let mut tar = tar(&[("manifest.json", &manifest)]);
            members.iter().for_each(|member| tar.extend(self::tar(&[(member, CONFIG)])));
            tar.extend([0; 1024]);
            tar
        });
    assert!(examples.iter().all(|tar| forewarn::outside::archive(tar.as_slice()).is_ok()));
    Begun::of(examples, |bytes| {
        let Ok(members) = forewarn::outside::archive(bytes.take(1 << 20)) else { return };
        let known = |name: &String| BACKUP.contains(&name.as_str()) || KEYS.contains(&name.as_str());
        let more = |name: &String| ["sources.db", "retiring-cosigners"].contains(&name.as_str());
        assert!(members.iter().all(|name| known(name) || more(name)), "{members:?}");
    })
}

/// Members of a tar in the form of ustar (POSIX.1-1988), without its end.
fn tar(members: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in members {
        let mut head = [0_u8; 512];
        let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, name);
        put(100, "0000600\0");
        put(124, &format!("{:011o}\0", content.len()));
        put(136, "00000000000\0");
        put(148, "        ");
        put(156, "0");
        put(257, "ustar\u{0}00");
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(head);
        tar.extend(content.as_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar
}

/// A command line, a word a line: an error that repeats what was typed hides nothing.
pub(crate) fn command() -> Begun {
    let lines = [
        "warning preview w-0190f3c2 --to service-b,purpose=protect_victim,precedence=flash --let-through what=LARK=why",
        "warning write --domain cyber --harm fraud --target City --target-kind location --grade B2 --until 2027-01-10T00:00:00Z --tlp amber --precedence flash",
        "verify folder --giver 00 --receiver 00",
        "partner confirm service-b --words x",
        "outcome report 12ab/3 --event not_occurred",
        "carry settle one two --json",
    ];
    Begun::of(lines.map(|line| line.replace(' ', "\n").into_bytes()), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let words = std::iter::once("forewarn").chain(text.split('\n').take(64));
        if let Err(why) = forewarn::outside::command(words) {
            assert!(!why.chars().any(|c| c != '\n' && model::plain::is_unseen(c)), "{why}");
        }
    })
}
