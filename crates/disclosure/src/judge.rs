//! The judgement: first the whole by the agreement, then every rung by its handling, then every text by what is withheld.
//!
//! On the imminent-danger path a threat to life has a floor under it (I-41): where the ordinary way is held, the threat
//! goes bare; where it is open, no threat field is given lower than the floor would give it. The floor adds nothing
//! that is not threat, and it lifts neither an explicit rel_to, nor an unreadable marking, nor what an originator struck
//! out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::handling::Handling;
use model::id::PartyName;
use model::ladder::{FieldPath, PersonValue, Rung, Value};
use model::vocab::{HarmKind, PersonsRule, TimeDepth};
use model::warning::Warning;

use crate::agreed;
use crate::audience::Audience;
use crate::floor::Floor;
use crate::handling::{Granted, outgoing};
use crate::judgement::{Basis, Cell, Judgement, Reason, Rule, TextHit, Verdict};
use crate::rung::{Evidence, Way, reason};
use crate::text::{Foothold, Known, Ladder, Secrets, TextOverride, Texts, same_word};

/// Judges what `audience` may see of `warning` at `now`. `us` is this node's party, `terms_key` the key of the
/// protected terms, `overrides` what release officers let stand.
///
/// Closed by default: what is not admitted is silent, with reasons for our own desk. Never fails. For several audiences
/// of one warning, [`Worded`] reads its texts once.
pub fn judge(
    warning: &Warning,
    audience: &Audience,
    us: &PartyName,
    terms_key: &[u8; 32],
    overrides: &[TextOverride],
    now: Timestamp,
) -> Judgement {
    Worded::of(warning, us, terms_key).judge(audience, overrides, now)
}

/// A warning with its texts read: cut into words, folded, and compared with the protected terms. That is most of the work
/// of a judgement, and no recipient changes anything in it.
pub struct Worded<'w> {
    pub(crate) warning: &'w Warning,
    pub(crate) us: &'w PartyName,
    texts: Texts<'w>,
}

impl<'w> Worded<'w> {
    /// Reads the texts of a warning of `us`. `terms_key` is the key of the protected terms.
    pub fn of(warning: &'w Warning, us: &'w PartyName, terms_key: &[u8; 32]) -> Self {
        Self { warning, us, texts: Texts::of(warning, us, terms_key) }
    }

    /// The warning.
    pub fn warning(&self) -> &'w Warning {
        self.warning
    }

    /// Judges what `audience` may see of it at `now`: [`judge`] for one of several audiences.
    pub fn judge(&self, audience: &Audience, overrides: &[TextOverride], now: Timestamp) -> Judgement {
        let Self { warning, us, texts } = self;
        let ladders = &texts.ladders;
        let floor = Floor::under(warning, audience, us);
        let purpose = floor.purpose(audience.purpose);
        let evidence = Evidence { warning, audience, us, now, purpose };
        let (basis, ways) = match (agreed::terms(warning, audience, purpose), &floor) {
            (Ok((terms, hash)), Floor::Open(_)) => {
                (Basis::Agreement(hash), vec![Way::Terms(terms), Way::Floor])
            }
            (Ok((terms, hash)), _) => (Basis::Agreement(hash), vec![Way::Terms(terms)]),
            (Err(_), Floor::Open(_)) => (Basis::LifeFloor, vec![Way::Floor]),
            (Err(held), _) => return all_held(floor.hint(held, warning, audience), &evidence, ladders),
        };
        let life = floor.kinds();
        let rows = Vec::with_capacity(ladders.len());
        let mut table = Table { evidence, texts, rows, ways, floor, life: &life, basis };
        for ladder in ladders {
            table.add(ladder);
        }
        table.compare_texts(overrides);
        table.judgement()
    }
}

