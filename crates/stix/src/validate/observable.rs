//! The cyber observables (STIX 2.1 §6) and their predefined extensions, each as a table.

use super::domain::{TEXTS, WHEN};
use super::forms::{
    ADDRESS_4, ADDRESS_6, ADDRESS_MAC, CHARACTER_SET, CPE, DOMAIN, EMAIL, LINK, MEDIA, PRIORITY, REGISTRY_KEY,
};
use super::rules;
use super::table::Kind::*;
use super::table::Need::{Advised, Any, NotBoth, OneOf, With};
use super::table::Order::NotBefore;
use super::table::Target::{Observable, Only};
use super::table::{Class, Embedded, Kind, Property, Type, may, must};
use super::vocabulary as words;

const NATURAL: Kind = Whole(0, i64::MAX);
const INTEGER: Kind = Whole(i64::MIN, i64::MAX);
const PORT: Kind = Whole(0, 65_535);

const fn sco(name: &'static str, section: &'static str, properties: &'static [Property]) -> Type {
    Type::new(name, section, Class::Observable, properties)
}

pub(super) const TYPES: &[Type] = &[
    sco(
        "artifact",
        "6.1",
        &[
            may("mime_type", Form(&MEDIA)),
            may("payload_bin", Form(&super::forms::BINARY)),
            may("url", Form(&LINK)),
            may("hashes", Hashes),
            may("encryption_algorithm", Enumeration(words::ENCRYPTION_ALGORITHM)),
            may("decryption_key", Text),
        ],
    )
    .needing(&[
        OneOf(&["payload_bin", "url"]),
        NotBoth("payload_bin", "url"),
        With("url", &["hashes"]),
        With("decryption_key", &["encryption_algorithm"]),
    ]),
    sco("autonomous-system", "6.2", &[must("number", INTEGER), may("name", Text), may("rir", Text)]),
    sco(
        "directory",
        "6.3",
        &[
            must("path", Text),
            may("path_enc", Form(&CHARACTER_SET)),
            may("ctime", WHEN),
            may("mtime", WHEN),
            may("atime", WHEN),
            may("contains_refs", List(&Id(Only("file directory")))),
        ],
    ),
    sco(
        "domain-name",
        "6.4",
        &[
            must("value", Form(&DOMAIN)),
            may("resolves_to_refs", List(&Id(Only("ipv4-addr ipv6-addr domain-name")))),
        ],
    ),
    sco(
        "email-addr",
        "6.5",
        &[
            must("value", Form(&EMAIL)),
            may("display_name", Text),
            may("belongs_to_ref", Id(Only("user-account"))),
        ],
    ),
    sco(
        "email-message",
        "6.6",
        &[
            must("is_multipart", Boolean),
            may("date", WHEN),
            may("content_type", Text),
            may("from_ref", Id(Only("email-addr"))),
            may("sender_ref", Id(Only("email-addr"))),
            may("to_refs", List(&Id(Only("email-addr")))),
            may("cc_refs", List(&Id(Only("email-addr")))),
            may("bcc_refs", List(&Id(Only("email-addr")))),
            may("message_id", Text),
            may("subject", Text),
            may("received_lines", TEXTS),
            may("additional_header_fields", Dictionary(&ListOr(&TEXTS, &Text))),
            may("body", Text),
            may("body_multipart", List(&Map(&MIME_PART))),
            may("raw_email_ref", Id(Only("artifact"))),
        ],
    )
    .and(rules::email_message),
    sco(
        "file",
        "6.7",
        &[
            may("hashes", Hashes),
            may("size", NATURAL),
            may("name", Text),
            may("name_enc", Form(&CHARACTER_SET)),
            may("magic_number_hex", HEX),
            may("mime_type", Form(&MEDIA)),
            may("ctime", WHEN),
            may("mtime", WHEN),
            may("atime", WHEN),
            may("parent_directory_ref", Id(Only("directory"))),
            may("contains_refs", List(&Id(Observable))),
            may("content_ref", Id(Only("artifact"))),
        ],
    )
    .needing(&[OneOf(&["hashes", "name"])]),
    sco(
        "ipv4-addr",
        "6.8",
        &[
            must("value", Form(&ADDRESS_4)),
            may("resolves_to_refs", List(&Id(Only("mac-addr")))),
            may("belongs_to_refs", List(&Id(Only("autonomous-system")))),
        ],
    ),
    sco(
        "ipv6-addr",
        "6.9",
        &[
            must("value", Form(&ADDRESS_6)),
            may("resolves_to_refs", List(&Id(Only("mac-addr")))),
            may("belongs_to_refs", List(&Id(Only("autonomous-system")))),
        ],
    ),
    sco("mac-addr", "6.10", &[must("value", Form(&ADDRESS_MAC))]),
    sco("mutex", "6.11", &[must("name", Text)]),
    sco(
        "network-traffic",
        "6.12",
        &[
            may("start", WHEN),
            may("end", WHEN),
            may("is_active", Boolean),
            may("src_ref", Id(Only(ENDPOINT))),
            may("dst_ref", Id(Only(ENDPOINT))),
            may("src_port", PORT),
            may("dst_port", PORT),
            must("protocols", TEXTS),
            may("src_byte_count", NATURAL),
            may("dst_byte_count", NATURAL),
            may("src_packets", NATURAL),
            may("dst_packets", NATURAL),
            may("ipfix", Dictionary(&TextOrWhole)),
            may("src_payload_ref", Id(Only("artifact"))),
            may("dst_payload_ref", Id(Only("artifact"))),
            may("encapsulates_refs", List(&Id(Only("network-traffic")))),
            may("encapsulated_by_ref", Id(Only("network-traffic"))),
        ],
    )
    .ordered(&[("end", NotBefore, "start")])
    .needing(&[OneOf(&["src_ref", "dst_ref"]), Advised("src_port"), Advised("dst_port")])
    .and(rules::network_traffic),
    sco(
        "process",
        "6.13",
        &[
            may("is_hidden", Boolean),
            may("pid", INTEGER),
            may("created_time", WHEN),
            may("cwd", Text),
            may("command_line", Text),
            may("environment_variables", Dictionary(&Text)),
            may("opened_connection_refs", List(&Id(Only("network-traffic")))),
            may("creator_user_ref", Id(Only("user-account"))),
            may("image_ref", Id(Only("file"))),
            may("parent_ref", Id(Only("process"))),
            may("child_refs", List(&Id(Only("process")))),
        ],
    )
    .needing(&[Any]),
    sco(
        "software",
        "6.14",
        &[
            must("name", Text),
            may("cpe", Form(&CPE)),
            may("swid", Text),
            may("languages", List(&Language)),
            may("vendor", Text),
            may("version", Text),
        ],
    ),
    sco("url", "6.15", &[must("value", Form(&LINK))]),
    sco(
        "user-account",
        "6.16",
        &[
            may("user_id", Text),
            may("credential", Text),
            may("account_login", Text),
            may("account_type", Vocabulary(words::ACCOUNT_TYPE)),
            may("display_name", Text),
            may("is_service_account", Boolean),
            may("is_privileged", Boolean),
            may("can_escalate_privs", Boolean),
            may("is_disabled", Boolean),
            may("account_created", WHEN),
            may("account_expires", WHEN),
            may("credential_last_changed", WHEN),
            may("account_first_login", WHEN),
            may("account_last_login", WHEN),
        ],
    )
    .needing(&[Any]),
    sco(
        "windows-registry-key",
        "6.17",
        &[
            may("key", Form(&REGISTRY_KEY)),
            may("values", List(&Map(&REGISTRY_VALUE))),
            may("modified_time", WHEN),
            may("creator_user_ref", Id(Only("user-account"))),
            may("number_of_subkeys", INTEGER),
        ],
    )
    .needing(&[Any]),
    sco(
        "x509-certificate",
        "6.18",
        &[
            may("is_self_signed", Boolean),
            may("hashes", Hashes),
            may("version", Text),
            may("serial_number", Text),
            may("signature_algorithm", Text),
            may("issuer", Text),
            may("validity_not_before", WHEN),
            may("validity_not_after", WHEN),
            may("subject", Text),
            may("subject_public_key_algorithm", Text),
            may("subject_public_key_modulus", Text),
            may("subject_public_key_exponent", INTEGER),
            may("x509_v3_extensions", Map(&X509_V3)),
        ],
    )
    .needing(&[Any]),
];

