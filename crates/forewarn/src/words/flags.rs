//! A short warning by flags: one rung a field, made into the same file that `warning template` shows.

use clap::Args;
use jiff::Timestamp;
use model::body::EntryName;
use model::file::{
    FORMAT, GradeWords, PlaceRung, TargetRung, TextRung, TimeRung, ValidityWords, WarningFile,
};
use model::vocab::{
    Confidence, Domain, GradeScheme, HarmKind, Likelihood, MatterKind, PlaceGrain, Precedence, Status,
    TargetKind, TimeDepth, Tlp,
};
use model::words::HandlingWords;
use serde_json::json;

use super::failure::Failure;

/// The fields of a warning, one rung each.
#[derive(Debug, Args)]
#[command(next_help_heading = "A warning by flags, one rung a field")]
pub(crate) struct Flags {
    /// The domain of co-operation
    #[arg(long, conflicts_with = "file", required_unless_present = "file", value_parser = word!(Domain))]
    domain: Option<Domain>,
    /// A kind of harm; give it again for each further one
    #[arg(long, num_args = 1.., conflicts_with = "file", required_unless_present = "file", value_parser = word!(HarmKind))]
    harm: Vec<HarmKind>,
    /// Who or what is threatened
    #[arg(long, value_name = "TEXT", conflicts_with = "file", required_unless_present = "file")]
    target: Option<String>,
    /// What kind of target
    #[arg(long, value_name = "KIND", conflicts_with = "file", required_unless_present = "file", value_parser = word!(TargetKind))]
    target_kind: Option<TargetKind>,
    /// A headline
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    title: Option<String>,
    /// What is planned
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    what: Option<String>,
    /// Who is behind it; persons need a file
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    who: Option<String>,
    /// By which means
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    how: Option<String>,
    /// Where
    #[arg(long = "where", value_name = "TEXT", conflicts_with = "file", requires = "where_grain")]
    place: Option<String>,
    /// How exactly the place is given
    #[arg(long, value_name = "GRAIN", conflicts_with = "file", requires = "place", value_parser = word!(PlaceGrain))]
    where_grain: Option<PlaceGrain>,
    /// When, e.g. 2026-12-28T18:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "file", value_parser = super::time)]
    when: Option<Timestamp>,
    /// How exactly the time is given [default: exact]
    #[arg(long, value_name = "DEPTH", conflicts_with = "file", requires = "when", value_parser = word!(TimeDepth))]
    when_depth: Option<TimeDepth>,
    /// Source and information grade, e.g. B2, or 1/A where a part has several letters
    #[arg(long, conflicts_with = "file", required_unless_present = "file", value_parser = grade)]
    grade: Option<[String; 2]>,
    /// The scheme of the grade
    #[arg(long, value_name = "SCHEME", default_value = "nato6x6", value_parser = word!(GradeScheme))]
    grade_scheme: GradeScheme,
    /// How probable the event is
    #[arg(long, value_name = "TERM", conflicts_with = "file", value_parser = word!(Likelihood))]
    likelihood: Option<Likelihood>,
    /// How sure the analyst is
    #[arg(long, conflicts_with = "file", value_parser = word!(Confidence))]
    confidence: Option<Confidence>,
    /// Until when it is asserted, e.g. 2027-01-10T00:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "file", required_unless_present = "file", value_parser = super::time)]
    until: Option<Timestamp>,
    /// TLP 2.0 label of every rung; the rest of the handling is closed
    #[arg(long, value_name = "LABEL", conflicts_with = "file", required_unless_present = "file", value_parser = word!(Tlp))]
    tlp: Option<Tlp>,
    /// How fast the desk treats it
    #[arg(long, conflicts_with = "file", required_unless_present = "file", value_parser = word!(Precedence))]
    precedence: Option<Precedence>,
    /// A node that can protect the target; give it again for each further one
    #[arg(long = "protector", value_name = "PARTNER", num_args = 1.., conflicts_with = "file")]
    pub(crate) protectors: Vec<String>,
    /// Write it as an exercise; an exercise can never become actual
    #[arg(long, conflicts_with = "file")]
    exercise: bool,
}

fn grade(text: &str) -> Result<[String; 2], String> {
    let whole = || "write it like B2, or 1/A".to_owned();
    let (source, info) = match text.split_once('/') {
        Some(parts) => parts,
        None => text.split_at_checked(1).ok_or_else(whole)?,
    };
    if source.is_empty() || info.is_empty() { Err(whole()) } else { Ok([source.to_owned(), info.to_owned()]) }
}

fn needed<T>(value: Option<T>, flag: &str) -> Result<T, Failure> {
    value.ok_or_else(|| Failure::usage(format!("{flag} is needed where no file is named")))
}

fn words(text: Option<String>) -> Vec<TextRung> {
    text.into_iter().map(|text| TextRung { text, handling: None }).collect()
}

