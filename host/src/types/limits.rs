//! Every bound of the host: its name, its default, and the reason for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Tasks that may be pending (waiting for arguments or for a slot) at once. A record and its promise take some 900 bytes of the object
/// store, so a million of them is under a gigabyte; beyond it a guest's submission fails with `QueueFull` and a host's waits.
pub const PENDING_TASKS_MAX: usize = 1 << 20;

/// Calls that may wait in one actor's mailbox. An actor serves one call at a time, so a longer line is a caller that
/// does not listen.
pub const PENDING_CALLS_MAX: usize = 100_000;

/// Calls that one actor serves at once, in each of its groups. Each holds what its future holds in the guest's memory, and every
/// event looks at what all of them wait for.
pub const CONCURRENCY_MAX: u32 = 1000;

/// Concurrency groups of one type of actors.
pub const CONCURRENCY_GROUPS_MAX: usize = 64;

/// Time for one of several calls that an actor serves to come to its next await, once it is to be ended; and for the guest to
/// return, once no call is left. After it the whole instance ends. Of the real clock. Far more than what lies between two awaits of a method
/// that waits at all.
pub const AWAIT_GRACE: Duration = Duration::from_millis(100);

/// Fuel for what a guest that serves several calls at once does between two of them: about 100 ms. Its executor takes thousands
/// for each event; the rest is for what is dropped with a call.
pub const HOUSEKEEPING_FUEL: u64 = 100 * FUEL_SLICE;

/// Bytes that the object store holds: values, arguments, and what the host keeps for tasks, actors, streams and errors. Those that a task was given by value count until its guest
/// has them, and longer where they may be needed again.
pub const OBJECT_STORE_BYTES: u64 = 2 << 30;

/// What a value costs beside its bytes, and the object that holds it, charged against the store so that empty ones are bounded as
/// well: the sizes of both, with what the allocator adds.
pub const OBJECT_OVERHEAD_BYTES: u64 = 272;

/// What the promise of a task's result costs beside the value: the object, and the task's receipt.
pub const RESULT_BYTES: u64 = 416;

/// What an error costs beside its texts: with an object that failed it is kept as a task's receipt is.
pub const ERROR_BYTES: u64 = 560;

/// What a task costs that has not ended, beside its arguments, its result and options of its own: its record, and its places in a
/// queue, among its parent's, and in the timers.
pub const TASK_BYTES: u64 = 512;

/// What an object costs that is an argument: its place in the list, and among those that wait for the object.
pub const ARGUMENT_BYTES: u64 = 128;

/// What the options of a single task or actor cost beside their texts: how it runs, worked out from them, and a class of its own in the
/// queue of ready tasks.
pub const PLAN_BYTES: u64 = 640;

/// What a text or a name costs beside its bytes in a list of them.
pub const TEXT_BYTES: u64 = 64;

/// What an actor costs, dead or alive, as long as somebody holds a handle to it: its record and its mailbox.
pub const ACTOR_BYTES: u64 = 1024;

/// What a stream costs beside its items.
pub const STREAM_BYTES: u64 = 256;

/// Watchers of an object that are told by whoever seals it. A million tasks may wait for one: the others are told in steps of as many,
/// on a thread that ends tasks.
pub const TOLD_AT_ONCE: usize = 64;

/// What a value that has references costs beside them: its place in the list in which cycles are looked for.
pub const REFERENCES_BYTES: u64 = 96;

/// Percent of the object store from which on cycles of objects are looked for.
pub const COLLECT_FROM_PERCENT: u64 = 80;

/// How often one step of a collection looks at a value, or at [`COLLECTION_REFERENCES`] of its references: some tens of
/// microseconds.
pub const COLLECTION_STEP: u32 = 128;

/// So many steps of a collection whoever needs room does himself, in a store that does not spill: some milliseconds at most, in which
/// a call of the host can neither be ended nor gives others their turn.
pub const COLLECTION_HELP: u32 = 64;

/// See [`COLLECTION_STEP`].
pub const COLLECTION_REFERENCES: usize = 16;

/// How often a collection begins anew because guests have changed what it looked at. What guests hold is excluded in the first
/// round, so that few rounds are needed as a rule.
pub const COLLECTION_ROUNDS_MAX: u32 = 16;

/// How long a store that is rather full does not ask for another collection, as a multiple of the time that the last one took: a
/// quarter of one thread is spent on it at most. One that refuses what is stored asks at once, as long as that is of use.
pub const COLLECTION_REST: u32 = 3;

/// How long it rests at the most after collections that found nothing: each rest is twice the one before. So long what is garbage by now
/// may stay, in a store that is full.
pub const COLLECTION_REST_MAX: Duration = Duration::from_secs(1);

