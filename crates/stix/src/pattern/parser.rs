//! The grammar of STIX 2.1 §9, one function a rule. Parentheses are the only thing that goes deeper, and they are
//! counted; a chain of operators is a loop, so that its length costs no stack.

use std::borrow::Cow;

use super::error::{Fault, PatternError, quoted, shown};
use super::place::Span;
use super::token::{END, Keyword, Kind, Lexer, Token, in_keyword_case};
use super::tree::{
    Check, Comparison, ComparisonOperator, Condition, Demand, Literal, Number, Observation,
    ObservationOperator, Observed, Path, Qualifier, Relation, Step, Test, Text, Timestamp, Value,
};
use super::{
    COMPARISONS_MAX, LISTED_VALUES_MAX, NESTING_MAX, PATH_STEPS_MAX, PATTERN_BYTES_MAX, QUALIFIERS_MAX,
};

type Parsed<T> = Result<T, PatternError>;

const AN_OBSERVATION: &str = "an observation in square brackets, such as [file:size = 1280]";
const A_COMPARISON: &str = "a comparison, such as file:size = 1280";
const A_VALUE: &str = "a value, such as 'text', 1280, true or t'2026-01-31T09:00:00Z'";
const A_TEXT: &str = "a text in single quotes";

/// Reads the whole text.
pub(super) fn parse(text: &str) -> Parsed<Observation<'_>> {
    let mut lexer = Lexer::new(text);
    if text.len() > PATTERN_BYTES_MAX {
        let expected = format!("at most {PATTERN_BYTES_MAX} bytes");
        return Err(lexer.error(Fault::TooLong, 0, expected, format!("{} bytes", text.len()), None));
    }
    let token = lexer.next()?;
    if token.kind == Kind::End {
        return Err(lexer.error(Fault::Empty, token.span.start as usize, AN_OBSERVATION, "nothing", None));
    }
    let counts = Counts::default();
    let mut parser = Parser { lexer, token, before: Span::default(), counts };
    let root = parser.observations(ObservationOperator::FollowedBy)?;
    if parser.token.kind == Kind::End {
        return Ok(root);
    }
    let expected = "AND, OR, FOLLOWEDBY, a qualifier (WITHIN, REPEATS, START) or the end of the pattern";
    let mut error = parser.unexpected(expected);
    if error.fault == Fault::Unexpected {
        error.fault = Fault::Trailing;
    }
    Err(error)
}

/// What is limited.
#[derive(Debug, Default)]
struct Counts {
    nesting: u32,
    comparisons: u32,
    listed_values: u32,
    qualifiers: u32,
}

#[derive(Debug)]
struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token that is looked at.
    token: Token,
    /// The one before it.
    before: Span,
    counts: Counts,
}

