//! `rustyray:core/logging`: lines go to the standard error, under the name of what wrote them.

pub(crate) use crate::bindings::rustyray::core::logging::Level;
use crate::sim::runtime::current;

pub(crate) fn log(level: Level, target: &str, message: &str) {
    called!("log {level:?} {target} {message}");
    let name = current::find().map_or_else(|| "test".to_owned(), |current| current.task().name().to_owned());
    eprintln!("[{name}] {level:?} {target}: {message}");
}
