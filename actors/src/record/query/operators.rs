//! The operators that stand under a field: one arm each, with the type of its operand.

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::parse::{Parser, operators};
use super::{OneOf, Relation, Test};
use crate::record::fields::whole;
use crate::record::problem::kind;

const KNOWN: &str =
    "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $regex, $options, $not, $all, $size, $elemMatch";

impl Parser<'_> {
    /// The tests of one field, which must all hold.
    pub(super) fn operators(&mut self, at: &str, fields: &Map<String, Value>, depth: usize) -> Vec<Test> {
        let mut tests = Vec::new();
        if self.too_deep(at, depth) {
            return tests;
        }
        for (name, operand) in fields {
            let at = format!("{at}.{name}");
            if self.problems.full() || !self.count(&at) {
                break;
            }
            match name.as_str() {
                "$regex" => tests.extend(self.regex(&at, operand, fields.get("$options"))),
                "$options" if fields.contains_key("$regex") => {}
                "$options" => self.problems.add(&at, "needs a $regex beside it"),
                name => tests.extend(self.operator(&at, name, operand, depth)),
            }
        }
        tests
    }

    fn operator(&mut self, at: &str, name: &str, operand: &Value, depth: usize) -> Option<Test> {
        match name {
            "$eq" => self.relation(at, Relation::Equal, operand, depth),
            "$ne" => Some(Test::Not(vec![self.relation(at, Relation::Equal, operand, depth)?])),
            "$gt" => self.relation(at, Relation::Greater, operand, depth),
            "$gte" => self.relation(at, Relation::GreaterOrEqual, operand, depth),
            "$lt" => self.relation(at, Relation::Less, operand, depth),
            "$lte" => self.relation(at, Relation::LessOrEqual, operand, depth),
            "$in" => self.one_of(at, operand, depth),
            "$nin" => Some(Test::Not(vec![self.one_of(at, operand, depth)?])),
            "$exists" => self.exists(at, operand),
            "$size" => self.size(at, operand),
            "$all" => self.all(at, operand, depth),
            "$elemMatch" => self.element(at, operand, depth),
            "$not" => match operators(operand) {
                Some(operators) => Some(Test::Not(self.operators(at, operators, depth + 1))),
                None => self.refuse(at, "an object of operators", operand),
            },
            "$and" | "$or" | "$nor" => {
                self.problems.add(
                    at,
                    format_args!("`{name}` holds whole queries: it stands beside fields, not under one"),
                );
                None
            }
            name if name.starts_with('$') => {
                self.problems.add(at, format_args!("unknown operator `{name}`: known are {KNOWN}"));
                None
            }
            name => {
                self.problems.add(
                    at,
                    format_args!("field `{name}` among operators: a literal has none, operators stand alone"),
                );
                None
            }
        }
    }

    fn refuse(&mut self, at: &str, expected: &str, found: &Value) -> Option<Test> {
        self.problems.add(at, format_args!("must be {expected}, not {}", kind(found)));
        None
    }

    fn relation(&mut self, at: &str, relation: Relation, operand: &Value, depth: usize) -> Option<Test> {
        Some(Test::Is(relation, self.literal(at, operand, depth + 1)?))
    }

    fn list<'v>(&mut self, at: &str, operand: &'v Value) -> Option<&'v [Value]> {
        match operand {
            Value::Array(items) if items.len() <= self.limits.list => Some(items),
            Value::Array(items) => {
                let (given, limit) = (items.len(), self.limits.list);
                self.problems.add(at, format_args!("has {given} entries; at most {limit} are allowed"));
                None
            }
            other => {
                self.refuse(at, "an array", other);
                None
            }
        }
    }

    fn one_of(&mut self, at: &str, operand: &Value, depth: usize) -> Option<Test> {
        let items = self.list(at, operand)?.iter().enumerate();
        let operands = items.map(|(index, item)| self.literal(&format!("{at}[{index}]"), item, depth + 1));
        Some(Test::OneOf(OneOf::new(operands.collect::<Option<_>>()?)))
    }

    fn exists(&mut self, at: &str, operand: &Value) -> Option<Test> {
        match (operand.as_bool(), whole(operand)) {
            (Some(true), _) | (_, Some(1)) => Some(Test::Exists),
            (Some(false), _) | (_, Some(0)) => Some(Test::Not(vec![Test::Exists])),
            _ => self.refuse(at, "true or false", operand),
        }
    }

    fn size(&mut self, at: &str, operand: &Value) -> Option<Test> {
        match whole(operand) {
            Some(size) => Some(Test::Size(size)),
            None => {
                self.problems.add(at, "must be a whole number from 0");
                None
            }
        }
    }

    fn all(&mut self, at: &str, operand: &Value, depth: usize) -> Option<Test> {
        let mut tests = Vec::new();
        for (index, item) in self.list(at, operand)?.iter().enumerate() {
            let at = format!("{at}[{index}]");
            let element = operators(item)
                .filter(|fields| fields.len() == 1)
                .and_then(|fields| fields.get("$elemMatch"));
            tests.push(match element {
                Some(operand) if self.count(&at) => {
                    self.element(&format!("{at}.$elemMatch"), operand, depth + 1)?
                }
                Some(_) => return None,
                None => self.relation(&at, Relation::Equal, item, depth)?,
            });
        }
        Some(Test::All(tests))
    }

    fn element(&mut self, at: &str, operand: &Value, depth: usize) -> Option<Test> {
        let fields = operand.as_object();
        let logical = fields
            .is_some_and(|fields| fields.keys().any(|name| ["$and", "$or", "$nor"].contains(&name.as_str())));
        match operators(operand) {
            Some(operators) if !logical => Some(Test::ElementIs(self.operators(at, operators, depth + 1))),
            _ if fields.is_some() => Some(Test::Element(self.query(at, operand, depth + 1))),
            _ => self.refuse(at, "an object", operand),
        }
    }

    fn regex(&mut self, at: &str, pattern: &Value, options: Option<&Value>) -> Option<Test> {
        let Some(pattern) = pattern.as_str() else {
            return self.refuse(at, "a string", pattern);
        };
        let options = match options.map_or(Some(""), Value::as_str) {
            Some(options) if options.chars().all(|flag| "imsx".contains(flag)) => options,
            _ => {
                let at = format!("{}$options", at.trim_end_matches("$regex"));
                self.problems.add(&at, "must be a string of the flags i, m, s and x");
                return None;
            }
        };
        self.regexes += 1;
        if self.regexes > self.limits.regexes {
            self.problems
                .add(at, format_args!("more than {} regular expressions in one query", self.limits.regexes));
            return None;
        }
        match self.compile(pattern, options) {
            Ok(regex) => Some(Test::Regex(regex)),
            Err(message) => {
                self.problems.add(at, message);
                None
            }
        }
    }

    fn compile(&self, pattern: &str, options: &str) -> Result<Regex, String> {
        if pattern.len() > self.limits.regex_length {
            return Err(format!(
                "has {} bytes; at most {} are allowed",
                pattern.len(),
                self.limits.regex_length
            ));
        }
        let mut builder = RegexBuilder::new(pattern);
        builder.case_insensitive(options.contains('i')).multi_line(options.contains('m'));
        builder.dot_matches_new_line(options.contains('s')).ignore_whitespace(options.contains('x'));
        builder.size_limit(self.limits.regex_bytes).dfa_size_limit(self.limits.regex_bytes).nest_limit(50);
        builder.build().map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => {
                format!("needs more than {limit} bytes when compiled; write a simpler expression")
            }
            // The last line names the fault; those above draw where it is.
            other => match other.to_string().lines().last().map(|line| line.trim_start_matches("error: ")) {
                Some(fault) => format!("is not a regular expression: {fault}"),
                None => "is not a regular expression".to_owned(),
            },
        })
    }
}