fn all_held(held: Reason, evidence: &Evidence<'_>, ladders: &[Ladder<'_>]) -> Judgement {
    let Evidence { audience, purpose, now, .. } = evidence;
    let basis = audience.domain.as_ref().map_or(Basis::Nothing, |d| Basis::Agreement(d.agreement));
    let cells = ladders.iter().map(|l| silent(l, Reason { rule: Rule::Whole, ..held.clone() })).collect();
    Judgement {
        recipient: audience.party.clone(),
        at: *now,
        basis,
        whole: Verdict::Held(held),
        purpose: *purpose,
        cells,
        handling: Handling::strictest_default(),
        tell: Default::default(),
    }
}

fn silent(ladder: &Ladder<'_>, why: Reason) -> Cell {
    Cell {
        path: ladder.path,
        granted: None,
        rungs: ladder.rungs.len(),
        by_floor: false,
        bare: None,
        reasons: vec![why],
        hits: Vec::new(),
    }
}

/// The ladders side by side while they are judged.
struct Table<'a> {
    evidence: Evidence<'a>,
    texts: &'a Texts<'a>,
    ways: Vec<Way<'a>>,
    floor: Floor,
    /// The harms to life that the floor tells in any case.
    life: &'a BTreeSet<HarmKind>,
    basis: Basis,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    ladder: &'a Ladder<'a>,
    rungs: Vec<Admission>,
    hits: Vec<TextHit>,
}

/// What stands between the recipient and one rung; nothing means that it is admitted.
struct Admission {
    obstacles: Vec<Reason>,
    by_floor: bool,
}

impl Row<'_> {
    fn granted(&self) -> Option<usize> {
        self.rungs.iter().position(|r| r.obstacles.is_empty())
    }

    /// The rungs that are no secret although they do not go: those that are admitted and less telling than the granted
    /// one; and judgements in words of everyday that only the life floor's being bare holds back.
    fn open(&self) -> Vec<usize> {
        let harmless =
            matches!(self.ladder.path, FieldPath::Likelihood | FieldPath::Confidence | FieldPath::Validity);
        let only = |r: &Admission| harmless && r.obstacles.iter().all(|o| o.rule == Rule::ThreatOnly);
        let open = self.rungs.iter().enumerate().filter(|(_, r)| r.obstacles.is_empty() || only(r));
        open.map(|(at, _)| at).collect()
    }

    fn by_floor(&self) -> bool {
        self.granted().and_then(|n| self.rungs.get(n)).is_some_and(|r| r.by_floor)
    }
}

impl<'a> Table<'a> {
    fn add(&mut self, ladder: &'a Ladder<'a>) {
        let mut rungs: Vec<Admission> =
            ladder.rungs.iter().enumerate().map(|(at, rung)| self.admission(ladder.path, at, rung)).collect();
        if let Some(why) = self.out_of_place(ladder.path) {
            for (at, rung) in rungs.iter_mut().enumerate() {
                rung.obstacles.push(Reason { rung: Some(at), ..why.clone() });
            }
        }
        self.rows.push(Row { ladder, rungs, hits: Vec::new() });
    }

    /// What holds a whole ladder because of the others: written twice, or a status of nobody.
    fn out_of_place(&self, path: FieldPath) -> Option<Reason> {
        if self.rows.iter().any(|r| r.ladder.path == path) {
            return Some(reason(
                Rule::Misplaced,
                "the field is written twice, and only the first counts",
                format!("it is {path}"),
                "write it once, with all its rungs".to_owned(),
            ));
        }
        self.of_nobody(path)
    }

    /// What holds the status of somebody of whom nothing else is told.
    fn of_nobody(&self, path: FieldPath) -> Option<Reason> {
        let FieldPath::SubjectStatus(n) = path else { return None };
        let told = self.rows.iter().find(|r| r.ladder.path == FieldPath::SubjectIdentity(n));
        if told.is_some_and(|r| r.granted().is_some()) {
            return None;
        }
        Some(reason(
            Rule::NoIdentity,
            "a status is told only of somebody who is told of",
            format!("subject {n} is not, not even as a person"),
            "see why the identity is withheld".to_owned(),
        ))
    }

