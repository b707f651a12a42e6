//! Splits a text into the objects in it: a bundle, a TAXII envelope, a list, one object, or one of these on each line.
//!
//! One state machine does it for a text that is at hand ([`Split`]) and for one that comes in pieces
//! ([`crate::read::stream`]). It hands over each object as it was received and never looks at it as STIX.

use super::fault::{Fault, FaultCode, Limits};
use super::object::RawObject;
use super::scan::{Outermost, Scanner, Stop, blank, fault};
use super::tape::{Node, Value, unescaped};

/// What stands next in a text.
#[derive(Debug)]
pub enum Piece<'a> {
    /// An object.
    Object(RawObject<'a>),
    /// What was around the objects before it; it comes when it ends.
    Wrapper(Wrapper),
    /// Something that is refused. The rest of the text is read on, unless its code says that this ends the text.
    Refused(Fault),
}

/// What stood around objects: a bundle (STIX 2.1 §8), a TAXII envelope (TAXII 2.1 §3.7), or a list without anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wrapper {
    /// Its members but `objects`, each with its value as it was received.
    pub members: Vec<(String, String)>,
    /// The byte where it begins.
    pub at: u64,
    /// How many objects it held, with those that were refused.
    pub held: u64,
    /// Whether it is a map; a bare list is not.
    pub is_map: bool,
}

impl Wrapper {
    /// The text of a member that is a string.
    pub fn text(&self, name: &str) -> Option<String> {
        let raw = self.members.iter().find(|(member, _)| member == name).map(|(_, raw)| raw.as_str())?;
        raw.strip_prefix('"')?.strip_suffix('"').map(unescaped)
    }

    /// Whether it calls itself a bundle.
    pub fn is_bundle(&self) -> bool {
        self.text("type").is_some_and(|kind| kind == "bundle")
    }

    fn keep(&mut self, key: &[u8], value: &[u8], at: u64) -> Result<(), Fault> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Fault { code: FaultCode::NotUtf8, at });
        let (key, value) = (unescaped(text(key)?), text(value)?.to_owned());
        if key == "objects" || self.members.iter().any(|(there, _)| *there == key) {
            return Err(Fault { code: FaultCode::DuplicateKey, at });
        }
        let kept = self.members.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        if kept + value.len() > WRAPPER_BYTES_MAX {
            return Err(Fault { code: FaultCode::ObjectTooLong, at });
        }
        self.members.push((key, value));
        Ok(())
    }
}

/// What a bundle or an envelope may say of itself, beside its objects.
const WRAPPER_BYTES_MAX: usize = 256 << 10;

/// Where in a text the splitter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a value that stands by itself; the flag: in a new line.
    Before { new_line: bool },
    /// In a list of objects, before the first.
    First,
    /// In a list of objects, behind a comma.
    Item,
    /// In a list of objects, behind one.
    Behind,
    /// Behind the list of objects of a map.
    Tail,
    /// In the rest of a line that could not be read.
    Skipped,
    /// In an object that is longer than allowed; its bytes are passed over.
    Passed(Passed, Back),
    /// Nothing comes any more.
    Over,
}

/// How far an object has been passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Passed {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

/// What the splitter goes on with after an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    Alone,
    InList,
}

/// What one step found.
#[derive(Debug)]
pub(crate) enum Step {
    /// An object, from where to where.
    Object(usize, usize),
    Wrapper(Wrapper),
    Refused(Fault),
    /// The text given is used up from `at` on, and more of it is wanted.
    More,
    /// A part was read and has nothing to show.
    On,
    Over,
}

/// The state machine. It does not hold the text.
#[derive(Debug)]
pub(crate) struct Splitter {
    scanner: Scanner,
    state: State,
    limits: Limits,
    wrapper: Wrapper,
    seen: u64,
    anything: bool,
}

