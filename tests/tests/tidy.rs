//! What the whole tree holds to, beyond what the compiler and clippy can see: each rule is a test, its
//! failure says where and what to do instead.
//!
//! Words that are looked for are put together here from two halves, so that this file does not find
//! itself.

#![allow(clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Source files that may be longer than [`LINES_MAX`], each with its reason: tables, not code.
const LONG_FILES: &[(&str, &str)] = &[];

/// Where a file stops being read and starts being searched.
const LINES_MAX: usize = 600;

/// A file of the tree, by its path from the root.
struct Text {
    path: String,
    body: String,
}

#[test]
fn tests_are_never_switched_off_nor_meant_to_panic() {
    let ignored = concat!("#[ign", "ore");
    let panicking = concat!("should_", "panic");
    forbid(&rust_files(), &[ignored, panicking], "fix the test or remove it; assert on the error");
}

#[test]
fn no_code_is_left_to_be_written() {
    let macros = [concat!("tod", "o!("), concat!("unimple", "mented!(")];
    forbid(&rust_files(), &macros, "return an error that says what cannot be done, or leave the path out");
}

#[test]
fn nothing_is_marked_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("TB", "D")];
    let found = search(&texts(), |line| marks.iter().any(|mark| has_word(line, mark)));
    assert!(found.is_empty(), "do it, or write down in docs/decisions why not:\n{}", found.join("\n"));
}

#[test]
fn the_tree_speaks_of_the_program_and_not_of_a_plan() {
    let counted = ["phase", "milestone", "sprint", "task", "ticket", "issue", "session"];
    let plain = [
        concat!("road", "map"),
        concat!("coming ", "soon"),
        concat!("not yet ", "implemented"),
        concat!("to be ", "implemented"),
        concat!("sub", "agent"),
        concat!("the ", "brief says"),
    ];
    let found = search(&texts(), |line| {
        let line = line.to_lowercase();
        plain.iter().any(|words| line.contains(words))
            || counted.iter().any(|word| has_counted(&line, word))
            || (is_prose(&line) && has_word(&line, concat!("v", "2")))
    });
    assert!(found.is_empty(), "say what the program does, not what was planned:\n{}", found.join("\n"));
}

#[test]
fn no_path_of_somebodys_machine_is_in_the_tree() {
    let paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/tar", "get")];
    let found = search(&texts(), |line| paths.iter().any(|path| line.contains(path)));
    assert!(found.is_empty(), "name the path from the root of the tree:\n{}", found.join("\n"));
}

#[test]
fn no_text_of_the_tree_hides_a_character() {
    // Zero-width characters, marks and overrides of direction, joiners, the byte order mark.
    let kinds =
        ['\u{200b}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{2069}', '\u{feff}'..='\u{feff}'];
    let hidden = |c: char| kinds.iter().any(|kind| kind.contains(&c));
    let found = search(&texts(), |line| line.contains(hidden));
    assert!(found.is_empty(), "write these as escapes, so that a reader sees them:\n{}", found.join("\n"));
}

#[test]
fn files_are_short_enough_to_read() {
    let mut long = Vec::new();
    for text in rust_files().iter().filter(|text| is_product(&text.path)) {
        let lines = text.body.lines().count();
        let excused = LONG_FILES.iter().any(|(path, _)| *path == text.path);
        if lines > LINES_MAX && !excused {
            long.push(format!("{}: {lines} lines", text.path));
        }
        assert!(lines > LINES_MAX || !excused, "{} is short again: take it off the list", text.path);
    }
    assert!(long.is_empty(), "cut these along their nouns, {LINES_MAX} lines at most: {long:#?}");
}