    /// Holds the statuses of those whose identity the words have just blocked; says whether there were any.
    fn drop_statuses_of_nobody(&mut self) -> bool {
        let why: Vec<_> = self.rows.iter().map(|r| r.granted().and(self.of_nobody(r.ladder.path))).collect();
        for (row, why) in self.rows.iter_mut().zip(&why) {
            for (at, rung) in row.rungs.iter_mut().enumerate().filter(|_| why.is_some()) {
                rung.obstacles.extend(why.iter().map(|why| Reason { rung: Some(at), ..why.clone() }));
            }
        }
        why.iter().any(Option::is_some)
    }

    fn admission(&self, path: FieldPath, at: usize, rung: &Rung) -> Admission {
        let mut first = None;
        for way in &self.ways {
            let obstacles = self.evidence.obstacles(path, at, rung, *way);
            let by_floor = matches!(way, Way::Floor);
            if obstacles.is_empty() {
                return Admission { obstacles, by_floor };
            }
            first.get_or_insert(obstacles);
        }
        Admission { obstacles: first.unwrap_or_default(), by_floor: false }
    }

    fn footholds(&self) -> Vec<Foothold<'a>> {
        let stands = |row: &Row<'a>| {
            let (ladder, granted, open) = (row.ladder, row.granted(), row.open());
            Foothold { ladder, granted, life: self.life, open }
        };
        self.rows.iter().map(stands).collect()
    }

    /// Blocks every rung whose words say what is withheld, until none does. Blocking only ever withholds more, so what
    /// was found stays true, and it ends.
    fn compare_texts(&mut self, overrides: &[TextOverride]) {
        let Evidence { warning, audience, .. } = self.evidence;
        loop {
            let footholds = self.footholds();
            let secrets = Secrets::gather(self.texts, &footholds, &audience.party);
            let known = Known::gather(&footholds);
            let mut blocked = false;
            for row in &mut self.rows {
                let Some(at) = row.granted() else { continue };
                let ceiling = ceiling(&self.evidence, &self.ways, row.ladder.path);
                let mut hits = secrets.hits(row.ladder, at, &known, ceiling);
                hits.iter_mut()
                    .for_each(|h| h.overridden_by = overrider(warning, row.ladder.path, h, overrides));
                row.hits.retain(|h| h.rung != at);
                let not_let: Vec<_> = hits.iter().filter(|h| h.overridden_by.is_none()).collect();
                if let Some(admission) = row.rungs.get_mut(at).filter(|_| !not_let.is_empty()) {
                    admission.obstacles.push(told_in_words(at, &not_let));
                    blocked = true;
                }
                row.hits.extend(hits);
            }
            if !(self.drop_statuses_of_nobody() || blocked) {
                return;
            }
        }
    }

    fn judgement(self) -> Judgement {
        let Evidence { audience, us, purpose, now, .. } = self.evidence;
        let mut cells: Vec<Cell> = self.rows.iter().map(Row::cell).collect();
        for (cell, row) in cells.iter_mut().zip(&self.rows) {
            cell.bare = self.floor.bare(row.ladder.path, row.ladder.rungs, cell.granted, audience, us);
        }
        if let Some(held) = self.no_harm(&cells) {
            let mut none = all_held(held, &self.evidence, &self.texts.ladders);
            none.basis = self.basis;
            return none;
        }
        let granted: Vec<_> =
            self.rows.iter().filter_map(|r| Some((r, r.ladder.rungs.get(r.granted()?)?))).collect();
        let bare = cells.iter().any(|c| c.bare.is_some());
        let handling = outgoing(
            &Granted {
                rungs: granted.iter().map(|(_, rung)| &rung.handling).collect(),
                by_floor: bare || granted.iter().any(|(row, _)| row.by_floor()),
                lead_only: granted.iter().any(|(row, rung)| !row.by_floor() && self.is_lead(&rung.value)),
                naming: crate::text::giver_depth(&self.footholds()),
            },
            &audience.party,
            us,
        );
        let tell = self.to_be_told(&cells);
        let recipient = audience.party.clone();
        let whole = Verdict::MayGo;
        Judgement { recipient, at: now, basis: self.basis, whole, purpose, cells, handling, tell }
    }

    fn is_lead(&self, value: &Value) -> bool {
        let lead_only = |g: &Way<'_>| matches!(g, Way::Terms(t) if t.persons == PersonsRule::LeadOnly);
        matches!(value, Value::Person(PersonValue::Named { .. })) && self.ways.iter().any(lead_only)
    }

    /// The originators whose words go by their footholds life exception.
    fn to_be_told(&self, cells: &[Cell]) -> BTreeSet<PartyName> {
        let mut tell = BTreeSet::new();
        for (row, cell) in self.rows.iter().zip(cells) {
            let rungs: Vec<&Rung> = match (cell.granted, &cell.bare) {
                // The harms to life may come from any rung, and from any originator who did not strike them out.
                (_, Some(_)) => row.ladder.rungs.iter().collect(),
                (Some(at), None) if cell.by_floor => row.ladder.rungs.get(at).into_iter().collect(),
                _ => Vec::new(),
            };
            let others = rungs.iter().flat_map(|r| self.evidence.others(&r.handling));
            tell.extend(others.filter(|p| !self.evidence.audience.struck_out.contains(*p)).cloned());
        }
        tell
    }

    /// Without the kinds of harm there is no warning: the receiver could not even guard against misuse.
    fn no_harm(&self, cells: &[Cell]) -> Option<Reason> {
        let harm = cells.iter().find(|c| c.path == FieldPath::Harm);
        if harm.is_some_and(Cell::speaks) {
            return None;
        }
        let held = match harm.and_then(|c| c.reasons.last().cloned()) {
            Some(why) => Reason {
                rung: None,
                rule: Rule::NoHarm,
                fact: format!(
                    "the kinds of harm may not be told, and a warning without them is none: {}",
                    why.fact
                ),
                ..why
            },
            None => reason(
                Rule::NoHarm,
                "the warning names no kind of harm",
                "the harm ladder is empty".to_owned(),
                "write the harm".to_owned(),
            ),
        };
        Some(self.floor.hint(held, self.evidence.warning, self.evidence.audience))
    }
}

