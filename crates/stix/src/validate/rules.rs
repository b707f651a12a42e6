//! What no table can say: rules of single types, each a function.

use super::domain::{STATEMENT, TLP_1};
use super::finding::*;
use super::forms::{is_language, is_property, is_word};
use super::relations::suggested;
use super::walk::{Walk, known, short};
use crate::marking::TLP_EXTENSION;
use crate::read::{Id, Shape, Tlp, Value};

/// An external reference (§2.5): CVE and CAPEC numbers in their form (§4.19, §4.1), and a hash with what is linked to.
pub(super) fn external_reference<'a>(walk: &mut Walk<'a, '_>, reference: Value<'a>) {
    if let (Some(url), None) = (reference.member("url"), reference.member("hashes")) {
        walk.within("url", |walk| walk.find(&URL_HASH, url, "the reference has no hashes".to_owned()));
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let source = reference.member("source_name").and_then(Value::text).unwrap_or_default();
    let well_formed = |id: &str| match &*source {
        "cve" => {
            id.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
                year.len() == 4 && digits(year) && number.len() >= 4 && digits(number)
            })
        }
        "capec" => id.strip_prefix("CAPEC-").is_some_and(digits),
        _ => true,
    };
    if !["cve", "capec"].contains(&&*source) {
        return;
    }
    match reference.member("external_id").map(|id| (id, id.text().unwrap_or_default())) {
        None => walk.find(&EXTERNAL_ID, reference, format!("a reference to {source} has no `external_id`")),
        Some((id, text)) if !well_formed(&text) => {
            walk.within("external_id", |walk| {
                walk.find(&EXTERNAL_ID, id, format!("`{}` is no identifier of {source}", short(&text)));
            });
        }
        Some(_) => {}
    }
}

/// The words of a kill chain phase (§2.11).
pub(super) fn kill_chain_phase<'a>(walk: &mut Walk<'a, '_>, phase: Value<'a>) {
    for name in ["kill_chain_name", "phase_name"] {
        let Some(value) = phase.member(name) else { continue };
        if let Some(word) = value.text().filter(|word| !is_word(word)) {
            walk.within(name, |walk| {
                walk.find(&WORD_FORM, value, format!("`{}` is not in lower case with hyphens", short(&word)));
            });
        }
    }
}

/// A relationship that the standard suggests (§3.7, §5.1).
pub(super) fn relationship<'a>(walk: &mut Walk<'a, '_>, object: Value<'a>) {
    let kind = |name: &str| {
        let id = object.member(name).and_then(Value::text);
        id.as_deref().and_then(Id::read).map(|id| id.kind().to_owned())
    };
    let says = object.member("relationship_type").and_then(Value::text);
    let (Some(source), Some(says), Some(target)) = (kind("source_ref"), says, kind("target_ref")) else {
        return;
    };
    // Of types that it does not know the standard suggests nothing.
    if known(&source).is_some() && known(&target).is_some() && !suggested(&source, &says, &target) {
        let detail = format!("`{source} {} {target}` is none that the standard suggests", short(&says));
        walk.within("relationship_type", |walk| walk.find(&RELATION, object, detail));
    }
}

/// The pattern of an indicator, where it is one of STIX (§4.7, §9).
pub(super) fn indicator<'a>(walk: &mut Walk<'a, '_>, object: Value<'a>) {
    let stix = object.member("pattern_type").is_some_and(|kind| kind.is_text("stix"));
    let Some((value, pattern)) = object.member("pattern").and_then(|value| Some((value, value.text()?)))
    else {
        return;
    };
    if stix {
        walk.within("pattern", |walk| {
            for (rule, detail) in super::pattern::found(&pattern) {
                walk.find(rule, value, detail);
            }
        });
    }
}

/// A family of malware has a name (§4.11).
pub(super) fn malware<'a>(walk: &mut Walk<'a, '_>, object: Value<'a>) {
    let family = object.member("is_family").and_then(Value::boolean) == Some(true);
    if family && object.member("name").is_none() {
        walk.within("name", |walk| walk.find(&MISSING, object, "a family has no `name`".to_owned()));
    }
}

/// The body of an e-mail, in one part or in several (§6.6).
pub(super) fn email_message<'a>(walk: &mut Walk<'a, '_>, object: Value<'a>) {
    let (other, said) = match object.member("is_multipart").and_then(Value::boolean) {
        Some(true) => ("body", "true"),
        Some(false) => ("body_multipart", "false"),
        None => return,
    };
    if let Some(value) = object.member(other) {
        let detail = format!("`{other}` stands with `is_multipart` {said}");
        walk.within(other, |walk| walk.find(&EXCLUDES, value, detail));
    }
}

