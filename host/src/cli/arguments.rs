//! A task's arguments: from texts to JSON payloads.

use rustyray_host::{Encoding, FunctionInfo, ParameterInfo, Payload};
use serde::de::IgnoredAny;

use super::exit::Exit;
use super::failure::Failure;

/// The arguments, encoded.
///
/// # Errors
/// Their number is wrong, or one is not JSON.
pub fn payloads(task: &FunctionInfo, texts: &[String]) -> Result<Vec<Payload>, Failure> {
    if texts.len() != task.parameters.len() {
        return Err(with_signature(wrong_count(task, texts), task));
    }
    let encoded = texts.iter().zip(&task.parameters).map(|(text, parameter)| {
        json(text, parameter)
            .map(|json| Payload::new(Encoding::Json, json))
            .map_err(|failure| with_signature(failure, task))
    });
    encoded.collect()
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