/// When cycles are looked for again after a module has gone whose objects are still there, and how often: each time after
/// twice the time. Its last tasks may not have ended.
pub const COLLECT_AFTER_MODULE: Duration = Duration::from_millis(100);
/// See [`COLLECT_AFTER_MODULE`].
pub const COLLECT_AFTER_MODULE_MAX: u32 = 10;

/// Objects of fewer bytes are never spilled: a file takes more room than they free.
pub const SPILL_BYTES_MIN: u64 = 4096;

/// Bytes on disk for spilled objects.
pub const SPILL_BYTES: u64 = 32 << 30;

/// Percent of the object store from which on cold objects are spilled in the background, and down to which: what comes next
/// should find room without waiting for the disk.
pub const SPILL_FROM_PERCENT: u64 = 80;
/// See [`SPILL_FROM_PERCENT`].
pub const SPILL_TO_PERCENT: u64 = 60;

/// How long spilled objects that are asked for wait for room in the store: what a task needs to start at once is read back
/// together, and it fails where others use the room for longer than this. Most tasks let go of theirs sooner.
pub const SPILL_PATIENCE: Duration = Duration::from_secs(10);

/// How often one who waits for spilled objects is passed by others that find room before it does. From then on what becomes free is
/// kept for it: all of it by those of its own module, and by others up to an equal share of the store.
pub const GATHERED_PAST_MAX: u32 = 32;

/// How long a guest that asks for a value without waiting for it is held up while that is read from disk: a read seldom takes
/// longer. After that the guest goes on, and the value comes meanwhile.
pub const TRY_PATIENCE: Duration = Duration::from_millis(50);

/// Objects that are read back at once for one guest that goes on meanwhile: enough for both threads that read. The others follow.
pub const COMING_MAX: usize = 16;

/// How long what was read for such a guest is held for it: as long as a guest may wait for its turn on a busy host, and less than
/// others wait for the room.
pub const HELD_MAX: Duration = Duration::from_secs(5);

/// Objects that a guest has asked for in this way and that the host remembers, some 30 bytes each.
pub const ASKED_MAX: usize = 4096;

/// Objects that who looks for cold ones looks at before others have their turn at the store: some ten microseconds.
pub const COLD_AT_ONCE: usize = 64;

/// Who went over all cold objects and could spill none waits this many times as long as that took before all are gone over again,
/// unless there is a new one: so no more than a tenth of a thread's time goes into looks that find nothing.
pub const FUTILE_WALK_REST: u32 = 9;

/// Threads that read spilled objects back, and write cold ones before the store is full.
pub const DISK_THREADS: usize = 2;

/// How long a value that was spilled is waited for at least, however short the timeout of who gets it: it is there, and comes in some
/// milliseconds where the disk is not busy.
pub const READ_PATIENCE: Duration = Duration::from_secs(1);

/// How long who stores or submits something waits for room in a full store: until cold objects are on disk, or others let go of what
/// they use. A guest that waits is suspended, and holds neither a thread nor a CPU slot.
pub const ROOM_PATIENCE: Duration = Duration::from_millis(250);

/// How long a disk that took no more is left alone, unless a spilled object goes.
pub const DISK_RETRY: Duration = Duration::from_millis(500);

/// How often those who wait for room are looked at because what others used can perhaps be spilled by now: an embedder that lets
/// go of a value tells nobody. A disk takes longer for a large object.
pub const SPILL_RETRY: Duration = Duration::from_millis(50);

/// Values that are made of the arguments of a task of a component with types of its own, each element of a list counted. Each
/// takes the host forty bytes and more until the task has returned, which are the guest's memory.
pub const WIT_VALUES_MAX: usize = 4 << 20;

/// Fuel that the task burns for each of them, and for each value of its result: the host does it, in some hundred instructions.
pub const WIT_VALUE_FUEL: u64 = 50;

/// So many of them are translated between two looks at whether the task is to stop, and at its fuel: some tenths of a millisecond.
pub const WIT_VALUES_A_LOOK: usize = 4096;

/// So many bytes of a text burn as much as a value. Of a name that stands in the type, and not in the bytes of the argument, they count
/// as a value: names have up to a hundred thousand bytes, and each value has its own copy.
pub const WIT_TEXT_BYTES: usize = 32;

/// Bytes of memory that the JSON of a task's arguments takes, at most, until its values are made of it: an object in an array
/// takes some 700, of eight bytes of text. It is four times what as many values take as there may be.
pub const JSON_TREE_BYTES_MAX: usize = 512 << 20;

/// Bytes of such values that the host keeps for a guest beside its memory: a few numbers need no room in a memory that is full. It is
/// far less than an instance takes with its stack.
pub const WIT_VALUES_FREE_BYTES: u64 = 16 << 10;

