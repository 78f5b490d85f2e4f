//! What an error tells.

use rustyray_host::limits::CAUSES_MAX;
use rustyray_host::{Encoding, ErrorKind, LogLevel, LogSource, Payload, TaskOptions};

use rustyray_tests::{Lines, builder, error, finish, host_with, value};

#[tokio::test]
async fn a_panic_brings_its_text_and_its_frames() {
    let (host, module) = host_with(builder(), "errors").await;
    let task = module.task("panics").arg("boo".to_owned()).options(TaskOptions::new().name("scary")).submit().await;
    let error = error(&host, &task).await;
    assert_eq!((error.kind, error.attempt, error.task.as_str()), (ErrorKind::WorkerCrashed, 1, "scary"));
    assert_eq!((error.module.as_str(), error.function.as_str()), ("errors", "panics"));
    assert!(error.message.starts_with("panicked at") && error.message.ends_with("the guest says boo"), "{error}");
    assert!(error.panic.as_ref().unwrap().contains("the guest says boo"));
    assert!(error.backtrace.iter().any(|frame| frame == "errors::outer_frame"), "{:?}", error.backtrace);
    finish(host).await;
}

#[tokio::test]
async fn the_programs_own_errors_are_no_crashes() {
    let (host, module) = host_with(builder(), "errors").await;
    let parse = module.task("parse").arg("x".to_owned()).submit().await;
    let failed = error(&host, &parse).await;
    assert_eq!((failed.kind, failed.message.as_str()), (ErrorKind::TaskFailed, "invalid digit found in string"));
    let own = error(&host, &module.task("own_error").submit().await).await;
    assert_eq!((own.kind, own.message.as_str()), (ErrorKind::TaskFailed, "an error of another type"));
    finish(host).await;
}

#[tokio::test]
async fn the_chain_is_kept() {
    let (host, module) = host_with(builder(), "errors").await;
    let parse = module.task("parse").arg("x".to_owned()).submit().await;
    let double = module.task("double").arg_ref(&parse).submit().await;
    let again = module.task("double").arg_ref(&double).submit().await;
    let error_of = error(&host, &again).await;
    assert_eq!(error_of.kind, ErrorKind::DependencyFailed);
    let chain: Vec<_> = error_of.causes.iter().map(|cause| (cause.kind, cause.task.as_str())).collect();
    assert_eq!(chain, [(ErrorKind::DependencyFailed, "double"), (ErrorKind::TaskFailed, "parse")]);
    // However long it is, the reason is told, and once.
    let mut last = again;
    for _ in 0..100 {
        last = module.task("double").arg_ref(&last).submit().await;
    }
    let (first, last) = (error(&host, &double).await, error(&host, &last).await);
    assert_eq!(last.message, "an argument could not be had: invalid digit found in string");
    assert_eq!(last.message, first.message);
    assert_eq!((last.causes.len(), last.causes.last()), (CAUSES_MAX, first.causes.last()));
    assert_eq!(format!("{last:#}").matches("invalid digit").count(), 2, "{last:#}");

    let passed_on = module.task("passes_on").arg("x".to_owned()).submit().await;
    let error_of = error(&host, &passed_on).await;
    assert_eq!((error_of.kind, error_of.causes[0].task.as_str()), (ErrorKind::TaskFailed, "parse"), "{error_of:#}");
    finish(host).await;
}

#[tokio::test]
async fn guests_see_the_errors_of_others() {
    let (host, module) = host_with(builder(), "errors").await;
    let looks = module.task("looks_at_it").arg("boo".to_owned()).submit().await;
    let (kind, text, frames) = value::<(String, String, u32)>(&host, &looks).await;
    assert_eq!(kind, "WorkerCrashed");
    assert!(text.contains("victim") && text.contains("the guest says boo"), "{text}");
    assert!(frames > 0);
    finish(host).await;
}