impl Row<'_> {
    fn cell(&self) -> Cell {
        let granted = self.granted();
        let above = self.rungs.iter().take(granted.unwrap_or(self.rungs.len()));
        Cell {
            path: self.ladder.path,
            granted,
            rungs: self.rungs.len(),
            by_floor: self.by_floor(),
            bare: None,
            reasons: above.flat_map(|r| r.obstacles.iter().cloned()).collect(),
            hits: self.hits.clone(),
        }
    }
}

/// How exactly a text of this field may tell a time: as agreed, and freely in a threat that the life floor carries.
fn ceiling(evidence: &Evidence<'_>, ways: &[Way<'_>], path: FieldPath) -> TimeDepth {
    let of = |way: &Way<'_>| match way {
        Way::Terms(terms) => Some(terms.time),
        Way::Floor => evidence.floor_carries(path).then_some(TimeDepth::Exact),
    };
    ways.iter().filter_map(of).max().unwrap_or(TimeDepth::None)
}

/// The officer who let this hit stand; never the author of the warning.
fn overrider(
    warning: &Warning,
    path: FieldPath,
    hit: &TextHit,
    overrides: &[TextOverride],
) -> Option<model::id::PersonName> {
    let fits = |o: &&TextOverride| {
        o.path == path && o.rung == hit.rung && same_word(&o.word, &hit.word) && o.by != warning.author
    };
    overrides.iter().find(fits).map(|o| o.by.clone())
}

fn told_in_words(at: usize, hits: &[&TextHit]) -> Reason {
    let mut why = reason(
        Rule::Text,
        "its words say what this recipient does not get",
        hits.iter().map(|h| format!("{:?}: {}", h.word, h.of)).collect::<Vec<_>>().join("; "),
        "write it without the word, or a release officer other than the author lets it stand with a reason"
            .to_owned(),
    );
    why.rung = Some(at);
    why
}