const ENDPOINT: &str = "ipv4-addr ipv6-addr mac-addr domain-name";
const HEX: Kind = Form(&super::forms::HEX);

const MIME_PART: Embedded = Embedded::new(
    "6.6.2",
    &[
        may("body", Text),
        may("body_raw_ref", Id(Only("artifact file"))),
        may("content_type", Text),
        may("content_disposition", Text),
    ],
)
.needing(&[OneOf(&["body", "body_raw_ref"]), NotBoth("body", "body_raw_ref")]);

const REGISTRY_VALUE: Embedded = Embedded::new(
    "6.17.2",
    &[may("name", Text), may("data", Text), may("data_type", Enumeration(words::REGISTRY_TYPE))],
)
.needing(&[Any]);

const X509_V3: Embedded = Embedded::new(
    "6.18.2",
    &[
        may("basic_constraints", Text),
        may("name_constraints", Text),
        may("policy_constraints", Text),
        may("key_usage", Text),
        may("extended_key_usage", Text),
        may("subject_key_identifier", Text),
        may("authority_key_identifier", Text),
        may("subject_alternative_name", Text),
        may("issuer_alternative_name", Text),
        may("subject_directory_attributes", Text),
        may("crl_distribution_points", Text),
        may("inhibit_any_policy", Text),
        may("private_key_usage_period_not_before", WHEN),
        may("private_key_usage_period_not_after", WHEN),
        may("certificate_policies", Text),
        may("policy_mappings", Text),
    ],
)
.needing(&[Any]);

