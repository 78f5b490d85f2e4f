//! Payloads: bytes that are taken for a value of some type.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A type that contains itself.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

/// A bit of everything that serde knows.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Wide(u8, i16, u32, i64, u128),
    Named { name: String, tags: BTreeMap<String, Option<char>>, flag: bool },
    Inside(Box<Shape>),
    Many(Vec<Shape>),
}

/// The first byte chooses the type; the rest is the payload.
pub fn run(input: &[u8]) {
    let Some((choice, data)) = input.split_first() else {
        return;
    };
    match choice % 8 {
        0 => read::<Vec<u64>>(data),
        1 => read::<String>(data),
        2 => read::<Tree>(data),
        3 => read::<Vec<()>>(data),
        4 => read::<BTreeMap<String, Option<u8>>>(data),
        5 => read::<Shape>(data),
        6 => read::<(bool, char, [u16; 3], Option<Vec<u8>>)>(data),
        _ => read::<Vec<Shape>>(data),
    }
}

/// What can be read is a value: written and read again it is the same.
fn read<T: Debug + PartialEq + Serialize + DeserializeOwned>(data: &[u8]) {
    if let Ok(value) = rustyray_codec::decode::<T>(data) {
        let written = rustyray_codec::encode(&value).expect("what was read can be written");
        assert_eq!(rustyray_codec::decode::<T>(&written).as_ref(), Ok(&value));
    }
}