/// What a text, a list or a box of such a value takes beside what is in it: the least that an allocator gives.
pub const WIT_ALLOCATION_BYTES: usize = 32;

/// Calls of one resource that are made, one after the other, before others have their turn: each takes a microsecond or two beside the fuel
/// that the guest burns in it.
pub const WIT_STEPS_A_TURN: usize = 256;

/// What such a call burns beside that, in values: the host takes as long for it.
pub const WIT_STEP_VALUES: usize = 20;

/// Items of a stream that lie ready before the task that gives them waits: enough that neither side waits for the other's next
/// turn, and few enough that large items do not fill the store.
pub const STREAM_ITEMS_AHEAD: usize = 16;

/// Items of a stream that may be asked for before they are there. Each is an object of some 150 bytes, which the host keeps also
/// when whoever asked has let go of it.
pub const STREAM_ITEMS_WANTED_MAX: usize = 1024;

/// Bytes of a task's arguments that are kept, so that its result can be made again if its file is damaged; and never more
/// than a quarter of the result, so that spilling frees the greater part.
pub const LINEAGE_BYTES_MAX: u64 = 64 << 10;

/// What each object among them counts, however little it says: what is known of one that is gone, and where it was.
pub const ANCESTOR_BYTES: u64 = 160;

/// Tasks, one after the other, that may have to run again for one lost object. A longer chain is remembered from its last
/// ones on, so that a loop of a million steps does not keep a million arguments.
pub const LINEAGE_DEPTH_MAX: u32 = 256;

/// Instances (running or waiting tasks, and actors) that live at once. Each takes about four memory maps and reserves
/// four gigabytes of address space; 4,096 stay far below the usual 65,530 maps and 47 bits.
pub const INSTANCES_MAX: u32 = 4096;

/// Memory of a task that does not declare its own.
pub const MEMORY_BYTES_DEFAULT: u64 = 256 << 20;

/// What a 32-bit guest can address at all.
pub const MEMORY_BYTES_MAX: u64 = 4 << 30;

/// Table elements of one guest. A table holds its function pointers; large programs have some thousands.
pub const TABLE_ELEMENTS_MAX: u64 = 20_000;

/// Output of one task, standard output, standard error and log lines together. A driver's is not limited by default.
pub const OUTPUT_BYTES_DEFAULT: u64 = 16 << 20;

/// Handles (objects, actors) that one instance holds.
pub const HANDLES_MAX: usize = 1 << 20;

/// Handles that any instance may hold beside those that its memory limit gives room for: WASI's, and what a small program needs of its own.
pub const HANDLES_FEW: usize = 4096;

/// What the host keeps for each of them, counted as the guest's memory: some 100 bytes in two tables.
pub const HANDLE_BYTES: u64 = 128;

/// What the host keeps for each object of a wait, counted as the guest's memory while that lasts: some 100 bytes in three lists.
pub const WAIT_BYTES: u64 = 112;

/// WASI's handles (files, sockets, streams, things to wait for) that one instance holds. Many are an open file of the
/// process, which has 1,024 by the usual limit: one guest must not use them all up.
pub const WASI_HANDLES_MAX: usize = 256;

/// Open files of the process that guests leave to the host and its embedder, for modules, spilled objects, journals and connections; a
/// quarter of all where the process may have few. The command line raises its own limit to what the system lets it have.
pub const DESCRIPTORS_KEPT: u64 = 256;

/// What the host may keep for a stream of a file, counted as the guest's memory: what was read and not taken, or not written yet.
pub const FILE_STREAM_BYTES: u64 = 64 << 10;

/// Entries of a directory that are read at once, for a guest that reads it.
pub const LISTING_ENTRIES: usize = 16;

/// What the host keeps for a guest that reads a directory, counted as the guest's memory: the system's buffer, and the entries that
/// were read.
pub const LISTING_BYTES: u64 = 48 << 10;

/// Arguments of one task. More is a list.
pub const ARGUMENTS_MAX: usize = 64;

/// Custom resources named by one task.
pub const RESOURCES_MAX: usize = 16;

/// Capabilities that a guest names for one task. A longer list is no choice, but something for the host to keep.
pub const GRANTS_MAX: usize = 256;

/// Bytes of a name that a guest gives: of a task, an actor, a function, a resource.
pub const NAME_BYTES_MAX: usize = 256;

/// Bytes of an error's message, and of the panic text that it carries: an error is stored with every object that fails
/// because of it.
pub const ERROR_TEXT_MAX: usize = 4096;

/// Frames of a backtrace, innermost first.
pub const BACKTRACE_FRAMES_MAX: usize = 32;

/// Links in the chain of causes. A chain of 10,000 tasks that fails would otherwise carry 10,000 of them each.
pub const CAUSES_MAX: usize = 16;