/// The predefined extensions: the type that they extend, their key, and what they have.
pub(super) const EXTENSIONS: &[(&str, &str, Embedded)] = &[
    (
        "file",
        "archive-ext",
        Embedded::new(
            "6.7.2",
            &[must("contains_refs", List(&Id(Only("file directory")))), may("comment", Text)],
        ),
    ),
    (
        "file",
        "ntfs-ext",
        Embedded::new("6.7.3", &[may("sid", Text), may("alternate_data_streams", List(&Map(&STREAM)))])
            .needing(&[Any]),
    ),
    (
        "file",
        "pdf-ext",
        Embedded::new(
            "6.7.4",
            &[
                may("version", Text),
                may("is_optimized", Boolean),
                may("document_info_dict", Dictionary(&Text)),
                may("pdfid0", Text),
                may("pdfid1", Text),
            ],
        )
        .needing(&[Any]),
    ),
    (
        "file",
        "raster-image-ext",
        Embedded::new(
            "6.7.5",
            &[
                may("image_height", INTEGER),
                may("image_width", INTEGER),
                may("bits_per_pixel", INTEGER),
                may("exif_tags", Dictionary(&TextOrWhole)),
            ],
        )
        .needing(&[Any]),
    ),
    ("file", "windows-pebinary-ext", PE_BINARY),
    (
        "network-traffic",
        "http-request-ext",
        Embedded::new(
            "6.12.2",
            &[
                must("request_method", Text),
                must("request_value", Text),
                may("request_version", Text),
                may("request_header", Dictionary(&TEXTS)),
                may("message_body_length", INTEGER),
                may("message_body_data_ref", Id(Only("artifact"))),
            ],
        ),
    ),
    (
        "network-traffic",
        "icmp-ext",
        Embedded::new("6.12.3", &[must("icmp_type_hex", HEX), must("icmp_code_hex", HEX)]),
    ),
    (
        "network-traffic",
        "socket-ext",
        Embedded::new(
            "6.12.4",
            &[
                must("address_family", Enumeration(words::SOCKET_FAMILY)),
                may("is_blocking", Boolean),
                may("is_listening", Boolean),
                may("options", Dictionary(&INTEGER)),
                may("socket_type", Enumeration(words::SOCKET_TYPE)),
                may("socket_descriptor", NATURAL),
                may("socket_handle", INTEGER),
            ],
        ),
    ),
    (
        "network-traffic",
        "tcp-ext",
        Embedded::new("6.12.5", &[may("src_flags_hex", HEX), may("dst_flags_hex", HEX)]).needing(&[Any]),
    ),
    (
        "process",
        "windows-process-ext",
        Embedded::new(
            "6.13.2",
            &[
                may("aslr_enabled", Boolean),
                may("dep_enabled", Boolean),
                may("priority", Form(&PRIORITY)),
                may("owner_sid", Text),
                may("window_title", Text),
                may("startup_info", Dictionary(&AnythingOrNull)),
                may("integrity_level", Enumeration(words::WINDOWS_INTEGRITY)),
            ],
        )
        .needing(&[Any]),
    ),
    (
        "process",
        "windows-service-ext",
        Embedded::new(
            "6.13.3",
            &[
                may("service_name", Text),
                may("descriptions", TEXTS),
                may("display_name", Text),
                may("group_name", Text),
                may("start_type", Enumeration(words::SERVICE_START)),
                may("service_dll_refs", List(&Id(Only("file")))),
                may("service_type", Enumeration(words::SERVICE_TYPE)),
                may("service_status", Enumeration(words::SERVICE_STATUS)),
            ],
        )
        .needing(&[Any]),
    ),
    (
        "user-account",
        "unix-account-ext",
        Embedded::new(
            "6.16.2",
            &[may("gid", INTEGER), may("groups", TEXTS), may("home_dir", Text), may("shell", Text)],
        )
        .needing(&[Any]),
    ),
];

