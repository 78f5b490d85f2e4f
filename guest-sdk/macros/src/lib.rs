//! Procedural macros of the rustyray guest SDK. Use them through `rustyray`, which the code that they write refers to.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod actor;
mod actor_methods;
mod attributes;
mod main_function;
mod remote;
mod result_type;
mod results;
mod signature;
mod source;
mod test_function;
mod values;

use proc_macro::TokenStream;
use syn::parse_macro_input;

use crate::attributes::{ActorAttributes, TaskAttributes};

/// Makes a function remote: `add.remote(1, 2)` submits a task and gives its `ObjectRef` at once; `add(1, 2)` still calls
/// the function itself.
///
/// ```ignore
/// #[rustyray::remote(max_retries = 2, timeout = "5s", fuel = 50_000_000, memory = "64MiB", num_cpus = 1)]
/// fn parse(line: String) -> Result<Vec<u32>> {
///     line.split(',').map(|n| Ok(n.trim().parse::<u32>()?)).collect()
/// }
/// ```
///
/// Plain or `async`; with up to twelve arguments that own what they hold. A function that returns a `Result` fails with its
/// error, which may be anything that implements `Display`.
///
/// | key | value | what it says |
/// |---|---|---|
/// | `name` | `"text"` | the name in the manifest, instead of the path in the crate |
/// | `pure` | nothing | its result depends on its arguments alone: see below |
/// | `timeout` | `"5s"` (`ns`, `us`, `ms`, `s`, `m`, `h`) | wall-clock time of a run |
/// | `fuel` | integer | fuel of a run |
/// | `memory` | `"64MiB"` or bytes | how large its memory may grow |
/// | `tables` | integer | elements that its tables may have |
/// | `output` | `"1MiB"` or bytes | how much it may print and log |
/// | `max_retries` | integer | further runs after a system failure: a trap, a limit, a timeout |
/// | `retry_exceptions` | `true` or `false` | whether an error that it returns counts like a system failure |
/// | `retry_backoff` | `"100ms"` | the rest before the second run; it doubles with each further one |
/// | `priority` | integer | higher first |
/// | `num_cpus` | `1` or `0.5` | CPU slots that it holds |
/// | `resources` | `"gpu=1, disk=0.5"` | custom resources that it holds |
/// | `grants` | `["dir:/data:ro"]` | the capabilities to keep |
/// | `num_returns` | integer | of a tuple of so many: each part is an object of its own |
///
/// A function that returns `impl Iterator<Item = T>` or `impl Stream<Item = T>`, also inside a `Result`, gives its items while
/// it runs: `remote` makes an `ObjectStream<T>`. An item may be a `Result`; an error among them is the last item, and the
/// task's. The function waits while many items lie there that nobody has taken, and ends when the stream is dropped. An
/// attempt after the first gives only the items that were not given before: they should come in the same order.
///
/// With `num_returns = 2` a function that returns `(A, B)` makes `(ObjectRef<A>, ObjectRef<B>)`.
///
/// The caller can say otherwise: `parse.options().timeout(…).remote(…)`.
///
/// A `pure` task gives the same result for the same arguments, and does nothing else that matters. A host with a journal keeps
/// its result and gives it instead of running the task again, also in a later process. It runs without capabilities, whatever
/// the host grants; the tasks that it submits do too, and none of them can create or find actors. What it prints is not
/// printed again. Not kept are errors, and what holds references. How much time or fuel is left, and how long something
/// takes, should not decide about its result.
///
/// The name becomes a unit struct, so no variable in its scope can have it: not `let parse = parse.remote(…)`.
#[proc_macro_attribute]
pub fn remote(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let attributes = parse_macro_input!(attributes as TaskAttributes);
    let item = parse_macro_input!(item as syn::Item);
    answer(remote::expand(&attributes, item))
}

