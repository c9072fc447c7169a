//! How large a query or a pipeline may be, and how much a pipeline may hold.
//! One table, so that an operator sees every bound at once.

/// The bounds; `Limits::default()` suits a server that answers many tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Levels of nesting in a query, a literal or an expression.
    pub depth: usize,
    /// Conditions in one query, counted through `$and`, `$or` and the rest; parts of one expression.
    pub clauses: usize,
    /// Entries in `$in`, `$nin` or `$all`.
    pub list: usize,
    /// `$regex` conditions in one query.
    pub regexes: usize,
    /// Bytes of one regular expression as written.
    pub regex_length: usize,
    /// Bytes of one regular expression once compiled.
    pub regex_bytes: usize,
    /// Stages in one pipeline.
    pub stages: usize,
    /// Groups of one `$group`.
    pub groups: usize,
    /// Values kept by all `$push` and `$addToSet` of one `$group`.
    pub collected: usize,
    /// Documents held by one `$sort`.
    pub sorted: usize,
    /// Documents made by all `$unwind` stages of one run.
    pub unwound: usize,
    /// Documents in the result.
    pub results: usize,
    /// Approximate bytes that `$project` may add to one document.
    pub document_bytes: usize,
    /// Approximate bytes held by one run, in sorts, groups and results together.
    pub held_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 20,
            clauses: 200,
            list: 1_000,
            regexes: 10,
            regex_length: 1_000,
            regex_bytes: 1 << 20,
            stages: 32,
            groups: 10_000,
            collected: 100_000,
            sorted: 50_000,
            unwound: 1_000_000,
            results: 10_000,
            document_bytes: 1 << 20,
            held_bytes: 64 << 20,
        }
    }
}