#[test]
fn every_crate_opens_with_what_it_is_for() {
    for name in crate_names() {
        let source = root().join("crates").join(&name).join("src");
        let file = ["lib.rs", "main.rs"].iter().map(|file| source.join(file)).find(|file| file.exists());
        let body = std::fs::read_to_string(file.expect("a crate has lib.rs or main.rs")).expect("it is text");
        let said = body.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(
            said >= 3,
            "crates/{name}: open with three lines of `//!`: what for, what it never does, what to read first"
        );
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for text in texts().iter().filter(|text| text.path.ends_with("/Cargo.toml")) {
        let lines: Vec<&str> = text.body.lines().map(str::trim).collect();
        let inherits = lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"]);
        assert!(inherits, "{}: add `[lints]` with `workspace = true`", text.path);
    }
}

#[test]
fn only_the_roof_prints() {
    let files: Vec<Text> = rust_files()
        .into_iter()
        .filter(|text| is_product(&text.path) && !text.path.contains("forewarn/"))
        .collect();
    let printing = ["println!", "print!(", "eprint!(", "dbg!("];
    forbid(&files, &printing, "return the value to the roof, or log it with `tracing`");
}

#[test]
fn the_commands_of_the_readme_exist() {
    let readme = read("README.md");
    for command in ["cargo run --release -- demo", "scripts/test"] {
        assert!(readme.contains(command), "README.md: show `{command}`");
    }
    for file in ["scripts/test", ".ci/run"] {
        let parsed =
            Command::new("bash").arg("-n").arg(root().join(file)).status().expect("bash can be started");
        assert!(parsed.success(), "{file} does not parse");
        assert!(is_executable(&root().join(file)), "{file}: chmod +x");
    }
}

#[test]
fn every_alias_expands_to_a_command_that_exists() {
    for (alias, expansion) in aliases() {
        let words: Vec<&str> = expansion.split_whitespace().take_while(|word| *word != "--").collect();
        let help = match words.first() {
            // `cargo test` needs nothing installed; scripts/test installs nextest.
            Some(&"nextest") if !succeeds(&["nextest", "--version"]) => continue,
            Some(&"nextest") => cargo(&["nextest", "run", "--help"]),
            Some(&"clippy") => cargo(&["check", "--help"]) + &cargo(&["clippy", "--help"]),
            Some(subcommand) => cargo(&[subcommand, "--help"]),
            None => panic!("the alias {alias} is empty"),
        };
        for word in words.iter().filter(|word| word.starts_with('-')) {
            assert!(help.contains(word), "cargo {alias}: {word} is no option of `cargo {expansion}`");
        }
        if let Some(package) = words.iter().skip_while(|word| **word != "-p").nth(1) {
            assert!(
                succeeds(&["pkgid", "--offline", "-p", package]),
                "cargo {alias}: there is no crate {package}"
            );
        }
    }
    let names: BTreeSet<String> = aliases().into_iter().map(|(alias, _)| alias).collect();
    for name in ["lint", "t", "xtask"] {
        assert!(names.contains(name), ".cargo/config.toml: CONTRIBUTING.md tells people of `cargo {name}`");
    }
}

#[test]
fn the_map_names_every_room() {
    let map = read("ARCHITECTURE.md");
    for name in crate_names() {
        let named = [format!("`{name}`"), format!("{name}/"), format!("crates/{name}")];
        assert!(
            named.iter().any(|form| map.contains(form)),
            "ARCHITECTURE.md does not name the crate {name}"
        );
    }
}

#[test]
fn every_decision_says_what_was_not_chosen() {
    let folder = "docs/decisions/";
    let decisions: Vec<Text> = texts().into_iter().filter(|text| text.path.starts_with(folder)).collect();
    assert!(
        !decisions.is_empty(),
        "{folder} is empty: write NNNN-title.md for each choice that was hard to make"
    );
    let mut numbers = BTreeSet::new();
    for Text { path, body } in &decisions {
        let name = path.trim_start_matches(folder);
        let number = name.get(..4).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        assert!(number.is_some() && name.get(4..5) == Some("-"), "{path}: name it NNNN-title.md");
        assert!(numbers.insert(number), "{path}: its number is taken");
        for heading in ["Summary", "Goals and non-goals", "Choice", "Alternatives"] {
            let there = body.lines().any(|line| is_heading(line, heading));
            assert!(there, "{path}: a heading `{heading}` is missing");
        }
    }
}

#[test]
fn the_glossary_gives_each_noun_one_meaning() {
    let mut terms = BTreeSet::new();
    for line in read("GLOSSARY.md").lines() {
        let Some((term, meaning)) = line.strip_prefix("- **").and_then(|line| line.split_once("**:")) else {
            continue;
        };
        assert!(!meaning.trim().is_empty(), "GLOSSARY.md: {term} has no meaning");
        for noun in term.split(", ") {
            assert!(terms.insert(noun.to_lowercase()), "GLOSSARY.md: {noun} stands there twice");
        }
    }
    assert!(terms.len() > 50, "GLOSSARY.md: entries read `- **noun**: meaning`");
}

#[test]
fn what_the_documents_point_to_is_there() {
    let mut missing = Vec::new();
    for Text { path, body } in texts().iter().filter(|text| text.path.ends_with(".md")) {
        let here = root().join(path).parent().expect("a file stands in a folder").to_owned();
        for target in body.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !target.contains(':') && !here.join(file).exists() {
                missing.push(format!("{path} → {file}"));
            }
        }
    }
    assert!(missing.is_empty(), "links into nowhere: {missing:#?}");
}