/// Bytes of a log line; a longer one is cut into several.
pub const LOG_LINE_MAX: usize = 8192;

/// Lines that guests wrote and nobody was told yet, and their bytes. Each module that has some there has its part of them. From there on
/// its guests that print wait, as a process does on a full pipe, until half of them are told; twice as many of all are the end, for what
/// many guests write at the same moment. Enough that a guest which prints in bursts does not wait for the thread that tells.
pub const OBSERVED_LINES_MAX: usize = 4096;
/// Lines that the guests of any module may have there, however many others there are.
pub const OBSERVED_LINES_FEW: usize = 16;
/// See [`OBSERVED_LINES_MAX`].
pub const OBSERVED_LINE_BYTES_MAX: usize = 4 << 20;

/// Random bytes that a guest is given by one call. More are asked for by several.
pub const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// They are no more than this part of its memory limit.
pub const RANDOM_PART_OF_MEMORY: u64 = 8;

/// Bytes that a guest writes to a file at once, or to a stream of one before it is looked whether there is room: they are the host's to keep
/// until the disk has them, for each stream that is open.
pub const FILE_WRITE_BYTES: usize = 64 << 10;

/// Bytes that a guest reads from a file at once.
pub const FILE_READ_BYTES: usize = 64 << 10;

/// The longest path that a guest may name, as the kernel has it (`PATH_MAX`): the host keeps it until the disk has answered.
pub const PATH_BYTES_MAX: usize = 4096;

/// Bytes that a guest may print at once where its output becomes lines of the log, before it is looked whether there is room: what
/// a pipe takes at once.
pub const LOG_WRITE_BYTES: usize = 4096;

/// Events that nobody was told yet. Beyond them they are left out, as nobody waits for whoever is told: a burst of thousands of
/// tasks, some ten megabytes.
pub const OBSERVED_EVENTS_MAX: usize = 1 << 16;

/// Receipts that nobody was told yet. Beyond them they are left out: more tasks than are cancelled at once by most programs.
pub const OBSERVED_RECEIPTS_MAX: usize = 1 << 17;

/// Bytes of events and receipts that nobody was told yet. Only receipts that name many refusals come to it.
pub const OBSERVED_BYTES_MAX: usize = 128 << 20;

/// Time for an embedder's functions that are told of lines, events and receipts to be told the rest when the host has shut down.
/// One that keeps up has microseconds' worth left, and one that does not return must not keep the host.
pub const OBSERVER_PATIENCE: Duration = Duration::from_secs(3);

/// Streams, futures, waitable sets and whatever else a guest makes for async functions, of which the host calls none, and what the engine
/// keeps for a call: some hundred bytes each.
pub const CONCURRENT_ENTRIES_MAX: usize = 64;

/// Looks at a clock that stands still after which an error says that it does: who waits for the time to pass looks again and again, and
/// who measures something does a few times.
pub const STILL_CLOCK_LOOKS: u64 = 100;

/// Refused capabilities that a receipt names.
pub const REFUSALS_MAX: usize = 16;

/// Addresses of names that a guest has looked up and may connect to, the last ones: a name has a few, and some kilobytes hold these.
pub const FOUND_ADDRESSES_MAX: usize = 256;

/// Threads that are there for what blocks of the host's own: modules that are loaded, and what an embedder gave it. No guest takes them.
pub const BLOCKING_THREADS: usize = 480;

/// Names that all guests look up at once beside the one of each module: each takes a thread, as long as the system's resolver does.
pub const LOOK_UPS_MAX: usize = 32;

/// Those of one module, beside the one that nobody else can take.
pub const MODULES_LOOK_UPS_MAX: usize = 8;

/// Those of one guest, so that others of its module have theirs.
pub const GUESTS_LOOK_UPS_MAX: usize = 4;

/// Bytes of each of the two buffers that the kernel has for a socket: enough for a megabyte or two each second from the other end of the
/// world. By itself it would have megabytes, and keep them when the guest has gone if the peer takes nothing.
pub const SOCKET_BUFFER_BYTES: u64 = 128 << 10;

/// What a socket counts as its guest's memory: both buffers, for which the kernel takes twice what is asked for, to have its own with them.
pub const SOCKET_BYTES: u64 = 4 * SOCKET_BUFFER_BYTES;

/// Sockets that all guests have together beside the one of each module: as many open files, and 2 GiB of the kernel's memory at most.
pub const SOCKETS_MAX: usize = 4096;

/// Those of one module, beside the one that nobody else can take.
pub const MODULES_SOCKETS_MAX: usize = 512;

/// Threads in which guests wait for their files, of all together beside the one of each module: a disk that does not answer keeps them, and
/// one that does has no use for more at once.
pub const FILE_THREADS_MAX: usize = 128;

