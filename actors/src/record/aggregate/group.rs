//! `$group`: documents with an equal `_id` expression, accumulated together.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::accumulate::{Accumulator, KNOWN, Room};
use super::exceeded::{Exceeded, Meter, weight};
use super::expression::{Expression, Parser, own};
use crate::record::Limits;
use crate::record::compare::Operand;
use crate::record::problem::kind;

/// A parsed `$group`.
#[derive(Debug)]
pub(super) struct Group {
    id: Expression,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    empty: Accumulator,
    expression: Expression,
}

/// The groups of one run.
#[derive(Debug, Clone)]
pub(super) struct Grouper {
    spec: Arc<Group>,
    /// Where the accumulators of an id are.
    ids: BTreeMap<Operand, usize>,
    groups: Vec<Vec<Accumulator>>,
    collected: usize,
}

impl Parser<'_> {
    pub(super) fn group(&mut self, at: &str, value: &Value) -> Option<Grouper> {
        let Some(fields) = value.as_object() else {
            self.problems.add(at, format_args!("must be an object with _id, not {}", kind(value)));
            return None;
        };
        let id = match fields.get("_id") {
            Some(id) => self.expression(&format!("{at}._id"), id, 1),
            None => {
                self.problems
                    .add(at, "needs an _id: an expression to group by, or null for one group of all");
                None
            }
        };
        let mut parsed = Vec::new();
        for (name, value) in fields.iter().filter(|(name, _)| *name != "_id") {
            if self.problems.full() {
                return None;
            }
            parsed.extend(self.group_field(&format!("{at}.{name}"), name, value));
        }
        let spec = Arc::new(Group { id: id?, fields: parsed });
        Some(Grouper { spec, ids: BTreeMap::new(), groups: Vec::new(), collected: 0 })
    }

    fn group_field(&mut self, at: &str, name: &str, value: &Value) -> Option<Field> {
        self.name(at, name)?;
        let mut operators = value.as_object().into_iter().flatten();
        let (Some((operator, operand)), None) = (operators.next(), operators.next()) else {
            self.problems.add(
                at,
                format_args!("must be an object with one accumulator: known are {}", KNOWN.join(", ")),
            );
            return None;
        };
        let at = format!("{at}.{operator}");
        let Some(empty) = Accumulator::new(operator) else {
            self.problems
                .add(&at, format_args!("unknown accumulator `{operator}`: known are {}", KNOWN.join(", ")));
            return None;
        };
        if matches!(empty, Accumulator::Count(_))
            && operand.as_object().is_none_or(|operand| !operand.is_empty())
        {
            self.problems.add(&at, "must be {}");
            return None;
        }
        Some(Field { name: name.to_owned(), empty, expression: self.expression(&at, operand, 1)? })
    }
}

impl Grouper {
    pub(super) fn add(
        &mut self,
        document: &Value,
        held: &mut Meter,
        limits: &Limits,
    ) -> Result<(), Exceeded> {
        let spec = self.spec.clone();
        let mut room = Meter::document(limits.document_bytes);
        let id = match spec.id.evaluate(document, &mut room)? {
            Some(id) => own(id, &mut room)?,
            None => Value::Null,
        };
        let id = Operand::new(id);
        let at = match self.ids.get(&id) {
            Some(at) => *at,
            None => self.open(id, held, limits)?,
        };
        let mut room = Meter::document(limits.document_bytes);
        for (field, accumulator) in spec.fields.iter().zip(self.groups.get_mut(at).into_iter().flatten()) {
            let value = field.expression.evaluate(document, &mut room)?;
            let mut room = Room { held: &mut *held, collected: &mut self.collected, most: limits.collected };
            accumulator.add(value, &mut room)?;
        }
        Ok(())
    }

    fn open(&mut self, id: Operand, held: &mut Meter, limits: &Limits) -> Result<usize, Exceeded> {
        let at = self.groups.len();
        if at >= limits.groups {
            return Err(Exceeded::Groups(limits.groups));
        }
        held.take(self.base(&id))?;
        self.groups.push(self.spec.fields.iter().map(|field| field.empty.clone()).collect());
        self.ids.insert(id, at);
        Ok(at)
    }

    /// The bytes of a group before anything was added to it.
    fn base(&self, id: &Operand) -> usize {
        weight(id.value()) + size_of::<Accumulator>() * self.spec.fields.len()
    }

    /// The groups as documents, in the order in which they were first seen.
    pub(super) fn drain(&mut self, held: &mut Meter) -> Vec<Value> {
        let mut ids: Vec<_> = std::mem::take(&mut self.ids).into_iter().collect();
        ids.sort_unstable_by_key(|(_, at)| *at);
        let groups = std::mem::take(&mut self.groups);
        let mut made = Vec::with_capacity(groups.len());
        for ((id, _), accumulators) in ids.into_iter().zip(groups) {
            held.give(self.base(&id) + accumulators.iter().map(Accumulator::weight).sum::<usize>());
            let names = self.spec.fields.iter().map(|field| field.name.clone());
            let mut fields = Map::new();
            fields.insert("_id".to_owned(), id.into_value());
            fields.extend(names.zip(accumulators.into_iter().map(Accumulator::finish)));
            made.push(Value::Object(fields));
        }
        made
    }
}
