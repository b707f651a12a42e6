//! Chores of the repository: `cargo xtask` lists them.
//!
//! A chore reads the tree and prints; it changes no file of the tree and needs no network. What must hold is a
//! test (`tests/tests/floors.rs`, `tests/tests/tidy.rs`), not a chore.

#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "this program is for the terminal: it prints, and its arguments are all it is told"
)]

mod fuzz;
mod performance;
mod simulate;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

use serde_json::Value;

use fuzz::Wanted;
use simulate::Limits;

const HELP: &str = "\
cargo xtask floors              the map of crates and their imports, as Markdown, from the manifests
cargo xtask fuzz [--minutes 10] [READER …]
                                every reader of bytes from outside, or those named, with libFuzzer; says what is missing
cargo xtask kills COUNT [SEED]  kills real nodes under load so often, fifty times a history, and looks at what is left
cargo xtask performance         every bench is run, which takes minutes; its figures beside floors and bounds, as Markdown
cargo xtask simulate [--seeds 1000] [--from 1] [--minutes 3]
                                lives of three nodes and a liar, one from each number; names the numbers that fail";

/// A crate of the product: what it is for, and which others it imports.
struct Room {
    purpose: String,
    imports: Vec<String>,
}

fn main() -> ExitCode {
    let chore: Vec<String> = std::env::args().skip(1).collect();
    let done = match chore.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["performance"] => performance::performance(),
        ["floors"] => metadata().and_then(|metadata| rooms(&metadata)).map(|rooms| floors(&rooms)),
        ["fuzz", wanted @ ..] => Wanted::parse(wanted).and_then(|wanted| fuzz::fuzz(&wanted)),
        ["kills", count] => kills(count, "1"),
        ["kills", count, seed] => kills(count, seed),
        ["simulate", limits @ ..] => Limits::parse(limits).and_then(simulate::play),
        [] | ["--help" | "-h"] => Ok(HELP.to_owned()),
        other => Err(format!("there is no chore `{}`\n{HELP}", other.join(" "))),
    };
    match done {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(fact) => {
            eprintln!("{fact}");
            ExitCode::FAILURE
        }
    }
}

/// How often a node is killed in one history.
const KILLS_PER_HISTORY: usize = 50;

/// Kills nodes of the `forewarn` that stands beside this program; build it first, the same way.
fn kills(count: &str, seed: &str) -> Result<String, String> {
    let count: usize = count.parse().map_err(|e| format!("COUNT {count:?}: {e}"))?;
    let seed: u64 = seed.parse().map_err(|e| format!("SEED {seed:?}: {e}"))?;
    let program = std::env::current_exe().map_err(|e| e.to_string())?.with_file_name("forewarn");
    if !program.exists() {
        return Err(format!("{} is not there: `cargo build -p forewarn` the same way", program.display()));
    }
    let (mut done, mut answered, mut entries) = (0, 0, 0);
    for seed in seed.. {
        if done >= count {
            break;
        }
        let killed = testkit::killing::kill(&program, KILLS_PER_HISTORY.min(count - done), seed);
        (done, answered, entries) =
            (done + killed.kills, answered + killed.answered, entries + killed.entries);
        println!("seed {seed}: {done} of {count} kills, {answered} acts answered, {entries} entries");
    }
    Ok(format!(
        "{done} kills: all of the {answered} acts that were answered stand once in both logs, and nothing twice"
    ))
}

/// The manifests of the workspace, as cargo reads them.
fn metadata() -> Result<Value, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

/// The crates below `crates/` with their imports of one another; what tests them is left out.
fn rooms(metadata: &Value) -> Result<BTreeMap<String, Room>, String> {
    let packages =
        metadata.get("packages").and_then(Value::as_array).ok_or("cargo metadata lists no packages")?;
    let product: Vec<&Value> =
        packages.iter().filter(|package| text(package, "manifest_path").contains("/crates/")).collect();
    let names: Vec<String> = product.iter().map(|package| text(package, "name")).collect();
    let mut rooms = BTreeMap::new();
    for package in product {
        let listed = package.get("dependencies").and_then(Value::as_array);
        let dependencies = listed.ok_or("a package lists no dependencies")?;
        let linked = dependencies.iter().filter(|dependency| text(dependency, "kind") != "dev");
        let mut imports: Vec<String> =
            linked.map(|dependency| text(dependency, "name")).filter(|name| names.contains(name)).collect();
        imports.sort();
        rooms.insert(text(package, "name"), Room { purpose: text(package, "description"), imports });
    }
    Ok(rooms)
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A table and a diagram of the same arrows, the lowest crates first.
fn floors(rooms: &BTreeMap<String, Room>) -> String {
    let mut order: Vec<(&String, &Room)> = rooms.iter().collect();
    order.sort_by_key(|(name, _)| (height(rooms, name), name.as_str()));
    let mut lines = vec!["| crate | what it is for | imports |".to_owned(), "|---|---|---|".to_owned()];
    for (name, Room { purpose, imports }) in &order {
        let imports = if imports.is_empty() { "nothing".to_owned() } else { imports.join(", ") };
        lines.push(format!("| `{name}` | {purpose} | {imports} |"));
    }
    lines.extend([String::new(), "```mermaid".to_owned(), "flowchart TD".to_owned()]);
    for (name, Room { imports, .. }) in order {
        let direct = imports.iter().filter(|import| !reached_through_another(rooms, imports, import));
        lines.extend(direct.map(|import| format!("    {name} --> {import}")));
    }
    lines.push("```".to_owned());
    lines.join("\n")
}

/// How many crates stand below this one, one upon the other.
fn height(rooms: &BTreeMap<String, Room>, name: &str) -> usize {
    let imports = rooms.get(name).map(|room| room.imports.as_slice()).unwrap_or_default();
    imports.iter().map(|import| 1 + height(rooms, import)).max().unwrap_or(0)
}

/// Whether an import is drawn already, as an import of another import; the diagram leaves it out.
fn reached_through_another(rooms: &BTreeMap<String, Room>, imports: &[String], import: &str) -> bool {
    imports.iter().filter_map(|other| rooms.get(other)).any(|room| {
        room.imports.iter().any(|below| below == import)
            || reached_through_another(rooms, &room.imports, import)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_crate_comes_first_and_no_arrow_is_drawn_twice() {
        let room = |purpose: &str, imports: &[&str]| Room {
            purpose: purpose.to_owned(),
            imports: imports.iter().map(|import| (*import).to_owned()).collect(),
        };
        let rooms = BTreeMap::from([
            ("acts".to_owned(), room("what people do", &["log", "nouns"])),
            ("log".to_owned(), room("what cannot be unsaid", &[])),
            ("nouns".to_owned(), room("what things are called", &["log"])),
        ]);
        let expected = "\
| crate | what it is for | imports |
|---|---|---|
| `log` | what cannot be unsaid | nothing |
| `nouns` | what things are called | log |
| `acts` | what people do | log, nouns |

```mermaid
flowchart TD
    nouns --> log
    acts --> nouns
```";
        assert_eq!(floors(&rooms), expected);
    }

    #[test]
    fn the_manifests_of_this_workspace_can_be_read() {
        let rooms = metadata().and_then(|metadata| rooms(&metadata)).unwrap();
        assert!(rooms.contains_key("disclosure") && !rooms.contains_key("xtask"));
        assert!(rooms["disclosure"].imports.contains(&"model".to_owned()));
    }
}
