//! `#[remote]`: a unit struct in the function's place, which derefs to it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, FnArg, Ident, Item, ItemFn, Result, ReturnType};

use crate::attributes::TaskAttributes;
use crate::results::Results;
use crate::signature::{Callable, Glue, unraw};
use crate::source::{conditions, first_paragraph, shown};

pub fn expand(attributes: &TaskAttributes, item: Item) -> Result<TokenStream> {
    let function = match item {
        Item::Fn(function) => function,
        Item::Struct(_) | Item::Enum(_) => {
            return Err(Error::new_spanned(
                item,
                "`#[rustyray::remote]` goes on a function: a type is a `#[rustyray::actor]`",
            ));
        }
        other => return Err(Error::new_spanned(other, "`#[rustyray::remote]` goes on a function")),
    };
    check_receiver(&function)?;
    let mut callable = Callable::new(&function.sig, "a remote function")?;
    callable.value.split(attributes.num_returns)?;
    attributes.check_results(&callable.value.results)?;
    Ok(items(attributes, &function, &callable))
}

fn check_receiver(function: &ItemFn) -> Result<()> {
    match function.sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) => Err(Error::new_spanned(
            receiver,
            "a remote function has no `self`: what has state is an actor, with `#[rustyray::actor_methods]` on its `impl`",
        )),
        _ => Ok(()),
    }
}

fn items(attributes: &TaskAttributes, function: &ItemFn, callable: &Callable) -> TokenStream {
    let ItemFn { attrs, vis, sig, .. } = function;
    let (name, conditions, shown) = (&sig.ident, conditions(attrs), shown(attrs));
    let body = format_ident!("__{}", unraw(name));
    let deref = deref(callable, name, &body, &sig.output);
    let calls = calls(callable, name, attributes);
    let registration = registration(attributes, function, callable, &body);
    let function = named(function.clone(), body);
    quote! {
        #(#conditions)*
        #(#shown)*
        #[allow(non_camel_case_types, dead_code)]
        #[derive(Clone, Copy, Debug)]
        #vis struct #name;

        #(#conditions)*
        #[allow(deprecated)]
        const _: () = {
            #function
            #deref
            #calls
            #registration
        };
    }
}

/// The function under another name: its own means the struct, inside its body as well.
fn named(mut function: ItemFn, name: Ident) -> ItemFn {
    function.sig.ident = name;
    function.vis = syn::Visibility::Inherited;
    function.attrs.retain(|attribute| !["cfg", "doc", "deprecated"].iter().any(|name| attribute.path().is_ident(name)));
    function
}

/// What makes `add(1, 2)` work.
fn deref(callable: &Callable, name: &Ident, body: &Ident, output: &ReturnType) -> TokenStream {
    let (names, types) = (callable.names(), callable.types());
    let (output, named) = match (&callable.value.results, output) {
        (Results::Items(items), _) => (items.named_output(output), Some(items)),
        (_, ReturnType::Default) => (quote!(()), None),
        (_, ReturnType::Type(_, ty)) => (quote!(#ty), None),
    };
    let call = quote!(#body(#(#names),*));
    let call = if callable.is_async { quote!(#call.await) } else { call };
    let call = named.map_or(call.clone(), |items| items.named(&call, callable.value.fallible));
    let (output, function) = match (callable.is_async, named) {
        (false, None) => (output, quote!(#body)),
        (false, Some(_)) => (output, quote!(|#(#names),*| #call)),
        (true, _) => {
            let future = quote!(::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = #output>>>);
            (future, quote!(|#(#names),*| ::std::boxed::Box::pin(async move { #call })))
        }
    };
    quote! {
        #[allow(clippy::type_complexity)]
        impl ::core::ops::Deref for #name {
            type Target = fn(#(#types),*) -> #output;

            fn deref(&self) -> &Self::Target {
                const FUNCTION: fn(#(#types),*) -> #output = #function;
                &FUNCTION
            }
        }
    }
}

/// What makes `add.remote(1, 2)` work.
fn calls(callable: &Callable, name: &Ident, attributes: &TaskAttributes) -> TokenStream {
    let (arguments, names, types) = (callable.arguments(), callable.names(), callable.types());
    let returned = callable.returned();
    let path = path(attributes, name);
    quote! {
        #[allow(dead_code, clippy::too_many_arguments, clippy::type_complexity)]
        impl #name {
            /// Submits a task and gives the reference to its result at once.
            pub fn remote(&self, #arguments) -> #returned {
                self.options().remote(#(#names),*)
            }

            /// Starts saying how a task is to run; `remote` then submits it.
            pub fn options(&self) -> ::rustyray::Submission<(#(#types,)*), #returned> {
                ::rustyray::Submission::new(#path)
            }
        }
    }
}

fn registration(attributes: &TaskAttributes, function: &ItemFn, callable: &Callable, body: &Ident) -> TokenStream {
    let path = path(attributes, &function.sig.ident);
    let declaration = callable.declaration(&quote!(#attributes), &first_paragraph(&function.attrs));
    let mutability = callable.mutability();
    let (read, places) = callable.read();
    let reply = callable.reply(&quote!(#body(#(#places),*)), Glue::Blocking);
    quote! {
        ::rustyray::__private::inventory::submit! {
            ::rustyray::__private::Task {
                name: #path,
                signature: #declaration,
                run: |#mutability __rr_arguments, __rr_reply| {
                    #read
                    #reply
                },
            }
        }
    }
}

/// The name that the host knows it by.
fn path(attributes: &TaskAttributes, name: &Ident) -> TokenStream {
    if let Some(name) = &attributes.name {
        return quote!(#name);
    }
    let name = unraw(name);
    quote! {
        const { ::rustyray::__private::path_in_crate(::core::concat!(::core::module_path!(), "::", #name)) }
    }
}
