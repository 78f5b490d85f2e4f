//! The keys that an attribute may have.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, Result, Token};

use crate::results::Results;
use crate::values;

const TASK_KEYS: &str = "name, timeout, fuel, memory, tables, output, max_retries, retry_exceptions, retry_backoff, \
                         priority, num_cpus, resources, grants, pure, num_returns";
const ACTOR_KEYS: &str = "name, max_restarts, max_pending_calls, max_concurrency, concurrency_groups, detached, checkpoint, \
                          checkpoint_every, timeout, fuel, memory, tables, output, max_task_retries, retry_exceptions, \
                          retry_backoff, priority, num_cpus, resources, grants";

/// `key = value`, or `key` alone.
struct Entry {
    key: Ident,
    value: Option<Expr>,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.parse()?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        Ok(Self { key, value })
    }
}

impl Entry {
    fn value(&self) -> Result<&Expr> {
        self.value.as_ref().ok_or_else(|| Error::new(self.key.span(), format!("`{}` wants a value", self.key)))
    }

    fn flag(&self) -> Result<bool> {
        match &self.value {
            None => Ok(true),
            Some(value) => Err(Error::new_spanned(value, format!("`{}` takes no value", self.key))),
        }
    }

    fn unknown(&self, keys: &str) -> Error {
        Error::new(self.key.span(), format!("there is no option `{}`: there are {keys}", self.key))
    }
}

/// The entries, each key once.
fn entries(input: ParseStream<'_>) -> Result<Vec<Entry>> {
    let entries: Vec<Entry> = Punctuated::<Entry, Token![,]>::parse_terminated(input)?.into_iter().collect();
    for (index, entry) in entries.iter().enumerate() {
        if entries[..index].iter().any(|earlier| earlier.key == entry.key) {
            return Err(Error::new(entry.key.span(), format!("`{}` is said twice", entry.key)));
        }
    }
    Ok(entries)
}

/// Of `#[remote(…)]`, and the part of `#[actor(…)]` that is about calls.
#[derive(Default, Debug, PartialEq)]
pub struct TaskAttributes {
    pub name: Option<String>,
    pub num_returns: Option<usize>,
    pure: bool,
    timeout_ns: Option<u64>,
    fuel: Option<u64>,
    memory_bytes: Option<u64>,
    table_elements: Option<u64>,
    output_bytes: Option<u64>,
    max_retries: Option<u32>,
    retry_exceptions: Option<bool>,
    retry_backoff_ns: Option<u64>,
    priority: Option<i32>,
    cpu_milli: Option<u32>,
    resources: Vec<(String, u32)>,
    grants: Option<Vec<String>>,
}