/// Those of one module, beside the one that nobody else can take: some disks are faster when they are asked for several things at once.
pub const MODULES_FILE_THREADS_MAX: usize = 16;

/// Those of one guest, which may have begun to read or write many streams: so that others of its module have theirs.
pub const GUESTS_FILE_THREADS_MAX: usize = 4;

/// For how long a thread that waited for the system for a guest stays when it has nothing to do. Where many come one after the other tokio
/// begins another one now and then although one is about to be free, and they would pile up.
pub const GUEST_IO_THREAD_IDLE: Duration = Duration::from_millis(200);

/// Compiled modules in a folder together: the native code of some hundred. Those that were not used for longest go.
pub const CACHE_BYTES: u64 = 1 << 30;

/// Retries that a task may ask for.
pub const RETRIES_MAX: u32 = 1000;

/// Rest before the second attempt of a task that says nothing; it doubles with each further one. Long enough for what was
/// overloaded to breathe, short beside most tasks.
pub const RETRY_BACKOFF: Duration = Duration::from_millis(10);

/// The longest rest between two attempts: what has not come back by then is as likely to be there a minute later.
pub const RETRY_BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How much of a rest is left to chance, so that tasks that failed together do not come back together.
pub const RETRY_JITTER_PERCENT: u32 = 25;

/// Tasks, actor types and functions of each that one module may declare.
pub const MANIFEST_ENTRIES_MAX: usize = 4096;

/// Components inside one another, the outermost included. Those that were put together from others have two or three levels.
pub const COMPONENT_NESTING_MAX: usize = 32;

/// Bytes of a component with each one that it instantiates written out, as the compiler does; core modules are kept once.
/// It takes some 100 times as much memory. Those of large programs have some ten kilobytes.
pub const INSTANTIATED_BYTES_MAX: usize = 4 << 20;

/// Types inside one another in the bytes of a component: the parser recurses. Those of large programs lie beside one
/// another, in sections of their own.
pub const TYPE_NESTING_MAX: usize = 500;

/// Bytes that the host keeps of a manifest as long as the module: its texts, and what is known of each function and its runs. That of a
/// large program takes some hundred thousand.
pub const MANIFEST_BYTES_MAX: u64 = 8 << 20;

/// What a text of a manifest takes beside its bytes: the allocator's part, and what it rounds up.
pub const MANIFEST_TEXT_BYTES: u64 = 32;

/// How often a byte of an import's name is kept: once in the host's list, and beside it in the engine's types, in what it knows of the
/// component, and in what the linker looks up.
pub const IMPORT_NAME_COPIES: u64 = 6;

/// Bytes of it that are taken out of the guest before it is known what the host would keep: several times as much, for the lists.
pub const MANIFEST_LIFT_BYTES: usize = 4 * MANIFEST_BYTES_MAX as usize;

/// Bytes of a module. Compiling takes some 50 times as much memory as it has bytes of code, and some 6 KB more for each function; data,
/// names and debug information are copied a few times.
pub const MODULE_BYTES_MAX: u64 = 256 << 20;

/// Functions of a module, those that its component makes of others included, with its types and exports. Each takes the compiler some 6 KB
/// however small it is, so that all take 600 MB, where three bytes would do for each in the file. The largest of our programs has 2,000
/// functions, and an interpreter of a large language some 20,000 of 200 types.
pub const MODULE_ITEMS_MAX: usize = 100_000;

/// Loops and `if`s inside one another. Each takes the compiler the longer the deeper it is.
pub const NESTED_LOOPS_MAX: u64 = 100;

/// Of one function, its locals times the loops and `if`s that are inside one another, which takes up to a second to compile. Of loops alone, the
/// largest in two interpreters and in our programs, with and without optimisation, is 2,500.
pub const LOOPED_LOCALS_MAX: u64 = 20_000;
/// The same of all functions of a module together; 100,000 in an interpreter.
pub const MODULE_LOOPED_LOCALS_MAX: u64 = 1_000_000;

/// Of one function, its locals times its branches, which takes a second to compile, and some 100 bytes for each. The largest in an
/// interpreter is 270,000.
pub const BRANCHED_LOCALS_MAX: u64 = 1_000_000;

/// Parameters and results of a function, or of a block, together. Compilers of C and Rust give blocks one, and a function as many as it is
/// written with.
pub const TYPE_VALUES_MAX: usize = 100;

/// What a value that goes into a block, or out of it, beside a first one counts among the locals in branches, and what a copy of memory does:
/// it takes the compiler up to eight kilobytes.
pub const BLOCK_VALUE_WEIGHT: u64 = 80;

