//! `#[actor]`: the handle and the options of an actor's type.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::visit_mut::VisitMut;
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
    let state = if attributes.saves() { checkpoints(name, item) } else { quote!(::core::option::Option::None) };
    Ok(quote! {
        #item

        #(#conditions)*
        ::rustyray::__actor_items! { #vis #name, #handle, #options, #label, #type_name, #attributes, #docs, #state }
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

/// How the state is saved and restored. A type that cannot be is reported where it is named.
fn checkpoints(name: &Ident, item: &Item) -> TokenStream {
    let definition = fingerprint(item);
    quote_spanned! {name.span().resolved_at(proc_macro2::Span::call_site())=>
        ::core::option::Option::Some(::rustyray::__private::Checkpoints::of::<#name, #definition>())
    }
}

/// Of the state's definition, without its documentation: a state that was saved under another is not restored. FNV-1a,
/// as it has to be the same wherever and whenever the program is compiled.
fn fingerprint(item: &Item) -> u64 {
    let mut item = item.clone();
    WithoutDocs.visit_item_mut(&mut item);
    let text = item.to_token_stream().to_string();
    let bytes = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

struct WithoutDocs;

impl VisitMut for WithoutDocs {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<syn::Attribute>) {
        attributes.retain(|attribute| !attribute.path().is_ident("doc"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_of_what_decides_about_the_bytes() {
        let of = |text: &str| fingerprint(&syn::parse_str(text).unwrap());
        let plain = of("struct A { a: Vec<u32>, b: u8 }");
        assert_eq!(plain, of("/// Docs.\nstruct A { /** More. */ a: Vec < u32 >,\n b: u8 }"));
        for other in ["struct A { a: Vec<u64>, b: u8 }", "struct A { b: u8, a: Vec<u32> }", "struct A { a: Vec<u32> }"]
        {
            assert_ne!(plain, of(other), "{other}");
        }
    }
}