impl TaskAttributes {
    /// Whether the key is one that tasks and actors share.
    fn take(&mut self, entry: &Entry) -> Result<bool> {
        match entry.key.to_string().as_str() {
            "name" => self.name = Some(values::name(entry.value()?)?),
            "timeout" => self.timeout_ns = Some(values::time_ns(entry.value()?)?),
            "fuel" => self.fuel = Some(values::integer(entry.value()?)?),
            "memory" => self.memory_bytes = Some(values::size_bytes(entry.value()?)?),
            "tables" => self.table_elements = Some(values::integer(entry.value()?)?),
            "output" => self.output_bytes = Some(values::size_bytes(entry.value()?)?),
            "retry_exceptions" => self.retry_exceptions = Some(values::boolean(entry.value()?)?),
            "retry_backoff" => self.retry_backoff_ns = Some(values::time_ns(entry.value()?)?),
            "priority" => self.priority = Some(values::integer(entry.value()?)?),
            "num_cpus" => self.cpu_milli = Some(values::thousandths(entry.value()?)?),
            "resources" => self.resources = values::resources(entry.value()?)?,
            "grants" => self.grants = Some(values::names(entry.value()?)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl TaskAttributes {
    /// One result can be kept, and several cannot.
    pub fn check_results(&self, results: &Results) -> Result<()> {
        if self.pure && !matches!(results, Results::One) {
            return Err(Error::new(Span::call_site(), "a `pure` task gives one result: several are not kept"));
        }
        Ok(())
    }
}

impl Parse for TaskAttributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = Self::default();
        let entries = entries(input)?;
        for entry in &entries {
            match entry.key.to_string().as_str() {
                "max_retries" => attributes.max_retries = Some(values::integer(entry.value()?)?),
                "pure" => attributes.pure = entry.flag()?,
                "num_returns" => attributes.num_returns = Some(values::integer(entry.value()?)?),
                _ if attributes.take(entry)? => {}
                _ => return Err(entry.unknown(TASK_KEYS)),
            }
        }
        let granted = attributes.grants.as_ref().is_some_and(|grants| !grants.is_empty());
        match entries.iter().find(|entry| entry.key == "grants") {
            Some(entry) if attributes.pure && granted => {
                Err(Error::new(entry.key.span(), "a `pure` task holds no capability: leave out `grants`"))
            }
            _ => Ok(attributes),
        }
    }
}

/// Of `#[actor(…)]`.
#[derive(Default, Debug, PartialEq)]
pub struct ActorAttributes {
    pub call: TaskAttributes,
    max_restarts: Option<u32>,
    max_pending_calls: Option<u32>,
    detached: Option<bool>,
    checkpoint: bool,
    /// More than none.
    checkpoint_every: Option<u32>,
    /// More than none.
    max_concurrency: Option<u32>,
    /// Names and how many calls of each, more than none.
    groups: Vec<(String, u32)>,
}

impl ActorAttributes {
    /// Does it save its state?
    pub fn saves(&self) -> bool {
        self.checkpoint || self.checkpoint_every.is_some()
    }
}

impl Parse for ActorAttributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = Self::default();
        let entries = entries(input)?;
        for entry in &entries {
            match entry.key.to_string().as_str() {
                "max_restarts" => attributes.max_restarts = Some(values::integer(entry.value()?)?),
                "max_pending_calls" => attributes.max_pending_calls = Some(values::integer(entry.value()?)?),
                "max_task_retries" => attributes.call.max_retries = Some(values::integer(entry.value()?)?),
                "detached" => attributes.detached = Some(entry.flag()?),
                "checkpoint" => attributes.checkpoint = entry.flag()?,
                "checkpoint_every" => attributes.checkpoint_every = Some(calls(entry.value()?)?),
                "max_concurrency" => attributes.max_concurrency = Some(concurrency(entry.value()?)?),
                "concurrency_groups" => attributes.groups = values::counts(entry.value()?, CONCURRENCY_MAX)?,
                _ if attributes.call.take(entry)? => {}
                _ => return Err(entry.unknown(ACTOR_KEYS)),
            }
        }
        let several = attributes.max_concurrency.is_some() || !attributes.groups.is_empty();
        match entries.iter().find(|entry| entry.key.to_string().starts_with("checkpoint")) {
            Some(entry) if several => {
                let message = "an actor that serves several calls at once saves no checkpoints: there is no moment between two calls";
                Err(Error::new(entry.key.span(), message))
            }
            _ => Ok(attributes),
        }
    }
}

/// As many calls as a host serves at once.
const CONCURRENCY_MAX: u32 = 1000;

fn concurrency(value: &Expr) -> Result<u32> {
    match values::integer(value)? {
        calls if (1..=CONCURRENCY_MAX).contains(&calls) => Ok(calls),
        _ => Err(Error::new_spanned(value, format!("a number of calls is wanted, from 1 to {CONCURRENCY_MAX}"))),
    }
}

/// Of `#[method(…)]`.
#[derive(Default)]
pub struct MethodAttributes {
    pub group: Option<String>,
    /// Where it stands, if it does.
    pub at: Option<Span>,
}