/// The same of all functions of a module together; 6 million in an interpreter.
pub const MODULE_BRANCHED_LOCALS_MAX: u64 = 60_000_000;

/// Modules with no more bytes, items, and locals in loops and branches than these are small ones, as nearly all are: each takes some
/// seconds and up to 400 MB to compile.
pub const SMALL_MODULE_BYTES: usize = 2 << 20;
/// See [`SMALL_MODULE_BYTES`].
pub const SMALL_MODULE_ITEMS: usize = 5000;
/// See [`SMALL_MODULE_BYTES`].
pub const SMALL_MODULE_LOOPED_LOCALS: u64 = 25_000;
/// See [`SMALL_MODULE_BYTES`].
pub const SMALL_MODULE_BRANCHED_LOCALS: u64 = 1_000_000;

/// Small modules that are compiled at once: each is compiled on all cores, and one that takes long should not be alone in holding up the
/// rest.
pub const SMALL_COMPILED_AT_ONCE: usize = 4;

/// Larger modules that are compiled at once, beside the small ones: one takes what memory it takes, and not several.
pub const LARGE_COMPILED_AT_ONCE: usize = 1;

/// Bytes of native code of all modules of a host together. It is kept as long as the module, in memory or mapped from the cache; that of
/// Python with its library takes 60 MB.
pub const CODE_BYTES: u64 = 2 << 30;

/// Bytes of memory of a compiler's process. It takes Python with its library, 18 MB, in 400 MB.
pub const COMPILER_MEMORY_BYTES: u64 = 2 << 30;

/// The least of them: the stacks of its threads, for each of the small modules.
pub const COMPILER_MEMORY_BYTES_MIN: u64 = 1 << 30;

/// Processor time of a compiler's process, of all its threads together. It takes Python with its library in 12 s.
pub const COMPILER_TIME: Duration = Duration::from_secs(120);

/// Threads of a compiler's process: each takes memory.
pub const COMPILER_THREADS_MAX: usize = 8;

/// Modules of one host that guests know by name. A program is put together from tens.
pub const MODULES_MAX: usize = 256;

/// Bytes of the name of such a module: what is left of a [name](NAME_BYTES_MAX) is the function's.
pub const MODULE_NAME_BYTES_MAX: usize = 64;

/// The largest weight of a module. A turn is as long as the weight: a larger one would keep the others waiting for more than a
/// moment.
pub const WEIGHT_MAX: u32 = 100;

/// Fuel for the start of a module, when it tells its manifest.
pub const MANIFEST_FUEL: u64 = 100_000_000;

/// What a host call takes of it, beside the guest's own: what the host does burns none. It leaves room for 10,000 calls, and a manifest, which
/// is made of constants, takes a few, for what a language's library does when it starts.
pub const MANIFEST_CALL_FUEL: u64 = 10_000;

/// For so long a module may run while it tells its manifest, the host's calls included: its fuel lasts for a tenth of that, and on a
/// machine that is busy for some times as long. It takes microseconds.
pub const MANIFEST_RUN: Duration = Duration::from_secs(1);

/// Memory of a module that tells its manifest: what it begins with, which is some tens of megabytes where an interpreter was started
/// before it was compiled, and the list.
pub const MANIFEST_MEMORY_BYTES: u64 = 128 << 20;

/// Beside that it may wait for so long in all, as for a nap or an embedder's import that is asynchronous: there is nothing to wait for, and
/// others wait to be asked.
pub const MANIFEST_WAIT: Duration = Duration::from_millis(500);

/// Modules that tell at once what they offer: one that takes all of its time keeps no others from being loaded. Each needs an instance,
/// which is kept for it.
pub const DESCRIBED_AT_ONCE: usize = 8;

/// As many are asked at once on a host whose memory is limited to little.
pub const DESCRIBED_AT_ONCE_MIN: usize = 2;

/// Their memory together is one part in so many of what the host has for guests, where that is limited, beside what is granted to those.
pub const DESCRIBED_MEMORY_OF: u64 = 8;

/// Fuel between two yields: from some 25 µs in the tightest loop to about a millisecond, so that a deadline, a
/// cancellation and the neighbours get their turn.
pub const FUEL_SLICE: u64 = 1_000_000;

/// Time after which a guest that calls the host again and again gives others their turn: what the host does for it burns no
/// fuel. As long as a slice of fuel lasts at the most.
pub const HOST_CALLS_TURN: Duration = Duration::from_millis(1);

/// Kinds of ready tasks (those of one owner that need the same) that are looked at for one that fits, of all priorities
/// together, where something else moves meanwhile. It bounds the work of one pick, which is done under the scheduler's lock.
pub const LOOKAHEAD: usize = 64;

