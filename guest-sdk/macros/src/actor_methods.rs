//! `#[actor_methods]`: methods for the handle, and what the registry holds of an actor.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Error, FnArg, Ident, ImplItem, ImplItemFn, Item, ItemImpl, Path, Receiver, Result, ReturnType, Type,
    Visibility,
};

use crate::attributes::MethodAttributes;
use crate::result_type::result_value;
use crate::signature::{Callable, Glue, unraw};
use crate::source::{conditions, first_paragraph, shown};

pub fn expand(item: Item) -> Result<TokenStream> {
    let Item::Impl(mut item) = item else {
        let message = "`#[rustyray::actor_methods]` goes on the `impl` of an actor";
        return Err(Error::new_spanned(item, message));
    };
    let actor = Names::new(&item)?;
    let functions = functions(&mut item, &actor)?;
    let (constructors, methods) = (Part::new(&functions, true), Part::new(&functions, false));
    let creations = constructors.each(|function| function.creation(&actor));
    let shortcuts = constructors.each(|function| function.shortcut(&actor));
    let calls = methods.each(Function::call);
    let constructors = constructors.each(|function| function.constructor(&actor));
    let methods = methods.each(|function| function.method(&actor));
    let Names { path, handle, options } = &actor;
    Ok(quote! {
        #item

        #[allow(dead_code, clippy::too_many_arguments)]
        impl #path {
            #(#shortcuts)*
        }

        #[allow(dead_code, clippy::too_many_arguments)]
        impl #options {
            #(#creations)*
        }

        #[allow(dead_code, clippy::too_many_arguments)]
        impl #handle {
            #(#calls)*
        }

        #[allow(deprecated)]
        const _: () = {
            impl ::rustyray::__private::ActorMethods for #path {}

            ::rustyray::__private::inventory::submit! {
                ::rustyray::__private::ActorType {
                    name: <#path as ::rustyray::Actor>::TYPE_NAME,
                    constructors: &[#(#constructors),*],
                    methods: &[#(#methods),*],
                    defaults: <#path as ::rustyray::Actor>::DEFAULTS,
                    docs: <#path as ::rustyray::Actor>::DOCS,
                    checkpoints: <#path as ::rustyray::Actor>::CHECKPOINTS,
                }
            }
        };
    })
}

/// The actor's type, and what `#[actor]` made beside it.
struct Names {
    path: Path,
    handle: Path,
    options: Path,
}

impl Names {
    fn new(item: &ItemImpl) -> Result<Self> {
        if let Some((_, of, _)) = &item.trait_ {
            let message =
                "a trait's methods cannot be called from elsewhere: write them in an `impl` of the actor itself";
            return Err(Error::new_spanned(of, message));
        }
        if !item.generics.params.is_empty() || item.generics.where_clause.is_some() {
            let message = "an actor cannot be generic: the module holds one type for each name";
            return Err(Error::new_spanned(&item.generics, message));
        }
        let path = match &*item.self_ty {
            Type::Path(ty) if ty.qself.is_none() => ty.path.clone(),
            other => {
                return Err(Error::new_spanned(other, "an actor is a struct or an enum, by its name"));
            }
        };
        let last =
            path.segments.last().map_or_else(|| Ident::new("Self", Span::call_site()), |last| last.ident.clone());
        let beside = |suffix: &str| {
            let mut beside = path.clone();
            if let Some(last_segment) = beside.segments.last_mut() {
                last_segment.ident = format_ident!("{}{suffix}", unraw(&last), span = last.span());
            }
            beside
        };
        Ok(Self { handle: beside("Handle"), options: beside("Options"), path })
    }
}

/// The functions that can be called from elsewhere. `#[local]` is taken off those that cannot, `#[method]` off the others.
fn functions(item: &mut ItemImpl, actor: &Names) -> Result<Vec<Function>> {
    let mut functions = Vec::new();
    for member in &mut item.items {
        let ImplItem::Fn(function) = member else { continue };
        if !take(&mut function.attrs, "local").is_empty() {
            continue;
        }
        let options = take(&mut function.attrs, "method");
        functions.push(Function::new(function, actor, MethodAttributes::of(&options)?)?);
    }
    Ok(functions)
}

/// Takes the attributes of this name away.
fn take(attributes: &mut Vec<Attribute>, name: &str) -> Vec<Attribute> {
    let is_it = |attribute: &mut Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == name);
    attributes.extract_if(.., is_it).collect()
}

