use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, Val};

use super::function::read;
use super::*;
use crate::state::object::payload::{Encoding, Payload};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::{JSON_TREE_BYTES_MAX, WIT_VALUE_FUEL, WIT_VALUES_A_LOOK, WIT_VALUES_MAX};

const NAMED: &str = r#"
    (type $point' (record (field "x" s32) (field "y" f64) (field "tag" (option string))))
    (import "point" (type $point (eq $point')))
    (type $unsorted' (record (field "z" f32) (field "a" u8) (field "m" (option (option u8)))))
    (import "unsorted" (type $unsorted (eq $unsorted')))
    (type $shape' (variant (case "empty") (case "circle" f32) (case "corners" (list $point))))
    (import "shape" (type $shape (eq $shape')))
    (type $color' (enum "red" "green"))
    (import "color" (type $color (eq $color')))
    (type $marks' (flags "bold" "small"))
    (import "marks" (type $marks (eq $marks')))"#;

/// A type, as a component has it.
fn ty(text: &str) -> Type {
    ty_with(NAMED, text)
}

/// The same with other types that it may name.
fn ty_with(named: &str, text: &str) -> Type {
    let mut config = wasmtime::Config::new();
    config.concurrency_support(false);
    let engine = wasmtime::Engine::new(&config).unwrap();
    let wat = format!(r#"(component {named} (import "f" (func (param "value" {text}))))"#);
    let component = Component::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
    let component = component.component_type();
    match component.get_import(&engine, "f").unwrap().ty {
        ComponentItem::ComponentFunc(function) => function.params().next().unwrap().1,
        other => panic!("{other:?}"),
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Point {
    x: i32,
    y: f64,
    tag: Option<String>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Shape {
    Empty,
    Circle(f32),
    Corners(Vec<Point>),
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Color {
    Red,
    Green,
}

/// Whoever looks at the fuel alone.
impl<F: FnMut(u64) -> Result<(), TaskError> + Send> Payer for F {
    fn burn(&mut self, fuel: u64) -> Result<(), TaskError> {
        self(fuel)
    }

    fn keep(&mut self, _bytes: u64) -> Result<(), TaskError> {
        Ok(())
    }

    fn let_go(&mut self, _bytes: u64) {}
}

/// What nobody pays for.
macro_rules! free {
    () => {
        &mut Budget::new(Left::default(), &mut |_| Ok(()))
    };
}

/// The value as JSON, read by a program.
fn as_json(value: &Val, ty: &Type) -> Value {
    serde_json::from_str(&json_text::write(value, ty, free!()).unwrap()).unwrap()
}

/// A Rust value is the same in both encodings, there and back.
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str, value: T, json: &Value) {
    let ty = ty(text);
    let bytes = rustyray_codec::encode(&value).unwrap();
    let read = binary::read(&bytes, &ty, free!()).unwrap_or_else(|why| panic!("{value:?}: {why}"));
    assert_eq!(as_json(&read, &ty), *json);
    let again = json::read(json, &ty, free!()).unwrap_or_else(|why| panic!("{json}: {why}"));
    assert_eq!(again, read);
    let written = binary::write(&again, &ty, free!()).unwrap();
    assert_eq!(written, bytes, "{value:?}");
    assert_eq!(rustyray_codec::decode::<T>(&written).unwrap(), value);
    // Cut off anywhere it is an error, and never a panic.
    for end in 0..bytes.len() {
        assert!(binary::read(&bytes[..end], &ty, free!()).is_err(), "{text} of {end} bytes");
    }
    assert!(binary::read(&[&bytes[..], &[0]].concat(), &ty, free!()).is_err(), "one too many");
}

#[test]
fn values_are_the_same_in_every_encoding() {
    same("bool", true, &json!(true));
    same("u8", 255u8, &json!(255));
    same("s8", -128i8, &json!(-128));
    for number in [0, 250, 251, 65535] {
        same("u16", number as u16, &json!(number));
    }
    same("s16", i16::MIN, &json!(i16::MIN));
    same("u32", u32::MAX, &json!(u32::MAX));
    for number in [0, 1, -1, 125, -126, i32::MIN, i32::MAX] {
        same("s32", number, &json!(number));
    }
    same("u64", u64::MAX, &json!(u64::MAX));
    same("s64", i64::MIN, &json!(i64::MIN));
    same("f32", 1.5f32, &json!(1.5));
    same("f64", -2.25f64, &json!(-2.25));
    for char in ['a', 'ä', '€', '🦀'] {
        same("char", char, &json!(char));
    }
    same("string", "naïve".to_owned(), &json!("naïve"));
    same("(list u32)", vec![1u32, 300, 70_000], &json!([1, 300, 70_000]));
    same("(tuple u8 string)", (7u8, "seven".to_owned()), &json!([7, "seven"]));
    same("(option u8)", Some(3u8), &json!(3));
    same("(option u8)", None::<u8>, &json!(null));
    same("(result u8 (error string))", Ok::<u8, String>(3), &json!({"ok": 3}));
    same("(result u8 (error string))", Err::<u8, String>("no".to_owned()), &json!({"err": "no"}));
}

#[test]
fn values_of_named_types_too() {
    let point = Point { x: -3, y: 0.5, tag: Some("here".to_owned()) };
    let written = json!({"x": -3, "y": 0.5, "tag": "here"});
    same("$point", point.clone(), &written);
    same("$shape", Shape::Empty, &json!("empty"));
    same("$shape", Shape::Circle(2.0), &json!({"circle": 2.0}));
    same("$shape", Shape::Corners(vec![point]), &json!({"corners": [written]}));
    same("$color", Color::Green, &json!("green"));
    same("$marks", vec!["bold".to_owned(), "small".to_owned()], &json!(["bold", "small"]));
    // What is optional may be left out.
    let ty = ty("$point");
    let short = json::read(&json!({"x": 1, "y": 2}), &ty, free!()).unwrap();
    assert_eq!(as_json(&short, &ty), json!({"x": 1, "y": 2.0, "tag": null}));
}

/// The texts of JSON are the same value, and written as the last of them.
fn written(ty: &Type, texts: &[&str]) {
    for text in texts {
        let read = json::read(&serde_json::from_str(text).unwrap(), ty, free!());
        let read = read.unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(json_text::write(&read, ty, free!()).as_deref(), Ok(*texts.last().unwrap()), "{text}");
    }
}

#[test]
fn floats_have_their_own_digits_and_their_own_range() {
    let (single, double) = (ty("f32"), ty("f64"));
    written(&single, &["1.10", "1.1"]);
    written(&single, &["1.100000023841858", "1.1"]);
    written(&single, &["3.4028235e+38"]);
    written(&single, &["-0.0"]);
    written(&double, &["1.1"]);
    written(&double, &["1", "1.0"]);
    written(&double, &["1e39", "1e+39"]);
    for ty in [&single, &double] {
        ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""].iter().for_each(|text| written(ty, &[text]));
    }
    let refused = |ty: &Type, value: Value| json::read(&value, ty, free!()).unwrap_err();
    for value in [json!(1e39), json!(-1e39), json!(u64::MAX as f64 * 1e30), json!("1.5"), json!("inf"), json!(null)] {
        let why = refused(&single, value.clone());
        assert!(why.starts_with("f32 (a number in its range") && why.contains(&value.to_string()), "{why}");
    }
    assert!(refused(&double, json!("nan")).starts_with("f64 (a number"));
    let mut seeds = fastrand::Rng::with_seed(7);
    for _ in 0..10_000 {
        let value = f32::from_bits(seeds.u32(..));
        let text = json_text::write(&Val::Float32(value), &single, free!()).unwrap();
        let read = json::read(&serde_json::from_str(&text).unwrap(), &single, free!()).unwrap();
        let same = matches!(read, Val::Float32(read) if read == value || (read.is_nan() && value.is_nan()));
        assert!(same, "{value}: {text}");
    }
}

#[test]
fn whole_numbers_of_64_bits_are_exact_and_may_be_texts() {
    let (unsigned, signed) = (ty("u64"), ty("s64"));
    written(&unsigned, &["\"18446744073709551615\"", "18446744073709551615"]);
    written(&unsigned, &["\"9007199254740993\"", "9007199254740993"]);
    written(&signed, &["\"-9223372036854775808\"", "-9223372036854775808"]);
    let refused = |ty: &Type, value: Value| json::read(&value, ty, free!()).unwrap_err();
    for text in ["18446744073709551616", "-1", "+1", "1.0", "", " 1", "0x1"] {
        assert_eq!(refused(&unsigned, json!(text)), format!("u64 is expected, and this is {text:?}"));
    }
    assert!(refused(&signed, json!(9_223_372_036_854_775_808_u64)).starts_with("s64 is expected"));
    assert!(refused(&ty("u32"), json!("1")).starts_with("u32 is expected"));
}

#[test]
fn an_option_in_an_option_tells_which_of_them_is_none() {
    let twice = ty("(option (option u8))");
    ["null", "{\"some\":null}", "{\"some\":5}"].iter().for_each(|text| written(&twice, &[text]));
    let thrice = ty("(option (option (option u8)))");
    ["null", "{\"some\":null}", "{\"some\":{\"some\":null}}", "{\"some\":{\"some\":5}}"]
        .iter()
        .for_each(|text| written(&thrice, &[text]));
    ["null", "5"].iter().for_each(|text| written(&ty("(option u8)"), &[text]));
    written(&ty("(option (list (option u8)))"), &["[null,5]"]);
    let why = json::read(&json!(5), &twice, free!()).unwrap_err();
    assert_eq!(why, "null or {\"some\": …}, with null or a value in it, is expected, and this is 5");
    same("(option (option u8))", Some(None::<u8>), &json!({"some": null}));
}

#[test]
fn fields_stay_in_the_order_in_which_they_are_declared() {
    let unsorted = ty("$unsorted");
    written(&unsorted, &[r#"{"a":1,"m":{"some":2},"z":1.1}"#, r#"{"z":1.1,"a":1,"m":{"some":2}}"#]);
    written(&unsorted, &[r#"{"a":1,"z":1}"#, r#"{"z":1.0,"a":1,"m":null}"#]);
}

#[test]
fn what_is_no_such_value_says_why() {
    let refused = |text: &str, value: Value| json::read(&value, &ty(text), free!()).unwrap_err();
    assert_eq!(refused("u8", json!(256)), "u8 is expected, and this is 256");
    assert_eq!(refused("u32", json!(-1)), "u32 is expected, and this is -1");
    assert_eq!(refused("s32", json!(1.5)), "s32 is expected, and this is 1.5");
    assert_eq!(refused("char", json!("ab")), "one character is expected, and this is \"ab\"");
    assert_eq!(refused("(tuple u8 u8)", json!([1])), "tuple<u8, u8> is expected, and this is [1]");
    assert_eq!(refused("$color", json!("blue")), "one of red, green is expected, and this is \"blue\"");
    assert_eq!(refused("$marks", json!(["wide"])), "some of bold, small is expected, and this is \"wide\"");
    assert_eq!(refused("$point", json!({"x": 1})), "the field `y` is missing");
    assert_eq!(refused("$point", json!({"x": 1, "y": 1, "z": 1})), "there is no field `z`: there are x, y, tag");
    assert_eq!(refused("$point", json!({"x": "1", "y": 1})), "`x`: s32 is expected, and this is \"1\"");
    assert_eq!(
        refused("$shape", json!({"square": 1})),
        "one of empty, circle, corners is expected, and this is {\"square\":1}"
    );
    assert_eq!(refused("$shape", json!({"empty": 1})), "no value with it is expected, and this is {\"empty\":1}");
    assert_eq!(refused("$shape", json!("circle")), "a value with it, f32 is expected, and this is \"circle\"");
    assert!(refused("string", json!(vec![0; 1000])).len() < 120);
}

#[test]
fn bytes_that_lie_are_errors() {
    let refused = |text: &str, bytes: &[u8]| binary::read(bytes, &ty(text), free!()).unwrap_err();
    assert!(
        refused("(list u64)", &[253, 255, 255, 255, 255, 255, 255, 255, 255]).contains("18446744073709551615 follow")
    );
    assert!(refused("string", &[200, b'a']).contains("200 follow"));
    assert!(refused("string", &[1, 0xff]).contains("UTF-8"));
    assert!(refused("char", &[0x80]).contains("begins"));
    assert!(refused("bool", &[2]).contains("neither"));
    assert!(refused("(option u8)", &[2, 1]).contains("neither"));
    assert!(refused("u16", &[252, 0, 0, 1, 0]).contains("too large"));
    assert!(refused("u64", &[255]).contains("no number"));
    assert!(refused("$color", &[9]).contains("no case 9"));
    assert!(refused("$shape", &[3]).contains("no case 3"));
    assert!(refused("$marks", &[1, 1, b'x']).contains("no flag"));
    // Many values of few bytes each.
    let many = vec![0; WIT_VALUES_MAX + 10];
    let mut claimed = vec![252];
    claimed.extend((WIT_VALUES_MAX as u32 + 1).to_le_bytes());
    claimed.extend(&many);
    assert!(refused("(list u8)", &claimed).contains("pass it in parts"));
}

#[test]
fn types_are_spelt_as_in_wit() {
    for (text, spelt) in [
        ("(list (option string))", "list<option<string>>"),
        ("(tuple u8 f64)", "tuple<u8, f64>"),
        ("(result u8)", "result<u8>"),
        ("(result (error string))", "result<_, string>"),
        ("(result)", "result"),
        ("$color", "enum {red, green}"),
        ("$marks", "flags {bold, small}"),
        ("$point", "{x: s32, y: f64, tag: option<string>}"),
        ("$shape", "variant {empty, circle(f32), corners(list<{x: s32, y: f64, tag: option<string>}>)}"),
    ] {
        assert_eq!(super::text::of(&ty(text)), spelt);
    }
}

/// An enum and a variant of so many cases, in a record.
fn many_cases(count: usize) -> Type {
    let cases = |form: &str| (0..count).map(|number| format!("({form} \"c{number}\")")).collect::<String>();
    let names = (0..count).map(|number| format!("\"c{number}\" ")).collect::<String>();
    let named = format!(
        r#"(type $e' (enum {names})) (import "e" (type $e (eq $e')))
        (type $v' (variant {})) (import "v" (type $v (eq $v')))
        (type $r' (record (field "e" $e) (field "v" $v))) (import "r" (type $r (eq $r')))"#,
        cases("case")
    );
    ty_with(&named, "(list $r)")
}

/// Translates in all four ways, and gives the fuel that each burns.
fn burned_each_way(ty: &Type, json: &str) -> [u64; 4] {
    let tree = serde_json::from_str(json).unwrap();
    fn counted<T>(work: impl FnOnce(&mut Budget<'_>) -> Result<T, String>) -> (T, u64) {
        let mut burned = 0;
        let mut pay = |fuel| {
            burned += fuel;
            Ok(())
        };
        let mut budget = Budget::new(Left::default(), &mut pay);
        let made = work(&mut budget).unwrap();
        let (made, _) = budget.done(Ok(made)).unwrap();
        (made.made, burned)
    }
    let (value, json_read) = counted(|budget| json::read(&tree, ty, budget));
    let (text, json_written) = counted(|budget| json_text::write(&value, ty, budget));
    assert_eq!(text, json);
    let (bytes, binary_written) = counted(|budget| binary::write(&value, ty, budget));
    let (again, binary_read) = counted(|budget| binary::read(&bytes, ty, budget));
    assert_eq!(again, value);
    [json_read, json_written, binary_written, binary_read]
}

#[test]
fn a_value_of_ten_thousand_cases_is_found_as_fast_as_one_of_two() {
    let values = 20_000;
    let json = |case: usize| {
        let one = format!(r#"{{"e":"c{case}","v":"c{case}"}}"#);
        format!("[{}]", vec![one; values].join(","))
    };
    let few = burned_each_way(&many_cases(2), &json(1));
    let many = burned_each_way(&many_cases(10_000), &json(9999));
    for (few, many) in few.into_iter().zip(many) {
        // Each is paid for, and the cases of the two types once.
        assert!(few >= 3 * values as u64 * WIT_VALUE_FUEL, "{few}");
        assert!(many <= few + 20_000 * WIT_VALUE_FUEL, "{many} and {few}");
    }
}

#[test]
fn who_is_to_stop_stops_after_some_thousand_values() {
    let ty = ty("(list u8)");
    let bytes = [&[252][..], &1_000_000u32.to_le_bytes(), &[0; 1_000_000]].concat();
    let mut looks = 0;
    let mut pay = |fuel| {
        assert_eq!(fuel, WIT_VALUES_A_LOOK as u64 * WIT_VALUE_FUEL);
        looks += 1;
        if looks < 3 { Ok(()) } else { Err(TaskError::new(ErrorKind::OutOfFuel, "no more")) }
    };
    let mut budget = Budget::new(Left::default(), &mut pay);
    let made = binary::read(&bytes, &ty, &mut budget);
    let made = made.map_err(|why| TaskError::new(ErrorKind::InvalidArgument, why));
    assert_eq!(budget.done(made).err().unwrap().kind, ErrorKind::OutOfFuel, "and not whatever it could not read then");
    assert_eq!(looks, 3);
}

#[test]
fn copies_of_a_long_name_count() {
    let name = "n".repeat(50_000);
    let ty = ty_with(&format!(r#"(type $e' (enum "{name}")) (import "e" (type $e (eq $e')))"#), "(list $e)");
    let bytes = [&[252][..], &1_000_000u32.to_le_bytes(), &[0; 1_000_000]].concat();
    assert!(binary::read(&bytes, &ty, free!()).unwrap_err().contains("pass it in parts"));
}

#[test]
fn a_tree_of_json_is_counted_before_it_is_there() {
    let tree = |json: &str| json_tree::read(json.as_bytes(), free!());
    let many = format!("[{}0]", r#"{"":0},"#.repeat(2_000_000));
    let mut looks = 0;
    let mut pay = |_| {
        looks += 1;
        Ok(())
    };
    let why = json_tree::read(many.as_bytes(), &mut Budget::new(Left::default(), &mut pay)).unwrap_err();
    assert!(why.starts_with(&format!("it takes more than {JSON_TREE_BYTES_MAX} bytes of memory")), "{why}");
    assert!(why.contains("pass it in parts"), "{why}");
    assert!(looks * WIT_VALUES_A_LOOK < 3_000_000, "the rest of it is not read");
    // As much as there may be of small values.
    let most = format!("[{}0]", "0,".repeat(WIT_VALUES_MAX - 2));
    assert_eq!(tree(&most).unwrap().as_array().unwrap().len(), WIT_VALUES_MAX - 1);
    for json in [r#"{"a":[1,-2,1.5,"x",null,true],"b":{"a":{}}}"#, "[]", "18446744073709551615", r#""\u00e4""#, "1e39"]
    {
        assert_eq!(tree(json), Ok(serde_json::from_str(json).unwrap()), "{json}");
    }
    for json in ["", "[1", "[1] 2", "{1:2}", "nul", &"[".repeat(1000)] {
        assert!(tree(json).unwrap_err().starts_with("no JSON: "), "{json}");
    }
}

/// Has so much memory, and counts what is kept of it.
struct Account {
    memory: u64,
    kept: u64,
    peak: u64,
}

impl Account {
    fn of(memory: u64) -> Self {
        Account { memory, kept: 0, peak: 0 }
    }
}

impl Payer for Account {
    fn burn(&mut self, _fuel: u64) -> Result<(), TaskError> {
        Ok(())
    }

    fn keep(&mut self, bytes: u64) -> Result<(), TaskError> {
        if self.kept + bytes > self.memory {
            return Err(TaskError::new(ErrorKind::OutOfMemory, "no more"));
        }
        self.kept += bytes;
        self.peak = self.peak.max(self.kept);
        Ok(())
    }

    fn let_go(&mut self, bytes: u64) {
        self.kept = self.kept.checked_sub(bytes).expect("it was kept");
    }
}

/// What reading this keeps.
fn read_for(account: &mut Account, payload: &Payload, ty: &Type) -> Result<Kept<Val>, TaskError> {
    let mut budget = Budget::new(Left::default(), account);
    let made = read(payload, ty, &mut budget).map_err(|why| TaskError::new(ErrorKind::InvalidArgument, why));
    budget.done(made).map(|(kept, _)| kept)
}

#[test]
fn values_are_charged_for_all_that_they_take() {
    for (text, json) in [
        ("(list u8)", "[1,2,3]"),
        ("(list (list u8))", "[[],[1],[2,3]]"),
        ("(list string)", r#"["", "a", "abc"]"#),
        ("$unsorted", r#"{"a":1,"z":1}"#),
        ("$shape", r#"{"corners":[{"x":1,"y":2,"tag":"long enough"},{"x":1,"y":2}]}"#),
        ("(list $color)", r#"["red","green"]"#),
        ("(list $marks)", r#"[["bold","small"],[]]"#),
        ("(tuple u8 (result string (error u8)))", r#"[1,{"ok":"text"}]"#),
    ] {
        let (ty, mut account) = (ty(text), Account::of(1 << 20));
        let kept = read_for(&mut account, &Payload::new(Encoding::Json, json), &ty).unwrap();
        assert_eq!(account.kept, kept.bytes, "{text}: the tree is gone");
        assert!(account.peak > kept.bytes, "{text}: and was charged");
        let takes = lifted::bytes(std::slice::from_ref(&kept.made)) - size_of::<Val>();
        assert!(kept.bytes >= takes as u64, "{text}: {} for {takes}", kept.bytes);
        let written = binary::write(&kept.made, &ty, free!()).unwrap();
        let mut account = Account::of(1 << 20);
        let same = read_for(&mut account, &Payload::new(Encoding::Bincode, written), &ty).unwrap();
        assert_eq!((&same.made, account.kept), (&kept.made, kept.bytes), "{text}");
    }
}

#[test]
fn what_finds_no_room_is_not_made_and_leaves_nothing_on_the_account() {
    let count = 1_000_000u32;
    let bytes = [&[252][..], &count.to_le_bytes(), &vec![0; count as usize]].concat();
    let json = format!("[{}0]", "0,".repeat(count as usize - 1));
    let payloads = [
        Payload::new(Encoding::Raw, vec![0; count as usize]),
        Payload::new(Encoding::Bincode, bytes),
        Payload::new(Encoding::Json, json),
    ];
    for payload in payloads {
        let mut account = Account::of(8 << 20);
        let error = read_for(&mut account, &payload, &ty("(list u8)")).err().unwrap();
        assert_eq!((error.kind, account.kept), (ErrorKind::OutOfMemory, 0), "{:?}", payload.encoding);
        let mut account = Account::of(1 << 30);
        let kept = read_for(&mut account, &payload, &ty("(list u8)")).unwrap();
        let each = size_of::<Val>() as u64;
        let list = u64::from(count) * each;
        assert!((list..list + 100).contains(&kept.bytes), "{} in {:?}", kept.bytes, payload.encoding);
    }
}

#[test]
fn what_is_written_is_charged_as_well() {
    let (ty, control) = (ty("string"), Val::String("\u{1}".repeat(1 << 20)));
    let mut account = Account::of(8 << 20);
    let mut budget = Budget::new(Left::default(), &mut account);
    let text = json_text::write(&control, &ty, &mut budget).unwrap();
    assert!(account.kept >= text.capacity() as u64 && text.len() > 6 << 20, "{} {}", account.kept, text.capacity());
    let mut account = Account::of(4 << 20);
    let mut budget = Budget::new(Left::default(), &mut account);
    assert_eq!(json_text::write(&control, &ty, &mut budget).unwrap_err(), "no more");
}

#[test]
fn results_of_small_parts_take_more_than_the_engine_counts() {
    for (text, each) in [
        ("u8", 1),
        ("string", 1),
        ("(list u8)", 1),
        ("$marks", 1),
        ("(tuple (list u8) $marks)", 1),
        ("(list string)", 4),
        ("(result (list (list u8)))", 4),
        ("(list $point)", 4),
        ("(option (list $marks))", 32),
    ] {
        assert_eq!(lifted::bytes_each(&ty(text)), each, "{text}");
    }
}

#[test]
fn long_names_leave_room_for_what_is_wrong() {
    let names: String = (0..100).map(|number| format!("\"{}{number}\" ", "n".repeat(9000))).collect();
    let ty = ty_with(&format!(r#"(type $e' (enum {names})) (import "e" (type $e (eq $e')))"#), "(tuple $e $e)");
    for wrong in [json!(5), json!([5, 5])] {
        let why = json::read(&wrong, &ty, free!()).unwrap_err();
        assert!(why.len() < 1200 && why.contains("is expected, and this is"), "{} {why}", why.len());
    }
}
