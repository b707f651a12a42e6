//! Times told in words: how exactly a text tells a time, and whether a given instant is what it tells.
//!
//! Known are ISO and compact dates, dates in digits (in either order), months and weekdays in English, German, French,
//! Spanish and Russian (transliterated), years, times of day, and words such as "tomorrow". Parts of a day ("in the
//! evening") are not taken for times.

use jiff::civil::{Date, DateTime};
use model::vocab::TimeDepth;

use super::fold::Word;

/// A time that a text tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    /// The first and the last word of it.
    pub(crate) run: (usize, usize),
    /// How exactly it is told.
    pub(crate) grain: TimeDepth,
    /// What it can mean; more than one when day and month may be exchanged.
    readings: Vec<Reading>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Reading {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    /// Monday is 1.
    weekday: Option<i8>,
    hour: Option<i8>,
    minute: Option<i8>,
}

impl Mention {
    /// Whether the text tells this time, which is known to `depth` (its start, if it is a span).
    pub(crate) fn tells(&self, at: DateTime, depth: TimeDepth) -> bool {
        self.readings.iter().any(|r| r.tells(at, depth))
    }
}

impl Reading {
    fn tells(self, at: DateTime, depth: TimeDepth) -> bool {
        if self == Self::default() {
            return false;
        }
        let same = |said: Option<i8>, is: i8| said.is_none_or(|s| s == is);
        if self.hour.is_some() {
            let time = same(self.hour, at.hour()) && same(self.minute, at.minute());
            return depth >= TimeDepth::Exact && time && self.tells_day(at.date());
        }
        match depth {
            TimeDepth::Exact | TimeDepth::Day => self.tells_day(at.date()),
            TimeDepth::Week => (0..7).any(|n| {
                at.date().checked_add(jiff::Span::new().days(n)).is_ok_and(|day| self.tells_day(day))
            }),
            TimeDepth::Month => self.tells_month(at.date()) && self.weekday.is_none(),
            TimeDepth::Year => self.year == Some(at.year()),
            TimeDepth::Recently | TimeDepth::None => false,
        }
    }

    fn tells_month(self, date: Date) -> bool {
        self.year.is_none_or(|y| y == date.year()) && self.month.is_none_or(|m| m == date.month())
    }

    fn tells_day(self, date: Date) -> bool {
        let weekday = date.weekday().to_monday_one_offset();
        self.tells_month(date)
            && self.day.is_none_or(|d| d == date.day())
            && self.weekday.is_none_or(|w| w == weekday)
    }
}

/// Every time that the words tell, in order.
pub(crate) fn mentions(words: &[Word]) -> Vec<Mention> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match mention(words, at) {
            Some(found) => {
                at = found.run.1 + 1;
                all.push(found);
            }
            None => at += 1,
        }
    }
    all
}

fn mention(words: &[Word], at: usize) -> Option<Mention> {
    let forms = [iso_date, digits_date, words_date, clock, number_and_unit, year, lone_word];
    forms.iter().find_map(|form| form(words, at))
}

fn made(first: usize, last: usize, grain: TimeDepth, readings: Vec<Reading>) -> Option<Mention> {
    (!readings.is_empty()).then_some(Mention { run: (first, last), grain, readings })
}

fn number(word: Option<&Word>, digits: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let folded = &word?.folded;
    (digits.contains(&folded.len()) && folded.bytes().all(|b| b.is_ascii_digit()))
        .then(|| folded.parse().ok())?
}

fn within(value: i16, range: std::ops::RangeInclusive<i16>) -> Option<i8> {
    range.contains(&value).then(|| i8::try_from(value).ok())?
}

fn as_year(value: i16) -> Option<i16> {
    (1900..=2099).contains(&value).then_some(value)
}

