//! The domain objects (STIX 2.1 §4), the relationship objects (§5) and the meta objects (§7), each as a table.

use super::forms::{LINK, RELATION_NAME, SEMANTIC_VERSION};
use super::rules;
use super::table::Kind::*;
use super::table::Need::{Advised, Any, NotBoth, OneOf, With};
use super::table::Order::{After, NotBefore};
use super::table::Target::{AllBut, Domain, DomainOrObservable, Observable, Observed, Only};
use super::table::{Class, Embedded, Kind, Property, Type, may, must};
use super::vocabulary as words;

pub(super) const TEXTS: Kind = List(&Text);
pub(super) const WHEN: Kind = Time(0);
const PHASES: Kind = List(&Map(&KILL_CHAIN_PHASE));
const ANY_REFS: Kind = List(&Id(AllBut("")));
const COUNTED_MAX: i64 = 999_999_999;

const fn words(list: &'static Kind) -> Kind {
    List(list)
}

const fn sdo(name: &'static str, section: &'static str, properties: &'static [Property]) -> Type {
    Type::new(name, section, Class::Domain, properties)
}

/// What every domain and relationship object has (§3.2); `type`, `id` and `spec_version` are looked at by themselves.
pub(super) const OF_ALL: &[Property] = &[
    must("type", Elsewhere),
    must("id", Elsewhere),
    must("spec_version", Elsewhere),
    must("created", Time(3)),
    must("modified", Time(3)),
    may("created_by_ref", Id(Only("identity"))),
    may("revoked", Boolean),
    may("labels", TEXTS),
    may("confidence", Whole(0, 100)),
    may("lang", Kind::Language),
    may("external_references", REFERENCES),
    may("object_marking_refs", MARKINGS),
    may("granular_markings", Kind::GranularMarkings),
    may("extensions", Extensions),
];

/// What a marking definition has of these (§7.2.1).
pub(super) const OF_MARKING: &[Property] = &[
    must("type", Elsewhere),
    must("id", Elsewhere),
    must("spec_version", Elsewhere),
    must("created", Time(3)),
    may("created_by_ref", Id(Only("identity"))),
    may("external_references", REFERENCES),
    may("object_marking_refs", MARKINGS),
    may("granular_markings", Kind::GranularMarkings),
    may("extensions", Extensions),
];

/// What an extension definition has of these (§7.3.2).
pub(super) const OF_EXTENSION: &[Property] = &[
    must("type", Elsewhere),
    must("id", Elsewhere),
    must("spec_version", Elsewhere),
    must("created", Time(3)),
    must("modified", Time(3)),
    must("created_by_ref", Id(Only("identity"))),
    may("revoked", Boolean),
    may("labels", TEXTS),
    may("external_references", REFERENCES),
    may("object_marking_refs", MARKINGS),
    may("granular_markings", Kind::GranularMarkings),
];

/// What a cyber observable has (§3.2).
pub(super) const OF_OBSERVABLE: &[Property] = &[
    must("type", Elsewhere),
    must("id", Elsewhere),
    may("spec_version", Elsewhere),
    may("object_marking_refs", MARKINGS),
    may("granular_markings", Kind::GranularMarkings),
    may("defanged", Boolean),
    may("extensions", Extensions),
];

const MARKINGS: Kind = List(&Id(Only("marking-definition")));
const REFERENCES: Kind = List(&Map(&EXTERNAL_REFERENCE));

const EXTERNAL_REFERENCE: Embedded = Embedded::new(
    "2.5",
    &[
        must("source_name", Text),
        may("description", Text),
        may("url", Form(&LINK)),
        may("hashes", Hashes),
        may("external_id", Text),
    ],
)
.needing(&[OneOf(&["description", "url", "external_id"])])
.and(rules::external_reference);

const KILL_CHAIN_PHASE: Embedded =
    Embedded::new("2.11", &[must("kill_chain_name", Text), must("phase_name", Text)])
        .and(rules::kill_chain_phase);

