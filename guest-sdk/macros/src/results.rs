//! Functions that give more than one result: an iterator, a stream, or a tuple in parts.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Error, GenericArgument, PathArguments, Result, ReturnType, TraitBound, Type,
    TypeImplTrait, TypeParamBound,
};

use crate::result_type::result_value;

/// How many results a function gives.
pub enum Results {
    One,
    Items(Box<Items>),
    /// Those of a tuple, each an object of its own.
    Parts(Vec<Type>),
}

/// Of an `impl Iterator<Item = T>`, or an `impl Stream<Item = T>`.
pub struct Items {
    /// `Iterator<Item = T>`.
    bound: TraitBound,
    /// Is it a `Stream`?
    is_async: bool,
    /// The `Item`.
    pub item: Type,
}

impl Items {
    /// Those of a type that is one.
    pub fn of(ty: &Type) -> Option<Self> {
        let Type::ImplTrait(TypeImplTrait { bounds, .. }) = ty else { return None };
        bounds.iter().find_map(|bound| match bound {
            TypeParamBound::Trait(bound) => Items::of_bound(bound),
            _ => None,
        })
    }

    fn of_bound(bound: &TraitBound) -> Option<Self> {
        let last = bound.path.segments.last()?;
        let is_async = last.ident == "Stream";
        if !is_async && last.ident != "Iterator" {
            return None;
        }
        let PathArguments::AngleBracketed(AngleBracketedGenericArguments { args, .. }) = &last.arguments else {
            return None;
        };
        let item = args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assigned) if assigned.ident == "Item" => Some(assigned.ty.clone()),
            _ => None,
        });
        Some(Self { bound: bound.clone(), is_async, item: item? })
    }

    /// The type of the values: an item may be a `Result`.
    pub fn value(&self) -> &Type {
        result_value(&self.item).unwrap_or(&self.item)
    }

    /// What writes an item.
    fn encode(&self) -> TokenStream {
        match result_value(&self.item) {
            Some(_) => quote!(::rustyray::__private::reply_result),
            None => quote!(::rustyray::__private::reply_value),
        }
    }

    /// Yields all items of `call`, which is a `Result` if it is `fallible`.
    pub fn yielded(&self, call: &TokenStream, fallible: bool) -> TokenStream {
        let (items, encode) = (or_never(call, fallible), self.encode());
        match self.is_async {
            true => quote!(::rustyray::__private::yield_stream(__rr_reply, #items, #encode)),
            false => quote!(::rustyray::__private::yield_items(__rr_reply, #items, #encode)),
        }
    }

    /// The type with a name, for what is called in place.
    fn boxed_type(&self) -> TokenStream {
        let bound = &self.bound;
        match self.is_async {
            true => quote!(::core::pin::Pin<::std::boxed::Box<dyn #bound>>),
            false => quote!(::std::boxed::Box<dyn #bound>),
        }
    }

    /// What the function returns, as a type with a name.
    pub fn named_output(&self, output: &ReturnType) -> TokenStream {
        let mut output = output.clone();
        Name(self.boxed_type()).visit_return_type_mut(&mut output);
        match output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) => quote!(#ty),
        }
    }

    /// `call` as that type.
    pub fn named(&self, call: &TokenStream, fallible: bool) -> TokenStream {
        let ty = self.boxed_type();
        let boxed = if self.is_async { quote!(::std::boxed::Box::pin) } else { quote!(::std::boxed::Box::new) };
        match fallible {
            true => quote!(#call.map(|items| #boxed(items) as #ty)),
            false => quote!(#boxed(#call) as #ty),
        }
    }
}

/// As a `Result` in any case.
fn or_never(call: &TokenStream, fallible: bool) -> TokenStream {
    if fallible { call.clone() } else { quote!(::core::result::Result::<_, ::core::convert::Infallible>::Ok(#call)) }
}

/// Writes the boxed type where the `impl` stands.
struct Name(TokenStream);

impl VisitMut for Name {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::ImplTrait(_) => *ty = Type::Verbatim(self.0.clone()),
            other => visit_mut::visit_type_mut(self, other),
        }
    }
}

/// The types of a tuple of so many, as `num_returns` says it.
pub fn parts(ty: &Type, count: usize) -> Result<Vec<Type>> {
    let text = match ty {
        _ if !(2..=PARTS_MAX).contains(&count) => format!("`num_returns` is a number from 2 to {PARTS_MAX}"),
        Type::Tuple(tuple) if tuple.elems.len() == count => return Ok(tuple.elems.iter().cloned().collect()),
        Type::Tuple(tuple) => format!("`num_returns = {count}`, and this is a tuple of {}", tuple.elems.len()),
        _ => format!("`num_returns = {count}` wants a tuple of {count} here"),
    };
    Err(Error::new_spanned(ty, text))
}

/// As many as the SDK has a tuple of references for.
const PARTS_MAX: usize = 8;

/// Yields the parts of the tuple that `call` makes.
pub fn yield_parts(call: &TokenStream, fallible: bool, count: usize) -> TokenStream {
    let names: Vec<_> = (0..count).map(|index| format_ident!("__rr_part_{index}")).collect();
    let tuple = or_never(call, fallible);
    quote! {
        ::rustyray::__private::yield_parts(#tuple.map(|(#(#names),*)| {
            [#(::rustyray::__private::reply_value(__rr_reply, #names)),*]
        }))
    }
}
