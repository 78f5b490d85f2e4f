//! What a program does with objects, against the host in memory.

use crate::prelude::*;
use crate::{block_on, mock};

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

#[test]
fn waiting_gives_at_most_as_many_as_were_asked_for() {
    let refs: Vec<ObjectRef<i32>> = (0..8).map(|i| mock::sealed(&i)).collect();
    let (ready, rest) = block_on(crate::wait(&refs, 3, Some(Duration::from_secs(5)))).unwrap();
    assert_eq!((ready.len(), rest.len()), (3, 5));
    assert_eq!(mock::take_calls(), ["wait 3 of 8"]);

    let mixed = [mock::later(30, &0), mock::later(10, &1), mock::never(), mock::later(20, &2)];
    let ids = |refs: &[ObjectRef<i32>]| refs.iter().map(ObjectRef::id).collect::<Vec<_>>();
    let (ready, rest) = block_on(crate::wait(&mixed, 2, None)).unwrap();
    assert_eq!(ids(&ready), [mixed[1].id(), mixed[3].id()]);
    assert_eq!(ids(&rest), [mixed[0].id(), mixed[2].id()]);
    // One park for both of them.
    assert_eq!(mock::take_calls(), ["wait 2 of 4", "wait 2 of 4"]);

    let (ready, rest) = block_on(crate::wait(&mixed, 4, Some(Duration::from_millis(50)))).unwrap();
    assert_eq!((ready.len(), rest.len()), (3, 1));
}

#[test]
fn what_is_put_can_be_got() {
    let big = block_on(crate::put(vec![1u8; 1 << 20])).unwrap();
    assert_eq!(block_on(crate::get(&big)).unwrap().len(), 1 << 20);
    let both = [crate::blocking_put("a".to_string()).unwrap(), crate::blocking_put("b".to_string()).unwrap()];
    assert_eq!(block_on(crate::get_all(&both)).unwrap(), ["a", "b"]);
    let error = crate::blocking_put(Unwritable).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::InvalidArgument, "the value cannot be stored: no")
    );
}

#[test]
fn cancelling_asks_the_host() {
    let reference = mock::sealed(&1);
    crate::cancel(&reference).unwrap();
    crate::cancel_with(&reference, false, false).unwrap();
    let id = reference.id().unwrap();
    assert_eq!(mock::take_calls(), [format!("cancel {id} true true"), format!("cancel {id} false false")]);
}

#[test]
fn the_context_is_what_the_host_says() {
    let context = crate::context();
    assert_eq!((context.task_id, context.name.as_str(), context.attempt), (0, "test", 1));
    assert!(context.deadline().is_none());
}

#[test]
fn log_lines_reach_the_host() {
    crate::logging::install();
    info!("{} parts", 3);
    trace!("not this");
    assert_eq!(mock::take_calls(), ["log Level::Info rustyray::tests 3 parts"]);
}
