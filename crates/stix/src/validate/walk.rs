//! The walk: goes over an object once, holding each value against the kind that the table gives its property.

mod kinds;

use std::fmt::Write;

use super::domain;
use super::finding::*;
use super::forms::is_property;
use super::observable;
use super::table::{Class, Need, Order, Property, Type};
use crate::id::check_type;
use crate::read::{Id, Instant, Shape, Value};

/// Where the walk is in one object.
pub(crate) struct Walk<'a, 'f> {
    pub(super) root: Value<'a>,
    findings: &'f mut Vec<Finding>,
    path: Vec<Step<'a>>,
    section: &'static str,
    class: Class,
    defanged: bool,
    /// Whether an extension brings properties of its own to the top.
    extended: bool,
    /// The deprecated `objects` of observed data, in which references are keys of this map.
    local: Option<Value<'a>>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(Value<'a>),
    Name(&'static str),
    Item(usize),
}

/// What holds for properties that a table does not know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Custom,
    Free,
}

/// The type of this name, if the standard has it.
pub(super) fn known(name: &str) -> Option<&'static Type> {
    domain::TYPES.iter().chain(observable::TYPES).find(|each| each.name == name)
}

impl<'a, 'f> Walk<'a, 'f> {
    pub(super) fn new(root: Value<'a>, findings: &'f mut Vec<Finding>) -> Self {
        Self {
            root,
            findings,
            path: Vec::new(),
            section: "3.2",
            class: Class::Domain,
            defanged: false,
            extended: false,
            local: None,
        }
    }

    /// Goes over the whole object.
    pub(super) fn object(&mut self) {
        let root = self.root;
        let Some(kind) = root.member("type") else {
            return self.missing(root, "type");
        };
        let Some(name) = kind.text() else {
            return self.within("type", |walk| walk.wrong_kind(kind, "a string"));
        };
        if name == "bundle" {
            return self.find(
                &NO_OBJECT_HERE,
                root,
                "a bundle stands among the objects of another".to_owned(),
            );
        }
        let (new_class, brings) = extension_types(root);
        self.extended = brings;
        self.defanged = root.member("defanged").and_then(Value::boolean).unwrap_or(false);
        match known(&name) {
            Some(known) => self.of_type(known),
            None => {
                self.custom_type(kind, &name, new_class.is_some());
                let like_observable = new_class.map_or_else(
                    || root.member("created").or(root.member("modified")).is_none(),
                    |class| class == Class::Observable,
                );
                let like = if like_observable { &domain::CUSTOM_OBSERVABLE } else { &domain::CUSTOM_DOMAIN };
                // Whatever it has is the matter of its type.
                self.extended = true;
                self.of_type(like);
            }
        }
        self.identity(&name);
    }

    fn custom_type(&mut self, kind: Value<'a>, name: &str, defined: bool) {
        let walk = |walk: &mut Self| {
            if check_type(name).is_err() {
                walk.find(&TYPE_NAME, kind, format!("`{}` is no name for a type", short(name)));
            } else if name == "action" {
                walk.find(&RESERVED, kind, "`action` is kept for later versions of the standard".to_owned());
            } else if !defined {
                walk.find(&CUSTOM_TYPE, kind, format!("`{name}` is no type of the standard"));
            }
        };
        self.within("type", walk);
    }

    fn of_type(&mut self, of: &'static Type) {
        self.section = of.section;
        self.class = of.class;
        let root = self.root;
        self.properties(root, of.properties, domain::shared(of.class), Unknown::Custom);
        self.needs(root, of.needs, of.properties);
        self.order(root, "modified", Order::NotBefore, "created");
        for (later, order, earlier) in of.orders {
            self.order(root, later, *order, earlier);
        }
        if let Some(more) = of.more {
            more(self, root);
        }
    }