#[tokio::test]
async fn callers_mistakes_are_clear() {
    let (host, module) = host_with(builder(), "errors").await;
    let message = async |call: rustyray_host::TaskCall| {
        let error = error(&host, &call.submit().await).await;
        (error.kind, error.message.clone())
    };
    let (kind, text) = message(module.task("duoble").arg(1u32)).await;
    assert_eq!(kind, ErrorKind::TaskNotFound);
    assert!(text.contains("no task 'duoble'") && text.contains("double"), "{text}");
    let (kind, text) = message(module.task("double")).await;
    assert_eq!(kind, ErrorKind::InvalidArgument);
    assert!(text.contains("double(n: u32) -> u32"), "{text}");
    let (kind, _) = message(module.task("double").arg("text".to_owned())).await;
    assert_eq!(kind, ErrorKind::InvalidArgument);
    let (kind, _) = message(module.task("double").arg_payload(Payload::new(Encoding::Json, "\"text\""))).await;
    assert_eq!(kind, ErrorKind::InvalidArgument);
    let (kind, text) = message(module.task("double").arg(1u32).options(TaskOptions::new().num_cpus(99.0))).await;
    assert_eq!(kind, ErrorKind::TaskUnschedulable);
    assert!(text.contains("cpu=99") && text.contains("cpu=2"), "{text}");
    finish(host).await;
}

#[tokio::test]
async fn hostile_payloads_are_refused_by_the_guest_and_the_host_goes_on() {
    let (host, module) = host_with(builder(), "errors").await;
    let hostile = [
        Payload::new(Encoding::Bincode, vec![0xff; 64]),
        Payload::new(Encoding::Bincode, vec![]),
        Payload::new(Encoding::Bincode, vec![0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        Payload::new(Encoding::Json, vec![0xc3, 0x28]),
        Payload::new(Encoding::Json, "[".repeat(100_000)),
        Payload::new(Encoding::Raw, vec![1, 2, 3]),
    ];
    for payload in hostile {
        let task = module.task("parse").arg_payload(payload.clone()).submit().await;
        let error = error(&host, &task).await;
        assert!(matches!(error.kind, ErrorKind::InvalidArgument | ErrorKind::TaskFailed), "{payload:?}: {error:#}");
    }
    let good = module.task("double").arg(21u32).submit().await;
    assert_eq!(value::<u32>(&host, &good).await, 42);
    finish(host).await;
}

#[tokio::test]
async fn leaving_is_not_returning() {
    let (host, module) = host_with(builder(), "errors").await;
    let error = error(&host, &module.task("exits").arg(3).submit().await).await;
    assert_eq!(error.kind, ErrorKind::WorkerCrashed);
    // WASI 0.2 knows success and failure only: the standard library turns 3 into 1.
    assert!(error.message.contains("exited with code 1"), "{error}");
    finish(host).await;
}

#[tokio::test]
async fn the_context_names_the_task() {
    let (host, module) = host_with(builder(), "errors").await;
    let about = module.task("about").options(TaskOptions::new().name("this one")).submit().await;
    let (name, module_name, function, attempt, no_actor) =
        value::<(String, String, String, u32, bool)>(&host, &about).await;
    assert_eq!((name.as_str(), module_name.as_str(), function.as_str()), ("this one", "errors", "about"));
    assert_eq!((attempt, no_actor), (1, true));
    finish(host).await;
}

#[tokio::test]
async fn what_guests_say_comes_under_their_name() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "errors").await;
    let task = module.task("logs").options(TaskOptions::new().name("speaker")).submit().await;
    host.value(&task, None).await.unwrap();
    finish(host).await;
    let said: Vec<_> =
        lines.lines().iter().map(|line| (line.source, line.task.to_string(), line.text.clone())).collect();
    let expected = [
        (LogSource::Log(LogLevel::Warn), "careful"),
        (LogSource::Log(LogLevel::Info), "by the way"),
        (LogSource::Stderr, "to standard error"),
        (LogSource::Stdout, "without an end"),
    ];
    assert_eq!(said, expected.map(|(source, text)| (source, "speaker".to_owned(), text.to_owned())));
}