impl Splitter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            scanner: Scanner::default(),
            state: State::Before { new_line: true },
            limits,
            wrapper: Wrapper::default(),
            seen: 0,
            anything: false,
        }
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        self.scanner.nodes()
    }

    /// Reads on from `at`, which is moved. `base` is where `text` stands in the whole, `last` that nothing comes behind it.
    pub(crate) fn step(&mut self, text: &[u8], at: &mut usize, base: u64, last: bool) -> Step {
        if self.state != State::Over && base + *at as u64 > self.limits.text_bytes_max {
            return self.end(Fault { code: FaultCode::TextTooLong, at: base + *at as u64 });
        }
        match self.state {
            State::Over => Step::Over,
            State::Before { new_line } => self.before(text, at, base, last, new_line),
            State::First | State::Item | State::Behind => self.in_list(text, at, base, last),
            State::Tail => self.tail(text, at, base, last),
            State::Skipped => self.skipped(text, at, last),
            State::Passed(passed, back) => self.passed(text, at, passed, back, (base, last)),
        }
    }

    fn end(&mut self, fault: Fault) -> Step {
        self.state = State::Over;
        Step::Refused(fault)
    }

    fn before(&mut self, text: &[u8], at: &mut usize, base: u64, last: bool, new_line: bool) -> Step {
        let from = *at;
        if base == 0 && from == 0 && text.starts_with("\u{feff}".as_bytes()) {
            *at = 3;
            return Step::On;
        }
        *at = blank(text, from);
        let new_line = new_line || text.get(from..*at).is_some_and(|blanks| blanks.contains(&b'\n'));
        self.state = State::Before { new_line };
        let Some(first) = text.get(*at) else { return self.used_up(*at, base, last) };
        self.anything = true;
        match first {
            _ if !new_line => self.broken(FaultCode::MoreText, text, *at, base, at),
            b'[' => {
                self.wrapper = Wrapper { at: base + *at as u64, ..Wrapper::default() };
                self.state = State::First;
                *at += 1;
                Step::On
            }
            b'{' => match self.scanner.value(text, *at, Outermost::MayWrap, &self.limits) {
                Err(Stop::Wraps(list)) => self.wraps(text, at, base, list),
                read => self.object(read, text, at, base, last, Back::Alone),
            },
            _ => self.broken(FaultCode::NotJson, text, *at, base, at),
        }
    }

    /// The text is used up between two values.
    fn used_up(&mut self, at: usize, base: u64, last: bool) -> Step {
        match (last, self.anything) {
            (false, _) => Step::More,
            (true, true) => {
                self.state = State::Over;
                Step::Over
            }
            (true, false) => self.end(Fault { code: FaultCode::Empty, at: base + at as u64 }),
        }
    }

    /// A map turns out to wrap objects; what was read of it is kept.
    fn wraps(&mut self, text: &[u8], at: &mut usize, base: u64, list: usize) -> Step {
        let from = *at;
        self.wrapper = Wrapper { at: base + from as u64, is_map: true, ..Wrapper::default() };
        if let Some((code, place)) = self.scanner.refused() {
            return self.end(Fault { code, at: base + place as u64 });
        }
        let nodes = self.scanner.nodes();
        let mut member = 1;
        // The last key on the tape is `objects`, whose value is not there yet.
        while let (Some(key), Some(value)) = (nodes.get(member), nodes.get(member + 1)) {
            let of = |start: u32, end: u32| text.get(from + start as usize..from + end as usize);
            let quotes =
                u32::from(matches!(value.kind, super::tape::Kind::Text | super::tape::Kind::EscapedText));
            let raw = of(value.start - quotes, value.end + quotes).unwrap_or_default();
            let name = of(key.start, key.end).unwrap_or_default();
            if let Err(fault) = self.wrapper.keep(name, raw, base + from as u64 + u64::from(key.start)) {
                return self.end(fault);
            }
            member = value.next as usize;
        }
        self.state = State::First;
        *at = list + 1;
        Step::On
    }

    fn in_list(&mut self, text: &[u8], at: &mut usize, base: u64, last: bool) -> Step {
        *at = blank(text, *at);
        match (text.get(*at), self.state) {
            (None, _) => self.wanting(text, base, last),
            (Some(b']'), State::First | State::Behind) => {
                *at += 1;
                if self.wrapper.is_map {
                    self.state = State::Tail;
                    return Step::On;
                }
                self.wrapper_ends()
            }
            (Some(b','), State::Behind) => {
                *at += 1;
                self.state = State::Item;
                Step::On
            }
            (Some(_), State::Behind) => self.broken(FaultCode::NotJson, text, *at, base, at),
            (Some(_), _) => {
                let read = self.scanner.value(text, *at, Outermost::IsItem, &self.limits);
                self.object(read, text, at, base, last, Back::InList)
            }
        }
    }

    fn wrapper_ends(&mut self) -> Step {
        self.state = State::Before { new_line: false };
        Step::Wrapper(std::mem::take(&mut self.wrapper))
    }

    /// More text is wanted inside something.
    fn wanting(&mut self, text: &[u8], base: u64, last: bool) -> Step {
        if last { self.end(fault(Stop::More, text, base)) } else { Step::More }
    }

    /// What the scanner read at `at` as an object.
    fn object(
        &mut self,
        read: Result<usize, Stop>,
        text: &[u8],
        at: &mut usize,
        base: u64,
        last: bool,
        back: Back,
    ) -> Step {
        let from = *at;
        let too_long = |end: usize| end - from > self.limits.object_bytes_max;
        let end = match read {
            Ok(end) => end,
            Err(Stop::More) if too_long(text.len()) && !last => {
                self.state = State::Passed(Passed::default(), back);
                let at = base + from as u64;
                return self.counted(Step::Refused(Fault { code: FaultCode::ObjectTooLong, at }), at);
            }
            Err(Stop::More) if !last => return Step::More,
            Err(stop) => {
                let Fault { code, at: place } = fault(stop, text, base);
                return match code {
                    FaultCode::NotJson | FaultCode::Cut if back == Back::Alone => {
                        self.broken(code, text, (place - base) as usize, base, at)
                    }
                    _ => self.end(Fault { code, at: place }),
                };
            }
        };
        *at = end;
        self.state = match back {
            Back::Alone => State::Before { new_line: false },
            Back::InList => State::Behind,
        };
        let step = self.judged(text, from, end, base);
        self.counted(step, base + from as u64)
    }

    /// Whether what is JSON may be taken as an object.
    fn judged(&self, text: &[u8], from: usize, end: usize, base: u64) -> Step {
        let refused = |code, at: usize| Step::Refused(Fault { code, at: base + at as u64 });
        if end - from > self.limits.object_bytes_max {
            return refused(FaultCode::ObjectTooLong, from);
        }
        let bytes = text.get(from..end).unwrap_or_default();
        if let Err(error) = std::str::from_utf8(bytes) {
            return refused(FaultCode::NotUtf8, from + error.valid_up_to());
        }
        match self.scanner.refused() {
            Some((code, place)) => refused(code, place),
            None if !bytes.starts_with(b"{") => refused(FaultCode::NotAnObject, from),
            None => Step::Object(from, end),
        }
    }

    fn counted(&mut self, step: Step, at: u64) -> Step {
        self.wrapper.held += 1;
        self.seen += 1;
        if self.seen > self.limits.objects_max {
            return self.end(Fault { code: FaultCode::TooManyObjects, at });
        }
        step
    }

    /// The text breaks at `place`. What began in that same line is one of many lines: the next is read.
    fn broken(&mut self, code: FaultCode, text: &[u8], place: usize, base: u64, at: &mut usize) -> Step {
        let between = text.get(*at..place).unwrap_or_default().trim_ascii_end();
        let one_line = !between.contains(&b'\n');
        let alone = matches!(self.state, State::Before { .. });
        // A text in which no line begins as JSON does is something else, and is refused once.
        let lines = text.get(*at) == Some(&b'{') || self.seen > 0;
        self.state = if one_line && alone && lines { State::Skipped } else { State::Over };
        Step::Refused(Fault { code, at: base + place as u64 })
    }

    fn skipped(&mut self, text: &[u8], at: &mut usize, last: bool) -> Step {
        let rest = text.get(*at..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(to) => {
                *at += to + 1;
                self.state = State::Before { new_line: true };
                Step::On
            }
            None if last => {
                self.state = State::Over;
                Step::Over
            }
            None => {
                *at = text.len();
                Step::More
            }
        }
    }

    /// Reads one member behind the list of objects, or the end of the map.
    fn tail(&mut self, text: &[u8], at: &mut usize, base: u64, last: bool) -> Step {
        let comma = blank(text, *at);
        match text.get(comma) {
            None => self.wanting(text, base, last),
            Some(b'}') => {
                *at = comma + 1;
                self.wrapper_ends()
            }
            Some(b',') => {
                let from = blank(text, comma + 1);
                match self.scanner.member(text, from, &self.limits) {
                    Ok((key, end)) => {
                        let nodes = self.scanner.nodes();
                        let start = end - nodes.first().map_or(0, |node| whole_length(*node));
                        let value = text.get(start..end).unwrap_or_default();
                        let refused = self.scanner.refused();
                        let refused = refused.map(|(code, place)| Fault { code, at: base + place as u64 });
                        let kept =
                            refused.map_or_else(|| self.wrapper.keep(key, value, base + from as u64), Err);
                        *at = end;
                        kept.map_or_else(|fault| self.end(fault), |()| Step::On)
                    }
                    Err(Stop::More) if !last && text.len() - comma <= self.limits.object_bytes_max => {
                        Step::More
                    }
                    Err(Stop::More) if !last => {
                        self.end(Fault { code: FaultCode::ObjectTooLong, at: base + from as u64 })
                    }
                    Err(stop) => self.end(fault(stop, text, base)),
                }
            }
            Some(_) => self.end(fault(Stop::Broken(comma), text, base)),
        }
    }

    /// Passes over an object that is longer than allowed; only its strings and brackets are looked at.
    fn passed(
        &mut self,
        text: &[u8],
        at: &mut usize,
        mut passed: Passed,
        back: Back,
        (base, last): (u64, bool),
    ) -> Step {
        let rest = text.get(*at..).unwrap_or_default();
        let ends = rest.iter().position(|byte| passed.takes(*byte));
        if let Some(end) = ends {
            *at += end + 1;
            self.state = match back {
                Back::Alone => State::Before { new_line: false },
                Back::InList => State::Behind,
            };
            return Step::On;
        }
        self.state = State::Passed(passed, back);
        *at = text.len();
        self.wanting(text, base, last)
    }
}