/// `2026-12-09`, `2026/12/09`, `2026-12-09T14:02`, `20261209`.
fn iso_date(words: &[Word], at: usize) -> Option<Mention> {
    let word = words.get(at)?;
    if word.folded.len() == 8 && word.folded.bytes().all(|b| b.is_ascii_digit()) {
        let part = |range| word.folded.get(range).and_then(|t: &str| t.parse::<i16>().ok());
        let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
        let reading = Reading {
            year: Some(as_year(year)?),
            month: Some(within(month, 1..=12)?),
            day: Some(within(day, 1..=31)?),
            ..Reading::default()
        };
        return made(at, at, TimeDepth::Day, vec![reading]);
    }
    let year = as_year(number(Some(word), 4..=4)?)?;
    let month_word = words.get(at + 1).filter(|m| is_date_gap(&word.gap) && m.gap == word.gap)?;
    let month = within(number(Some(month_word), 1..=2)?, 1..=12)?;
    let rest = &words.get(at + 2)?.folded;
    let (day, hour) = match rest.split_once('t') {
        Some((day, hour)) => (day, hour.parse::<i16>().ok().and_then(|h| within(h, 0..=23))),
        None => (rest.as_str(), None),
    };
    let day = day.parse::<i16>().ok().and_then(|d| within(d, 1..=31))?;
    let minute = number(words.get(at + 3), 2..=2).or_else(|| zulu(words.get(at + 3)?));
    let minute = minute.and_then(|m| within(m, 0..=59)).filter(|_| hour.is_some());
    let reading =
        Reading { year: Some(year), month: Some(month), day: Some(day), hour, minute, ..Reading::default() };
    let grain = if hour.is_some() { TimeDepth::Exact } else { TimeDepth::Day };
    made(at, at + 2 + usize::from(minute.is_some()), grain, vec![reading])
}

fn is_date_gap(gap: &str) -> bool {
    matches!(gap, "-" | "/" | ".")
}

/// `9/12/2026`, `9.12.26`, `12-9-2026`, `9/12`, `9.12.`; day and month in either order.
fn digits_date(words: &[Word], at: usize) -> Option<Mention> {
    let first = words.get(at)?;
    let second = words.get(at + 1)?;
    let (a, b) = (number(Some(first), 1..=2)?, number(Some(second), 1..=2)?);
    if !is_date_gap(&first.gap) {
        return None;
    }
    let year = (second.gap == first.gap)
        .then(|| {
            number(words.get(at + 2), 4..=4).or_else(|| number(words.get(at + 2), 2..=2).map(|y| 2000 + y))
        })
        .flatten()
        .and_then(as_year);
    let digits = |w: &Word| w.folded.bytes().all(|b| b.is_ascii_digit());
    let runs_on = |n: usize| {
        words.get(n).is_some_and(|w| w.gap == first.gap && digits(w)) && words.get(n + 1).is_some_and(digits)
    };
    // Four numbers in a row are an address or a version.
    if at.checked_sub(1).is_some_and(runs_on) || runs_on(at + 1 + usize::from(year.is_some())) {
        return None;
    }
    let bare = year.is_none();
    if bare && !(first.gap == "/" || (first.gap == "." && second.gap.starts_with('.'))) {
        return None;
    }
    let reading = |day: i16, month: i16| {
        Some(Reading {
            year,
            month: Some(within(month, 1..=12)?),
            day: Some(within(day, 1..=31)?),
            ..Reading::default()
        })
    };
    made(
        at,
        at + 1 + usize::from(!bare),
        TimeDepth::Day,
        [reading(a, b), reading(b, a)].into_iter().flatten().collect(),
    )
}