    /// The id against the type, and `spec_version`.
    fn identity(&mut self, name: &str) {
        let root = self.root;
        let version = root.member("spec_version").filter(|version| !version.is_text("2.1"));
        if let Some(version) = version {
            let detail = format!("the object says that it is one of STIX {}", short(version.raw()));
            self.within("spec_version", |walk| walk.find(&SPEC_VERSION, version, detail));
        }
        let Some(value) = root.member("id") else { return };
        self.path.push(Step::Name("id"));
        match value.text().map(|text| (Id::of(text.clone()).is_some(), text)) {
            None => self.wrong_kind(value, "a string"),
            Some((false, text)) => self.find(&MALFORMED_ID, value, format!("`{}` is no id", short(&text))),
            Some((true, text)) => {
                if let Some(id) = Id::of(text.clone()) {
                    self.id(value, &id, name);
                }
                self.lower_case(value, &text);
            }
        }
        self.path.pop();
    }

    fn id(&mut self, value: Value<'a>, id: &Id<'_>, name: &str) {
        if id.kind() != name {
            let detail = format!("the id is one of `{}`, the object is of type `{}`", id.kind(), short(name));
            return self.find(&OTHER_TYPE, value, detail);
        }
        let version = id.uuid().get_version_num();
        if self.class != Class::Observable {
            if version != 4 {
                self.find(&UUID_SUGGESTED, value, format!("the UUID is of version {version}"));
            }
            return;
        }
        if known(name).is_none() {
            return;
        }
        match crate::read::observable_id(name, self.root) {
            None if version != 4 => {
                let detail = format!("nothing in it makes an id, and the UUID is of version {version}");
                self.find(&UUID_4, value, detail);
            }
            Some(made) if made != id.uuid() => {
                let detail = format!("its properties make the id {name}--{made}");
                self.find(&OBSERVABLE_ID, value, detail);
            }
            _ => {}
        }
    }

