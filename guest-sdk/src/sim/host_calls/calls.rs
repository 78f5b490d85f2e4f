//! `rustyray:core/calls`.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::Encoding;
use crate::sim::exports::Failure;
use crate::sim::runtime::current;
use crate::sim::state::concurrent_calls::{ConcurrentCalls, News};
use crate::sim::state::object::{Object, ObjectRef};
use crate::sim::state::payload::Payload;

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) method: String,
    pub(crate) arguments: Vec<Payload>,
    pub(crate) reply: Encoding,
}

#[derive(Debug)]
pub(crate) enum Event {
    Call(Call),
    Ready(Vec<u32>),
    Asked(u64),
    Dropped(u64),
    Over,
}

pub(crate) fn next(objects: &[&ObjectRef], count: u32, timeout_ns: Option<u64>) -> Event {
    called!("next {} of {}", count, objects.len());
    let current = current::get();
    let objects: Vec<Arc<Object>> = objects.iter().map(|object| object.0.clone()).collect();
    match current.next_news(&concurrent_calls(&current), &objects, count as usize, timeout_ns) {
        Some(News::Call(task, arguments)) => Event::Call(Call {
            id: task.id,
            method: task.method().to_owned(),
            arguments,
            reply: crate::sim::exports::REPLY,
        }),
        Some(News::Asked(id)) => Event::Asked(id),
        Some(News::Dropped(id)) => Event::Dropped(id),
        Some(News::Over) => Event::Over,
        None => {
            let ready = (0..).zip(&objects).filter(|(_, object)| object.is_ready());
            Event::Ready(ready.map(|(index, _)| index).collect())
        }
    }
}

pub(crate) fn enter(id: u64) -> bool {
    called!("enter {id}");
    let current = current::get();
    current.enter_call(&concurrent_calls(&current), id)
}

pub(crate) fn reply(id: u64, answer: Result<Payload, Failure>) {
    called!("reply {id}");
    let current = current::get();
    current.runtime.answer(&concurrent_calls(&current), id, answer.map_err(Box::new));
}

/// The calls that are served here: the SDK asks only while it serves some.
fn concurrent_calls(current: &current::Current) -> Arc<ConcurrentCalls> {
    current.instance.concurrent_calls().expect("calls are served here")
}