impl MethodAttributes {
    /// What the attributes of a method say, of which there is at most one.
    pub fn of(attributes: &[syn::Attribute]) -> Result<Self> {
        match attributes {
            [] => Ok(Self::default()),
            [one] => Ok(Self { at: Some(one.pound_token.span), ..one.parse_args()? }),
            [_, second, ..] => Err(Error::new_spanned(second, "`#[rustyray::method]` is said twice")),
        }
    }
}

impl Parse for MethodAttributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = Self::default();
        for entry in entries(input)? {
            match entry.key.to_string().as_str() {
                "concurrency_group" => attributes.group = Some(values::name(entry.value()?)?),
                _ => return Err(entry.unknown("concurrency_group")),
            }
        }
        Ok(attributes)
    }
}

/// Calls between two checkpoints.
fn calls(value: &Expr) -> Result<u32> {
    match values::integer(value)? {
        0 => Err(Error::new_spanned(value, "a number of calls is wanted, 1 at least")),
        calls => Ok(calls),
    }
}

/// Of an attribute that takes nothing.
pub struct Nothing(TokenStream);

impl Parse for Nothing {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        input.parse().map(Self)
    }
}

impl Nothing {
    pub fn check(&self, attribute: &str) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::new_spanned(&self.0, format!("`#[rustyray::{attribute}]` takes no options")))
    }
}

