//! `rustyray:core/logging`.

use super::super::bindings::rustyray::core::logging::{Host, Level};
use super::super::guest::Guest;
use crate::port::log::{LogLevel, LogLine, LogSource};
use crate::types::error::shorten;
use crate::types::limits::{LOG_LINE_MAX, NAME_BYTES_MAX};

impl Host for Guest {
    async fn log(&mut self, level: Level, target: String, message: String) -> wasmtime::Result<()> {
        self.count_call();
        self.transcript.charge(message.len() + target.len())?;
        // Before it waits: it may have to for as long as somebody is told of other lines.
        let (target, message) = (shorten(target, NAME_BYTES_MAX), shorten(message, LOG_LINE_MAX));
        self.transcript.clone().room().await;
        let level = match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        let target = shorten(LogLine::clean(&target), NAME_BYTES_MAX);
        self.transcript.line(LogSource::Log(level), target, &message);
        Ok(())
    }
}
