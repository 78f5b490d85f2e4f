//! `#[actor]`: the handle and the options of an actor's type.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Generics, Ident, Item, Result, Visibility};

use crate::attributes::ActorAttributes;
use crate::signature::unraw;
use crate::source::{conditions, first_paragraph};

pub fn expand(attributes: &ActorAttributes, item: &Item) -> Result<TokenStream> {
    let (name, vis, generics, attrs) = definition(item)?;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        let message = "an actor cannot be generic: the module holds one type for each name";
        return Err(Error::new_spanned(generics, message));
    }
    let (label, conditions, docs) = (unraw(name), conditions(attrs), first_paragraph(attrs));
    let (handle, options) = (format_ident!("{label}Handle"), format_ident!("{label}Options"));
    let type_name = type_name(attributes, &label);
    Ok(quote! {
        #item

        #(#conditions)*
        ::rustyray::__actor_items! { #vis #name, #handle, #options, #label, #type_name, #attributes, #docs }
    })
}

fn definition(item: &Item) -> Result<(&Ident, &Visibility, &Generics, &[syn::Attribute])> {
    match item {
        Item::Struct(item) => Ok((&item.ident, &item.vis, &item.generics, &item.attrs)),
        Item::Enum(item) => Ok((&item.ident, &item.vis, &item.generics, &item.attrs)),
        Item::Impl(item) => Err(Error::new_spanned(
            item.impl_token,
            "`#[rustyray::actor]` goes on a struct or an enum: its `impl` takes `#[rustyray::actor_methods]`",
        )),
        Item::Fn(item) => Err(Error::new_spanned(
            &item.sig,
            "`#[rustyray::actor]` goes on a struct or an enum: a function is `#[rustyray::remote]`",
        )),
        other => Err(Error::new_spanned(other, "`#[rustyray::actor]` goes on a struct or an enum")),
    }
}

fn type_name(attributes: &ActorAttributes, label: &str) -> TokenStream {
    match &attributes.call.name {
        Some(name) => quote!(#name),
        None => quote! {
            ::rustyray::__private::path_in_crate(::core::concat!(::core::module_path!(), "::", #label))
        },
    }
}
