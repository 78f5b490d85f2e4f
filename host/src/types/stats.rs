//! What a host is doing, in figures.

/// What a host is doing, and what it has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Tasks and calls that wait for arguments or for their turn.
    pub pending: usize,
    /// Tasks and calls that run, those that wait for an object included.
    pub running: usize,
    /// Tasks and calls that gave a value.
    pub succeeded: u64,
    /// Tasks and calls that gave an error.
    pub failed: u64,
    /// Tasks and calls that were cancelled.
    pub cancelled: u64,
    /// Of those that gave a value, pure tasks that did not run: their results were in the journal.
    pub from_journal: u64,
    /// Instances that live: tasks and actors.
    pub instances: u32,
    /// Bytes of memory that these may use together, of [those that there are for guests](crate::HostBuilder::memory_bytes): what a task
    /// or an actor declares, or the limit, from its start to the end of its last call. A task's result is among them until it is in
    /// the object store.
    pub guest_memory_bytes: u64,
    /// Actors that live.
    pub actors: usize,
    /// Versions of modules whose code is held: those that are loaded, and replaced ones that something still needs.
    pub modules: usize,
    /// Bytes of [`object_bytes`](Stats::object_bytes) that are kept of their manifests.
    pub manifest_bytes: u64,
    /// Bytes of native code of all modules, of [those that there may be](crate::HostBuilder::code_bytes).
    pub code_bytes: u64,
    /// Objects that somebody holds.
    pub objects: u64,
    /// Bytes in the object store, those on disk left out: values, and what the host keeps of manifests, and for tasks, actors, streams and
    /// errors.
    pub object_bytes: u64,
    /// Bytes of objects on disk.
    pub spilled_bytes: u64,
    /// Lines of guests that nobody was told: many wrote at the same moment what [`on_log`](crate::HostBuilder::on_log) did not
    /// take.
    pub dropped_lines: u64,
    /// Events that nobody was told: [`on_event`](crate::HostBuilder::on_event) did not keep up.
    pub dropped_events: u64,
    /// Receipts that nobody was told: [`on_receipt`](crate::HostBuilder::on_receipt) did not keep up.
    pub dropped_receipts: u64,
    /// Panics of the embedder's own functions: those that are told of something, imports, the clock. Each ended its own call.
    pub embedder_panics: u64,
}