/// What is still going on has no end (§6.12).
pub(super) fn network_traffic<'a>(walk: &mut Walk<'a, '_>, object: Value<'a>) {
    let active = object.member("is_active").and_then(Value::boolean) == Some(true);
    if let Some(end) = object.member("end").filter(|_| active) {
        walk.within("end", |walk| walk.find(&EXCLUDES, end, "`end` stands with `is_active` true".to_owned()));
    }
}

/// Translations: a language, then properties of the object (§7.1).
pub(super) fn language_content<'a>(walk: &mut Walk<'a, '_>, object: Value<'a>) {
    if let Some(lang) = object.member("lang") {
        walk.within("lang", |walk| {
            walk.find(&NOT_APPLICABLE, lang, "`lang` is not for objects of this type".to_owned());
        });
    }
    let Some(contents) = object.member("contents") else { return };
    walk.within("contents", |walk| {
        walk.dictionary(contents, |walk, translated| {
            walk.dictionary(translated, |walk, value| {
                if value.shape() == Shape::Null {
                    walk.wrong_kind(value, "a translation");
                }
            });
            for (key, _) in translated.members() {
                let name = key.text().unwrap_or_default();
                if !is_property(&name) && name != "id" {
                    walk.find(&PROPERTY_NAME, key, format!("`{}` is no name of a property", short(&name)));
                }
            }
        });
        for (key, _) in contents.members() {
            let tag = key.text().unwrap_or_default();
            if !is_language(&tag) {
                walk.find(&LANGUAGE, key, format!("`{}` is no language tag", short(&tag)));
            }
        }
    });
}

/// A marking definition: the fixed ones of TLP as they are published, none that marks itself (§7.2.1).
pub(super) fn marking_definition<'a>(walk: &mut Walk<'a, '_>, object: Value<'a>) {
    let own = object.member("id").and_then(Value::text).unwrap_or_default();
    let id = Id::read(&own);
    if let Some(definition) = object.member("definition") {
        let of = |kind: &str| object.member("definition_type").is_some_and(|found| found.is_text(kind));
        walk.within("definition", |walk| match () {
            () if of("statement") => walk.map(definition, &STATEMENT),
            () if of("tlp") => walk.map(definition, &TLP_1),
            () => walk.value(definition, &super::table::Kind::Anything),
        });
        if of("tlp") {
            fixed(walk, object, id.as_ref(), definition.member("tlp"), 1);
        }
    }
    let label = object.member("extensions").and_then(|all| all.member(TLP_EXTENSION));
    if let Some(label) = label {
        fixed(walk, object, id.as_ref(), label.member("tlp_2_0"), 2);
    }
    let parts = object.member("granular_markings").map(Value::items).into_iter().flatten();
    let parts = parts.filter_map(|part| part.member("marking_ref"));
    let whole = object.member("object_marking_refs").map(Value::items).into_iter().flatten();
    for marking in whole.chain(parts) {
        let of = marking.text();
        if of.as_deref().and_then(Id::read).is_some_and(|of| id.as_ref() == Some(&of)) {
            walk.find(&MARKS_ITSELF, marking, "the definition is marked with itself".to_owned());
        }
    }
}

/// A label of TLP belongs to one id, and the id to the label.
fn fixed<'a>(
    walk: &mut Walk<'a, '_>,
    object: Value<'a>,
    id: Option<&Id<'_>>,
    label: Option<Value<'a>>,
    version: u8,
) {
    let Some(label) = label.and_then(Value::text) else { return };
    let wanted = Tlp::id(&label, version);
    if wanted.is_none() || id.map(Id::uuid) == wanted {
        return;
    }
    let wanted = wanted.map(|uuid| uuid.to_string()).unwrap_or_default();
    let detail = format!("TLP:{} is marking-definition--{wanted} and no other", label.to_uppercase());
    walk.within("id", |walk| walk.find(&FIXED_MARKING, object, detail));
}

/// An extension that brings properties to the top names them; no other does (§7.3).
pub(super) fn extension_definition<'a>(walk: &mut Walk<'a, '_>, object: Value<'a>) {
    let Some(types) = object.member("extension_types") else { return };
    let top = types.items().any(|item| item.is_text("toplevel-property-extension"));
    match object.member("extension_properties") {
        Some(value) if !top => {
            let detail = "`extension_properties` stands without toplevel-property-extension".to_owned();
            walk.within("extension_properties", |walk| walk.find(&EXCLUDES, value, detail));
        }
        None if top => walk.find(&ADVISED, object, "`extension_properties` is not given".to_owned()),
        _ => {}
    }
}