impl Passed {
    /// Takes one byte more; says whether the object ends with it.
    fn takes(&mut self, byte: u8) -> bool {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// How many bytes a value takes as it is written, a text with its quotes.
fn whole_length(node: Node) -> usize {
    let quotes = matches!(node.kind, super::tape::Kind::Text | super::tape::Kind::EscapedText);
    (node.end - node.start) as usize + if quotes { 2 } else { 0 }
}

/// The objects of a text that is at hand.
#[derive(Debug)]
pub struct Split<'a> {
    text: &'a [u8],
    at: usize,
    splitter: Splitter,
}

impl<'a> Split<'a> {
    /// Begins at the beginning of `text`.
    pub fn new(text: &'a [u8], limits: Limits) -> Self {
        Self { text, at: 0, splitter: Splitter::new(limits) }
    }

    /// What stands next; `None` at the end.
    pub fn piece(&mut self) -> Option<Piece<'_>> {
        loop {
            return Some(match self.splitter.step(self.text, &mut self.at, 0, true) {
                Step::On => continue,
                Step::More | Step::Over => return None,
                Step::Wrapper(wrapper) => Piece::Wrapper(wrapper),
                Step::Refused(fault) => Piece::Refused(fault),
                Step::Object(from, end) => piece(self.text, from..end, self.splitter.nodes(), 0),
            });
        }
    }
}

/// The object in these bytes, which the splitter has let pass.
pub(crate) fn piece<'a>(
    text: &'a [u8],
    bytes: std::ops::Range<usize>,
    nodes: &'a [Node],
    base: u64,
) -> Piece<'a> {
    let at = base + bytes.start as u64;
    let text = text.get(bytes).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    match Value::root(text, nodes) {
        Some(root) => Piece::Object(RawObject::new(text, root, at)),
        None => Piece::Refused(Fault { code: FaultCode::NotAnObject, at }),
    }
}