/// Lets values of a struct or an enum live as actors. Goes with [`macro@actor_methods`] on its `impl`.
///
/// ```ignore
/// #[rustyray::actor(max_restarts = 3, max_pending_calls = 100, memory = "64MiB")]
/// struct Counter {
///     value: i32,
/// }
/// ```
///
/// It makes the handle (`CounterHandle`) and `Counter::options()`. The keys are those of [`macro@remote`], for the
/// constructor and each call, with `max_task_retries` for `max_retries` (how often a call is run again that runs when the
/// actor crashes: 0 where nothing is said, so that each runs at most once), and:
///
/// | key | value | what it says |
/// |---|---|---|
/// | `name` | `"text"` | the type's name in the manifest, instead of the path in the crate |
/// | `max_restarts` | integer | how often it may start again after a crash |
/// | `max_pending_calls` | integer | how many calls may wait for it |
/// | `detached` | nothing | lives until it is killed, whoever holds a handle |
/// | `max_concurrency` | integer, 1 to 1000 | serves so many calls at once: see below |
/// | `concurrency_groups` | `"io=2, compute=1"` | so many calls of the methods of each group besides |
/// | `checkpoint` | nothing | saves its state: see below |
/// | `checkpoint_every` | integer | saves its state after so many calls as well |
///
/// The state of an actor that is saved implements `Serialize` and `Deserialize`. It is saved after a call that said
/// `rustyray::checkpoint()`, after each `checkpoint_every` calls, and when the actor ends in order: because nobody holds a
/// handle any more, or because its host ends. Whoever sees the result of a call sees it after the state was saved. An actor
/// that is restarted goes on from its last checkpoint; what happened since is lost. On a host with a journal so does an actor
/// with a name that is created again, in a later process as well, under the same names of module, type and actor; its
/// constructor does not run then. A state that was saved under another definition of the type, or that does not decode, is
/// reported, and the constructor runs. A state that holds references is not saved.
///
/// # Several calls at once
/// With `max_concurrency` or `concurrency_groups` the actor serves several calls on its one instance, and they take turns where
/// they await:
///
/// ```ignore
/// #[rustyray::actor(max_concurrency = 100, concurrency_groups = "io=2")]
/// struct Cache { pages: RefCell<HashMap<u32, String>> }
///
/// #[rustyray::actor_methods]
/// impl Cache {
///     // Up to 100 of these, and of others without a group,
///     async fn page(&self, number: u32) -> String { self.pages.borrow()[&number].clone() }
///     // and 2 of these besides.
///     #[rustyray::method(concurrency_group = "io")]
///     async fn load(&self, number: u32) -> Result<()> { self.keep(number, fetch.remote(number).await?) }
///     // Alone: no other call runs, or waits, meanwhile.
///     fn clear(&mut self) { self.pages.get_mut().clear() }
/// }
/// ```
///
/// Methods take `&self`, and share the state as its types allow (`Cell`, `RefCell`). One that takes `&mut self` begins when all
/// others have ended, and those that came later wait for it. Calls begin in the order in which they came, in each group; where
/// one is served at a time they also end in it. A method that blocks, or computes without an await, holds up the others; one that
/// crashes ends them with the instance. There are no checkpoints, and circles of waits through such an actor are not looked
/// for: give a wait that may close one a timeout.
#[proc_macro_attribute]
pub fn actor(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let attributes = parse_macro_input!(attributes as ActorAttributes);
    let item = parse_macro_input!(item as syn::Item);
    answer(actor::expand(&attributes, &item))
}

/// Makes the functions of an actor's `impl` remote.
///
/// ```ignore
/// #[rustyray::actor_methods]
/// impl Counter {
///     fn new() -> Self { Counter { value: 0 } }                 // Counter::remote()
///     fn starting_at(value: i32) -> Self { Counter { value } }  // Counter::remote_starting_at(10)
///     async fn increment(&mut self) -> i32 { self.value += 1; self.value }
///     #[rustyray::local]
///     fn is_new(&self) -> bool { self.value == 0 }              // stays an ordinary method
/// }
/// ```
///
/// What takes `&self` or `&mut self` becomes a method of the handle that gives an `ObjectRef`; what returns `Self` or
/// `Result<Self>` is a constructor.
#[proc_macro_attribute]
pub fn actor_methods(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let nothing = parse_macro_input!(attributes as attributes::Nothing);
    let item = parse_macro_input!(item as syn::Item);
    answer(nothing.check("actor_methods").and_then(|()| actor_methods::expand(item)))
}

/// Keeps a function of an actor's `impl` out of what can be called from elsewhere. See [`macro@actor_methods`].
#[proc_macro_attribute]
pub fn local(_: TokenStream, item: TokenStream) -> TokenStream {
    // `actor_methods` takes the attribute away; whoever sees it expanded put it somewhere else.
    let item = proc_macro2::TokenStream::from(item);
    let error =
        syn::Error::new_spanned(&item, "`#[rustyray::local]` goes on a function inside `#[rustyray::actor_methods]`");
    answer(Err(error))
}

/// Says how the calls of one method are served, inside [`macro@actor_methods`].
///
/// ```ignore
/// #[rustyray::method(concurrency_group = "io")]
/// async fn fetch(&self, page: u32) -> String { format!("page {page}") }
/// ```
///
/// With `concurrency_group` its calls are counted for themselves: the type declares how many of the group's are served at once.
#[proc_macro_attribute]
pub fn method(_: TokenStream, item: TokenStream) -> TokenStream {
    // As with `local`.
    let item = proc_macro2::TokenStream::from(item);
    let error =
        syn::Error::new_spanned(&item, "`#[rustyray::method]` goes on a function inside `#[rustyray::actor_methods]`");
    answer(Err(error))
}

/// Makes a function, `async` or not, the program's `main`. An error that it returns is printed as `Error: …` on the standard
/// error, and the exit code is 1.
///
/// ```ignore
/// #[rustyray::main]
/// async fn main() -> Result<()> {
///     println!("{}", add.remote(1, 2).await?);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let nothing = parse_macro_input!(attributes as attributes::Nothing);
    let item = parse_macro_input!(item as syn::Item);
    answer(main_function::expand(&nothing, item))
}

/// Makes a function, `async` or not, a `#[test]` with a host of its own, in the test's process: `cargo test` runs it
/// natively, without WebAssembly. See the module `testing` of `rustyray` for what it does and what it does not.
///
/// ```ignore
/// #[rustyray::test]
/// async fn sums_are_right() -> Result<()> {
///     assert_eq!(add.remote(1, 2).await?, 3);
///     Ok(())
/// }
/// ```
///
/// `#[should_panic]`, `#[ignore]` and what the test returns are as with `#[test]`.
#[proc_macro_attribute]
pub fn test(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let nothing = parse_macro_input!(attributes as attributes::Nothing);
    let item = parse_macro_input!(item as syn::Item);
    answer(nothing.check("test").and_then(|()| test_function::expand(item)))
}

fn answer(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