/// `9 December`, `9th of December 2026`, `December 9`, `December 2026`, `December`.
fn words_date(words: &[Word], at: usize) -> Option<Mention> {
    let year_at = |n: usize| number(words.get(n), 4..=4).and_then(as_year);
    if let Some(day) = day_number(words.get(at)?) {
        let joins = |w: &Word| matches!(w.folded.as_str(), "of" | "de" | "du" | "den");
        let next = at + 1 + usize::from(words.get(at + 1).is_some_and(joins));
        let month = month(words.get(next)?)?;
        let year = year_at(next + 1);
        let reading = Reading { year, month: Some(month), day: Some(day), ..Reading::default() };
        return made(at, next + usize::from(year.is_some()), TimeDepth::Day, vec![reading]);
    }
    let word = words.get(at)?;
    let month = month(word)?;
    let day = words.get(at + 1).filter(|w| w.gap != ":").and_then(day_number);
    if let Some(day) = day {
        let year = year_at(at + 2);
        let reading = Reading { year, month: Some(month), day: Some(day), ..Reading::default() };
        return made(at, at + 1 + usize::from(year.is_some()), TimeDepth::Day, vec![reading]);
    }
    let year = year_at(at + 1);
    // "may" and "march" are verbs, too; "mars" is a planet: alone they need a capital inside a sentence.
    let doubtful = matches!(word.folded.as_str(), "may" | "march" | "mars" | "mai" | "sept");
    let capital = word.raw.starts_with(char::is_uppercase) && !word.opens;
    if year.is_none() && ((doubtful && !capital) || word.folded.len() <= 3 && word.folded != "may") {
        return None;
    }
    let reading = Reading { year, month: Some(month), ..Reading::default() };
    made(at, at + usize::from(year.is_some()), TimeDepth::Month, vec![reading])
}

fn day_number(word: &Word) -> Option<i8> {
    let digits = word.folded.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let suffix = word.folded.get(digits.len()..)?;
    if !matches!(suffix, "" | "st" | "nd" | "rd" | "th" | "er" | "e" | "go")
        || digits.is_empty()
        || digits.len() > 2
    {
        return None;
    }
    within(digits.parse().ok()?, 1..=31)
}

/// `14:02`, `14:02:05`, `at 14.02`, `14h02`.
fn clock(words: &[Word], at: usize) -> Option<Mention> {
    let word = words.get(at)?;
    if let Some((hour, minute)) = word.folded.split_once('h').filter(|(hour, _)| !hour.is_empty()) {
        let hour = within(hour.parse().ok()?, 0..=24)?;
        let minute = if minute.is_empty() { 0 } else { within(minute.parse().ok()?, 0..=59)? };
        return made(at, at, TimeDepth::Exact, vec![of_day(hour, minute)]);
    }
    let hour = within(number(Some(word), 1..=2)?, 0..=24)?;
    let before = at.checked_sub(1).and_then(|n| words.get(n));
    let told = before
        .is_some_and(|w| matches!(w.folded.as_str(), "at" | "by" | "around" | "um" | "gegen" | "a" | "v"));
    if word.gap != ":" && !(word.gap == "." && told) {
        return None;
    }
    let minute = within(number(words.get(at + 1), 2..=2).or_else(|| zulu(words.get(at + 1)?))?, 0..=59)?;
    let seconds =
        words.get(at + 1).is_some_and(|w| w.gap == ":") && number(words.get(at + 2), 2..=2).is_some();
    made(at, at + 1 + usize::from(seconds), TimeDepth::Exact, vec![of_day(hour, minute)])
}

fn zulu(word: &Word) -> Option<i16> {
    word.folded.strip_suffix('z').filter(|d| d.len() == 2)?.parse().ok()
}

fn of_day(hour: i8, minute: i8) -> Reading {
    Reading { hour: Some(hour % 24), minute: Some(minute), ..Reading::default() }
}

/// `2 pm`, `2pm`, `1402 hrs`, `1402Z`.
fn number_and_unit(words: &[Word], at: usize) -> Option<Mention> {
    let word = words.get(at)?;
    let digits = word.folded.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let value: i16 = (1..=4).contains(&digits.len()).then(|| digits.parse().ok())??;
    let own = word.folded.get(digits.len()..)?;
    let next = words.get(at + 1).map(|w| w.folded.as_str()).unwrap_or_default();
    let (unit, last) = match own {
        "" if next == "p" || next == "a" => {
            words.get(at + 2).filter(|w| w.folded == "m")?;
            (if next == "p" { "pm" } else { "am" }, at + 2)
        }
        "" => (next, at + 1),
        own => (own, at),
    };
    let (hour, minute) = match unit {
        "am" | "pm" if digits.len() <= 2 => {
            let hour = within(value, 1..=12)? % 12;
            (if unit == "pm" { hour + 12 } else { hour }, 0)
        }
        "hrs" | "hours" | "h" | "z" | "utc" | "gmt" | "uhr" if digits.len() == 4 => {
            (within(value / 100, 0..=24)?, within(value % 100, 0..=59)?)
        }
        "uhr" if digits.len() <= 2 => (within(value, 0..=24)?, 0),
        _ => return None,
    };
    made(at, last, TimeDepth::Exact, vec![of_day(hour, minute)])
}

