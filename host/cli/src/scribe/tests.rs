//! A reader that sleeps.

use super::*;

/// One whose thread never comes to write, as with a reader that sleeps.
fn stuck() -> Arc<Scribe> {
    let state = State { started: true, writing: Some(Instant::now() - PATIENCE), ..State::default() };
    Arc::new(Scribe { state: Mutex::new(state), ..Scribe::default() })
}

#[test]
fn what_does_not_fit_is_counted_where_it_is_missing() {
    let scribe = stuck();
    let half = vec![b'x'; BYTES_MAX / 2 + 1];
    for text in [half.clone(), half.clone(), half, b"short".to_vec()] {
        scribe.write(text);
    }
    let state = scribe.state.lock();
    let counts: Vec<_> = state.items.iter().map(|item| (item.bytes(), matches!(item, Item::Missing(2)))).collect();
    assert_eq!(counts, [(BYTES_MAX / 2 + 1, false), (0, true), (5, false)]);
    assert_eq!(missing(2), "warning: 2 lines are left out here, as nobody read standard error\n");
}

#[test]
fn the_end_waits_for_nobody_who_reads_nothing() {
    let scribe = stuck();
    scribe.write(vec![b'x'; HELD_BACK_FROM]);
    scribe.set_ending(true);
    scribe.write_in_turn(b"a guest's line".to_vec());
    scribe.flush(LAST_WORDS);
    assert!(matches!(scribe.state.lock().items.back(), Some(Item::Missing(1))));
}

#[test]
fn a_guests_line_waits_for_room() {
    let scribe = stuck();
    scribe.write(vec![b'x'; HELD_BACK_FROM]);
    let writer = std::thread::spawn({
        let scribe = scribe.clone();
        move || scribe.write_in_turn(b"late".to_vec())
    });
    let mut state = scribe.state.lock();
    state.items.clear();
    state.bytes = 0;
    drop(state);
    scribe.moved.notify_all();
    writer.join().unwrap();
    assert_eq!(scribe.state.lock().items.len(), 1);
}
