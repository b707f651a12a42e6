//! Markings: which hold for an object, which for a part of it, and what the fixed ones say.

use std::borrow::Cow;

use uuid::{Uuid, uuid};

use super::header::{Unread, id_of, one, required};
use super::ident::Id;
use super::tape::Value;

/// A label of the Traffic Light Protocol, from the widest to the strictest. TLP 1 and TLP 2.0 are read; `white` is
/// [`Tlp::Clear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tlp {
    /// Everybody.
    Clear,
    /// The community.
    Green,
    /// The organisation and its clients, as far as they need to know.
    Amber,
    /// The organisation alone.
    AmberStrict,
    /// Whom it was told to.
    Red,
}

/// The fixed marking definitions: STIX 2.1 §7.2.1.4, and the TLP 2.0 extension of the OASIS CTI TC.
const TLP_IDS: [(Uuid, Tlp); 9] = [
    (uuid!("613f2e26-407d-48c7-9eca-b8e91df99dc9"), Tlp::Clear),
    (uuid!("34098fce-860f-48ae-8e50-ebd3cc5e41da"), Tlp::Green),
    (uuid!("f88d31f6-486f-44da-b317-01333bde0b82"), Tlp::Amber),
    (uuid!("5e57c739-391a-4eb3-b6be-7d15ca92d5ed"), Tlp::Red),
    (uuid!("94868c89-83c2-464b-929b-a1a8aa3c8487"), Tlp::Clear),
    (uuid!("bab4a63c-aed9-4cf5-a766-dfca5abac2bb"), Tlp::Green),
    (uuid!("55d920b0-5e8b-4f79-9ee9-91f868d9b421"), Tlp::Amber),
    (uuid!("939a9414-2ddd-4d32-a0cd-375ea402b003"), Tlp::AmberStrict),
    (uuid!("e828b379-4e03-4974-9ac4-e53a884c97c1"), Tlp::Red),
];

impl Tlp {
    /// The UUID of the fixed marking definition of a label, in TLP 1 or TLP 2.0.
    pub(crate) fn id(label: &str, version: u8) -> Option<Uuid> {
        let labels: &[&str] = match version {
            1 => &["white", "green", "amber", "red"],
            _ => &["clear", "green", "amber", "amber+strict", "red"],
        };
        let at = labels.iter().position(|each| *each == label)? + if version == 1 { 0 } else { 4 };
        TLP_IDS.get(at).map(|(uuid, _)| *uuid)
    }

    /// The label that this id stands for everywhere; `None` for the id of any other marking.
    pub fn of(id: &Id<'_>) -> Option<Self> {
        let fixed = TLP_IDS.iter().find(|(uuid, _)| *uuid == id.uuid());
        fixed.filter(|_| id.kind() == "marking-definition").map(|(_, label)| *label)
    }
}

/// A marking as far as its id says what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marking<'a> {
    /// A label of the Traffic Light Protocol.
    Tlp(Tlp),
    /// One whose definition must be looked at; where that is not at hand, it stays closed.
    Other(Id<'a>),
}

/// The markings of an object (STIX 2.1 §7.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Markings<'a> {
    /// Those that hold for the whole.
    pub whole: Vec<Id<'a>>,
    /// Those that hold for parts.
    pub granular: Vec<Granular<'a>>,
}

/// A marking of parts (STIX 2.1 §7.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granular<'a> {
    /// The marking; `None` where only the language of the parts is said.
    pub marking: Option<Id<'a>>,
    /// The parts.
    pub selectors: Vec<Selector<'a>>,
}

/// The name of a part: properties, and `[n]` for an item of a list, with points between (STIX 2.1 §7.2.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector<'a>(Cow<'a, str>);

impl<'a> Selector<'a> {
    /// Reads a selector; `None` if it has an empty step.
    pub fn read(text: Cow<'a, str>) -> Option<Self> {
        let good = |step: &str| match step.strip_prefix('[') {
            Some(index) => index.strip_suffix(']').is_some_and(|n| n.parse::<u32>().is_ok()),
            None => {
                let of_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
                (1..=250).contains(&step.len()) && step.bytes().all(of_name)
            }
        };
        (!text.starts_with('[') && text.split('.').all(good)).then_some(Self(text))
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The part of the object that it names.
    pub fn find<'v>(&self, root: Value<'v>) -> Option<Value<'v>> {
        self.0.split('.').try_fold(root, |value, step| match step.strip_prefix('[') {
            Some(index) => value.items().nth(index.strip_suffix(']')?.parse().ok()?),
            None => value.member(step),
        })
    }

    /// Whether `path`, written as a selector is, is that part or inside it.
    pub fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.0.as_ref()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl<'a> Markings<'a> {
    pub(crate) fn of(root: Value<'a>) -> Result<Self, Unread> {
        let whole = root.member("object_marking_refs").map(Value::items).into_iter().flatten();
        let whole = whole.map(|item| one("object_marking_refs", item, id_of)).collect::<Result<_, _>>()?;
        let parts = root.member("granular_markings").map(Value::items).into_iter().flatten();
        let granular = parts.map(granular).collect::<Result<_, _>>()?;
        Ok(Self { whole, granular })
    }

    /// What holds for one property, written as a selector is: the markings of the whole, and those of the parts that it
    /// is or lies in. All of them hold, the strictest decides.
    pub fn at<'m>(&'m self, path: &'m str) -> impl Iterator<Item = Marking<'a>> + 'm {
        let covering = self.granular.iter().filter(move |part| part.selectors.iter().any(|s| s.covers(path)));
        self.whole.iter().chain(covering.filter_map(|part| part.marking.as_ref())).map(known)
    }

    /// What holds for anything in the object; who may see all of it must satisfy every one.
    pub fn all(&self) -> impl Iterator<Item = Marking<'a>> + '_ {
        self.whole.iter().chain(self.granular.iter().filter_map(|part| part.marking.as_ref())).map(known)
    }
}

fn known<'a>(id: &Id<'a>) -> Marking<'a> {
    Tlp::of(id).map_or_else(|| Marking::Other(id.clone()), Marking::Tlp)
}

fn granular(part: Value<'_>) -> Result<Granular<'_>, Unread> {
    let at = "granular_markings";
    let marking = part.member("marking_ref").map(|value| one(at, value, id_of)).transpose()?;
    let lang = part.member("lang").map(|value| one(at, value, Value::text)).transpose()?;
    if marking.is_none() && lang.is_none() {
        return Err(Unread { property: at, at: Some(part.offset()) });
    }
    let list = required(at, part.member("selectors"), Some)?;
    let selector = |value: Value<'_>| one(at, value, |value| Selector::read(value.text()?).map(owned));
    let selectors = list.items().map(selector).collect::<Result<Vec<_>, _>>()?;
    if selectors.is_empty() {
        return Err(Unread { property: at, at: Some(list.offset()) });
    }
    Ok(Granular { marking, selectors })
}

fn owned(selector: Selector<'_>) -> Selector<'static> {
    Selector(Cow::Owned(selector.0.into_owned()))
}