/// The constructors or the methods.
struct Part<'a>(Vec<&'a Function>);

impl<'a> Part<'a> {
    fn new(functions: &'a [Function], constructors: bool) -> Self {
        Self(functions.iter().filter(|function| function.constructs == constructors).collect())
    }

    fn each(&self, write: impl Fn(&Function) -> TokenStream) -> Vec<TokenStream> {
        self.0.iter().map(|function| write(function)).collect()
    }
}

/// A constructor or a method.
struct Function {
    attributes: Vec<Attribute>,
    vis: Visibility,
    name: Ident,
    callable: Callable,
    constructs: bool,
    /// Does it take `&mut self`?
    mutates: bool,
    /// The concurrency group that its calls count in.
    group: Option<String>,
}

impl Function {
    fn new(function: &ImplItemFn, actor: &Names, options: MethodAttributes) -> Result<Self> {
        let mut signature = function.sig.clone();
        // `Self` is the handle where the types are repeated.
        NameSelf(&actor.path).visit_signature_mut(&mut signature);
        let constructs = match signature.inputs.first() {
            Some(FnArg::Receiver(receiver)) => check_receiver(receiver).map(|()| false)?,
            _ => check_constructor(&signature, actor).map(|()| true)?,
        };
        if let (true, Some(at)) = (constructs, options.at) {
            return Err(Error::new(at, "`#[rustyray::method]` goes on a method: a constructor runs before any call"));
        }
        let mutates = signature.receiver().is_some_and(|receiver| receiver.mutability.is_some());
        let what = if constructs { "an actor's constructor" } else { "an actor's method" };
        let callable = Callable::new(&signature, what)?;
        let (attributes, vis, name) = (function.attrs.clone(), function.vis.clone(), signature.ident);
        Ok(Self { attributes, vis, name, callable, constructs, mutates, group: options.group })
    }

    /// `remote` for `new`, `remote_starting_at` for `starting_at`.
    fn remote_name(&self) -> Ident {
        match unraw(&self.name).as_str() {
            "new" => Ident::new("remote", self.name.span()),
            other => format_ident!("remote_{other}", span = self.name.span()),
        }
    }