#[test]
fn a_document_that_the_code_names_is_in_the_tree() {
    let all = texts();
    let documents: BTreeSet<&str> = all
        .iter()
        .filter(|text| text.path.ends_with(".md"))
        .filter_map(|text| text.path.rsplit('/').next())
        .collect();
    let named_elsewhere = |line: &str| {
        let words = line.split(|c: char| !(c.is_alphanumeric() || "._-/".contains(c)));
        let names = words.filter_map(|word| word.trim_end_matches('.').rsplit('/').next());
        names.filter(|name| name.len() > 3 && name.ends_with(".md")).any(|name| !documents.contains(name))
    };
    let code: Vec<Text> =
        rust_files().into_iter().filter(|text| text.path != "tests/tests/tidy.rs").collect();
    let found = search(&code, named_elsewhere);
    assert!(found.is_empty(), "say it here, or name a document that a reader has:\n{}", found.join("\n"));
}

#[test]
fn names_of_code_in_the_documents_exist() {
    let rooms = crate_names();
    let code = rust_files();
    let mut missing = Vec::new();
    let documents = texts();
    let of_today = |text: &&Text| text.path.ends_with(".md") && !text.path.starts_with("docs/decisions/");
    for Text { path, body } in documents.iter().filter(of_today) {
        for span in code_spans(body) {
            let Some((room, item)) = span.split_once("::") else {
                continue;
            };
            if !rooms.iter().any(|name| name == room) {
                continue;
            }
            let name = item.rsplit("::").next().unwrap_or(item).trim_end_matches("()");
            let source = format!("crates/{room}/src/");
            let mut files = code.iter().filter(|text| text.path.starts_with(&source));
            if !files.any(|text| text.path.contains(&format!("/{name}.rs")) || has_word(&text.body, name)) {
                missing.push(format!("{path}: {span}"));
            }
        }
    }
    assert!(missing.is_empty(), "the code has no such name: {missing:#?}");
}

#[test]
fn the_finder_of_words_knows_where_a_word_ends() {
    let two = concat!("v", "2");
    assert!(has_word(&format!("comes with {two}."), two));
    for other in ["TLP {}.0", "c2sp/{}", "{}x", "age-{}"] {
        assert!(!has_word(&other.replace("{}", two), two), "{other}");
    }
    assert!(has_counted(concat!("see ta", "sk 12"), "task") && has_counted(concat!("iss", "ue #7"), "issue"));
    assert!(!has_counted("tasks of a desk", "task") && !has_counted("multitask 1", "task"));
}

/// Fails when a line of code, comments aside, holds one of these.
fn forbid(files: &[Text], needles: &[&str], instead: &str) {
    let found = search(files, |line| {
        !line.trim_start().starts_with("//") && needles.iter().any(|needle| line.contains(needle))
    });
    assert!(found.is_empty(), "{instead}:\n{}", found.join("\n"));
}

/// The lines that a rule objects to, with their places.
fn search(files: &[Text], objects: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for Text { path, body } in files {
        for (index, line) in body.lines().enumerate().filter(|(_, line)| objects(line)) {
            found.push(format!("{path}:{}: {}", index + 1, line.trim()));
        }
    }
    found
}