const STREAM: Embedded =
    Embedded::new("6.7.3.2", &[must("name", Text), may("hashes", Hashes), may("size", NATURAL)]);

const PE_BINARY: Embedded = Embedded::new(
    "6.7.6",
    &[
        must("pe_type", Vocabulary(words::WINDOWS_PE_TYPE)),
        may("imphash", Text),
        may("machine_hex", HEX),
        may("number_of_sections", NATURAL),
        may("time_date_stamp", TimeToTheSecond),
        may("pointer_to_symbol_table_hex", HEX),
        may("number_of_symbols", NATURAL),
        may("size_of_optional_header", NATURAL),
        may("characteristics_hex", HEX),
        may("file_header_hashes", Hashes),
        may("optional_header", Map(&PE_OPTIONAL_HEADER)),
        may("sections", List(&Map(&PE_SECTION))),
    ],
);

const PE_SECTION: Embedded = Embedded::new(
    "6.7.6.3",
    &[
        must("name", Text),
        may("size", NATURAL),
        may("entropy", Number(f64::MIN, f64::MAX)),
        may("hashes", Hashes),
    ],
);

const PE_OPTIONAL_HEADER: Embedded = Embedded::new(
    "6.7.6.2",
    &[
        may("magic_hex", HEX),
        may("major_linker_version", INTEGER),
        may("minor_linker_version", INTEGER),
        may("size_of_code", NATURAL),
        may("size_of_initialized_data", NATURAL),
        may("size_of_uninitialized_data", NATURAL),
        may("address_of_entry_point", INTEGER),
        may("base_of_code", INTEGER),
        may("base_of_data", INTEGER),
        may("image_base", INTEGER),
        may("section_alignment", INTEGER),
        may("file_alignment", INTEGER),
        may("major_os_version", INTEGER),
        may("minor_os_version", INTEGER),
        may("major_image_version", INTEGER),
        may("minor_image_version", INTEGER),
        may("major_subsystem_version", INTEGER),
        may("minor_subsystem_version", INTEGER),
        may("win32_version_value_hex", HEX),
        may("size_of_image", NATURAL),
        may("size_of_headers", NATURAL),
        may("checksum_hex", HEX),
        may("subsystem_hex", HEX),
        may("dll_characteristics_hex", HEX),
        may("size_of_stack_reserve", NATURAL),
        may("size_of_stack_commit", NATURAL),
        may("size_of_heap_reserve", NATURAL),
        may("size_of_heap_commit", NATURAL),
        may("loader_flags_hex", HEX),
        may("number_of_rva_and_sizes", INTEGER),
        may("hashes", Hashes),
    ],
)
.needing(&[Any]);