    /// `Counter::remote(…)`.
    fn shortcut(&self, actor: &Names) -> TokenStream {
        let (vis, remote, handle) = (&self.vis, self.remote_name(), &actor.handle);
        let (arguments, names, outside) = (self.callable.arguments(), self.callable.names(), self.outside());
        quote! {
            #outside
            #vis fn #remote(#arguments) -> #handle {
                Self::options().#remote(#(#names),*)
            }
        }
    }

    /// `Counter::options().remote(…)`.
    fn creation(&self, actor: &Names) -> TokenStream {
        let Names { path, handle, .. } = actor;
        let (vis, remote, name) = (&self.vis, self.remote_name(), unraw(&self.name));
        let (arguments, outgoing, outside) = (self.callable.arguments(), self.callable.outgoing(), self.outside());
        quote! {
            #outside
            #vis fn #remote(self, #arguments) -> #handle {
                let __rr_created = ::rustyray::__private::create_actor::<#path>(#name, self.__options(), #outgoing);
                <#handle as ::rustyray::Handle>::from_raw(__rr_created)
            }
        }
    }

    /// `counter.increment()`.
    fn call(&self) -> TokenStream {
        let (vis, name, returned) = (&self.vis, &self.name, self.callable.returned());
        let (arguments, outgoing, outside) = (self.callable.arguments(), self.callable.outgoing(), self.outside());
        let method = unraw(name);
        quote! {
            #outside
            #vis fn #name(&self, #arguments) -> #returned {
                ::rustyray::Handle::raw(self).call(#method, #outgoing)
            }
        }
    }

    fn outside(&self) -> TokenStream {
        let (conditions, shown) = (conditions(&self.attributes), shown(&self.attributes));
        quote!(#(#conditions)* #(#shown)*)
    }

    fn constructor(&self, actor: &Names) -> TokenStream {
        let (read, places) = self.callable.read();
        let (path, name, mutability) = (&actor.path, &self.name, self.callable.mutability());
        let made = self.callable.finished(&quote!(<#path>::#name(#(#places),*)), Glue::Blocking);
        let constructed = if self.callable.value.fallible { "constructed_result" } else { "constructed" };
        let constructed = Ident::new(constructed, Span::call_site());
        let (conditions, signature, name) = (conditions(&self.attributes), self.declaration(), unraw(name));
        quote! {
            #(#conditions)*
            ::rustyray::__private::Constructor {
                name: #name,
                signature: #signature,
                run: |#mutability __rr_arguments| {
                    #read
                    ::rustyray::__private::#constructed(#made)
                },
            }
        }
    }

    fn method(&self, actor: &Names) -> TokenStream {
        let (read, places) = self.callable.read();
        let (path, name, mutability) = (&actor.path, &self.name, self.callable.mutability());
        let alone = self.callable.reply(&quote!(<#path>::#name(__rr_actor, #(#places),*)), Glue::Blocking);
        let (exclusive, taken, borrowed) = match self.mutates {
            true => (true, quote!(let mut __rr_actor = __rr_state.exclusive::<#path>();), quote!(&mut *__rr_actor)),
            false => (false, quote!(let __rr_actor = __rr_state.shared::<#path>();), quote!(&*__rr_actor)),
        };
        let beside = self.callable.reply(&quote!(<#path>::#name(#borrowed, #(#places),*)), Glue::Async);
        let group = self.group.iter();
        let group = quote!(#(::rustyray::__private::group(&<#path as ::rustyray::Actor>::DEFAULTS, #group))*);
        let group = if self.group.is_some() { group } else { quote!(::core::option::Option::None) };
        let (conditions, signature, name) = (conditions(&self.attributes), self.declaration(), unraw(name));
        quote! {
            #(#conditions)*
            ::rustyray::__private::Method {
                name: #name,
                signature: #signature,
                group: #group,
                // Of the two only the one that is named here becomes code.
                run: if <#path as ::rustyray::Actor>::DEFAULTS.serves_concurrently() {
                    ::rustyray::__private::Run::Beside {
                        exclusive: #exclusive,
                        start: |__rr_state, #mutability __rr_arguments, __rr_reply| {
                            ::rustyray::__private::served(async move {
                                #taken
                                #read
                                #beside
                            })
                        },
                    }
                } else {
                    ::rustyray::__private::Run::Alone(|__rr_actor, #mutability __rr_arguments, __rr_reply| {
                        let __rr_actor: &mut #path = ::rustyray::__private::actor_state(__rr_actor);
                        #read
                        #alone
                    })
                },
            }
        }
    }

    fn declaration(&self) -> TokenStream {
        let defaults = quote!(::rustyray::__private::TaskDefaults::NONE);
        self.callable.declaration(&defaults, &first_paragraph(&self.attributes))
    }
}

fn check_receiver(receiver: &Receiver) -> Result<()> {
    if receiver.reference.is_some() && receiver.colon_token.is_none() {
        return Ok(());
    }
    Err(Error::new_spanned(receiver, "an actor outlives its calls: take `&self` or `&mut self`"))
}

fn check_constructor(signature: &syn::Signature, actor: &Names) -> Result<()> {
    let made = match &signature.output {
        ReturnType::Type(_, ty) => result_value(ty).unwrap_or(ty),
        ReturnType::Default => return Err(without_self(&signature.ident)),
    };
    match made {
        Type::Path(ty) if last_ident(&ty.path) == last_ident(&actor.path) => Ok(()),
        _ => Err(without_self(&signature.ident)),
    }
}

fn last_ident(path: &Path) -> Option<&Ident> {
    path.segments.last().map(|segment| &segment.ident)
}

fn without_self(name: &Ident) -> Error {
    let message = "a method without `self`: take `&self` or `&mut self`, return `Self` to be a constructor, \
                   or mark it `#[rustyray::local]`";
    Error::new(name.span(), message)
}

/// Writes the actor's name where `Self` stands.
struct NameSelf<'a>(&'a Path);

impl VisitMut for NameSelf<'_> {
    fn visit_receiver_mut(&mut self, _: &mut Receiver) {}

    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Path(path) if path.path.is_ident("Self") => {
                let span = path.span();
                path.path = self.0.clone();
                for segment in &mut path.path.segments {
                    segment.ident.set_span(span);
                }
            }
            other => visit_mut::visit_type_mut(self, other),
        }
    }
}