const SEEN: &[(&str, super::table::Order, &str)] = &[("last_seen", NotBefore, "first_seen")];
const MOTIVATION: Kind = Vocabulary(words::ATTACK_MOTIVATION);

pub(super) const TYPES: &[Type] = &[
    Type::new(
        "relationship",
        "5.1",
        Class::Relation,
        &[
            must("relationship_type", Form(&RELATION_NAME)),
            may("description", Text),
            must("source_ref", Id(DomainOrObservable)),
            must("target_ref", Id(DomainOrObservable)),
            may("start_time", WHEN),
            may("stop_time", WHEN),
        ],
    )
    .ordered(&[("stop_time", After, "start_time")])
    .and(rules::relationship),
    Type::new(
        "sighting",
        "5.2",
        Class::Relation,
        &[
            may("description", Text),
            may("first_seen", WHEN),
            may("last_seen", WHEN),
            may("count", Whole(0, COUNTED_MAX)),
            must("sighting_of_ref", Id(Domain)),
            may("observed_data_refs", List(&Id(Only("observed-data")))),
            may("where_sighted_refs", List(&Id(Only("identity location")))),
            may("summary", Boolean),
        ],
    )
    .ordered(SEEN),
    sdo(
        "attack-pattern",
        "4.1",
        &[
            must("name", Text),
            may("description", Text),
            may("aliases", TEXTS),
            may("kill_chain_phases", PHASES),
        ],
    ),
    sdo(
        "campaign",
        "4.2",
        &[
            must("name", Text),
            may("description", Text),
            may("aliases", TEXTS),
            may("first_seen", WHEN),
            may("last_seen", WHEN),
            may("objective", Text),
        ],
    )
    .ordered(SEEN),
    sdo("course-of-action", "4.3", &[must("name", Text), may("description", Text)]),
    sdo(
        "grouping",
        "4.4",
        &[
            may("name", Text),
            may("description", Text),
            must("context", Vocabulary(words::GROUPING_CONTEXT)),
            must("object_refs", ANY_REFS),
        ],
    ),
    sdo(
        "identity",
        "4.5",
        &[
            must("name", Text),
            may("description", Text),
            may("roles", TEXTS),
            may("identity_class", Vocabulary(words::IDENTITY_CLASS)),
            may("sectors", words(&Vocabulary(words::INDUSTRY_SECTOR))),
            may("contact_information", Text),
        ],
    ),
    sdo("incident", "4.6", &[must("name", Text), may("description", Text)]),
    sdo(
        "indicator",
        "4.7",
        &[
            may("name", Text),
            may("description", Text),
            may("indicator_types", words(&Vocabulary(words::INDICATOR_TYPE))),
            must("pattern", Text),
            must("pattern_type", Vocabulary(words::PATTERN_TYPE)),
            may("pattern_version", Text),
            must("valid_from", WHEN),
            may("valid_until", WHEN),
            may("kill_chain_phases", PHASES),
        ],
    )
    .ordered(&[("valid_until", After, "valid_from")])
    .needing(&[Advised("name"), Advised("description")])
    .and(rules::indicator),
    sdo(
        "infrastructure",
        "4.8",
        &[
            must("name", Text),
            may("description", Text),
            may("infrastructure_types", words(&Vocabulary(words::INFRASTRUCTURE_TYPE))),
            may("aliases", TEXTS),
            may("kill_chain_phases", PHASES),
            may("first_seen", WHEN),
            may("last_seen", WHEN),
        ],
    )
    .ordered(SEEN),
    sdo(
        "intrusion-set",
        "4.9",
        &[
            must("name", Text),
            may("description", Text),
            may("aliases", TEXTS),
            may("first_seen", WHEN),
            may("last_seen", WHEN),
            may("goals", TEXTS),
            may("resource_level", Vocabulary(words::ATTACK_RESOURCE_LEVEL)),
            may("primary_motivation", MOTIVATION),
            may("secondary_motivations", words(&MOTIVATION)),
        ],
    )
    .ordered(SEEN),
    sdo(
        "location",
        "4.10",
        &[
            may("name", Text),
            may("description", Text),
            may("latitude", Number(-90.0, 90.0)),
            may("longitude", Number(-180.0, 180.0)),
            may("precision", Number(0.0, f64::MAX)),
            may("region", Vocabulary(words::REGION)),
            may("country", Form(&super::forms::COUNTRY)),
            may("administrative_area", Text),
            may("city", Text),
            may("street_address", Text),
            may("postal_code", Text),
        ],
    )
    .needing(&[
        OneOf(&["region", "country", "latitude"]),
        With("latitude", &["longitude"]),
        With("longitude", &["latitude"]),
        With("precision", &["latitude", "longitude"]),
    ]),
    sdo(
        "malware",
        "4.11",
        &[
            may("name", Text),
            may("description", Text),
            may("malware_types", words(&Vocabulary(words::MALWARE_TYPE))),
            must("is_family", Boolean),
            may("aliases", TEXTS),
            may("kill_chain_phases", PHASES),
            may("first_seen", WHEN),
            may("last_seen", WHEN),
            may("operating_system_refs", List(&Id(Only("software")))),
            may("architecture_execution_envs", words(&Vocabulary(words::PROCESSOR_ARCHITECTURE))),
            may("implementation_languages", words(&Vocabulary(words::IMPLEMENTATION_LANGUAGE))),
            may("capabilities", words(&Vocabulary(words::MALWARE_CAPABILITY))),
            may("sample_refs", List(&Id(Only("artifact file")))),
        ],
    )
    .ordered(SEEN)
    .and(rules::malware),
    sdo(
        "malware-analysis",
        "4.12",
        &[
            must("product", Form(&super::forms::PRODUCT)),
            may("version", Text),
            may("host_vm_ref", Id(Only("software"))),
            may("operating_system_ref", Id(Only("software"))),
            may("installed_software_refs", List(&Id(Only("software")))),
            may("configuration_version", Text),
            may("modules", TEXTS),
            may("analysis_engine_version", Text),
            may("analysis_definition_version", Text),
            may("submitted", WHEN),
            may("analysis_started", WHEN),
            may("analysis_ended", WHEN),
            may("result_name", Text),
            may("result", Vocabulary(words::MALWARE_RESULT)),
            may("analysis_sco_refs", List(&Id(Observable))),
            may("sample_ref", Id(Only("artifact file network-traffic"))),
        ],
    )
    .needing(&[OneOf(&["result", "analysis_sco_refs"])]),
    sdo(
        "note",
        "4.13",
        &[may("abstract", Text), must("content", Text), may("authors", TEXTS), must("object_refs", ANY_REFS)],
    ),
    sdo(
        "observed-data",
        "4.14",
        &[
            must("first_observed", WHEN),
            must("last_observed", WHEN),
            must("number_observed", Whole(1, COUNTED_MAX)),
            may("objects", Observables),
            may("object_refs", List(&Id(Observed))),
        ],
    )
    .ordered(&[("last_observed", NotBefore, "first_observed")])
    .needing(&[OneOf(&["object_refs", "objects"]), NotBoth("object_refs", "objects")]),
    sdo(
        "opinion",
        "4.15",
        &[
            may("explanation", Text),
            may("authors", TEXTS),
            must("opinion", Enumeration(words::OPINION)),
            must("object_refs", ANY_REFS),
        ],
    ),
    sdo(
        "report",
        "4.16",
        &[
            must("name", Text),
            may("description", Text),
            may("report_types", words(&Vocabulary(words::REPORT_TYPE))),
            must("published", WHEN),
            must("object_refs", ANY_REFS),
        ],
    ),
    sdo(
        "threat-actor",
        "4.17",
        &[
            must("name", Text),
            may("description", Text),
            may("threat_actor_types", words(&Vocabulary(words::THREAT_ACTOR_TYPE))),
            may("aliases", TEXTS),
            may("first_seen", WHEN),
            may("last_seen", WHEN),
            may("roles", words(&Vocabulary(words::THREAT_ACTOR_ROLE))),
            may("goals", TEXTS),
            may("sophistication", Vocabulary(words::THREAT_ACTOR_SOPHISTICATION)),
            may("resource_level", Vocabulary(words::ATTACK_RESOURCE_LEVEL)),
            may("primary_motivation", MOTIVATION),
            may("secondary_motivations", words(&MOTIVATION)),
            may("personal_motivations", words(&MOTIVATION)),
        ],
    )
    .ordered(SEEN),
    sdo(
        "tool",
        "4.18",
        &[
            must("name", Text),
            may("description", Text),
            may("tool_types", words(&Vocabulary(words::TOOL_TYPE))),
            may("aliases", TEXTS),
            may("kill_chain_phases", PHASES),
            may("tool_version", Text),
        ],
    ),
    sdo("vulnerability", "4.19", &[must("name", Text), may("description", Text)]),
    Type::new(
        "language-content",
        "7.1",
        Class::Language,
        &[
            must("object_ref", Id(AllBut("language-content"))),
            may("object_modified", WHEN),
            must("contents", Elsewhere),
        ],
    )
    .and(rules::language_content),
    Type::new(
        "marking-definition",
        "7.2.1",
        Class::Marking,
        &[may("name", Text), may("definition_type", Text), may("definition", Elsewhere)],
    )
    .needing(&[
        OneOf(&["definition", "extensions"]),
        With("definition", &["definition_type"]),
        With("definition_type", &["definition"]),
    ])
    .and(rules::marking_definition),
    Type::new(
        "extension-definition",
        "7.3",
        Class::Extension,
        &[
            must("name", Text),
            may("description", Text),
            must("schema", Text),
            must("version", Form(&SEMANTIC_VERSION)),
            must("extension_types", List(&Enumeration(words::EXTENSION_TYPE))),
            may("extension_properties", List(&Form(&super::forms::PROPERTY_NAME))),
        ],
    )
    .needing(&[Advised("description")])
    .and(rules::extension_definition),
];

