//! JSON as a tree, which takes up to a hundred times the memory of its text: it is counted while it grows, and so is the time.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::budget::Budget;

/// A value in its place. It has 32 bytes, and an array has room for twice as many while it grows.
const VALUE_BYTES: usize = 64;
/// An array with something in it has room for four.
const ARRAY_BYTES: usize = 128;
/// An object with something in it has room for eleven fields, of 56 bytes each.
const OBJECT_BYTES: usize = 640;
/// A name's place beside its value's in an object, which is half empty where it is large; and what the allocator takes for a text.
const TEXT_BYTES: usize = 64;

/// What `make` makes of a tree of JSON, which is gone then.
///
/// # Errors
/// There is no such tree, or what `make` says.
pub fn with_tree<'a, T>(
    text: &[u8],
    budget: &mut Budget<'a>,
    make: impl FnOnce(&Value, &mut Budget<'a>) -> Result<T, String>,
) -> Result<T, String> {
    let before = budget.tree_bytes_left();
    let tree = read(text, budget)?;
    let bytes = before - budget.tree_bytes_left();
    let made = make(&tree, budget);
    drop(tree);
    budget.let_go(bytes);
    made
}

/// The tree of this text.
///
/// # Errors
/// It is no JSON, or takes too much memory.
pub fn read(text: &[u8], budget: &mut Budget<'_>) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Tree(budget).deserialize(&mut reader);
    value.and_then(|value| reader.end().map(|()| value)).map_err(|error| match error.classify() {
        // Our own words.
        Category::Data => error.to_string(),
        Category::Io | Category::Syntax | Category::Eof => format!("no JSON: {error}"),
    })
}

struct Tree<'a, 'b>(&'a mut Budget<'b>);

impl Tree<'_, '_> {
    fn take<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        self.0.tree(bytes).map_err(E::custom)
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        self.take(TEXT_BYTES.saturating_add(text.len()))?;
        self.0.text(text.len()).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(mut self, reader: D) -> Result<Value, D::Error> {
        self.take(VALUE_BYTES)?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<Value, E> {
        self.text(text)?;
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.take(ARRAY_BYTES)?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Tree(self.0))? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Value, A::Error> {
        self.take(OBJECT_BYTES)?;
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            self.text(&name)?;
            object.insert(name, fields.next_value_seed(Tree(self.0))?);
        }
        Ok(Value::Object(object))
    }
}