/// Whether the word stands there by itself: not as part of a longer word, path or number.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |character: char| character.is_alphanumeric() || "_-/".contains(character);
    around(line, word).any(|(before, after)| {
        let decimals = after.strip_prefix('.').is_some_and(|rest| rest.starts_with(joins));
        !before.ends_with(joins) && !before.ends_with('.') && !after.starts_with(joins) && !decimals
    })
}

/// Whether the word is followed by a number, as in the plan of a work.
fn has_counted(line: &str, word: &str) -> bool {
    around(line, word).any(|(before, after)| {
        let number = after.trim_start_matches([' ', '#']);
        let apart = number.len() < after.len() && !before.ends_with(char::is_alphanumeric);
        apart && number.starts_with(|first: char| first.is_ascii_digit())
    })
}

/// What stands before and after the word, at each place where it occurs.
fn around<'a>(line: &'a str, word: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let mut rest = 0;
    let word = word.to_owned();
    std::iter::from_fn(move || {
        let start = rest + line.get(rest..)?.find(&word)?;
        rest = start + word.len();
        Some((line.get(..start)?, line.get(rest..)?))
    })
}

/// Whether a line is meant for people: a comment, or a line of a document.
fn is_prose(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with('#') || line.starts_with("- ") || line.ends_with('.')
}

fn is_heading(line: &str, heading: &str) -> bool {
    line.starts_with('#') && line.trim_start_matches('#').trim().starts_with(heading)
}

/// What stands between single backquotes, outside fenced blocks; a span may run on to the next line.
fn code_spans(markdown: &str) -> Vec<String> {
    let mut fenced = false;
    let mut prose = String::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.extend([line, "\n"]);
        }
    }
    let paragraphs = prose.split("\n\n");
    paragraphs.flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn is_product(path: &str) -> bool {
    path.starts_with("crates/") && path.contains("/src/")
}

fn rust_files() -> Vec<Text> {
    texts().into_iter().filter(|text| text.path.ends_with(".rs")).collect()
}

/// Every text of the tree that people write: code, documents, configuration, scripts.
fn texts() -> Vec<Text> {
    let mut texts = Vec::new();
    collect(&root(), &mut texts);
    assert!(texts.len() > 20, "the tree was not found");
    texts
}

fn collect(folder: &Path, texts: &mut Vec<Text>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.ends_with(".git") || path.join("CACHEDIR.TAG").exists() {
            continue;
        }
        if path.is_dir() {
            collect(&path, texts);
        } else if is_written_by_people(&path) {
            let body = std::fs::read_to_string(&path).expect("a text is UTF-8");
            let path = path.strip_prefix(root()).expect("it stands in the tree").display().to_string();
            texts.push(Text { path, body });
        }
    }
}

fn is_written_by_people(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some(extension) => ["rs", "toml", "md", "sh", "sql", "txt", "css", "html", "js"].contains(&extension),
        None => path.starts_with(root().join("scripts")) || path.starts_with(root().join(".ci")),
    }
}

fn crate_names() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("crates")).expect("crates/ can be listed");
    let mut names: Vec<String> = folders
        .map(|entry| entry.expect("crates/ can be listed").path())
        .filter(|path| path.join("Cargo.toml").exists())
        .filter_map(|path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// The aliases of `.cargo/config.toml`, each with what it stands for.
fn aliases() -> Vec<(String, String)> {
    let config = read(".cargo/config.toml");
    let section = config.split("[alias]").nth(1).expect("there is a section [alias]");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let pairs = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    pairs.map(|(alias, expansion)| (alias.to_owned(), expansion.trim_matches('"').to_owned())).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 == 0o111)
}

fn cargo(arguments: &[&str]) -> String {
    let output = started(arguments).output().expect("cargo can be started");
    assert!(output.status.success(), "`cargo {}` failed", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn succeeds(arguments: &[&str]) -> bool {
    started(arguments).output().is_ok_and(|output| output.status.success())
}

fn started(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace").to_owned()
}
