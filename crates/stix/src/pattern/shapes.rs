//! Patterns of any shape, to be printed and read back.

use proptest::prelude::*;

use super::Pattern;
use super::place::Span;
use super::tree::{
    Check, Comparison, ComparisonOperator, Condition, Demand, Literal, Number, Observation,
    ObservationOperator, Observed, Path, Qualifier, Relation, Step, Test, Text, Timestamp, Value,
};

const AT: Span = Span { start: 0, end: 0 };

/// An observation that owns its words.
#[derive(Debug, Clone)]
enum Shape {
    One(Conditional, Vec<Asked>),
    Joined(ObservationOperator, Vec<Shape>, Vec<Asked>),
    Group(Box<Shape>, Vec<Asked>),
}

#[derive(Debug, Clone)]
enum Conditional {
    Test(Words),
    Joined(ComparisonOperator, Vec<Conditional>),
}

#[derive(Debug, Clone)]
enum Asked {
    Within(String),
    Repeats(String),
    StartStop(String, String),
}

#[derive(Debug, Clone)]
struct Words {
    object_type: String,
    property: String,
    steps: Vec<Stepped>,
    negated: bool,
    check: Checked,
}

#[derive(Debug, Clone)]
enum Stepped {
    Key(String),
    Index(String),
    Any,
}

#[derive(Debug, Clone)]
enum Checked {
    Exists,
    Relation(Relation, Lit),
    In(Vec<Lit>),
    Worded(u8, String),
}

#[derive(Debug, Clone)]
enum Lit {
    String(String),
    Integer(String),
    Float(String),
    Boolean(bool),
    Timestamp(String),
    Hex(String),
    Binary(String),
}

/// Any text, as it is written between quotes.
fn raw() -> impl Strategy<Value = String> {
    prop_oneof![Just("AND".to_owned()), Just("value".to_owned()), "[a-z_-]{1,8}", any::<String>()]
        .prop_map(|text| text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn instant() -> impl Strategy<Value = String> {
    "20[0-9]{2}-0[1-9]-[12][0-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,12})?Z"
}

fn lit() -> impl Strategy<Value = Lit> {
    prop_oneof![
        raw().prop_map(Lit::String),
        "-?(0|[1-9][0-9]{0,30})".prop_map(Lit::Integer),
        "-?[0-9]{0,5}\\.[0-9]{1,5}".prop_map(Lit::Float),
        any::<bool>().prop_map(Lit::Boolean),
        instant().prop_map(Lit::Timestamp),
        "([0-9a-fA-F]{2}){0,8}".prop_map(Lit::Hex),
        "([A-Za-z0-9+/]{4}){0,3}([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)"
            .prop_map(Lit::Binary),
    ]
}

fn checked() -> impl Strategy<Value = Checked> {
    let equal = prop_oneof![Just(Relation::Equal), Just(Relation::NotEqual)];
    let ordered = prop_oneof![
        Just(Relation::Less),
        Just(Relation::LessOrEqual),
        Just(Relation::Greater),
        Just(Relation::GreaterOrEqual)
    ];
    let with_order = lit().prop_filter("booleans have no order", |lit| !matches!(lit, Lit::Boolean(_)));
    prop_oneof![
        Just(Checked::Exists),
        (equal, lit()).prop_map(|(relation, lit)| Checked::Relation(relation, lit)),
        (ordered, with_order).prop_map(|(relation, lit)| Checked::Relation(relation, lit)),
        prop::collection::vec(lit(), 0..4).prop_map(Checked::In),
        (0u8..4, raw()).prop_map(|(which, text)| Checked::Worded(which, text)),
    ]
}

fn words() -> impl Strategy<Value = Words> {
    let stepped = prop_oneof![
        raw().prop_map(Stepped::Key),
        "-?(0|[1-9][0-9]{0,3})".prop_map(Stepped::Index),
        Just(Stepped::Any)
    ];
    let steps = prop::collection::vec(stepped, 0..4);
    ("x-[a-z0-9-]{1,8}", raw(), steps, any::<bool>(), checked()).prop_map(
        |(object_type, property, steps, negated, check)| Words {
            object_type,
            property,
            steps,
            negated,
            check,
        },
    )
}

fn condition() -> impl Strategy<Value = Conditional> {
    let operator = prop_oneof![Just(ComparisonOperator::And), Just(ComparisonOperator::Or)];
    words().prop_map(Conditional::Test).prop_recursive(3, 12, 3, move |inner| {
        (operator.clone(), prop::collection::vec(inner, 2..4))
            .prop_map(|(operator, parts)| Conditional::Joined(operator, parts))
    })
}

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let asked = prop_oneof![
        "(0|[1-9][0-9]{0,4})(\\.[0-9]{1,3})?".prop_map(Asked::Within),
        "(0|[1-9][0-9]{0,4})".prop_map(Asked::Repeats),
        (instant(), instant()).prop_map(|(start, stop)| Asked::StartStop(start, stop)),
    ];
    prop::collection::vec(asked, 0..3)
}

fn shape() -> impl Strategy<Value = Shape> {
    let operator = prop_oneof![
        Just(ObservationOperator::And),
        Just(ObservationOperator::Or),
        Just(ObservationOperator::FollowedBy)
    ];
    (condition(), asked()).prop_map(|(condition, asked)| Shape::One(condition, asked)).prop_recursive(
        3,
        10,
        3,
        move |inner| {
            let parts = prop::collection::vec(inner.clone(), 2..4);
            let joined = (operator.clone(), parts, asked())
                .prop_map(|(operator, parts, asked)| Shape::Joined(operator, parts, asked));
            let group =
                (inner, asked()).prop_filter_map("a group has qualifiers in and out", |(inner, asked)| {
                    let within = match &inner {
                        Shape::One(_, within) | Shape::Joined(_, _, within) | Shape::Group(_, within) => {
                            within
                        }
                    };
                    (!within.is_empty() && !asked.is_empty())
                        .then(|| Shape::Group(Box::new(inner.clone()), asked))
                });
            prop_oneof![joined, group]
        },
    )
}

fn text(raw: &str) -> Text<'_> {
    Text { span: AT, raw }
}