/// Kinds of ready tasks that are looked at under one hold of the scheduler's lock where nothing moves by itself, and all are looked at:
/// some tens of microseconds.
pub const SEARCH_STEP: usize = 256;

/// Where so many owners have ready tasks that each had few of those: so many kinds of each are looked at, so that one whose first task
/// lacks something does not keep all its others back.
pub const LOOKAHEAD_OF_EACH: usize = 16;

/// Where so many owners have ready tasks that those were too many together: so many kinds of all are looked at, one of each owner at least.
pub const LOOKAHEAD_OF_ALL: usize = 1024;

/// A guest's priorities are no further from 0 than this, on either side. Each that has tasks is a level which a pick may have to pass, in
/// some ten nanoseconds: all of them are some ten microseconds, where a guest that gave each of a million tasks its own would stop the
/// others for a tenth of a second. More than any program tells apart.
pub const PRIORITIES_OF_GUESTS: i32 = 1000;

/// For a ready task that others have overtaken this often, because it needs more than is free, what it lacks is kept from then
/// on: the rest of its owner's tasks leave that alone, and those of others leave its owner's share.
pub const OVERTAKEN_MAX: u32 = 64;

/// Of all instances, one in so many is kept for modules that hold none or few, so that others which hold theirs for ever cannot keep
/// them from starting.
pub const INSTANCES_KEPT_OF: u32 = 8;

/// Tasks that one step of what ends many sees to, and deadlines that are taken from the timers at once: some ten microseconds each, so
/// that whatever else is to end waits for a millisecond.
pub const ENDS_AT_ONCE: usize = 64;

/// Threads that end tasks: at a deadline, with their parents, with what they wait for. Two, so that one long step, as the end of a
/// guest with a gigabyte, delays nobody else's deadline.
pub const END_THREADS: usize = 2;

/// How long a thread that runs guests may be at one thing before a spare one works in its place: some times a slice of fuel.
pub const RELIEF_PATIENCE: Duration = Duration::from_millis(5);

/// So often, each [`RELIEF_PATIENCE`], a spare thread is kept at work after it was needed: a guest that makes the host work for long does
/// it again, and nobody is to be late each time. It makes a second.
pub const RELIEF_KEPT: u32 = 200;

/// So many stuck threads at once are relieved after one [`RELIEF_PATIENCE`].
pub const RELIEVED_SOON_MAX: usize = 4;

/// More of them are after as many: on a machine that has no core for them threads look stuck for a moment, and more would not help.
pub const RELIEF_LONG: u32 = 20;

/// Spare threads: guests are held up by as many of their own calls of the host as there are CPU slots, but what needs none can do it too.
pub const SPARE_THREADS_MAX: usize = 32;

/// As many are there while none of them comes to an end with what it does: what a guest or an embedder's future holds may not go, as a
/// file of a disk that does not answer.
pub const END_THREADS_MAX: usize = 256;

/// After so much time without that there is one more.
pub const END_PATIENCE: Duration = Duration::from_millis(5);

/// Time between asking a task to stop and ending it, when it is cancelled without force.
pub const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// Bytes of a journal on disk. Beyond it the oldest results are dropped, nearly a half at a time, but for those of modules that have
/// less than their share of a quarter of it.
pub const JOURNAL_BYTES: u64 = 1 << 30;

/// The smallest journal that can be asked for: a file's head and some records have to fit into each half.
pub const JOURNAL_BYTES_MIN: u64 = 64 << 10;

/// Bytes of the journal that are written or read before what others wait for has its turn: some milliseconds. One record may be larger
/// when it is written, since it has to be in one piece.
pub const JOURNAL_STEP_BYTES: usize = 1 << 20;

/// Records of a journal. The host keeps some 100 bytes of memory for each, and goes over all of them when a file is nearly full.
pub const JOURNAL_RECORDS_MAX: usize = 1 << 18;

/// Bytes of the arguments of a pure task together, and of its result, up to which the result is kept. Arguments are hashed
/// at about a gigabyte a second: what is larger is often made as quickly as it is found.
pub const MEMO_BYTES_MAX: u64 = 16 << 20;

/// Bytes of an actor's checkpoint. It is copied out of the guest between two calls, which wait meanwhile.
pub const CHECKPOINT_BYTES_MAX: u64 = 64 << 20;

/// Fuel for writing a checkpoint, beside what its call had and no more than that: some 60 instructions for each byte of the largest.
pub const CHECKPOINT_FUEL: u64 = 4_000_000_000;

/// Actors of a host that move to another version of their modules at the same time, one of each module at most: each has two
/// instances meanwhile, for which there is room beside those of the scheduler.
pub const MOVES_AT_ONCE: usize = 4;

/// Time for an actor that moves to another version of its module to be restored there. It takes milliseconds at most, and others that
/// move may have to wait meanwhile.
pub const MOVE_TIME: Duration = Duration::from_secs(10);

