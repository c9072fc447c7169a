//! Which fields of a record are shown: `select`, `includeFields`, `excludeFields` and `maskFields` (contract §3.2).
//! Works on a copy; the stored record never changes.

use serde_json::Value;

use super::Path;
use super::fields::Tree;

/// What a masked value is replaced with; always as long, so that it does not tell how long the value is.
pub const MASK: &str = "••••••";

/// Always shown when fields are selected, as MongoDB shows `_id`: without them no client can tell records apart.
const IDENTITY: [&str; 2] = ["sk", "datatype"];

/// A parsed choice of fields. Paths go through objects and fan out over arrays of objects; numbers in them are names.
/// First only what is included is kept, then what is excluded is removed, then what is masked is replaced.
#[derive(Debug, Clone, Default)]
pub struct Projection {
    include: Tree,
    exclude: Tree,
    mask: Tree,
}

impl Projection {
    /// Includes nothing but these paths (all, if there are none) and `sk` and `datatype`, leaves out `exclude`, and
    /// puts `MASK` in the place of every value other than null at the paths in `mask`. Of two paths that overlap the
    /// shorter one counts.
    pub fn new(include: &[Path], exclude: &[Path], mask: &[Path]) -> Self {
        let mut include = tree(include);
        if !include.is_empty() {
            IDENTITY.iter().filter_map(|name| Path::parse(name).ok()).for_each(|path| include.widen(&path));
        }
        Self { include, exclude: tree(exclude), mask: tree(mask) }
    }

    /// True if documents are shown as they are.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty() && self.mask.is_empty()
    }

    /// The document as it is to be shown.
    pub fn apply(&self, document: &Value) -> Value {
        let Value::Object(fields) = document else {
            return document.clone();
        };
        let mut shown = if self.include.is_empty() { fields.clone() } else { self.include.keep(fields) };
        self.exclude.edit(&mut shown, |_| false);
        self.mask.edit(&mut shown, |value| {
            if !value.is_null() {
                *value = Value::from(MASK);
            }
            true
        });
        Value::Object(shown)
    }
}

fn tree(paths: &[Path]) -> Tree {
    let mut tree = Tree::default();
    paths.iter().for_each(|path| tree.widen(path));
    tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(choice: [&str; 3], document: &Value) -> Value {
        let paths = |text: &str| -> Vec<_> {
            text.split_whitespace().map(|path| Path::parse(path).unwrap()).collect()
        };
        let [include, exclude, mask] = choice.map(paths);
        Projection::new(&include, &exclude, &mask).apply(document)
    }

    #[test]
    fn shows_what_was_asked_for() {
        let record = json!({"sk": "1", "datatype": "contact", "state": "active",
            "data": {"name": "A", "card": "4242", "none": null, "items": [{"a": 1, "b": 2}, 3, [{"a": 4}]]}});
        let data = |data: Value| json!({"sk": "1", "datatype": "contact", "data": data});
        let masked = json!({"name": "A", "card": MASK, "none": null});
        let table = [
            (["", "", ""], record.clone()),
            (["data.name", "", ""], data(json!({"name": "A"}))),
            (["data.name", "sk datatype", ""], json!({"data": {"name": "A"}})),
            (["nothing", "", ""], json!({"sk": "1", "datatype": "contact"})),
            (["sk", "datatype", ""], json!({"sk": "1"})),
            (["data.items.a", "", ""], data(json!({"items": [{"a": 1}, [{"a": 4}]]}))),
            (["data.name.deeper", "", ""], data(json!({}))),
            (["data data.name", "data.items data.none", ""], data(json!({"name": "A", "card": "4242"}))),
            (["data.name data", "data.items", "data.card data.none"], data(masked)),
            (
                ["data.items", "", "data.items.a data.items.b"],
                data(json!({"items": [{"a": MASK, "b": MASK}, 3, [{"a": MASK}]]})),
            ),
            (["data.items", "data.items.b", ""], data(json!({"items": [{"a": 1}, 3, [{"a": 4}]]}))),
            (["data.name", "", "data"], data(json!(MASK))),
        ];
        for (choice, expected) in table {
            assert_eq!(shown(choice, &record), expected, "{choice:?}");
        }
    }

    #[test]
    fn keeps_the_order_of_names() {
        let shown = shown(["data.a data.z", "", ""], &json!({"data": {"z": 1, "m": 2, "a": 3}}));
        assert_eq!(shown.to_string(), r#"{"data":{"z":1,"a":3}}"#);
        assert!(Projection::default().is_empty());
    }
}
