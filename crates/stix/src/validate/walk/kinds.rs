//! Each kind of value, held against what the table says of it.

use std::borrow::Cow;

use super::super::domain::{self, EXTENSION, TLP_2};
use super::super::finding::*;
use super::super::forms::{COUNTRY as COUNTRY_CODE, MEDIA, is_hash, is_key, is_language, is_word};
use super::super::observable;
use super::super::table::{Class, Embedded, Form, Kind, Target, is_among};
use super::super::vocabulary::HASH_ALGORITHM;
use super::{Step, Unknown, Walk, known, short};
use crate::marking::TLP_EXTENSION;
use crate::read::{Id, Instant, Selector, Shape, Value};

impl<'a> Walk<'a, '_> {
    /// Holds a value against its kind.
    pub(in crate::validate) fn value(&mut self, value: Value<'a>, kind: &'static Kind) {
        match kind {
            Kind::Elsewhere => {}
            Kind::Text => drop(self.text(value)),
            Kind::Boolean => self.shape(value, Shape::Boolean),
            Kind::Whole(least, most) => self.whole(value, *least, *most),
            Kind::Number(least, most) => self.number(value, *least, *most),
            Kind::Time(digits) => self.time(value, *digits),
            Kind::TimeToTheSecond => {
                self.time(value, 0);
                if value.raw().contains('.') {
                    self.find(&MALFORMED, value, "it is to the second and has a fraction".to_owned());
                }
            }
            Kind::Id(target) => self.reference(value, *target),
            Kind::Enumeration(words) => self.word(value, words, &ENUMERATION),
            Kind::Vocabulary(words) => self.word(value, words, &VOCABULARY),
            Kind::Language => {
                if let Some(text) = self.text(value).filter(|text| !is_language(text)) {
                    self.find(&LANGUAGE, value, format!("`{}` is no language tag", short(&text)));
                }
            }
            Kind::Hashes => self.hashes(value),
            Kind::Form(form) => self.form(value, form),
            Kind::List(of) => self.list(value, |walk, item| walk.value(item, of)),
            Kind::Map(embedded) => self.embedded(value, embedded, Unknown::Custom),
            Kind::Dictionary(of) => self.dictionary(value, |walk, item| walk.value(item, of)),
            Kind::ListOr(list, other) => {
                self.value(value, if value.shape() == Shape::List { list } else { other });
            }
            Kind::TextOrWhole if value.shape() == Shape::Text => {}
            Kind::TextOrWhole => self.whole(value, i64::MIN, i64::MAX),
            Kind::Anything => self.anything(value, false),
            Kind::AnythingOrNull => self.anything(value, true),
            Kind::GranularMarkings => self.list(value, Self::granular),
            Kind::Extensions => self.extensions(value),
            Kind::Observables => self.observables(value),
        }
    }

    pub(in crate::validate) fn text(&mut self, value: Value<'a>) -> Option<Cow<'a, str>> {
        let text = value.text();
        if text.is_none() {
            self.wrong_kind(value, "a string");
        }
        text
    }

    fn shape(&mut self, value: Value<'a>, wanted: Shape) {
        if value.shape() != wanted {
            self.wrong_kind(value, wanted.said());
        }
    }

    fn whole(&mut self, value: Value<'a>, least: i64, most: i64) {
        match value.whole() {
            None => self.wrong_kind(value, "a whole number"),
            Some(number) if number < least || number > most => {
                let to = if most == i64::MAX { String::new() } else { format!(" and at most {most}") };
                self.find(&OUT_OF_RANGE, value, format!("{number} is not at least {least}{to}"));
            }
            Some(_) => {}
        }
    }

    fn number(&mut self, value: Value<'a>, least: f64, most: f64) {
        match value.number() {
            None => self.wrong_kind(value, "a number"),
            Some(number) if number < least || number > most => {
                let range =
                    if most == f64::MAX { format!("at least {least}") } else { format!("{least} to {most}") };
                self.find(&OUT_OF_RANGE, value, format!("{number} is not within {range}"));
            }
            Some(_) => {}
        }
    }

    fn time(&mut self, value: Value<'a>, digits: usize) {
        let Some(text) = self.text(value) else { return };
        match Instant::of(text) {
            None => {
                let detail = format!("`{}` is no timestamp of STIX", short(value.raw()));
                self.find(&TIMESTAMP, value, detail);
            }
            Some(instant) if instant.digits().len() < digits => {
                self.find(
                    &TIMESTAMP_DIGITS,
                    value,
                    format!("`{}` is not to the millisecond", instant.text()),
                );
            }
            Some(_) => {}
        }
    }

    fn word(&mut self, value: Value<'a>, words: &'static str, rule: &'static Rule) {
        let Some(text) = self.text(value) else { return };
        if is_among(words, &text) {
            return;
        }
        let among = if words.len() > 120 { String::new() } else { format!(": {}", words.replace(' ', ", ")) };
        let of = if rule == &ENUMERATION { "enumeration" } else { "vocabulary" };
        self.find(rule, value, format!("`{}` is no word of the {of}{among}", short(&text)));
        if rule == &VOCABULARY && !is_word(&text) {
            self.find(&WORD_FORM, value, format!("`{}` is not in lower case with hyphens", short(&text)));
        }
    }

    pub(in crate::validate) fn form(&mut self, value: Value<'a>, form: &'static Form) {
        let Some(text) = self.text(value) else { return };
        if (form.of_the_matter && self.defanged) || (form.holds)(&text) {
            return;
        }
        let rule = match form.wanted {
            _ if form.demanded => &MALFORMED,
            wanted if wanted == COUNTRY_CODE.wanted => &COUNTRY,
            wanted if wanted == MEDIA.wanted => &MEDIA_TYPE,
            _ => &WORD_FORM,
        };
        self.find(rule, value, format!("`{}` is not {}", short(&text), form.wanted));
    }

    fn hashes(&mut self, value: Value<'a>) {
        self.dictionary(value, |walk, hash| {
            let Some(Step::Key(key)) = walk.path.last().copied() else { return };
            let (Some(algorithm), Some(text)) = (key.text(), walk.text(hash)) else { return };
            match is_hash(&algorithm, &text) {
                Some(true) => {}
                Some(false) => {
                    walk.find(&HASH, hash, format!("`{}` is no {algorithm}", short(&text)));
                }
                None => {
                    let detail =
                        format!("`{}` is none of {}", short(&algorithm), HASH_ALGORITHM.replace(' ', ", "));
                    walk.find(&HASH_NAME, hash, detail);
                }
            }
        });
    }

    fn list(&mut self, value: Value<'a>, each: impl Fn(&mut Self, Value<'a>)) {
        if value.shape() != Shape::List {
            return self.wrong_kind(value, "a list");
        }
        let mut empty = true;
        for (n, item) in value.items().enumerate() {
            empty = false;
            self.path.push(Step::Item(n));
            each(self, item);
            self.path.pop();
        }
        if empty {
            self.find(&EMPTY_LIST, value, "the list is empty".to_owned());
        }
    }

    pub(in crate::validate) fn dictionary(&mut self, value: Value<'a>, each: impl Fn(&mut Self, Value<'a>)) {
        if value.shape() != Shape::Map {
            return self.wrong_kind(value, "an object");
        }
        let mut empty = true;
        for (key, item) in value.members() {
            empty = false;
            self.path.push(Step::Key(key));
            let name = key.text().unwrap_or_default();
            if !is_key(&name) {
                self.find(&DICTIONARY_KEY, key, format!("`{}` is no key of a dictionary", short(&name)));
            }
            each(self, item);
            self.path.pop();
        }
        if empty {
            self.find(&EMPTY_DICTIONARY, value, "the dictionary is empty".to_owned());
        }
    }

    pub(in crate::validate) fn map(&mut self, value: Value<'a>, embedded: &'static Embedded) {
        self.embedded(value, embedded, Unknown::Custom);
    }

    pub(super) fn embedded(&mut self, value: Value<'a>, embedded: &'static Embedded, unknown: Unknown) {
        if value.shape() != Shape::Map {
            return self.wrong_kind(value, "an object");
        }
        let section = std::mem::replace(&mut self.section, embedded.section);
        self.properties(value, embedded.properties, &[], unknown);
        self.needs(value, embedded.needs, embedded.properties);
        if let Some(more) = embedded.more {
            more(self, value);
        }
        self.section = section;
    }

    /// A value of which only is known that STIX has neither null nor what is empty. The scanner has bounded the depth.
    pub(super) fn anything(&mut self, value: Value<'a>, null: bool) {
        match value.shape() {
            Shape::Null if !null => self.find(&NULL, value, "the value is null".to_owned()),
            Shape::List => self.list(value, |walk, item| walk.anything(item, null)),
            Shape::Map => {
                let mut empty = true;
                for (key, item) in value.members() {
                    empty = false;
                    self.path.push(Step::Key(key));
                    self.anything(item, null);
                    self.path.pop();
                }
                if empty {
                    self.find(&EMPTY_DICTIONARY, value, "the object is empty".to_owned());
                }
            }
            _ => {}
        }
    }

    fn reference(&mut self, value: Value<'a>, target: Target) {
        let Some(text) = self.text(value) else { return };
        if let Some(objects) = self.local {
            let kind = objects.member(&text).and_then(|object| object.member("type")).and_then(Value::text);
            return match kind {
                None => {
                    self.find(&MALFORMED_ID, value, format!("`objects` has no `{}`", short(&text)));
                }
                Some(kind) => self.target(value, &kind, target),
            };
        }
        match Id::of(text.clone()) {
            None => self.find(&MALFORMED_ID, value, format!("`{}` is no id", short(&text))),
            Some(id) => self.target(value, id.kind(), target),
        }
        self.lower_case(value, &text);
    }

    fn target(&mut self, value: Value<'a>, kind: &str, target: Target) {
        let class = known(kind).map(|known| known.class);
        let of = |classes: &[Class]| kind != "bundle" && class.is_none_or(|class| classes.contains(&class));
        let (good, wanted) = match target {
            Target::Only(kinds) => (is_among(kinds, kind), kinds),
            Target::Observable => (of(&[Class::Observable]), "cyber observables"),
            Target::Observed => {
                (of(&[Class::Observable, Class::Relation]), "cyber observables and relationships")
            }
            Target::Domain => (of(&[Class::Domain]), "domain objects"),
            Target::DomainOrObservable => {
                (of(&[Class::Domain, Class::Observable]), "domain objects and cyber observables")
            }
            Target::AllBut(kinds) => (kind != "bundle" && !is_among(kinds, kind), "objects"),
        };
        if !good {
            let wanted = wanted.replace(' ', if matches!(target, Target::Only(_)) { ", " } else { " " });
            self.find(
                &OTHER_TARGET,
                value,
                format!("it refers to `{}`; what may stand here: {wanted}", short(kind)),
            );
        }
    }

    fn granular(&mut self, part: Value<'a>) {
        self.embedded(part, &domain::GRANULAR, Unknown::Custom);
        match (part.member("marking_ref"), part.member("lang")) {
            (None, None) => {
                self.find(&MARKS_NOTHING, part, "neither a marking nor a language is given".to_owned());
            }
            (Some(_), Some(_)) => {
                self.find(&MARKS_NOTHING, part, "a marking and a language are given at once".to_owned());
            }
            _ => {}
        }
        let Some(selectors) = part.member("selectors") else { return };
        self.path.push(Step::Name("selectors"));
        self.list(selectors, |walk, value| {
            let Some(text) = walk.text(value) else { return };
            match Selector::read(text.clone()) {
                None => walk.find(&SELECTOR, value, format!("`{}` is no selector", short(&text))),
                Some(selector) if selector.find(walk.root).is_none() => {
                    walk.find(&SELECTS_NOTHING, value, format!("the object has no `{}`", short(&text)));
                }
                Some(_) => {}
            }
        });
        self.path.pop();
    }

    fn extensions(&mut self, value: Value<'a>) {
        if value.shape() != Shape::Map {
            return self.wrong_kind(value, "an object");
        }
        let kind = self.kind_here();
        let mut empty = true;
        for (key, extension) in value.members() {
            empty = false;
            let name = key.text().unwrap_or_default();
            let predefined = observable::EXTENSIONS.iter().find(|(of, key, _)| *of == kind && *key == name);
            self.path.push(Step::Key(key));
            match predefined {
                Some((_, _, embedded)) => self.embedded(extension, embedded, Unknown::Custom),
                None if name == TLP_EXTENSION && self.class == Class::Marking => {
                    self.embedded(extension, &TLP_2, Unknown::Custom);
                }
                None if name.starts_with("extension-definition--") => {
                    if Id::of(name.clone()).is_none() {
                        self.find(&MALFORMED_ID, key, format!("`{}` is no id", short(&name)));
                    }
                    self.embedded(extension, &EXTENSION, Unknown::Free);
                }
                None => {
                    self.find(
                        &EXTENSION_KEY,
                        key,
                        format!("`{}` is no extension that is defined", short(&name)),
                    );
                    self.anything(extension, false);
                }
            }
            self.path.pop();
        }
        if empty {
            self.find(&EMPTY_DICTIONARY, value, "the dictionary is empty".to_owned());
        }
    }

    /// The type of the object or of the observable inside observed data.
    fn kind_here(&self) -> Cow<'a, str> {
        self.root.member("type").and_then(Value::text).unwrap_or_default()
    }

    /// Observables that stand inside observed data; the references among them are keys.
    fn observables(&mut self, value: Value<'a>) {
        self.find(&DEPRECATED, value, "`objects` is deprecated".to_owned());
        let (root, class, section, defanged) = (self.root, self.class, self.section, self.defanged);
        self.dictionary(value, |walk, object| {
            if object.shape() != Shape::Map {
                return walk.wrong_kind(object, "an object");
            }
            walk.root = object;
            walk.local = Some(value);
            walk.defanged = object.member("defanged").and_then(Value::boolean).unwrap_or(false);
            let name = object.member("type").and_then(Value::text).unwrap_or_default();
            let of = known(&name).filter(|known| known.class == Class::Observable);
            walk.of_type(of.unwrap_or(&domain::CUSTOM_OBSERVABLE));
            (walk.root, walk.local, walk.defanged) = (root, None, defanged);
            (walk.class, walk.section) = (class, section);
        });
    }
}