/// As the constant that the registry holds.
impl ToTokens for TaskAttributes {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { name: _, num_returns: _, pure, resources, grants, .. } = self;
        let timeout_ns = optional(self.timeout_ns.as_ref());
        let fuel = optional(self.fuel.as_ref());
        let memory_bytes = optional(self.memory_bytes.as_ref());
        let table_elements = optional(self.table_elements.as_ref());
        let output_bytes = optional(self.output_bytes.as_ref());
        let max_retries = optional(self.max_retries.as_ref());
        let retry_exceptions = optional(self.retry_exceptions.as_ref());
        let retry_backoff_ns = optional(self.retry_backoff_ns.as_ref());
        let priority = optional(self.priority.as_ref());
        let cpu_milli = optional(self.cpu_milli.as_ref());
        let resources = resources.iter().map(|(name, milli)| quote!((#name, #milli)));
        let grants = optional(grants.as_ref().map(|grants| quote!(&[#(#grants),*])).as_ref());
        tokens.extend(quote! {
            ::rustyray::__private::TaskDefaults {
                pure: #pure,
                timeout_ns: #timeout_ns,
                fuel: #fuel,
                memory_bytes: #memory_bytes,
                table_elements: #table_elements,
                output_bytes: #output_bytes,
                max_retries: #max_retries,
                retry_exceptions: #retry_exceptions,
                retry_backoff_ns: #retry_backoff_ns,
                priority: #priority,
                cpu_milli: #cpu_milli,
                resources: &[#(#resources),*],
                grants: #grants,
            }
        });
    }
}

/// As the constant that the registry holds.
impl ToTokens for ActorAttributes {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let call = &self.call;
        let max_restarts = optional(self.max_restarts.as_ref());
        let max_pending_calls = optional(self.max_pending_calls.as_ref());
        let detached = optional(self.detached.as_ref());
        let max_concurrency = optional(self.max_concurrency.as_ref());
        let groups = self.groups.iter().map(|(name, calls)| quote!((#name, #calls)));
        let checkpoint = optional(self.saves().then(|| self.checkpoint_every.unwrap_or(0)).as_ref());
        tokens.extend(quote! {
            ::rustyray::__private::ActorDefaults {
                call: #call,
                max_restarts: #max_restarts,
                max_pending_calls: #max_pending_calls,
                detached: #detached,
                checkpoint: #checkpoint,
                max_concurrency: #max_concurrency,
                groups: &[#(#groups),*],
            }
        });
    }
}

fn optional(value: Option<&impl ToTokens>) -> TokenStream {
    value.map_or_else(|| quote!(::core::option::Option::None), |value| quote!(::core::option::Option::Some(#value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T: Parse>(text: &str) -> String {
        match syn::parse_str::<T>(text) {
            Ok(_) => panic!("`{text}` was read"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn everything_that_a_task_may_say() {
        let text = r#"name = "p", timeout = "5s", fuel = 50_000_000, memory = "64MiB", tables = 10, output = 100,
            max_retries = 2, retry_exceptions = true, retry_backoff = "100ms", priority = -1, num_cpus = 0.5, resources = "gpu=1", grants = ["clock"],"#;
        let wanted = TaskAttributes {
            name: Some("p".into()),
            num_returns: None,
            pure: false,
            timeout_ns: Some(5_000_000_000),
            fuel: Some(50_000_000),
            memory_bytes: Some(64 << 20),
            table_elements: Some(10),
            output_bytes: Some(100),
            max_retries: Some(2),
            retry_exceptions: Some(true),
            retry_backoff_ns: Some(100_000_000),
            priority: Some(-1),
            cpu_milli: Some(500),
            resources: vec![("gpu".into(), 1000)],
            grants: Some(vec!["clock".into()]),
        };
        assert_eq!(syn::parse_str::<TaskAttributes>(text).unwrap(), wanted);
        assert_eq!(syn::parse_str::<TaskAttributes>("").unwrap(), TaskAttributes::default());
    }

    #[test]
    fn what_only_an_actor_may_say() {
        let actor = syn::parse_str::<ActorAttributes>("max_restarts = 1, detached, max_task_retries = 4").unwrap();
        assert_eq!((actor.max_restarts, actor.detached, actor.call.max_retries), (Some(1), Some(true), Some(4)));
        let actor = syn::parse_str::<ActorAttributes>("checkpoint_every = 100").unwrap();
        assert!(actor.saves() && actor.checkpoint_every == Some(100) && !ActorAttributes::default().saves());
        assert!(syn::parse_str::<ActorAttributes>("checkpoint").unwrap().saves());
        let actor =
            syn::parse_str::<ActorAttributes>("max_concurrency = 4, concurrency_groups = \"io=2, b = 1\"").unwrap();
        assert_eq!((actor.max_concurrency, actor.groups), (Some(4), vec![("io".to_owned(), 2), ("b".to_owned(), 1)]));
        for text in ["max_concurrency = 0", "max_concurrency = 1001", "concurrency_groups = \"io=0\""] {
            assert!(refusal::<ActorAttributes>(text).contains("from 1 to 1000"), "{text}");
        }
        assert!(refusal::<ActorAttributes>("concurrency_groups = \"io=1,io=2\"").contains("twice"));
        assert!(refusal::<ActorAttributes>("max_concurrency = 2, checkpoint").contains("saves no checkpoints"));
        assert!(refusal::<ActorAttributes>("checkpoint_every = 0").contains("1 at least"));
        assert!(refusal::<TaskAttributes>("detached").contains("no option `detached`: there are name, timeout"));
        assert!(refusal::<ActorAttributes>("max_retries = 1").contains("max_task_retries"));
    }

    #[test]
    fn what_is_refused() {
        assert!(refusal::<TaskAttributes>("pure, grants = [\"clock\"]").contains("holds no capability"));
        assert!(syn::parse_str::<TaskAttributes>("pure, grants = []").unwrap().pure);
        assert!(refusal::<ActorAttributes>("pure").starts_with("there is no option `pure`"));
        assert_eq!(refusal::<TaskAttributes>("fuel = 1, fuel = 2"), "`fuel` is said twice");
        assert_eq!(refusal::<TaskAttributes>("fuel"), "`fuel` wants a value");
        assert_eq!(refusal::<ActorAttributes>("detached = true"), "`detached` takes no value");
    }
}