impl<'a> Parser<'a> {
    fn observations(&mut self, operator: ObservationOperator) -> Parsed<Observation<'a>> {
        let keyword = match operator {
            ObservationOperator::FollowedBy => Keyword::FollowedBy,
            ObservationOperator::Or => Keyword::Or,
            ObservationOperator::And => Keyword::And,
        };
        let start = self.token.span;
        let first = self.closer_observation(operator)?;
        if self.token.kind != Kind::Keyword(keyword) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take(Kind::Keyword(keyword))? {
            parts.push(self.closer_observation(operator)?);
        }
        let observed = Observed::Joined(operator, parts);
        Ok(Observation { span: self.since(start), observed, qualifiers: Vec::new() })
    }

    /// What binds closer than the operator.
    fn closer_observation(&mut self, operator: ObservationOperator) -> Parsed<Observation<'a>> {
        match operator {
            ObservationOperator::FollowedBy => self.observations(ObservationOperator::Or),
            ObservationOperator::Or => self.observations(ObservationOperator::And),
            ObservationOperator::And => self.qualified(),
        }
    }

    fn qualified(&mut self) -> Parsed<Observation<'a>> {
        let start = self.token.span;
        let mut observation = match self.token.kind {
            Kind::OpenBracket => {
                self.step()?;
                let comparison = self.comparisons(ComparisonOperator::Or)?;
                self.expect(Kind::CloseBracket, "AND, OR or ] after a comparison")?;
                Observation { span: start, observed: Observed::One(comparison), qualifiers: Vec::new() }
            }
            Kind::OpenParenthesis => {
                self.open()?;
                let inner = self.observations(ObservationOperator::FollowedBy)?;
                self.close("AND, OR, FOLLOWEDBY, a qualifier or ) after an observation")?;
                inner
            }
            Kind::Name | Kind::HyphenName => return Err(self.without_brackets()),
            _ => return Err(self.unexpected(AN_OBSERVATION)),
        };
        observation.span = self.since(start);
        let Some(first) = self.qualifier()? else {
            return Ok(observation);
        };
        if !observation.qualifiers.is_empty() {
            let span = observation.span;
            let observed = Observed::Group(Box::new(observation));
            observation = Observation { span, observed, qualifiers: Vec::new() };
        }
        observation.qualifiers.push(first);
        while let Some(further) = self.qualifier()? {
            observation.qualifiers.push(further);
        }
        observation.span = self.since(start);
        Ok(observation)
    }

    fn qualifier(&mut self) -> Parsed<Option<Qualifier<'a>>> {
        let start = self.token.span;
        let demand = match self.token.kind {
            Kind::Keyword(Keyword::Within) => {
                self.step()?;
                let expected = "a positive number of seconds, such as 300 or 0.5";
                let seconds = self.positive(&[Kind::Integer, Kind::Float], expected)?;
                self.unit(
                    Keyword::Seconds,
                    "SECONDS",
                    "Time is counted in seconds alone: WITHIN 3600 SECONDS",
                )?;
                Demand::Within(seconds)
            }
            Kind::Keyword(Keyword::Repeats) => {
                self.step()?;
                let times = self.positive(&[Kind::Integer], "a positive whole number, such as 5")?;
                self.unit(Keyword::Times, "TIMES", "Repetition is written REPEATS 5 TIMES")?;
                Demand::Repeats(times)
            }
            Kind::Keyword(Keyword::Start) => {
                self.step()?;
                let start = self.timestamp("a timestamp after START, such as t'2026-01-31T09:00:00Z'")?;
                self.expect(Kind::Keyword(Keyword::Stop), "STOP after the timestamp of START")?;
                let stop = self.timestamp("a timestamp after STOP, such as t'2026-01-31T09:00:00Z'")?;
                Demand::StartStop { start, stop }
            }
            _ => return Ok(None),
        };
        self.counts.qualifiers += 1;
        if self.counts.qualifiers > QUALIFIERS_MAX {
            return Err(self.past(Fault::TooManyQualifiers, start, QUALIFIERS_MAX, "qualifiers"));
        }
        Ok(Some(Qualifier { span: self.since(start), demand }))
    }

    fn positive(&mut self, kinds: &[Kind], expected: &'static str) -> Parsed<Number<'a>> {
        let negative = self.lexer.slice(self.token.span).starts_with('-');
        if negative || !kinds.contains(&self.token.kind) {
            return Err(self.unexpected(expected));
        }
        self.number()
    }

    fn unit(&mut self, keyword: Keyword, expected: &'static str, hint: &'static str) -> Parsed<()> {
        if self.take(Kind::Keyword(keyword))? {
            return Ok(());
        }
        let mut error = self.unexpected(expected);
        if error.fault == Fault::Unexpected {
            error.fault = Fault::Unit;
            error.hint = Some(hint.into());
        }
        Err(error)
    }

    fn timestamp(&mut self, expected: &'static str) -> Parsed<Timestamp<'a>> {
        let span = self.token.span;
        if self.token.kind == Kind::Text {
            let hint = format!("Put a t before the quote: t{}", shown(self.lexer.slice(span)));
            return Err(self.unexpected_with(Fault::Unexpected, expected, hint));
        }
        self.expect(Kind::Timestamp, expected)?;
        Ok(Timestamp { span, raw: self.inner(span, 2) })
    }

    fn comparisons(&mut self, operator: ComparisonOperator) -> Parsed<Comparison<'a>> {
        let keyword = match operator {
            ComparisonOperator::Or => Keyword::Or,
            ComparisonOperator::And => Keyword::And,
        };
        let start = self.token.span;
        let first = self.closer_comparison(operator)?;
        if self.token.kind != Kind::Keyword(keyword) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take(Kind::Keyword(keyword))? {
            parts.push(self.closer_comparison(operator)?);
        }
        Ok(Comparison { span: self.since(start), condition: Condition::Joined(operator, parts) })
    }

    fn closer_comparison(&mut self, operator: ComparisonOperator) -> Parsed<Comparison<'a>> {
        match operator {
            ComparisonOperator::Or => self.comparisons(ComparisonOperator::And),
            ComparisonOperator::And => self.comparison(),
        }
    }

    fn comparison(&mut self) -> Parsed<Comparison<'a>> {
        let start = self.token.span;
        if self.token.kind == Kind::OpenParenthesis {
            self.open()?;
            let mut inner = self.comparisons(ComparisonOperator::Or)?;
            self.close("AND, OR or ) after a comparison")?;
            inner.span = self.since(start);
            return Ok(inner);
        }
        self.counts.comparisons += 1;
        if self.counts.comparisons > COMPARISONS_MAX {
            return Err(self.past(Fault::TooManyComparisons, start, COMPARISONS_MAX, "comparisons"));
        }
        let leading_not = self.take(Kind::Keyword(Keyword::Not))?;
        let test = if self.take(Kind::Keyword(Keyword::Exists))? {
            let path = self.path("an object path after EXISTS, such as file:size")?;
            Test { span: self.since(start), path, negated: leading_not, check: Check::Exists }
        } else if leading_not {
            let hint = "Before an object path only NOT EXISTS can stand; otherwise NOT comes after the path: \
                        file:size NOT = 1280";
            return Err(self.unexpected_with(Fault::Unexpected, "EXISTS after NOT", hint));
        } else {
            let path = self.path(A_COMPARISON)?;
            let negated = self.take(Kind::Keyword(Keyword::Not))?;
            let check = self.check()?;
            Test { span: self.since(start), path, negated, check }
        };
        Ok(Comparison { span: test.span, condition: Condition::Test(test) })
    }

    fn check(&mut self) -> Parsed<Check<'a>> {
        let relation = match self.token.kind {
            Kind::Equal => Relation::Equal,
            Kind::NotEqual => Relation::NotEqual,
            Kind::Less => Relation::Less,
            Kind::LessOrEqual => Relation::LessOrEqual,
            Kind::Greater => Relation::Greater,
            Kind::GreaterOrEqual => Relation::GreaterOrEqual,
            Kind::Keyword(keyword) => return self.worded_check(keyword),
            _ => return Err(self.no_operator()),
        };
        self.step()?;
        let ordered = !matches!(relation, Relation::Equal | Relation::NotEqual);
        if ordered && matches!(self.token.kind, Kind::Boolean(_)) {
            let hint = "true and false have no order; compare them with = or !=";
            return Err(self.unexpected_with(Fault::Unexpected, "a value that has an order", hint));
        }
        Ok(Check::Relation(relation, self.value()?))
    }

    fn worded_check(&mut self, keyword: Keyword) -> Parsed<Check<'a>> {
        let check: fn(Text<'a>) -> Check<'a> = match keyword {
            Keyword::Like => Check::Like,
            Keyword::Matches => Check::Matches,
            Keyword::IsSubset => Check::Subset,
            Keyword::IsSuperset => Check::Superset,
            Keyword::In => {
                self.step()?;
                return Ok(Check::In(self.list()?));
            }
            _ => return Err(self.no_operator()),
        };
        self.step()?;
        if self.token.kind != Kind::Text {
            return Err(self.no_value(A_TEXT));
        }
        self.text().map(check)
    }

    #[cold]
    fn no_operator(&self) -> PatternError {
        let operators = "an operator (=, !=, <, <=, >, >=, IN, LIKE, MATCHES, ISSUBSET or ISSUPERSET)";
        self.unexpected(operators)
    }

    fn list(&mut self) -> Parsed<Vec<Value<'a>>> {
        self.expect(Kind::OpenParenthesis, "a list in parentheses after IN, such as ('a', 'b')")?;
        let mut values = Vec::new();
        if self.take(Kind::CloseParenthesis)? {
            return Ok(values);
        }
        loop {
            self.counts.listed_values += 1;
            if self.counts.listed_values > LISTED_VALUES_MAX {
                return Err(self.past(
                    Fault::TooManyValues,
                    self.token.span,
                    LISTED_VALUES_MAX,
                    "values in lists",
                ));
            }
            values.push(self.value()?);
            if !self.take(Kind::Comma)? {
                self.expect(Kind::CloseParenthesis, ", or ) after a value in a list")?;
                return Ok(values);
            }
        }
    }

    fn path(&mut self, expected: &'static str) -> Parsed<Path<'a>> {
        let start = self.token.span;
        match self.token.kind {
            Kind::Name | Kind::HyphenName => self.step()?,
            Kind::Text => {
                let hint = "Only the properties after the colon may be quoted: file:'name'";
                return Err(self.unexpected_with(
                    Fault::TypeQuoted,
                    "the type of an object without quotes",
                    hint,
                ));
            }
            _ => return Err(self.unexpected(expected)),
        }
        let object_type = self.lexer.slice(start);
        if self.token.kind != Kind::Colon {
            let keyword = in_keyword_case(object_type).is_some_and(|word| word == "NOT" || word == "EXISTS");
            if keyword {
                return Err(self.at_word(start, expected));
            }
            let hint = "An object path is the type of an object, a colon and a property: file:size";
            let expected = "a colon after the type of an object";
            return Err(self.unexpected_with(Fault::Unexpected, expected, hint));
        }
        self.step()?;
        let property = self.key()?;
        let mut steps = Vec::new();
        loop {
            let span = self.token.span;
            if self.take(Kind::Dot)? {
                steps.push(Step::Key(self.key()?));
            } else if self.take(Kind::OpenBracket)? {
                steps.push(self.index()?);
            } else {
                return Ok(Path { span: self.since(start), object_type, property, steps });
            }
            if steps.len() > PATH_STEPS_MAX {
                let most = u32::try_from(PATH_STEPS_MAX).unwrap_or(u32::MAX);
                return Err(self.past(Fault::PathTooLong, span, most, "steps in one object path"));
            }
        }
    }

    fn key(&mut self) -> Parsed<Text<'a>> {
        let span = self.token.span;
        let written = self.lexer.slice(span);
        match self.token.kind {
            Kind::Name => {
                self.step()?;
                Ok(Text { span, raw: written })
            }
            Kind::Text => self.text(),
            Kind::HyphenName => {
                let hint = format!("A property with a hyphen is quoted: '{}'", shown(written));
                Err(self.unexpected_with(Fault::KeyNeedsQuotes, "a property without a hyphen", hint))
            }
            Kind::Keyword(_) | Kind::Boolean(_) => {
                let hint = format!("A property that is called like a keyword is quoted: '{written}'");
                Err(self.unexpected_with(Fault::ReservedWord, "a property", hint))
            }
            _ => Err(self.unexpected("a property, such as size or 'SHA-256'")),
        }
    }

    fn index(&mut self) -> Parsed<Step<'a>> {
        let span = self.token.span;
        let step = match self.token.kind {
            Kind::Integer => Step::Index(self.number()?),
            Kind::Star => {
                self.step()?;
                Step::Any(span)
            }
            _ => return Err(self.unexpected("the number of an element, from 0, or *")),
        };
        self.expect(Kind::CloseBracket, "] after the number of an element")?;
        Ok(step)
    }

    fn value(&mut self) -> Parsed<Value<'a>> {
        let span = self.token.span;
        let literal = match self.token.kind {
            Kind::Text => Literal::String(self.text()?),
            Kind::Integer => Literal::Integer(self.number()?),
            Kind::Float => Literal::Float(self.number()?),
            Kind::Boolean(value) => self.stepped(Literal::Boolean(value))?,
            Kind::Timestamp => {
                self.stepped(Literal::Timestamp(Timestamp { span, raw: self.inner(span, 2) }))?
            }
            Kind::Hex => self.stepped(Literal::Hex(self.inner(span, 2)))?,
            Kind::Binary => self.stepped(Literal::Binary(self.inner(span, 2)))?,
            _ => return Err(self.no_value(A_VALUE)),
        };
        Ok(Value { span, literal })
    }

    fn text(&mut self) -> Parsed<Text<'a>> {
        let span = self.token.span;
        self.stepped(Text { span, raw: self.inner(span, 1) })
    }

    fn number(&mut self) -> Parsed<Number<'a>> {
        let span = self.token.span;
        self.stepped(Number { span, raw: self.lexer.slice(span).trim_start_matches('+') })
    }

    /// What stands between the quotes, after so many bytes.
    fn inner(&self, span: Span, before: u32) -> &'a str {
        self.lexer.slice(Span { start: span.start + before, end: span.end - 1 })
    }

    fn stepped<T>(&mut self, value: T) -> Parsed<T> {
        self.step()?;
        Ok(value)
    }

    fn step(&mut self) -> Parsed<()> {
        self.before = self.token.span;
        self.token = self.lexer.next()?;
        Ok(())
    }

    fn take(&mut self, kind: Kind) -> Parsed<bool> {
        let there = self.token.kind == kind;
        if there {
            self.step()?;
        }
        Ok(there)
    }

    fn expect(&mut self, kind: Kind, expected: &'static str) -> Parsed<()> {
        if self.take(kind)? { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn open(&mut self) -> Parsed<()> {
        if self.counts.nesting == NESTING_MAX {
            return Err(self.past(
                Fault::TooDeep,
                self.token.span,
                NESTING_MAX,
                "parentheses within one another",
            ));
        }
        self.counts.nesting += 1;
        self.step()
    }

    fn close(&mut self, expected: &'static str) -> Parsed<()> {
        self.expect(Kind::CloseParenthesis, expected)?;
        self.counts.nesting -= 1;
        Ok(())
    }

    /// From a token to the last one that was taken.
    fn since(&self, start: Span) -> Span {
        Span { start: start.start, end: self.before.end }
    }

    #[cold]
    fn past(&self, fault: Fault, at: Span, most: u32, what: &str) -> PatternError {
        self.lexer.error(fault, at.start as usize, format!("at most {most} {what}"), "one more", None)
    }

    /// The error at the token that is looked at; a keyword in the wrong case is named as such.
    #[cold]
    fn unexpected(&self, expected: &'static str) -> PatternError {
        self.at_word(self.token.span, expected)
    }

    #[cold]
    fn at_word(&self, span: Span, expected: &'static str) -> PatternError {
        let written = self.lexer.slice(span);
        let keyword = in_keyword_case(written).filter(|keyword| keyword != written);
        let (fault, hint) = match keyword {
            Some(keyword) => {
                (Fault::KeywordCase, Some(Cow::Owned(format!("The keyword is written {keyword}"))))
            }
            None => (Fault::Unexpected, None),
        };
        let found = if span.start == span.end { END.into() } else { quoted(written) };
        self.lexer.error(fault, span.start as usize, expected, found, hint)
    }

    #[cold]
    fn unexpected_with(
        &self,
        fault: Fault,
        expected: &'static str,
        hint: impl Into<Cow<'static, str>>,
    ) -> PatternError {
        let mut error = self.unexpected(expected);
        error.fault = fault;
        error.hint = Some(hint.into());
        error
    }

    #[cold]
    fn no_value(&self, expected: &'static str) -> PatternError {
        let written = self.lexer.slice(self.token.span);
        let named = matches!(self.token.kind, Kind::Name | Kind::HyphenName);
        if !named || ["true", "false"].iter().any(|word| word.eq_ignore_ascii_case(written)) {
            return self.unexpected(expected);
        }
        let hint = format!("A text stands in single quotes: '{}'", shown(written));
        self.unexpected_with(Fault::ValueNeedsQuotes, expected, hint)
    }

    #[cold]
    fn without_brackets(&self) -> PatternError {
        let error = self.unexpected(AN_OBSERVATION);
        if error.fault == Fault::KeywordCase {
            return error;
        }
        let hint = "Comparisons stand in square brackets, also when there is but one";
        self.unexpected_with(Fault::NoBrackets, AN_OBSERVATION, hint)
    }
}