    fn lower_case(&mut self, value: Value<'a>, text: &str) {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            self.find(&UPPER_CASE_ID, value, format!("`{}` has upper-case digits", short(text)));
        }
    }

    /// Goes over the properties of a map: each against its kind, then what is missing.
    fn properties(
        &mut self,
        map: Value<'a>,
        own: &'static [Property],
        shared: &'static [Property],
        unknown: Unknown,
    ) {
        let mut seen = 0u128;
        for (key, value) in map.members() {
            let name = key.text().unwrap_or_default();
            self.path.push(Step::Key(key));
            match own.iter().chain(shared).enumerate().find(|(_, property)| property.name == name) {
                Some((n, property)) => {
                    seen |= 1 << n;
                    self.value(value, &property.kind);
                }
                None if unknown == Unknown::Free => self.defined_elsewhere(&name, value),
                None => self.custom(&name, value),
            }
            self.path.pop();
        }
        for (n, property) in own.iter().chain(shared).enumerate() {
            let excused = property.name == "id" && self.local.is_some();
            if property.required && seen & 1 << n == 0 && !excused {
                self.missing(map, property.name);
            }
        }
    }

    /// A property that an extension definition describes.
    fn defined_elsewhere(&mut self, name: &str, value: Value<'a>) {
        self.anything(value, false);
        if !is_property(name) {
            self.find(&PROPERTY_NAME, value, format!("`{}` is no name for a property", short(name)));
        }
    }

    /// A property that the standard does not know.
    fn custom(&mut self, name: &str, value: Value<'a>) {
        self.anything(value, false);
        if domain::OF_ALL.iter().any(|property| property.name == name) && self.path.len() == 1 {
            return self.find(&NOT_APPLICABLE, value, format!("`{name}` is not for objects of this type"));
        }
        if ["action", "severity", "username", "phone_numbers"].contains(&name) && self.path.len() == 1 {
            return self.find(
                &RESERVED,
                value,
                format!("`{name}` is kept for later versions of the standard"),
            );
        }
        if !is_property(name) {
            return self.find(&PROPERTY_NAME, value, format!("`{}` is no name for a property", short(name)));
        }
        if name.ends_with("_hex") {
            self.form(value, &super::forms::HEX);
        } else if name.ends_with("_bin") {
            self.form(value, &super::forms::BINARY);
        }
        if !self.extended {
            self.find(&CUSTOM_PROPERTY, value, format!("`{name}` is no property of the standard"));
        }
    }

    pub(super) fn needs(&mut self, map: Value<'a>, needs: &'static [Need], own: &'static [Property]) {
        let has = |name: &str| map.member(name).is_some();
        for need in needs {
            match need {
                Need::OneOf(names) if !names.iter().any(|name| has(name)) => {
                    self.find(&NEEDS_ONE, map, format!("it has none of {}", names.join(", ")));
                }
                Need::Any => {
                    let some = map.members().any(|(key, _)| {
                        key.is_text("extensions") || own.iter().any(|property| key.is_text(property.name))
                    });
                    if !some && !own.is_empty() {
                        let names = own.iter().map(|property| property.name).collect::<Vec<_>>().join(", ");
                        self.find(&NEEDS_ONE, map, format!("it has none of {names}"));
                    }
                }
                Need::With(name, others) if has(name) => {
                    for other in others.iter().filter(|other| !has(other)) {
                        self.find(&NEEDS_WITH, map, format!("`{name}` stands without `{other}`"));
                    }
                }
                Need::NotBoth(one, other) if has(one) && has(other) => {
                    self.find(&EXCLUDES, map, format!("`{one}` and `{other}` stand together"));
                }
                Need::Advised(name) if !has(name) => {
                    self.find(&ADVISED, map, format!("`{name}` is not given"));
                }
                _ => {}
            }
        }
    }

    fn order(&mut self, map: Value<'a>, later: &'static str, order: Order, earlier: &str) {
        let instant = |name: &str| map.member(name).and_then(Value::text).and_then(Instant::of);
        let (Some(first), Some(second)) = (instant(earlier), instant(later)) else { return };
        if second > first || (order == Order::NotBefore && second == first) {
            return;
        }
        let wanted = if order == Order::After { "after" } else { "at or after" };
        let detail = format!("{} is not {wanted} `{earlier}`, {}", second.text(), first.text());
        let at = map.member(later).unwrap_or(map);
        self.within(later, |walk| walk.find(&ORDER, at, detail));
    }

    pub(super) fn within(&mut self, name: &'static str, act: impl FnOnce(&mut Self)) {
        self.path.push(Step::Name(name));
        act(self);
        self.path.pop();
    }

    fn missing(&mut self, map: Value<'a>, name: &'static str) {
        self.within(name, |walk| walk.find(&MISSING, map, format!("`{name}` is missing")));
    }

    pub(super) fn wrong_kind(&mut self, value: Value<'a>, wanted: &str) {
        let rule = if value.shape() == Shape::Null { &NULL } else { &WRONG_KIND };
        self.find(rule, value, format!("it is {}, and {wanted} is wanted", value.shape().said()));
    }

    pub(super) fn find(&mut self, rule: &'static Rule, at: Value<'a>, detail: String) {
        // What the standard says of the type or the part says more than the general rule.
        let general = ["2", "3.2"].contains(&rule.section);
        let section = if general { self.section } else { rule.section };
        self.findings.push(Finding { rule, path: self.shown_path(), detail, section, at: at.offset() });
    }

    fn shown_path(&self) -> String {
        let mut path = String::from("$");
        for step in &self.path {
            // Writing into a String does not fail.
            let _ = match step {
                Step::Name(name) => write!(path, ".{name}"),
                Step::Item(n) => write!(path, "[{n}]"),
                Step::Key(key) => match key.text().unwrap_or_default() {
                    name if is_property(&name) || name == "id" => write!(path, ".{name}"),
                    name => write!(path, "['{}']", short(&name).replace('\'', "\\'")),
                },
            };
        }
        path
    }
}

/// What the extensions of an object say: the class of a new type, and whether properties stand at the top.
fn extension_types(root: Value<'_>) -> (Option<Class>, bool) {
    let Some(extensions) = root.member("extensions") else { return (None, false) };
    let mut found = (None, false);
    for (_, extension) in extensions.members() {
        let says = |word: &str| extension.member("extension_type").is_some_and(|says| says.is_text(word));
        let classes =
            [("new-sdo", Class::Domain), ("new-sco", Class::Observable), ("new-sro", Class::Relation)];
        found.0 = found.0.or(classes.iter().find(|(word, _)| says(word)).map(|(_, class)| *class));
        found.1 |= says("toplevel-property-extension");
    }
    found
}

/// At most 80 characters of something met, for a finding.
pub(super) fn short(text: &str) -> String {
    let mut cut: String = text.chars().take(80).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}
