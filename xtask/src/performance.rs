//! The figures of docs/performance.md, measured anew: runs every bench, then shows each figure beside its floor and its
//! bound as Markdown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// How a figure is to stand to its floor.
#[derive(Clone, Copy)]
enum Floor {
    AtLeast(f64),
    AtMost(f64),
    /// No floor is demanded; it is shown because others are seen against it.
    None,
}

/// A line of the table.
struct Line {
    what: &'static str,
    unit: &'static str,
    floor: Floor,
    /// The figure in that unit, from what was measured.
    figure: fn(&Measured) -> Option<f64>,
    /// What the figure cannot pass, in the same unit, and in words.
    bound: fn(&Measured) -> Option<f64>,
    bound_by: &'static str,
}

/// Medians: of the criterion benches in nanoseconds by `group/name`, of the others as they were printed.
struct Measured {
    nanoseconds: BTreeMap<String, f64>,
    printed: BTreeMap<String, f64>,
}

impl Measured {
    fn ns(&self, name: &str) -> Option<f64> {
        self.nanoseconds.get(name).copied()
    }

    /// How often a second, for `each` at a time.
    fn a_second(&self, name: &str, each: f64) -> Option<f64> {
        self.ns(name).map(|ns| each * 1e9 / ns)
    }

    fn us(&self, name: &str) -> Option<f64> {
        self.ns(name).map(|ns| ns / 1e3)
    }

    fn said(&self, begins: &str) -> Option<f64> {
        self.printed.iter().find(|(name, _)| name.starts_with(begins)).map(|(_, value)| *value)
    }
}

const LINES: &[Line] = &[
    Line {
        what: "renderings released, wide agreement",
        unit: "/s",
        floor: Floor::AtLeast(20_000.0),
        figure: |m| m.a_second("disclosure/released_wide", 1.0),
        bound: |m| m.a_second("disclosure/sha256_wide", 1.0),
        bound_by: "SHA-256 over the bytes",
    },
    Line {
        what: "renderings released, narrow agreement",
        unit: "/s",
        floor: Floor::AtLeast(20_000.0),
        figure: |m| m.a_second("disclosure/released_narrow", 1.0),
        bound: |m| m.a_second("disclosure/sha256_narrow", 1.0),
        bound_by: "SHA-256 over the bytes",
    },
    Line {
        what: "the same with the texts read for one recipient alone",
        unit: "/s",
        floor: Floor::None,
        figure: |m| m.a_second("disclosure/released_alone_wide", 1.0),
        bound: |m| m.a_second("disclosure/sha256_wide", 1.0),
        bound_by: "SHA-256 over the bytes",
    },
    Line {
        what: "leaves appended in memory",
        unit: "/s",
        floor: Floor::AtLeast(500_000.0),
        figure: |m| m.a_second("tlog/append_10000", 10_000.0),
        bound: |m| m.a_second("tlog/hashes_of_10000", 10_000.0),
        bound_by: "a leaf and a node hashed",
    },
    Line {
        what: "inclusion proof made and checked, 1,000,000 entries",
        unit: "µs",
        floor: Floor::AtMost(20.0),
        figure: |m| m.us("tlog/proof_in_a_million"),
        bound: |m| m.us("tlog/forty_node_hashes"),
        bound_by: "forty nodes hashed",
    },
    Line {
        what: "entries of 16 KiB appended on the disk, 256 an act",
        unit: "/s",
        floor: Floor::None,
        figure: |m| m.a_second("store/append_256", 256.0),
        bound: |m| m.a_second("store/fsync_of_256_entries", 256.0),
        bound_by: "their bytes written and one fsync",
    },
    Line {
        what: "one entry appended on the disk",
        unit: "µs",
        floor: Floor::None,
        figure: |m| m.us("store/append_1"),
        bound: |m| m.us("store/fsync_of_4_kib").map(|us| 2.0 * us),
        bound_by: "two fsyncs",
    },
    Line {
        what: "start until ready, 1,000,000 entries",
        unit: "ms",
        floor: Floor::AtMost(200.0),
        figure: |m| m.said("start until ready, 1000000"),
        bound: |m| m.said("start until ready, an empty"),
        bound_by: "a start with an empty database",
    },
    Line {
        what: "resident while idle, 1,000,000 entries",
        unit: "MiB",
        floor: Floor::AtMost(40.0),
        figure: |m| m.said("resident while idle, 1000000"),
        bound: |m| m.said("resident while idle, an empty"),
        bound_by: "a node with an empty database",
    },
    Line {
        what: "one release durable at both, receipt kept, 99th of 100",
        unit: "ms",
        floor: Floor::AtMost(20.0),
        figure: |m| m.said("one release, 99th"),
        bound: |m| Some(9.0 * m.said("fsync of 4 KiB")? + 2.0 * m.said("round trip")?),
        bound_by: "nine fsyncs and two round trips at their median",
    },
    Line {
        what: "releases of one channel while 10,000 wait",
        unit: "/s",
        floor: Floor::AtLeast(2_000.0),
        figure: |m| m.said("releases of one channel"),
        bound: |m| m.a_second("disclosure/released_alone_wide", 1.0),
        bound_by: "judging and rendering each again, on one core",
    },
];