fn number(raw: &str) -> Number<'_> {
    Number { span: AT, raw }
}

fn timestamp(raw: &str) -> Timestamp<'_> {
    Timestamp { span: AT, raw }
}

fn value(lit: &Lit) -> Value<'_> {
    let literal = match lit {
        Lit::String(raw) => Literal::String(text(raw)),
        Lit::Integer(raw) => Literal::Integer(number(raw)),
        Lit::Float(raw) => Literal::Float(number(raw)),
        Lit::Boolean(value) => Literal::Boolean(*value),
        Lit::Timestamp(raw) => Literal::Timestamp(timestamp(raw)),
        Lit::Hex(raw) => Literal::Hex(raw),
        Lit::Binary(raw) => Literal::Binary(raw),
    };
    Value { span: AT, literal }
}

fn test(words: &Words) -> Test<'_> {
    let steps = words.steps.iter().map(|step| match step {
        Stepped::Key(raw) => Step::Key(text(raw)),
        Stepped::Index(raw) => Step::Index(number(raw)),
        Stepped::Any => Step::Any(AT),
    });
    let path = Path {
        span: AT,
        object_type: &words.object_type,
        property: text(&words.property),
        steps: steps.collect(),
    };
    let check = match &words.check {
        Checked::Exists => Check::Exists,
        Checked::Relation(relation, lit) => Check::Relation(*relation, value(lit)),
        Checked::In(lits) => Check::In(lits.iter().map(value).collect()),
        Checked::Worded(0, raw) => Check::Like(text(raw)),
        Checked::Worded(1, raw) => Check::Matches(text(raw)),
        Checked::Worded(2, raw) => Check::Subset(text(raw)),
        Checked::Worded(_, raw) => Check::Superset(text(raw)),
    };
    Test { span: AT, path, negated: words.negated, check }
}

fn comparison(condition: &Conditional) -> Comparison<'_> {
    let condition = match condition {
        Conditional::Test(words) => Condition::Test(test(words)),
        Conditional::Joined(operator, parts) => {
            Condition::Joined(*operator, parts.iter().map(comparison).collect())
        }
    };
    Comparison { span: AT, condition }
}

fn observation(shape: &Shape) -> Observation<'_> {
    let (observed, asked) = match shape {
        Shape::One(condition, asked) => (Observed::One(comparison(condition)), asked),
        Shape::Joined(operator, parts, asked) => {
            (Observed::Joined(*operator, parts.iter().map(observation).collect()), asked)
        }
        Shape::Group(inner, asked) => (Observed::Group(Box::new(observation(inner))), asked),
    };
    let qualifiers = asked.iter().map(|asked| Qualifier {
        span: AT,
        demand: match asked {
            Asked::Within(raw) => Demand::Within(number(raw)),
            Asked::Repeats(raw) => Demand::Repeats(number(raw)),
            Asked::StartStop(start, stop) => {
                Demand::StartStop { start: timestamp(start), stop: timestamp(stop) }
            }
        },
    });
    Observation { span: AT, observed, qualifiers: qualifiers.collect() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_pattern_of_any_shape_is_printed_and_read_back_as_the_same_pattern(shape in shape()) {
        let pattern = Pattern { text: "", root: observation(&shape) };
        let printed = pattern.to_string();
        let read = Pattern::parse(&printed);
        prop_assert_eq!(read.as_ref().map_err(ToString::to_string), Ok(&pattern), "{}", printed);
        prop_assert_eq!(read.map(|read| read.to_string()), Ok(printed));
    }
}
