use std::collections::{BTreeMap, HashSet, LinkedList};

use serde::{Deserialize, Serialize};

use super::*;
use crate::host::types::Reference;
use crate::mock;
use crate::object_ref::ObjectRef;

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Shape {
    Point,
    Circle(f64),
    Rect { w: u32, h: u32 },
    Line((i32, i32), [i32; 2]),
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Record {
    id: u64,
    name: String,
    tags: Vec<String>,
    by_key: BTreeMap<String, Option<i32>>,
    shapes: Vec<Shape>,
    nothing: (),
    wide: i128,
    letter: char,
}

#[derive(Serialize, Deserialize, Debug)]
struct Chain(Option<Box<Chain>>);

fn record() -> Record {
    Record {
        id: u64::MAX,
        name: "ü".repeat(300),
        tags: vec![String::new(), "a".into()],
        by_key: BTreeMap::from([("x".into(), Some(-5)), ("y".into(), None)]),
        shapes: vec![Shape::Point, Shape::Circle(0.5), Shape::Rect { w: 1, h: 2 }, Shape::Line((1, -1), [2, 3])],
        nothing: (),
        wide: i128::MIN,
        letter: '√',
    }
}

fn payload(encoding: Encoding, data: Vec<u8>) -> Payload {
    Payload { encoding, data, references: Vec::new() }
}

/// A length of 2^60 as bincode writes it.
fn huge_length() -> Vec<u8> {
    let mut bytes = vec![253];
    bytes.extend((1u64 << 60).to_le_bytes());
    bytes
}

fn refused<T: DeserializeOwned + 'static>(bytes: Vec<u8>) -> String {
    match decode::<T>(payload(Encoding::Bincode, bytes)) {
        Ok(_) => panic!("hostile bytes were read"),
        Err(reason) => reason,
    }
}

#[test]
fn values_survive_both_encodings() {
    for encoding in [Encoding::Bincode, Encoding::Json] {
        let written = encode(record(), encoding).unwrap();
        assert_eq!(written.encoding, encoding);
        assert_eq!(decode::<Record>(written).unwrap(), record());
    }
}

#[test]
fn the_wire_is_plain_bincode() {
    let written = encode(record(), Encoding::Bincode).unwrap();
    let plain = ::bincode::serde::encode_to_vec(record(), ::bincode::config::standard()).unwrap();
    assert_eq!(written.data, plain);
}

#[test]
fn a_list_of_bytes_is_raw_whatever_was_asked_for() {
    for encoding in [Encoding::Bincode, Encoding::Json, Encoding::Raw] {
        let written = encode(vec![1u8, 2, 3], encoding).unwrap();
        assert_eq!((written.encoding, &written.data[..]), (Encoding::Raw, &[1, 2, 3][..]));
        assert_eq!(decode::<Vec<u8>>(written).unwrap(), [1, 2, 3]);
    }
    assert_eq!(decode::<Vec<u8>>(payload(Encoding::Json, b"[1, 2]".to_vec())).unwrap(), [1, 2]);
    assert_eq!(decode::<Vec<u8>>(payload(Encoding::Bincode, vec![2, 7, 8])).unwrap(), [7, 8]);
}

#[test]
fn raw_bytes_are_bytes_or_text_and_nothing_else() {
    assert_eq!(decode::<String>(payload(Encoding::Raw, "hé".into())).unwrap(), "hé");
    assert!(decode::<String>(payload(Encoding::Raw, vec![0xff])).unwrap_err().contains("utf-8"));
    let reason = decode::<Vec<u32>>(payload(Encoding::Raw, vec![1])).unwrap_err();
    assert_eq!(reason, "not a `Vec<u32>`: the payload is a plain list of bytes");
    assert_eq!(encode(5u32, Encoding::Raw).err().unwrap(), "`u32` is not a list of bytes");
}

#[test]
fn cut_off_bytes_are_refused_at_every_length() {
    let whole = encode(record(), Encoding::Bincode).unwrap().data;
    for end in 0..whole.len() {
        assert_eq!(refused::<Record>(whole[..end].to_vec()), "not a `Record`: the bytes are cut off");
    }
}

#[test]
fn any_changed_byte_is_read_or_refused_but_never_panics() {
    let whole = encode(record(), Encoding::Bincode).unwrap().data;
    for at in 0..whole.len() {
        for value in [0, 1, 127, 250, 251, 252, 253, 254, 255] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let _ = decode::<Record>(payload(Encoding::Bincode, bytes));
        }
    }
}

#[test]
fn bytes_left_over_are_refused() {
    assert_eq!(refused::<u8>(vec![1, 2, 3]), "not a `u8`: 2 bytes are left over");
}

#[test]
fn a_huge_length_reserves_nothing() {
    // Each of these would end the process if it reserved what the length says.
    refused::<String>(huge_length());
    refused::<Vec<u64>>(huge_length());
    refused::<Vec<String>>(huge_length());
    refused::<BTreeMap<String, u8>>(huge_length());
    refused::<Vec<u8>>(huge_length());
}

#[test]
fn elements_without_bytes_are_counted() {
    assert!(refused::<Vec<()>>(huge_length()).contains("more elements"));
    assert!(refused::<LinkedList<()>>(huge_length()).contains("more elements"));
    assert!(refused::<HashSet<()>>(huge_length()).contains("more elements"));
    let many = encode(vec![(); 5000], Encoding::Bincode).unwrap();
    assert_eq!(decode::<Vec<()>>(many).unwrap().len(), 5000);
}

#[test]
fn deep_nesting_is_refused() {
    assert!(refused::<Chain>(vec![1; 100_000]).contains("nested too deeply"));
    let mut shallow = vec![1; 50];
    shallow.push(0);
    decode::<Chain>(payload(Encoding::Bincode, shallow)).unwrap();
}

#[test]
fn references_travel_beside_the_bytes() {
    let object = mock::sealed(&7i32);
    let id = object.id();
    let written = encode(vec![object.clone(), object], Encoding::Bincode).unwrap();
    assert_eq!((written.references.len(), &written.data[..]), (2, &[2, 0, 1][..]));
    let read: Vec<ObjectRef<i32>> = decode(written).unwrap();
    assert_eq!(read.iter().map(ObjectRef::id).collect::<Vec<_>>(), [id, id]);
}

#[test]
fn a_lying_reference_index_is_an_error() {
    let mut written = encode(vec![mock::sealed(&7i32)], Encoding::Bincode).unwrap();
    written.data[1] = 9;
    let reason = decode::<Vec<ObjectRef<i32>>>(written).err().unwrap();
    assert!(reason.contains("reference 9 of 1 does not exist"), "{reason}");
}

#[test]
fn a_handle_of_the_wrong_sort_is_an_error() {
    let references = vec![Reference::Actor(mock::actor("a"))];
    let wrong = Payload { encoding: Encoding::Json, data: b"0".to_vec(), references };
    let reason = decode::<ObjectRef<i32>>(wrong).err().unwrap();
    assert!(reason.contains("reference 0 is an actor, not an object"), "{reason}");
}

#[test]
fn a_reference_written_or_read_elsewhere_is_an_error() {
    let reason = serde_json::to_string(&mock::sealed(&7i32)).unwrap_err().to_string();
    assert!(reason.contains("only be written as part of"), "{reason}");
    let reason = serde_json::from_str::<ObjectRef<i32>>("0").unwrap_err().to_string();
    assert!(reason.contains("only be read as part of"), "{reason}");
}
