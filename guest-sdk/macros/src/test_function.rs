//! `#[test]`: a test with a host of its own.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Item, ItemFn, Result};

pub fn expand(item: Item) -> Result<TokenStream> {
    let Item::Fn(function) = item else {
        return Err(Error::new_spanned(item, "`#[rustyray::test]` goes on a function"));
    };
    if !function.sig.inputs.is_empty() {
        return Err(Error::new_spanned(&function.sig.inputs, "a test takes no arguments"));
    }
    if !function.sig.generics.params.is_empty() {
        return Err(Error::new_spanned(&function.sig.generics, "a test cannot be generic"));
    }
    Ok(test(function))
}

fn test(function: ItemFn) -> TokenStream {
    let ItemFn { attrs, vis, mut sig, block } = function;
    let output = sig.output.clone();
    let run = match sig.asyncness.take() {
        Some(asyncness) => quote! {{
            #asyncness fn __rr_test() #output #block
            ::rustyray::test(__rr_test())
        }},
        None => quote! {{
            fn __rr_test() #output #block
            ::rustyray::testing::run(__rr_test)
        }},
    };
    quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis #sig #run
    }
}
