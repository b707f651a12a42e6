//! Runs the readers of the crate `outside` with libFuzzer, one after another, and says how far each came.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use outside::{READERS, Reader, corpus, find};

/// For how long all readers together are run, if nothing is said.
const MINUTES: u64 = 10;
/// The longest that one input may take, in seconds, and the most memory, in MiB.
const SECONDS_PER_INPUT_MAX: u64 = 10;
const MEMORY_MIB_MAX: u64 = 2048;
/// The most memory that one input may ask for at once, in MiB: a parcel is 64.
const AT_ONCE_MIB_MAX: u64 = 256;

/// What is run, and for how long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    minutes: u64,
    readers: Vec<String>,
}

impl Wanted {
    /// Reads `--minutes N` and names of readers; none means all.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut wanted = Self { minutes: MINUTES, readers: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--minutes" => {
                    let number = words.next().ok_or("--minutes is not followed by a number")?;
                    wanted.minutes =
                        number.parse().map_err(|_| format!("--minutes {number}: this is no number"))?;
                }
                name if find(name).is_some() => wanted.readers.push(name.to_owned()),
                other => {
                    let names: Vec<&str> = READERS.iter().map(|reader| reader.name).collect();
                    return Err(format!("there is no reader {other}; there are {}", names.join(", ")));
                }
            }
        }
        Ok(wanted)
    }

    fn readers(&self) -> Vec<&'static Reader> {
        let named =
            |reader: &&Reader| self.readers.is_empty() || self.readers.iter().any(|n| n == reader.name);
        READERS.iter().filter(named).collect()
    }
}

/// Builds once, then runs each reader for its share of the time. What is found stays in `fuzz/artifacts/`, and the error
/// says how to keep it.
pub(crate) fn fuzz(wanted: &Wanted) -> Result<String, String> {
    what_is_missing()?;
    let program = build()?;
    let readers = wanted.readers();
    let seconds = (60 * wanted.minutes / readers.len().max(1) as u64).max(1);
    let (mut lines, mut found) = (
        vec!["| reader | inputs | a second | corpus |".to_owned(), "|---|---|---|---|".to_owned()],
        Vec::new(),
    );
    for reader in readers {
        let ran = run(reader, &program, seconds)?;
        println!("{}", ran.line);
        if ran.failed {
            found.push(reader.name);
        }
        lines.push(ran.line);
    }
    let table = lines.join("\n");
    if found.is_empty() {
        return Ok(table);
    }
    Err(format!(
        "{table}\nfound something: {}. The inputs are in fuzz/artifacts/READER/. Put each as fuzz/corpus/READER/what-it-showed \
         (`scripts/test` reads it from then on), mend, and name the rule in a test",
        found.join(", ")
    ))
}

/// An error that says what must be installed, if anything must be.
fn what_is_missing() -> Result<(), String> {
    let there = |arguments: &[&str]| {
        let mut command = cargo(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let mut missing = Vec::new();
    if !there(&["+nightly", "--version"]) {
        missing.push("a nightly toolchain: `rustup toolchain install nightly`");
    }
    if !there(&["fuzz", "--version"]) {
        missing.push("cargo-fuzz: `cargo install cargo-fuzz --locked` (it needs a C++ compiler)");
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "libFuzzer cannot be run; install\n  {}\nWithout it, `cargo nextest run -p outside` reads the kept corpus and changes to it",
        missing.join("\n  ")
    ))
}

/// The cargo of the shell, not the one that runs this chore: that one knows no other toolchain.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root());
    for fixed in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTDOC"] {
        command.env_remove(fixed);
    }
    command
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Builds the one program of all readers, and says where it is.
fn build() -> Result<PathBuf, String> {
    let built = root().join("fuzz").join("target");
    let folder = built.to_str().ok_or("the path of the tree is no UTF-8")?;
    let status = cargo(&["+nightly", "fuzz", "build", "--target-dir", folder, "any"]).status();
    if !status.map_err(|e| e.to_string())?.success() {
        return Err("the readers do not build with the nightly toolchain".to_owned());
    }
    let with_triple = fs::read_dir(&built).map_err(|e| e.to_string())?.filter_map(Result::ok);
    let mut programs = with_triple.map(|found| found.path().join("release").join("any"));
    programs.find(|path| path.is_file()).ok_or_else(|| format!("the program is not in {folder}"))
}

struct Ran {
    line: String,
    failed: bool,
}

fn run(reader: &Reader, program: &Path, seconds: u64) -> Result<Ran, String> {
    let said = |e: std::io::Error| format!("{}: {e}", reader.name);
    let grown = root().join("fuzz").join("target").join("corpus").join(reader.name);
    let artifacts = root().join("fuzz").join("artifacts").join(reader.name);
    fs::create_dir_all(&grown).map_err(said)?;
    fs::create_dir_all(&artifacts).map_err(said)?;
    for (number, bytes) in (reader.begin)().examples.iter().enumerate() {
        fs::write(grown.join(format!("example-{number}")), bytes).map_err(said)?;
    }
    let mut command = Command::new(program);
    command.arg(&grown).current_dir(root()).env("FOREWARN_READER", reader.name);
    let kept = corpus().join(reader.name);
    if kept.is_dir() {
        command.arg(kept);
    }
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-timeout={SECONDS_PER_INPUT_MAX}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        format!("-malloc_limit_mb={AT_ONCE_MIB_MAX}"),
        format!("-artifact_prefix={}/", artifacts.display()),
        "-print_final_stats=1".to_owned(),
    ]);
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().map_err(said)?;
    let took = begun.elapsed().as_secs_f64();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let inputs: u64 = figure(&words, "stat::number_of_executed_units:").unwrap_or(0);
    let kept = fs::read_dir(&grown).map_err(said)?.count();
    let failed = !output.status.success();
    if failed {
        let last: Vec<&str> = words.lines().collect();
        eprintln!("{}", last.get(last.len().saturating_sub(60)..).unwrap_or_default().join("\n"));
    }
    Ok(Ran { line: format!("| {} | {inputs} | {:.0} | {kept} |", reader.name, inputs as f64 / took), failed })
}

fn figure(words: &str, label: &str) -> Option<u64> {
    words.lines().find_map(|line| line.strip_prefix(label)).and_then(|number| number.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_named_in_any_order_and_no_name_means_all() {
        let wanted = Wanted::parse(&["note", "--minutes", "2", "entry"]).unwrap();
        assert_eq!(wanted, Wanted { minutes: 2, readers: vec!["note".into(), "entry".into()] });
        assert_eq!(wanted.readers().len(), 2);
        assert_eq!(Wanted::parse(&[]).unwrap().readers().len(), READERS.len());
        for wrong in [&["--minutes"][..], &["--minutes", "few"], &["nothing"]] {
            assert!(Wanted::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn figures_are_found_among_what_libfuzzer_says() {
        let words = "Done 12 runs\nstat::number_of_executed_units: 12\nstat::average_exec_per_sec:     6\n";
        assert_eq!(figure(words, "stat::number_of_executed_units:"), Some(12));
        assert_eq!(figure(words, "stat::peak"), None);
    }
}
