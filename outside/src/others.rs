//! What others wrote in STIX: texts of any wrapping, objects of any type.

use stix::read::{BundleReader, Limits, Piece, RawObject, Split};
use stix::validate::{Finding, Series, validate};

use crate::Begun;

/// A text is split the same whether it is at hand or comes in drops; what is an object is one for another reader, too,
/// and every finding stands within it.
pub(crate) fn stix() -> Begun {
    let tables = [
        include_str!("../../crates/stix/tests/objects/domain.txt"),
        include_str!("../../crates/stix/tests/objects/observables.txt"),
        include_str!("../../crates/stix/tests/objects/meta.txt"),
        include_str!("../../crates/stix/tests/objects/relations.txt"),
    ];
    let objects: Vec<&str> =
        tables.iter().flat_map(|t| t.lines()).filter(|line| line.starts_with('{')).collect();
    let bundle = format!(
        "{{\"type\":\"bundle\",\"id\":\"bundle--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\",\"objects\":[{}]}}",
        objects.join(",")
    );
    let envelope = "{\"more\":true,\"next\":\"1\",\"objects\":[{}]}";
    let examples = objects.iter().map(|each| each.as_bytes().to_vec());
    let limits =
        Limits { object_bytes_max: 4096, string_bytes_max: 1024, values_max: 512, ..Limits::default() };
    Begun::of(examples.chain([bundle.into_bytes(), envelope.into()]), move |bytes| {
        let mut split = Split::new(bytes, limits);
        let mut reader = BundleReader::new(Drops(bytes), limits);
        let mut series = Series::default();
        loop {
            let (one, other) = (split.piece(), reader.piece().unwrap());
            assert_eq!(told(one.as_ref()), told(other.as_ref()));
            match one {
                None => break,
                Some(Piece::Object(object)) => judged(&object, &mut series),
                Some(Piece::Wrapper(wrapper)) => drop(series.wrapped(&wrapper)),
                Some(Piece::Refused(fault)) => assert!(fault.at <= bytes.len() as u64),
            }
        }
        let _ = series.circles();
    })
}

fn told(piece: Option<&Piece<'_>>) -> String {
    match piece {
        None => "the end".to_owned(),
        Some(Piece::Object(object)) => format!("{} {}", object.at(), object.text()),
        Some(Piece::Wrapper(wrapper)) => format!("{wrapper:?}"),
        Some(Piece::Refused(fault)) => format!("{fault:?}"),
    }
}

fn judged(object: &RawObject<'_>, series: &mut Series) {
    assert!(serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(object.text()).is_ok());
    let canonical = object.canonical();
    let again = RawObject::read(&canonical, &Limits::default(), |object| object.canonical());
    assert_eq!(again.as_ref(), Ok(&canonical), "the canonical form is its own");
    let _ = (object.header().is_ok(), object.markings().is_ok(), object.sha256());
    let mut findings: Vec<Finding> = Vec::new();
    validate(object, &mut findings);
    series.takes(object, &mut findings);
    assert!(findings.iter().all(|finding| finding.at < object.text().len() && finding.path.starts_with('$')));
}

/// A stream that gives three bytes at a time.
struct Drops<'a>(&'a [u8]);

impl std::io::Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let (now, later) = self.0.split_at(self.0.len().min(3).min(into.len()));
        into[..now.len()].copy_from_slice(now);
        self.0 = later;
        Ok(now.len())
    }
}
