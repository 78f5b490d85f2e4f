//! `#[main]`: the driver of a program.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Item, ItemFn, Result, ReturnType};

use crate::attributes::Nothing;
use crate::result_type::result_value;

pub fn expand(attributes: &Nothing, item: Item) -> Result<TokenStream> {
    let Item::Fn(function) = item else {
        return Err(Error::new_spanned(item, "`#[rustyray::main]` goes on the function `main`"));
    };
    let refused = attributes.check("main").and_then(|()| check(&function)).err();
    match refused {
        None => Ok(main(&function)),
        // A `main` all the same: that there is none would be reported as well, and is not the mistake.
        Some(error) if function.sig.ident == "main" => {
            let error = error.into_compile_error();
            Ok(quote!(#error fn main() {}))
        }
        Some(error) => Err(error),
    }
}

fn main(function: &ItemFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, block } = function;
    let (asyncness, output) = (&sig.asyncness, &sig.output);
    let fallible = matches!(output, ReturnType::Type(_, ty) if result_value(ty).is_some());
    let run = if fallible { quote!(run_result) } else { quote!(run) };
    let main = if asyncness.is_some() { quote!(|| ::rustyray::block_on(main())) } else { quote!(main) };
    quote! {
        #(#attrs)*
        #vis fn main() -> ::std::process::ExitCode {
            #asyncness fn main() #output #block

            ::rustyray::__private::#run(#main)
        }
    }
}

fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if signature.ident != "main" {
        return Err(Error::new_spanned(&signature.ident, "`#[rustyray::main]` goes on the function `main`"));
    }
    if !signature.inputs.is_empty() {
        let message = "`main` takes no arguments: they are in `std::env::args()`";
        return Err(Error::new_spanned(&signature.inputs, message));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(&signature.generics, "`main` cannot be generic"));
    }
    let refused = [
        signature.constness.as_ref().map(|token| (token.span, "`const`")),
        signature.unsafety.as_ref().map(|token| (token.span, "`unsafe`")),
        signature.abi.as_ref().map(|abi| (abi.extern_token.span, "`extern`")),
    ];
    match refused.into_iter().flatten().next() {
        Some((span, word)) => Err(Error::new(span, format!("`main` cannot be {word}"))),
        None => Ok(()),
    }
}
