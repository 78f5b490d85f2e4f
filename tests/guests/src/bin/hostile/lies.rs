//! Bytes that are no value of the type that they are said to be, and the tasks that are to believe them.

use std::collections::BTreeMap;

use rustyray::prelude::*;
use rustyray::serde::Deserializer;
use rustyray::serde::ser::SerializeTuple;

/// Bytes that stand in a payload as they are, tagged as bincode: a tuple has neither a length nor a mark.
pub struct Lie(pub Vec<u8>);

impl Serialize for Lie {
    fn serialize<S: rustyray::serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Lie {
    fn deserialize<D: Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        Ok(Lie(Vec::new()))
    }
}

/// Tells a lie.
#[rustyray::remote]
fn tell(bytes: Vec<u8>) -> Lie {
    Lie(bytes)
}

/// Tells a lie to whoever counts under this name.
#[rustyray::remote]
async fn tell_counter(name: String, bytes: Vec<u8>) -> Result<i32> {
    // Not as one's own type of the same name: another module's actor is none.
    rustyray::ensure!(rustyray::get_actor::<crate::Counter>(&name).await.is_err(), "it passes for one of this module");
    rustyray::get_actor::<rustyray::AnyActor>(&name).await?.method("add").arg(Lie(bytes)).remote().await
}

#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Tree(Vec<Tree>);

#[rustyray::remote]
fn number(value: u32) -> u32 {
    value
}

#[rustyray::remote]
fn numbers(value: Vec<u64>) -> usize {
    value.len()
}

#[rustyray::remote]
fn text(value: String) -> usize {
    value.len()
}

#[rustyray::remote]
fn nothings(value: Vec<()>) -> usize {
    value.len()
}

#[rustyray::remote]
fn tree(value: Tree) -> usize {
    value.0.len()
}

#[rustyray::remote]
fn pairs(value: BTreeMap<String, Option<u8>>) -> usize {
    value.len()
}

#[rustyray::remote]
fn references(value: Vec<ObjectRef<u32>>) -> Result<u32> {
    value.iter().map(ObjectRef::blocking_get).sum()
}