/// The label of the TLP 2.0 extension of a marking definition.
pub(super) const TLP_2: Embedded = Embedded::new(
    "7.2.1.4",
    &[
        must("extension_type", Enumeration("property-extension")),
        must("tlp_2_0", Enumeration("clear green amber amber+strict red")),
    ],
);

/// An extension that an extension definition describes; its own properties are its matter.
pub(super) const EXTENSION: Embedded =
    Embedded::new("7.3", &[must("extension_type", Enumeration(words::EXTENSION_TYPE))]);

/// A statement marking (§7.2.1.3) and a TLP marking (§7.2.1.4).
pub(super) const STATEMENT: Embedded = Embedded::new("7.2.1.3", &[must("statement", Text)]);
pub(super) const TLP_1: Embedded =
    Embedded::new("7.2.1.4", &[must("tlp", Enumeration("white green amber red"))]);

/// What a granular marking has (§7.2.3.1).
pub(super) const GRANULAR: Embedded = Embedded::new(
    "7.2.3.1",
    &[
        may("lang", Kind::Language),
        may("marking_ref", Id(Only("marking-definition"))),
        must("selectors", Elsewhere),
    ],
);

/// Which properties a type of a class shares with the others of that class.
pub(super) fn shared(class: Class) -> &'static [Property] {
    match class {
        Class::Domain | Class::Relation | Class::Language => OF_ALL,
        Class::Observable => OF_OBSERVABLE,
        Class::Marking => OF_MARKING,
        Class::Extension => OF_EXTENSION,
    }
}

/// An object whose type the standard does not know.
pub(super) const CUSTOM_DOMAIN: Type = Type::new("", "11.2", Class::Domain, &[]);
pub(super) const CUSTOM_OBSERVABLE: Type = Type::new("", "11.2", Class::Observable, &[]).needing(&[Any]);
