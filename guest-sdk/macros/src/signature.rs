//! What a function looks like from outside, and what may not be remote.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Error, FnArg, Ident, Pat, Result, ReturnType, Signature, Type};

use crate::result_type::result_value;
use crate::results::{self, Items, Results};
use crate::source::type_text;

/// As many as `Submission` has a `remote` for.
const ARGUMENTS_MAX: usize = 12;

/// A function that can be called from elsewhere.
pub struct Callable {
    pub parameters: Vec<Parameter>,
    pub value: Value,
    pub is_async: bool,
}

/// What the code is made for that runs a function.
#[derive(Clone, Copy)]
pub enum Glue {
    /// Runs it to its end.
    Blocking,
    /// Is `async` itself.
    Async,
}

impl Glue {
    fn wait_for(self, future: &TokenStream) -> TokenStream {
        match self {
            Self::Blocking => quote!(::rustyray::block_on(#future)),
            Self::Async => quote!(#future.await),
        }
    }
}

pub struct Parameter {
    pub name: Ident,
    pub ty: Type,
}

/// What the function gives.
pub struct Value {
    /// Inside the `Result`, where there is one; that of an item, where it gives several.
    pub ty: Type,
    pub fallible: bool,
    pub results: Results,
}

impl Callable {
    /// `what` is what the errors call it. A receiver is the caller's business.
    pub fn new(signature: &Signature, what: &str) -> Result<Self> {
        check_qualifiers(signature, what)?;
        let parameters: Vec<Parameter> =
            signature.inputs.iter().filter_map(typed).map(parameter).collect::<Result<_>>()?;
        if let Some(excess) = parameters.get(ARGUMENTS_MAX) {
            let message = format!("{what} takes at most {ARGUMENTS_MAX} arguments: put some into a struct");
            return Err(Error::new(excess.name.span(), message));
        }
        let value = Value::new(&signature.output)?;
        Ok(Self { parameters, value, is_async: signature.asyncness.is_some() })
    }

    /// `a: impl IntoArg<i32>, …`
    pub fn arguments(&self) -> TokenStream {
        let names = self.names();
        let types = self.types();
        quote!(#(#names: impl ::rustyray::IntoArg<#types>),*)
    }

    /// `&mut [a.into_outgoing(), …]`
    pub fn outgoing(&self) -> TokenStream {
        let names = self.names();
        quote!(&mut [#(::rustyray::IntoArg::into_outgoing(#names)),*])
    }

    pub fn names(&self) -> Vec<&Ident> {
        self.parameters.iter().map(|parameter| &parameter.name).collect()
    }

    pub fn types(&self) -> Vec<&Type> {
        self.parameters.iter().map(|parameter| &parameter.ty).collect()
    }

    /// Whether the glue changes its `arguments`: a `mut` too many would be a warning in the user's code.
    pub fn mutability(&self) -> Option<TokenStream> {
        (!self.parameters.is_empty()).then(|| quote!(mut))
    }

    /// Reads the arguments and gives the expressions that pass them on.
    pub fn read(&self) -> (TokenStream, Vec<Ident>) {
        let count = self.parameters.len();
        let places: Vec<Ident> = (0..count).map(|index| format_ident!("__rr_argument_{index}")).collect();
        let reads = self.parameters.iter().zip(&places).map(|(Parameter { name, ty }, place)| {
            let name = unraw(name);
            // A type that can't travel is reported where it stands.
            let read = quote_spanned!(at(ty.span())=> __rr_arguments.read::<#ty>(#name)?);
            quote!(let #place = #read;)
        });
        (quote! { __rr_arguments.expect(#count)?; #(#reads)* }, places)
    }

    /// `call`, waited for where it is async.
    pub fn finished(&self, call: &TokenStream, glue: Glue) -> TokenStream {
        if self.is_async { glue.wait_for(call) } else { call.clone() }
    }

    /// The answer that `call` makes.
    pub fn reply(&self, call: &TokenStream, glue: Glue) -> TokenStream {
        let fallible = self.value.fallible;
        let call = self.finished(call, glue);
        match &self.value.results {
            Results::One => {}
            Results::Items(items) => return glue.wait_for(&items.yielded(&call, fallible)),
            Results::Parts(parts) => return results::yield_parts(&call, fallible, parts.len()),
        }
        let span = at(self.value.ty.span());
        let reply = if self.value.fallible { "reply_result" } else { "reply_value" };
        let reply = Ident::new(reply, span);
        quote_spanned!(span=> ::rustyray::__private::#reply(__rr_reply, #call))
    }

    /// What `remote` makes.
    pub fn returned(&self) -> TokenStream {
        let value = &self.value.ty;
        match &self.value.results {
            Results::One => quote!(::rustyray::ObjectRef<#value>),
            Results::Items(_) => quote!(::rustyray::ObjectStream<#value>),
            Results::Parts(parts) => quote!((#(::rustyray::ObjectRef<#parts>),*)),
        }
    }

    /// The constant that the manifest is made of.
    pub fn declaration(&self, defaults: &TokenStream, docs: &str) -> TokenStream {
        let parameters = self.parameters.iter().map(|Parameter { name, ty }| {
            let (name, ty) = (unraw(name), type_text(ty));
            quote!((#name, #ty))
        });
        let result = match &self.value.results {
            // Without the tuple's brackets: no type is spelled like this, so that it can be told from a stream of tuples.
            Results::Parts(parts) => parts.iter().map(type_text).collect::<Vec<_>>().join(", "),
            Results::One | Results::Items(_) => type_text(&self.value.ty),
        };
        let streams = !matches!(self.value.results, Results::One);
        quote! {
            ::rustyray::__private::Signature {
                parameters: &[#(#parameters),*],
                result: #result,
                streams: #streams,
                defaults: #defaults,
                docs: #docs,
            }
        }
    }
}

/// The user's place in the source, with names that mean what they mean in the macro's code.
fn at(span: Span) -> Span {
    Span::call_site().located_at(span)
}

pub fn unraw(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

fn typed(argument: &FnArg) -> Option<&syn::PatType> {
    match argument {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    }
}

fn check_qualifiers(signature: &Signature, what: &str) -> Result<()> {
    let Signature { constness, unsafety, abi, generics, variadic, .. } = signature;
    if let Some(token) = constness {
        return Err(Error::new(token.span(), format!("{what} cannot be `const`: it runs in another instance")));
    }
    if let Some(token) = unsafety {
        return Err(Error::new(token.span(), format!("{what} cannot be `unsafe`: its caller is elsewhere")));
    }
    if let Some(abi) = abi {
        return Err(Error::new(abi.span(), format!("{what} cannot be `extern`")));
    }
    if let Some(variadic) = variadic {
        return Err(Error::new(variadic.span(), format!("{what} cannot be variadic")));
    }
    let generic = format!("{what} cannot be generic: the module holds one function for each name");
    if !generics.params.is_empty() {
        return Err(Error::new_spanned(&generics.params, generic));
    }
    match &generics.where_clause {
        Some(clause) => Err(Error::new_spanned(clause, generic)),
        None => Ok(()),
    }
}

fn parameter(argument: &syn::PatType) -> Result<Parameter> {
    let name = match &*argument.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => pattern.ident.clone(),
        other => {
            return Err(Error::new_spanned(other, "an argument needs a plain name here: take it apart in the body"));
        }
    };
    check_owned(&argument.ty)?;
    Ok(Parameter { name, ty: (*argument.ty).clone() })
}

impl Value {
    fn new(output: &ReturnType) -> Result<Self> {
        let ReturnType::Type(_, ty) = output else {
            return Ok(Self { ty: syn::parse_quote!(()), fallible: false, results: Results::One });
        };
        if let Type::Never(never) = &**ty {
            return Err(Error::new_spanned(never, "it has to give a value: return `()`"));
        }
        let (ty, fallible) = result_value(ty).map_or((&**ty, false), |value| (value, true));
        let value = match Items::of(ty) {
            Some(items) => Self { ty: items.value().clone(), fallible, results: Results::Items(Box::new(items)) },
            None => Self { ty: ty.clone(), fallible, results: Results::One },
        };
        check_owned(&value.ty)?;
        Ok(value)
    }

    /// Makes an object of each part of the tuple, where the attribute says so.
    pub fn split(&mut self, num_returns: Option<usize>) -> Result<()> {
        if let Some(count) = num_returns {
            self.results = Results::Parts(results::parts(&self.ty, count)?);
        }
        Ok(())
    }
}

/// Refuses a type that borrows, or that has no name.
fn check_owned(ty: &Type) -> Result<()> {
    let mut borrows = Borrows(None);
    borrows.visit_type(ty);
    borrows.0.map_or(Ok(()), Err)
}

struct Borrows(Option<Error>);

impl<'ast> Visit<'ast> for Borrows {
    fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
        let owned = match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
            Type::Slice(slice) => format!("Vec<{}>", type_text(&slice.elem)),
            other => type_text(other),
        };
        let message = format!("a borrow cannot leave this instance: take `{owned}`");
        self.0.get_or_insert(Error::new_spanned(reference, message));
    }

    fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
        if lifetime.ident != "static" {
            let message = "a borrow cannot leave this instance: take a type that owns what it holds";
            self.0.get_or_insert(Error::new_spanned(lifetime, message));
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast syn::TypeImplTrait) {
        let message = "`impl Trait` is generic: name the type, since the module holds one function for each name; only results \
                       that come one after the other are `impl Iterator<Item = …>` or `impl Stream<Item = …>`";
        self.0.get_or_insert(Error::new_spanned(ty, message));
    }

    fn visit_type(&mut self, ty: &'ast Type) {
        visit::visit_type(self, ty);
    }
}