/// Time for an actor that serves no call to save its state, where it ends or moves: that is nobody's call, whose limits would hold.
pub const CHECKPOINT_TIME: Duration = Duration::from_secs(5);

/// Time for the actors of a host that shuts down to write their checkpoints, when their work is done.
pub const CHECKPOINT_GRACE: Duration = Duration::from_secs(5);

/// Turns that the threads of a busy host take between two looks for deadlocks. A turn takes a microsecond at least, and a
/// look at nothing much less; an idle host looks at once.
pub const LOOK_TURNS: u64 = 256;

/// Turns more for each task that a look went over, so that a busy host spends less than a hundredth of its time on looks.
pub const LOOK_TURNS_PER_TASK: u64 = 16;

/// However busy a host is, and however long looks for deadlocks take, there is one so often while guests wait.
pub const LOOK_AT_LEAST: Duration = Duration::from_secs(1);

/// Guests that wait which are listed for one look for deadlocks; the others come in the next.
pub const WAITS_LISTED_MAX: usize = WAIT_GRAPH_MAX;

/// Objects of one wait that a look for deadlocks goes over. A wait for more counts as one that ends by itself, so that it takes not
/// all that a look may cost.
pub const WAIT_OBJECTS_MAX: usize = 1 << 14;

/// Tasks of a deadlock that its error names, the last ones and the first: what it says is kept for whoever hears of it.
pub const CYCLE_NAMES_MAX: usize = 64;

/// Tasks and queue places that nearly all guests wait for at most. Where all together are too many for one look, those are looked at first.
pub const WAIT_GRAPH_FEW: usize = 256;

/// Tasks and queue places that one look for deadlocks goes over, which takes some ten milliseconds. Where guests wait for
/// more than that, they are looked at owner by owner, and then one by one, and the others in the next look: those of the owner whose
/// guest waits for longest as far as they are no more together, and all others' together as far again.
pub const WAIT_GRAPH_MAX: usize = 1 << 16;

/// The limits of one task, or of one call to an actor.
///
/// As the host's ceiling they hold for each task; as a task's options they can be lower, never higher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskLimits {
    /// Wall-clock time from the start of an attempt. Default: none.
    pub timeout: Option<Duration>,
    /// Fuel for an attempt; about one unit an instruction. Default: none.
    pub fuel: Option<u64>,
    /// Memory in bytes: linear memory, and what the host keeps for its handles, waits and directories, and for the values of a
    /// component without an SDK while it has them. Default:
    /// [`MEMORY_BYTES_DEFAULT`].
    pub memory_bytes: u64,
    /// Elements of all tables together. Default: [`TABLE_ELEMENTS_MAX`].
    pub table_elements: u64,
    /// Bytes written to standard output, standard error and the log. Default: [`OUTPUT_BYTES_DEFAULT`].
    pub output_bytes: u64,
}

impl Default for TaskLimits {
    fn default() -> Self {
        TaskLimits {
            timeout: None,
            fuel: None,
            memory_bytes: MEMORY_BYTES_DEFAULT,
            table_elements: TABLE_ELEMENTS_MAX,
            output_bytes: OUTPUT_BYTES_DEFAULT,
        }
    }
}

impl TaskLimits {
    /// The highest limits that a host can give.
    pub fn ceiling() -> Self {
        TaskLimits {
            timeout: None,
            fuel: None,
            memory_bytes: MEMORY_BYTES_MAX,
            table_elements: TABLE_ELEMENTS_MAX,
            output_bytes: u64::MAX,
        }
    }

    /// The lower of the two, limit by limit.
    pub fn lower_of(&self, other: &TaskLimits) -> TaskLimits {
        TaskLimits {
            timeout: lower(self.timeout, other.timeout),
            fuel: lower(self.fuel, other.fuel),
            memory_bytes: self.memory_bytes.min(other.memory_bytes),
            table_elements: self.table_elements.min(other.table_elements),
            output_bytes: self.output_bytes.min(other.output_bytes),
        }
    }
}

/// The lower of two limits of which either may be missing.
fn lower<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_limit_wins_and_a_missing_one_never_does() {
        let a = TaskLimits { fuel: Some(10), timeout: None, memory_bytes: 5, ..TaskLimits::ceiling() };
        let b =
            TaskLimits { fuel: None, timeout: Some(Duration::from_secs(1)), memory_bytes: 7, ..TaskLimits::ceiling() };
        let both = a.lower_of(&b);
        assert_eq!((both.fuel, both.timeout, both.memory_bytes), (Some(10), Some(Duration::from_secs(1)), 5));
        assert_eq!(both, b.lower_of(&a));
    }
}