/// The benches: package, name, and what they are told.
const BENCHES: &[(&str, &str, &[&str])] = &[
    ("disclosure", "released", &["--noplot"]),
    ("tlog", "log", &["--noplot"]),
    ("store", "append", &["--noplot"]),
    ("forewarn", "start", &[]),
    ("house-tests", "house", &[]),
];

/// Runs every bench and gives the table. What the benches say meanwhile goes to the terminal's error stream.
pub(crate) fn performance() -> Result<String, String> {
    let mut printed = BTreeMap::new();
    for (package, bench, told) in BENCHES {
        let ran = Command::new(env!("CARGO"))
            .args(["bench", "--quiet", "-p", package, "--bench", bench, "--"])
            .args(*told)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo could not be started: {error}"))?;
        if !ran.status.success() {
            return Err(format!("the bench {bench} of {package} failed"));
        }
        printed.extend(figures(&String::from_utf8_lossy(&ran.stdout)));
    }
    let target = crate::metadata()?;
    let target =
        target.get("target_directory").and_then(Value::as_str).ok_or("no target directory is named")?;
    let mut nanoseconds = BTreeMap::new();
    medians(&Path::new(target).join("criterion"), &mut nanoseconds);
    Ok(table(&Measured { nanoseconds, printed }))
}

/// What a bench printed as `figure | name | value | unit`.
fn figures(text: &str) -> BTreeMap<String, f64> {
    let one = |line: &str| {
        let mut parts = line.strip_prefix("figure | ")?.split(" | ");
        Some((parts.next()?.to_owned(), parts.next()?.parse().ok()?))
    };
    text.lines().filter_map(one).collect()
}

/// The medians that criterion keeps below a folder, as `group/name`.
fn medians(folder: &Path, found: &mut BTreeMap<String, f64>) {
    let within = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let named = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for group in within(folder) {
        for bench in within(&group) {
            let text = std::fs::read_to_string(bench.join("new/estimates.json")).unwrap_or_default();
            let estimates: Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(median) = estimates.pointer("/median/point_estimate").and_then(Value::as_f64) {
                found.insert(format!("{}/{}", named(&group), named(&bench)), median);
            }
        }
    }
}

fn table(measured: &Measured) -> String {
    let mut lines = vec![
        "| figure | floor | reached | bound | reached : bound | the bound is |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for line in LINES {
        let (figure, bound) = ((line.figure)(measured), (line.bound)(measured));
        let show = |value: Option<f64>| {
            value.map_or("not measured".to_owned(), |v| format!("{} {}", short(v), line.unit))
        };
        let (floor, kept) = match line.floor {
            Floor::AtLeast(least) => {
                (format!("≥ {} {}", short(least), line.unit), figure.map(|f| f >= least))
            }
            Floor::AtMost(most) => (format!("≤ {} {}", short(most), line.unit), figure.map(|f| f <= most)),
            Floor::None => ("–".to_owned(), None),
        };
        let missed = if kept == Some(false) { " **missed**" } else { "" };
        let ratio = match (figure, bound) {
            (Some(figure), Some(bound)) => format!("{:.2}", figure / bound),
            _ => "–".to_owned(),
        };
        let (what, by) = (line.what, line.bound_by);
        lines.push(format!(
            "| {what} | {floor} | {}{missed} | {} | {ratio} | {by} |",
            show(figure),
            show(bound)
        ));
    }
    lines.push(String::new());
    lines.push("Beside them:".to_owned());
    lines.extend(measured.printed.iter().map(|(name, value)| format!("- {name}: {}", short(*value))));
    let own = |name: &str| name.starts_with("primitive/");
    lines.extend(
        measured
            .nanoseconds
            .iter()
            .filter(|(name, _)| own(name))
            .map(|(name, ns)| format!("- {name}: {} µs", short(ns / 1e3))),
    );
    lines.join("\n")
}

/// Three digits that count, thousands apart.
fn short(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let first = digits.len() % 3;
    let mut groups: Vec<&str> = Vec::new();
    let (head, rest) = digits.split_at(first);
    groups.extend((!head.is_empty()).then_some(head));
    groups.extend((0..rest.len() / 3).filter_map(|n| rest.get(3 * n..3 * n + 3)));
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_misses_its_floor_is_marked_and_one_that_is_not_there_is_said_to_be() {
        let measured = Measured {
            nanoseconds: BTreeMap::from([
                ("disclosure/released_wide".to_owned(), 100_000.0),
                ("tlog/proof_in_a_million".to_owned(), 10_000.0),
            ]),
            printed: figures("noise\nfigure | one release, 99th of 100 | 12.5 | ms\n"),
        };
        let table = table(&measured);
        assert!(table.contains("| ≥ 20,000 /s | 10,000 /s **missed** | not measured |"), "{table}");
        assert!(table.contains("| ≤ 20.00 µs | 10.00 µs | not measured |"), "{table}");
        assert!(table.contains("| ≤ 20.00 ms | 12.50 ms |"), "{table}");
    }
}