impl Flags {
    /// The warning file. `protectors` are whole names.
    pub(crate) fn file(self, protectors: Vec<String>) -> Result<WarningFile, Failure> {
        let [source, info] = needed(self.grade, "--grade")?;
        let target = TargetRung {
            kind: needed(self.target_kind, "--target-kind")?,
            name: needed(self.target, "--target")?,
            protected: [].into(),
            handling: None,
        };
        let place = self.place.zip(self.where_grain).map(|(name, grain)| PlaceRung {
            grain,
            name,
            within: [].into(),
            latitude_microdegrees: None,
            longitude_microdegrees: None,
            handling: None,
        });
        let depth = self.when_depth.unwrap_or(TimeDepth::Exact);
        Ok(WarningFile {
            format: FORMAT.to_owned(),
            status: if self.exercise { Status::Exercise } else { Status::Actual },
            case: None,
            precedence: needed(self.precedence, "--precedence")?,
            domain: needed(self.domain, "--domain")?,
            kind: MatterKind::Threat,
            harm: self.harm.into_iter().collect(),
            protectors: protectors.into_iter().collect(),
            handling: closed(needed(self.tlp, "--tlp")?)?,
            aware_at: None,
            grade: GradeWords { scheme: self.grade_scheme, source, info, handling: None },
            likelihood: self.likelihood,
            confidence: self.confidence,
            validity: ValidityWords { from: None, until: needed(self.until, "--until")? },
            target: vec![target],
            title: words(self.title),
            what: words(self.what),
            who: words(self.who),
            how: words(self.how),
            place: place.into_iter().collect(),
            time: self
                .when
                .into_iter()
                .map(|from| TimeRung { from, to: None, depth, handling: None })
                .collect(),
            giver: Vec::new(),
            source_line: Vec::new(),
            subjects: Vec::new(),
            sources: Vec::new(),
            under: None,
        })
    }
}

/// The handling in which everything but the label takes the closed default of the file's form.
fn closed(tlp: Tlp) -> Result<HandlingWords, Failure> {
    serde_json::from_value(json!({ "tlp": tlp })).map_err(|e| Failure::world("internal", e.to_string()))
}

/// The name of an entry as a file holds it, out of the node's whole name for it: `<64 hex digits>/<index>`.
pub(crate) fn entry_name(whole: &str) -> Result<EntryName, Failure> {
    let strange = || Failure::world("bad_answer", "the node's name for the entry cannot be read");
    let (hex, index) = whole.split_once('/').ok_or_else(strange)?;
    let origin = tlog::channel::Origin::from_hex(hex).map_err(|_| strange())?;
    Ok(EntryName { origin: origin.to_string(), index: index.parse().map_err(|_| strange())? })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        file: Option<std::path::PathBuf>,
        #[command(flatten)]
        flags: Flags,
    }

    const WHOLE: &str = "write --domain counter_terrorism --harm killing serious_injury --target places \
                         --target-kind location --where X --where-grain city --when 2026-12-28T18:00:00Z \
                         --when-depth day --title T --grade B2 --likelihood likely --confidence moderate \
                         --until 2027-01-10T00:00:00Z --tlp amber --precedence immediate --protector service-b.example";

    #[test]
    fn a_warning_by_flags_is_the_file_that_it_stands_for() {
        let line = Line::try_parse_from(WHOLE.split_whitespace()).unwrap();
        let protectors = line.flags.protectors.clone();
        let text = serde_json::to_string(&line.flags.file(protectors).unwrap()).unwrap();
        let now = "2026-12-10T12:00:00Z".parse().unwrap();
        let written = WarningFile::parse(&text).unwrap().written(now).unwrap();
        let when = written.fields.iter().find(|f| f.path.to_string() == "when").unwrap();
        assert_eq!(when.rungs.first().unwrap().value.plain(), "28 December 2026");
        assert_eq!(written.handling.onward, model::vocab::Onward::Ask, "what is left out is closed");
        assert_eq!(written.protectors.len(), 1);
    }

    #[test]
    fn flags_stand_in_the_place_of_a_file_and_not_beside_it() {
        let kind = |line: &str| Line::try_parse_from(line.split_whitespace()).unwrap_err().kind();
        assert_eq!(kind("write --domain cyber"), ErrorKind::MissingRequiredArgument);
        assert_eq!(kind("write warning.json --domain cyber"), ErrorKind::ArgumentConflict);
        assert_eq!(kind(&WHOLE.replace("--where-grain city", "")), ErrorKind::MissingRequiredArgument);
        assert!(Line::try_parse_from(["write", "warning.json"]).is_ok());
    }

    #[test]
    fn a_grade_has_two_parts() {
        assert_eq!(grade("B2").unwrap(), ["B", "2"]);
        assert_eq!(grade("X4").unwrap(), ["X", "4"]);
        assert_eq!(grade("10/A").unwrap(), ["10", "A"]);
        assert!(grade("B").is_err() && grade("").is_err() && grade("/2").is_err() && grade("é").is_err());
    }

    #[test]
    fn an_entry_is_named_by_its_whole_origin() {
        let hex = "ab".repeat(32);
        let name = entry_name(&format!("{hex}/7")).unwrap();
        assert_eq!((name.origin.as_str(), name.index), (format!("forewarn/log/{hex}").as_str(), 7));
        assert!(name.entry().is_some());
        assert!(entry_name("abcdef01/7").is_err());
    }
}
