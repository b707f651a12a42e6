//! A pattern in its canonical form: one space where the grammar wants or forgives one, no comment, quotes and
//! parentheses only where they are needed. What is printed reads back as the same pattern.

use std::fmt::{Display, Formatter, Result};

use super::Pattern;
use super::token::is_bare;
use super::tree::{
    Check, Comparison, ComparisonOperator, Condition, Demand, Literal, Observation, ObservationOperator,
    Observed, Path, Qualifier, Relation, Step, Test, Text, Value,
};

impl Display for Pattern<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.root().fmt(f)
    }
}

impl Display for Observation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.observed {
            Observed::One(comparison) => write!(f, "[{comparison}]")?,
            Observed::Group(inner) => write!(f, "({inner})")?,
            Observed::Joined(operator, parts) => {
                let (open, close) = if self.qualifiers.is_empty() { ("", "") } else { ("(", ")") };
                f.write_str(open)?;
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        write!(f, " {operator} ")?;
                    }
                    match &part.observed {
                        Observed::Joined(inner, _) if part.qualifiers.is_empty() && inner >= operator => {
                            write!(f, "({part})")?;
                        }
                        _ => part.fmt(f)?,
                    }
                }
                f.write_str(close)?;
            }
        }
        self.qualifiers.iter().try_for_each(|qualifier| write!(f, " {qualifier}"))
    }
}

impl Display for ObservationOperator {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            ObservationOperator::And => "AND",
            ObservationOperator::Or => "OR",
            ObservationOperator::FollowedBy => "FOLLOWEDBY",
        })
    }
}

impl Display for Qualifier<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.demand {
            Demand::Within(seconds) => write!(f, "WITHIN {} SECONDS", seconds.raw()),
            Demand::Repeats(times) => write!(f, "REPEATS {} TIMES", times.raw()),
            Demand::StartStop { start, stop } => write!(f, "START t'{}' STOP t'{}'", start.raw(), stop.raw()),
        }
    }
}

impl Display for Comparison<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (operator, parts) = match &self.condition {
            Condition::Test(test) => return test.fmt(f),
            Condition::Joined(operator, parts) => (operator, parts),
        };
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                write!(f, " {operator} ")?;
            }
            match &part.condition {
                Condition::Joined(inner, _) if inner >= operator => write!(f, "({part})")?,
                _ => part.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl Display for ComparisonOperator {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            ComparisonOperator::And => "AND",
            ComparisonOperator::Or => "OR",
        })
    }
}

impl Display for Test<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (path, not) = (&self.path, if self.negated { "NOT " } else { "" });
        match &self.check {
            Check::Exists => write!(f, "{not}EXISTS {path}"),
            Check::Relation(relation, value) => write!(f, "{path} {not}{relation} {value}"),
            Check::Like(text) => write!(f, "{path} {not}LIKE '{}'", text.raw()),
            Check::Matches(text) => write!(f, "{path} {not}MATCHES '{}'", text.raw()),
            Check::Subset(text) => write!(f, "{path} {not}ISSUBSET '{}'", text.raw()),
            Check::Superset(text) => write!(f, "{path} {not}ISSUPERSET '{}'", text.raw()),
            Check::In(values) => {
                write!(f, "{path} {not}IN (")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl Display for Relation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Relation::Equal => "=",
            Relation::NotEqual => "!=",
            Relation::Less => "<",
            Relation::LessOrEqual => "<=",
            Relation::Greater => ">",
            Relation::GreaterOrEqual => ">=",
        })
    }
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}:", self.object_type)?;
        print_key(self.property, f)?;
        for step in &self.steps {
            match step {
                Step::Key(key) => {
                    f.write_str(".")?;
                    print_key(*key, f)?;
                }
                Step::Index(index) => write!(f, "[{}]", index.raw())?,
                Step::Any(_) => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

/// A key, in quotes where it would not be read as a key without.
fn print_key(key: Text<'_>, f: &mut Formatter<'_>) -> Result {
    if is_bare(key.raw()) { f.write_str(key.raw()) } else { write!(f, "'{}'", key.raw()) }
}

impl Display for Value<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.literal.fmt(f)
    }
}

impl Display for Literal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Literal::String(text) => write!(f, "'{}'", text.raw()),
            Literal::Integer(number) | Literal::Float(number) => f.write_str(number.raw()),
            Literal::Boolean(value) => value.fmt(f),
            Literal::Timestamp(instant) => write!(f, "t'{}'", instant.raw()),
            Literal::Hex(digits) => write!(f, "h'{digits}'"),
            Literal::Binary(digits) => write!(f, "b'{digits}'"),
        }
    }
}