fn year(words: &[Word], at: usize) -> Option<Mention> {
    let year = as_year(number(words.get(at), 4..=4)?)?;
    made(at, at, TimeDepth::Year, vec![Reading { year: Some(year), ..Reading::default() }])
}

/// Weekdays, noon and midnight, and days counted from today, which tell no day by themselves.
fn lone_word(words: &[Word], at: usize) -> Option<Mention> {
    let word = words.get(at)?.folded.as_str();
    let weekday = WEEKDAYS.iter().find(|(_, names)| names.contains(&word)).map(|(n, _)| *n);
    if weekday.is_some() {
        return made(at, at, TimeDepth::Day, vec![Reading { weekday, ..Reading::default() }]);
    }
    match word {
        "noon" => made(at, at, TimeDepth::Exact, vec![of_day(12, 0)]),
        "midnight" => made(at, at, TimeDepth::Exact, vec![of_day(0, 0)]),
        "today" | "tonight" | "tomorrow" | "yesterday" => {
            made(at, at, TimeDepth::Day, vec![Reading::default()])
        }
        _ => None,
    }
}

fn month(word: &Word) -> Option<i8> {
    MONTHS.iter().find(|(_, names)| names.contains(&word.folded.as_str())).map(|(n, _)| *n)
}

const MONTHS: &[(i8, &[&str])] = &[
    (1, &["january", "jan", "januar", "janvier", "enero", "yanvarya", "yanvar"]),
    (2, &["february", "feb", "februar", "fevrier", "febrero", "fevralya", "fevral"]),
    (3, &["march", "mar", "marz", "mars", "marzo", "marta", "mart"]),
    (4, &["april", "apr", "avril", "abril", "aprelya", "aprel"]),
    (5, &["may", "mai", "mayo", "maya"]),
    (6, &["june", "jun", "juni", "juin", "junio", "iyunya", "iyun"]),
    (7, &["july", "jul", "juli", "juillet", "julio", "iyulya", "iyul"]),
    (8, &["august", "aug", "aout", "agosto", "avgusta", "avgust"]),
    (9, &["september", "sep", "sept", "septembre", "septiembre", "sentyabrya", "sentyabr"]),
    (10, &["october", "oct", "oktober", "okt", "octobre", "octubre", "oktyabrya", "oktyabr"]),
    (11, &["november", "nov", "novembre", "noviembre", "noyabrya", "noyabr"]),
    (12, &["december", "dec", "dezember", "dez", "decembre", "diciembre", "dekabrya", "dekabr"]),
];

const WEEKDAYS: &[(i8, &[&str])] = &[
    (1, &["monday", "montag", "lundi", "lunes", "ponedelnik"]),
    (2, &["tuesday", "dienstag", "mardi", "martes", "vtornik"]),
    (3, &["wednesday", "mittwoch", "mercredi", "miercoles", "sreda", "sredu"]),
    (4, &["thursday", "donnerstag", "jeudi", "jueves", "chetverg"]),
    (5, &["friday", "freitag", "vendredi", "viernes", "pyatnitsa", "pyatnitsu"]),
    (6, &["saturday", "samstag", "sonnabend", "samedi", "sabado", "subbota", "subbotu"]),
    (7, &["sunday", "sonntag", "dimanche", "domingo", "voskresene"]),
];
