//! A task's arguments: from texts to JSON payloads.

use rustyray_host::{Encoding, FunctionInfo, ParameterInfo, Payload};
use serde::de::IgnoredAny;

use super::exit::Exit;
use super::failure::Failure;

/// WIT's type of plain bytes.
const BYTES: &str = "list<u8>";

/// The arguments, encoded. Where they are `raw`, bytes that are written as no JSON array are taken as they are.
///
/// # Errors
/// Their number is wrong, or one is not JSON.
pub fn payloads(task: &FunctionInfo, texts: &[String], raw: bool) -> Result<Vec<Payload>, Failure> {
    if texts.len() != task.parameters.len() {
        return Err(with_signature(wrong_count(task, texts), task));
    }
    let encoded = texts.iter().zip(&task.parameters).map(|(text, parameter)| {
        if raw && parameter.type_name == BYTES && serde_json::from_str::<Vec<IgnoredAny>>(text).is_err() {
            return Ok(Payload::new(Encoding::Raw, text.clone()));
        }
        json(text, parameter)
            .map(|json| Payload::new(Encoding::Json, json))
            .map_err(|failure| with_signature(failure, task))
    });
    encoded.collect()
}

/// Does it give plain bytes, by a type of WIT? Those of an SDK's tasks come as such without being asked for.
pub fn gives_bytes(task: &FunctionInfo) -> bool {
    let ok = task.result_type.strip_prefix("result<").unwrap_or(&task.result_type);
    ok.strip_prefix(BYTES).is_some_and(|rest| rest.is_empty() || rest == ">" || rest.starts_with(", "))
}

/// The same failure, with the task's signature where the arguments are at fault.
pub fn with_signature(failure: Failure, task: &FunctionInfo) -> Failure {
    match failure.exit {
        Exit::Usage => failure.detail(&format!("signature: {task}")),
        _ => failure,
    }
}

fn wrong_count(task: &FunctionInfo, texts: &[String]) -> Failure {
    let (expected, given) = (task.parameters.len(), texts.len());
    let arguments = if expected == 1 { "argument" } else { "arguments" };
    let were = if given == 1 { "was" } else { "were" };
    let failure = Failure::usage(format!("task {} takes {expected} {arguments}, and {given} {were} given", task.name));
    match texts.iter().find(|text| text.starts_with("--")) {
        Some(flag) => failure.hint(format!("{flag} was taken as an argument: flags go before the first one")),
        None => failure,
    }
}

fn json(text: &str, parameter: &ParameterInfo) -> Result<String, Failure> {
    let checked = serde_json::from_str::<IgnoredAny>(text);
    if ["String", "string"].contains(&parameter.type_name.as_str()) && serde_json::from_str::<String>(text).is_err() {
        return Ok(serde_json::Value::from(text).to_string());
    }
    match checked {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            let ParameterInfo { name, type_name } = parameter;
            let failure = Failure::usage(format!("argument {name} is not JSON ({error}): {text}"));
            Err(failure.hint(format!("write the {type_name} as JSON; a text needs quotes of its own: '\"text\"'")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(type_name: &str) -> ParameterInfo {
        ParameterInfo { name: "a".to_owned(), type_name: type_name.to_owned() }
    }

    #[test]
    fn json_is_passed_on_as_it_is() {
        for text in ["-2", "[1, 2]", "null", "\"x\""] {
            assert_eq!(json(text, &parameter("Value")).unwrap(), text);
        }
        for text in ["", "x", "1 2", "[1", "'x'"] {
            assert_eq!(json(text, &parameter("i32")).unwrap_err().exit, Exit::Usage, "{text}");
        }
    }

    #[test]
    fn bytes_are_told_by_their_type() {
        let gives = |result_type: &str| {
            let function = FunctionInfo {
                name: "f".into(),
                wit_name: None,
                parameters: vec![parameter("list<u8>")],
                result_type: result_type.to_owned(),
                options: rustyray_host::TaskOptions::new(),
                pure: false,
                streams: false,
                docs: String::new(),
            };
            let encoding = |text: &str| payloads(&function, &[text.to_owned()], true).map(|all| all[0].encoding);
            assert_eq!((encoding("[1]").ok(), encoding("abc").ok()), (Some(Encoding::Json), Some(Encoding::Raw)));
            assert!(payloads(&function, &["abc".to_owned()], false).is_err());
            gives_bytes(&function)
        };
        assert!(["list<u8>", "result<list<u8>>", "result<list<u8>, string>"].into_iter().all(gives));
        assert!(
            !["list<u80>", "list<u8, 4>", "result<_, list<u8>>", "Vec<u8>", "tuple<list<u8>>"].into_iter().any(gives)
        );
    }

    #[test]
    fn a_string_needs_no_quotes() {
        for (text, encoded) in [
            ("Ada", "\"Ada\""),
            ("\"Ada\"", "\"Ada\""),
            ("2024", "\"2024\""),
            ("", "\"\""),
            ("a \"b\"", "\"a \\\"b\\\"\""),
        ] {
            assert_eq!(json(text, &parameter("String")).unwrap(), encoded);
        }
    }
}
